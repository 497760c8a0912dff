//! Search engines: which host stands in for which, and which engines cannot be made safe.

mod form;

use std::{ops::Range, sync::Arc};

use ahash::HashSet;
use filter_core::DomainName;
use jiff::civil::Date;
use lists::diagnostic::TextFile;
use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

pub use self::form::{FormError, SearchForm};
use super::{
    names::{NameMap, Reach},
    table::{self, Table, TableError},
};

const SHIPPED: &str = include_str!("../../data/search-engines.toml");

/// A table of search engines, and of the hosts of YouTube.
#[derive(Clone, Debug)]
pub struct SearchTable {
    /// The day that the table is of.
    pub dated: Date,
    engines: Vec<Engine>,
    youtube: YouTubeTargets,
    names: NameMap<Entry>,
    /// Every target, in wire form.
    target_names: HashSet<Box<[u8]>>,
}

/// A search engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// As a configuration names it: `qwant-junior`.
    pub id: String,
    /// For people.
    pub label: String,
    /// What DNS can do about it.
    pub method: Method,
    /// Hosts that always filter, the preferred one first: the first that exists stands in. None but
    /// for [`Method::Rewrite`].
    pub targets: Vec<DomainName>,
    /// Hosts of others without which it shows nothing.
    pub needs: Vec<DomainName>,
    /// Where it takes what is searched for, as far as that is known.
    pub form: Option<SearchForm>,
    /// Where the row is from.
    pub source: String,
}

/// What DNS can do about a search engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A host of the vendor's that always filters stands in.
    Rewrite,
    /// Nothing but refusing it.
    Block,
    /// Nothing: it is made for children.
    ChildSafe,
}

/// What a profile makes of search engines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SearchMode {
    /// Nothing.
    #[default]
    Off,
    /// Those that can be made safe are.
    Safe,
    /// Those that can be made safe are, those made for children are open, all others refused.
    Forced,
    /// These are served, made safe where they can be; all others refused.
    Only(EngineSet),
}

/// Some engines of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineSet(Box<[bool]>);

/// What a profile makes of YouTube, whatever it makes of search engines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum YouTube {
    /// Nothing.
    #[default]
    Off,
    /// Moderate restrictions: about secondary school.
    Moderate,
    /// Strict restrictions: about primary school.
    Strict,
}

/// What becomes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment<'t> {
    /// Nothing.
    Open,
    /// The first of these hosts that exists stands in for it; where none does, there is no answer,
    /// never the name's own. They are exempt from lists.
    Rewrite(&'t [DomainName]),
    /// It belongs to an engine that is not to be had, or would get around what makes one safe.
    Refused(&'t Engine),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct YouTubeTargets {
    strict: Vec<DomainName>,
    moderate: Vec<DomainName>,
}

/// What the table says of a name.
#[derive(Clone, Debug)]
struct Entry {
    owner: Owner,
    role: Role,
    /// Engines that show nothing without it.
    needed_by: Vec<usize>,
}

/// Whose name it is; an engine by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Engine(usize),
    YouTube,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Another host stands in for it.
    Rewritten,
    /// It would get around what makes the engine safe.
    Unsafe,
    /// Nothing is to be done where the engine is to be had.
    Plain,
}

impl SearchTable {
    /// The table that ships with the program.
    pub fn shipped() -> Self {
        table::shipped("search-engines.toml", SHIPPED, |file| Self::default().with(file))
    }

    /// This table with an operator's rows before its own: a row takes the place of that of its `id`.
    ///
    /// # Errors
    /// [`TableError`], with every fault.
    pub fn with(self, own: Arc<TextFile>) -> Result<Self, TableError> {
        let (mut table, written) = Table::read::<typed::Table>(own)?;
        let dated = table.date(&written.dated);
        let mut rows = self.rows();
        rows.retain(|row| !written.engine.iter().any(|own| *own.id.get_ref() == row.engine.id));
        for engine in &written.engine {
            if let Some(other) = rows.iter().find(|row| row.engine.id == *engine.id.get_ref()) {
                let title = format!("engine `{}` stands twice", other.engine.id);
                table.fault(engine.id.span(), title, "drop one of them, or rename it");
            }
            rows.push(table.engine(engine));
        }
        let youtube = match &written.youtube {
            Some(youtube) => table.youtube(youtube),
            None => self.youtube_row(),
        };
        let made = Self::index(dated, rows, youtube, &mut table);
        table.finish(made)
    }

