//! Sources to bundle: determinism, failures, aliases.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use filter_core::{Filter, Profile, Stamp, Verdict};
use lists::{
    compile::{CompileError, Compiled, Progress, build},
    diagnostic::TextFile,
    source::{Format, Sources},
};

fn stamp() -> Stamp {
    Stamp { serial: 7, created: "2026-11-22T00:00:00Z".into(), expires: None }
}

fn sources(folder: &Path, text: &str) -> Sources {
    let file = TextFile { path: "sources.toml".into(), text: text.into() };
    Sources::parse(file, folder).unwrap()
}

fn source(name: &str, path: &str, rest: &str) -> String {
    format!("[[source]]\nname = \"{name}\"\npath = \"{path}\"\n{rest}\n")
}

fn compile(folder: &Path, text: &str) -> Result<Compiled, CompileError> {
    build(&sources(folder, text), stamp(), &())
}

const PORN: &str = "categories = [\"porn\"]";

/// Slows threads down in turns, so that sources end in another order each time.
struct Jitter(AtomicU64);

impl Progress for Jitter {
    fn read(&self, octets: u64) {
        let turn = self.0.fetch_add(octets + 1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_micros(turn.wrapping_mul(2_654_435_761) % 3000));
    }
}

#[test]
fn same_lists_same_bytes_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for n in 0..12 {
        let list: String =
            (0..300).map(|k| format!("n{}.shared{}.example\n", k * n, k % 50)).collect();
        fs::write(folder.path().join(format!("{n}.txt")), format!("{list}||frag{n}.\n")).unwrap();
        let format = if n % 2 == 0 { "format = \"adblock\"" } else { "format = \"domains\"" };
        let category = ["porn", "ads", "games"][n % 3];
        let rest = format!("categories = [\"{category}\"]\n{format}");
        text += &source(&format!("s{n}"), &format!("{n}.txt"), &rest);
    }
    let sources = sources(folder.path(), &text);
    let expected = build(&sources, stamp(), &()).unwrap();
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let jitter = Jitter(AtomicU64::new(threads as u64));
        let again = pool.install(|| build(&sources, stamp(), &jitter)).unwrap();
        assert_eq!(again.report, expected.report, "{threads} threads");
        assert!(again.bytes == expected.bytes, "{threads} threads: other bytes");
    }
    let names: Vec<_> = expected.report.sources.iter().map(|source| source.name.clone()).collect();
    assert_eq!(names, (0..12).map(|n| format!("s{n}")).collect::<Vec<_>>());
}

#[test]
fn a_bundle_answers_as_its_lists_say() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("porn.txt"), "example.com\n*.wild.example\n192.0.2.1\nexample.net/path\n")
        .unwrap();
    fs::write(at("hosts"), "0.0.0.0 exact.example\n").unwrap();
    fs::write(
        at("ads.txt"),
        "||ads.example^\n@@||good.ads.example^\n||trk.\n||a*.b.example.org^\n",
    )
    .unwrap();
    fs::write(at("learn.txt"), "learn.example.com\n").unwrap();
    let text = [
        "[[category]]\nname = \"own\"\nfr = \"à soi\"\nen = \"own\"\n".to_owned(),
        source("porn", "porn.txt", PORN),
        source("hosts", "hosts", PORN),
        source("ads", "ads.txt", "categories = [\"ads\", \"own\"]"),
        source(
            "learn",
            "learn.txt",
            "categories = [\"education\"]\naction = \"allow\"\nlifts = [\"porn\"]",
        ),
    ];
    let compiled = compile(folder.path(), &text.concat()).unwrap();
    let formats: Vec<_> = compiled.report.sources.iter().map(|source| source.format).collect();
    assert_eq!(formats, [Format::Domains, Format::Hosts, Format::Adblock, Format::Domains]);
    assert_eq!((compiled.report.totals.lines, compiled.report.totals.accepted), (10, 10));

    let filter = Filter::open(compiled.bytes).unwrap();
    assert_eq!(filter.manifest().stamp, stamp());
    let sha256 = filter.manifest().sources[1].source.sha256.clone();
    // printf '0.0.0.0 exact.example\n' | sha256sum
    assert_eq!(
        sha256.as_deref(),
        Some("76b51f81f032c846954340fbb950a432f629c45071b1b5f7861c94c2ca365cf7"),
        "digest of the hosts file"
    );
    let child = filter.bind(&Profile::named("child").unwrap()).unwrap();
    let cases = [
        ("example.com", true),
        ("www.example.com", true),
        ("badexample.com", false),
        ("learn.example.com", false),
        ("deep.learn.example.com", false),
        ("wild.example", true),
        ("x.wild.example", true),
        ("192.0.2.1", true),
        ("example.net", false),
        ("exact.example", true),
        ("below.exact.example", false),
        ("www.ads.example", true),
        ("good.ads.example", false),
        ("trk.example", true),
        ("xtrk.example", false),
        ("a1.b.example.org", true),
        ("b.example.org", false),
    ];
    for (host, blocked) in cases {
        assert_eq!(matches!(child.host(host), Verdict::Blocked(_)), blocked, "{host}");
    }
}

