//! `sources.toml`: which lists make a bundle, and what each of them means.

mod guard;
mod place;

use std::{
    fmt, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use filter_core::{
    Action, Categories, CategoryError, CategoryInfo, DomainName, NEVER_LIFTED, Scope, Suffixes,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use toml::Spanned;

pub use self::{
    guard::GuardSettings,
    place::{Place, Remote, Window},
};
use self::{guard::GuardTable, place::PlaceKeys};

use crate::diagnostic::{Diagnostic, TextFile};

/// Longest source name in octets: it is shown to people in refusals (RFC 8914 EXTRA-TEXT).
const MAX_NAME: usize = 64;

/// The lists that make one bundle, in the order of their file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Categories beyond the built-in ones.
    pub categories: Vec<CategoryInfo>,
    /// The lists.
    pub sources: Vec<ListSource>,
    /// What a new bundle may not do: `[guard]`.
    pub guard: GuardSettings,
    /// The table for names that no list knows: `[learned]`.
    pub learned: Option<PathBuf>,
}

/// One list: where it is, how it is written, and what its rules mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSource {
    /// What the bundle remembers of it.
    pub definition: filter_core::Source,
    /// Where it is.
    pub place: Place,
    /// The folder of an archive that holds it: `blacklists/adult`.
    pub member: Option<PathBuf>,
    /// Most octets of the list, or of the archive that holds it: as sent, and once unpacked. `None`:
    /// as many as are safe on a small machine.
    pub max_octets: Option<u64>,
    /// How it is written; `None` is found out from its first lines.
    pub format: Option<Format>,
    /// Replaces the scope that the format gives a name that does not state its own.
    pub scope: Option<Scope>,
    /// Of an e2guardian list, only what stands under these `#listcategory:` names; empty: all.
    pub listcategories: Vec<String>,
    /// Names that its rules never refuse, nor what lies below them: for what its author got wrong,
    /// above all in categories that no allow source lifts. Block sources only.
    pub except: Vec<DomainName>,
    /// Of protected sites: files of names that are known, one a line; no impostor's, however alike.
    pub known: Vec<PathBuf>,
    /// Replaces [`GuardSettings::max_loss`].
    pub max_loss: Option<u8>,
    /// Replaces [`GuardSettings::max_growth`].
    pub max_growth: Option<u32>,
}

impl ListSource {
    /// A list that is found at a path, with nothing else said.
    pub fn at(definition: filter_core::Source, path: impl Into<PathBuf>) -> Self {
        Self {
            definition,
            place: Place::Path(path.into()),
            member: None,
            max_octets: None,
            format: None,
            scope: None,
            listcategories: Vec::new(),
            except: Vec::new(),
            known: Vec::new(),
            max_loss: None,
            max_growth: None,
        }
    }

    /// The file or directory to read.
    ///
    /// # Errors
    /// [`NotFetched`], for a list that is named by its URL.
    pub fn path(&self) -> Result<&Path, NotFetched> {
        match &self.place {
            Place::Path(path) => Ok(path),
            Place::Url(remote) => Err(NotFetched {
                source_name: self.definition.name.clone(),
                url: remote.url.to_string(),
            }),
        }
    }
}

/// A list that is elsewhere is to be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("source `{source_name}` is at {url}: `list-compile update` fetches it first")]
pub struct NotFetched {
    /// The source.
    pub source_name: String,
    /// Where it is.
    pub url: String,
}

/// A list format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// One name a line, with or without `*.`: the name and everything under it.
    Domains,
    /// `*.name`: the name and everything under it; a plain name: that name only.
    Wildcard,
    /// `0.0.0.0 name [alias…]`: those names only.
    Hosts,
    /// The DNS subset of AdBlock-style rules.
    Adblock,
    /// `address=`, `local=` and `server=` lines.
    Dnsmasq,
    /// `local-zone:` and `local-data:` lines.
    Unbound,
    /// A response policy zone, as a master file.
    Rpz,
    /// The directory of one UT1 category.
    Ut1,
    /// The directory of one squidGuard destination.
    Squidguard,
    /// An e2guardian site list.
    E2guardian,
    /// An e2guardian phrase list.
    Phrases,
    /// Sites that impostors imitate.
    Protected,
}

impl Format {
    /// Every format, in the order of their documentation.
    pub const ALL: [Self; 12] = [
        Self::Domains,
        Self::Wildcard,
        Self::Hosts,
        Self::Adblock,
        Self::Dnsmasq,
        Self::Unbound,
        Self::Rpz,
        Self::Ut1,
        Self::Squidguard,
        Self::E2guardian,
        Self::Phrases,
        Self::Protected,
    ];