    /// What becomes of a name, asked exactly so. Allocates nothing, takes no lock.
    pub fn decide(
        &self,
        name: &DomainName,
        search: &SearchMode,
        youtube: YouTube,
    ) -> Treatment<'_> {
        let Some(entry) = self.names.get(name) else { return Treatment::Open };
        let index = match entry.owner {
            Owner::YouTube => {
                return match youtube {
                    YouTube::Off => Treatment::Open,
                    YouTube::Moderate => Treatment::Rewrite(&self.youtube.moderate),
                    YouTube::Strict => Treatment::Rewrite(&self.youtube.strict),
                };
            }
            Owner::Engine(index) => index,
        };
        let engine = &self.engines[index];
        let to_be_had = match search {
            SearchMode::Off => return Treatment::Open,
            SearchMode::Safe => true,
            SearchMode::Forced => engine.method != Method::Block,
            SearchMode::Only(engines) => {
                engines.holds(index) || entry.needed_by.iter().any(|&other| engines.holds(other))
            }
        };
        match entry.role {
            Role::Rewritten if to_be_had => Treatment::Rewrite(&engine.targets),
            Role::Plain if to_be_had => Treatment::Open,
            _ => Treatment::Refused(engine),
        }
    }

    /// The engines of a configuration.
    ///
    /// # Errors
    /// [`UnknownEngine`], with the first that this table does not have.
    pub fn engines<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i str>,
    ) -> Result<EngineSet, UnknownEngine> {
        let mut set = vec![false; self.engines.len()];
        for id in ids {
            let index = self.engines.iter().position(|engine| engine.id == id);
            set[index.ok_or_else(|| UnknownEngine(id.to_owned()))?] = true;
        }
        Ok(EngineSet(set.into()))
    }

    /// Whether a name is a host that stands in for others.
    pub fn is_target(&self, name: &DomainName) -> bool {
        self.target_names.contains(name.as_wire())
    }

    /// Every engine, in the order of the table.
    pub fn all(&self) -> &[Engine] {
        &self.engines
    }

    /// The engine that a configuration names so.
    pub fn engine(&self, id: &str) -> Option<&Engine> {
        self.engines.iter().find(|engine| engine.id == id)
    }

    /// Every host that stands in for others, with whose it is. YouTube's are told apart: they do not
    /// stand in for each other.
    pub fn targets(&self) -> impl Iterator<Item = (&str, &DomainName)> {
        let of_engines = self
            .engines
            .iter()
            .flat_map(|engine| engine.targets.iter().map(|target| (engine.id.as_str(), target)));
        let strict = self.youtube.strict.iter().map(|target| ("youtube-strict", target));
        let moderate = self.youtube.moderate.iter().map(|target| ("youtube-moderate", target));
        of_engines.chain(strict).chain(moderate)
    }
}

/// An empty table: nothing is a search engine.
impl Default for SearchTable {
    fn default() -> Self {
        Self {
            dated: Date::default(),
            engines: Vec::new(),
            youtube: YouTubeTargets::default(),
            names: NameMap::default(),
            target_names: HashSet::default(),
        }
    }
}

impl SearchMode {
    /// The stricter of two; of two sets of engines, what they share.
    #[must_use]
    pub fn stricter(&self, other: &Self) -> Self {
        let rank = |mode: &Self| match mode {
            Self::Off => 0,
            Self::Safe => 1,
            Self::Forced => 2,
            Self::Only(_) => 3,
        };
        match (self, other) {
            (Self::Only(one), Self::Only(other)) => Self::Only(one.shared_with(other)),
            _ if rank(self) < rank(other) => other.clone(),
            _ => self.clone(),
        }
    }
}

