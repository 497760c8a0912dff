//! The tree that an archive describes, before any of its links is followed.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use super::{ArchiveError, Limits};

/// Links followed on the way to one target: real aliases need one.
const MAX_HOPS: usize = 8;

/// One entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File,
    /// A symbolic link, as written.
    Link(String),
}

/// All entries by path, relative to the root, in normal form.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
}

/// The path of an entry in normal form; empty for the root.
pub(super) fn place(path: &str, limits: &Limits) -> Result<PathBuf, ArchiveError> {
    if path.len() > limits.path {
        return Err(too_long(path, limits));
    }
    let leaves = || ArchiveError::PathLeaves { path: path.into() };
    if path.is_empty() || path.contains('\0') {
        return Err(leaves());
    }
    let mut place = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => place.push(name),
            Component::CurDir => {}
            _ => return Err(leaves()),
        }
    }
    if place.components().count() > limits.depth {
        let limit = format!("{} components", limits.depth);
        return Err(ArchiveError::PathTooLong { path: path.into(), limit });
    }
    Ok(place)
}

/// Says that a path or a link's target is too long.
pub(super) fn too_long(path: &str, limits: &Limits) -> ArchiveError {
    let start = path.chars().take(64).collect();
    ArchiveError::PathTooLong { path: start, limit: format!("{} octets", limits.path) }
}

impl Tree {
    /// Entries, and folders that their paths imply.
    pub(super) fn len(&self) -> u64 {
        self.nodes.len() as u64
    }

    /// Adds an entry; returns the folders to be made for it, outermost first.
    pub(super) fn add(&mut self, place: &Path, node: Node) -> Result<Vec<PathBuf>, ArchiveError> {
        let duplicate = |at: &Path| ArchiveError::Duplicate { path: at.display().to_string() };
        if place.as_os_str().is_empty() {
            return Err(ArchiveError::PathLeaves { path: ".".into() });
        }
        let mut folders = Vec::new();
        let parents = place.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
        for parent in parents {
            match self.nodes.get(parent) {
                Some(Node::Folder) => break,
                Some(_) => return Err(duplicate(parent)),
                None => folders.push(parent.to_path_buf()),
            }
        }
        folders.reverse();
        match self.nodes.get(place) {
            // A folder may be named again, or after what is in it.
            Some(Node::Folder) if node == Node::Folder => return Ok(folders),
            Some(_) => return Err(duplicate(place)),
            None if node == Node::Folder => folders.push(place.into()),
            None => {}
        }
        self.nodes.extend(folders.iter().map(|folder| (folder.clone(), Node::Folder)));
        self.nodes.insert(place.into(), node);
        Ok(folders)
    }

    /// Every link, with the file or folder that it leads to; `None` if that is nothing.
    pub(super) fn links(&self) -> Result<Vec<(PathBuf, Option<PathBuf>)>, ArchiveError> {
        let links = self.nodes.iter().filter_map(|(path, node)| match node {
            Node::Link(target) => Some((path, target)),
            _ => None,
        });
        links.map(|(path, target)| Ok((path.clone(), self.resolve(path, target)?))).collect()
    }

    /// Follows one link, component by component, without the file system.
    fn resolve(&self, link: &Path, target: &str) -> Result<Option<PathBuf>, ArchiveError> {
        let leaves =
            || ArchiveError::LinkLeaves { link: link.display().to_string(), target: target.into() };
        let mut at = link.parent().unwrap_or(Path::new("")).to_path_buf();
        // What remains to be walked, next component last.
        let mut rest = reversed(target);
        let mut hops = 0;
        if target.is_empty() {
            return Ok(None);
        }
        while let Some(component) = rest.pop() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => {
                    if !at.pop() {
                        return Err(leaves());
                    }
                }
                Component::Normal(name) => {
                    at.push(name);
                    if let Some(Node::Link(next)) = self.nodes.get(&at) {
                        hops += 1;
                        if hops > MAX_HOPS {
                            return Ok(None);
                        }
                        at.pop();
                        rest.extend(reversed(next));
                    }
                }
                Component::RootDir | Component::Prefix(_) => return Err(leaves()),
            }
        }
        let exists = at.as_os_str().is_empty() || self.nodes.contains_key(&at);
        Ok(exists.then_some(at))
    }
}

