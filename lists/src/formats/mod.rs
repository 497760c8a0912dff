//! List formats: one reader each, streaming, in bounded memory.
//!
//! A reader never fails on a bad line and never drops one silently: each line is accepted, or
//! skipped for a [`Skip`] reason that is counted. Rules go to a [`Sink`] as they are read.

mod adblock;
mod corrections;
mod detect;
mod directory;
mod dnsmasq;
mod domains;
mod e2guardian;
mod expression;
mod host;
mod hosts;
mod includes;
mod lines;
mod phrases;
mod protected;
mod rpz;
mod skip;
mod squidguard;
mod unbound;
mod ut1;

use std::{
    collections::BTreeMap,
    io::{self, BufRead},
    path::Path,
};

use filter_core::{DomainName, Network, Options, Phrase, RuleError, Scope, UrlPrefix};
use serde::Serialize;
use thiserror::Error;

pub(crate) use adblock::taken_back;
pub use corrections::Corrections;
pub use detect::{DetectError, detect};
pub use directory::Members;
pub(crate) use directory::{Directory, ListFile};
pub(crate) use e2guardian::Context;
pub use includes::Includes;
pub(crate) use phrases::{Unweighted, phrase_lists};
pub use skip::Skip;

use lines::{Line, Lines};

use crate::{archive::ArchiveError, source::Format};

/// How many lines of each reason a report shows.
const EXAMPLES: usize = 5;
/// Characters of a line that a report shows.
const EXAMPLE_LENGTH: usize = 120;
/// Reasons kept apart in one report: beyond that, a list made to harm could fill the memory with
/// modifier names.
const MAX_REASONS: usize = 256;