    /// As `sources.toml` and the command line write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Domains => "domains",
            Self::Wildcard => "wildcard",
            Self::Hosts => "hosts",
            Self::Adblock => "adblock",
            Self::Dnsmasq => "dnsmasq",
            Self::Unbound => "unbound",
            Self::Rpz => "rpz",
            Self::Ut1 => "ut1",
            Self::Squidguard => "squidguard",
            Self::E2guardian => "e2guardian",
            Self::Phrases => "phrases",
            Self::Protected => "protected",
        }
    }

    /// True for e2guardian's, whose lists state a category and include each other.
    pub(crate) fn has_listcategories(self) -> bool {
        matches!(self, Self::E2guardian | Self::Phrases)
    }

    /// True for what is a directory of files.
    pub fn is_directory(self) -> bool {
        matches!(self, Self::Ut1 | Self::Squidguard)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Sources {
    /// Reads a `sources.toml`. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`SourcesError`], with every fault of the file at once.
    pub fn load(path: &Path) -> Result<Self, SourcesError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| SourcesError::Unreadable { path: path.into(), error })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(TextFile { path: path.display().to_string(), text }, folder)
    }

    /// Reads the text of a `sources.toml` whose paths are relative to `folder`.
    ///
    /// # Errors
    /// [`SourcesError::Invalid`], with every fault of the text at once.
    pub fn parse(file: TextFile, folder: &Path) -> Result<Self, SourcesError> {
        let file = Arc::new(file);
        let tables: Tables = toml::from_str(&file.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            SourcesError::Invalid(vec![Diagnostic::new(file.clone(), span, error.message())])
        })?;
        let mut check = Check { file, table: Categories::builtin(), faults: Vec::new() };
        let sources = check.all(tables, folder);
        check.faults.sort_by_key(Diagnostic::location);
        if check.faults.is_empty() { Ok(sources) } else { Err(SourcesError::Invalid(check.faults)) }
    }
}

/// Why a `sources.toml` cannot be used. The fault is its author's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourcesError {
    /// It is missing or cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Its content is wrong, in one or several places.
    #[error("{}", Paragraphs(.0))]
    Invalid(Vec<Diagnostic>),
}

struct Paragraphs<'a>(&'a [Diagnostic]);

impl fmt::Display for Paragraphs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<_> = self.0.iter().map(Diagnostic::to_string).collect();
        f.write_str(&faults.join("\n\n"))
    }
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    source: Vec<SourceTable>,
    #[serde(default)]
    category: Vec<CategoryTable>,
    #[serde(default)]
    guard: GuardTable,
    learned: Option<LearnedTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LearnedTable {
    path: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    name: Spanned<String>,
    path: Option<Spanned<PathBuf>>,
    url: Option<Spanned<String>>,
    member: Option<Spanned<PathBuf>>,
    allow_http: Option<Spanned<bool>>,
    allow_private: Option<Spanned<bool>>,
    window: Option<Spanned<String>>,
    max_octets: Option<u64>,
    #[serde(default)]
    format: FormatKey,
    categories: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    action: Action,
    lifts: Option<Spanned<Vec<Spanned<String>>>>,
    scope: Option<Scope>,
    #[serde(default)]
    suffixes: Suffixes,
    #[serde(default)]
    legal: bool,
    licence: Option<String>,
    attribution: Option<String>,
    homepage: Option<String>,
    #[serde(default)]
    listcategories: Vec<String>,
    except: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    known: Vec<PathBuf>,
    max_loss: Option<Spanned<u8>>,
    max_growth: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryTable {
    name: Spanned<String>,
    fr: String,
    en: String,
}

/// `"auto"`, or the name of a format.
#[derive(Clone, Copy, Default)]
struct FormatKey(Option<Format>);

impl<'de> Deserialize<'de> for FormatKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "auto" {
            return Ok(Self(None));
        }
        let format = Format::ALL.into_iter().find(|format| format.name() == text);
        let unknown = || {
            let names: Vec<_> = Format::ALL.into_iter().map(Format::name).collect();
            format!("unknown format `{text}`, expected `auto`, or one of {}", names.join(", "))
        };
        format.map(|format| Self(Some(format))).ok_or_else(|| serde::de::Error::custom(unknown()))
    }
}

/// Checks that go beyond the syntax; goes on after a fault, to report all of them.
struct Check {
    file: Arc<TextFile>,
    table: Categories,
    faults: Vec<Diagnostic>,
}

impl Check {
    fn all(&mut self, tables: Tables, folder: &Path) -> Sources {
        let mut sources = Sources::default();
        for category in tables.category {
            sources.categories.extend(self.category(category));
        }
        if tables.source.is_empty() {
            let fault = self.fault(0..0, "no source");
            self.faults.push(fault.help("a source is a list:\n[[source]]\nname = \"my-list\"\npath = \"my-list.txt\"\ncategories = [\"porn\"]"));
        }
        sources.guard = self.guard(tables.guard);
        sources.learned = tables.learned.map(|learned| folder.join(learned.path));
        let mut names: Vec<Spanned<String>> = Vec::new();
        for source in tables.source {
            self.name(&source.name, &names);
            names.push(source.name.clone());
            sources.sources.extend(self.source(source, folder));
        }
        sources
    }

    fn category(&mut self, category: CategoryTable) -> Option<CategoryInfo> {
        let CategoryTable { name, fr, en } = category;
        let span = name.span();
        let info = CategoryInfo { name: name.into_inner(), fr, en };
        match self.table.declare(info.clone()) {
            Ok(_) => Some(info),
            Err(error) => {
                self.push(span, error.to_string());
                None
            }
        }
    }

