//! What is to be read for each source, and the reading of it.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    CompileError, ListError, ListErrorKind, Progress,
    archives::{Archives, Located},
};
use crate::{
    archive::{self, ArchiveError, Decoder, Limits},
    digest::Sha256Digest,
    formats::{
        self, Context, Corrections, Directory, FileReport, Includes, ListFile, Part, ReadError,
        ReadOptions, Sink,
    },
    report::{ReadFile, SourceReport},
    source::{Format, ListSource},
};

/// Octets read at a time.
const BUFFER: usize = 128 * 1024;
/// Octets of a list from which its format is found out.
const HEAD: u64 = 64 * 1024;

/// Of one list, which streams: only its reading takes time, so this is about bombs.
const LIMITS: Limits = Limits { octets: 16 << 30, ..Limits::DEFAULT };

/// What is to be read for one source.
pub(super) struct Plan<'a> {
    pub(super) source: &'a ListSource,
    format: Format,
    /// What people are told of its place.
    shown: PathBuf,
    /// The folder of all its files, on disk and as people are told.
    folder: PathBuf,
    folder_shown: PathBuf,
    files: Vec<ListFile>,
    /// Canonical path of a directory.
    directory: Option<PathBuf>,
    /// The earlier source that reads the same directory in the same way.
    pub(super) alias_of: Option<String>,
    unread: Vec<String>,
    warnings: Vec<String>,
}

