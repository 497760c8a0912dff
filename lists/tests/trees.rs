//! Sources that are part of a tree: members of archives, aliases, squidGuard's diffs, e2guardian's
//! includes.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, io::Write, path::Path};

use filter_core::{Filter, Profile, Stamp, Verdict};
use flate2::{Compression, write::GzEncoder};
use lists::{
    compile::{CompileError, Compiled, build},
    diagnostic::TextFile,
    formats::Skip,
    source::Sources,
};
use tar::{Builder, Header};

fn compile(folder: &Path, text: &str) -> Result<Compiled, CompileError> {
    let file = TextFile { path: "sources.toml".into(), text: text.into() };
    let stamp = Stamp { serial: 7, created: "2026-11-22T00:00:00Z".into(), expires: None };
    build(&Sources::parse(file, folder).unwrap(), stamp, &())
}

fn source(name: &str, keys: &str) -> String {
    let categories = if keys.contains("\ncategories") { "" } else { "categories = [\"porn\"]\n" };
    format!("[[source]]\nname = \"{name}\"\n{categories}{keys}\n")
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

/// An archive of files and, where the text begins with `->`, of links.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        if let Some(target) = text.strip_prefix("->") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, name, target).unwrap();
        } else {
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
    }
    gzip(&builder.into_inner().unwrap())
}

fn ut1() -> Vec<u8> {
    archive(&[
        ("blacklists/global_usage", "NAME: games\nDEFAULT_TYPE: white\n"),
        ("blacklists/adult/domains", "adult.example\n"),
        ("blacklists/adult/usage", "black\nadult\nporn\n"),
        ("blacklists/games/domains.0", "game-a.example\n"),
        ("blacklists/games/domains.1", "game-b.example\n"),
        ("blacklists/games/usage", "black\n"),
        ("blacklists/porn", "->adult"),
        ("blacklists/adult/very_restrictive_expression", "(sex)\n"),
    ])
}

/// Host names, and whether the child profile refuses them.
fn check(compiled: &Compiled, cases: &[(&str, bool)]) {
    let filter = Filter::open(compiled.bytes.clone()).unwrap();
    let profile =
        Profile { block: ["porn", "games"].map(String::from).into(), ..Profile::custom("strict") };
    let bound = filter.bind(&profile).unwrap();
    for (host, refused) in cases {
        assert_eq!(matches!(bound.host(host), Verdict::Blocked(_)), *refused, "{host}");
    }
}

#[test]
fn members_of_one_archive() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ut1.tar.gz"), ut1()).unwrap();
    let path = "path = \"ut1.tar.gz\"\nmember =";
    let text = [
        source("adult", &format!("{path} \"blacklists/adult\"")),
        // An alias, found below the folder that holds everything.
        source("porn", &format!("{path} \"porn\"\nformat = \"ut1\"")),
        source("games", &format!("{path} \"games\"\ncategories = [\"games\"]")),
        source("other", &format!("{path} \"porn\"\ncategories = [\"mixed-adult\"]")),
    ];
    let compiled = compile(folder.path(), &text.concat()).unwrap();
    let sources = &compiled.report.sources;
    let aliases: Vec<_> = sources.iter().map(|source| source.alias_of.as_deref()).collect();
    assert_eq!(aliases, [None, Some("adult"), None, None]);
    assert_eq!(compiled.report.totals.lines, 4, "adult twice, games in two parts");
    // People are told of the archive, not of where it was unpacked.
    let archive = folder.path().join("ut1.tar.gz");
    let files: Vec<_> = sources.iter().flat_map(|source| &source.files).collect();
    let shown: Vec<_> = files.iter().map(|file| file.path.strip_prefix(&archive)).collect();
    let expected = ["blacklists/adult", "blacklists/games", "blacklists/games", "blacklists/porn"];
    for (shown, expected) in shown.into_iter().zip(expected) {
        assert_eq!(shown.unwrap().parent().unwrap(), Path::new(expected));
    }
    let differ = "its `usage` file says black, `global_usage` says white";
    assert_eq!(sources[2].warnings, [differ]);
    assert_eq!(sources[0].unread, ["very_restrictive_expression"]);
    check(&compiled, &[("adult.example", true), ("game-b.example", true), ("x.example", false)]);
    // As much as if it had been unpacked by hand.
    let by_hand = tempfile::tempdir().unwrap();
    fs::create_dir(by_hand.path().join("ut1.tar.gz")).unwrap();
    for category in ["adult", "games"] {
        let to = by_hand.path().join("ut1.tar.gz/blacklists").join(category);
        fs::create_dir_all(to).unwrap();
    }
    for (name, list) in [
        ("adult/domains", "adult.example\n"),
        ("games/domains.0", "game-a.example\n"),
        ("games/domains.1", "game-b.example\n"),
    ] {
        fs::write(by_hand.path().join("ut1.tar.gz/blacklists").join(name), list).unwrap();
    }
    std::os::unix::fs::symlink("adult", by_hand.path().join("ut1.tar.gz/blacklists/porn")).unwrap();
    let same = compile(by_hand.path(), &text.concat()).unwrap();
    assert!(same.bytes == compiled.bytes, "a directory and its archive give the same bundle");
}

