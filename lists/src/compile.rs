//! Sources to bundle: every list is read once, in parallel, straight into the builder's batches.

mod archives;
mod plan;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use filter_core::{
    Batch, BindError, CategoryError, CategoryInfo, DomainName, Filter, FilterBuilder, Fragment,
    Learned, LearnedError, OpenError, Options, RuleError, Scope, SourceError, Stamp,
};
use rayon::prelude::*;
use thiserror::Error;

#[cfg(feature = "cli")]
pub(crate) use self::archives::in_tree;
use self::{
    archives::Archives,
    plan::{Plan, plan},
};
use crate::{
    formats::{self, ReadError, Rule, Sink},
    guard::overblocked,
    report::{BuildReport, BundleReport, SourceReport},
    shared_cdn::SharedCdn,
    source::{ListSource, NotFetched, Sources},
    trusted::trusted,
};

/// A bundle and how it came about.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The file.
    pub bytes: Vec<u8>,
    /// What became of every line.
    pub report: BuildReport,
}

/// Told how far a build is; from several threads at once.
pub trait Progress: Sync {
    /// Reading begins; so many octets are to be read.
    fn begin(&self, octets: u64) {
        let _ = octets;
    }

    /// So many more octets have been read.
    fn read(&self, octets: u64) {
        let _ = octets;
    }

    /// Everything is read, the bundle is being built.
    fn building(&self) {}
}

/// Nobody is watching.
impl Progress for () {}

/// Why there is no bundle.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A category that cannot be declared; `sources.toml` is checked for this as it is read.
    #[error(transparent)]
    Category(#[from] CategoryError),
    /// A source that contradicts itself; `sources.toml` is checked for this as it is read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The bundle would not open: a fault of the compiler.
    #[error("the bundle that was made is no good: {0}")]
    Bundle(#[from] OpenError),
    /// The expressions of all lists together take too much memory: leave some lists out.
    #[error("no server could use this bundle: {0}")]
    Patterns(#[from] BindError),
    /// The table of `[learned]` cannot be read.
    #[error("{}: {error}", path.display())]
    LearnedUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The table of `[learned]` makes no sense: `list-compile learn` writes one that does.
    #[error("{}:{}: {}", path.display(), error.line, error.fault)]
    Learned {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        error: LearnedError,
    },
    /// Lists that cannot be read, all of them.
    #[error("{}", Lines(.0))]
    Lists(Vec<ListError>),
}

struct Lines<'a>(&'a [ListError]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ListError::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// A list that cannot be read or holds nothing.
#[derive(Debug, Error)]
#[error("source `{source_name}`: {}: {kind}", path.display())]
pub struct ListError {
    /// The source's name.
    pub source_name: String,
    /// The file or directory.
    pub path: PathBuf,
    /// What is wrong.
    pub kind: ListErrorKind,
}

impl ListError {
    pub(crate) fn new(source: &ListSource, path: &Path, kind: impl Into<ListErrorKind>) -> Self {
        let source_name = source.definition.name.clone();
        Self { source_name, path: path.into(), kind: kind.into() }
    }
}

/// What is wrong with a list.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListErrorKind {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is not here.
    #[error(transparent)]
    NotFetched(#[from] NotFetched),
    /// No exception can be made for a name: leave it out of `except`.
    #[error("no exception for `{name}`: {error}")]
    Except {
        /// The name.
        name: Box<DomainName>,
        /// Why not.
        error: RuleError,
    },
    /// No line of it was accepted. An emptied list is more often an accident than a wish.
    #[error("not one of its {lines} lines was accepted{}", Reasons(.reasons))]
    Empty {
        /// Lines read.
        lines: u64,
        /// Reasons, with the number of lines of each.
        reasons: Vec<(formats::Skip, u64)>,
    },
}

struct Reasons<'a>(&'a [(formats::Skip, u64)]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<_> = self.0.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
        if reasons.is_empty() { Ok(()) } else { write!(f, " ({})", reasons.join(", ")) }
    }
}

