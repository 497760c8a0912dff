//! Replacing a file at once or not at all.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// Writes `bytes` beside `path` and moves them into its place once they are on the disk: whoever
/// reads `path` sees the old file or the new one, whole. On an error the old file is untouched.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    sweep(folder, name)?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = folder.join(temporary);

    let written = write(&temporary, bytes)
        // Locked until it is in its place.
        .and_then(|_locked| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one that tells.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    // Without this the move itself could be lost with the power.
    File::open(folder)?.sync_all()
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = File::create(path)?;
    file.lock()?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
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