/// A rule, as a reader understood it.
#[derive(Clone, Copy, Debug)]
pub enum Rule<'a> {
    /// A name, and which names around it are meant.
    Domain {
        /// The name.
        name: &'a DomainName,
        /// Itself, what is below it, or both.
        scope: Scope,
    },
    /// Part of a host name, in the notation of [`filter_core::Fragment`].
    Fragment(&'a str),
    /// A regular expression on the host name, in the syntax of `regex-automata`.
    Expression(&'a str),
    /// A network that answers must not lead to.
    Network(&'a Network),
    /// The beginning of a URL.
    Url(&'a UrlPrefix),
    /// A regular expression on the whole URL, in the same syntax.
    UrlExpression(&'a str),
    /// A weighted phrase, for pages and queries.
    Phrase(&'a Phrase),
    /// A site that impostors imitate; an exception: one that only looks like such.
    Protected(&'a DomainName),
}

/// Where rules go.
pub trait Sink {
    /// The rules that follow are those of this file.
    fn file(&mut self, path: &Path) {
        let _ = path;
    }

    /// A line (from 1) as read, before any rule of it: for whoever shows places in lists.
    fn line(&mut self, number: u64, text: &str) {
        let _ = (number, text);
    }

    /// A line, or a further name of an accepted hosts line, gives no rule.
    fn skipped(&mut self, number: u64, reason: &Skip, text: &str) {
        let _ = (number, reason, text);
    }

    /// True when it wants no more: reading may stop, as if the list ended here.
    fn is_done(&self) -> bool {
        false
    }

    /// Takes the rule of a line (from 1).
    ///
    /// # Errors
    /// [`RuleError`], when the rule can never be one; the reader counts it and goes on.
    fn rule(&mut self, line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError>;
}

/// What a reader must know beside the bytes.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Replaces the format's scope of a name that does not state its own.
    pub scope: Option<Scope>,
    /// What this list takes back of its own lines.
    pub corrections: Corrections,
    /// e2guardian only: the list categories that are wanted; empty: all.
    pub listcategories: Vec<String>,
    /// e2guardian only: the files that this list includes.
    pub includes: Includes,
}

/// Part of a list: which reader its lines need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Domains,
    Wildcard,
    Hosts,
    Adblock,
    Dnsmasq,
    Unbound,
    Rpz,
    Urls,
    Expressions,
    Domainlist,
    DomainlistChanges,
    Urllist,
    UrllistChanges,
    Sites,
    UrlExpressions,
    Phrases(Unweighted),
    Protected,
}

impl Part {
    /// How a list that is one file is read.
    pub(crate) fn of(format: Format, path: &Path) -> Result<Self, ReadError> {
        Ok(match format {
            Format::Domains => Self::Domains,
            Format::Wildcard => Self::Wildcard,
            Format::Hosts => Self::Hosts,
            Format::Adblock => Self::Adblock,
            Format::Dnsmasq => Self::Dnsmasq,
            Format::Unbound => Self::Unbound,
            Format::Rpz => Self::Rpz,
            Format::Ut1 | Format::Squidguard => {
                return Err(ReadError::Kind { format, expected: "a directory", found: "a file" });
            }
            Format::E2guardian if e2guardian::is_of_url_expressions(path) => Self::UrlExpressions,
            Format::E2guardian => Self::Sites,
            Format::Phrases => Self::Phrases(Unweighted::of(path)),
            Format::Protected => Self::Protected,
        })
    }

    /// How a file is read that a file of this kind includes.
    pub(crate) fn of_included(self, path: &Path) -> Self {
        match self {
            // What a list of exceptions includes is exceptions too.
            Self::Phrases(Unweighted::Banned) => Self::Phrases(Unweighted::of(path)),
            other => other,
        }
    }
}

/// What became of the lines of one file: `lines = accepted + skipped`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Lines read.
    pub lines: u64,
    /// Lines that gave at least one rule, by kind.
    pub accepted: Accepted,
    /// Rules given to the sink; a hosts line may give several.
    pub rules: u64,
    /// Lines that gave none, by reason.
    pub skipped: BTreeMap<Skip, Skipped>,
    /// Further names of accepted hosts lines that were refused, by reason.
    pub refused_names: BTreeMap<Skip, Skipped>,
}

/// Accepted lines, by kind of rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// Names.
    pub names: u64,
    /// Host-name fragments.
    pub fragments: u64,
    /// Regular expressions.
    pub expressions: u64,
    /// Networks.
    pub networks: u64,
    /// Beginnings of URLs, and expressions on URLs.
    pub urls: u64,
    /// Phrases.
    pub phrases: u64,
    /// Sites that impostors imitate.
    pub protected: u64,
}

impl Accepted {
    /// Lines of any kind.
    pub fn total(self) -> u64 {
        let Self { names, fragments, expressions, networks, urls, phrases, protected } = self;
        names + fragments + expressions + networks + urls + phrases + protected
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: Self) {
        self.names += other.names;
        self.fragments += other.fragments;
        self.expressions += other.expressions;
        self.urls += other.urls;
        self.networks += other.networks;
        self.phrases += other.phrases;
        self.protected += other.protected;
    }
}

/// Lines skipped for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// How many.
    pub lines: u64,
    /// The first few, of reasons that are problems.
    pub first: Vec<Example>,
}

/// One line, to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Its number, from 1.
    pub line: u64,
    /// Its text, cut where it is long, unusual characters escaped.
    pub text: String,
}

impl FileReport {
    /// Lines that gave no rule.
    pub fn skipped_lines(&self) -> u64 {
        self.skipped.values().map(|skipped| skipped.lines).sum()
    }

    fn accept(&mut self, kind: Kind) {
        let accepted = &mut self.accepted;
        *match kind {
            Kind::Name => &mut accepted.names,
            Kind::Fragment => &mut accepted.fragments,
            Kind::Expression => &mut accepted.expressions,
            Kind::Url => &mut accepted.urls,
            Kind::Network => &mut accepted.networks,
            Kind::Phrase => &mut accepted.phrases,
            Kind::Protected => &mut accepted.protected,
        } += 1;
    }
}

/// Counts one more line under a reason, and keeps its text if it is among the first.
fn count(reasons: &mut BTreeMap<Skip, Skipped>, reason: Skip, line: u64, text: &str) {
    let reason = match reason {
        Skip::Modifier(_) if reasons.len() >= MAX_REASONS && !reasons.contains_key(&reason) => {
            Skip::Modifier("(others)".into())
        }
        reason => reason,
    };
    let is_problem = reason.is_problem();
    let skipped = reasons.entry(reason).or_default();
    skipped.lines += 1;
    if is_problem && skipped.first.len() < EXAMPLES {
        skipped.first.push(Example { line, text: excerpt(text) });
    }
}

/// The beginning of a line, safe to show.
pub(crate) fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(EXAMPLE_LENGTH).flat_map(shown_char).collect();
    if text.chars().nth(EXAMPLE_LENGTH).is_some() {
        shown.push('…');
    }
    shown
}

