//! A chain that holds, and every way to break it.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::control::peer::Peer;

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn flush(second: i64, name: &str) -> Entry {
    let event = Event::Flush { name: Some(name.to_owned()) };
    let by = Author::Peer(Peer { uid: 0, user: Some("root".into()), login: None });
    Entry { at: at(second), event, by: Some(by), why: Some("a reason".into()) }
}

/// A log of five records, and its path.
fn five(folder: &Path) -> PathBuf {
    let path = folder.join("audit.jsonl");
    let mut log = AuditLog::open(&path, YEAR, at(0)).unwrap();
    for second in 0..5 {
        log.append(&flush(second, "www.example")).unwrap();
    }
    path
}

#[test]
fn records_are_chained_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = five(folder.path());
    let octets = fs::read(&path).unwrap();
    let verified = verify(&octets).unwrap();
    assert_eq!(verified.entries, (0..5).map(|s| flush(s, "www.example")).collect::<Vec<_>>());
    let log = AuditLog::open(&path, YEAR, at(9)).unwrap();
    assert_eq!(log.head(), verified.head);
    assert_eq!(fs::read(&path).unwrap(), octets);
    let first = told(&octets);
    let first = first.lines().next().unwrap();
    assert_eq!(first, "1970-01-01T00:00:00Z flush of www.example, by root (uid 0): a reason");
}

#[test]
fn what_was_changed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(five(folder.path())).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let changed = lines[2].replace("www.example", "xxx.example");
    let cases: [(Vec<&str>, Result<usize, Broken>); 6] = [
        (lines.clone(), Ok(5)),
        (vec![], Ok(0)),
        (vec![lines[0], lines[1], &changed, lines[3], lines[4]], Err(Broken::Changed { line: 3 })),
        (vec![lines[0], lines[1], lines[3], lines[4]], Err(Broken::Changed { line: 2 })),
        (lines[1..].to_vec(), Err(Broken::Beheaded)),
        (vec![lines[1], lines[0]], Err(Broken::Changed { line: 1 })),
    ];
    for (lines, expected) in cases {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let verified = verify(text.as_bytes()).map(|verified| verified.entries.len());
        assert_eq!(verified, expected, "{text}");
    }
    let no_record = verify(b"nonsense\n").unwrap_err();
    assert!(matches!(no_record, Broken::NoRecord { line: 1, .. }), "{no_record}");
}

#[test]
fn old_records_go_and_leave_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let path = five(folder.path());
    let keep = Duration::from_secs(100);
    let mut log = AuditLog::open(&path, keep, at(102)).unwrap();
    log.append(&flush(103, "later.example")).unwrap();
    let octets = fs::read(&path).unwrap();
    let verified = verify(&octets).unwrap();
    let records: Vec<_> = verified.entries.iter().map(|entry| &entry.event).collect();
    assert_eq!(records.len(), 5, "{}", told(&octets));
    assert!(matches!(records[3], Event::Dropped { records: 2, .. }), "{}", told(&octets));
    // The note, too, has its time, and one note stands for all before it.
    log.drop_old(at(1000)).unwrap();
    let verified = verify(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(verified.entries.len(), 1);
    assert_eq!(verified.head, log.head());
    assert!(matches!(verified.entries[0].event, Event::Dropped { records: 5, .. }));
}

#[test]
fn an_unfinished_record_goes_and_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let path = five(folder.path());
    let mut octets = fs::read(&path).unwrap();
    octets.extend(b"{\"previous\":\"00");
    fs::write(&path, &octets).unwrap();
    AuditLog::open(&path, YEAR, at(9)).unwrap();
    let verified = verify(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(verified.entries.len(), 6);
    assert_eq!(verified.entries[5].event, Event::Unfinished { octets: 15 });
}

#[test]
fn a_broken_chain_goes_on_and_stays_broken() {
    let folder = tempfile::tempdir().unwrap();
    let path = five(folder.path());
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("a reason", "no reason", 1)).unwrap();
    let mut log = AuditLog::open(&path, YEAR, at(9)).unwrap();
    log.append(&flush(9, "later.example")).unwrap();
    let broken = verify(&fs::read(&path).unwrap()).unwrap_err();
    assert_eq!(broken, Broken::Changed { line: 1 });
}

proptest! {
    /// No octet of any record but the last can be changed unnoticed.
    #[test]
    fn every_octet_counts(at in any::<prop::sample::Index>(), octet in any::<u8>()) {
        let folder = tempfile::tempdir().unwrap();
        let mut octets = fs::read(five(folder.path())).unwrap();
        let last = octets[..octets.len() - 1].iter().rposition(|&octet| octet == b'\n').unwrap();
        let at = at.index(last);
        prop_assume!(octets[at] != octet);
        octets[at] = octet;
        prop_assert!(verify(&octets).is_err());
    }

    #[test]
    fn no_octets_are_a_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = verify(&octets);
        let _ = told(&octets);
    }
}