#[test]
fn what_is_wrong_with_a_tree_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("ut1.tar.gz"), ut1()).unwrap();
    fs::write(at("list.txt"), "a.example\n").unwrap();
    fs::write(at("hostile.tar"), archive(&[("a/domains", "a.example\n"), ("b", "->../../b")]))
        .unwrap();
    fs::write(at("list.txt.gz"), &gzip(b"a.example\n")[..20]).unwrap();
    let cases = [
        (
            "path = \"ut1.tar.gz\"\nformat = \"ut1\"",
            "this is a tree of categories, choose one with `member`: adult, games",
        ),
        (
            "path = \"ut1.tar.gz\"\nmember = \"drugs\"",
            "it holds no `drugs`; there are: blacklists/adult, blacklists/games",
        ),
        (
            "path = \"ut1.tar.gz\"\nmember = \"adult\"\nformat = \"hosts\"",
            "reads a file: choose it with `member`",
        ),
        ("path = \"list.txt\"\nmember = \"adult\"", "this is a single file"),
        ("path = \"hostile.tar\"\nmember = \"a\"", "out of the archive: do not trust"),
        ("path = \"list.txt.gz\"\nformat = \"domains\"", "cut off: fetch it again"),
    ];
    for (keys, expected) in cases {
        let error = compile(folder.path(), &source("s", keys)).unwrap_err().to_string();
        assert!(error.contains(expected), "{keys}:\n{error}");
    }
}

#[test]
fn compressed_lists_are_read_as_they_would_be_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let list = b"0.0.0.0 a.example\n0.0.0.0 b.example\n";
    fs::write(folder.path().join("plain"), list).unwrap();
    fs::write(folder.path().join("hosts.gz"), gzip(list)).unwrap();
    fs::write(folder.path().join("hosts.zst"), zstd::encode_all(&list[..], 1).unwrap()).unwrap();
    let only_file = archive(&[("release-1/data/hosts", std::str::from_utf8(list).unwrap())]);
    fs::write(folder.path().join("hosts.tgz"), only_file).unwrap();
    let bundles = ["plain", "hosts.gz", "hosts.zst", "hosts.tgz"].map(|path| {
        let text = source("s", &format!("path = \"{path}\""));
        let compiled = compile(folder.path(), &text).unwrap();
        assert_eq!(compiled.report.sources[0].format.name(), "hosts");
        compiled.bytes
    });
    // The digest in the manifest is that of the list, not of its wrapping.
    assert!(bundles.iter().all(|bytes| *bytes == bundles[0]));
}

#[test]
fn squidguard_diffs_change_the_lists_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("domains", "kept.example\nGone.example\nback.example\n"),
        ("domains.diff", "+new.example\n-gone.example\n-back.example\n+back.example\nodd\n"),
        ("domains.20011212.diff", "+never.example\n"),
        ("urls", "page.example/a\nwww.page.example/gone\nhost.example\n"),
        ("urls.diff", "-page.example/gone\n+http://www2.added.example/b\n"),
    ];
    for (name, text) in files {
        fs::create_dir_all(folder.path().join("porn")).unwrap();
        fs::write(folder.path().join("porn").join(name), text).unwrap();
    }
    let text = source("s", "path = \"porn\"\nformat = \"squidguard\"");
    let compiled = compile(folder.path(), &text).unwrap();
    check(
        &compiled,
        &[
            ("kept.example", true),
            ("x.kept.example", true),
            ("gone.example", false),
            ("back.example", true),
            ("new.example", true),
            ("never.example", false),
            ("host.example", true),
            ("www.host.example", true),
            ("x.host.example", false),
            ("page.example", false),
        ],
    );
    let report = &compiled.report.sources[0];
    assert_eq!(report.unread, ["domains.20011212.diff"]);
    let skipped = report.skipped();
    let lines = |reason: Skip| skipped.get(&reason).map_or(0, |skipped| skipped.lines);
    assert_eq!(lines(Skip::TakenBack), 2);
    assert_eq!(lines(Skip::TakesBack), 3);
    assert_eq!(lines(Skip::NoChange), 1);
    // Each URL without its prefix, and with `www.`.
    assert_eq!(compiled.report.bundle.counts.urls, 4);
}

