//! A folder of files that is there whole, as written, or not at all.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Component, Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Files, RolloutError};

/// What was written, beside the files: by this a later roll-out knows its own.
const RECORD: &str = ".preau-rollout.json";

/// What became of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was none.
    New,
    /// It took the place of an earlier one.
    Replaced,
}

/// Writes files into a folder that is not there yet, is empty, or holds an earlier roll-out as it was
/// written: that one is replaced as a whole. On any fault the folder is as it was; only a power cut
/// between two renames leaves what was there in a `.preau-rollout-*` beside its place.
///
/// # Errors
/// [`RolloutError::NotOurs`] where something else would be lost, [`RolloutError::Write`].
pub fn write(files: &Files, folder: &Path) -> Result<Written, RolloutError> {
    let fault = |error| RolloutError::Write { folder: folder.to_owned(), error };
    let there = match present(folder) {
        Ok(there) => Some(there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(fault(error)),
    };
    let foreign = there.as_ref().map(foreign).unwrap_or_default();
    if !foreign.is_empty() {
        return Err(RolloutError::NotOurs { folder: folder.to_owned(), foreign });
    }
    replace(files, folder, there.is_some()).map_err(fault)?;
    Ok(if there.is_some_and(|there| !there.is_empty()) { Written::Replaced } else { Written::New })
}

fn replace(files: &Files, folder: &Path, is_there: bool) -> io::Result<()> {
    // What a link names is replaced, not the link.
    let folder = if is_there { folder.canonicalize()? } else { folder.to_owned() };
    let around = parent(&folder);
    fs::create_dir_all(around)?;
    // Beside its place, hence on the same file system; gone again unless all goes well.
    let beside = tempfile::Builder::new().prefix(".preau-rollout-").tempdir_in(around)?;
    let new = beside.path().join("new");
    for (path, octets) in files.iter().chain([(&RECORD.to_owned(), &record(files))]) {
        let path = new.join(path);
        fs::create_dir_all(parent(&path))?;
        fs::write(&path, octets)?;
        fs::File::open(&path)?.sync_all()?;
    }
    if !is_there {
        return fs::rename(&new, &folder);
    }
    let old = beside.path().join("old");
    fs::rename(&folder, &old)?;
    fs::rename(&new, &folder).inspect_err(|_| {
        let _ = fs::rename(&old, &folder);
    })
}

/// The folder that a path is in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn record(files: &Files) -> Vec<u8> {
    let digests: BTreeMap<_, _> =
        files.iter().map(|(path, octets)| (path, digest(octets))).collect();
    format!("{:#}\n", json!({ "preau rollout": digests })).into_bytes()
}

fn digest(octets: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(octets))
}

/// The files of a folder, by their paths in it; `None` for what is no file.
fn present(folder: &Path) -> io::Result<BTreeMap<String, Option<Vec<u8>>>> {
    let mut there = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(folder.join(&below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
            } else {
                let content = kind.is_file().then(|| fs::read(entry.path())).transpose()?;
                there.insert(slashed(&path), content);
            }
        }
    }
    Ok(there)
}

fn slashed(path: &Path) -> String {
    let parts = path.components().map(Component::as_os_str);
    parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// What there is that no roll-out wrote, or that was changed since: the first few, in words.
fn foreign(there: &BTreeMap<String, Option<Vec<u8>>>) -> Vec<String> {
    const SOME: usize = 5;
    let record = there.get(RECORD).cloned().flatten().unwrap_or_default();
    let record: Value = serde_json::from_slice(&record).unwrap_or_default();
    let fault = |(path, content): (&String, &Option<Vec<u8>>)| {
        let known = record["preau rollout"].get(path).and_then(Value::as_str);
        match (known, content) {
            _ if path == RECORD => None,
            (None, _) => Some(format!("`{path}` is none of its files")),
            (Some(digest_then), Some(octets)) if digest_then == digest(octets) => None,
            (Some(_), _) => Some(format!("`{path}` was changed")),
        }
    };
    let mut foreign: Vec<_> = there.iter().filter_map(fault).collect();
    if foreign.len() > SOME {
        let more = format!("and {} more", foreign.len() - SOME);
        foreign.truncate(SOME);
        foreign.push(more);
    }
    foreign
}
