//! Damage that real lists have had, and what became of each line of it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::BTreeSet,
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use filter_core::{Options, RuleError};
use lists::{
    compile::read_source,
    formats::{FileReport, ReadOptions, Rule, Sink, detect, read},
    source::{Format, ListSource},
};

/// The names that a list gives.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Sink for Names {
    fn rule(&mut self, _: u64, rule: Rule<'_>, _: Options) -> Result<(), RuleError> {
        if let Rule::Domain { name, .. } = rule {
            self.0.insert(name.to_string());
        }
        Ok(())
    }
}

/// A file of the real lists; says so where there are none.
fn real(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(file);
    let there = path.exists();
    if !there {
        println!("skipped: no ../shared");
    }
    there.then_some(path)
}

fn read_file(path: &Path, format: Format) -> (FileReport, BTreeSet<String>) {
    let mut names = Names::default();
    let input = BufReader::new(File::open(path).unwrap());
    let report = read(format, input, &ReadOptions::default(), &mut names).unwrap();
    assert_eq!(report.lines, report.accepted.total() + report.skipped_lines());
    (report, names.0)
}

/// Skipped lines and refused names, by the text of their reason.
fn reasons(report: &FileReport) -> Vec<(String, u64)> {
    let all = report.skipped.iter().chain(&report.refused_names);
    all.map(|(reason, skipped)| (reason.to_string(), skipped.lines)).collect()
}

fn expected(reasons: &[(&str, u64)]) -> Vec<(String, u64)> {
    reasons.iter().map(|&(reason, lines)| (reason.to_owned(), lines)).collect()
}

/// blocklistproject, 2021-06-11: a script wrote `$0/` in place of every line. Nobody's list: no
/// format reads it, and one that is told to takes nothing from it.
#[test]
fn a_list_whose_every_line_is_corrupt_gives_nothing() {
    let file = "dirty/blp_malware_dnsmasq_20210611_all_lines_corrupt.conf";
    let Some(path) = real(file) else { return };
    let cases = [
        (Format::Dnsmasq, "syntax"),
        (Format::Domains, "character"),
        (Format::Adblock, "modifier: (unreadable)"),
        (Format::Hosts, "no-address"),
        (Format::Unbound, "syntax"),
        (Format::Rpz, "syntax"),
    ];
    for (format, reason) in cases {
        let (report, names) = read_file(&path, format);
        assert_eq!((report.lines, names.len()), (456_348, 0), "{format}");
        assert_eq!(reasons(&report), expected(&[(reason, 456_348)]), "{format}");
    }
    let list = ListSource {
        format: Some(Format::Dnsmasq),
        ..ListSource::at(filter_core::Source::block("blp-malware", &["malware"]), &path)
    };
    let error = read_source(&list, &mut Names::default()).unwrap_err().to_string();
    assert!(error.contains("not one of its 456348 lines was accepted"), "{error}");
}

/// UT1, 2023-02-07: `0.0.0.0` glued to 4 804 names. Nothing is made of them: 4 790 stand in the list
/// unharmed, and taking the others for what they hide would refuse `www.fr` and `bitcoin.com`.
#[test]
fn glued_addresses_are_refused_and_cost_no_protection() {
    let file = "dirty/ut1_cryptojacking_20230207_glued_0.0.0.0_prefix.txt";
    let Some(path) = real(file) else { return };
    let (report, names) = read_file(&path, Format::Domains);
    assert_eq!((report.lines, report.accepted.names), (53_248, 48_444));
    assert_eq!(reasons(&report), expected(&[("glued-address", 4_804)]));

    let text = std::fs::read_to_string(&path).unwrap();
    let hidden: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("0.0.0.0")).collect();
    let lost: Vec<_> = hidden.iter().filter(|&&name| !names.contains(name)).copied().collect();
    let spared = [
        "basepush.com",
        "binance.com",
        "bitcoin.com",
        "bitcoin.de",
        "bitcoin.it",
        "gemius.pl",
        "habd.as",
        "hive.com",
        "hostingcloud.racing",
        "sia.tech",
        "streamplay.to",
        "www.be",
        "www.fr",
        "www.mu",
    ];
    assert_eq!((hidden.len(), lost), (4_804, spared.to_vec()));
}

/// UT1, 2025-08-24: nearly every name twice.
#[test]
fn duplicates_count_once_as_names() {
    let Some(path) = real("dirty/ut1_gambling_20250824_duplicates.txt") else { return };
    let (report, names) = read_file(&path, Format::Domains);
    assert_eq!((report.lines, report.accepted.names, names.len()), (59_069, 59_069, 32_197));
}

/// StevenBlack, 2016: several names on a line.
#[test]
fn every_name_of_a_hosts_line_is_read() {
    let file = "lists/gambling/stevenblack_ext_gambling_2016.hosts";
    let Some(path) = real(file) else { return };
    let (report, names) = read_file(&path, Format::Hosts);
    assert_eq!((report.lines, report.accepted.names, report.rules), (723, 720, 722));
    assert_eq!(names.len(), 718);
    assert_eq!(reasons(&report), expected(&[("blank", 1), ("comment", 2)]));
}

/// The same damage in small, for whoever has no real lists.
#[test]
fn damage_in_small() {
    let text = b"$0/\n0.0.0.0example.com\n0.0.0.0 a.example b..example c.example\n\
                 caf\xe9.example\nexample.org\nexample.org\n";
    let small = |format| {
        let mut names = Names::default();
        let report = read(format, &text[..], &ReadOptions::default(), &mut names).unwrap();
        (names.0.into_iter().collect::<Vec<_>>(), reasons(&report))
    };
    let domains = [("glued-address", 1), ("several-words", 1), ("character", 1)];
    assert_eq!(
        small(Format::Domains),
        (vec!["example.org".to_owned(), "xn--caf-dma.example".to_owned()], expected(&domains))
    );
    let hosts = [("no-address", 5), ("empty-label", 1)];
    assert_eq!(
        small(Format::Hosts),
        (vec!["a.example".to_owned(), "c.example".to_owned()], expected(&hosts))
    );
    assert!(detect(text).is_err());
}
