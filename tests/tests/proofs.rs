//! What `docs/peers.md` claims stands in tests that exist.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, path::Path};

/// Every `path` and `path::test` between backticks, of folders that hold proofs.
fn proofs(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let folders = ["tests/", "dns-server/", "filter-core/", "lists/", "benches/"];
    quoted.filter(move |quoted| folders.iter().any(|folder| quoted.starts_with(folder)))
}

#[test]
fn every_proof_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("docs/peers.md")).unwrap();
    let mut count = 0;
    for proof in proofs(&text) {
        let (path, test) = proof.split_once("::").unwrap_or((proof, ""));
        let source = fs::read_to_string(root.join(path));
        let source = source.unwrap_or_else(|error| panic!("docs/peers.md: {path}: {error}"));
        let is_test = |at: usize| source[..at].trim_end().ends_with(']');
        let named = |at: &(usize, &str)| {
            let line = source[..at.0].rfind('\n').map_or(0, |newline| newline + 1);
            is_test(line)
        };
        let function = format!("fn {test}(");
        assert!(
            test.is_empty() || source.match_indices(&function).any(|(at, text)| named(&(at, text))),
            "docs/peers.md: {path} has no test `{test}`"
        );
        count += 1;
    }
    // A feature of the table that we have has a proof.
    let rows = text.lines().filter(|line| line.contains("| **Y**"));
    assert!(rows.clone().all(|row| proofs(row).count() > 0), "a claim without proof");
    assert!(count > 40 && rows.count() > 20, "{count} proofs");
}
