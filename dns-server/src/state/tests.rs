//! A folder that is had, shared, full, or unreadable.

use super::*;
use crate::control::peer::{Author, Peer};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

fn allowance(name: &str) -> Allowance {
    Allowance {
        name: name.parse().unwrap(),
        group: "pupils".into(),
        since: Timestamp::UNIX_EPOCH,
        until: Timestamp::from_second(3000).unwrap(),
        by: Author::Peer(Peer { uid: 0, user: None, login: Some("anne".into()) }),
        why: "a lesson".into(),
    }
}

fn open(folder: &Path) -> Result<State, StateError> {
    State::open(folder.to_owned(), YEAR, Timestamp::UNIX_EPOCH)
}

#[test]
fn what_is_kept_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(&folder.path().join("made")).unwrap();
    assert_eq!(state.allowances(), []);
    let by = Author::Code { code: "college".into() };
    let (one, other) = (allowance("a.example"), Allowance { by, ..allowance("école.example") });
    state.keep(&[&one, &other]).unwrap();
    assert_eq!(state.allowances(), [one, other.clone()]);
    state.keep(&[&other]).unwrap();
    assert_eq!(state.allowances(), [other]);
}

/// Whatever is wrong with the file, every name is locked again.
#[test]
fn what_cannot_be_read_lets_nothing_through() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path()).unwrap();
    state.keep(&[&allowance("a.example")]).unwrap();
    let path = folder.path().join(ALLOWANCES);
    let good = fs::read_to_string(&path).unwrap();
    let cases = [
        String::new(),
        good[..good.len() / 2].to_owned(),
        good.replace("a.example", "not a name"),
        good.replace("1970", "soon"),
        good.replace("\"why\"", "\"because\""),
        "\0".repeat(100),
    ];
    for text in cases {
        fs::write(&path, &text).unwrap();
        assert_eq!(state.allowances(), [], "{text}");
    }
    fs::write(&path, &good).unwrap();
    assert_eq!(state.allowances().len(), 1);
}

#[test]
fn one_server_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("another preau keeps its record in "), "{error}");
    drop(first);
    open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&file).unwrap_err();
    assert!(error.to_string().contains("make room, or let preau write there"), "{error}");

    // What cannot be replaced stays as it was.
    let state = open(folder.path()).unwrap();
    let path = folder.path().join(ALLOWANCES);
    fs::create_dir(&path).unwrap();
    let error = state.keep(&[]).unwrap_err();
    assert!(error.to_string().contains("allowances.json"), "{error}");
    assert!(!folder.path().join("allowances.tmp").exists());
}

/// A log that would be read without end.
#[test]
fn a_log_that_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", audit_log(folder.path())).unwrap();
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("audit.jsonl: not a regular file"), "{error}");
}
