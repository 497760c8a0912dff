//! The directory of one UT1 or squidGuard category.
//!
//! | file | holds |
//! |---|---|
//! | `domains`, `domains.0`, `domains.1`… | names and everything under them; addresses |
//! | `urls`, `urls.0`… | URL prefixes; a bare host is that host only |
//! | `expressions` | POSIX extended regular expressions on the URL |
//! | `usage` | `black` or `white`: never policy, a disagreement is only a warning |
//!
//! Other files are left alone and named in the report.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use filter_core::{Action, Scope};

use super::{Kind, Out, Part, ReadError, Rule, Sink, Skip, expression, host};

/// Octets of a `usage` file that are looked at: real ones have fewer than a hundred.
const USAGE_LENGTH: u64 = 4096;

/// What a directory holds, by the role of its files.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Without symbolic links: two sources that lead here are the same list.
    pub(crate) path: PathBuf,
    /// Files to read, in order.
    pub(crate) files: Vec<(Part, PathBuf)>,
    /// Names of what is not read.
    pub(crate) unread: Vec<String>,
    usage: Option<PathBuf>,
}

impl Directory {
    /// Looks into a directory, following a symbolic link (`porn` → `adult`) only within its parent.
    ///
    /// # Errors
    /// [`ReadError`], when a link leaves the parent, nothing can be read, or there is no category.
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        // The parent of the link itself, not of where it leads. `a/..` is its own parent's entry.
        let parent = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) if path.file_name().is_some() => parent,
            _ => path,
        };
        let root = fs::canonicalize(parent)?;
        let mut directory = Self {
            path: resolve(path, &root)?,
            files: Vec::new(),
            unread: Vec::new(),
            usage: None,
        };
        let mut names: Vec<_> = fs::read_dir(&directory.path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<_>>()?;
        names.sort_by_key(|name| (role(&name.to_string_lossy()), name.clone()));
        for name in names {
            let text = name.to_string_lossy();
            let file = path.join(&name);
            match role(&text) {
                Role::Read(part, _) if file.is_file() => {
                    resolve(&file, &root)?;
                    directory.files.push((part.into(), file));
                }
                Role::Usage if file.is_file() => {
                    resolve(&file, &root)?;
                    directory.usage = Some(file);
                }
                _ => directory.unread.push(text.into_owned()),
            }
        }
        if directory.files.is_empty() {
            return Err(ReadError::NoCategoryFiles);
        }
        Ok(directory)
    }

    /// A warning where the `usage` file calls the list white and the source blocks with it, or the
    /// reverse.
    pub(crate) fn usage_warning(&self, action: Action) -> Result<Option<String>, ReadError> {
        let Some(path) = &self.usage else { return Ok(None) };
        let mut bytes = Vec::new();
        File::open(path)?.take(USAGE_LENGTH).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let stated =
            text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(match (stated, action) {
            (Some("white"), Action::Block) => {
                Some("its `usage` file says white, this source blocks with it".into())
            }
            (Some("black"), Action::Allow) => {
                Some("its `usage` file says black, this source allows with it".into())
            }
            _ => None,
        })
    }
}

/// What a file of a category directory is for, in the order in which they are read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// The number is that of a split file, 0 for one that is whole.
    Read(Listed, u32),
    Usage,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Listed {
    Domains,
    Urls,
    Expressions,
}

impl From<Listed> for Part {
    fn from(listed: Listed) -> Self {
        match listed {
            Listed::Domains => Self::Domains,
            Listed::Urls => Self::Urls,
            Listed::Expressions => Self::Expressions,
        }
    }
}

fn role(name: &str) -> Role {
    let (stem, number) = match name.split_once('.') {
        None => (name, Some(0)),
        Some((stem, number)) => (stem, number.parse::<u32>().ok().and_then(|n| n.checked_add(1))),
    };
    match (stem, number) {
        ("domains", Some(number)) => Role::Read(Listed::Domains, number),
        ("urls", Some(number)) => Role::Read(Listed::Urls, number),
        ("expressions", Some(number)) => Role::Read(Listed::Expressions, number),
        ("usage", Some(0)) => Role::Usage,
        _ => Role::Other,
    }
}

