//! The cache folder: every list as it last came, and the last good copy of each.
//!
//! | in the folder | |
//! |---|---|
//! | `lock` | held by the one update that uses the folder |
//! | `pages/` | for each URL, what its server last sent: validators and digest |
//! | `good/` | for each list, the last content of a bundle that the guards agreed to |
//! | `content/` | files, named by their SHA-256 |
//! | `unpacked/` | the archives among them, unpacked, named likewise |
//! | `resting/` | hosts that asked to be left alone, and until when |
//! | `new/` | what is being written; emptied when the folder is opened |
//!
//! Whatever is not in `new/` is whole: it was moved there once it was on the disk.

use std::{
    collections::BTreeSet,
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    copies::{Copies, read},
    download::Validators,
};
use crate::{
    archive::{self, ArchiveError},
    digest::Sha256Digest,
    durable,
};

/// How long a list that no sources file names any more is kept.
const KEEP: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A cache folder, used by nobody else.
#[derive(Debug)]
pub struct Cache {
    copies: Copies,
    /// Released when this is dropped, or the process killed.
    _lock: File,
    next: AtomicU64,
}

/// Why the cache folder cannot be used. Nothing can be fetched then.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The system refuses, for want of room or rights.
    #[error("the cache: {}: {error}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process holds its lock.
    #[error(
        "another `list-compile update` uses {}: wait for its end, or give another `--cache`",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
}

impl CacheError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { path: path.into(), error }
    }
}

/// A content and when it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copy {
    pub(super) sha256: Sha256Digest,
    pub(super) octets: u64,
    /// When it came.
    #[serde(with = "instant")]
    pub(super) fetched_at: Timestamp,
    /// When its server last said that it is current.
    #[serde(with = "instant")]
    pub(super) checked_at: Timestamp,
}

/// What the server of a URL last sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) url: String,
    /// Where it came from, after redirects.
    pub(super) final_url: String,
    #[serde(flatten)]
    pub(super) validators: Validators,
    #[serde(flatten)]
    pub(super) copy: Copy,
}

/// What stood for a list in the last bundle that the guards agreed to. Of an archive that several
/// lists share, it may be an older one than for the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Good {
    pub(super) url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) member: Option<PathBuf>,
    #[serde(flatten)]
    pub(super) copy: Copy,
}

/// A host that asked to be left alone.
#[derive(Serialize, Deserialize)]
struct Resting {
    host: String,
    #[serde(with = "instant")]
    until: Timestamp,
}

/// What the records of contents say.
#[derive(Deserialize)]
struct Entry {
    url: String,
    #[serde(flatten)]
    copy: Copy,
}