#[test]
fn includes_stay_at_home() {
    let folder = tempfile::tempdir().unwrap();
    let lists = folder.path().join("lists");
    fs::create_dir_all(lists.join("phraselists/chat")).unwrap();
    let at = |name: &str| lists.join(name);
    let top = "\
.Include</etc/e2guardian/lists/phraselists/chat/weighted>
.Include<phraselists/cycle>
.Include</etc/passwd>
.Include<../secret>
.Include<missing>
<top><ban>
<banned>
";
    fs::write(at("bannedphraselist"), top).unwrap();
    let chat = "#listcategory: \"Chat\"\n<chat><10>\n#listcategory: \"Dating\"\n<date><20>\n";
    fs::write(at("phraselists/chat/weighted"), chat).unwrap();
    fs::write(at("phraselists/cycle"), ".Include<../bannedphraselist>\n.Include<cycle>\n<c><1>\n")
        .unwrap();
    fs::write(folder.path().join("secret"), "<secret><99>\n").unwrap();
    let keys = "path = \"lists/bannedphraselist\"\nformat = \"phrases\"";
    let compiled = compile(folder.path(), &source("s", keys)).unwrap();
    let report = &compiled.report.sources[0];
    let names: Vec<_> =
        report.files.iter().map(|file| file.path.strip_prefix(&lists).unwrap()).collect();
    let expected = ["bannedphraselist", "phraselists/chat/weighted", "phraselists/cycle"];
    assert_eq!(names, expected.map(Path::new));
    let skipped = report.skipped();
    let lines = |reason: Skip| skipped.get(&reason).map_or(0, |skipped| skipped.lines);
    assert_eq!(lines(Skip::Included), 2);
    assert_eq!(lines(Skip::IncludeOutside), 2);
    assert_eq!(lines(Skip::IncludeMissing), 1);
    assert_eq!(lines(Skip::IncludeAgain), 2);
    assert_eq!(lines(Skip::Syntax), 1, "<top><ban> is our notation, not theirs");
    assert_eq!(compiled.report.bundle.counts.phrases, 4);

    let only = format!("{keys}\nlistcategories = [\"chat\"]");
    let compiled = compile(folder.path(), &source("s", &only)).unwrap();
    assert_eq!(compiled.report.bundle.counts.phrases, 1);
}

#[test]
fn a_key_that_has_no_effect_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("list"), "a.example\n").unwrap();
    let warnings = |format: &str| {
        let keys = format!("path = \"list\"\nformat = \"{format}\"\nlistcategories = [\"x\"]");
        let compiled = compile(folder.path(), &source("s", &keys));
        compiled.map(|compiled| compiled.report.sources[0].warnings.clone())
    };
    let expected = "`listcategories` has no effect on format = \"domains\"";
    assert_eq!(warnings("domains").unwrap(), [expected]);
    let error = warnings("e2guardian").unwrap_err().to_string();
    assert!(error.contains("1 other-category"), "{error}");
}

#[test]
fn site_lists_include_domains_and_know_hours() {
    let folder = tempfile::tempdir().unwrap();
    let list = "\
a.example # why
.fr
192.0.2.0/24
**
.Include<more>
#time: 9 0 17 0 01234
timed.example
";
    fs::write(folder.path().join("bannedsitelist"), list).unwrap();
    fs::write(folder.path().join("more"), "b.example\nb.example/path\n").unwrap();
    let keys = "path = \"bannedsitelist\"\nformat = \"e2guardian\"";
    let compiled = compile(folder.path(), &source("s", keys)).unwrap();
    check(
        &compiled,
        &[
            ("x.a.example", true),
            ("b.example", true),
            ("timed.example", false),
            ("other.fr", false),
        ],
    );
    let skipped = compiled.report.sources[0].skipped();
    for reason in [Skip::PublicSuffix, Skip::Network, Skip::Wildcard, Skip::TimeLimited] {
        assert_eq!(skipped.get(&reason).map(|skipped| skipped.lines), Some(1), "{reason}");
    }
}
