//! A bundle under one profile, in the formats of other filters: for schools that keep BIND, Unbound,
//! PowerDNS, dnsmasq, AdGuard Home, squidGuard or e2guardian.
//!
//! A file says what Préau would refuse, as far as its format can: the *effective* decision of list
//! rules, after exceptions, allow lists and important rules. It is written as the name tree is
//! walked, in memory that does not grow with the bundle, and the same bundle gives the same octets.
//!
//! # What each format can say
//!
//! | format | name alone | name and below | only below | passes inside | patterns |
//! |---|---|---|---|---|---|
//! | `domains` | + below | yes | + name | – | – |
//! | `wildcard` | yes | yes | + name | – | – |
//! | `hosts` | yes | name only | – | yes | – |
//! | `adblock` | yes | yes | yes | yes, to level 4 | fragments, expressions |
//! | `dnsmasq` | yes | yes | yes | yes | – |
//! | `unbound` | yes | yes | + name | of whole trees | – |
//! | `rpz` | yes | yes | yes | yes | networks |
//! | `ut1`, `squidguard` | + below | yes | + name | of whole trees, to level 3 | URLs, fragments |
//! | `e2guardian` | + below | yes | + name | – | – |
//! | `phrases` | | | | | weighted phrases |
//!
//! A *level* is one change inside of another: refused, in it passed, in that refused again. What a
//! format cannot say exactly, it says so that **nothing that Préau refuses is let through**: a name
//! alone becomes the name and all below it, a pass is left out. The exceptions: hosts files know no
//! subtree, and levels, patterns and overlong names that a format cannot hold are left out. In
//! AdBlock syntax a pass also spares from expressions; a name that lists spare from them is no pass
//! where nothing is refused by name around it. An address in place of a name is written only where a
//! proxy may read it. All of this is counted, by [`Limit`].

mod adblock;
mod category;
mod dnsmasq;
mod expression;
mod networks;
mod phrases;
mod plain;
mod provenance;
mod rpz;
mod tree;
mod unbound;

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
};

use filter_core::{
    BindError, BoundFilter, DomainName, Filter, ListedPattern, Mode, NameRule, PatternKind,
    Profile, Scope,
};
use serde::Serialize;
use thiserror::Error;

use crate::{report::grouped, source::Format};

use self::{
    adblock::Adblock,
    category::{Categories, Reader},
    dnsmasq::Dnsmasq,
    networks::Networks,
    plain::{Domains, Hosts, Wildcard},
    rpz::Rpz,
    tree::{Statement, Writer},
    unbound::Unbound,
};

/// Where the files of a folder go.
pub trait Folder {
    /// A file being written.
    type File: Write;

    /// Begins a file; `path` is relative, with `/`.
    ///
    /// # Errors
    /// The system's.
    fn create(&mut self, path: &str) -> io::Result<Self::File>;

    /// Takes a file that is complete.
    ///
    /// # Errors
    /// The system's.
    fn keep(&mut self, file: Self::File) -> io::Result<()>;
}

/// What was written, and what the format could not say. `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The format.
    pub format: Format,
    /// The profile's name.
    pub profile: String,
    /// Statements that refuse a name, or names below one.
    pub refusals: u64,
    /// Statements that pass some inside of what is refused.
    pub passes: u64,
    /// Fragments, expressions, networks, URLs and phrases.
    pub patterns: u64,
    /// What the format could not say, or not exactly.
    pub limits: BTreeMap<Limit, u64>,
}

/// Something that a format cannot say exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Limit {
    /// A refusal of a name alone, written as that name and all below it: refuses more.
    BelowToo,
    /// A refusal of what is below a name, written with the name itself: refuses more.
    NameToo,
    /// A pass inside of what is refused, left out: refuses more.
    Pass,
    /// A refusal of a name and all below it, written as that name alone: refuses less.
    NameOnly,
    /// A refusal left out: refuses less.
    Refusal,
    /// A name left out that the format cannot hold: too long for the zone, or of another meaning.
    Name,
    /// An address in place of a name, left out.
    Address,
    /// A name that lists spare from fragments and expressions, which does not stand in the file as a
    /// pass, since nothing is refused by name around it: may refuse more.
    Spared,
    /// A host-name fragment, left out.
    Fragment,
    /// An expression on host names, left out.
    Expression,
    /// A network in answers, left out.
    Network,
    /// The beginning of a URL or an expression on URLs, left out.
    Url,
    /// A phrase, left out.
    Phrase,
    /// A site whose homographs are refused, left out.
    Protected,
}

