//! Plays every conversation of `tests/conversations`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::path::Path;

use tests::conversation::play;

#[test]
fn conversations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "dns"));
    files.sort();
    let played: Vec<_> = files.iter().map(|file| play(file)).collect();
    let differences: Vec<_> =
        played.iter().flat_map(|played| &played.differences).cloned().collect();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    let asked: usize = played.iter().map(|played| played.asked).sum();
    assert_eq!((files.len(), asked), (11, 236), "files, questions");
}
