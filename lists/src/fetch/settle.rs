//! From what came to lists that can be read: which content each source uses.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;
use url::Url;

use super::{
    Errand, Held, Outcome, Share, Usable,
    cache::{Cache, CacheError, Copy, Page},
    download::{Body, Validators},
    report::{SourceFetch, Status},
};
use crate::{
    archive::{self, ArchiveError, Content},
    compile::{self, CompileError, ListError},
    digest::Sha256Digest,
    formats::ReadError,
    source::{ListSource, Place},
};

/// Octets in which a web page shows that it is one.
const HEAD: u64 = 1024;
/// Age from which a copy shows that updates never run in the hours that its source states.
const MISSED: Duration = Duration::from_secs(48 * 60 * 60);

/// Why a content is not used.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// The publisher's: an older copy may do.
    #[error("{0}")]
    Theirs(String),
    /// This machine's: nothing else will work either.
    #[error(transparent)]
    Ours(#[from] CacheError),
}

impl Fault {
    fn theirs(error: impl ToString) -> Self {
        Self::Theirs(error.to_string())
    }

    /// An archive or compressed file that cannot be unpacked to `path`.
    fn unpacking(error: ArchiveError, path: &Path) -> Self {
        match error {
            ArchiveError::Io(error) if is_ours(&error) => CacheError::at(path)(error).into(),
            ArchiveError::Folder { path, error } => CacheError::Io { path, error }.into(),
            error => Self::theirs(error),
        }
    }
}

/// True for an error that no archive can cause.
fn is_ours(error: &io::Error) -> bool {
    use io::ErrorKind::{
        FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    let ours = [FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull];
    ours.contains(&error.kind())
}

/// A new content, in its place in the cache; no reader has seen it yet.
pub(super) struct Came {
    url: Url,
    sha256: Sha256Digest,
    /// Of the content.
    octets: u64,
    /// As sent.
    transferred: u64,
    validators: Validators,
}

impl Came {
    /// Takes a body that is whole: undoes its encoding, and that of a list that is a compressed
    /// file. Archives stay what they are.
    pub(super) fn take(
        cache: &Cache,
        file: &Path,
        body: Body,
        max_octets: u64,
    ) -> Result<Self, Fault> {
        let Body { url, octets: transferred, encoded, validators } = body;
        let mut file = file.to_owned();
        if encoded {
            file = decompressed(cache, &file, max_octets).map_err(|fault| match fault {
                Fault::Theirs(words) => Fault::Theirs(format!("its content encoding: {words}")),
                ours => ours,
            })?;
        }
        if archive::content(&file).map_err(Fault::theirs)? == Content::Compressed {
            file = decompressed(cache, &file, max_octets)?;
        }
        let octets = fs::metadata(&file).map_err(CacheError::at(&file))?.len();
        let sha256 = cache.keep(&file)?;
        Ok(Self { url, sha256, octets, transferred, validators })
    }
}

fn decompressed(cache: &Cache, file: &Path, max_octets: u64) -> Result<PathBuf, Fault> {
    let mut decoder = archive::decompress(file, &limits(max_octets)).map_err(Fault::theirs)?;
    if !decoder.is_compressed() {
        return Err(Fault::theirs("it is not compressed, as its server says"));
    }
    let path = cache.new_path();
    let write = || CacheError::at(&path);
    let mut plain = File::create(&path).map_err(write())?;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let length =
            decoder.read(&mut buffer).map_err(|e| Fault::theirs(ArchiveError::from_read(e)))?;
        if length == 0 {
            return Ok(path);
        }
        plain.write_all(&buffer[..length]).map_err(write())?;
    }
}

fn limits(max_octets: u64) -> archive::Limits {
    archive::Limits { octets: max_octets, ..archive::Limits::default() }
}

/// What became of one source.
pub(super) struct Settled {
    /// Which of the sources.
    pub(super) index: usize,
    pub(super) report: SourceFetch,
    /// What can be read; none where there is nothing for it.
    pub(super) held: Option<Held>,
}

impl Errand {
    /// Finds for each source of a share the newest content that its reader accepts. `held` is what
    /// the URL had before.
    pub(super) fn settle(
        &self,
        share: &Share,
        held: Option<Page>,
        outcome: Outcome,
        elapsed: Duration,
    ) -> Result<Vec<Settled>, CacheError> {
        let held_copy = held.as_ref().map(|page| page.copy.clone());
        let Latest { status, problem, page, transferred } = self.latest(share, held, outcome);
        let mut desk = Desk {
            errand: self,
            share,
            held: held_copy,
            latest: page.as_ref().map(|page| page.copy.clone()),
            opened: HashMap::new(),
        };
        let mut all = Vec::new();
        for &index in &share.users {
            let source = &self.sources.sources[index];
            let report = SourceFetch {
                final_url: page.as_ref().map(|page| page.final_url.clone()),
                error: problem.clone(),
                transferred,
                seconds: elapsed.as_secs_f64(),
                ..SourceFetch::new(source, status)
            };
            let (report, held) = desk.choose(source, report)?;
            all.push(Settled { index, report, held });
        }
        // Its validators are remembered once it is of use: until then it is asked for again.
        let is_of_use = all.iter().any(|settled| settled.report.status.is_current());
        if let Some(page) = page.filter(|_| is_of_use) {
            self.cache.save_page(&page)?;
        }
        Ok(all)
    }