impl Limit {
    /// In words, after a number.
    pub fn label(self) -> &'static str {
        match self {
            Self::BelowToo => "names refused with all below them, meant alone",
            Self::NameToo => "names refused, meant was only what is below them",
            Self::Pass => "names refused, meant to pass inside of what is refused",
            Self::NameOnly => "names refused alone, meant with all below them",
            Self::Refusal => "refused names left out",
            Self::Name => "names left out, too long for the zone or of another meaning there",
            Self::Address => "addresses in place of names left out",
            Self::Spared => "names that fragments and expressions may refuse, meant to be spared",
            Self::Fragment => "host-name fragments left out",
            Self::Expression => "expressions left out",
            Self::Network => "networks left out",
            Self::Url => "URLs left out",
            Self::Phrase => "phrases left out",
            Self::Protected => "sites left out, whose homographs are refused",
        }
    }

    fn of(kind: PatternKind) -> Self {
        match kind {
            PatternKind::Fragment => Self::Fragment,
            PatternKind::Expression => Self::Expression,
            PatternKind::Network => Self::Network,
            PatternKind::Url | PatternKind::UrlExpression => Self::Url,
            PatternKind::Phrase => Self::Phrase,
            PatternKind::Protected => Self::Protected,
        }
    }
}

/// Why there is no export.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The output fails.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The profile does not fit the bundle.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Lists name what is refused.
    #[error("profile `{0}` is closed: no list can say that everything else is refused")]
    Closed(String),
    /// The operator's names are not in the bundle.
    #[error("profile `{0}` has names of its own: only what lists say is exported")]
    OperatorNames(String),
    /// [`to_file`] was asked for a folder, or [`to_folder`] for a file.
    #[error("format `{format}` is {kind}")]
    Kind {
        /// The format.
        format: Format,
        /// What it is.
        kind: &'static str,
    },
}

/// Writes a single-file format. `zone` is the name under which a response policy zone is going to
/// be loaded: owners must fit below it.
///
/// # Errors
/// [`ExportError`]; what was written by then is no complete file.
pub fn to_file(
    filter: &Filter,
    profile: &Profile,
    format: Format,
    zone: &DomainName,
    mut out: impl Write,
) -> Result<Exported, ExportError> {
    let mut export = Export::new(filter, profile, format)?;
    let out = &mut out;
    match format {
        Format::Domains => {
            export.comment(out, "#", "Domains")?;
            export.names(&mut Domains(out))?;
            export.patterns(|_, _| Ok(false))?;
        }
        Format::Wildcard => {
            export.comment(out, "#", "Domains (wildcard)")?;
            export.names(&mut Wildcard(out))?;
            export.patterns(|_, _| Ok(false))?;
        }
        Format::Hosts => {
            export.comment(out, "#", "Hosts")?;
            export.names(&mut Hosts(out))?;
            export.patterns(|_, _| Ok(false))?;
        }
        Format::Adblock => {
            export.comment(out, "!", "Domains")?;
            let mut adblock = Adblock(out);
            export.names(&mut adblock)?;
            export.patterns(|kind, text| match kind {
                PatternKind::Fragment => adblock.fragment(text).map(|()| true),
                PatternKind::Expression => adblock.expression(text),
                _ => Ok(false),
            })?;
        }
        Format::Dnsmasq => {
            export.comment(out, "#", "Domains (dnsmasq 2.86 or later)")?;
            export.names(&mut Dnsmasq(out))?;
            export.patterns(|_, _| Ok(false))?;
        }
        Format::Unbound => {
            export.comment(out, "#", "Domains (Unbound)")?;
            export.names(&mut Unbound::new(out)?)?;
            export.patterns(|_, _| Ok(false))?;
        }
        Format::Rpz => {
            export.comment(out, ";", "Response policy zone: domains")?;
            let mut rpz = Rpz::new(out, zone, filter.manifest().stamp.serial)?;
            export.names(&mut rpz)?;
            export.patterns(|kind, text| match (kind, text.parse()) {
                (PatternKind::Network, Ok(network)) => rpz.network(&network, true).map(|()| true),
                _ => Ok(false),
            })?;
            for network in export.networks.passed() {
                rpz.network(network, false)?;
                export.exported.passes += 1;
            }
        }
        Format::E2guardian => {
            export.comment(out, "#", "Sites")?;
            writeln!(out, "#listcategory: \"Préau {}\"", profile.name)?;
            export.names(&mut Domains(out))?;
            export.patterns(|_, _| Ok(false))?;
        }
        Format::Phrases => {
            export.comment(out, "#", "Weighted phrases")?;
            writeln!(out, "#listcategory: \"Préau {}\"", profile.name)?;
            export.patterns(|kind, text| match kind {
                PatternKind::Phrase => phrases::write(out, text),
                _ => Ok(false),
            })?;
        }
        Format::Protected => {
            export.comment(out, "#", "Protected sites")?;
            export.patterns(|kind, text| match kind {
                PatternKind::Protected => writeln!(out, "{text}").map(|()| true),
                _ => Ok(false),
            })?;
        }
        Format::Ut1 | Format::Squidguard => {
            return Err(ExportError::Kind { format, kind: "a folder" });
        }
    }
    Ok(export.exported)
}