/// RFC 3339.
mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl Cache {
    /// Opens the folder, making it if it is not there, and clears away what a killed update left.
    ///
    /// # Errors
    /// [`CacheError`], when another process uses it or the system refuses.
    pub fn open(folder: &Path) -> Result<Self, CacheError> {
        for part in ["pages", "good", "content", "unpacked", "resting", "new"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(CacheError::at(&path))?;
        }
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(CacheError::at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(CacheError::InUse { folder: folder.into() });
            }
            Err(TryLockError::Error(error)) => return Err(CacheError::Io { path, error }),
        }
        let cache = Self { copies: Copies::of(folder), _lock: lock, next: AtomicU64::new(0) };
        cache.tidy(|_, _| true)?;
        Ok(cache)
    }

    /// What the folder holds.
    pub fn copies(&self) -> &Copies {
        &self.copies
    }

    /// A path in `new/` that is not used yet.
    pub(super) fn new_path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.folder().join("new").join(number.to_string())
    }

    pub(super) fn save_page(&self, page: &Page) -> Result<(), CacheError> {
        self.save(&self.copies.page_path(&page.url), page)
    }

    pub(super) fn save_good(&self, good: &Good) -> Result<(), CacheError> {
        self.save(&self.copies.good_path(&good.url, good.member.as_deref()), good)
    }

    /// Until when a host asked to be left alone, if that is still to come.
    pub(super) fn resting(&self, host: &str, now: Timestamp) -> Option<Timestamp> {
        let resting: Resting = read(&self.copies.record_path("resting", host))?;
        (resting.host == host && resting.until > now).then_some(resting.until)
    }

    pub(super) fn let_rest(&self, host: &str, until: Timestamp) -> Result<(), CacheError> {
        let resting = Resting { host: host.to_owned(), until };
        self.save(&self.copies.record_path("resting", host), &resting)
    }

    /// True when the content is there and is what it was: disks err too.
    pub(super) fn is_sound(&self, sha256: Sha256Digest) -> bool {
        digest(&self.copies.content(sha256)).is_ok_and(|found| found == sha256)
    }

    /// Moves a file of `new/` to its place among the contents; returns its digest.
    pub(super) fn keep(&self, file: &Path) -> Result<Sha256Digest, CacheError> {
        let sha256 = digest(file).map_err(CacheError::at(file))?;
        let path = self.copies.content(sha256);
        durable::rename(file, &path).map_err(CacheError::at(&path))?;
        Ok(sha256)
    }

    /// The folder of an archive's files: unpacked once.
    pub(super) fn unpacked(
        &self,
        sha256: Sha256Digest,
        limits: &archive::Limits,
    ) -> Result<PathBuf, ArchiveError> {
        let folder = self.copies.unpacked(sha256);
        if folder.is_dir() {
            return Ok(folder);
        }
        let new = self.new_path();
        archive::unpack(&self.copies.content(sha256), &new, limits)?;
        sync_tree(&new)?;
        fs::rename(&new, &folder)?;
        Ok(folder)
    }

    /// Forgets the lists that none of `urls` names and nobody asked for in a long time, and removes
    /// what nothing refers to.
    pub(super) fn sweep(&self, urls: &BTreeSet<String>, now: Timestamp) -> Result<(), CacheError> {
        for path in self.entries("resting")? {
            if read::<Resting>(&path).is_none_or(|resting| resting.until <= now) {
                fs::remove_file(&path).map_err(CacheError::at(&path))?;
            }
        }
        self.tidy(|url, copy| urls.contains(url) || now.duration_since(copy.checked_at) < KEEP)
    }

    /// Removes the records that are damaged or not wanted, the contents that no other refers to, and
    /// what was downloaded in vain.
    fn tidy(&self, is_wanted: impl Fn(&str, &Copy) -> bool) -> Result<(), CacheError> {
        self.empty_new()?;
        let mut used = BTreeSet::new();
        for path in [self.entries("pages")?, self.entries("good")?].concat() {
            match read::<Entry>(&path).filter(|entry| is_wanted(&entry.url, &entry.copy)) {
                Some(entry) => drop(used.insert(entry.copy.sha256)),
                None => fs::remove_file(&path).map_err(CacheError::at(&path))?,
            }
        }
        let is_used = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.and_then(|name| name.parse().ok()).is_some_and(|sha256| used.contains(&sha256))
        };
        for path in self.entries("content")?.into_iter().filter(|path| !is_used(path)) {
            fs::remove_file(&path).map_err(CacheError::at(&path))?;
        }
        for path in self.entries("unpacked")?.into_iter().filter(|path| !is_used(path)) {
            // Moved first, so that a kill never leaves half of it in place.
            fs::rename(&path, self.new_path()).map_err(CacheError::at(&path))?;
        }
        self.empty_new()
    }

    fn empty_new(&self) -> Result<(), CacheError> {
        for path in self.entries("new")? {
            let is_folder = path.is_dir();
            let removed =
                if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(CacheError::at(&path))?;
        }
        Ok(())
    }

    fn folder(&self) -> &Path {
        self.copies.folder()
    }

    fn entries(&self, part: &str) -> Result<Vec<PathBuf>, CacheError> {
        let folder = self.folder().join(part);
        let entries = fs::read_dir(&folder).and_then(|entries| {
            entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()
        });
        entries.map_err(CacheError::at(&folder))
    }

    fn save(&self, path: &Path, record: &impl Serialize) -> Result<(), CacheError> {
        let new = self.new_path();
        let write = || {
            let mut text = serde_json::to_vec_pretty(record)?;
            text.push(b'\n');
            File::create(&new)?.write_all(&text)?;
            durable::rename(&new, path)
        };
        write().map_err(CacheError::at(path))
    }
}

