//! Where a list is on disk: the archives of one build, each unpacked once for all its sources, and
//! the members of trees.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    archive::{self, Content, Limits},
    formats::{Members, ReadError},
    source::Format,
};

/// Archives unpacked into a temporary folder, which goes with this.
#[derive(Debug, Default)]
pub(super) struct Archives {
    folder: Option<TempDir>,
    /// The tree of each archive, by its canonical path.
    trees: HashMap<PathBuf, PathBuf>,
}

/// A list on disk.
#[derive(Debug)]
pub(super) struct Located {
    /// The file or directory.
    pub(super) path: PathBuf,
    /// The tree that it is part of, which no link may leave.
    pub(super) tree: Option<PathBuf>,
    /// What people are told: of a member, the archive's path and the member's.
    pub(super) shown: PathBuf,
}

impl Archives {
    /// Finds a list: a file or directory, or a member of a directory or archive.
    pub(super) fn locate(
        &mut self,
        path: &Path,
        member: Option<&Path>,
        format: Option<Format>,
        limits: &Limits,
    ) -> Result<Located, ReadError> {
        let metadata = fs::metadata(path)?;
        // What is no regular file, such as a pipe, can be read only once.
        let is_archive = metadata.is_file() && archive::content(path)? == Content::Archive;
        let tree = match (is_archive, member) {
            (true, _) => self.unpacked(path, limits)?,
            (false, Some(_)) if metadata.is_dir() => fs::canonicalize(path)?,
            (false, Some(_)) => return Err(ReadError::NoTree),
            (false, None) => {
                return Ok(Located { path: path.into(), tree: None, shown: path.into() });
            }
        };
        let found = in_tree(&tree, member, format)?;
        let shown = match found.strip_prefix(&tree) {
            Ok(inner) if !inner.as_os_str().is_empty() => path.join(inner),
            _ => path.into(),
        };
        Ok(Located { path: found, tree: Some(tree), shown })
    }

    /// The tree of an archive.
    fn unpacked(&mut self, archive: &Path, limits: &Limits) -> Result<PathBuf, ReadError> {
        let key = fs::canonicalize(archive)?;
        if let Some(tree) = self.trees.get(&key) {
            return Ok(tree.clone());
        }
        let folder = match &self.folder {
            Some(folder) => folder,
            None => self.folder.insert(tempfile::Builder::new().prefix("list-compile-").tempdir()?),
        };
        // Canonical, since links are compared with it.
        let tree = fs::canonicalize(folder.path())?.join(self.trees.len().to_string());
        archive::unpack(archive, &tree, limits)?;
        self.trees.insert(key, tree.clone());
        Ok(tree)
    }
}

/// The list in the tree of an archive: a member, or all that there is.
pub(crate) fn in_tree(
    tree: &Path,
    member: Option<&Path>,
    format: Option<Format>,
) -> Result<PathBuf, ReadError> {
    match member {
        Some(member) => find(tree, member),
        None => innermost(tree, format.is_some_and(Format::is_directory)),
    }
}

/// The member of a tree, by its path from the root or from the folder that holds all the rest, whose
/// name may change with each release (`blacklists`, `ut1-blacklists-804da92`).
fn find(tree: &Path, member: &Path) -> Result<PathBuf, ReadError> {
    let mut base = tree.to_path_buf();
    loop {
        let candidate = base.join(member);
        if candidate.exists() {
            return Ok(candidate);
        }
        match only_entry(&base)? {
            Some(folder) if folder.is_dir() => base = folder,
            _ => {
                let member = member.display().to_string();
                return Err(ReadError::NoMember { member, members: Members::of(tree)? });
            }
        }
    }
}

/// What is left of a tree without the folders that hold nothing but one other; a file alone in its
/// folder is the list, unless the list is a folder.
fn innermost(tree: &Path, is_folder: bool) -> Result<PathBuf, ReadError> {
    let mut base = tree.to_path_buf();
    while base.is_dir()
        && let Some(entry) = only_entry(&base)?
        && !(is_folder && entry.is_file())
    {
        base = entry;
    }
    Ok(base)
}

/// The only entry of a folder, unless it is a link.
fn only_entry(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut entries = fs::read_dir(folder)?;
    match (entries.next().transpose()?, entries.next()) {
        (Some(entry), None) if !entry.file_type()?.is_symlink() => Ok(Some(entry.path())),
        _ => Ok(None),
    }
}
