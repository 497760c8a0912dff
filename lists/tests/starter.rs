//! The starter list: hand-written, so checked like code.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, path::Path};

use filter_core::{Filter, Profile, Stamp, Verdict};
use lists::{
    compile::build,
    guard::{GuardPolicy, examine},
    source::{Format, Sources},
};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/starter"))
}

fn stamp() -> Stamp {
    Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None }
}

#[test]
fn every_entry_is_a_rule() {
    let sources = Sources::load(&folder().join("sources.toml")).unwrap();
    let report = build(&sources, stamp(), &()).unwrap().report;
    for source in &report.sources {
        let problems: Vec<_> =
            source.skipped().into_keys().filter(|reason| reason.is_problem()).collect();
        assert_eq!(problems, [], "{}", source.name);
    }
    assert!(report.bundle.counts.names >= 400, "{:?}", report.bundle.counts);
    let wanted = [
        "porn",
        "violence",
        "weapons",
        "hate",
        "gambling",
        "drugs",
        "dating",
        "ecommerce",
        "ads",
        "tracking",
        "bypass",
    ];
    for category in wanted {
        assert!(report.bundle.counts.by_category[category] >= 20, "{category}");
    }
}

#[test]
fn every_file_says_what_it_is() {
    let mut files = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let text = fs::read_to_string(&path).unwrap();
            for header in ["# Title: ", "# Description: ", "# Licence: CC0-1.0\n", "# Date: 20"] {
                assert!(text.contains(header), "{}: no `{header}`", path.display());
            }
            files += 1;
        }
    }
    let sources = Sources::load(&folder().join("sources.toml")).unwrap();
    let (phrases, names): (Vec<_>, Vec<_>) =
        sources.sources.iter().partition(|source| source.format == Some(Format::Phrases));
    assert_eq!(names.len(), files, "each file is a source, and each source a file");
    let mut lists = 0;
    for entry in fs::read_dir(folder().join("../phrases")).unwrap() {
        let path = entry.unwrap().path();
        lists += if path.is_dir() { fs::read_dir(path).unwrap().count() } else { 0 };
    }
    assert_eq!(phrases.len(), lists, "each phrase list is a source, and each such source a list");
}

#[test]
fn what_children_and_machines_need_is_open() {
    let sources = Sources::load(&folder().join("sources.toml")).unwrap();
    let filter = Filter::open(build(&sources, stamp(), &()).unwrap().bytes).unwrap();
    let child = filter.bind(&Profile::named("child").unwrap()).unwrap();
    for host in [
        "fr.wikipedia.org",
        "www.education.gouv.fr",
        "educonnect.education.gouv.fr",
        "pix.fr",
        "www.lumni.fr",
        "www.qwantjunior.com",
        "onsexprime.fr",
        "ocsp.digicert.com",
        "detectportal.firefox.com",
        "connectivitycheck.gstatic.com",
        "captive.apple.com",
        "time.windows.com",
        "fr.pool.ntp.org",
        "deb.debian.org",
        "windowsupdate.microsoft.com",
    ] {
        assert_eq!(child.host(host), Verdict::Allowed, "{host}");
    }
    for host in ["pornhub.com", "www.amazon.fr", "ad.doubleclick.net", "mask.icloud.com"] {
        assert!(child.host(host).is_blocked(), "{host}");
    }
}

#[test]
fn the_guards_have_nothing_against_it() {
    let sources = Sources::load(&folder().join("sources.toml")).unwrap();
    let compiled = build(&sources, stamp(), &()).unwrap();
    assert_eq!(compiled.report.overblocked, []);
    let filter = Filter::open(compiled.bytes).unwrap();
    let report = examine(&filter, None, &GuardPolicy::of(&sources));
    assert!(!report.refuses(), "{report}");
}