impl EngineSet {
    fn shared_with(&self, other: &Self) -> Self {
        Self((0..self.0.len()).map(|index| self.holds(index) && other.holds(index)).collect())
    }

    fn holds(&self, index: usize) -> bool {
        self.0.get(index).copied().unwrap_or_default()
    }
}

/// A configuration names an engine that the table does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no search engine `{0}` in the table")]
pub struct UnknownEngine(pub String);

/// An engine with its names, before they are indexed.
struct Row {
    engine: Engine,
    names: Vec<Name>,
}

struct YouTubeRow {
    targets: YouTubeTargets,
    names: Vec<Name>,
}

struct Name {
    name: DomainName,
    role: Role,
    reach: Reach,
    /// Where it is written; none in a row of the table that an operator's was added to.
    span: Option<Range<usize>>,
}

impl SearchTable {
    fn index(dated: Date, rows: Vec<Row>, youtube: YouTubeRow, table: &mut Table) -> Self {
        let mut made = Self { dated, youtube: youtube.targets, ..Self::default() };
        for name in &youtube.names {
            made.insert(Owner::YouTube, name, table);
        }
        for (index, row) in rows.iter().enumerate() {
            for name in &row.names {
                made.insert(Owner::Engine(index), name, table);
            }
        }
        made.engines = rows.into_iter().map(|row| row.engine).collect();
        made.target_names = made.targets().map(|(_, target)| target.as_wire().into()).collect();
        for (index, engine) in made.engines.iter().enumerate() {
            for name in &engine.needs {
                if let Some(entry) = made.names.get_mut(name) {
                    entry.needed_by.push(index);
                }
            }
        }
        made
    }

    fn insert(&mut self, owner: Owner, name: &Name, table: &mut Table) {
        let entry = Entry { owner, role: name.role, needed_by: Vec::new() };
        if self.names.insert(&name.name, name.reach, entry).is_some() {
            let title = format!("`{}` stands twice", name.name);
            let help =
                "a host belongs to one engine: to change that of a row, write a row of its `id`";
            table.fault(name.span.clone().unwrap_or_default(), title, help);
        }
    }

    /// The rows that this table was made of.
    fn rows(&self) -> Vec<Row> {
        let row = |(index, engine): (usize, &Engine)| Row {
            engine: engine.clone(),
            names: self.names_of(Owner::Engine(index)),
        };
        self.engines.iter().enumerate().map(row).collect()
    }

    fn youtube_row(&self) -> YouTubeRow {
        YouTubeRow { targets: self.youtube.clone(), names: self.names_of(Owner::YouTube) }
    }

    fn names_of(&self, owner: Owner) -> Vec<Name> {
        let owned = self.names.iter().filter(|(_, _, entry)| entry.owner == owner);
        owned
            .map(|(name, reach, entry)| Name { name, role: entry.role, reach, span: None })
            .collect()
    }
}

impl Table {
    fn engine(&mut self, written: &typed::Engine) -> Row {
        let method = *written.method.get_ref();
        let mut names = Vec::new();
        let written_names = [
            (&written.rewrite, Role::Rewritten, Reach::Exact),
            (&written.refuse, Role::Unsafe, Reach::Subtree),
            (&written.hosts, Role::Plain, Reach::Exact),
            (&written.domains, Role::Plain, Reach::Subtree),
        ];
        for (texts, role, reach) in written_names {
            for text in texts {
                for name in self.expanded(text, &written.suffixes) {
                    names.push(Name { name, role, reach, span: Some(text.span()) });
                }
            }
        }
        if names.is_empty() {
            let help = "write the `hosts` or `domains` that it is reached by";
            self.fault(written.id.span(), "an engine without a name", help);
        }
        let targets: Vec<_> =
            written.targets.iter().filter_map(|text| self.name(text, text.get_ref())).collect();
        if (method == Method::Rewrite) == (targets.is_empty() || written.rewrite.is_empty()) {
            let help = "method = \"rewrite\", and no other, takes `rewrite` and `targets`";
            self.fault(written.method.span(), "a method that does not fit the row", help);
        }
        // Whoever asks for a target gets the engine, if the engine is to be had.
        for (target, text) in targets.iter().zip(&written.targets) {
            let name = target.clone();
            names.push(Name {
                name,
                role: Role::Plain,
                reach: Reach::Exact,
                span: Some(text.span()),
            });
        }
        let engine = Engine {
            id: written.id.get_ref().clone(),
            label: written.label.clone(),
            method,
            targets,
            needs: written
                .needs
                .iter()
                .filter_map(|text| self.name(text, text.get_ref()))
                .collect(),
            form: written.search_url.as_ref().and_then(|text| self.form(text)),
            source: written.source.clone(),
        };
        Row { engine, names }
    }

