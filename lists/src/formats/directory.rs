//! The directory of one category, and the tree that it is part of.
//!
//! | file | UT1 | squidGuard | holds |
//! |---|---|---|---|
//! | `domains`, `domains.0`, `domains.1`… | yes | also `domainlist` | names and everything under them; addresses |
//! | `urls`, `urls.0`… | yes | also `urllist` | URL prefixes |
//! | `expressions` | yes | also `expressionlist` | POSIX extended regular expressions on the URL |
//! | `domains.diff`, `urls.diff` | | yes | entries to add and to take back |
//! | `usage` | warns | | `black` or `white`; never policy |
//! | `../global_usage` | warns | | the same, of all categories; never policy |
//!
//! Other files are left alone and named in the report: `domains.20011212.diff`, which records what
//! was already done to the `domains` beside it, and UT1's `very_restrictive_expression`, which
//! refuses any URL with `sex` or `teen` in it and is meant for people who browse by hand.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use filter_core::Action;

use super::{Part, ReadError, ut1};
use crate::source::Format;

/// Categories of a tree that an error names.
const SHOWN_MEMBERS: usize = 100;
/// Entries of a tree that are looked at to find its categories, and how deep.
const MAX_WALKED: usize = 5000;
const MAX_DEPTH: usize = 4;

/// A file of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListFile {
    /// How its lines are read.
    pub(crate) part: Part,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The changes to it, which are a file of the list too.
    pub(crate) changes: Option<PathBuf>,
}

impl ListFile {
    pub(crate) fn new(part: Part, path: PathBuf) -> Self {
        Self { part, path, changes: None }
    }
}

/// What a directory holds, by the role of its files.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Without symbolic links: two sources that lead here are the same list.
    pub(crate) path: PathBuf,
    /// Files to read, in order.
    pub(crate) files: Vec<ListFile>,
    /// Names of what is not read.
    pub(crate) unread: Vec<String>,
    usage: Option<PathBuf>,
    global_usage: Option<PathBuf>,
}

impl Directory {
    /// Looks into a directory. Symbolic links (`porn` → `adult`) are followed within `tree`, which
    /// is the directory's parent if it is not given.
    ///
    /// # Errors
    /// [`ReadError`], when a link leaves the tree, nothing can be read, or there is no category.
    pub(crate) fn open(
        format: Format,
        path: &Path,
        tree: Option<&Path>,
    ) -> Result<Self, ReadError> {
        // The parent of the link itself, not of where it leads. `a/..` is its own parent's entry.
        let parent = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) if path.file_name().is_some() => parent,
            _ => path,
        };
        let root = fs::canonicalize(tree.unwrap_or(parent))?;
        let mut directory = Self {
            path: resolve(path, &root)?,
            files: Vec::new(),
            unread: Vec::new(),
            usage: None,
            global_usage: None,
        };
        let mut names: Vec<_> = fs::read_dir(&directory.path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<_>>()?;
        names.sort_by_key(|name| (role(format, &name.to_string_lossy()), name.clone()));
        for name in names {
            let text = name.to_string_lossy();
            let file = path.join(&name);
            let role = role(format, &text);
            if role == Role::Other || !file.is_file() {
                directory.unread.push(text.into_owned());
                continue;
            }
            resolve(&file, &root)?;
            directory.add(role, format, file);
        }
        if directory.files.is_empty() {
            return Err(ReadError::NoCategoryFiles(Members::of(path)?));
        }
        let global = directory.path.with_file_name("global_usage");
        if format == Format::Ut1 && global.is_file() && resolve(&global, &root).is_ok() {
            directory.global_usage = Some(global);
        }
        Ok(directory)
    }

    fn add(&mut self, role: Role, format: Format, path: PathBuf) {
        match role {
            Role::Read(listed, _) => self.files.push(ListFile::new(listed.part(format), path)),
            Role::Changes(listed) => {
                let part = listed.part(format);
                let changed = self.files.iter_mut().filter(|file| file.part == part);
                changed.for_each(|file| file.changes = Some(path.clone()));
                let changes = Some(path.clone());
                self.files.push(ListFile { part: listed.changes(), path, changes });
            }
            Role::Usage => self.usage = Some(path),
            Role::Other => self.unread.push(path.display().to_string()),
        }
    }

    /// Warnings where `usage` or `global_usage` call the list white and the source blocks with it,
    /// or the reverse, or where the two do not agree.
    pub(crate) fn warnings(&self, action: Action) -> Result<Vec<String>, ReadError> {
        let usage = match &self.usage {
            Some(path) => ut1::usage(path)?,
            None => None,
        };
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let global = match &self.global_usage {
            Some(path) => ut1::global_usage(path, &name)?,
            None => None,
        };
        let against = |file: &str, colour| match (colour, action) {
            (Some(ut1::Colour::White), Action::Block) => {
                vec![format!("{file} says white, this source blocks with it")]
            }
            (Some(ut1::Colour::Black), Action::Allow) => {
                vec![format!("{file} says black, this source allows with it")]
            }
            _ => Vec::new(),
        };
        Ok(match (usage, global) {
            (Some(usage), Some(global)) if usage != global => {
                vec![format!("its `usage` file says {usage}, `global_usage` says {global}")]
            }
            (Some(_), _) => against("its `usage` file", usage),
            (None, _) => against("`global_usage`", global),
        })
    }
}