/// Where a path leads, which must be within `root`.
fn resolve(path: &Path, root: &Path) -> Result<PathBuf, ReadError> {
    let target = fs::canonicalize(path)?;
    if target.starts_with(root) {
        return Ok(target);
    }
    Err(ReadError::LinkLeavesRoot {
        link: path.display().to_string(),
        target: target.display().to_string(),
        root: root.display().to_string(),
    })
}

/// A line of `urls`.
pub(super) fn url_line<S: Sink>(text: &str, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    let entry = entry(text)?;
    let Some(host) = host::host_of_bare_url(entry) else {
        host::url(entry)?;
        return out.plain(Rule::Url(entry));
    };
    // A prefix match on URLs: it says nothing of the hosts below this one.
    let name = host::name(host)?;
    out.plain(Rule::Domain { name: &name, scope: Scope::Exact })
}

/// A line of `expressions`.
pub(super) fn expression_line<S: Sink>(text: &str, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    let entry = entry(text)?;
    expression::rule(&expression::from_posix(entry), filter_core::Options::default(), out)
}

fn entry(text: &str) -> Result<&str, Skip> {
    match text.trim() {
        "" => Err(Skip::Blank),
        text if text.starts_with('#') => Err(Skip::Comment),
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_by_role_in_order() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("adult");
        fs::create_dir_all(path.join("sub")).unwrap();
        let names =
            ["usage", "urls", "domains.10", "domains.2", "domains.0", "domains", "expressions"];
        for name in
            names.iter().chain(&["domains.gz", "domains.diff", "very_restrictive_expression"])
        {
            fs::write(path.join(name), "").unwrap();
        }
        let directory = Directory::open(&path).unwrap();
        let read: Vec<_> =
            directory.files.iter().map(|(_, path)| path.file_name().unwrap()).collect();
        assert_eq!(
            read,
            ["domains", "domains.0", "domains.2", "domains.10", "urls", "expressions"]
        );
        assert_eq!(
            directory.unread,
            ["domains.diff", "domains.gz", "sub", "very_restrictive_expression"]
        );
    }

    #[test]
    fn links_stay_within_the_parent() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("domains"), "").unwrap();
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("adult")).unwrap();
        fs::write(at("adult/domains"), "").unwrap();
        symlink("adult", at("porn")).unwrap();
        symlink(outside.path(), at("away")).unwrap();
        symlink("loop", at("loop")).unwrap();
        fs::create_dir(at("inner")).unwrap();
        symlink(outside.path().join("domains"), at("inner/domains")).unwrap();
        fs::create_dir(at("shared")).unwrap();
        symlink("../adult/domains", at("shared/domains")).unwrap();

        let alias = Directory::open(&at("porn")).unwrap();
        assert_eq!(alias.path, Directory::open(&at("adult")).unwrap().path);
        assert!(Directory::open(&at("shared")).is_ok());
        for name in ["away", "inner"] {
            let error = Directory::open(&at(name)).unwrap_err();
            assert!(matches!(error, ReadError::LinkLeavesRoot { .. }), "{name}: {error}");
        }
        assert!(matches!(Directory::open(&at("loop")).unwrap_err(), ReadError::Io(_)));
        assert!(matches!(Directory::open(&at("none")).unwrap_err(), ReadError::Io(_)));
    }

    #[test]
    fn a_tree_of_categories_is_not_one() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("adult")).unwrap();
        fs::write(root.path().join("global_usage"), "").unwrap();
        assert!(matches!(Directory::open(root.path()).unwrap_err(), ReadError::NoCategoryFiles));
    }

    #[test]
    fn usage_only_warns() {
        let cases = [
            ("white\n", Action::Block, true),
            ("white\nblack\n", Action::Block, true),
            ("black\nwhite\n", Action::Block, false),
            ("# a comment\n\nblack\n", Action::Allow, true),
            ("white\n", Action::Allow, false),
            ("", Action::Block, false),
        ];
        for (text, action, warns) in cases {
            let root = tempfile::tempdir().unwrap();
            fs::write(root.path().join("domains"), "").unwrap();
            fs::write(root.path().join("usage"), text).unwrap();
            let directory = Directory::open(root.path()).unwrap();
            assert_eq!(directory.usage_warning(action).unwrap().is_some(), warns, "{text:?}");
        }
    }
}