/// Writes `ut1` or `squidguard`.
///
/// # Errors
/// [`ExportError`].
pub fn to_folder<F: Folder>(
    filter: &Filter,
    profile: &Profile,
    format: Format,
    folder: &mut F,
) -> Result<Exported, ExportError> {
    let reader = match format {
        Format::Ut1 => Reader::Ut1,
        Format::Squidguard => Reader::Squidguard,
        _ => return Err(ExportError::Kind { format, kind: "a file" }),
    };
    let mut export = Export::new(filter, profile, format)?;
    let comment = provenance::lines(filter, profile, "Domains");
    let mut categories = Categories::create(folder, reader, &comment)?;
    export.names(&mut categories)?;
    export.patterns(|kind, text| match kind {
        PatternKind::Url => categories.url(text).map(|()| true),
        PatternKind::Fragment => categories.fragment(text).map(|()| true),
        _ => Ok(false),
    })?;
    categories.keep(folder)?;
    Ok(export.exported)
}

/// One export under way.
struct Export<'a> {
    filter: &'a Filter,
    profile: &'a Profile,
    bound: BoundFilter,
    networks: Networks,
    exported: Exported,
}

impl<'a> Export<'a> {
    fn new(filter: &'a Filter, profile: &'a Profile, format: Format) -> Result<Self, ExportError> {
        if profile.mode == Mode::Closed {
            return Err(ExportError::Closed(profile.name.clone()));
        }
        if !profile.block_names.is_empty() || !profile.allow_names.is_empty() {
            return Err(ExportError::OperatorNames(profile.name.clone()));
        }
        let exported = Exported {
            format,
            profile: profile.name.clone(),
            refusals: 0,
            passes: 0,
            patterns: 0,
            limits: BTreeMap::new(),
        };
        let networks = Networks::of(filter, profile);
        Ok(Self { filter, profile, bound: filter.bind(profile)?, networks, exported })
    }

    fn comment(&self, out: &mut impl Write, mark: &str, what: &str) -> io::Result<()> {
        let lines = provenance::lines(self.filter, self.profile, what);
        lines.iter().try_for_each(|line| writeln!(out, "{mark} {line}"))
    }

    fn names(&mut self, writer: &mut impl Writer) -> io::Result<()> {
        tree::write(self.filter, &self.bound, writer, &mut self.exported)
    }

    /// Calls `write` with each pattern that refuses under the profile; it returns whether the format
    /// can say it.
    fn patterns(
        &mut self,
        mut write: impl FnMut(PatternKind, &str) -> io::Result<bool>,
    ) -> io::Result<()> {
        let mut on_names = false;
        for kind in PatternKind::ALL {
            for pattern in self.filter.patterns(kind) {
                if !self.refuses(kind, &pattern) {
                    continue;
                }
                match write(kind, pattern.text)? {
                    true => {
                        self.exported.patterns += 1;
                        on_names |= matches!(kind, PatternKind::Fragment | PatternKind::Expression);
                    }
                    false => self.exported.limit(Limit::of(kind)),
                }
            }
        }
        if on_names {
            self.count_spared();
        }
        Ok(())
    }

    /// Counts the names that lists spare from patterns, but those inside of what is refused by name:
    /// these stand in the file as passes.
    fn count_spared(&mut self) {
        let sources = &self.filter.manifest().sources;
        let spares = |rule: NameRule| {
            let source = &sources[rule.source].source;
            rule.options.exception && provenance::blocks(source, self.profile)
                || provenance::lifts(source, self.profile)
        };
        let is_around = |name: &DomainName| {
            let above = name.label_count().checked_sub(1).map(|labels| name.suffix(labels));
            above.is_some_and(|above| self.bound.verdict(&above).is_blocked())
        };
        let spared = self.filter.names().filter(|listed| {
            listed.rules().any(spares)
                && !self.bound.verdict(&listed.name).is_blocked()
                && !is_around(&listed.name)
        });
        for _ in 0..spared.count() {
            self.exported.limit(Limit::Spared);
        }
    }

    fn refuses(&self, kind: PatternKind, pattern: &ListedPattern<'_>) -> bool {
        if kind == PatternKind::Network {
            return self.networks.refuses(pattern.text);
        }
        let sources = &self.filter.manifest().sources;
        pattern.rules().any(|rule| {
            let source = &sources[rule.source].source;
            !rule.options.exception && provenance::blocks(source, self.profile)
        })
    }
}

impl Exported {
    /// Counts a statement that stands in the file, of this scope.
    fn count(&mut self, statement: &Statement<'_>, written: Scope) {
        *if statement.refuses { &mut self.refusals } else { &mut self.passes } += 1;
        match (statement.scope, written) {
            (Scope::Exact, Scope::Subtree) => self.limit(Limit::BelowToo),
            (Scope::SubdomainsOnly, Scope::Subtree) => self.limit(Limit::NameToo),
            (Scope::Subtree, Scope::Exact) => self.limit(Limit::NameOnly),
            _ => {}
        }
    }

    fn limit(&mut self, limit: Limit) {
        *self.limits.entry(limit).or_default() += 1;
    }
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, profile, refusals, passes, patterns, limits } = self;
        let (refusals, passes, patterns) =
            (grouped(*refusals), grouped(*passes), grouped(*patterns));
        writeln!(
            f,
            "{format}, profile `{profile}`: {refusals} refusals, {passes} passes, {patterns} patterns"
        )?;
        for (limit, count) in limits {
            writeln!(f, "{:>12}  {}", grouped(*count), limit.label())?;
        }
        Ok(())
    }
}