    fn form(&mut self, written: &Spanned<String>) -> Option<SearchForm> {
        let form = SearchForm::parse(written.get_ref());
        if let Err(error) = form {
            let help = "write \"https://www.example.com/search?q={searchTerms}\"";
            self.fault(written.span(), format!("no address of searches: {error}"), help);
        }
        form.ok()
    }

    fn youtube(&mut self, written: &typed::YouTube) -> YouTubeRow {
        let mut names = Vec::new();
        for text in &written.hosts {
            let name = self.name(text, text.get_ref());
            let span = Some(text.span());
            names.extend(name.map(|name| Name {
                name,
                role: Role::Rewritten,
                reach: Reach::Exact,
                span,
            }));
        }
        let mut target = |text: &Spanned<String>| self.name(text, text.get_ref());
        let strict = target(&written.strict).into_iter().collect();
        let moderate = target(&written.moderate).into_iter().collect();
        YouTubeRow { targets: YouTubeTargets { strict, moderate }, names }
    }

    /// The name once for each suffix, if it has `{suffix}` in it.
    fn expanded(
        &mut self,
        text: &Spanned<String>,
        suffixes: &[Spanned<String>],
    ) -> Vec<DomainName> {
        const PLACEHOLDER: &str = "{suffix}";
        if !text.get_ref().contains(PLACEHOLDER) {
            return self.name(text, text.get_ref()).into_iter().collect();
        }
        if suffixes.is_empty() {
            let help = "write the row's `suffixes`, or the name without `{suffix}`";
            self.fault(text.span(), "no `suffixes`", help);
        }
        let name = |suffix: &Spanned<String>| {
            self.name(suffix, &text.get_ref().replace(PLACEHOLDER, suffix.get_ref()))
        };
        suffixes.iter().filter_map(name).collect()
    }
}