/// Control characters escaped, so that a list cannot drive the reader's terminal.
fn shown_char(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_default());
    let plain = escaped.is_none().then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

/// Why a list cannot be read at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// UTF-16, with or without a byte order mark.
    #[error("this is UTF-16 text: convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)")]
    Utf16,
    /// It holds NUL octets.
    #[error("this is a binary file, not a list")]
    Binary,
    /// An archive or compressed file.
    #[error("this is a {0} file: unpack it first")]
    Compressed(&'static str),
    /// `format = "auto"`, and no format fits.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// A directory given as a single-file format, or the reverse.
    #[error("this is {found}, but format = \"{format}\" reads {expected}")]
    Kind {
        /// The format of the source.
        format: Format,
        /// What the format reads.
        expected: &'static str,
        /// What the path is.
        found: &'static str,
    },
    /// A symbolic link that leads out of the list's own folder.
    #[error(
        "the link {link} leads to {target}, outside of {root}: links must stay within the list"
    )]
    LinkLeavesRoot {
        /// The link.
        link: String,
        /// Where it leads.
        target: String,
        /// The folder that it must not leave.
        root: String,
    },
    /// A directory without any file of a UT1/squidGuard category.
    #[error("{}", no_category(.0))]
    NoCategoryFiles(Members),
    /// A directory without any phrase list.
    #[error("no phrase list here: their names begin with `banned`, `weighted` or `exception`")]
    NoPhraseLists,
    /// An archive or compressed file that cannot be trusted or read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// `member`, of a single file.
    #[error("`member` names a part of an archive or directory, and this is a single file")]
    NoTree,
    /// `member`, and the tree has none of that name.
    #[error("it holds no `{member}`{}", others(.members))]
    NoMember {
        /// What the source asks for.
        member: String,
        /// What there is.
        members: Members,
    },
    /// A `.diff` beside a squidGuard list with more lines than there could be reasons for.
    #[error("more than {0} changes: apply them to the list and leave the .diff out")]
    TooManyChanges(usize),
}

fn no_category(members: &Members) -> String {
    if members.is_empty() {
        "no `domains`, `urls` or `expressions` here: give the directory of one category, \
         such as blacklists/adult"
            .into()
    } else {
        format!("this is a tree of categories, choose one with `member`: {members}")
    }
}

fn others(members: &Members) -> String {
    if members.is_empty() { String::new() } else { format!("; there are: {members}") }
}

/// Which kind of rule a line gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    Fragment,
    Expression,
    Network,
    Url,
    Phrase,
    Protected,
}

/// Reads a single-file list that is in `format`.
///
/// # Errors
/// [`ReadError`], when the input fails or is no text; never for a bad line.
pub fn read(
    format: Format,
    input: impl BufRead,
    options: &ReadOptions,
    sink: &mut impl Sink,
) -> Result<FileReport, ReadError> {
    let part = Part::of(format, Path::new(""))?;
    read_part(part, Context::default(), input, options, sink)
}