/// What a file of a category directory is for, in the order in which they are read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// The number is that of a split file, 0 for one that is whole.
    Read(Listed, u32),
    Changes(Listed),
    Usage,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Listed {
    Domains,
    Urls,
    Expressions,
}

impl Listed {
    fn part(self, format: Format) -> Part {
        match (self, format) {
            (Self::Domains, Format::Squidguard) => Part::Domainlist,
            (Self::Urls, Format::Squidguard) => Part::Urllist,
            (Self::Domains, _) => Part::Domains,
            (Self::Urls, _) => Part::Urls,
            (Self::Expressions, _) => Part::Expressions,
        }
    }

    fn changes(self) -> Part {
        if self == Self::Domains { Part::DomainlistChanges } else { Part::UrllistChanges }
    }
}

fn role(format: Format, name: &str) -> Role {
    let squidguard = format == Format::Squidguard;
    let (stem, ending) = name.split_once('.').map_or((name, None), |(stem, end)| (stem, Some(end)));
    let listed = match stem {
        "domains" => Listed::Domains,
        "urls" => Listed::Urls,
        "expressions" => Listed::Expressions,
        "domainlist" if squidguard => Listed::Domains,
        "urllist" if squidguard => Listed::Urls,
        "expressionlist" if squidguard => Listed::Expressions,
        "usage" if ending.is_none() => return Role::Usage,
        _ => return Role::Other,
    };
    match ending {
        None => Role::Read(listed, 0),
        Some("diff") if squidguard && listed != Listed::Expressions => Role::Changes(listed),
        Some(ending) => match ending.parse::<u32>().ok().and_then(|number| number.checked_add(1)) {
            Some(number) => Role::Read(listed, number),
            None => Role::Other,
        },
    }
}

