//! `.Include<file>`: other files of a list, as far as they are its own.

use std::{
    cell::RefCell,
    collections::{HashSet, VecDeque},
    fs, io,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{Skip, e2guardian::Context};

/// Most files that one list may include: Debian's e2guardian ships 136.
const MAX_FILES: usize = 1000;
/// What stands before the part of a path that is the same on every machine: how the lists are
/// installed, and what newer releases write in its place.
const LIST_FOLDERS: [&str; 2] = ["/lists/", "__LISTDIR__/"];

/// The files that a list includes, each once, in the order in which they are met. Only those within
/// one folder are followed: an absolute path counts from there too, as lists are moved.
///
/// Clones share the same files. The default follows none.
#[derive(Clone, Debug, Default)]
pub struct Includes(Option<Rc<RefCell<Files>>>);

#[derive(Debug)]
struct Files {
    /// Canonical.
    root: PathBuf,
    /// That of the file being read.
    folder: PathBuf,
    seen: HashSet<PathBuf>,
    waiting: VecDeque<(PathBuf, Context)>,
}

impl Includes {
    /// Follows files within `root`.
    pub(crate) fn within(root: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(root)?;
        let files =
            Files { folder: root.clone(), root, seen: HashSet::new(), waiting: VecDeque::new() };
        Ok(Self(Some(Rc::new(RefCell::new(files)))))
    }

    /// This file is read now: what it includes is relative to its folder.
    pub(crate) fn enter(&self, file: &Path) -> io::Result<()> {
        let Some(files) = &self.0 else { return Ok(()) };
        let mut files = files.borrow_mut();
        let file = fs::canonicalize(file)?;
        files.folder = file.parent().unwrap_or(Path::new("")).into();
        files.seen.insert(file);
        Ok(())
    }

    /// The next file to read, and what it inherits from where it is included.
    pub(crate) fn next(&self) -> Option<(PathBuf, Context)> {
        self.0.as_ref()?.borrow_mut().waiting.pop_front()
    }

    /// Notes the file of an `.Include<file>`.
    pub(super) fn follow(&self, written: &str, context: &Context) -> Result<(), Skip> {
        let Some(files) = &self.0 else { return Err(Skip::Include) };
        let mut files = files.borrow_mut();
        let file = files.find(written)?;
        if files.seen.len() >= MAX_FILES {
            return Err(Skip::IncludeLimit);
        }
        if !files.seen.insert(file.clone()) {
            return Err(Skip::IncludeAgain);
        }
        files.waiting.push_back((file, context.clone()));
        Ok(())
    }
}

impl Files {
    fn find(&self, written: &str) -> Result<PathBuf, Skip> {
        let mut candidates = vec![self.folder.join(written), self.root.join(written)];
        candidates.push(self.root.join(written.trim_start_matches('/')));
        for folder in LIST_FOLDERS {
            let inner = written.split_once(folder).map(|(_, inner)| self.root.join(inner));
            candidates.extend(inner);
        }
        let mut outside = false;
        for candidate in candidates {
            let Ok(file) = fs::canonicalize(candidate) else { continue };
            match file.starts_with(&self.root) {
                true if file.is_file() => return Ok(file),
                true => {}
                false => outside = true,
            }
        }
        Err(if outside { Skip::IncludeOutside } else { Skip::IncludeMissing })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_is_the_lists_own() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("lists");
        fs::create_dir_all(root.join("phraselists/porn")).unwrap();
        for name in ["lists/top", "lists/phraselists/porn/banned", "lists/phraselists/near"] {
            fs::write(outer.path().join(name), "").unwrap();
        }
        fs::write(outer.path().join("secret"), "").unwrap();
        symlink("../secret", root.join("away")).unwrap();
        symlink("top", root.join("alias")).unwrap();
        let absolute = root.join("phraselists/porn/banned").display().to_string();
        let cases: [(&str, Result<(), Skip>); 14] = [
            ("phraselists/porn/banned", Ok(())),
            ("/etc/e2guardian/lists/phraselists/porn/banned", Ok(())),
            ("__LISTDIR__/phraselists/porn/banned", Ok(())),
            ("/phraselists/porn/banned", Ok(())),
            (&absolute, Ok(())),
            // Beside the file that includes it.
            ("porn/banned", Ok(())),
            ("top", Err(Skip::IncludeAgain)),
            ("alias", Err(Skip::IncludeAgain)),
            ("none", Err(Skip::IncludeMissing)),
            ("phraselists", Err(Skip::IncludeMissing)),
            ("", Err(Skip::IncludeMissing)),
            ("../secret", Err(Skip::IncludeOutside)),
            ("away", Err(Skip::IncludeOutside)),
            ("/etc/passwd", Err(Skip::IncludeOutside)),
        ];
        for (written, expected) in cases {
            let includes = Includes::within(&root).unwrap();
            includes.enter(&root.join("top")).unwrap();
            includes.enter(&root.join("phraselists/near")).unwrap();
            let outcome = includes.follow(written, &Context::default());
            assert_eq!(outcome, expected, "{written}");
            assert_eq!(includes.next().is_some(), expected.is_ok(), "{written}");
        }
        let nowhere = Includes::default().follow("top", &Context::default());
        assert_eq!(nowhere, Err(Skip::Include));
    }
}
