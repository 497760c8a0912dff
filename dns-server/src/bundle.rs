//! The lists in force: the operator's bundle, verified and kept; or the embedded starter list.

use std::{
    env,
    ffi::OsString,
    fmt,
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use filter_core::{Filter, OpenError, Stamp};
use jiff::Timestamp;
use memmap2::Mmap;
use thiserror::Error;

use crate::config::Config;

/// The hand-made list of `lists/data/starter`, compiled by `build.rs`.
static STARTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/starter.bundle"));

/// Which lists are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Those embedded in the program.
    Starter,
    /// The bundle that the configuration names.
    Bundle(PathBuf),
    /// What was kept of an earlier one, since the bundle that the configuration names cannot be
    /// served.
    LastGood(PathBuf),
}

impl Origin {
    /// What the configuration asks for.
    pub fn of(config: &Config) -> Self {
        config.bundle.clone().map_or(Self::Starter, Self::Bundle)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starter => f.write_str("starter list"),
            Self::Bundle(path) => write!(f, "bundle {}", path.display()),
            Self::LastGood(path) => write!(f, "last good copy, not bundle {},", path.display()),
        }
    }
}

/// Opens what the configuration asks for without touching the state directory: for commands that
/// look, not serve.
///
/// # Errors
/// [`BundleError`].
pub fn inspect(config: &Config) -> Result<Filter, BundleError> {
    let Some(path) = &config.bundle else { return starter() };
    Filter::open(read(path)?).map_err(|error| BundleError::invalid(path, error))
}

/// The embedded list.
///
/// # Errors
/// [`BundleError::Invalid`]: the program is damaged.
pub fn starter() -> Result<Filter, BundleError> {
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
/// would pull the pages from under the server. One server at a time has the directory: another would
/// remove its copies.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// The directory itself, locked for as long as it is open.
    _lock: File,
}

/// A verified copy of a bundle that is not the current one yet. Unless it is [committed](
/// Store::commit), nothing is left of it.
#[derive(Debug)]
pub struct Staged {
    /// The lists.
    pub filter: Filter,
    source: PathBuf,
    name: String,
    incoming: Incoming,
}

impl Staged {
    /// Checks that it may replace the bundle of this stamp: it has not expired, and is no older.
    ///
    /// # Errors
    /// [`BundleError::Expired`], [`BundleError::RollBack`].
    pub fn check_replaces(&self, served: &Stamp) -> Result<(), BundleError> {
        let stamp = &self.filter.manifest().stamp;
        // The very one that is being served replaces nothing.
        if let (true, Some(expires)) = (stamp != served, expired(stamp)) {
            return Err(BundleError::Expired {
                path: self.source.clone(),
                expires: expires.into(),
            });
        }
        let (serial, served) = (stamp.serial, served.serial);
        match serial < served {
            true => Err(BundleError::RollBack { path: self.source.clone(), serial, served }),
            false => Ok(()),
        }
    }
}

/// The expiry that is past. One that is not an RFC 3339 instant counts as past.
pub(crate) fn expired(stamp: &Stamp) -> Option<&str> {
    let expires = stamp.expires.as_deref()?;
    let is_ahead = expires.parse().is_ok_and(|instant: Timestamp| instant > Timestamp::now());
    (!is_ahead).then_some(expires)
}

/// Name of the file that holds the name of the current copy.
const CURRENT: &str = "current";
/// How names of copies end.
const COPY_SUFFIX: &str = ".bundle";
/// A copy that may yet turn out to be of no use.
const INCOMING: &str = "incoming.tmp";