/// The table as it is written.
mod typed {
    use super::{Deserialize, Method, Spanned};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Table {
        pub(super) dated: Spanned<String>,
        pub(super) youtube: Option<YouTube>,
        #[serde(default)]
        pub(super) engine: Vec<Engine>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct YouTube {
        pub(super) hosts: Vec<Spanned<String>>,
        pub(super) strict: Spanned<String>,
        pub(super) moderate: Spanned<String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Engine {
        pub(super) id: Spanned<String>,
        pub(super) label: String,
        pub(super) method: Spanned<Method>,
        #[serde(default)]
        pub(super) targets: Vec<Spanned<String>>,
        #[serde(default)]
        pub(super) rewrite: Vec<Spanned<String>>,
        #[serde(default)]
        pub(super) refuse: Vec<Spanned<String>>,
        #[serde(default)]
        pub(super) hosts: Vec<Spanned<String>>,
        #[serde(default)]
        pub(super) domains: Vec<Spanned<String>>,
        #[serde(default)]
        pub(super) suffixes: Vec<Spanned<String>>,
        #[serde(default)]
        pub(super) needs: Vec<Spanned<String>>,
        pub(super) search_url: Option<Spanned<String>>,
        pub(super) source: String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    /// `open`, `> target`, or `- engine`.
    fn shown(table: &SearchTable, text: &str, search: &SearchMode, youtube: YouTube) -> String {
        match table.decide(&name(text), search, youtube) {
            Treatment::Open => "open".to_owned(),
            Treatment::Rewrite(targets) => format!("> {}", targets[0]),
            Treatment::Refused(engine) => format!("- {}", engine.id),
        }
    }

    #[test]
    fn the_shipped_table() {
        let table = SearchTable::shipped();
        let count = |method| table.all().iter().filter(|engine| engine.method == method).count();
        assert_eq!(count(Method::Rewrite), 8);
        assert_eq!(count(Method::ChildSafe), 15);
        assert_eq!(count(Method::Block), 101);
        let rewritten = |target: &str| {
            let names = table.names.iter().map(|(name, ..)| name);
            let decide = |name: String| shown(&table, &name, &SearchMode::Forced, YouTube::Strict);
            names.filter(|name| decide(name.to_string()) == format!("> {target}")).count()
        };
        assert_eq!(rewritten("forcesafesearch.google.com"), 194);
        assert_eq!(rewritten("familysearch.yandex.ru"), 52);
        assert_eq!(rewritten("restrict.youtube.com"), 5);
        assert_eq!(rewritten("safe.duckduckgo.com"), 4);
        assert_eq!(table.targets().count(), 12);
        for engine in table.all() {
            assert!(!engine.source.is_empty(), "{}", engine.id);
        }
    }

    #[test]
    fn every_engine_in_every_mode() {
        let table = SearchTable::shipped();
        let junior = SearchMode::Only(table.engines(["qwant-junior"]).unwrap());
        let kidrex = SearchMode::Only(table.engines(["kidrex"]).unwrap());
        let mojeek = SearchMode::Only(table.engines(["mojeek", "bing"]).unwrap());
        use SearchMode::{Forced, Safe};
        let google = "> forcesafesearch.google.com";
        #[rustfmt::skip]
        let cases: &[(&str, &str, &str, &str, &str, &str)] = &[
            // asked              safe     forced   only qwant-junior  only kidrex   only mojeek, bing
            ("www.google.fr",     google,  google,  "- google",        "- google",   "- google"),
            ("www.google.com",    google,  google,  "- google",        google,       "- google"),
            ("www.google.co.uk",  google,  google,  "- google",        "- google",   "- google"),
            ("google.fr",         "open",  "open",  "- google",        "- google",   "- google"),
            ("cse.google.com",    "open",  "open",  "- google",        "open",       "- google"),
            ("mail.google.fr",    "open",  "open",  "open",            "open",       "open"),
            ("docs.google.com",   "open",  "open",  "open",            "open",       "open"),
            ("classroom.google.com", "open", "open", "open",           "open",       "open"),
            ("a.www.google.fr",   "open",  "open",  "open",            "open",       "open"),
            ("google.evil.tld",   "open",  "open",  "open",            "open",       "open"),
            ("www.google.evil.tld", "open", "open", "open",            "open",       "open"),
            ("www.google.fr.evil.tld", "open", "open", "open",         "open",       "open"),
            ("google.zip",        "open",  "open",  "open",            "open",       "open"),
            ("forcesafesearch.google.com", "open", "open", "- google", "- google",   "- google"),
            ("www.bing.com",      "> strict.bing.com", "> strict.bing.com", "- bing", "- bing", "> strict.bing.com"),
            ("edgeservices.bing.com", "> strict.bing.com", "> strict.bing.com", "- bing", "- bing", "> strict.bing.com"),
            ("bing.com",          "open",  "open",  "- bing",          "- bing",     "open"),
            ("th.bing.com",       "open",  "open",  "open",            "open",       "open"),
            ("explicit.bing.net", "- bing", "- bing", "- bing",        "- bing",     "- bing"),
            ("tse1.explicit.bing.net", "- bing", "- bing", "- bing",   "- bing",     "- bing"),
            ("tse1.mm.bing.net",  "open",  "open",  "open",            "open",       "open"),
            ("duckduckgo.com",    "> safe.duckduckgo.com", "> safe.duckduckgo.com", "- duckduckgo", "- duckduckgo", "- duckduckgo"),
            ("duck.com",          "> safe.duckduckgo.com", "> safe.duckduckgo.com", "- duckduckgo", "- duckduckgo", "- duckduckgo"),
            ("html.duckduckgo.com", "- duckduckgo", "- duckduckgo", "- duckduckgo", "- duckduckgo", "- duckduckgo"),
            ("icons.duckduckgo.com", "open", "open", "open",           "open",       "open"),
            ("www.ecosia.org",    "> strict-safe-search.ecosia.org", "> strict-safe-search.ecosia.org", "- ecosia", "- ecosia", "- ecosia"),
            ("api.qwant.com",     "> safeapi.qwant.com", "> safeapi.qwant.com", "> safeapi.qwant.com", "- qwant", "- qwant"),
            ("www.qwant.com",     "open",  "open",  "- qwant",         "- qwant",    "- qwant"),
            ("lite.qwant.com",    "- qwant", "- qwant", "- qwant",     "- qwant",    "- qwant"),
            ("search.brave.com",  "> forcesafe.search.brave.com", "> forcesafe.search.brave.com", "- brave", "- brave", "- brave"),
            ("ya.ru",             "> familysearch.yandex.ru", "> familysearch.yandex.ru", "- yandex", "- yandex", "- yandex"),
            ("www.yandex.com.tr", "> familysearch.yandex.ru", "> familysearch.yandex.ru", "- yandex", "- yandex", "- yandex"),
            ("pixabay.com",       "> safesearch.pixabay.com", "> safesearch.pixabay.com", "- pixabay", "- pixabay", "- pixabay"),
            ("www.qwantjunior.com", "open", "open", "open",            "- qwant-junior", "- qwant-junior"),
            ("junior.qwant.com",  "open",  "open",  "open",            "- qwant-junior", "- qwant-junior"),
            ("www.kiddle.co",     "open",  "open",  "- kiddle",        "- kiddle",   "- kiddle"),
            ("kidrex.org",        "open",  "open",  "- kidrex",        "open",       "- kidrex"),
            ("www.startpage.com", "open",  "- startpage", "- startpage", "- startpage", "- startpage"),
            ("eu.startpage.com",  "open",  "- startpage", "- startpage", "- startpage", "- startpage"),
            ("fr.search.yahoo.com", "open", "- yahoo", "- yahoo",      "- yahoo",    "- yahoo"),
            ("mail.yahoo.com",    "open",  "open",  "open",            "open",       "open"),
            ("www.mojeek.com",    "open",  "- mojeek", "- mojeek",     "- mojeek",   "open"),
            ("searx.be",          "open",  "- searxng", "- searxng",   "- searxng",  "- searxng"),
            ("www.youtube.com",   "open",  "open",  "open",            "open",       "open"),
            (".",                 "open",  "open",  "open",            "open",       "open"),
            ("com",               "open",  "open",  "open",            "open",       "open"),
        ];
        for (asked, safe, forced, only_junior, only_kidrex, only_mojeek) in cases {
            let modes = [&SearchMode::Off, &Safe, &Forced, &junior, &kidrex, &mojeek];
            let got = modes.map(|mode| shown(&table, asked, mode, YouTube::Off));
            assert_eq!(
                got,
                ["open", safe, forced, only_junior, only_kidrex, only_mojeek],
                "{asked}"
            );
        }
    }

    #[test]
    fn youtube() {
        let table = SearchTable::shipped();
        #[rustfmt::skip]
        let hosts = [
            "www.youtube.com", "m.youtube.com", "youtubei.googleapis.com", "youtube.googleapis.com",
            "www.youtube-nocookie.com",
        ];
        let none = SearchMode::Only(table.engines([]).unwrap());
        for search in [SearchMode::Off, SearchMode::Safe, SearchMode::Forced, none] {
            let decide = |host, youtube| shown(&table, host, &search, youtube);
            for host in hosts {
                assert_eq!(decide(host, YouTube::Off), "open");
                assert_eq!(decide(host, YouTube::Moderate), "> restrictmoderate.youtube.com");
                assert_eq!(decide(host, YouTube::Strict), "> restrict.youtube.com");
            }
            for host in ["youtube.com", "i.ytimg.com", "www.googleapis.com", "restrict.youtube.com"]
            {
                assert_eq!(decide(host, YouTube::Strict), "open", "{host}");
            }
        }
    }

    #[test]
    fn engines_by_name() {
        let table = SearchTable::shipped();
        assert!(table.engines(["qwant-junior", "kiddle"]).is_ok());
        let unknown = UnknownEngine("altavist".into());
        assert_eq!(table.engines(["kiddle", "altavist"]), Err(unknown));
    }

    fn own(text: &str) -> Arc<TextFile> {
        Arc::new(TextFile { path: "own.toml".into(), text: text.into() })
    }

    #[test]
    fn an_operator_extends() {
        let table = SearchTable::shipped()
            .with(own("dated = \"2027-01-01\"\n\
                 [[engine]]\nid = \"school\"\nlabel = \"Ours\"\nmethod = \"child-safe\"\n\
                 domains = [\"search.school.example\"]\nneeds = [\"www.bing.com\"]\nsource = \"us\"\n\
                 [[engine]]\nid = \"startpage\"\nlabel = \"Startpage\"\nmethod = \"rewrite\"\n\
                 rewrite = [\"www.startpage.com\"]\ntargets = [\"safe.startpage.com\"]\nsource = \"us\"\n"))
            .unwrap();
        assert_eq!(table.all().len(), SearchTable::shipped().all().len() + 1);
        let school = SearchMode::Only(table.engines(["school"]).unwrap());
        let cases = [
            ("a.search.school.example", &school, "open"),
            ("www.bing.com", &school, "> strict.bing.com"),
            ("www.google.fr", &school, "- google"),
            ("www.startpage.com", &SearchMode::Forced, "> safe.startpage.com"),
            ("eu.startpage.com", &SearchMode::Forced, "open"),
            ("explicit.bing.net", &SearchMode::Forced, "- bing"),
        ];
        for (asked, mode, expected) in cases {
            assert_eq!(shown(&table, asked, mode, YouTube::Off), expected, "{asked}");
        }
        let strict = shown(&table, "m.youtube.com", &SearchMode::Off, YouTube::Strict);
        assert_eq!(strict, "> restrict.youtube.com");
    }

    #[test]
    fn faults_say_where() {
        const HEAD: &str =
            "dated = \"2027-01-01\"\n[[engine]]\nid = \"x\"\nlabel = \"x\"\nsource = \"x\"\n";
        let cases = [
            ("method = \"rewrite\"\nhosts = [\"a.example\"]\n", (6, 10), "does not fit the row"),
            (
                "method = \"block\"\nrewrite = [\"a.example\"]\ntargets = [\"b.example\"]\n",
                (6, 10),
                "does not fit",
            ),
            ("method = \"block\"\n", (3, 6), "an engine without a name"),
            ("method = \"block\"\nhosts = [\"a b\"]\n", (7, 10), "`a b` is not a host name"),
            ("method = \"block\"\nhosts = [\"a.{suffix}\"]\n", (7, 10), "no `suffixes`"),
            (
                "method = \"block\"\nhosts = [\"a.{suffix}\"]\nsuffixes = [\"fr\", \"é è\"]\n",
                (8, 19),
                "`a.é è`",
            ),
            (
                "method = \"block\"\nhosts = [\"www.google.fr\"]\n",
                (7, 10),
                "`www.google.fr` stands twice",
            ),
            (
                "method = \"block\"\nhosts = [\"m.youtube.com\"]\n",
                (7, 10),
                "`m.youtube.com` stands twice",
            ),
            ("method = \"drop\"\n", (6, 10), "unknown variant `drop`"),
            (
                "method = \"block\"\nhosts = [\"a.example\"]\n[[engine]]\nid = \"x\"\nlabel = \"x\"\n\
                 source = \"x\"\nmethod = \"block\"\nhosts = [\"b.example\"]\n",
                (9, 6),
                "engine `x` stands twice",
            ),
        ];
        for (text, location, title) in cases {
            let error = SearchTable::shipped().with(own(&format!("{HEAD}{text}"))).unwrap_err();
            assert_eq!(error.faults()[0].location(), location, "{error}");
            assert!(error.to_string().contains(title), "{title}\n{error}");
        }
    }
}