fn digest(path: &Path) -> io::Result<Sha256Digest> {
    Sha256Digest::of_all(File::open(path)?)
}

/// Everything below a folder to the disk.
fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_tree(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn page(url: &str, sha256: Sha256Digest, checked_at: &str) -> Page {
        let copy = Copy {
            sha256,
            octets: 2,
            fetched_at: at("2026-01-01T00:00:00Z"),
            checked_at: at(checked_at),
        };
        let validators = Validators { etag: Some("\"a\"".into()), last_modified: None };
        Page { url: url.into(), final_url: url.into(), validators, copy }
    }

    fn keep(cache: &Cache, text: &str) -> Sha256Digest {
        let file = cache.new_path();
        fs::write(&file, text).unwrap();
        cache.keep(&file).unwrap()
    }

    #[test]
    fn one_update_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let error = Cache::open(folder.path()).unwrap_err();
        assert!(matches!(error, CacheError::InUse { .. }), "{error}");
        fs::write(cache.new_path(), "left by a killed update").unwrap();
        drop(cache);
        Cache::open(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
    }

    #[test]
    fn records_are_read_back_or_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let sha256 = keep(&cache, "a\n");
        let page = page("https://a.example/", sha256, "2026-01-02T00:00:00Z");
        cache.save_page(&page).unwrap();
        assert_eq!(cache.copies.page("https://a.example/"), Some(page.clone()));
        assert_eq!(cache.copies.page("https://b.example/"), None);

        let good = Good {
            url: page.url.clone(),
            member: Some("blacklists/adult".into()),
            copy: page.copy,
        };
        cache.save_good(&good).unwrap();
        assert_eq!(cache.copies.good(&good.url, good.member.as_deref()), Some(good.clone()));
        assert_eq!(cache.copies.good(&good.url, None), None);

        let path = cache.copies.page_path("https://a.example/");
        let text = fs::read_to_string(&path).unwrap();
        for (from, to) in
            [("}", ""), (&*sha256.to_string(), "../../../etc/passwd"), ("a.example/\"", "c\"")]
        {
            fs::write(&path, text.replace(from, to)).unwrap();
            assert_eq!(cache.copies.page("https://a.example/"), None, "{from} → {to}");
        }
    }

    #[test]
    fn damaged_contents_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let sha256 = keep(&cache, "a.example\n");
        assert!(cache.is_sound(sha256));
        fs::write(cache.copies.content(sha256), "b.example\n").unwrap();
        assert!(!cache.is_sound(sha256));
        assert!(!cache.is_sound(Sha256Digest::of(b"another")));
    }

    #[test]
    fn what_nothing_refers_to_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let [named, recent, old, loose] = ["named", "recent", "old", "loose"].map(|text| {
            let sha256 = keep(&cache, text);
            fs::create_dir(folder.path().join("unpacked").join(sha256.to_string())).unwrap();
            sha256
        });
        for (url, sha256, checked_at) in [
            ("https://named.example/", named, "2020-01-01T00:00:00Z"),
            ("https://recent.example/", recent, "2026-01-01T00:00:00Z"),
            ("https://old.example/", old, "2020-01-01T00:00:00Z"),
        ] {
            cache.save_page(&page(url, sha256, checked_at)).unwrap();
        }
        fs::write(folder.path().join("good/damaged.json"), "{").unwrap();
        cache
            .sweep(&["https://named.example/".to_owned()].into(), at("2026-01-31T00:00:00Z"))
            .unwrap();

        for part in ["content", "unpacked"] {
            let exists =
                |sha256: Sha256Digest| folder.path().join(part).join(sha256.to_string()).exists();
            let left = [named, recent, old, loose].map(exists);
            assert_eq!(left, [true, true, false, false], "{part}");
        }
        assert_eq!(cache.entries("good").unwrap().len(), 0);
        assert_eq!(cache.entries("pages").unwrap().len(), 2);
    }
}
