//! `list-compile lint`: `lint/NAME` is a list, `lint/NAME.expected` what is printed of it, as people
//! see it.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lists --test lint` writes the expected files anew.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use filter_core::Source;
use lists::{
    lint::{Check, LintReport, compare, lint},
    source::{Format, ListSource},
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint")
}

/// What the program prints, and its exit code.
fn run(folder: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_list-compile"));
    let output = command.arg("lint").args(arguments).current_dir(folder).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

fn inputs() -> Vec<String> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.ends_with(".expected")).collect();
    names.sort();
    names
}

#[test]
fn golden_files() {
    let update = env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for name in inputs() {
        let (got, code) = run(&folder(), &[&name]);
        let expected = folder().join(format!("{name}.expected"));
        let got = format!("{got}exit code {}\n", code.unwrap());
        if update {
            fs::write(&expected, &got).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != got {
            wrong.push(format!("{}:\n{got}", expected.display()));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n\n{}", wrong.len(), wrong.join("\n"));
}

/// The golden lists hold a case of every check, but those that need several lists.
#[test]
fn every_check_is_seen_to_find_something() {
    let mut seen = BTreeSet::new();
    for name in inputs() {
        seen.extend(linted(&folder().join(name)).counts.into_keys());
    }
    let missing: Vec<_> = Check::ALL.into_iter().filter(|check| !seen.contains(check)).collect();
    assert_eq!(missing, NOT_IN_ONE_LIST);
}

const NOT_IN_ONE_LIST: [Check; 1] = [Check::SameList];

#[test]
fn findings_beyond_the_limit_are_counted() {
    let (json, code) = run(&folder(), &["names.txt", "--json", "--limit", "1"]);
    assert_eq!(code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let list = &json["lists"][0];
    assert_eq!(list["counts"]["L001"], 3);
    let findings = list["findings"].as_array().unwrap();
    let duplicates: Vec<_> = findings.iter().filter(|finding| finding["code"] == "L001").collect();
    assert_eq!(duplicates.len(), 1);
    assert_eq!(
        *duplicates[0],
        serde_json::json!({
            "code": "L001",
            "name": "duplicate",
            "severity": "warning",
            "file": "names.txt",
            "line": 5,
            "column": 1,
            "message": "`example.com` stands on line 4",
            "help": "drop the line: it says nothing new",
        })
    );
    assert_eq!(json["errors"], 10);
}

#[test]
fn a_format_that_the_list_is_not_in() {
    let (out, code) = run(&folder(), &["misnamed.hosts", "--format", "hosts"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("error: L014 wrong-format: the caller says hosts, the lines are domains"));
    let (_, code) = run(&folder(), &["misnamed.hosts", "--format", "nonsense"]);
    assert_eq!(code, Some(2));
    let (_, code) = run(&folder(), &["none.txt"]);
    assert_eq!(code, Some(1));
}

#[test]
fn all_lists_of_a_sources_file_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let names =
        |range: std::ops::Range<u32>| range.map(|n| format!("n{n}.example\n")).collect::<String>();
    fs::write(folder.path().join("a.txt"), names(0..100)).unwrap();
    fs::write(folder.path().join("b.txt"), names(5..100)).unwrap();
    fs::write(folder.path().join("c.txt"), names(60..200)).unwrap();
    let source = |name: &str, place: &str| {
        format!("[[source]]\nname = \"{name}\"\n{place}\ncategories = [\"porn\"]\n")
    };
    let sources = [
        source("a", "path = \"a.txt\""),
        source("b", "path = \"b.txt\""),
        source("c", "path = \"c.txt\""),
        source("d", "url = \"https://lists.example/d.txt\""),
    ];
    fs::write(folder.path().join("sources.toml"), sources.concat()).unwrap();
    let (out, code) = run(folder.path(), &["sources.toml"]);
    assert_eq!(code, Some(0), "{out}");
    let same = "b.txt:1:1: warning: L022 same-list: 95 of its 95 names stand in a.txt too\n";
    assert!(out.contains(same), "{out}");
    assert_eq!(out.matches("stand in").count(), 1, "{out}");
    assert!(out.contains("not fetched yet, so not looked at: d\n"), "{out}");
    assert!(out.ends_with("3 lists: 0 errors, 1 warning\n"), "{out}");
}

fn linted(path: &Path) -> LintReport {
    lint(&ListSource::at(Source::block("list", &["porn"]), path), 20).unwrap()
}

/// What lint finds in the real lists that the real sources file leaves out.
#[test]
fn lists_that_nobody_should_use_as_they_are() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        return println!("skipped: no ../shared");
    }
    use Check::{
        Address, Covered, Duplicate, GluedAddress, NoEffect, PublicSuffix, SharedHost, Unreadable,
        WrongCount, WwwOnly,
    };
    let cases: &[(&str, &[(Check, u64)])] = &[
        ("ads_trackers/adguard_dnr_domains.txt", &[(PublicSuffix, 9), (SharedHost, 22)]),
        ("ads_trackers/adguard_urlfilter_hosts.hosts", &[(PublicSuffix, 1), (WwwOnly, 2_862)]),
        ("gambling/blp_gambling_20200615.hosts", &[(WrongCount, 1), (SharedHost, 3)]),
        ("gambling/ut1_gambling_20250824.txt", &[(Duplicate, 26_872), (PublicSuffix, 1)]),
        ("malware_phishing/blp_crypto.txt", &[(Covered, 13_368)]),
        ("malware_phishing/ubo_urlhaus.abp.txt", &[(NoEffect, 3_346), (Address, 2_307)]),
        ("malware_phishing/ut1_cryptojacking_20230207.txt", &[(GluedAddress, 4_804)]),
        ("redirect/blp_redirect.txt", &[(SharedHost, 4)]),
        ("warez/blp_torrent.txt", &[(Covered, 278), (WwwOnly, 176)]),
        ("../dirty/blp_malware_dnsmasq_20210611_all_lines_corrupt.conf", &[(Unreadable, 1)]),
        ("../dirty/ut1_gambling_20250824_duplicates.txt", &[(Duplicate, 26_872)]),
        ("../dirty/ut1_cryptojacking_20230207_glued_0.0.0.0_prefix.txt", &[(GluedAddress, 4_804)]),
    ];
    for (name, counts) in cases {
        let report = linted(&data.join("lists").join(name));
        for (check, expected) in *counts {
            let found = report.counts.get(check).copied().unwrap_or_default();
            // The tables of shared and trusted names grow.
            assert!(found >= *expected, "{check} in {name}: {found}\n{report}");
        }
    }

    // Lists that are another list under another name.
    let pairs = [
        ("lists/malware_phishing/ut1_malware_20250713.txt", "ut1_phishing_20250713.txt", 216_892),
        ("ut1_blacklists/redirector", "blp_redirect.txt", 108_559),
    ];
    for (first, second, shared) in pairs {
        let folder = if second.starts_with("blp") { "redirect" } else { "malware_phishing" };
        let mut reports =
            [linted(&data.join(first)), linted(&data.join("lists").join(folder).join(second))];
        compare(&mut reports);
        let finding = &reports[1].findings[0];
        assert_eq!(finding.check, Check::SameList, "{second}");
        let grouped = lists::report::grouped(shared);
        assert!(finding.message.starts_with(&grouped), "{}", finding.message);
        assert!(!reports[0].counts.contains_key(&Check::SameList));
        assert!(reports[1].format == Some(Format::Domains));
    }
}