/// Finds out what each source is made of; fails with every list that is missing.
pub(super) fn plan<'a>(
    sources: &'a [ListSource],
    archives: &mut Archives,
) -> Result<Vec<Plan<'a>>, CompileError> {
    let mut plans: Vec<Plan<'_>> = Vec::new();
    let mut failures = Vec::new();
    let mut directories: HashMap<PathBuf, Vec<usize>> = HashMap::new();
    for source in sources {
        match Plan::new(source, archives) {
            Ok(mut plan) => {
                if let Some(directory) = plan.directory.clone() {
                    let earlier = directories.entry(directory).or_default();
                    let first = earlier.iter().find(|&&at| plans[at].says_the_same(&plan));
                    plan.alias_of = first.map(|&at| plans[at].source.definition.name.clone());
                    earlier.push(plans.len());
                }
                plans.push(plan);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { Ok(plans) } else { Err(CompileError::Lists(failures)) }
}

impl<'a> Plan<'a> {
    pub(super) fn new(source: &'a ListSource, archives: &mut Archives) -> Result<Self, ListError> {
        let path = source.path().map_err(|error| ListError::new(source, Path::new(""), error))?;
        let member = source.member.as_deref();
        let octets = source.max_octets.unwrap_or(Limits::DEFAULT.octets);
        let located = archives
            .locate(path, member, source.format, &Limits { octets, ..Limits::DEFAULT })
            .map_err(|error| ListError::new(source, path, error))?;
        let shown = located.shown.clone();
        Self::of(source, path, located).map_err(|error| ListError::new(source, &shown, error))
    }

    fn of(source: &'a ListSource, given: &Path, located: Located) -> Result<Self, ReadError> {
        let format = format(&located, source.format)?;
        let Located { path, tree, shown } = located;
        // Of a list that is a file, those beside it are its own too.
        let (folder, folder_shown) = match &tree {
            Some(tree) => (tree.clone(), given.to_path_buf()),
            None if path.is_dir() => (path.clone(), path.clone()),
            None => {
                let folder = path.parent().unwrap_or(Path::new(""));
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                (fs::canonicalize(folder)?, folder.to_path_buf())
            }
        };
        let mut plan = Self {
            source,
            format,
            shown,
            folder,
            folder_shown,
            files: Vec::new(),
            directory: None,
            alias_of: None,
            unread: Vec::new(),
            warnings: Vec::new(),
        };
        if format.is_directory() {
            let directory = Directory::open(format, &path, tree.as_deref())?;
            plan.warnings = directory.warnings(source.definition.action)?;
            plan.files = directory.files;
            plan.directory = Some(directory.path);
            plan.unread = directory.unread;
        } else if path.is_dir() {
            plan.files = formats::phrase_lists(&path)?;
        } else {
            plan.files.push(ListFile::new(Part::of(format, &path)?, path));
        }
        if !source.listcategories.is_empty() && !format.has_listcategories() {
            let warning = format!("`listcategories` has no effect on format = \"{format}\"");
            plan.warnings.push(warning);
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
            && self.format == other.format
            && self.source.scope == other.source.scope
            && self.source.except == other.source.except
            && self.source.known == other.source.known
    }

    /// Octets to read, as they are on disk.
    pub(super) fn octets(&self) -> u64 {
        self.files.iter().filter_map(|file| Some(fs::metadata(&file.path).ok()?.len())).sum()
    }

    /// Looks through a file before it is read.
    fn open(&self, path: &Path) -> Result<BufReader<Decoder>, ReadError> {
        Ok(BufReader::with_capacity(BUFFER, archive::decompress(path, &self.limits())?))
    }

    /// Of each file.
    fn limits(&self) -> Limits {
        Limits { octets: self.source.max_octets.unwrap_or(LIMITS.octets), ..LIMITS }
    }

    /// The report of a source of which nothing has been read.
    pub(super) fn report(&self) -> SourceReport {
        SourceReport {
            name: self.source.definition.name.clone(),
            format: self.format,
            path: self.shown.clone(),
            sha256: String::new(),
            alias_of: self.alias_of.clone(),
            files: Vec::new(),
            unread: self.unread.clone(),
            warnings: self.warnings.clone(),
        }
    }

    pub(super) fn read(
        &self,
        sink: &mut impl Sink,
        progress: &dyn Progress,
    ) -> Result<SourceReport, ListError> {
        let mut report = self.report();
        let mut digests = Vec::new();
        let includes =
            self.includes().map_err(|error| ListError::new(self.source, &self.shown, error))?;
        let own = self.files.iter().map(|file| (file.clone(), Context::default()));
        let mut waiting: VecDeque<_> = own.collect();
        while let Some((file, context)) = waiting.pop_front() {
            let shown = self.shown(&file.path);
            let (counts, digest) = self
                .read_file(&file, &shown, context, &includes, sink, progress)
                .map_err(|error| ListError::new(self.source, &shown, error))?;
            digests.push((digest, shown.clone()));
            report.files.push(ReadFile { path: shown, report: counts });
            while let Some((path, context)) = includes.next() {
                waiting.push_back((ListFile::new(file.part.of_included(&path), path), context));
            }
        }
        report.sha256 = self.whole_digest(&digests);
        if report.accepted().total() == 0 {
            let reasons =
                report.skipped().into_iter().map(|(reason, skipped)| (reason, skipped.lines));
            let kind = ListErrorKind::Empty { lines: report.lines(), reasons: reasons.collect() };
            return Err(ListError::new(self.source, &self.shown, kind));
        }
        Ok(report)
    }

    /// The files that this list may include: those of the tree that it is part of, or of its folder.
    fn includes(&self) -> Result<Includes, ReadError> {
        if !self.format.has_listcategories() {
            return Ok(Includes::default());
        }
        let includes = Includes::within(&self.folder)?;
        // Before any of them includes another.
        self.files.iter().try_for_each(|file| includes.enter(&file.path))?;
        Ok(includes)
    }

    fn read_file(
        &self,
        file: &ListFile,
        shown: &Path,
        context: Context,
        includes: &Includes,
        sink: &mut impl Sink,
        progress: &dyn Progress,
    ) -> Result<(FileReport, String), ReadError> {
        let mut options = ReadOptions {
            scope: self.source.scope,
            listcategories: self.source.listcategories.clone(),
            includes: includes.clone(),
            ..ReadOptions::default()
        };
        if Corrections::concern(file.part) {
            let input = self.open(&file.path)?;
            options.corrections = Corrections::of(file.part, input).map_err(unwrapped)?;
        }
        for known in &self.source.known {
            let input = self.open(known)?;
            options.corrections.add_known(input).map_err(unwrapped)?;
        }
        if let Some(changes) = &file.changes {
            let input = self.open(changes)?;
            options.corrections = Corrections::of_changes(file.part, input).map_err(unwrapped)?;
        }
        includes.enter(&file.path)?;
        sink.file(shown);
        let input = archive::decompress(&file.path, &self.limits())?;
        let mut input = Hashing { input, hash: Sha256::new(), progress };
        let buffered = BufReader::with_capacity(BUFFER, &mut input);
        let report = formats::read_part(file.part, context, buffered, &options, sink);
        Ok((report.map_err(unwrapped)?, Sha256Digest::finish(input.hash).to_string()))
    }

    /// What people are told of a file of this source.
    fn shown(&self, file: &Path) -> PathBuf {
        file.strip_prefix(&self.folder)
            .map_or_else(|_| self.shown.clone(), |inner| self.folder_shown.join(inner))
    }

    /// The digest of a single file; of several, that of what `sha256sum` prints for them.
    fn whole_digest(&self, digests: &[(String, PathBuf)]) -> String {
        if let [(digest, _)] = digests {
            return digest.clone();
        }
        let mut hash = Sha256::new();
        for (digest, path) in digests {
            let name = path.strip_prefix(&self.shown).or(path.strip_prefix(&self.folder_shown));
            hash.update(format!("{digest}  {}\n", name.unwrap_or(path).display()));
        }
        Sha256Digest::finish(hash).to_string()
    }
}

/// How a list is written, as its source says or its first lines show.
fn format(located: &Located, stated: Option<Format>) -> Result<Format, ReadError> {
    let is_directory = located.path.is_dir();
    match stated {
        None if is_directory => Ok(Format::Ut1),
        None => {
            let mut head = Vec::new();
            let list = archive::decompress(&located.path, &LIMITS)?;
            list.take(HEAD).read_to_end(&mut head).map_err(ArchiveError::from_read)?;
            formats::detect(&head)
        }
        // One list, or a tree of them.
        Some(Format::Phrases) => Ok(Format::Phrases),
        Some(format) if format.is_directory() == is_directory => Ok(format),
        Some(format) => {
            let (found, expected) = match (is_directory, located.tree.is_some()) {
                (true, true) => ("a tree of several files", "a file: choose it with `member`"),
                (true, false) => ("a directory", "a file"),
                (false, _) => ("a file", "a directory"),
            };
            Err(ReadError::Kind { format, expected, found })
        }
    }
}

/// A limit of decompression came as an error of reading.
fn unwrapped(error: ReadError) -> ReadError {
    match error {
        ReadError::Io(error) => ArchiveError::from_read(error).into(),
        other => other,
    }
}

/// Hashes a list as it is read.
struct Hashing<'a> {
    input: Decoder,
    hash: Sha256,
    progress: &'a dyn Progress,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let before = self.input.compressed();
        let length = self.input.read(buffer)?;
        self.hash.update(&buffer[..length]);
        self.progress.read(self.input.compressed() - before);
        Ok(length)
    }
}
