//! What answers lead to: names along a chain, and addresses.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod oracle;

use std::{collections::BTreeSet, net::IpAddr};

use filter_core::{
    Action, DomainName, FilterBuilder, Mode, Network, Options, Profile, Scope, Source, Stamp,
    Suffixes, Verdict,
};
use oracle::bind;
use proptest::{collection::vec, prelude::*};

const EXCEPTION: Options =
    Options { exception: true, important: false, narrow: false, nearest: false };
const NEAREST: Options = Options { nearest: true, ..EXCEPTION };

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn stamp() -> Stamp {
    Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None }
}

/// Sources with what they list: names, fragments (`~`), networks (with a `/`); `@@` before, or `@`.
fn bundle(sources: &[(Source, &[&str])]) -> Vec<u8> {
    let mut builder = FilterBuilder::new();
    builder.shared(&name("edge.example"));
    for (number, (source, rules)) in sources.iter().enumerate() {
        let name = format!("source-{number}");
        let id = builder.source(Source { name, ..source.clone() }).unwrap();
        let mut batch = builder.batch(id);
        for rule in *rules {
            let (text, options) = match (rule.strip_prefix("@@"), rule.strip_prefix('@')) {
                (Some(text), _) => (text, EXCEPTION),
                (_, Some(text)) => (text, NEAREST),
                _ => (*rule, Options::default()),
            };
            if let Some(fragment) = text.strip_prefix('~') {
                batch.fragment(&filter_core::Fragment::parse(fragment).unwrap(), options).unwrap();
            } else if let Ok(network) = text.parse::<Network>() {
                batch.network(&network, options).unwrap();
            } else {
                batch.domain(&text.parse().unwrap(), Scope::Subtree, options).unwrap();
            }
        }
        builder.add(batch.finish());
    }
    builder.build(stamp()).bytes
}

/// Of a verdict on `to`; on an address, which no name changes, where that is the name asked about.
fn shown(verdict: Verdict<'_>, to: &DomainName) -> String {
    match verdict {
        Verdict::Blocked(reason) => {
            assert!(reason.spares_descendants);
            reason.about(to)
        }
        other => format!("{other:?}"),
    }
}

fn profile(block_names: &[&str], allow_names: &[&str], mode: Mode) -> Profile {
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    Profile {
        block_names: names(block_names),
        allow_names: names(allow_names),
        mode,
        ..Profile::named("child").unwrap()
    }
}

#[test]
fn names_along_a_chain() {
    let cdn = Source { suffixes: Suffixes::Keep, ..Source::block("", &["ads"]) };
    let bytes = bundle(&[
        (
            cdn,
            &[
                "edge.example",
                "bad.edge.example",
                "github.io",
                "bad.github.io",
                "tracker.example",
                "~sexcam",
            ],
        ),
        (Source::allow("", &["education"], &["ads"]), &["school.example"]),
        (Source::allow("", &["education"], &[]), &["portal.example"]),
        (Source::block("", &["malware"]), &["evil.example"]),
    ]);
    let is_shared =
        |name: &DomainName| name.is_public_suffix() || name.to_string() == "edge.example";
    let open = profile(
        &["op.example", "edge.example"],
        &["mine.example", "ok.tracker.example"],
        Mode::Open,
    );
    let closed = Profile { mode: Mode::Closed, ..open.clone() };
    let cases = [
        // asked, leads to, refused because
        ("www.news.example", "x.tracker.example", "ads · source-0 · matched tracker.example"),
        ("www.news.example", "tracker.example", "ads · source-0 · matched tracker.example"),
        ("www.news.example", "a.ok.tracker.example", "Allowed"),
        ("www.news.example", "unlisted.example", "Allowed"),
        ("www.news.example", "my-sexcams.example", "ads · source-0 · matched fragment sexcam"),
        ("www.news.example", "a.op.example", "operator's names · matched op.example"),
        // Shared by strangers: neither the list's rule counts, nor the operator's.
        ("www.news.example", "x.edge.example", "Allowed"),
        ("www.news.example", "edge.example", "Allowed"),
        ("www.news.example", "x.bad.edge.example", "ads · source-0 · matched bad.edge.example"),
        ("www.news.example", "x.github.io", "Allowed"),
        ("www.news.example", "x.bad.github.io", "ads · source-0 · matched bad.github.io"),
        // What is lifted from the asked name is lifted from what it leads to, and nothing else.
        ("www.school.example", "x.tracker.example", "Allowed"),
        ("www.school.example", "my-sexcams.example", "Allowed"),
        ("www.school.example", "evil.example", "malware · source-3 · matched evil.example"),
        ("www.portal.example", "x.tracker.example", "ads · source-0 · matched tracker.example"),
        // The operator's allow lifts all.
        ("www.mine.example", "evil.example", "Allowed"),
        ("www.mine.example", "a.op.example", "Allowed"),
    ];
    for profile in [open, closed] {
        let bound = bind(bytes.clone(), &profile);
        for (asked, to, expected) in cases {
            let verdict = bound.answers(&name(asked)).name(&name(to), is_shared);
            assert_eq!(shown(verdict, &name(to)), expected, "{asked} → {to}");
        }
    }
}

