//! Exports read back by our own readers and compiled again.

use std::{collections::BTreeSet, fs, iter::successors};

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

/// Where our readers know less than the programs: an exception of a list spares a name from *all*
/// rules of that list, in dnsmasq, Unbound and zones only from less specific ones.
#[derive(Default)]
pub(crate) struct Exceptions {
    alone: BTreeSet<String>,
    below: BTreeSet<String>,
}

impl Exceptions {
    pub(crate) fn of(format: Format, files: &Files) -> Self {
        let mut exceptions = Self::default();
        if !matches!(format, Format::Dnsmasq | Format::Unbound | Format::Rpz) {
            return exceptions;
        }
        for line in files[""].lines() {
            let owner = match format {
                Format::Dnsmasq => line.strip_prefix("server=/").and_then(|l| l.strip_suffix("/#")),
                Format::Rpz => line.strip_suffix(" CNAME rpz-passthru."),
                _ => line.strip_suffix("transparent").and_then(|line| line.split('"').nth(1)),
            };
            let Some(owner) = owner.map(|owner| owner.trim_end_matches('.')) else { continue };
            if let Some(apex) = owner.strip_prefix("*.") {
                exceptions.below.insert(apex.to_owned());
                continue;
            }
            exceptions.alone.insert(owner.to_owned());
            if format != Format::Rpz {
                exceptions.below.insert(owner.to_owned());
            }
        }
        exceptions
    }

    pub(crate) fn spare(&self, name: &str) -> bool {
        let above = successors(name.split_once('.'), |(_, name)| name.split_once('.'));
        self.alone.contains(name) || above.into_iter().any(|(_, above)| self.below.contains(above))
    }
}

fn check(format: Format, rules: &[Rule]) -> usize {
    let filter = filter(rules);
    let (files, _) = export(&filter, &child(), format);
    let program = readings(format, &files).remove(0);
    let back = read_back(format, &files);
    let exceptions = Exceptions::of(format, &files);
    let mut spared = 0;
    for name in universe() {
        let ours = back.as_ref().is_some_and(|bound| bound.host(&name).is_blocked());
        if exceptions.spare(&name) {
            assert!(!ours, "{format}: {name}\n{files:#?}");
            spared += usize::from(program(&name));
        } else {
            assert_eq!(ours, program(&name), "{format}: {name}\n{files:#?}");
        }
    }
    spared
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

/// The one difference between programs and our readers, at its smallest.
#[test]
fn an_exception_of_a_list_spares_from_all_of_the_list() {
    let rule = |source, name: &str| (source, name.to_owned(), Scope::Subtree, Options::default());
    let rules = [rule(0, "t.example"), rule(2, "a.t.example"), rule(0, "b.a.t.example")];
    for format in FORMATS {
        let differs = matches!(format, Format::Dnsmasq | Format::Unbound | Format::Rpz);
        assert_eq!(check(format, &rules) > 0, differs, "{format}");
        assert_eq!(check(format, &rules[..2]), 0, "{format}");
    }
}
