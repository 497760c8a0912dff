//! The lists in force: a published bundle, one of the operator's, or the embedded starter list.

mod store;
#[cfg(test)]
mod tests;

use std::{
    env,
    ffi::OsString,
    fmt,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use filter_core::{Filter, OpenError, Stamp};
use jiff::Timestamp;
use lists::signature::SignatureError;
use thiserror::Error;

pub use self::store::{Kept, Staged, Store};
use crate::config::{Config, ListSource};

/// The hand-made list of `lists/data/starter`, compiled by `build.rs`.
static STARTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/starter.bundle"));

/// Which lists are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Those embedded in the program.
    Starter,
    /// The same, since nothing was fetched yet from this URL.
    StarterInsteadOf(String),
    /// The bundle that the configuration names.
    Bundle(PathBuf),
    /// What was kept of an earlier one, since the bundle that the configuration names cannot be
    /// served.
    LastGood(PathBuf),
    /// What is published at this URL.
    Published(String),
    /// What was kept of that, when the server started.
    Kept(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starter => f.write_str("starter list"),
            Self::StarterInsteadOf(url) => write!(f, "starter list, not yet those of {url},"),
            Self::Bundle(path) => write!(f, "bundle {}", path.display()),
            Self::LastGood(path) => write!(f, "last good copy, not bundle {},", path.display()),
            Self::Published(url) => f.write_str(url),
            Self::Kept(url) => write!(f, "kept copy from {url}"),
        }
    }
}

/// Opens what the configuration asks for without touching the cache: for commands that look, not
/// serve. Of published lists that is the newest that was kept, or else the starter list.
///
/// # Errors
/// [`BundleError`].
pub fn inspect(config: &Config) -> Result<(Origin, Filter), BundleError> {
    let lists = &config.lists;
    match &lists.source {
        ListSource::Starter => Ok((Origin::Starter, starter()?)),
        ListSource::Bundle(path) => {
            let bytes = read(path)?;
            if !lists.keys.is_empty() {
                store::verified(&bytes, path, &lists.keys)?;
            }
            let filter = Filter::open(bytes).map_err(|error| BundleError::invalid(path, error))?;
            Ok((Origin::Bundle(path.clone()), filter))
        }
        ListSource::Published { url, .. } => {
            let (kept, _) = store::kept(&cache(config)?, &lists.keys);
            match kept.into_iter().next() {
                Some(kept) => Ok((Origin::Kept(url.to_string()), kept.filter)),
                None => Ok((Origin::StarterInsteadOf(url.to_string()), starter()?)),
            }
        }
    }
}

/// The embedded list.
///
/// # Errors
/// [`BundleError::Invalid`]: the program is damaged.
pub fn starter() -> Result<Filter, BundleError> {
    Filter::open(STARTER).map_err(|error| BundleError::Invalid { from: "(embedded)".into(), error })
}

/// Where verified bundles are kept, unless the configuration says otherwise: `$STATE_DIRECTORY` (as
/// systemd sets it; what a cleaner of caches would remove is the memory of the highest serial),
/// `$XDG_STATE_HOME/preau`, or `~/.local/state/preau`.
///
/// # Errors
/// [`BundleError::NoCache`], when none of those variables is set.
pub fn cache(config: &Config) -> Result<PathBuf, BundleError> {
    cache_from(config, |variable| env::var_os(variable))
}

fn cache_from(
    config: &Config,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, BundleError> {
    let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    config
        .lists
        .cache
        .clone()
        .or_else(|| path("STATE_DIRECTORY"))
        .or_else(|| path("XDG_STATE_HOME").map(|home| home.join("preau")))
        .or_else(|| path("HOME").map(|home| home.join(".local/state/preau")))
        .ok_or(BundleError::NoCache)
}

/// The expiry that is past. One that is not an RFC 3339 instant counts as past.
pub(crate) fn expired(stamp: &Stamp) -> Option<&str> {
    let expires = stamp.expires.as_deref()?;
    let is_ahead = expires.parse().is_ok_and(|instant: Timestamp| instant > Timestamp::now());
    (!is_ahead).then_some(expires)
}

/// Reads a bundle of the operator's.
fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    let read = open(path)?.read_to_end(&mut bytes);
    read.map_err(|error| BundleError::read(path, error))?;
    Ok(bytes)
}

/// Opens a bundle of the operator's.
fn open(path: &Path) -> Result<File, BundleError> {
    let file = fs::metadata(path).and_then(|metadata| match metadata.is_file() {
        true => File::open(path),
        // Reading a pipe would wait for whoever writes to it.
        false => Err(io::Error::other("not a regular file")),
    });
    file.map_err(|error| BundleError::read(path, error))
}

/// Why a bundle cannot be served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The file is missing or not readable.
    #[error("cannot read the bundle {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The file is not an intact bundle of this version.
    #[error("{from} is not a usable bundle: {error}")]
    Invalid {
        /// Its path or URL.
        from: String,
        /// What is wrong with it.
        error: OpenError,
    },
    /// Keys are configured, and none of them vouches for the file.
    #[error("{from} is refused: {error}")]
    Signature {
        /// Its path or URL.
        from: String,
        /// Why not.
        error: SignatureError,
    },
    /// What is published with the bundle says something else than the bundle.
    #[error(
        "{from}: the pointer says serial {pointer}, and the bundle that it names says {bundle}; \
         publish again"
    )]
    Mislabelled {
        /// Its URL.
        from: String,
        /// What the pointer says.
        pointer: u64,
        /// What the bundle says.
        bundle: u64,
    },
    /// The cache cannot be read or written.
    #[error(
        "cannot keep bundles in {}: {error}; set [lists] cache to a directory that preau may write",
        folder.display()
    )]
    Store {
        /// The directory.
        folder: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Another server keeps its bundles there.
    #[error(
        "another preau keeps its bundles in {}: stop it, or set [lists] cache to a directory of \
         this one's own",
        folder.display()
    )]
    InUse {
        /// The directory.
        folder: PathBuf,
    },
    /// A bundle past its date does not replace another.
    #[error("{from} expired at {expires}; publish a new one")]
    Expired {
        /// Its path or URL.
        from: String,
        /// What it says about itself.
        expires: String,
    },
    /// A bundle older than one that was served does not replace it.
    #[error(
        "{from} has serial {serial}, older than {newest}, which was served already; publish a newer \
         one (to go back: list-compile publish --rollback; to follow another publisher, an empty \
         [lists] cache)"
    )]
    RollBack {
        /// Its path or URL.
        from: String,
        /// Its serial.
        serial: u64,
        /// The highest that was served.
        newest: u64,
    },
    /// There is no telling where to keep a bundle.
    #[error("no place to keep bundles: set [lists] cache, or $HOME")]
    NoCache,
}

impl BundleError {
    /// True for what another attempt would find again: the fault is the bundle's, not of the moment.
    pub(crate) fn blames_bundle(&self) -> bool {
        match self {
            Self::Invalid { .. }
            | Self::Signature { .. }
            | Self::Mislabelled { .. }
            | Self::Expired { .. }
            | Self::RollBack { .. } => true,
            Self::Read { .. } | Self::Store { .. } | Self::InUse { .. } | Self::NoCache => false,
        }
    }

    fn read(path: &Path, error: io::Error) -> Self {
        Self::Read { path: path.to_owned(), error }
    }

    fn invalid(path: &Path, error: OpenError) -> Self {
        Self::Invalid { from: path.display().to_string(), error }
    }
}
