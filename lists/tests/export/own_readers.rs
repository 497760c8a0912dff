//! Exports read back by our own readers and compiled again.

use std::fs;

use filter_core::{BoundFilter, Filter, Options, Scope, Stamp};
use lists::{
    compile::build,
    diagnostic::TextFile,
    source::{Format, Sources},
};
use proptest::prelude::*;

use crate::{
    Files, Rule, child, export, filter,
    model::readings,
    properties::{rules, universe},
};

/// Formats of names.
pub(crate) const FORMATS: [Format; 10] = [
    Format::Domains,
    Format::Wildcard,
    Format::Hosts,
    Format::Adblock,
    Format::Dnsmasq,
    Format::Unbound,
    Format::Rpz,
    Format::Ut1,
    Format::Squidguard,
    Format::E2guardian,
];

/// What compiling the files again gives, the lists being what their format is; none without a rule.
pub(crate) fn read_back(format: Format, files: &Files) -> Option<BoundFilter> {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = String::new();
    let mut source = |name: &str, path: &str, rest: &str| {
        sources += &format!(
            "[[source]]\nname = {name:?}\npath = {path:?}\nformat = \"{format}\"\n\
             suffixes = \"keep\"\n{rest}\n"
        );
    };
    for (path, text) in files {
        let path = folder.path().join(if path.is_empty() { "list" } else { path });
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    match files.get("") {
        Some(text) => {
            let is_comment = |line: &str| {
                line.is_empty()
                    || (line.starts_with(['#', '!', ';', '$', '@']) && !line.starts_with("@@"))
                    || line == "server:"
            };
            if text.lines().all(is_comment) {
                return None;
            }
            source("list", "list", "categories = [\"porn\"]");
        }
        None => {
            let categories = [
                ("refused", "categories = [\"porn\"]"),
                ("passed", "categories = [\"education\"]\naction = \"allow\"\nlifts = [\"porn\"]"),
                ("refused-again", "categories = [\"porn\"]"),
            ];
            for (category, rest) in categories {
                if !files[&format!("{category}/domains")].is_empty() {
                    source(category, category, rest);
                }
            }
        }
    }
    if sources.is_empty() {
        return None;
    }
    let file = TextFile { path: "sources.toml".into(), text: sources };
    let sources = Sources::parse(file, folder.path()).unwrap();
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let built = build(&sources, stamp, &()).unwrap_or_else(|error| panic!("{error}\n{files:#?}"));
    Some(Filter::open(built.bytes).unwrap().bind(&child()).unwrap())
}

fn check(format: Format, rules: &[Rule]) {
    let filter = filter(rules);
    let (files, _) = export(&filter, &child(), format);
    let program = readings(format, &files).remove(0);
    let back = read_back(format, &files);
    for name in universe() {
        let ours = back.as_ref().is_some_and(|bound| bound.host(&name).is_blocked());
        assert_eq!(ours, program(&name), "{format}: {name}\n{files:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What a program refuses that loaded the export is what we refuse that compiled it.
    #[test]
    fn we_read_what_we_write(rules in rules()) {
        for format in FORMATS {
            check(format, &rules);
        }
    }
}

/// A pass inside of what is refused, a refusal inside of that, and so on, as deep as AdBlock's ranks go.
#[test]
fn trees_in_trees_survive() {
    let rule = |source, name: &str| (source, name.to_owned(), Scope::Subtree, Options::default());
    let nested = ["t.example", "a.t.example", "b.a.t.example", "a.b.a.t.example"];
    // Sources 0 and 2 refuse and lift the same category.
    let rules: Vec<Rule> =
        nested.iter().zip([0, 2].into_iter().cycle()).map(|(n, s)| rule(s, n)).collect();
    for depth in 1..=nested.len() {
        for format in FORMATS {
            check(format, &rules[..depth]);
        }
    }
}
