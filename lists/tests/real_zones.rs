//! Response policy zones of other people: a list in use, and the test zones of two resolvers.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use filter_core::{Options, RuleError, Scope};
use lists::{
    formats::{FileReport, ReadOptions, Rule, Sink, read},
    source::Format,
};

/// Rules as text, in a notation of this test: `d`, `*.d`, a network; `@@` before an exception.
#[derive(Default)]
struct Rules(Vec<String>);

impl Sink for Rules {
    fn rule(&mut self, _: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        let text = match rule {
            Rule::Domain { name, scope: Scope::Exact } => name.to_string(),
            Rule::Domain { name, scope: Scope::SubdomainsOnly } => format!("*.{name}"),
            Rule::Network(network) => network.to_string(),
            other => panic!("a zone gives no {other:?}"),
        };
        self.0.push(if options.exception { format!("@@{text}") } else { text });
        Ok(())
    }
}

fn zone(text: &str) -> (Vec<String>, FileReport) {
    let mut rules = Rules::default();
    let report = read(Format::Rpz, text.as_bytes(), &ReadOptions::default(), &mut rules).unwrap();
    assert_eq!(report.lines, report.accepted.total() + report.skipped_lines());
    (rules.0, report)
}

fn reasons(report: &FileReport) -> Vec<(String, u64)> {
    report.skipped.iter().map(|(reason, skipped)| (reason.to_string(), skipped.lines)).collect()
}

fn expected(reasons: &[(&str, u64)]) -> Vec<(String, u64)> {
    reasons.iter().map(|&(reason, lines)| (reason.to_owned(), lines)).collect()
}

/// A file of the real data; says so where there is none.
fn real(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(file);
    let there = path.exists();
    if !there {
        println!("skipped: no ../shared");
    }
    there.then_some(path)
}

#[test]
fn a_zone_in_use_against_a_reader_of_words() {
    for file in ["formats/rpz_dnsbunker_cti.rpz", "lists/malware_phishing/dnsbunker_cti_rpz.rpz"] {
        let Some(path) = real(file) else { return };
        let text = fs::read_to_string(path).unwrap();
        let (rules, report) = zone(&text);
        let words = text.lines().filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                [owner, "CNAME", "."] => owner.strip_suffix('.').map(str::to_owned),
                _ => None,
            }
        });
        assert_eq!(rules, words.collect::<Vec<_>>());
        let apexes: BTreeSet<_> = rules.iter().filter(|rule| !rule.starts_with('*')).collect();
        assert_eq!((report.lines, apexes.len()), (12_266, 6_125), "{file}");
        assert_eq!(report.accepted.names, 12_250, "{file}");
        let skipped = [
            ("blank", 2),
            ("comment", 5),
            ("directive", 1),
            ("zone-record", 2),
            ("continuation", 6),
        ];
        assert_eq!(reasons(&report), expected(&skipped), "{file}");
    }
}

#[test]
fn the_test_zone_of_powerdns() {
    let Some(path) = real("formats/rpz_pdns_basic.rpz") else { return };
    let (rules, report) = zone(&fs::read_to_string(path).unwrap());
    let taken = ["nxdomain.org", "*.nxdomain-apex.org", "@@mail.nxdomain-apix.org", "10.0.0.2/32"];
    assert_eq!(rules, taken);
    let skipped = [
        ("blank", 14),
        ("comment", 27),
        ("rewrite", 2),
        ("local-data", 2),
        ("drop", 2),
        ("tcp-only", 2),
        ("directive", 2),
        ("zone-record", 2),
        ("rpz-client-ip", 2),
        ("rpz-nsdname", 3),
    ];
    assert_eq!(reasons(&report), expected(&skipped));
}

/// The zones within one of Unbound's test scenarios.
fn scenario(archive: &Path, name: &str) -> Option<Vec<String>> {
    let member = format!("unbound/{name}.rpl");
    let ran = Command::new("tar").arg("-xJOf").arg(archive).arg(&member).output().ok()?;
    if !ran.status.success() {
        println!("skipped: no tar or no xz");
        return None;
    }
    let text = String::from_utf8(ran.stdout).unwrap();
    let zones = text.split("TEMPFILE_CONTENTS ").skip(1).map(|rest| {
        let (_, zone) = rest.split_once('\n').unwrap();
        zone.split("TEMPFILE_END").next().unwrap().to_owned()
    });
    Some(zones.collect())
}

#[test]
fn the_test_zones_of_unbound() {
    let Some(archive) = real("malformed/unbound_pdns.tar.xz") else { return };
    type Zone = (&'static [&'static str], &'static [(&'static str, u64)]);
    let cases: [(&str, &[Zone]); 6] = [
        (
            "rpz_qname",
            &[
                (&["a", "a", "b.a", "@@c.a", "@@c.g"], &[("local-data", 1)]),
                (&["c.g"], &[("rewrite", 2), ("local-data", 2), ("drop", 1), ("tcp-only", 1)]),
            ],
        ),
        (
            "rpz_respip",
            &[
                (
                    &[
                        "10.0.0.0/8",
                        "10.10.0.0/16",
                        "@@10.10.10.10/32",
                        "2001:db8::/32",
                        "2001:db8:aa::/48",
                        "@@2001:db8:aa:bb:cc::1/128",
                    ],
                    &[("blank", 1), ("local-data", 2), ("drop", 2), ("tcp-only", 1)],
                ),
                (&[], &[("local-data", 3)]),
            ],
        ),
        (
            "rpz_passthru",
            &[
                (&[], &[("local-data", 2)]),
                (&["@@e.a"], &[]),
                (&[], &[("local-data", 2), ("rpz-client-ip", 2)]),
            ],
        ),
        ("rpz_clientip", &[(&[], &[("rpz-client-ip", 7)])]),
        ("rpz_nsdname", &[(&[], &[("rpz-nsdname", 7)])]),
        ("rpz_cname_wild", &[(&[], &[("rewrite", 1), ("rpz-nsdname", 1)])]),
    ];
    // A SOA of two lines, two NS, two `$ORIGIN`.
    let common = expected(&[("directive", 2), ("zone-record", 3), ("continuation", 1)]);
    for (name, zones) in cases {
        let Some(texts) = scenario(&archive, name) else { return };
        assert_eq!(texts.len(), zones.len(), "{name}");
        for (text, (taken, skipped)) in texts.iter().zip(zones) {
            let (rules, report) = zone(text);
            assert_eq!(rules, *taken, "{name}");
            let (every, own): (Vec<_>, Vec<_>) =
                reasons(&report).into_iter().partition(|reason| common.contains(reason));
            assert_eq!((every, own), (common.clone(), expected(skipped)), "{name}");
        }
    }
}