    fn latest(&self, share: &Share, held: Option<Page>, outcome: Outcome) -> Latest {
        let as_held = |status, problem, page| Latest { status, problem, page, transferred: 0 };
        match outcome {
            Outcome::Came(came) => {
                let Came { url, sha256, octets, transferred, validators } = came;
                let is_new = held.is_none_or(|held| held.copy.sha256 != sha256);
                let copy = Copy { sha256, octets, fetched_at: self.now, checked_at: self.now };
                let (url, final_url) = (share.remote.url.to_string(), url.to_string());
                Latest {
                    status: if is_new { Status::Fresh } else { Status::Unchanged },
                    problem: None,
                    page: Some(Page { url, final_url, validators, copy }),
                    transferred,
                }
            }
            Outcome::Unchanged => {
                let checked = held.map(|mut page| {
                    page.copy.checked_at = self.now;
                    page
                });
                as_held(Status::Unchanged, None, checked)
            }
            Outcome::Outside(words) => as_held(Status::Outside, Some(words), held),
            Outcome::Failed(words) => as_held(Status::Cached, Some(words), held),
        }
    }
}

/// What the server has now, or had when it was last asked.
struct Latest {
    /// Of sources that can use it.
    status: Status,
    /// Why it was not asked, or did not answer.
    problem: Option<String>,
    page: Option<Page>,
    transferred: u64,
}

/// Where the sources of one share are tried with the contents that there are.
struct Desk<'a> {
    errand: &'a Errand,
    share: &'a Share,
    held: Option<Copy>,
    latest: Option<Copy>,
    opened: HashMap<Sha256Digest, Result<Files, String>>,
}

/// A content that was looked into.
#[derive(Clone)]
enum Files {
    /// One file.
    One(PathBuf),
    /// An archive, unpacked into this folder.
    Many(PathBuf),
}

