//! The lists in force: the operator's bundle, verified and kept; or the embedded starter list.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use filter_core::{Filter, OpenError};
use memmap2::Mmap;
use thiserror::Error;

use crate::config::Config;

/// The hand-made list of `lists/data/starter`, compiled by `build.rs`.
static STARTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/starter.bundle"));

/// Lists ready to serve.
#[derive(Debug)]
pub struct Loaded {
    /// The lists.
    pub filter: Filter,
    /// When these are the last good ones: why the configured bundle could not be used.
    pub instead_of: Option<BundleError>,
}

/// Loads what the configuration asks for, or the last good bundle where that cannot be used.
///
/// # Errors
/// [`BundleError`], when there is nothing good to serve at all.
pub fn load(config: &Config) -> Result<Loaded, BundleError> {
    let error = match load_new(config) {
        Ok(filter) => return Ok(Loaded { filter, instead_of: None }),
        Err(error) => error,
    };
    match Store::of(config).and_then(|store| store.last_good()) {
        Ok(filter) => Ok(Loaded { filter, instead_of: Some(error) }),
        Err(_) => Err(error),
    }
}

/// Loads exactly what the configuration asks for.
///
/// # Errors
/// [`BundleError`]; whatever was served before should go on being served.
pub fn load_new(config: &Config) -> Result<Filter, BundleError> {
    match &config.bundle {
        Some(path) => Store::of(config)?.install(path),
        None => starter(),
    }
}

/// Opens what the configuration asks for without touching the state directory: for commands that
/// look, not serve.
///
/// # Errors
/// [`BundleError`].
pub fn inspect(config: &Config) -> Result<Filter, BundleError> {
    let Some(path) = &config.bundle else { return starter() };
    let bytes = fs::read(path).map_err(|error| BundleError::read(path, error))?;
    Filter::open(bytes).map_err(|error| BundleError::invalid(path, error))
}

fn starter() -> Result<Filter, BundleError> {
    Filter::open(STARTER).map_err(|error| BundleError::invalid("(embedded)", error))
}

/// Where verified bundles are kept, unless the configuration says otherwise: `$STATE_DIRECTORY` (as
/// systemd sets it), `$XDG_STATE_HOME/preau`, or `~/.local/state/preau`.
///
/// # Errors
/// [`BundleError::NoStateDirectory`], when none of those variables is set.
pub fn state_dir(config: &Config) -> Result<PathBuf, BundleError> {
    state_dir_from(config, |variable| env::var_os(variable))
}

fn state_dir_from(
    config: &Config,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, BundleError> {
    let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    config
        .state_dir
        .clone()
        .or_else(|| path("STATE_DIRECTORY"))
        .or_else(|| path("XDG_STATE_HOME").map(|home| home.join("preau")))
        .or_else(|| path("HOME").map(|home| home.join(".local/state/preau")))
        .ok_or(BundleError::NoStateDirectory)
}

/// The state directory: verified copies, named by their content, and a note of the current one.
///
/// Only these copies are ever mapped. A file of the operator's may be overwritten in place, which
/// would pull the pages from under the server.
#[derive(Debug)]
struct Store {
    directory: PathBuf,
}

/// Name of the file that holds the name of the current copy.
const CURRENT: &str = "current";
/// How names of copies end.
const COPY_SUFFIX: &str = ".bundle";
/// A copy that is not verified yet.
const INCOMING: &str = "incoming.tmp";

impl Store {
    fn of(config: &Config) -> Result<Self, BundleError> {
        Ok(Self { directory: state_dir(config)? })
    }

    /// Copies a bundle into the store, verifies the copy, and makes it the current one.
    fn install(&self, source: &Path) -> Result<Filter, BundleError> {
        let bytes = fs::read(source).map_err(|error| BundleError::read(source, error))?;
        fs::create_dir_all(&self.directory).map_err(|error| self.failed(error))?;
        let incoming = self.directory.join(INCOMING);
        write_synced(&incoming, &bytes).map_err(|error| self.failed(error))?;
        let filter = open(&incoming).map_err(|error| {
            let _ = fs::remove_file(&incoming);
            match error {
                BundleError::Invalid { error, .. } => BundleError::invalid(source, error),
                other => other,
            }
        })?;
        let name = format!("{}{COPY_SUFFIX}", blake3::hash(&bytes));
        self.make_current(&incoming, &name).map_err(|error| self.failed(error))?;
        Ok(filter)
    }

    /// Renames the verified file, notes its name, and drops the copies that it replaces. A server
    /// that still maps one of those keeps its pages.
    fn make_current(&self, verified: &Path, name: &str) -> io::Result<()> {
        fs::rename(verified, self.directory.join(name))?;
        let note = self.directory.join(format!("{CURRENT}.tmp"));
        write_synced(&note, name.as_bytes())?;
        fs::rename(&note, self.directory.join(CURRENT))?;
        File::open(&self.directory)?.sync_all()?;
        for entry in fs::read_dir(&self.directory)?.flatten() {
            let file_name = entry.file_name();
            let is_copy = file_name.to_str().is_some_and(|name| name.ends_with(COPY_SUFFIX));
            if is_copy && file_name != name {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// The copy that was verified last.
    fn last_good(&self) -> Result<Filter, BundleError> {
        let note = self.directory.join(CURRENT);
        let name = fs::read_to_string(&note).map_err(|error| BundleError::read(&note, error))?;
        open(&self.directory.join(name))
    }

    fn failed(&self, error: io::Error) -> BundleError {
        BundleError::Store { directory: self.directory.clone(), error }
    }
}

/// Writes a whole file, down to the disk.
fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Maps and verifies a file of the store.
fn open(path: &Path) -> Result<Filter, BundleError> {
    let file = File::open(path).map_err(|error| BundleError::read(path, error))?;
    // SAFETY: the file lies in our state directory under a name made of its content. It is written
    // once, before this, and later only renamed or unlinked, which leaves a mapping as it is.
    #[expect(unsafe_code, reason = "a mapping is what keeps a bundle out of private memory")]
    let map = unsafe { Mmap::map(&file) }.map_err(|error| BundleError::read(path, error))?;
    Filter::open(map).map_err(|error| BundleError::invalid(path, error))
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
    #[error("{} is not a usable bundle: {error}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: OpenError,
    },
    /// The state directory cannot be written.
    #[error(
        "cannot keep the bundle in {}: {error}; set [lists] state_dir to a directory that preau \
         may write",
        directory.display()
    )]
    Store {
        /// The directory.
        directory: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// There is no telling where to keep a bundle.
    #[error("no place to keep the bundle: set [lists] state_dir, or $HOME")]
    NoStateDirectory,
}

impl BundleError {
    fn read(path: &Path, error: io::Error) -> Self {
        Self::Read { path: path.to_owned(), error }
    }

    fn invalid(path: impl AsRef<Path>, error: OpenError) -> Self {
        Self::Invalid { path: path.as_ref().to_owned(), error }
    }
}