fn reversed(path: &str) -> Vec<Component<'_>> {
    Path::new(path).components().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, Node)]) -> Tree {
        let mut tree = Tree::default();
        for (path, node) in entries {
            let node = match node {
                Node::Folder => Node::Folder,
                Node::File => Node::File,
                Node::Link(target) => Node::Link(target.clone()),
            };
            tree.add(Path::new(path), node).unwrap();
        }
        tree
    }

    fn link(target: &str) -> Node {
        Node::Link(target.into())
    }

    #[test]
    fn places() {
        let limits = Limits { path: 24, depth: 3, ..Limits::default() };
        let cases = [
            ("adult/domains", Ok("adult/domains")),
            ("./adult//./domains/", Ok("adult/domains")),
            ("./", Ok("")),
            ("...", Ok("...")),
            ("..", Err("leads out")),
            ("a/../b", Err("leads out")),
            ("/etc/passwd", Err("leads out")),
            ("", Err("leads out")),
            ("a\0b", Err("leads out")),
            ("a/b/c/d", Err("more than 3 components")),
            ("aaaaaaaaaaaaaaaaaaaaaaaaa", Err("more than 24 octets")),
        ];
        for (path, expected) in cases {
            match (place(path, &limits), expected) {
                (Ok(place), Ok(expected)) => assert_eq!(place, Path::new(expected), "{path:?}"),
                (Err(error), Err(text)) => {
                    assert!(error.to_string().contains(text), "{path:?}: {error}");
                }
                (got, _) => panic!("{path:?}: {got:?}"),
            }
        }
    }

    #[test]
    fn folders_come_before_what_is_in_them() {
        let mut tree = Tree::default();
        let mut add = |path: &str, node| tree.add(Path::new(path), node).map_err(|_| ());
        let paths = |paths: &[&str]| Ok(paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(add("a/b/c", Node::File), paths(&["a", "a/b"]));
        assert_eq!(add("a/b", Node::Folder), paths(&[]));
        assert_eq!(add("a/d", Node::Folder), paths(&["a/d"]));
        assert_eq!(add("l", link("a")), paths(&[]));
        for (path, node) in [
            ("a/b/c", Node::File),
            ("a/b/c", Node::Folder),
            ("a/b/c/d", Node::File),
            ("a/b", Node::File),
            ("a", link("b")),
            ("l/x", Node::File),
            ("l", Node::Folder),
            ("", Node::File),
        ] {
            assert_eq!(add(path, node), Err(()), "{path}");
        }
        assert_eq!(tree.len(), 5);
    }

    #[test]
    fn links_lead_to_what_is_there() {
        let cases = [
            ("adult", Some("adult")),
            ("./adult/", Some("adult")),
            ("adult/domains", Some("adult/domains")),
            ("porn", Some("adult")),
            ("porn/domains", Some("adult/domains")),
            ("porn/../porn", Some("adult")),
            ("up/adult", Some("adult")),
            (".", Some("")),
            ("none", None),
            ("none/../adult", Some("adult")),
            ("me", None),
            ("", None),
        ];
        for (target, expected) in cases {
            let tree = tree(&[
                ("adult/domains", Node::File),
                ("porn", link("adult")),
                ("sub", Node::Folder),
                ("up", link("sub/back")),
                ("sub/back", link("..")),
                ("me", link(target)),
            ]);
            let links: BTreeMap<_, _> = tree.links().unwrap().into_iter().collect();
            assert_eq!(links[Path::new("me")], expected.map(PathBuf::from), "{target:?}");
        }
    }

    #[test]
    fn links_never_leave() {
        for target in ["..", "../x", "sub/../../x", "/", "/etc/passwd", "a/../../etc", "hop"] {
            let tree = tree(&[
                ("sub/deep", Node::Folder),
                ("me", link(target)),
                ("hop", link("sub/hop")),
                ("sub/hop", link("../../x")),
            ]);
            let error = tree.links().unwrap_err();
            assert!(matches!(error, ArchiveError::LinkLeaves { .. }), "{target}: {error}");
        }
    }
}
