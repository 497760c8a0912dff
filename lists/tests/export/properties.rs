//! Random lists, with exceptions, allow lists and important rules: what a program refuses that
//! loaded the export is what the engine refuses, as far as the format can say it.

use filter_core::{Filter, Options, Scope};
use lists::{
    export::{Exported, Limit},
    source::Format,
};
use proptest::prelude::*;

use crate::{Rule, child, export, filter, model::readings, own_readers::FORMATS};

/// Every name of up to four labels below `t.example`; rules are never on those with a `z`.
pub(crate) fn universe() -> Vec<String> {
    let mut names = vec!["t.example".to_owned()];
    let mut last = 0;
    for _ in 0..4 {
        let parents: Vec<String> = names.drain(last..).collect();
        last += parents.len();
        let children = parents
            .iter()
            .flat_map(|parent| ["a", "b", "z"].map(|label| format!("{label}.{parent}")))
            .collect::<Vec<_>>();
        names.extend(parents);
        names.extend(children);
    }
    names
}

pub(crate) fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let name = "([ab]\\.){0,4}t\\.example";
    let scope = prop_oneof![
        3 => Just(Scope::Subtree),
        1 => Just(Scope::Exact),
        1 => Just(Scope::SubdomainsOnly),
    ];
    let options = prop_oneof![
        6 => Just(Options::default()),
        2 => Just(Options { exception: true, ..Options::default() }),
        2 => Just(Options { exception: true, nearest: true, ..Options::default() }),
        1 => Just(Options { important: true, ..Options::default() }),
        1 => Just(Options { important: true, exception: true, ..Options::default() }),
        1 => Just(Options { narrow: true, ..Options::default() }),
        1 => Just(Options { narrow: true, exception: true, ..Options::default() }),
    ];
    prop::collection::vec((0usize..5, name, scope, options), 1..16)
}

fn is_exact(exported: &Exported) -> bool {
    exported.limits.is_empty()
}

/// True when all that the format could not say makes it refuse more.
fn never_less(exported: &Exported) -> bool {
    exported
        .limits
        .keys()
        .all(|limit| matches!(limit, Limit::BelowToo | Limit::NameToo | Limit::Pass))
}

fn check(filter: &Filter, format: Format) {
    let bound = filter.bind(&child()).unwrap();
    let (files, exported) = export(filter, &child(), format);
    for refuses in readings(format, &files) {
        for name in universe() {
            let (ours, theirs) = (bound.host(&name).is_blocked(), refuses(&name));
            if is_exact(&exported) {
                assert_eq!(theirs, ours, "{format}: {name}\n{exported}{files:#?}");
            } else if never_less(&exported) {
                assert!(theirs || !ours, "{format}: {name}\n{exported}{files:#?}");
            }
            if format == Format::Hosts {
                assert!(ours || !theirs, "{format}: {name}\n{exported}{files:#?}");
            }
        }
    }
    // What each format can leave unsaid is what its documentation says.
    let allowed: &[Limit] = match format {
        Format::Dnsmasq | Format::Rpz => &[],
        Format::Hosts => &[Limit::NameOnly, Limit::Refusal],
        Format::Adblock => &[Limit::Refusal, Limit::Pass],
        Format::Unbound => &[Limit::NameToo, Limit::Pass],
        Format::Wildcard => &[Limit::NameToo, Limit::Pass],
        Format::Ut1 | Format::Squidguard => &[Limit::BelowToo, Limit::NameToo, Limit::Pass],
        _ => &[Limit::BelowToo, Limit::NameToo, Limit::Pass],
    };
    for limit in exported.limits.keys() {
        assert!(allowed.contains(limit), "{format}: {limit:?}\n{files:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn programs_refuse_what_the_engine_refuses(rules in rules()) {
        let filter = filter(&rules);
        for format in FORMATS {
            check(&filter, format);
        }
    }
}

/// Refused, passed, refused… five deep: each format as deep as it goes.
#[test]
fn trees_in_trees() {
    let levels =
        ["t.example", "a.t.example", "b.a.t.example", "a.b.a.t.example", "b.a.b.a.t.example"];
    let rules: Vec<Rule> = levels
        .iter()
        .enumerate()
        .map(|(level, name)| (if level % 2 == 0 { 0 } else { 2 }, (*name).to_owned()))
        .map(|(source, name)| (source, name, Scope::Subtree, Options::default()))
        .collect();
    for levels in 1..=5 {
        let filter = filter(&rules[..levels]);
        for format in FORMATS {
            check(&filter, format);
            let (_, exported) = export(&filter, &child(), format);
            let deepest = match format {
                Format::Domains | Format::Wildcard | Format::E2guardian => 1,
                Format::Ut1 | Format::Squidguard => 3,
                Format::Adblock => 4,
                _ => 5,
            };
            if format == Format::Hosts {
                continue;
            }
            let exact = levels <= deepest;
            assert_eq!(exported.limits.is_empty(), exact, "{format}, {levels} levels: {exported}");
        }
    }
}
