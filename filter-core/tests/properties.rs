//! Builder and reader = the oracle, on random rules and questions; and no bytes make the engine
//! panic.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod oracle;

use std::collections::BTreeSet;

use filter_core::{
    DomainName, Filter, Learned, LearnedCategory, Mode, Profile, Source, with_recomputed_digests,
};
use oracle::{Both, Oracle, bind, engine_answer, without_index};
use proptest::{collection::vec, prelude::*, sample::Index};

/// Few labels, so that names often are ancestors of one another.
fn host() -> impl Strategy<Value = String> {
    vec("[ab]|x-a|ad", 0..5).prop_map(|labels| {
        let mut host = labels.join(".");
        host.push_str(if labels.is_empty() { "q.example" } else { ".q.example" });
        host
    })
}

fn categories() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["porn", "ads", "tracking", "games"], 1..3)
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        3 => categories().prop_map(|categories| Source::block("", &categories)),
        1 => prop::sample::subsequence(vec!["porn", "ads", "tracking"], 0..3)
            .prop_map(|lifts| Source::allow("", &["education"], &lifts)),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    let prefix = prop_oneof![6 => Just(""), 2 => Just("="), 2 => Just("*.")];
    let exception = prop_oneof![6 => Just(""), 1 => Just("@@"), 2 => Just("@")];
    let important = prop_oneof![8 => Just(""), 1 => Just("$important")];
    let narrow = prop_oneof![8 => Just(""), 1 => Just("$narrow")];
    let domain = (exception, prefix, host(), important, narrow).prop_map(
        |(exception, prefix, host, important, narrow)| {
            format!("{exception}{prefix}{host}{important}{narrow}")
        },
    );
    prop_oneof![
        12 => domain,
        1 => prop::sample::select(vec!["~x-a.", "~|.ad.", "~ad.a", "~.x-a.q.example.|", "~b.q.e"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(vec!["/x-a/", "/^ad/", "/example$/"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["10.0.0.0/16", "@@10.0.0.0/24", "10.0.0.1/32", "2001:db8::/48"])
            .prop_map(str::to_owned),
    ]
}

fn profile() -> impl Strategy<Value = Profile> {
    let set = || {
        prop::sample::subsequence(vec!["porn", "ads", "tracking", "games"], 0..4)
            .prop_map(|names| names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>())
    };
    let names = || {
        let pattern = (prop_oneof![3 => Just(""), 1 => Just("*.")], host());
        vec(pattern.prop_map(|(prefix, host)| format!("{prefix}{host}").parse().unwrap()), 0..2)
    };
    let mode = prop_oneof![3 => Just(Mode::Open), 1 => Just(Mode::Closed)];
    let allow = prop_oneof![3 => Just(BTreeSet::new()), 1 => set()];
    (set(), allow, names(), names(), mode).prop_map(
        |(block, allow, block_names, allow_names, mode)| Profile {
            block,
            allow,
            block_names,
            allow_names,
            mode,
            ..Profile::custom("test")
        },
    )
}

/// Short pieces of few letters, so that many overlap; thresholds in reach of their sums.
fn learned() -> impl Strategy<Value = Learned> {
    let piece = ("[.ab-]{1,4}", prop_oneof![3 => Just(""), 1 => Just("|")])
        .prop_map(|(body, end)| body + end)
        .prop_filter("a piece has two octets", |piece| piece.len() >= 2);
    let weight = (-300..300_i16).prop_filter("a weight is not zero", |weight| *weight != 0);
    let weights = prop::collection::btree_map(piece, weight, 1..20);
    let mistakes = prop::collection::btree_map(1..4_u32, -300..900_i32, 0..3);
    let category = ((-200..200_i32), mistakes, weights).prop_map(|(base, mistakes, weights)| {
        LearnedCategory { name: String::new(), base, mistakes, weights }
    });
    let names = prop::sample::subsequence(vec!["porn", "ads", "tracking", "games"], 0..4);
    (vec(category, 4), names).prop_map(|(categories, names)| Learned {
        from: Vec::new(),
        categories: names
            .into_iter()
            .zip(categories)
            .map(|(name, category)| LearnedCategory { name: name.to_owned(), ..category })
            .collect(),
    })
}

fn site() -> impl Strategy<Value = String> {
    let suffix = ["fr", "co.uk", "github.io", "ck", "www.ck", "example", "in-addr.arpa"];
    (vec("[ab]{1,6}|[ab-]{1,4}a", 0..4), prop::sample::select(suffix.to_vec())).prop_map(
        |(mut labels, suffix)| {
            labels.push(suffix.to_owned());
            labels.join(".")
        },
    )
}

fn compile(sources: Vec<Source>, rules: &[(Index, String)]) -> (Vec<u8>, Oracle) {
    let mut both = Both::default();
    let count = sources.len();
    for (number, source) in sources.into_iter().enumerate() {
        both.source(Source { name: format!("source-{number}"), ..source });
    }
    for (index, rule) in rules {
        // Some rules are refused (an important fragment, say): then neither side has them.
        let _ = both.rule(index.index(count), rule);
    }
    both.build()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn engine_equals_oracle(
        sources in vec(source(), 1..5),
        rules in vec((any::<Index>(), rule()), 0..25),
        profiles in vec(profile(), 1..3),
        asked in vec(host(), 1..10),
    ) {
        let (bytes, oracle) = compile(sources, &rules);
        for profile in &profiles {
            let bound = bind(bytes.clone(), profile);
            let walking = bind(without_index(bytes.clone()), profile);
            let listed = rules.iter().map(|(_, rule)| rule.trim_start_matches(['@', '=', '*', '.']));
            let bare = |rule: &str| rule.split('$').next().unwrap_or_default().to_owned();
            let listed = listed.map(bare);
            let near = asked.iter().flat_map(|host| [host.clone(), format!("a.{host}")]);
            let parents = ["example", "q.example", "."].map(str::to_owned);
            for host in listed.chain(near).chain(parents) {
                let Ok(name) = host.parse::<DomainName>() else { continue };
                prop_assert_eq!(
                    engine_answer(&bound, &name),
                    oracle.answer(profile, &name),
                    "{}", bound.explain(&name)
                );
                prop_assert_eq!(bound.verdict(&name), walking.verdict(&name));
                prop_assert_eq!(bound.allowed_by(&name), walking.allowed_by(&name));
            }
        }
    }

    /// Names that no list knows, by their pieces; and those that lists know, which are left alone.
    #[test]
    fn scores_equal_the_oracle(
        learned in learned(),
        sources in vec(source(), 1..3),
        rules in vec((any::<Index>(), site()), 0..4),
        profile in profile(),
        unlisted in 0..5_u32,
        asked in vec(site(), 1..12),
    ) {
        let profile = Profile { unlisted, ..profile };
        let mut both = Both::default();
        both.learned(&learned);
        let count = sources.len();
        for (number, source) in sources.into_iter().enumerate() {
            both.source(Source { name: format!("source-{number}"), ..source });
        }
        for (index, rule) in &rules {
            let _ = both.rule(index.index(count), rule);
        }
        let (bytes, oracle) = both.build();
        let bound = bind(bytes.clone(), &profile);
        let walking = bind(without_index(bytes), &profile);
        for host in asked.iter().chain(rules.iter().map(|(_, rule)| rule)) {
            let name: DomainName = host.parse().unwrap();
            prop_assert_eq!(
                engine_answer(&bound, &name),
                oracle.answer(&profile, &name),
                "{}", bound.explain(&name)
            );
            prop_assert_eq!(bound.verdict(&name), walking.verdict(&name));
        }
    }

    #[test]
    fn same_rules_in_any_order_give_the_same_bytes(
        sources in vec(source(), 1..4),
        rules in vec((any::<Index>(), rule()), 0..20),
        seed in any::<u64>(),
    ) {
        let mut shuffled = rules.clone();
        shuffled.sort_by_key(|(_, rule)| {
            rule.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)))
        });
        shuffled.extend(rules.iter().take(3).cloned()); // duplicates change nothing
        prop_assert_eq!(compile(sources.clone(), &rules).0, compile(sources, &shuffled).0);
    }

    /// Digests mended, so that nothing but the readers stands between the bytes and the answers.
    #[test]
    fn altered_bundles_do_no_harm(
        rules in vec((any::<Index>(), rule()), 0..25),
        learned in learned(),
        alterations in vec((any::<Index>(), any::<u8>()), 1..6),
        mend in any::<bool>(),
    ) {
        let mut both = Both::default();
        both.learned(&learned);
        both.source(Source::block("porn", &["porn"]));
        both.source(Source::allow("health", &["education"], &["porn"]));
        for (index, rule) in &rules {
            let _ = both.rule(index.index(2), rule);
        }
        let (mut bytes, _) = both.build();
        for (at, octet) in alterations {
            let at = at.index(bytes.len());
            bytes[at] = octet;
        }
        let bytes = if mend { with_recomputed_digests(bytes) } else { bytes };
        let Ok(filter) = Filter::open(bytes) else { return Ok(()) };
        prop_assert!(filter.names().take(1000).all(|listed| listed.rules().count() > 0));
        let child = Profile { unlisted: 4, ..Profile::named("child").unwrap() };
        if let Ok(bound) = filter.bind(&child) {
            for host in ["a.q.example", "baabab.aaa-b.fr", "ab.a.b-a.co.uk", "ad.x-a.q.example", ".", "b.b.b.b.q.example"] {
                let name = host.parse().unwrap();
                let _ = (bound.verdict(&name), bound.explain(&name).to_string());
                let _ = bound.answers(&name).name(&name, DomainName::is_public_suffix);
            }
            for address in ["10.0.0.1", "10.0.1.1", "2001:db8::1", "::", "255.255.255.255"] {
                let _ = bound.address(address.parse().unwrap());
            }
        }
    }

    #[test]
    fn any_bytes_can_be_opened_without_harm(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Filter::open(bytes);
    }

    #[test]
    fn any_text_and_any_wire_name_can_be_asked(text in "\\PC{0,300}", wire in vec(any::<u8>(), 0..300)) {
        let mut both = Both::default();
        let source = both.source(Source::block("porn", &["porn"]));
        both.rule(source, "example.com").unwrap();
        both.rule(source, "~sexcam").unwrap();
        let bound = bind(both.build().0, &Profile::named("child").unwrap());
        let _ = bound.host(&text);
        if let Ok((name, used)) = DomainName::from_wire(&wire) {
            prop_assert_eq!(name.as_wire().len(), used);
            prop_assert_eq!(&DomainName::from_wire(name.as_wire()).unwrap().0, &name);
            let _ = bound.verdict(&name);
        }
    }
}

