//! Sources to bundle: every list is read once, in parallel, straight into the builder's batches.

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use filter_core::{
    Batch, BindError, CategoryError, CategoryInfo, Filter, FilterBuilder, Fragment, OpenError,
    Options, RuleError, SourceError, Stamp,
};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    formats::{self, Corrections, Directory, Part, ReadError, ReadOptions, Rule, Sink},
    guard::overblocked,
    report::{BuildReport, BundleReport, ReadFile, SourceReport},
    source::{Format, ListSource, NotFetched, Sources},
    trusted::trusted,
};

/// Octets read at a time.
const BUFFER: usize = 128 * 1024;
/// Octets of a list from which its format is found out.
const HEAD: u64 = 64 * 1024;

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
    let plans = plan(&sources.sources)?;
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

/// Reads one source again, giving its rules to `sink`.
///
/// # Errors
/// [`ListError`], when the list cannot be read or holds nothing.
pub fn read_source(source: &ListSource, sink: &mut impl Sink) -> Result<SourceReport, ListError> {
    Plan::new(source)?.read(sink, &())
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

/// What is to be read for one source.
struct Plan<'a> {
    source: &'a ListSource,
    path: &'a Path,
    format: Format,
    files: Vec<(Part, PathBuf)>,
    /// Canonical path of a directory.
    directory: Option<PathBuf>,
    /// The earlier source that reads the same directory in the same way.
    alias_of: Option<String>,
    unread: Vec<String>,
    warnings: Vec<String>,
}

/// Finds out what each source is made of; fails with every list that is missing.
fn plan(sources: &[ListSource]) -> Result<Vec<Plan<'_>>, CompileError> {
    let mut plans: Vec<Plan<'_>> = Vec::new();
    let mut failures = Vec::new();
    let mut directories: HashMap<PathBuf, usize> = HashMap::new();
    for source in sources {
        match Plan::new(source) {
            Ok(mut plan) => {
                if let Some(directory) = plan.directory.clone() {
                    let first = *directories.entry(directory).or_insert(plans.len());
                    if let Some(first) = plans.get(first).filter(|first| first.says_the_same(&plan))
                    {
                        plan.alias_of = Some(first.source.definition.name.clone());
                    }
                }
                plans.push(plan);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { Ok(plans) } else { Err(CompileError::Lists(failures)) }
}

impl<'a> Plan<'a> {
    fn new(source: &'a ListSource) -> Result<Self, ListError> {
        let path = source.path().map_err(|error| ListError::new(source, Path::new(""), error))?;
        Self::try_new(source, path).map_err(|error| ListError::new(source, path, error))
    }

    fn try_new(source: &'a ListSource, path: &'a Path) -> Result<Self, ReadError> {
        let is_directory = fs::metadata(path)?.is_dir();
        let format = match (source.format, is_directory) {
            (None, true) => Format::Ut1,
            (None, false) => {
                let mut head = Vec::new();
                File::open(path)?.take(HEAD).read_to_end(&mut head)?;
                formats::detect(&head)?
            }
            (Some(format), is_directory) if format.is_directory() != is_directory => {
                return Err(wrong_kind(format, is_directory));
            }
            (Some(format), _) => format,
        };
        let mut plan = Self {
            source,
            path,
            format,
            files: Vec::new(),
            directory: None,
            alias_of: None,
            unread: Vec::new(),
            warnings: Vec::new(),
        };
        match format {
            Format::Ut1 => {
                let directory = Directory::open(path)?;
                plan.warnings.extend(directory.usage_warning(source.definition.action)?);
                plan.files = directory.files;
                plan.directory = Some(directory.path);
                plan.unread = directory.unread;
            }
            file => plan.files.push((Part::of(file)?, path.into())),
        }
        Ok(plan)
    }

    /// True when two sources differ in name only.
    fn says_the_same(&self, other: &Self) -> bool {
        let (a, b) = (&self.source.definition, &other.source.definition);
        a.action == b.action
            && a.categories == b.categories
            && a.lifts == b.lifts
            && a.suffixes == b.suffixes
            && self.source.scope == other.source.scope
    }

    /// Octets to read.
    fn octets(&self) -> u64 {
        self.files.iter().filter_map(|(_, path)| Some(fs::metadata(path).ok()?.len())).sum()
    }

    /// The report of a source of which nothing has been read.
    fn report(&self) -> SourceReport {
        SourceReport {
            name: self.source.definition.name.clone(),
            format: self.format,
            path: self.path.into(),
            sha256: String::new(),
            alias_of: self.alias_of.clone(),
            files: Vec::new(),
            unread: self.unread.clone(),
            warnings: self.warnings.clone(),
        }
    }

    fn read(
        &self,
        sink: &mut impl Sink,
        progress: &dyn Progress,
    ) -> Result<SourceReport, ListError> {
        let mut report = self.report();
        let mut digests = Vec::new();
        for (part, path) in &self.files {
            let (file, digest) = read_file(*part, path, self.source, sink, progress)
                .map_err(|error| ListError::new(self.source, path, error))?;
            digests.push((digest, path.clone()));
            report.files.push(file);
        }
        report.sha256 = whole_digest(&digests);
        if report.accepted().total() == 0 {
            let reasons =
                report.skipped().into_iter().map(|(reason, skipped)| (reason, skipped.lines));
            let kind = ListErrorKind::Empty { lines: report.lines(), reasons: reasons.collect() };
            return Err(ListError::new(self.source, self.path, kind));
        }
        if report.rules() == 0 {
            report.warnings.push("it holds URLs only, which are not compiled yet".into());
        }
        Ok(report)
    }
}

fn wrong_kind(format: Format, is_directory: bool) -> ReadError {
    let (found, expected) =
        if is_directory { ("a directory", "a file") } else { ("a file", "a directory") };
    ReadError::Kind { format, expected, found }
}

fn read_file(
    part: Part,
    path: &Path,
    source: &ListSource,
    sink: &mut impl Sink,
    progress: &dyn Progress,
) -> Result<(ReadFile, String), ReadError> {
    let mut options = ReadOptions { scope: source.scope, ..ReadOptions::default() };
    if Corrections::concern(part) {
        let input = BufReader::with_capacity(BUFFER, File::open(path)?);
        options.corrections = Corrections::of(part, input)?;
    }
    sink.file(path);
    let mut file = Hashing { file: File::open(path)?, hash: Sha256::new(), progress };
    let input = BufReader::with_capacity(BUFFER, &mut file);
    let report = formats::read_part(part, input, &options, sink)?;
    let digest = hex(&file.hash.finalize());
    Ok((ReadFile { path: path.into(), report }, digest))
}

/// The digest of a single file; of several, that of what `sha256sum` prints for them.
fn whole_digest(digests: &[(String, PathBuf)]) -> String {
    if let [(digest, _)] = digests {
        return digest.clone();
    }
    let mut hash = Sha256::new();
    for (digest, path) in digests {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        hash.update(format!("{digest}  {name}\n"));
    }
    hex(&hash.finalize())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Hashes a file as it is read.
struct Hashing<'a> {
    file: File,
    hash: Sha256,
    progress: &'a dyn Progress,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.hash.update(&buffer[..length]);
        self.progress.read(length as u64);
        Ok(length)
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
            Rule::Url(_) => Ok(()),
            Rule::Network(network) => self.0.network(network, options),
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
