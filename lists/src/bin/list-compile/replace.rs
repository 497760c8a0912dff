//! Replacing a file at once or not at all.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, TryLockError},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use lists::durable;
use tempfile::NamedTempFile;

use crate::failure::Failure;

/// Links followed to where a file is, as Linux does.
const MAX_LINKS: usize = 40;
/// How the names of temporary files end.
const SUFFIX: &str = ".new";

/// Puts `bytes` in the place of `path`: whoever reads `path` sees the old file or the new one, whole.
/// On an error the old file is untouched.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        let mut replacement = Replacement::create(path)?;
        replacement.write_all(bytes)?;
        replacement.commit()
    };
    write().map_err(|error| cannot_write(path, &error))
}

/// Removes a file that [`replace`] wrote, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::Failed(format!("cannot remove {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Makes sure that no other update replaces the file meanwhile. Held until it is dropped, or the
/// process killed; `.NAME.lock` beside the file stays.
pub(crate) fn lock(path: &Path) -> Result<File, Failure> {
    let open = || {
        let target = target(path)?;
        let mut name = OsString::from(".");
        name.push(file_name(&target)?);
        name.push(".lock");
        let place = durable::folder(&target).join(name);
        File::options().write(true).create(true).truncate(false).open(place)
    };
    let lock = open().map_err(|error| cannot_write(path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Failure::Failed(format!(
            "another `list-compile update` is about to replace {}: wait for its end",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(cannot_write(path, &error)),
    }
}

/// A file that is written beside another, to take its place once it is on the disk. Dropped before
/// that, it is removed.
pub(crate) struct Replacement {
    /// Locked until it is in its place.
    file: BufWriter<NamedTempFile>,
    target: PathBuf,
}

impl Replacement {
    /// Begins to replace what `path` names; where that is a symbolic link, the file that it leads to.
    /// What is there and is no file, such as a device, is refused.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let target = target(path)?;
        let (folder, name) = (durable::folder(&target), file_name(&target)?);
        sweep(folder, name)?;
        let file = BufWriter::new(temporary(folder, name)?);
        Ok(Self { file, target })
    }

    pub(crate) fn commit(self) -> io::Result<()> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        durable::rename(file.path(), &self.target)?;
        file.disable_cleanup(true);
        Ok(())
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The regular file that `path` names or leads to, which need not be there yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::canonicalize(path),
        Ok(metadata) => {
            let what = if metadata.is_dir() { "a folder" } else { "a device, pipe or socket" };
            Err(io::Error::other(format!("it is {what}: give the path of a file")))
        }
        Err(_) => led_to(path),
    }
}

/// Where a path leads, by links that may lead to nothing yet.
fn led_to(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&place) {
            Ok(metadata) if metadata.is_symlink() => {
                let link = fs::read_link(&place)?;
                place = durable::folder(&place).join(link);
            }
            Ok(_) => return Ok(place),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(place),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("its symbolic links lead to each other"))
}

/// A new file that is locked as long as it is being written.
fn temporary(folder: &Path, name: &OsStr) -> io::Result<NamedTempFile> {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    // As other files: the resolver's account reads it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    loop {
        let file = builder.tempfile_in(folder)?;
        file.as_file().lock()?;
        // Another process may have swept it away before it was locked.
        if file.path().exists() {
            return Ok(file);
        }
    }
}

/// Removes what processes that were killed left beside the file: what nobody holds a lock on.
fn sweep(folder: &Path, name: &OsStr) -> io::Result<()> {
    let prefix = format!(".{}.", name.to_string_lossy());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_temporary = entry.file_name().to_str().is_some_and(|name| {
            name.strip_prefix(&prefix)
                .and_then(|rest| rest.strip_suffix(SUFFIX))
                .is_some_and(|random| random.bytes().all(|octet| octet.is_ascii_alphanumeric()))
        });
        // A pipe of that name would be waited for.
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !(is_temporary && is_file) {
            continue;
        }
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            // Another process may have removed it meanwhile.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

fn file_name(path: &Path) -> io::Result<&OsStr> {
    path.file_name().ok_or(io::ErrorKind::IsADirectory.into())
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::PermissionsExt, fs::symlink, net::UnixListener};

    use super::*;

    fn entries(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let names = fs::read_dir(folder).unwrap().map(name);
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn message(failure: Failure) -> String {
        match failure {
            Failure::Failed(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        symlink("socket", at("to-socket")).unwrap();
        symlink("loop", at("loop")).unwrap();
        let before = entries(folder.path());
        for (name, why) in [
            ("folder", "it is a folder"),
            ("socket", "it is a device, pipe or socket"),
            ("to-socket", "it is a device, pipe or socket"),
            ("loop", "lead to each other"),
            ("nowhere/file", "No such file"),
            ("..", "it is a folder"),
        ] {
            let text = message(replace(&at(name), b"new").unwrap_err());
            assert!(text.contains(why) && text.contains(name), "{name}: {text}");
            assert!(lock(&at(name)).is_err(), "{name}");
        }
        assert_eq!(entries(folder.path()), before);
        assert!(!fs::symlink_metadata(at("socket")).unwrap().is_file());
    }

    #[test]
    fn links_are_followed_and_stay_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("data")).unwrap();
        fs::write(at("data/real"), "old").unwrap();
        for (link, to) in [("link", "data/real"), ("again", "link"), ("early", "data/later")] {
            symlink(to, at(link)).unwrap();
        }
        for (link, file) in [("link", "data/real"), ("again", "data/real"), ("early", "data/later")]
        {
            replace(&at(link), link.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(at(file)).unwrap(), link);
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
        }
        assert_eq!(entries(&at("data")), ["later", "real"]);
    }

    #[test]
    fn what_killed_processes_left_is_swept_and_what_others_write_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [".out.1.new", ".out.aB3xYz.new", ".out.x.y.new", ".other.1.new", "out.1.new"] {
            fs::write(at(name), "half").unwrap();
        }
        let live = temporary(folder.path(), OsStr::new("out")).unwrap();
        let also_live = temporary(folder.path(), OsStr::new("out")).unwrap();
        assert_ne!(live.path(), also_live.path());
        replace(&at("out"), b"new").unwrap();
        assert!(live.path().exists() && also_live.path().exists());
        drop((live, also_live));
        let left = [".other.1.new", ".out.x.y.new", "out", "out.1.new"];
        assert_eq!(entries(folder.path()), left);
        // The account of the resolver reads what root wrote, as it may by the process's umask.
        let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode();
        assert_eq!(mode("out"), mode(".other.1.new"));
    }

    #[test]
    fn one_process_replaces_a_file_by_whatever_path() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("out", at("link")).unwrap();
        let held = lock(&at("out")).unwrap();
        for name in ["out", "link"] {
            let text = message(lock(&at(name)).unwrap_err());
            assert!(text.contains("another `list-compile update`"), "{text}");
        }
        lock(&at("another")).unwrap();
        drop(held);
        lock(&at("link")).unwrap();
    }
}