/// A table that is large enough for a screen, which small ones do without.
#[test]
fn scores_of_a_large_table_equal_the_oracle() {
    let mut state = 6_u64;
    let mut below = |end: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    let mut text = |least: u64, more: u64, octets: &[u8]| -> String {
        let length = least + below(more);
        (0..length).map(|_| char::from(octets[below(octets.len() as u64) as usize])).collect()
    };
    let category = |name: &str, least: i32, text: &mut dyn FnMut() -> String| LearnedCategory {
        name: name.to_owned(),
        base: -50,
        mistakes: [(1, least)].into(),
        weights: (0..3_000).map(|n| (text(), [40, -25, 90, -60][n % 4])).collect(),
    };
    let mut piece = || text(2, 7, b"abcdefg.-1");
    let categories = vec![category("porn", 250, &mut piece), category("games", 400, &mut piece)];
    let mut both = Both::default();
    both.learned(&Learned { from: Vec::new(), categories });
    both.source(Source::block("porn", &["porn"]));
    let (bytes, oracle) = both.build();
    assert!(bytes.len() > 1 << 20, "{} octets have no room for a screen", bytes.len());
    let block = ["porn", "games"].map(str::to_owned).into();
    let profile = Profile { unlisted: 1, block, ..Profile::custom("test") };
    let bound = bind(bytes, &profile);
    let mut refused = 0;
    for n in 0..800 {
        let suffix = ["fr", "co.uk", "github.io", "a.b.c.d.e.f.g.h.com"][n % 4];
        let host = format!("{}x.{}x.{suffix}", text(1, 20, b"abcdefg1"), text(1, 40, b"aabcdefg1"));
        let name = host.parse().unwrap();
        let answer = engine_answer(&bound, &name);
        assert_eq!(answer, oracle.answer(&profile, &name), "{}", bound.explain(&name));
        refused += usize::from(answer.blocked);
    }
    assert!((40..760).contains(&refused), "{refused} of 800 refused: all the same tells nothing");
}