#[test]
fn addresses() {
    let bytes = bundle(&[
        (
            Source::block("", &["malware"]),
            &["198.51.100.0/24", "198.51.100.7/32", "@@198.51.100.64/26", "2001:db8:1::/48"],
        ),
        (
            Source::block("", &["ads", "tracking"]),
            &["198.51.0.0/16", "@203.0.113.0/24", "203.0.113.9/32", "203.0.0.0/16"],
        ),
        (Source::allow("", &["education"], &["ads"]), &["198.51.7.0/24", "school.example"]),
        (Source::allow("", &["education"], &["tracking"]), &["198.51.7.8/32"]),
        (Source::block("", &["games"]), &["192.0.2.0/24"]),
    ]);
    let bound = bind(bytes, &profile(&[], &["mine.example"], Mode::Closed));
    let cases = [
        ("a.example", "198.51.100.1", "malware · source-0 · matched 198.51.100.0/24"),
        ("a.example", "::ffff:198.51.100.1", "malware · source-0 · matched 198.51.100.0/24"),
        ("a.example", "198.51.100.7", "malware · source-0 · matched 198.51.100.7/32"),
        // An exception acts within its own source: the wider network of the other one is left.
        ("a.example", "198.51.100.65", "tracking · source-1 · matched 198.51.0.0/16"),
        ("a.example", "198.51.99.1", "tracking · source-1 · matched 198.51.0.0/16"),
        // An allow lifts what it names, from what is wider than it.
        ("a.example", "198.51.7.1", "tracking · source-1 · matched 198.51.0.0/16"),
        ("a.example", "198.51.7.8", "Allowed"),
        // An exception that yields to what is more specific.
        ("a.example", "203.0.113.1", "Allowed"),
        ("a.example", "203.0.113.9", "tracking · source-1 · matched 203.0.113.9/32"),
        ("a.example", "203.0.112.1", "tracking · source-1 · matched 203.0.0.0/16"),
        ("a.example", "2001:db8:1::1", "malware · source-0 · matched 2001:db8:1::/48"),
        ("a.example", "2001:db8:2::1", "Allowed"),
        // Not a category that the profile blocks; no network at all, in a closed profile.
        ("a.example", "192.0.2.1", "Allowed"),
        ("a.example", "8.8.8.8", "Allowed"),
        ("mine.example", "198.51.100.1", "Allowed"),
        ("school.example", "198.51.100.1", "malware · source-0 · matched 198.51.100.0/24"),
    ];
    for (asked, address, expected) in cases {
        let address: IpAddr = address.parse().unwrap();
        let got = shown(bound.answers(&name(asked)).address(address), &name(asked));
        // The order of categories is the product's own: which of the two is told is no matter.
        assert_eq!(
            got.replace("ads · source-1", "tracking · source-1"),
            expected,
            "{asked} {address}"
        );
        if asked == "a.example" {
            assert_eq!(shown(bound.address(address), &name(asked)), got);
        }
    }
}

/// The operator's networks are no list's to lift; a name that the operator allows is.
#[test]
fn the_operators_networks() {
    let bytes = bundle(&[
        (Source::block("", &["malware"]), &["198.51.100.7/32", "@@198.51.0.0/16"]),
        (Source::allow("", &["education"], &["ads"]), &["198.51.100.0/24", "school.example"]),
    ]);
    let networks = ["198.51.100.0/24", "198.51.100.0/24", "198.51.100.9/25", "2001:db8:66::/48"];
    let profile = Profile {
        block_networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        ..profile(&[], &["mine.example"], Mode::Open)
    };
    let bound = bind(bytes, &profile);
    let by = |network: &str| format!("operator's networks · matched {network}");
    let cases = [
        ("a.example", "198.51.100.7", by("198.51.100.0/25")),
        ("a.example", "198.51.100.200", by("198.51.100.0/24")),
        ("school.example", "::ffff:198.51.100.200", by("198.51.100.0/24")),
        ("a.example", "2001:db8:66::1", by("2001:db8:66::/48")),
        ("a.example", "198.51.101.1", "Allowed".to_owned()),
        ("a.example", "2001:db8:67::1", "Allowed".to_owned()),
        ("mine.example", "198.51.100.7", "Allowed".to_owned()),
    ];
    for (asked, address, expected) in cases {
        let verdict = bound.answers(&name(asked)).address(address.parse().unwrap());
        assert_eq!(shown(verdict, &name(asked)), expected, "{asked} {address}");
    }
}

/// A source's network, as it was given.
#[derive(Clone, Debug)]
struct Rule {
    source: usize,
    network: Network,
    /// `Some(nearest)` for an exception.
    exception: Option<bool>,
}