/// Where a path leads, which must be within `root`.
pub(super) fn resolve(path: &Path, root: &Path) -> Result<PathBuf, ReadError> {
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

/// The categories of a tree, by their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members(Vec<String>);

impl Members {
    /// Looks for folders that hold the files of a category, in a tree of reasonable size.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn of(tree: &Path) -> io::Result<Self> {
        let mut members = Vec::new();
        let mut walked = 0;
        let mut folders = vec![(tree.to_path_buf(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                walked += 1;
                if walked > MAX_WALKED {
                    folders.clear();
                    break;
                }
                let name = entry.file_name();
                let kind = entry.file_type()?;
                if kind.is_dir() && depth < MAX_DEPTH {
                    folders.push((entry.path(), depth + 1));
                } else if matches!(
                    role(Format::Squidguard, &name.to_string_lossy()),
                    Role::Read(..)
                ) && let Ok(member) = folder.strip_prefix(tree)
                {
                    members.push(member.display().to_string());
                }
            }
        }
        members.sort();
        members.dedup();
        members.retain(|member| !member.is_empty());
        Ok(Self(members))
    }

    /// True when there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `adult, agressif, ai`
impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.len().min(SHOWN_MEMBERS);
        f.write_str(&self.0[..shown].join(", "))?;
        match self.0.len() - shown {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with empty files.
    fn folder(path: &Path, names: &[&str]) {
        fs::create_dir_all(path).unwrap();
        names.iter().for_each(|name| fs::write(path.join(name), "").unwrap());
    }

    fn read(directory: &Directory) -> Vec<&str> {
        let name = |file: &'_ ListFile| file.path.file_name().unwrap().to_owned();
        let names = directory.files.iter().map(name);
        names.map(|name| &*name.into_string().unwrap().leak()).collect()
    }

    #[test]
    fn files_by_role_in_order() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("adult");
        fs::create_dir_all(path.join("sub")).unwrap();
        folder(&path, &["usage", "urls", "domains.10", "domains.2", "domains.0", "domains"]);
        folder(&path, &["expressions", "domains.gz", "domains.diff", "domains.20011212.diff"]);
        folder(&path, &["very_restrictive_expression", "domainlist", "urllist"]);
        let directory = Directory::open(Format::Ut1, &path, None).unwrap();
        let in_order = ["domains", "domains.0", "domains.2", "domains.10", "urls", "expressions"];
        assert_eq!(read(&directory), in_order);
        let unread = [
            "domainlist",
            "domains.20011212.diff",
            "domains.diff",
            "domains.gz",
            "sub",
            "urllist",
            "very_restrictive_expression",
        ];
        assert_eq!(directory.unread, unread);

        let directory = Directory::open(Format::Squidguard, &path, None).unwrap();
        let in_order = [
            "domainlist",
            "domains",
            "domains.0",
            "domains.2",
            "domains.10",
            "urllist",
            "urls",
            "expressions",
            "domains.diff",
        ];
        assert_eq!(read(&directory), in_order);
        let changed: Vec<_> =
            directory.files.iter().filter(|file| file.changes.is_some()).collect();
        assert_eq!(changed.len(), 6, "domain lists and the changes themselves");
        let unread = ["domains.20011212.diff", "domains.gz", "sub", "very_restrictive_expression"];
        assert_eq!(directory.unread, unread);
    }

    #[test]
    fn links_stay_within_the_tree() {
        let outside = tempfile::tempdir().unwrap();
        folder(outside.path(), &["domains"]);
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        folder(&at("adult"), &["domains"]);
        symlink("adult", at("porn")).unwrap();
        symlink(outside.path(), at("away")).unwrap();
        symlink("loop", at("loop")).unwrap();
        folder(&at("inner"), &[]);
        symlink(outside.path().join("domains"), at("inner/domains")).unwrap();
        folder(&at("shared"), &[]);
        symlink("../adult/domains", at("shared/domains")).unwrap();
        folder(&at("deep/er"), &[]);
        symlink("../../adult/domains", at("deep/er/domains")).unwrap();

        let open = |name: &str, tree| Directory::open(Format::Ut1, &at(name), tree);
        assert_eq!(open("porn", None).unwrap().path, open("adult", None).unwrap().path);
        assert!(open("shared", None).is_ok());
        assert!(open("deep/er", Some(root.path())).is_ok());
        for name in ["away", "inner", "deep/er"] {
            let error = open(name, None).unwrap_err();
            assert!(matches!(error, ReadError::LinkLeavesRoot { .. }), "{name}: {error}");
        }
        assert!(matches!(open("loop", None).unwrap_err(), ReadError::Io(_)));
        assert!(matches!(open("none", None).unwrap_err(), ReadError::Io(_)));
    }

    #[test]
    fn a_tree_of_categories_names_them() {
        let root = tempfile::tempdir().unwrap();
        let open = || Directory::open(Format::Ut1, root.path(), None).unwrap_err().to_string();
        assert!(open().contains("such as blacklists/adult"), "{}", open());
        for name in ["games", "adult", "deep/tree"] {
            folder(&root.path().join(name), &["domains", "urls", "usage"]);
        }
        folder(&root.path().join("other"), &["usage"]);
        folder(root.path(), &["global_usage"]);
        assert!(open().ends_with("with `member`: adult, deep/tree, games"), "{}", open());
    }

    #[test]
    fn usage_only_warns() {
        use Action::{Allow, Block};
        let usage_white = "its `usage` file says white, this source blocks with it";
        let usage_black = "its `usage` file says black, this source allows with it";
        let global_white = "`global_usage` says white, this source blocks with it";
        let differ = "its `usage` file says black, `global_usage` says white";
        let cases: [(&str, &str, Action, Option<&str>); 10] = [
            ("white\n", "", Block, Some(usage_white)),
            ("white\nblack\n", "", Block, Some(usage_white)),
            ("black\nwhite\n", "", Block, None),
            ("# a comment\n\nblack\n", "", Allow, Some(usage_black)),
            ("white\n", "", Allow, None),
            ("", "", Block, None),
            ("", "NAME: press\nDEFAULT_TYPE: white\n", Block, Some(global_white)),
            ("black\n", "NAME: press\nDEFAULT_TYPE: white\n", Block, Some(differ)),
            ("black\n", "NAME: press\nDEFAULT_TYPE: black\n", Block, None),
            ("black\n", "NAME: games\nDEFAULT_TYPE: white\n", Block, None),
        ];
        for (usage, global, action, expected) in cases {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("press");
            folder(&path, &["domains"]);
            fs::write(path.join("usage"), usage).unwrap();
            fs::write(root.path().join("global_usage"), global).unwrap();
            let directory = Directory::open(Format::Ut1, &path, None).unwrap();
            let warnings = directory.warnings(action).unwrap();
            assert_eq!(warnings.first().map(String::as_str), expected, "{usage:?} {global:?}");
            assert!(warnings.len() <= 1);
        }
    }
}
