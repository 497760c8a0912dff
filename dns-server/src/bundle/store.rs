//! The folder of verified bundles (`[lists] cache`).
//!
//! ```text
//! <sha256>.bundle           a copy, named by its content
//! <sha256>.bundle.minisig   its signature, where keys are configured
//! highest-serial            the highest serial of a signed bundle that was ever taken in
//! *.tmp                     what is being taken in; leftovers go at the next start
//! ```

use std::{
    cmp::Reverse,
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use filter_core::{Filter, Stamp};
use lists::{
    digest::Sha256Digest,
    signature::{self, PublicKeys, signature_path},
};
use memmap2::Mmap;

use super::{BundleError, expired, open};
use crate::service::background::{InPieces, copy_in_pieces};

/// Verified copies of bundles.
///
/// Only these are ever mapped. A file of the operator's may be overwritten in place, which would
/// pull the pages from under the server. One server at a time has the folder: another would remove
/// its copies.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// The folder itself, locked for as long as it is open.
    _lock: File,
}

/// A verified copy of a bundle that is not the kept one yet. Unless it is [committed](
/// Store::commit), nothing is left of it.
#[derive(Debug)]
pub struct Staged {
    /// The lists.
    pub filter: Filter,
    /// Of its octets.
    pub digest: Sha256Digest,
    /// Where it comes from, for messages.
    from: String,
    signature: Option<String>,
    incoming: Incoming,
}

/// A bundle that was kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The lists.
    pub filter: Filter,
    /// Of its octets, as its name says.
    pub digest: Sha256Digest,
}

impl Kept {
    pub(super) fn serial(&self) -> u64 {
        self.filter.manifest().stamp.serial
    }
}

impl Staged {
    /// Checks that it may replace lists of this stamp: it has not expired. Anything is better than the
    /// starter list alone (`None`).
    ///
    /// # Errors
    /// [`BundleError::Expired`].
    pub fn check_expiry(&self, served: Option<&Stamp>) -> Result<(), BundleError> {
        let stamp = &self.filter.manifest().stamp;
        match (served, expired(stamp)) {
            // The very one that is being served replaces nothing.
            (Some(served), Some(expires)) if served != stamp => {
                Err(BundleError::Expired { from: self.from.clone(), expires: expires.into() })
            }
            _ => Ok(()),
        }
    }

    /// Checks that it is not older than what was taken in before.
    ///
    /// # Errors
    /// [`BundleError::RollBack`].
    pub fn check_serial(&self, newest: u64) -> Result<(), BundleError> {
        match self.filter.manifest().stamp.serial {
            serial if serial < newest => {
                Err(BundleError::RollBack { from: self.from.clone(), serial, newest })
            }
            _ => Ok(()),
        }
    }
}

/// How names of copies end.
const COPY: &str = ".bundle";
/// How names of files end that are nothing yet.
const TEMPORARY: &str = ".tmp";
/// File of the highest serial that was taken in.
const HIGHEST: &str = "highest-serial";
/// A copy of the operator's file, while it is verified.
const COPIED: &str = "copied.tmp";
/// What is being fetched.
const FETCHED: &str = "fetched.tmp";
/// Files that are not named by a digest, while they are being written.
const OWN: [&str; 3] = [HIGHEST, "copied", "fetched"];

/// The digest that a copy, or its signature, is named by. Operators keep other files here, too.
fn digest(name: &str) -> Option<Sha256Digest> {
    name.split('.').next()?.parse().ok()
}

