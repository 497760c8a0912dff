//! Files that are in their place whole, or not at all, also after a power cut.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Moves a file to `path`, in a folder of the same file system, once it is on the disk, and the move
/// with it: whoever reads `path` sees what was there before or the new file, whole.
///
/// # Errors
/// What the system says; what was at `path` is untouched unless only the last step failed.
pub fn rename(file: &Path, path: &Path) -> io::Result<()> {
    File::open(file)?.sync_all()?;
    fs::rename(file, path)?;
    // Without this the move itself could be lost with the power.
    File::open(folder(path))?.sync_all()
}

/// The folder of a file.
pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