/// Path of that copy, which goes when this does.
#[derive(Debug)]
struct Incoming(PathBuf);

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Store {
    /// Opens and locks the state directory, and makes it where there is none.
    ///
    /// # Errors
    /// [`BundleError::InUse`], or [`BundleError::Store`].
    pub fn open(directory: PathBuf) -> Result<Self, BundleError> {
        let opened = fs::create_dir_all(&directory).and_then(|()| File::open(&directory));
        let locked = opened.map_err(TryLockError::Error).and_then(|file| {
            file.try_lock()?;
            Ok(file)
        });
        match locked {
            Ok(file) => Ok(Self { directory, _lock: file }),
            Err(TryLockError::WouldBlock) => Err(BundleError::InUse { directory }),
            Err(TryLockError::Error(error)) => Err(BundleError::Store { directory, error }),
        }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Copies a bundle into the store and verifies the copy. The last good one stays what it is.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn stage(&self, source: &Path) -> Result<Staged, BundleError> {
        let bytes = read(source)?;
        let incoming = Incoming(self.directory.join(INCOMING));
        write_synced(&incoming.0, &bytes).map_err(|error| self.failed(error))?;
        let filter = open(&incoming.0).map_err(|error| match error {
            BundleError::Invalid { error, .. } => BundleError::invalid(source, error),
            other => other,
        })?;
        let name = format!("{}{COPY_SUFFIX}", blake3::hash(&bytes));
        Ok(Staged { filter, source: source.to_owned(), name, incoming })
    }

    /// Makes a copy the current one, which is the last good one from now on: for a copy that is
    /// known to fit the configuration.
    ///
    /// # Errors
    /// [`BundleError::Store`].
    pub fn commit(&self, staged: Staged) -> Result<Filter, BundleError> {
        let Staged { filter, name, incoming, .. } = staged;
        self.make_current(&incoming.0, &name).map_err(|error| self.failed(error))?;
        Ok(filter)
    }

    /// Renames a verified file, notes its name, and drops the copies that it replaces. A server
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

    /// The copy that was committed last.
    ///
    /// # Errors
    /// [`BundleError`]: there is none, or it is damaged.
    pub fn last_good(&self) -> Result<Filter, BundleError> {
        let note = self.directory.join(CURRENT);
        let name = fs::read_to_string(&note).map_err(|error| BundleError::read(&note, error))?;
        open(&self.directory.join(name))
    }

    fn failed(&self, error: io::Error) -> BundleError {
        BundleError::Store { directory: self.directory.clone(), error }
    }
}

/// Reads a bundle of the operator's.
fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    let bytes = fs::metadata(path).and_then(|metadata| match metadata.is_file() {
        true => fs::read(path),
        // Reading a pipe would wait for whoever writes to it.
        false => Err(io::Error::other("not a regular file")),
    });
    bytes.map_err(|error| BundleError::read(path, error))
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
    /// Another server keeps its bundle there.
    #[error(
        "another preau keeps its bundle in {}: stop it, or set [lists] state_dir to a directory of \
         this one's own",
        directory.display()
    )]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// A bundle past its date does not replace another.
    #[error("{} expired at {expires}; publish a new one", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// What it says about itself.
        expires: String,
    },
    /// A bundle older than the one being served does not replace it.
    #[error(
        "{} has serial {serial}, older than {served}, which is being served; publish a newer one (to \
         go back, the old lists again with a higher serial)",
        path.display()
    )]
    RollBack {
        /// The file.
        path: PathBuf,
        /// Its serial.
        serial: u64,
        /// That of the lists being served.
        served: u64,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// A directory with an operator's bundle in it, and the configuration that names it.
    struct Site {
        folder: tempfile::TempDir,
        config: Config,
    }

    impl Site {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let text = "[lists]\nbundle = \"today.bundle\"\nstate_dir = \"state\"\n";
            let file = folder.path().join("preau.toml");
            let config = Config::parse(file.to_str().unwrap(), text).unwrap();
            Self { folder, config }
        }

        fn publish(&self, bytes: &[u8]) {
            fs::write(self.folder.path().join("today.bundle"), bytes).unwrap();
        }

        fn store(&self) -> Store {
            Store::open(state_dir(&self.config).unwrap()).unwrap()
        }

        /// Takes the bundle in.
        fn install(&self) -> Result<Filter, BundleError> {
            let store = self.store();
            store.commit(store.stage(self.config.bundle.as_ref().unwrap())?)
        }

        /// Names of what the state directory holds, sorted.
        fn kept(&self) -> Vec<String> {
            let entries = fs::read_dir(self.folder.path().join("state")).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    fn serial(filter: &Filter) -> u64 {
        filter.manifest().stamp.serial
    }

    fn copy_name(bytes: &[u8]) -> String {
        format!("{}.bundle", blake3::hash(bytes))
    }

    #[test]
    fn the_starter_list_is_sound() {
        let filter = inspect(&Config::default()).unwrap();
        let counts = &filter.manifest().counts;
        assert!(counts.names >= 400, "{counts:?}");
    }

    #[test]
    fn the_copy_is_served_not_the_file() {
        let site = Site::new();
        let bytes = testing::bundle(7);
        site.publish(&bytes);
        let filter = site.install().unwrap();
        assert_eq!(serial(&filter), 7);
        assert_eq!(site.kept(), [copy_name(&bytes), "current".to_owned()]);
        // Overwritten in place, as by a careless copy.
        site.publish(&vec![0; bytes.len()]);
        let staff = filter.bind(&filter_core::Profile::named("staff").unwrap()).unwrap();
        assert!(staff.host("porn.example").is_blocked());
    }

    #[test]
    fn a_new_bundle_replaces_the_copy() {
        let site = Site::new();
        for number in [1, 2, 2, 3] {
            let bytes = testing::bundle(number);
            site.publish(&bytes);
            assert_eq!(serial(&site.install().unwrap()), number);
            assert_eq!(site.kept(), [copy_name(&bytes), "current".to_owned()]);
        }
    }

    #[test]
    fn a_bad_bundle_leaves_the_last_good_one() {
        let good = testing::bundle(7);
        let flipped = |at: usize| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            bytes
        };
        let bad: [(&str, Option<Vec<u8>>); 6] = [
            ("missing", None),
            ("empty", Some(Vec::new())),
            ("garbage", Some(b"\x7fELF\x02\x01\x01".repeat(99))),
            ("truncated", Some(good[..good.len() / 2].to_vec())),
            ("flipped", Some(flipped(good.len() / 2))),
            ("flipped at the end", Some(flipped(good.len() - 1))),
        ];
        for (what, bytes) in bad {
            let site = Site::new();
            site.publish(&good);
            site.install().unwrap();
            match &bytes {
                Some(bytes) => site.publish(bytes),
                None => fs::remove_file(site.folder.path().join("today.bundle")).unwrap(),
            }
            let error = site.install().unwrap_err();
            assert_eq!(matches!(error, BundleError::Read { .. }), bytes.is_none(), "{what}");
            assert!(error.to_string().contains("today.bundle"), "{what}: {error}");
            assert_eq!(serial(&site.store().last_good().unwrap()), 7, "{what}");
            assert_eq!(site.kept(), [copy_name(&good), "current".to_owned()], "{what}");
        }
    }

    #[test]
    fn what_is_not_committed_leaves_nothing() {
        let site = Site::new();
        assert!(matches!(site.store().last_good(), Err(BundleError::Read { .. })));
        let good = testing::bundle(7);
        site.publish(&good);
        site.install().unwrap();
        site.publish(&testing::bundle(8));
        let staged = site.store().stage(site.config.bundle.as_ref().unwrap()).unwrap();
        assert_eq!(serial(&staged.filter), 8);
        drop(staged);
        assert_eq!(site.kept(), [copy_name(&good), "current".to_owned()]);
        assert_eq!(serial(&site.store().last_good().unwrap()), 7);
    }

    #[test]
    fn a_copy_that_rotted_on_the_disk_is_not_good() {
        let site = Site::new();
        let good = testing::bundle(7);
        site.publish(&good);
        site.install().unwrap();
        let copy = site.folder.path().join("state").join(copy_name(&good));
        fs::write(copy, &good[..good.len() - 9]).unwrap();
        assert!(matches!(site.store().last_good(), Err(BundleError::Invalid { .. })));
    }

    #[test]
    fn inspecting_keeps_nothing() {
        let site = Site::new();
        site.publish(&testing::bundle(7));
        assert_eq!(serial(&inspect(&site.config).unwrap()), 7);
        assert!(!site.folder.path().join("state").exists());
    }

    #[test]
    fn a_bundle_is_a_regular_file() {
        let site = Site::new();
        fs::create_dir(site.config.bundle.as_ref().unwrap()).unwrap();
        for error in [site.install().unwrap_err(), inspect(&site.config).unwrap_err()] {
            assert!(error.to_string().ends_with("today.bundle: not a regular file"), "{error}");
        }
    }

    #[test]
    fn a_state_directory_serves_one() {
        let site = Site::new();
        let first = site.store();
        let error = Store::open(first.directory().to_owned()).unwrap_err();
        assert!(matches!(error, BundleError::InUse { .. }), "{error}");
        assert!(error.to_string().contains("set [lists] state_dir"), "{error}");
        drop(first);
        site.store();
    }

    #[test]
    fn a_state_directory_that_cannot_be_made() {
        let site = Site::new();
        site.publish(&testing::bundle(7));
        fs::write(site.folder.path().join("state"), "in the way").unwrap();
        let error = Store::open(state_dir(&site.config).unwrap()).unwrap_err();
        assert!(matches!(error, BundleError::Store { .. }), "{error}");
        assert!(error.to_string().contains("set [lists] state_dir"), "{error}");
    }

    #[test]
    fn state_directories() {
        const EMPTY: &str = "";
        let configured =
            Config::parse("/etc/preau.toml", "[lists]\nstate_dir = \"/srv\"\n").unwrap();
        let cases: &[(&Config, [&str; 3], &str)] = &[
            (&configured, ["/var/lib/preau", "/state", "/root"], "/srv"),
            (&Config::default(), ["/var/lib/preau", "/state", "/root"], "/var/lib/preau"),
            (&Config::default(), [EMPTY, "/state", "/root"], "/state/preau"),
            (&Config::default(), [EMPTY, EMPTY, "/root"], "/root/.local/state/preau"),
        ];
        for (config, values, expected) in cases {
            let variables = ["STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"];
            let variable = |name: &str| {
                let index = variables.iter().position(|variable| *variable == name)?;
                Some(values[index].into())
            };
            assert_eq!(state_dir_from(config, variable).unwrap(), Path::new(expected));
        }
        let nothing = state_dir_from(&Config::default(), |_| None);
        assert!(matches!(nothing, Err(BundleError::NoStateDirectory)));
    }
}
