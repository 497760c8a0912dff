//! Real trees of lists beside the repository, where they are: UT1 with its aliases, squidGuard of
//! 2001, e2guardian's phrases.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use filter_core::{Action, Options, RuleError, Source};
use lists::{
    archive::{Limits, unpack},
    compile::read_source,
    formats::{Rule, Sink, Skip},
    report::SourceReport,
    source::{Format, ListSource},
};

fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    let there = path.exists();
    if !there {
        println!("skipped: no ../shared");
    }
    there.then_some(path)
}

/// Rules as text.
#[derive(Default)]
struct Rules {
    names: BTreeSet<String>,
    urls: BTreeSet<String>,
    phrases: BTreeSet<String>,
}

impl Sink for Rules {
    fn rule(&mut self, _: u64, rule: Rule<'_>, _: Options) -> Result<(), RuleError> {
        match rule {
            Rule::Domain { name, .. } => self.names.insert(name.to_string()),
            Rule::Url(prefix) => self.urls.insert(prefix.to_string()),
            Rule::Phrase(phrase) => self.phrases.insert(phrase.to_string()),
            _ => true,
        };
        Ok(())
    }
}

fn read(
    path: PathBuf,
    format: Format,
    action: Action,
    member: Option<&str>,
) -> (SourceReport, Rules) {
    let definition = Source { action, ..Source::block("real", &["porn"]) };
    let source = ListSource {
        format: Some(format),
        member: member.map(PathBuf::from),
        ..ListSource::at(definition, path)
    };
    let mut rules = Rules::default();
    let report = read_source(&source, &mut rules).unwrap();
    for file in &report.files {
        let counts = &file.report;
        let accounted = counts.accepted.total() + counts.skipped_lines();
        assert_eq!(counts.lines, accounted, "{}", file.path.display());
    }
    (report, rules)
}

#[test]
fn usage_and_global_usage_disagree_on_five_categories() {
    let Some(tree) = data("ut1_blacklists") else { return };
    let mut disagree = Vec::new();
    let mut against = Vec::new();
    let mut names: Vec<_> = fs::read_dir(&tree).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names.into_iter().filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // The big lists are not in this copy.
        if !path.join("domains").exists() {
            continue;
        }
        let (report, _) = read(path, Format::Ut1, Action::Block, None);
        for warning in report.warnings {
            match warning.as_str() {
                "its `usage` file says black, `global_usage` says white"
                | "its `usage` file says white, `global_usage` says black" => {
                    disagree.push(name.clone());
                }
                "its `usage` file says white, this source blocks with it" => {
                    against.push(name.clone());
                }
                other => panic!("{name}: {other}"),
            }
        }
    }
    assert_eq!(disagree, ["ai", "arjel", "cooking", "press", "shortener"]);
    let white = [
        "bank",
        "child",
        "cleaning",
        "download",
        "educational_games",
        "examen_pix",
        "jobsearch",
        "liste_blanche",
        "liste_bu",
        "sexual_education",
        "translation",
        "update",
    ];
    assert_eq!(against, white);
}

#[test]
fn an_alias_in_the_archive_is_the_list_itself() {
    let Some(archive) = data("formats/ut1_with_aliases.tar.gz") else { return };
    let pairs = [
        ("ads", "publicite"),
        ("aggressive", "agressif"),
        ("violence", "agressif"),
        ("drugs", "drogue"),
        ("porn", "adult"),
    ];
    for (alias, category) in pairs {
        let read = |member| read(archive.clone(), Format::Ut1, Action::Block, Some(member));
        let ((report, rules), (other, same)) = (read(alias), read(category));
        assert_eq!(report.sha256, other.sha256, "{alias}");
        assert_eq!(report.lines(), other.lines(), "{alias}");
        assert_eq!(rules.names, same.names, "{alias}");
        assert!(report.path.ends_with(alias), "{}", report.path.display());
    }
}

#[test]
fn squidguard_of_2001() {
    let Some(archive) = data("formats/squidguard_diffs_2001.tar.gz") else { return };
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    assert_eq!(unpack(&archive, &tree, &Limits::default()).unwrap().files, 312);
    let mut counts = BTreeMap::new();
    for entry in fs::read_dir(tree.join("blacklists")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let (report, rules) = read(path, Format::Squidguard, Action::Block, None);
            let dated = report.unread.iter().filter(|name| name.ends_with(".diff")).count();
            counts.insert(name, (report.lines(), rules.names.len(), rules.urls.len(), dated));
        }
    }
    let (lines, names, urls) = counts.values().fold((0, 0, 0), |sum, (lines, names, urls, _)| {
        (sum.0 + lines, sum.1 + names, sum.2 + urls)
    });
    assert_eq!((counts.len(), lines), (11, 105_345));
    // Each URL without its `www.` and with it.
    assert_eq!((names, urls), (75_240, 49_315));
    let dated: usize = counts.values().map(|(.., dated)| dated).sum();
    assert_eq!(dated, 288, "175 of domains, 113 of URLs: done already, as the next test shows");
}