    fn name(&mut self, name: &Spanned<String>, taken: &[Spanned<String>]) {
        if let Some(first) = taken.iter().find(|first| first.get_ref() == name.get_ref()) {
            let title = format!("two sources are named `{}`", name.get_ref());
            let fault = self.fault(name.span(), title).label("again here");
            self.faults.push(fault.related(first.span(), "first here"));
        }
        let text = name.get_ref();
        if text.is_empty() || text.len() > MAX_NAME || text.contains(char::is_whitespace) {
            let help = format!("1 to {MAX_NAME} octets without spaces, such as `ut1-adult`");
            let fault = self.fault(name.span(), "this cannot name a source").help(help);
            self.faults.push(fault);
        }
    }

    fn source(&mut self, source: SourceTable, folder: &Path) -> Option<ListSource> {
        let categories = self.categories(&source.categories);
        if categories.is_empty() {
            self.push(source.categories.span(), "a source has at least one category");
        }
        let lifts = source.lifts.map(|lifts| self.lifts(&lifts, source.action)).unwrap_or_default();
        let except = source.except.map(|except| self.except(except, source.action));
        let except = except.unwrap_or_default();
        let keys = PlaceKeys {
            path: source.path,
            url: source.url,
            allow_http: source.allow_http,
            allow_private: source.allow_private,
            window: source.window,
        };
        let place = self.place(&source.name, keys, folder)?;
        let member = source.member.and_then(|member| self.member(member));
        Some(ListSource {
            definition: filter_core::Source {
                name: source.name.into_inner(),
                action: source.action,
                categories,
                lifts,
                suffixes: source.suffixes,
                legal: source.legal,
                licence: source.licence,
                attribution: source.attribution,
                homepage: source.homepage,
                url: match &place {
                    Place::Path(_) => None,
                    Place::Url(remote) => Some(remote.url.to_string()),
                },
                sha256: None,
            },
            place,
            member,
            max_octets: source.max_octets,
            format: source.format.0,
            scope: source.scope,
            listcategories: source.listcategories,
            except,
            known: source.known.iter().map(|path| folder.join(path)).collect(),
            max_loss: source.max_loss.and_then(|loss| self.percent(loss)),
            max_growth: source.max_growth,
        })
    }

    fn categories(&mut self, names: &Spanned<Vec<Spanned<String>>>) -> Vec<String> {
        for name in names.get_ref() {
            if let Err(error) = self.table.set([name.get_ref()]) {
                self.unknown_category(name, &error);
            }
        }
        names.get_ref().iter().map(|name| name.get_ref().clone()).collect()
    }

    fn unknown_category(&mut self, name: &Spanned<String>, error: &CategoryError) {
        let CategoryError::Unknown { name: unknown, known } = error else {
            return self.push(name.span(), error.to_string());
        };
        let fault = self
            .fault(name.span(), format!("unknown category `{unknown}`"))
            .help(format!("known categories: {}", wrapped(known)))
            .help(format!(
                "to declare a new one:\n[[category]]\nname = \"{unknown}\"\nfr = \"…\" # French label\nen = \"…\" # English label"
            ));
        self.faults.push(fault);
    }

    fn lifts(&mut self, lifts: &Spanned<Vec<Spanned<String>>>, action: Action) -> Vec<String> {
        if action == Action::Block && !lifts.get_ref().is_empty() {
            let fault = self
                .fault(lifts.span(), "a blocking source lifts nothing")
                .help("drop `lifts`, or say `action = \"allow\"`");
            self.faults.push(fault);
        }
        for name in lifts.get_ref() {
            if NEVER_LIFTED.contains(&name.get_ref().as_str()) {
                let title = format!("no list may lift `{}`", name.get_ref());
                let help = "an operator can still allow single names, with `allow_names`";
                let fault = self.fault(name.span(), title).help(help);
                self.faults.push(fault);
            }
        }
        self.categories(lifts)
    }

    fn except(&mut self, except: Spanned<Vec<Spanned<String>>>, action: Action) -> Vec<DomainName> {
        if action == Action::Allow {
            let fault = self.fault(except.span(), "an allow source refuses nothing");
            self.faults.push(fault.help("`except` is for sources that block"));
        }
        self.names(except.into_inner())
    }

    fn push(&mut self, span: Range<usize>, title: impl Into<String>) {
        let fault = self.fault(span, title);
        self.faults.push(fault);
    }

    fn fault(&self, span: Range<usize>, title: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file.clone(), span, title)
    }
}

/// Names separated by commas, a few on each line.
fn wrapped(names: &[String]) -> String {
    let mut text = String::new();
    let mut column = 0;
    for name in names {
        if !text.is_empty() {
            text.push(',');
            if column > 64 {
                text.push('\n');
                column = 0;
            } else {
                text.push(' ');
            }
        }
        text.push_str(name);
        column += name.len() + 2;
    }
    text
}