/// Path of a file that goes when this does.
#[derive(Debug)]
struct Incoming(PathBuf);

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Store {
    /// Opens and locks the folder, and makes it where there is none.
    ///
    /// # Errors
    /// [`BundleError::InUse`], or [`BundleError::Store`].
    pub fn open(folder: PathBuf) -> Result<Self, BundleError> {
        let opened = fs::create_dir_all(&folder).and_then(|()| File::open(&folder));
        let locked = opened.map_err(TryLockError::Error).and_then(|file| {
            file.try_lock()?;
            Ok(file)
        });
        match locked {
            Ok(file) => {
                let store = Self { folder, _lock: file };
                store.remove(|name| {
                    let finished = name.strip_suffix(TEMPORARY);
                    finished.is_some_and(|name| OWN.contains(&name) || digest(name).is_some())
                });
                Ok(store)
            }
            Err(TryLockError::WouldBlock) => Err(BundleError::InUse { folder }),
            Err(TryLockError::Error(error)) => Err(BundleError::Store { folder, error }),
        }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where to fetch a bundle to, for [`adopt`](Self::adopt).
    pub fn fetched(&self) -> PathBuf {
        self.folder.join(FETCHED)
    }

    /// Copies a bundle of the operator's into the folder and verifies the copy; its signature, too,
    /// where there are keys. What is kept stays as it is.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn stage(&self, source: &Path, keys: &PublicKeys) -> Result<Staged, BundleError> {
        let from = source.display().to_string();
        let original = open(source)?;
        let incoming = Incoming(self.folder.join(COPIED));
        copy_synced(original, &incoming.0).map_err(|error| self.failed(error))?;
        let copy = map(&incoming.0)?;
        let signature = match keys.is_empty() {
            true => None,
            false => Some(verified(&copy, source, keys)?),
        };
        let digest =
            Sha256Digest::of_all(InPieces(&copy[..])).map_err(|error| self.failed(error))?;
        Self::staged(copy, incoming, from, digest, signature)
    }

    /// Takes what was [fetched](Self::fetched), and found to be what `signature` signs, as a
    /// bundle. What is kept stays as it is.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn adopt(
        &self,
        from: String,
        digest: Sha256Digest,
        signature: String,
    ) -> Result<Staged, BundleError> {
        let incoming = Incoming(self.fetched());
        Self::staged(map(&incoming.0)?, incoming, from, digest, Some(signature))
    }

    fn staged(
        copy: Mmap,
        incoming: Incoming,
        from: String,
        digest: Sha256Digest,
        signature: Option<String>,
    ) -> Result<Staged, BundleError> {
        match Filter::open(copy) {
            Ok(filter) => Ok(Staged { filter, digest, from, signature, incoming }),
            Err(error) => Err(BundleError::Invalid { from, error }),
        }
    }

    /// Keeps a copy, in place of any other: for one that is known to fit the configuration.
    ///
    /// # Errors
    /// [`BundleError::Store`].
    pub fn commit(&self, staged: Staged) -> Result<Kept, BundleError> {
        let Staged { filter, digest, signature, incoming, .. } = staged;
        let kept = Kept { filter, digest };
        self.keep(&incoming.0, &kept, signature).map_err(|error| self.failed(error))?;
        Ok(kept)
    }

    /// Gives a verified file its name, and drops the copies that it replaces. A server that still
    /// maps one of those keeps its pages. Killed anywhere in here, it leaves the old copy, both, or
    /// the new one, each whole and with its signature.
    fn keep(&self, verified: &Path, kept: &Kept, signature: Option<String>) -> io::Result<()> {
        let path = self.folder.join(format!("{}{COPY}", kept.digest));
        if let Some(text) = &signature {
            self.replace(&signature_path(&path), text)?;
            self.raise_highest_serial(kept.serial())?;
        }
        fs::rename(verified, &path)?;
        self.sync()?;
        let is_replaced = |name: &str| digest(name).is_some_and(|other| other != kept.digest);
        // Signatures last: a bundle without one would look unsigned.
        self.remove(|name| is_replaced(name) && name.ends_with(COPY));
        self.remove(is_replaced);
        Ok(())
    }

    /// What is kept and can be served, the newest first: signed with one of the keys, where there
    /// are any. Everything else in the folder is told in the log.
    pub fn kept(&self, keys: &PublicKeys) -> Vec<Kept> {
        let (kept, refused) = kept(&self.folder, keys);
        for error in refused {
            tracing::error!("cannot serve a kept bundle: {error}");
        }
        kept
    }

    /// The highest serial of a signed bundle that was ever taken in; 0 before the first.
    ///
    /// # Errors
    /// [`BundleError::Store`]: a bundle must not be taken in without knowing it.
    pub fn highest_serial(&self) -> Result<u64, BundleError> {
        let path = self.folder.join(HIGHEST);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            text => text.map_err(|error| self.failed(error))?,
        };
        let not_a_number = || io::Error::other(format!("{} holds no number", path.display()));
        text.trim().parse().map_err(|_| self.failed(not_a_number()))
    }

    /// Notes that a signed bundle of this serial is served.
    ///
    /// # Errors
    /// [`io::Error`].
    fn raise_highest_serial(&self, serial: u64) -> io::Result<()> {
        // One that cannot be read does not keep a server from a bundle that it has accepted.
        if self.highest_serial().unwrap_or(0) >= serial {
            return Ok(());
        }
        self.replace(&self.folder.join(HIGHEST), &format!("{serial}\n"))
    }

    /// Writes a file of the folder anew, at once or not at all.
    fn replace(&self, path: &Path, text: &str) -> io::Result<()> {
        let mut temporary = path.to_owned().into_os_string();
        temporary.push(TEMPORARY);
        write_synced(Path::new(&temporary), text.as_bytes())?;
        fs::rename(temporary, path)?;
        self.sync()
    }

    /// Makes renaming outlast a power failure.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    /// Removes the files of such names.
    fn remove(&self, is_unwanted: impl Fn(&str) -> bool) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && entry.file_name().to_str().is_some_and(&is_unwanted) {
                let _ = fs::remove_file(entry.path()); // next time, then
            }
        }
    }

    fn failed(&self, error: io::Error) -> BundleError {
        BundleError::Store { folder: self.folder.clone(), error }
    }
}