#[test]
fn a_diff_of_2001_makes_the_list_that_came_with_it() {
    let Some(archive) = data("formats/squidguard_diffs_2001.tar.gz") else { return };
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    unpack(&archive, &tree, &Limits::default()).unwrap();
    // The last diff of its kind: nothing came after it.
    let ads = tree.join("blacklists/ads");
    let diff = fs::read_to_string(ads.join("domains.20011218.diff")).unwrap();
    let today = fs::read_to_string(ads.join("domains")).unwrap();
    let of = |sign| diff.lines().filter_map(move |line: &str| line.strip_prefix(sign));
    let added: BTreeSet<_> = of('+').collect();
    assert!(added.iter().all(|name| today.lines().any(|line| line == *name)));
    let before: Vec<_> =
        today.lines().filter(|line| !added.contains(line)).chain(of('-')).collect();
    let category = folder.path().join("ads");
    fs::create_dir(&category).unwrap();
    fs::write(category.join("domains"), before.join("\n")).unwrap();
    fs::write(category.join("domains.diff"), &diff).unwrap();
    let (_, made) = read(category, Format::Squidguard, Action::Block, None);
    fs::remove_file(ads.join("urls")).unwrap();
    let (_, expected) = read(ads, Format::Squidguard, Action::Block, None);
    assert_eq!(added.len(), 3);
    assert_eq!(made.names.len(), 224);
    assert_eq!(made.names, expected.names);
}

#[test]
fn phrases_of_e2guardian() {
    let Some(archive) = data("keywords/e2guardian_phraselists.tar.xz") else { return };
    let folder = tempfile::tempdir().unwrap();
    let unpacked =
        Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(folder.path()).status();
    if !unpacked.is_ok_and(|status| status.success()) {
        println!("skipped: no tar with xz");
        return;
    }
    let tree = folder.path().join("phraselists");
    let (report, rules) = read(tree, Format::Phrases, Action::Block, None);
    assert_eq!(report.files.len(), 136);
    // Of an implementation of the same rules in another language.
    assert_eq!(report.lines(), 21_352);
    let skipped = report.skipped();
    let lines = |reason| skipped.get(&reason).map_or(0, |skipped| skipped.lines);
    let reasons = [Skip::Blank, Skip::Comment, Skip::Encoding, Skip::Character, Skip::Syntax];
    assert_eq!(reasons.map(lines), [531, 926, 479, 27, 15]);
    assert_eq!(report.accepted().phrases, 19_372);
    assert_eq!(rules.phrases.len(), 12_708);

    // A list of the same phrases made by others, a row for each language and category of a phrase;
    // without spaces around the words, and with what is read wrongly in other encodings.
    let Some(rows) = data("keywords/keywords.tsv") else { return };
    let rows = fs::read_to_string(rows).unwrap();
    let rows: Vec<Vec<_>> = rows.lines().map(|row| row.split('\t').collect()).collect();
    let rows: Vec<_> = rows.iter().filter(|row| row[4].contains("e2guardian")).collect();
    assert_eq!(rows.len(), 12_844);
    let theirs: BTreeSet<(BTreeSet<String>, &str)> = rows
        .iter()
        .map(|row| (row[1].to_lowercase().split(" + ").map(str::to_owned).collect(), row[2]))
        .collect();
    let ours: BTreeSet<(BTreeSet<String>, String)> = rules
        .phrases
        .iter()
        .map(|text| {
            let (terms, weight) = text[1..text.len() - 1].rsplit_once("><").unwrap();
            let weight = weight.replace("ban", "banned").replace("pass", "exception");
            (terms.split(">,<").map(|term| term.trim().to_owned()).collect(), weight)
        })
        .collect();
    let common = theirs
        .iter()
        .filter(|(terms, weight)| ours.contains(&(terms.clone(), (*weight).to_owned())));
    assert_eq!((theirs.len(), common.count()), (11_836, 11_490));
}