/// Reads one file of a list.
pub(crate) fn read_part(
    part: Part,
    mut context: Context,
    input: impl BufRead,
    options: &ReadOptions,
    sink: &mut impl Sink,
) -> Result<FileReport, ReadError> {
    let mut lines = Lines::new(input)?;
    let read_line: LineReader<_> = match part {
        Part::Domains => domains::line,
        Part::Wildcard => domains::wildcard_line,
        Part::Hosts => hosts::line,
        Part::Adblock => adblock::line,
        Part::Dnsmasq => dnsmasq::line,
        Part::Unbound => unbound::line,
        Part::Urls => |text, _, out| ut1::url_line(text, out),
        Part::Expressions => |text, _, out| ut1::expression_line(text, out),
        Part::Domainlist => squidguard::domain_line,
        Part::DomainlistChanges => squidguard::domain_change_line,
        Part::Urllist => squidguard::url_line,
        Part::UrllistChanges => squidguard::url_change_line,
        Part::Sites => e2guardian::site_line,
        Part::UrlExpressions => e2guardian::url_expression_line,
        Part::Phrases(Unweighted::Banned) => phrases::banned_line,
        Part::Phrases(Unweighted::Exception) => phrases::exception_line,
        Part::Protected => protected::line,
        Part::Rpz => return rpz::read(lines, options, sink),
    };
    let mut report = FileReport::default();
    while !sink.is_done() {
        // Borrowed from `lines` until the end of the turn, hence the number first.
        let number = lines.number + 1;
        let (text, outcome) = match lines.next()? {
            None => break,
            Some(Line::TooLong(start)) => (start, Err(Skip::LineTooLong)),
            Some(Line::Whole(text)) => {
                sink.line(number, &text);
                let mut out =
                    Out { line: number, sink, report: &mut report, context: &mut context };
                let outcome = read_line(&text, options, &mut out);
                (text, outcome)
            }
        };
        report.lines += 1;
        match outcome {
            Ok(kind) => report.accept(kind),
            Err(reason) => {
                sink.skipped(number, &reason, &text);
                count(&mut report.skipped, reason, number, &text);
            }
        }
    }
    Ok(report)
}

/// Reads one line of a list.
type LineReader<S> = fn(&str, &ReadOptions, &mut Out<'_, S>) -> Result<Kind, Skip>;

/// Gives the rule of each name of a line that may hold several. The line is accepted if one of them
/// is, and the others are counted apart; otherwise the first refusal stands for the line.
fn each_name<'t, S: Sink>(
    names: impl Iterator<Item = &'t str>,
    out: &mut Out<'_, S>,
    rule: impl Fn(&str, &mut Out<'_, S>) -> Result<Kind, Skip>,
) -> Result<Kind, Skip> {
    let mut accepted = None;
    let mut refused = Vec::new();
    for name in names {
        match rule(name, out) {
            Ok(kind) => accepted = accepted.or(Some(kind)),
            Err(reason) => refused.push((reason, name)),
        }
    }
    let Some(kind) = accepted else {
        return Err(refused.into_iter().next().map_or(Skip::NoName, |(reason, _)| reason));
    };
    for (reason, name) in refused {
        out.sink.skipped(out.line, &reason, name);
        count(&mut out.report.refused_names, reason, out.line, name);
    }
    Ok(kind)
}

/// Where a line's rules go.
struct Out<'a, S> {
    line: u64,
    sink: &'a mut S,
    report: &'a mut FileReport,
    /// What the lines before it say of this one.
    context: &'a mut Context,
}

impl<S: Sink> Out<'_, S> {
    fn rule(&mut self, rule: Rule<'_>, options: Options) -> Result<Kind, Skip> {
        self.sink.rule(self.line, rule, options)?;
        self.report.rules += 1;
        Ok(match rule {
            Rule::Domain { .. } => Kind::Name,
            Rule::Fragment(_) => Kind::Fragment,
            Rule::Expression(_) => Kind::Expression,
            Rule::Url(_) | Rule::UrlExpression(_) => Kind::Url,
            Rule::Network(_) => Kind::Network,
            Rule::Phrase(_) => Kind::Phrase,
            Rule::Protected(_) => Kind::Protected,
        })
    }

    fn plain(&mut self, rule: Rule<'_>) -> Result<Kind, Skip> {
        self.rule(rule, Options::default())
    }

    /// `[scheme://]host[:port]/path`
    fn url(&mut self, text: &str) -> Result<Kind, Skip> {
        self.plain(Rule::Url(&host::url(text)?))
    }
}