impl Desk<'_> {
    /// The latest content if the reader accepts it, else an older one, else nothing.
    fn choose(
        &mut self,
        source: &ListSource,
        mut report: SourceFetch,
    ) -> Result<(SourceFetch, Option<Held>), CacheError> {
        let (cache, url) = (&self.errand.cache, self.share.remote.url.as_str());
        let good = cache.copies().good(url, source.member.as_deref()).map(|good| good.copy);
        let older = [&self.held, &good].into_iter().flatten();
        let copies: Vec<_> = self.latest.iter().chain(older).cloned().collect();
        for (place, copy) in copies.iter().enumerate() {
            if copies[..place].iter().any(|tried| tried.sha256 == copy.sha256) {
                continue;
            }
            match self.localised(source, copy) {
                Ok(local) => {
                    if self.latest.as_ref() != Some(copy) {
                        report.status = Status::Cached;
                    }
                    self.errand.grade(&mut report, copy);
                    if report.status == Status::Failed {
                        return Ok((report, None));
                    }
                    let earlier = match good.filter(|good| good.sha256 != copy.sha256) {
                        Some(good) => self.earlier(source, &report, good)?,
                        None => None,
                    };
                    let used = Usable { copy: copy.clone(), local };
                    return Ok((report, Some(Held::new(source, used, earlier))));
                }
                Err(Fault::Theirs(words)) => {
                    report.error.get_or_insert(words);
                }
                Err(Fault::Ours(error)) => return Err(error),
            }
        }
        if report.status == Status::Outside {
            let words = report.error.unwrap_or_default();
            report.error = Some(format!(
                "there is no copy yet, and {words}: wait, or add --ignore-windows this once"
            ));
        }
        report.status = Status::Failed;
        Ok((report, None))
    }

    /// The last good copy, in case that the one in use turns out to be none.
    fn earlier(
        &mut self,
        source: &ListSource,
        report: &SourceFetch,
        good: Copy,
    ) -> Result<Option<(SourceFetch, Usable)>, CacheError> {
        let mut report = SourceFetch { status: Status::Cached, error: None, ..report.clone() };
        self.errand.grade(&mut report, &good);
        if report.status == Status::Failed {
            return Ok(None);
        }
        match self.localised(source, &good) {
            Ok(local) => Ok(Some((report, Usable { copy: good, local }))),
            Err(Fault::Theirs(_)) => Ok(None),
            Err(Fault::Ours(error)) => Err(error),
        }
    }

    /// The source at its path in a content, if its reader accepts a line of that.
    fn localised(&mut self, source: &ListSource, copy: &Copy) -> Result<ListSource, Fault> {
        // An archive is a tree to its reader, as one at a path is.
        let (path, member) = match (self.open(copy)?, source.member.as_deref()) {
            (Files::One(file), None) => (file, None),
            (Files::One(_), Some(_)) => return Err(Fault::theirs(ReadError::NoTree)),
            (Files::Many(tree), member) => {
                let list = compile::in_tree(&tree, member, source.format).map_err(Fault::theirs)?;
                let member = list.strip_prefix(&tree).unwrap_or(&list).to_owned();
                (tree, Some(member))
            }
        };
        let local = ListSource { place: Place::Path(path), member, ..source.clone() };
        let categories = &self.errand.sources.categories;
        compile::probe(&local, categories).map_err(|error| match error {
            // The report says already which source and where.
            CompileError::Lists(lists) => Fault::theirs(only_kinds(&lists)),
            error => Fault::theirs(error),
        })?;
        Ok(local)
    }

    /// Looks into a content, once.
    fn open(&mut self, copy: &Copy) -> Result<Files, Fault> {
        if let Some(opened) = self.opened.get(&copy.sha256) {
            return opened.clone().map_err(Fault::Theirs);
        }
        let opened = self.look_into(copy);
        let remembered = match &opened {
            Ok(files) => Ok(files.clone()),
            Err(Fault::Theirs(words)) => Err(words.clone()),
            Err(Fault::Ours(_)) => return opened,
        };
        self.opened.insert(copy.sha256, remembered);
        opened
    }

    fn look_into(&self, copy: &Copy) -> Result<Files, Fault> {
        let cache = &self.errand.cache;
        let file = cache.copies().content(copy.sha256);
        if !cache.is_sound(copy.sha256) {
            return Err(Fault::theirs("its copy in the cache is damaged"));
        }
        if archive::content(&file).map_err(Fault::theirs)? == Content::Archive {
            let limits = limits(self.share.max_octets);
            let folder = cache.unpacked(copy.sha256, &limits);
            return folder.map(Files::Many).map_err(|error| Fault::unpacking(error, &file));
        }
        let mut head = Vec::new();
        let read = File::open(&file).and_then(|file| file.take(HEAD).read_to_end(&mut head));
        read.map_err(CacheError::at(&file))?;
        if is_web_page(&head) {
            return Err(Fault::theirs(
                "a web page came in place of the list: open the URL in a browser",
            ));
        }
        Ok(Files::One(file))
    }
}

impl Errand {
    /// Notes which copy is used, and whether it is too old to be.
    fn grade(&self, report: &mut SourceFetch, copy: &Copy) {
        let age = Duration::try_from(self.now.duration_since(copy.checked_at)).unwrap_or_default();
        report.sha256 = Some(copy.sha256);
        report.octets = copy.octets;
        report.age_seconds = Some(age.as_secs());
        if report.status == Status::Outside && age > MISSED {
            let words = report.error.take().unwrap_or_default();
            report.error = Some(format!("{words}: update within those hours"));
            report.status = Status::Cached;
        }
        if let Some(max_age) = self.options.max_age
            && age > max_age
        {
            let words = report.error.take().unwrap_or_default();
            report.error = Some(format!("{words}; its last good copy is older than --max-age"));
            report.status = Status::Failed;
        }
    }
}

/// What is wrong with a list, without where it is: its path in the cache means nothing to people.
fn only_kinds(errors: &[ListError]) -> String {
    errors.iter().map(|error| error.kind.to_string()).collect::<Vec<_>>().join("; ")
}

/// HTML or XML: what captive portals, login pages and expired hosts send with a 200.
fn is_web_page(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |with: &str| {
        text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    };
    ["<!doctype", "<html", "<head", "<body", "<script", "<meta", "<title", "<?xml", "<!--"]
        .iter()
        .any(|with| begins(with))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_pages_are_told_from_lists() {
        let cases: [(&[u8], bool); 9] = [
            (b"<!DOCTYPE html><html>", true),
            (b"\xef\xbb\xbf\r\n <HTML>", true),
            (b"<?xml version=\"1.0\"?>", true),
            (b"<!-- ... -->", true),
            (b"# list\na.example\n", false),
            (b"! <html>\n||a.example^\n", false),
            (b"", false),
            (b"<", false),
            (b"<gambling>,<win><50>\n", false),
        ];
        for (head, expected) in cases {
            assert_eq!(is_web_page(head), expected, "{:?}", String::from_utf8_lossy(head));
        }
    }
}