/// Reads all sources and builds the bundle. The same lists and stamp give the same bytes, whatever
/// the number of threads (of the current `rayon` pool).
///
/// # Errors
/// [`CompileError`]; every list that cannot be read is in it, not only the first.
pub fn build(
    sources: &Sources,
    stamp: Stamp,
    progress: &dyn Progress,
) -> Result<Compiled, CompileError> {
    let mut builder = FilterBuilder::new();
    for category in &sources.categories {
        builder.category(category.clone())?;
    }
    if let Some(path) = &sources.learned {
        learned(&mut builder, path)?;
    }
    for network in SharedCdn::shipped().networks() {
        builder.shared(&network.name);
    }
    let mut archives = Archives::default();
    let plans = plan(&sources.sources, &mut archives)?;
    let mut jobs = Vec::new();
    let mut reports = Vec::new();
    for plan in plans {
        if plan.alias_of.is_none() {
            let id = builder.source(plan.source.definition.clone())?;
            jobs.push((id, builder.batch(id), plan));
        } else {
            reports.push(plan.report());
        }
    }
    progress.begin(jobs.iter().map(|(_, _, plan)| plan.octets()).sum());

    let read: Vec<_> = jobs
        .into_par_iter()
        .map(|(id, batch, plan)| {
            let mut sink = BatchSink(batch);
            except(plan.source, &mut sink.0)?;
            let report = plan.read(&mut sink, progress)?;
            Ok((id, sink.0.finish(), report))
        })
        .collect();
    progress.building();

    let mut failures = Vec::new();
    for outcome in read {
        match outcome {
            Ok((id, batch, report)) => {
                builder.set_sha256(id, report.sha256.clone());
                builder.add(batch);
                reports.push(report);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if !failures.is_empty() {
        return Err(CompileError::Lists(failures));
    }
    let place = |report: &SourceReport| {
        sources.sources.iter().position(|source| source.definition.name == report.name)
    };
    reports.sort_by_key(place);

    let built = builder.build(stamp);
    // Asking also opens and binds the bundle as a server will: each pattern was checked alone, and
    // only together can they turn out to be too many.
    let overblocked = overblocked(&Filter::open(built.bytes.clone())?, &trusted())?;
    let bundle = BundleReport {
        bytes: built.bytes.len() as u64,
        dictionary_bytes: built.dictionary_bytes as u64,
        stamp: built.manifest.stamp,
        counts: built.manifest.counts,
    };
    Ok(Compiled { bytes: built.bytes, report: BuildReport::new(reports, bundle, overblocked) })
}

/// Reads the table for names that no list knows.
fn learned(builder: &mut FilterBuilder, path: &Path) -> Result<(), CompileError> {
    let text = fs::read_to_string(path)
        .map_err(|error| CompileError::LearnedUnreadable { path: path.into(), error })?;
    let table = text.parse::<Learned>();
    let added = table.and_then(|table| builder.learned(table));
    added.map_err(|error| CompileError::Learned { path: path.into(), error })
}

/// Excepts the names of a source's `except` from its own rules, `$important` ones too.
fn except(source: &ListSource, batch: &mut Batch) -> Result<(), ListError> {
    let options = Options { exception: true, important: true, ..Options::default() };
    for name in &source.except {
        batch.domain(name, Scope::Subtree, options).map_err(|error| {
            let kind = ListErrorKind::Except { name: Box::new(name.clone()), error };
            ListError::new(source, source.path().unwrap_or(Path::new("")), kind)
        })?;
    }
    Ok(())
}

/// Reads one source again, giving its rules to `sink`.
///
/// # Errors
/// [`ListError`], when the list cannot be read or holds nothing.
pub fn read_source(source: &ListSource, sink: &mut impl Sink) -> Result<SourceReport, ListError> {
    let mut archives = Archives::default();
    Plan::new(source, &mut archives)?.read(sink, &())
}

/// Reads a source up to its first rule, with the categories that its sources file declares: that it
/// is a list, in its format.
///
/// # Errors
/// [`CompileError`], as [`build`] would give it for this source alone.
pub fn probe(source: &ListSource, categories: &[CategoryInfo]) -> Result<(), CompileError> {
    let mut builder = FilterBuilder::new();
    for category in categories {
        builder.category(category.clone())?;
    }
    let id = builder.source(source.definition.clone())?;
    let mut sink = FirstRule { sink: BatchSink(builder.batch(id)), found: false };
    match read_source(source, &mut sink) {
        Ok(_) => Ok(()),
        Err(error) => Err(CompileError::Lists(vec![error])),
    }
}

/// Rules go into a batch.
pub(crate) struct BatchSink(pub(crate) Batch);

impl Sink for BatchSink {
    fn rule(&mut self, _line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        match rule {
            Rule::Domain { name, scope } => self.0.domain(name, scope, options),
            Rule::Fragment(text) => self.0.fragment(&Fragment::parse(text)?, options),
            Rule::Expression(text) => self.0.expression(text, options),
            Rule::Network(network) => self.0.network(network, options),
            Rule::Url(prefix) => self.0.url(prefix, options),
            Rule::UrlExpression(text) => self.0.url_expression(text, options),
            Rule::Phrase(phrase) => self.0.phrase(phrase),
            Rule::Protected(site) => self.0.protect(site, options),
        }
    }
}

/// Wants no more than one rule.
struct FirstRule {
    sink: BatchSink,
    found: bool,
}

impl Sink for FirstRule {
    fn is_done(&self) -> bool {
        self.found
    }

    fn rule(&mut self, line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        self.sink.rule(line, rule, options)?;
        self.found = true;
        Ok(())
    }
}
