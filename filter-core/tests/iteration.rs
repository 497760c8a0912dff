//! What a bundle gives back is what it was given: names in canonical order, patterns by kind.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use filter_core::{
    DomainName, Filter, FilterBuilder, Fragment, Network, Options, PatternKind, RuleError, Scope,
    Source, Stamp, UrlPrefix,
};
use proptest::{collection::vec, prelude::*};

const EXCEPTION: Options =
    Options { exception: true, important: false, narrow: false, nearest: false };

fn stamp() -> Stamp {
    Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None }
}

/// Name, source, scope, exception.
type Rule = (String, usize, Scope, bool);

fn compile(rules: &[Rule]) -> Filter {
    let mut builder = FilterBuilder::new();
    let ids = ["a", "b"].map(|name| builder.source(Source::block(name, &["porn"])).unwrap());
    for (name, source, scope, exception) in rules {
        let mut batch = builder.batch(ids[*source]);
        let options = Options { exception: *exception, ..Options::default() };
        batch.domain(&name.parse().unwrap(), *scope, options).unwrap();
        builder.add(batch.finish());
    }
    Filter::open(builder.build(stamp()).bytes).unwrap()
}

fn listed(filter: &Filter) -> BTreeSet<Rule> {
    let rules = filter.names().flat_map(|listed| {
        let name = listed.name.to_string();
        let rule = move |rule: filter_core::NameRule| {
            (name.clone(), rule.source, rule.scope, rule.options.exception)
        };
        listed.rules().map(rule).collect::<Vec<_>>()
    });
    rules.collect()
}

proptest! {
    #[test]
    fn names_come_back(
        hosts in vec(("[ab]{1,2}|x-a", "[ab]|a-", 0usize..2, 0u8..2, any::<bool>()), 0..40)
    ) {
        // Two labels below a suffix, exact or exception: nothing covers anything.
        let rules: Vec<Rule> = hosts
            .into_iter()
            .map(|(label, sub, source, kind, exception)| {
                let name = match kind {
                    0 => format!("{label}.example"),
                    _ => format!("{sub}.{label}.example").replace("-.", "."),
                };
                (name, source, Scope::Exact, exception)
            })
            .collect();
        let filter = compile(&rules);
        prop_assert_eq!(listed(&filter), rules.iter().cloned().collect());
        let names: Vec<_> = filter.names().map(|listed| listed.name).collect();
        prop_assert!(names.is_sorted_by(|a, b| a.canonical_cmp(b).is_lt()));
        prop_assert_eq!(names.len() as u64, filter.manifest().counts.names);
    }
}

#[test]
fn canonical_order() {
    // RFC 4034 §6.1, without the names that no list can hold.
    let names = ["example", "a.example", "yljkjljk.a.example", "z.a.example", "z.example"];
    let parsed: Vec<DomainName> = names.iter().map(|name| name.parse().unwrap()).collect();
    assert!(parsed.is_sorted_by(|a, b| a.canonical_cmp(b).is_lt()));
}

#[test]
fn names_that_share_a_rule_set_have_the_same_rules() {
    let rule = |name: &str, source| (name.to_owned(), source, Scope::Subtree, false);
    let filter = compile(&[
        rule("a.example", 0),
        rule("b.example", 0),
        rule("c.example", 1),
        rule("d.a.example", 0), // covered
        rule("e.a.example", 1),
        ("f.b.example".into(), 0, Scope::SubdomainsOnly, true),
    ]);
    let names: Vec<_> = filter.names().map(|l| (l.name.to_string(), l.rule_set)).collect();
    let texts: Vec<_> = names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(texts, ["a.example", "e.a.example", "b.example", "f.b.example", "c.example"]);
    assert_eq!(names[1].1, names[4].1);
    // `b.example` also knows of the exception below it.
    assert_ne!(names[0].1, names[2].1);
    assert_eq!(filter.manifest().counts.covered, 1);
}

#[test]
fn patterns_by_kind() {
    let mut builder = FilterBuilder::new();
    let id = builder.source(Source::block("a", &["porn"])).unwrap();
    let mut batch = builder.batch(id);
    batch.fragment(&Fragment::parse("casino").unwrap(), Options::default()).unwrap();
    batch.expression("^ads[0-9]+", Options::default()).unwrap();
    for (text, options) in [
        ("192.0.2.77/24", Options::default()),
        ("2001:db8::/32", Options::default()),
        ("192.0.2.1/32", EXCEPTION),
    ] {
        batch.network(&text.parse::<Network>().unwrap(), options).unwrap();
    }
    batch.url(&"https://example.com/a".parse::<UrlPrefix>().unwrap(), Options::default()).unwrap();
    for phrase in ["<b>,<a><50>", "<a>,<b><50>", "< word ><-10>"] {
        batch.phrase(&phrase.parse().unwrap()).unwrap();
    }
    assert_eq!(
        batch.network(&"0.0.0.0/0".parse().unwrap(), Options::default()),
        Err(RuleError::NetworkTooBroad)
    );
    assert_eq!(
        batch.network(&"::/8".parse().unwrap(), Options::default()),
        Err(RuleError::NetworkTooBroad)
    );
    let important = Options { important: true, ..Options::default() };
    assert_eq!(
        batch.network(&"192.0.2.0/24".parse().unwrap(), important),
        Err(RuleError::ExceptionPattern)
    );
    builder.add(batch.finish());
    let filter = Filter::open(builder.build(stamp()).bytes).unwrap();

    let texts = |kind| {
        let patterns = filter.patterns(kind).map(|pattern| {
            let rules: Vec<_> = pattern.rules().collect();
            assert_eq!((rules.len(), rules[0].source), (1, 0));
            format!("{}{}", if rules[0].options.exception { "@@" } else { "" }, pattern.text)
        });
        patterns.collect::<Vec<_>>()
    };
    assert_eq!(texts(PatternKind::Fragment), ["casino"]);
    assert_eq!(texts(PatternKind::Expression), ["^ads[0-9]+"]);
    assert_eq!(texts(PatternKind::Network), ["192.0.2.0/24", "@@192.0.2.1/32", "2001:db8::/32"]);
    assert_eq!(texts(PatternKind::Url), ["example.com/a"]);
    assert_eq!(texts(PatternKind::Phrase), ["< word ><-10>", "<a>,<b><50>"]);
    let counts = &filter.manifest().counts;
    assert_eq!((counts.networks, counts.urls, counts.phrases), (3, 1, 2));
    assert_eq!(filter.manifest().sources[0].rules, 8);
}

#[test]
fn a_bundle_without_them_has_no_such_sections() {
    let filter = compile(&[]);
    assert_eq!(filter.names().count(), 0);
    for kind in [PatternKind::Network, PatternKind::Url, PatternKind::Phrase] {
        assert_eq!(filter.patterns(kind).count(), 0);
    }
    assert_eq!(filter.section_sizes().len(), 6);
}
