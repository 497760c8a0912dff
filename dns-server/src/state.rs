//! What a server remembers from one run to the next, beside its lists.
//!
//! ```text
//! allowances.json   names that are let through for a while
//! audit.jsonl       what was changed, by whom, when and why
//! reports.json      what visitors of the block page reported
//! state.lock        held by the one server that has the folder
//! ```

pub(crate) mod allowances;
pub(crate) mod audit;
pub(crate) mod reports;

use std::{
    env,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use filter_core::DomainName;
use jiff::{Timestamp, civil::Date};
use lists::digest::Sha256Digest;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use thiserror::Error;

use self::{
    allowances::Allowance,
    audit::{AuditLog, Entry},
    reports::Reports,
};
use crate::{
    bundle::{self, BundleError},
    config::Config,
    control,
};

/// The folder of a running server, and what is open in it.
#[derive(Debug)]
pub(crate) struct State {
    folder: PathBuf,
    audit: AuditLog,
    _lock: File,
}

/// Why nothing can be remembered. What is served does not depend on it.
#[derive(Debug, Error)]
pub(crate) enum StateError {
    /// There is no telling where.
    #[error(transparent)]
    Nowhere(#[from] BundleError),
    /// The server has neither control socket nor state folder.
    #[error(
        "this server keeps no record: give it a [control] socket, or start it with $STATE_DIRECTORY"
    )]
    NotAsked,
    /// Another server keeps its record there.
    #[error(
        "another preau keeps its record in {}: stop it, or set [lists] cache to a folder of this \
         one's own",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder or a file in it cannot be written.
    #[error("cannot write {}: {error}; make room, or let preau write there", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

const ALLOWANCES: &str = "allowances.json";
const AUDIT: &str = "audit.jsonl";
const REPORTS: &str = "reports.json";
/// Where reports go that cannot be read.
const UNREADABLE_REPORTS: &str = "reports.unreadable";
const LOCK: &str = "state.lock";

/// Where a server of that configuration keeps its state; [`StateError::NotAsked`] for one that is
/// tried by hand, with neither control socket nor service manager: it leaves nothing behind.
pub(crate) fn folder(config: &Config) -> Result<PathBuf, StateError> {
    let is_managed = env::var_os("STATE_DIRECTORY").is_some_and(|value| !value.is_empty());
    if control::socket(config).is_none() && !is_managed {
        return Err(StateError::NotAsked);
    }
    Ok(bundle::cache(config)?)
}

/// The audit log of a state folder.
pub(crate) fn audit_log(folder: &Path) -> PathBuf {
    folder.join(AUDIT)
}

impl State {
    /// Opens a folder, and makes it where there is none. Records of the audit log older than `keep`
    /// are dropped.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) fn open(
        folder: PathBuf,
        keep: Duration,
        now: Timestamp,
    ) -> Result<Self, StateError> {
        let failed = |path: &Path, error| StateError::Write { path: path.to_owned(), error };
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        let path = folder.join(LOCK);
        let lock = private(OpenOptions::new().write(true).create(true)).open(&path);
        let lock = lock.map_err(|error| failed(&path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse { folder }),
            Err(TryLockError::Error(error)) => return Err(failed(&path, error)),
        }
        let path = audit_log(&folder);
        let audit = AuditLog::open(&path, keep, now).map_err(|error| failed(&path, error))?;
        Ok(Self { folder, audit, _lock: lock })
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The digest of the last record: whoever noted it elsewhere can tell that none was removed.
    pub(crate) fn audit_head(&self) -> Sha256Digest {
        self.audit.head()
    }

    /// The names that were let through when the server stopped. What cannot be read lets nothing
    /// through, loudly.
    pub(crate) fn allowances(&self) -> Vec<Allowance> {
        let path = self.folder.join(ALLOWANCES);
        let read = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => Err(error.to_string()),
            Ok(octets) => serde_json::from_slice(&octets).map_err(|error| error.to_string()),
        };
        read.unwrap_or_else(|error| {
            let path = path.display();
            tracing::error!("{path}: {error}. EVERY NAME THAT WAS LET THROUGH IS LOCKED AGAIN");
            Vec::new()
        })
    }

    /// Remembers exactly these.
    ///
    /// # Errors
    /// [`StateError::Write`]; those from before are remembered.
    pub(crate) fn keep(&self, allowances: &[&Allowance]) -> Result<(), StateError> {
        self.write(ALLOWANCES, allowances)
    }

    /// What was reported when the server stopped. What cannot be read is put aside, loudly.
    pub(crate) fn reports(&self, today: Date) -> Reports {
        let path = self.folder.join(REPORTS);
        let read = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Reports::default(),
            Err(error) => Err(error.to_string()),
            Ok(octets) => serde_json::from_slice(&octets).map_err(|error| error.to_string()),
        };
        match read {
            Ok(reports) => Reports::kept(reports, today),
            Err(error) => {
                let _ = fs::rename(&path, self.folder.join(UNREADABLE_REPORTS));
                let path = path.display();
                tracing::error!("{path}: {error}. REPORTS ARE LOST; see {UNREADABLE_REPORTS}");
                Reports::default()
            }
        }
    }

    /// Remembers exactly these.
    ///
    /// # Errors
    /// [`StateError::Write`]; those from before are remembered.
    pub(crate) fn keep_reports(&self, reports: &Reports) -> Result<(), StateError> {
        self.write(REPORTS, &reports.iter().collect::<Vec<_>>())
    }

    /// Writes a file of the folder anew, at once or not at all.
    fn write<T: Serialize + ?Sized>(&self, file: &str, content: &T) -> Result<(), StateError> {
        let path = self.folder.join(file);
        let written = serde_json::to_vec_pretty(content).map_err(io::Error::other);
        written
            .and_then(|octets| replace(&path, &octets))
            .map_err(|error| StateError::Write { path, error })
    }

    /// Adds a record to the audit log, down to the disk.
    ///
    /// # Errors
    /// [`StateError::Write`]; the log is as it was.
    pub(crate) fn record(&mut self, entry: &Entry) -> Result<(), StateError> {
        let path = audit_log(&self.folder);
        self.audit.append(entry).map_err(|error| StateError::Write { path, error })?;
        // Whoever changes the file and all digests in it does not change the system's journal.
        tracing::info!("audit: {entry}; record {}", self.audit.head());
        Ok(())
    }

    /// Keeps records for so long from now on.
    pub(crate) fn keep_records_for(&mut self, time: Duration) {
        self.audit.keep_for(time);
    }

    /// Drops records whose time is over.
    ///
    /// # Errors
    /// [`StateError::Write`]; the log is as it was.
    pub(crate) fn drop_old_records(&mut self, now: Timestamp) -> Result<(), StateError> {
        let path = audit_log(&self.folder);
        self.audit.drop_old(now).map_err(|error| StateError::Write { path, error })
    }
}

/// A name as it stands in a file.
fn domain_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DomainName, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// For the server's own user, and its group to read.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o640)
}

/// Writes a file anew, at once or not at all.
fn replace(path: &Path, octets: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let written = private(OpenOptions::new().write(true).create(true).truncate(true))
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(octets)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    // Makes renaming outlast a power failure.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests;