/// The naive oracle: one category at a time, over every rule. True when the address is refused.
fn oracle(sources: &[Source], rules: &[Rule], profile: &Profile, address: IpAddr) -> bool {
    let address = address.to_canonical();
    if profile.block_networks.iter().any(|network| network.contains(&address)) {
        return true;
    }
    let holding: Vec<_> = rules.iter().filter(|rule| rule.network.contains(&address)).collect();
    let length = |rule: &Rule| rule.network.prefix_len();
    let blocked = profile.block.difference(&profile.allow);
    blocked.into_iter().any(|category| {
        let lifted = holding
            .iter()
            .filter(|rule| rule.exception.is_none())
            .filter(|rule| sources[rule.source].lifts.contains(category))
            .map(|rule| length(rule))
            .max();
        holding.iter().any(|rule| {
            let source = &sources[rule.source];
            let excepted = holding.iter().any(|exception| {
                exception.source == rule.source
                    && match exception.exception {
                        None => false,
                        Some(nearest) => !nearest || length(exception) >= length(rule),
                    }
            });
            source.action == Action::Block
                && rule.exception.is_none()
                && source.categories.contains(category)
                && !excepted
                && lifted.is_none_or(|lifted| length(rule) > lifted)
        })
    })
}

/// Few distinct addresses, so that networks nest.
fn address() -> impl Strategy<Value = IpAddr> {
    let octet = || prop::sample::select(vec![0u8, 1, 127, 128, 255]);
    prop_oneof![
        (octet(), octet(), octet()).prop_map(|(a, b, c)| IpAddr::from([10, a, b, c])),
        (octet(), octet(), octet()).prop_map(|(a, b, c)| {
            IpAddr::from([0x20, 1, 0xd, 0xb8, a, b, 0, 0, 0, 0, 0, 0, 0, 0, 0, c])
        }),
        (octet(), octet()).prop_map(|(a, b)| {
            IpAddr::from(std::net::Ipv4Addr::new(10, 0, a, b).to_ipv6_mapped())
        }),
    ]
}

fn network() -> impl Strategy<Value = Network> {
    (address(), 0u8..=64).prop_map(|(address, shorter)| {
        let address = address.to_canonical();
        let (longest, shortest) = if address.is_ipv4() { (32, 16) } else { (128, 48) };
        let length = longest - shorter.min(longest - shortest);
        Network::new(address, length).unwrap().trunc()
    })
}

fn source() -> impl Strategy<Value = Source> {
    let some = || prop::sample::subsequence(vec!["porn", "ads", "tracking", "games"], 1..3);
    prop_oneof![
        3 => some().prop_map(|categories| Source::block("", &categories)),
        1 => some().prop_map(|lifts| Source::allow("", &["education"], &lifts)),
    ]
}

proptest! {
    #[test]
    fn agrees_with_oracle(
        sources in vec(source(), 1..4),
        rules in vec((any::<prop::sample::Index>(), network(), prop::option::weighted(0.2, any::<bool>())), 0..24),
        block in prop::sample::subsequence(vec!["porn", "ads", "tracking"], 0..4),
        block_networks in vec(network(), 0..3),
        addresses in vec(address(), 1..24),
    ) {
        let rules: Vec<Rule> = rules
            .into_iter()
            .map(|(source, network, exception)| Rule { source: source.index(sources.len()), network, exception })
            .collect();
        let mut builder = FilterBuilder::new();
        for (number, source) in sources.iter().enumerate() {
            let id = builder.source(Source { name: format!("{number}"), ..source.clone() }).unwrap();
            let mut batch = builder.batch(id);
            for rule in rules.iter().filter(|rule| rule.source == number) {
                let options = match rule.exception {
                    None => Options::default(),
                    Some(nearest) => Options { nearest, ..EXCEPTION },
                };
                batch.network(&rule.network, options).unwrap();
            }
            builder.add(batch.finish());
        }
        let profile = Profile {
            block: block.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(),
            block_networks,
            ..Profile::custom("test")
        };
        let bound = bind(builder.build(stamp()).bytes, &profile);
        for address in addresses {
            prop_assert_eq!(
                bound.address(address).is_blocked(),
                oracle(&sources, &rules, &profile, address),
                "{}", address
            );
        }
    }

    /// Where nothing is shared or lifted, what an answer leads to is judged as if it were asked for.
    #[test]
    fn a_chain_is_judged_as_questions_are(
        rules in vec("@{0,2}(a\\.|b\\.)?(a|b)\\.q\\.example", 0..8),
        to in "(a\\.|b\\.){0,2}(a|b)\\.q\\.example",
    ) {
        let mut rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        rules.sort_unstable();
        let bytes = bundle(&[(Source::block("", &["ads"]), &rules)]);
        let bound = bind(bytes, &profile(&["b.a.q.example"], &["a.b.q.example"], Mode::Open));
        let along = bound.answers(&name("asked.example")).name(&name(&to), |_| false).is_blocked();
        prop_assert_eq!(along, bound.verdict(&name(&to)).is_blocked());
    }
}