/// The bundles in a folder that can be served, the newest first, and why others cannot. Touches
/// nothing.
pub(super) fn kept(folder: &Path, keys: &PublicKeys) -> (Vec<Kept>, Vec<BundleError>) {
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_str().filter(|name| name.ends_with(COPY));
        let Some(digest) = name.and_then(digest) else { continue };
        let path = entry.path();
        let signed = match keys.is_empty() {
            true => Ok(()),
            false => keys.verify_file(&path).map(drop).map_err(|error| BundleError::Signature {
                from: path.display().to_string(),
                error,
            }),
        };
        let opened = signed.and_then(|()| {
            Filter::open(map(&path)?).map_err(|error| BundleError::invalid(&path, error))
        });
        match opened {
            Ok(filter) => kept.push(Kept { filter, digest }),
            Err(error) => refused.push(error),
        }
    }
    kept.sort_by_key(|kept| Reverse(kept.serial()));
    (kept, refused)
}

/// The signature beside a bundle of the operator's, if it is one of the bundle.
pub(super) fn verified(
    bytes: &[u8],
    path: &Path,
    keys: &PublicKeys,
) -> Result<String, BundleError> {
    let verify = |text: String| keys.verify(InPieces(bytes), &text).map(|_| text);
    let verified = signature::read_signature(path).and_then(verify);
    verified.map_err(|error| BundleError::Signature { from: path.display().to_string(), error })
}

/// Copies a whole file, down to the disk.
fn copy_synced(original: File, copy: &Path) -> io::Result<()> {
    let mut file = File::create(copy)?;
    copy_in_pieces(original, &mut file)?;
    file.sync_all()
}

/// Writes a whole file, down to the disk.
fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Maps a file of the folder.
fn map(path: &Path) -> Result<Mmap, BundleError> {
    let file = File::open(path).map_err(|error| BundleError::read(path, error))?;
    // SAFETY: the file lies in our own folder, which is locked. It is written once, before this, and
    // later only renamed or unlinked, which leaves a mapping as it is.
    #[expect(unsafe_code, reason = "a mapping is what keeps a bundle out of private memory")]
    let map = unsafe { Mmap::map(&file) };
    map.map_err(|error| BundleError::read(path, error))
}