#[test]
fn every_list_that_fails_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("good.txt"), "example.com\n").unwrap();
    fs::write(at("empty.txt"), "").unwrap();
    fs::write(at("suffixes.txt"), "com\nco.uk\n# no more\n").unwrap();
    fs::write(at("binary.txt"), b"\x7fELF\0\0\0\0").unwrap();
    fs::create_dir(at("folder")).unwrap();

    let before = [
        source("good", "good.txt", PORN),
        source("missing", "missing.txt", PORN),
        source("binary", "binary.txt", PORN),
        source("folder", "folder", &format!("{PORN}\nformat = \"hosts\"")),
        source("file", "good.txt", &format!("{PORN}\nformat = \"ut1\"")),
    ];
    let error = compile(folder.path(), &before.concat()).unwrap_err().to_string();
    let expected = [
        "source `missing`: {}/missing.txt: No such file or directory",
        "source `binary`: {}/binary.txt: this is a binary file, not a list",
        "source `folder`: {}/folder: this is a directory, but format = \"hosts\" reads a file",
        "source `file`: {}/good.txt: this is a file, but format = \"ut1\" reads a directory",
    ];
    check(folder.path(), &error, &expected);

    let format = format!("{PORN}\nformat = \"domains\"");
    let while_reading = [
        source("good", "good.txt", PORN),
        source("empty", "empty.txt", &format),
        source("suffixes", "suffixes.txt", &format),
    ];
    let error = compile(folder.path(), &while_reading.concat()).unwrap_err().to_string();
    let expected = [
        "source `empty`: {}/empty.txt: not one of its 0 lines was accepted",
        "source `suffixes`: {}/suffixes.txt: not one of its 3 lines was accepted \
         (1 comment, 2 public-suffix)",
    ];
    check(folder.path(), &error, &expected);
}

fn check(folder: &Path, error: &str, expected: &[&str]) {
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{error}");
    for (line, expected) in lines.iter().zip(expected) {
        let expected = expected.replace("{}", &folder.display().to_string());
        assert!(line.starts_with(&expected), "{line}\nshould be\n{expected}");
    }
}

#[test]
fn an_alias_of_a_directory_is_not_read_twice() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("adult")).unwrap();
    fs::write(folder.path().join("adult/domains"), "example.com\nexample.net\n").unwrap();
    symlink("adult", folder.path().join("porn")).unwrap();

    let text = [
        source("adult", "adult", PORN),
        source("porn", "porn", PORN),
        source("other", "porn", "categories = [\"mixed-adult\"]"),
    ];
    let compiled = compile(folder.path(), &text.concat()).unwrap();
    let aliases: Vec<_> =
        compiled.report.sources.iter().map(|source| source.alias_of.as_deref()).collect();
    assert_eq!(aliases, [None, Some("adult"), None]);
    assert_eq!(compiled.report.totals.lines, 4);
    assert!(compiled.report.to_string().contains("the same directory as adult, not read twice"));
    let filter = Filter::open(compiled.bytes).unwrap();
    let names: Vec<_> =
        filter.manifest().sources.iter().map(|record| record.source.name.as_str()).collect();
    assert_eq!(names, ["adult", "other"]);
}

#[test]
fn the_digest_of_a_directory_is_that_of_sha256sum() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("domains"), "example.com\n").unwrap();
    fs::write(folder.path().join("urls"), "example.com/a\n").unwrap();
    fs::write(folder.path().join("usage"), "black\n").unwrap();
    let compiled = compile(folder.path(), &source("s", ".", PORN)).unwrap();
    // printf 'example.com\n' > domains; printf 'example.com/a\n' > urls
    // sha256sum domains urls | sha256sum
    assert_eq!(
        compiled.report.sources[0].sha256,
        "c1dd664d96b0091f0cdb818ebd228ba467a033d854af8f55b8110c1c14a6a750"
    );
}

#[test]
fn expressions_that_are_too_much_together_make_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let list: String = (0..400).map(|n| format!("/x{n}[a-m].{{11}}[n-z]k/\n")).collect();
    fs::write(folder.path().join("list.txt"), list).unwrap();
    let text = source("many", "list.txt", &format!("format = \"adblock\"\n{PORN}"));
    let error = compile(folder.path(), &text).unwrap_err();
    assert!(matches!(error, CompileError::Patterns(_)), "{error}");
    let message = error.to_string();
    assert!(message.contains("more than 64 MiB of automata"), "{message}");
}
