//! Replacing a file at once or not at all.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Puts `bytes` in the place of `path`: whoever reads `path` sees the old file or the new one, whole.
/// On an error the old file is untouched.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut replacement = Replacement::create(path)?;
    replacement.write_all(bytes)?;
    replacement.commit()
}

/// A file that is written beside another, to take its place once it is on the disk. Dropped before
/// that, it is removed.
pub(crate) struct Replacement {
    /// Locked until it is in its place.
    file: BufWriter<File>,
    temporary: Temporary,
    path: PathBuf,
}

/// Removes the file if it is still there.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Gone after a commit; after an error, that error is the one that tells.
        let _ = fs::remove_file(&self.0);
    }
}

impl Replacement {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let folder = folder(path);
        sweep(folder, name)?;
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.new", std::process::id()));
        let temporary = Temporary(folder.join(temporary));
        let file = File::create(&temporary.0)?;
        file.lock()?;
        Ok(Self { file: BufWriter::new(file), temporary, path: path.to_owned() })
    }

    pub(crate) fn commit(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&self.temporary.0, &self.path)?;
        // Without this the move itself could be lost with the power.
        File::open(folder(&self.path))?.sync_all()
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

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes what processes that were killed left beside the file: what nobody holds a lock on.
fn sweep(folder: &Path, name: &OsStr) -> io::Result<()> {
    let prefix = format!(".{}.", name.to_string_lossy());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_temporary = entry.file_name().to_str().is_some_and(|name| {
            name.strip_prefix(&prefix)
                .and_then(|rest| rest.strip_suffix(".new"))
                .is_some_and(|number| number.parse::<u32>().is_ok())
        });
        // Another process may have removed it meanwhile.
        if is_temporary && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}
