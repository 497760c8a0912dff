//! Exports loaded by real resolvers: each refuses exactly what Préau refuses.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path};

use filter_core::{
    BoundFilter, Filter, FilterBuilder, Network, Options, Profile, Scope, Source, Stamp, Step,
    Verdict,
};
use lists::{
    compile,
    export::{Exported, Limit, to_file},
    source::{Format, Sources},
};
use tests::{
    answers,
    client::{ask_all, first_address},
    peers::{Outcome, Peer, RunningPeer, ZONE},
    server, shared,
};

/// Names of each kind that are asked.
const SAMPLE: usize = 10_000;
/// Lists larger than this, in octets, are left out: what is tested are names, not patience.
const LARGEST: u64 = 2_000_000;

fn child() -> Profile {
    Profile::named("child").unwrap()
}

fn stamp() -> Stamp {
    Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None }
}

fn format(peer: Peer) -> Format {
    match peer {
        Peer::Bind | Peer::UnboundRpz | Peer::PowerDns | Peer::Knot => Format::Rpz,
        Peer::UnboundZones => Format::Unbound,
        Peer::Dnsmasq => Format::Dnsmasq,
        Peer::DnsDist => Format::Domains,
    }
}

fn export(filter: &Filter, peer: Peer) -> (Vec<u8>, Exported) {
    let mut text = Vec::new();
    let zone = ZONE.parse().unwrap();
    let exported = to_file(filter, &child(), format(peer), &zone, &mut text).unwrap();
    (text, exported)
}

/// A difference that a format's limits explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// A fragment or expression refuses it, which the format does not have.
    Pattern,
    /// The format refuses it too, where Préau passes a name alone, or refuses what is below one.
    NameToo,
}

/// Asks a peer for each name; differences by class.
fn compare(
    peer: Peer,
    bound: &BoundFilter,
    address: SocketAddr,
    names: &[String],
    exported: &Exported,
) -> BTreeMap<Class, usize> {
    let outcomes = ask_all(address, names, None, Outcome::of);
    assert_eq!(outcomes.len(), names.len());
    let mut differences = BTreeMap::new();
    for (name, outcome) in names.iter().zip(outcomes) {
        let verdict = bound.host(name);
        let class = match (&verdict, outcome) {
            (Verdict::Blocked(_), Outcome::Refused) | (Verdict::Allowed, Outcome::Answered) => {
                continue;
            }
            (Verdict::Blocked(reason), Outcome::Answered) if reason.step == Step::Patterns => {
                Class::Pattern
            }
            (Verdict::Allowed, Outcome::Refused)
                if exported.limits.contains_key(&Limit::NameToo)
                    || exported.limits.contains_key(&Limit::Pass) =>
            {
                Class::NameToo
            }
            _ => panic!("{peer:?} {name}: {outcome:?}, we say {verdict:?}"),
        };
        *differences.entry(class).or_default() += 1;
    }
    differences
}

/// The real lists but the largest, or those of the starter where there are no others.
fn real_filter(data: Option<&Path>) -> Filter {
    let Some(data) = data else {
        let starter =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../lists/data/starter/sources.toml");
        let sources = Sources::load(&starter).unwrap();
        return Filter::open(compile::build(&sources, stamp(), &()).unwrap().bytes).unwrap();
    };
    let mut sources = Sources::load(&data.join("sources.toml")).unwrap();
    sources.sources.retain(|source| {
        let path = source.path().unwrap();
        path.is_dir() || fs::metadata(path).unwrap().len() <= LARGEST
    });
    Filter::open(compile::build(&sources, stamp(), &()).unwrap().bytes).unwrap()
}

/// Listed names that the profile refuses, some with a name below them in their place.
fn refused_names(filter: &Filter, bound: &BoundFilter) -> Vec<String> {
    let is_name =
        |name: &String| name.contains(|c: char| c.is_ascii_alphabetic()) && !name.contains(':');
    let refused: Vec<String> = filter
        .names()
        .filter(|listed| bound.verdict(&listed.name).is_blocked())
        .map(|listed| listed.name.to_string())
        .filter(is_name)
        .collect();
    let below = |(number, name): (usize, String)| match number % 4 {
        3 if name.len() < 240 => format!("some.{name}"),
        _ => name,
    };
    let step = (refused.len() / SAMPLE).max(1);
    refused.into_iter().step_by(step).take(SAMPLE).enumerate().map(below).collect()
}

/// Names that people visit, of whatever kind; those that lists refuse are among them.
fn benign_names(data: Option<&Path>) -> Vec<String> {
    let Some(data) = data else {
        return (0..SAMPLE).map(|number| format!("www.school-{number}.example")).collect();
    };
    let lists = [
        "misp_tranco10k",
        "misp_majestic_million",
        "etalab_etablissements-scolaires",
        "swot_academic",
        "umbrella_top100k_latest",
    ];
    let share = SAMPLE / lists.len();
    let mut names = Vec::new();
    for list in lists {
        let text = fs::read_to_string(data.join(format!("benign/{list}.txt"))).unwrap();
        // What is no host name cannot be asked; a top-level domain is nobody's to refuse.
        let hosts: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| line.contains('.') && line.parse::<filter_core::DomainName>().is_ok())
            .filter(|line| line.is_ascii() && line.contains(|c: char| c.is_ascii_alphabetic()))
            .collect();
        let step = (hosts.len() / share).max(1);
        names.extend(hosts.iter().step_by(step).take(share).map(|name| name.to_lowercase()));
    }
    names
}

#[test]
#[ignore = "needs bind9, unbound, pdns-recursor and dnsmasq (Debian)"]
fn each_peer_refuses_exactly_what_we_refuse() {
    let data = shared::data();
    let filter = real_filter(data.as_deref());
    let bound = filter.bind(&child()).unwrap();
    let refused = refused_names(&filter, &bound);
    let benign = benign_names(data.as_deref());
    let first = refused[0].clone();
    let upstream = answers::start();
    let count =
        |names: &[String]| names.iter().filter(|name| bound.host(name).is_blocked()).count();
    println!("{:?}", filter.manifest().counts);
    println!("{} listed names, {} of them refused", refused.len(), count(&refused));
    println!("{} names that people visit, {} refused", benign.len(), count(&benign));
    if data.is_some() {
        assert_eq!((refused.len(), benign.len()), (SAMPLE, SAMPLE));
    }
    for peer in Peer::ALL {
        let (text, exported) = export(&filter, peer);
        let running = RunningPeer::start(peer, &text, upstream, &first);
        let listed = compare(peer, &bound, running.address, &refused, &exported);
        let visited = compare(peer, &bound, running.address, &benign, &exported);
        println!("{peer:?}: differences {listed:?} and {visited:?}\n{exported}");
        assert_eq!(listed, BTreeMap::new(), "{peer:?}");
        assert!(!visited.contains_key(&Class::NameToo), "{peer:?}");
    }
}

/// Lists in which names alone, whole trees, what is below names, exceptions and allow lists stand on
/// names above and below each other, on many names: every combination, sooner or later.
fn tangled() -> (String, Vec<String>) {
    let mut state = 20_261_122_u64;
    let mut random = |below: u64| {
        // Knuth's MMIX generator; its low bits are poor.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut sources = [
        "porn block porn\n  refused.example\n".to_owned(),
        "gambling block gambling\n".to_owned(),
        "lifts-porn allow education lifts porn\n".to_owned(),
        "lifts-both allow education lifts porn gambling\n".to_owned(),
    ];
    let mut asked = Vec::new();
    for tree in 0..150 {
        let apex = format!("t{tree}.example");
        for _ in 0..1 + random(8) {
            let labels: String = (0..random(4)).map(|_| ["a.", "b."][random(2) as usize]).collect();
            let scope = ["", "", "=", "*."][random(4) as usize];
            let source = random(4) as usize;
            let exception = if source < 2 && random(4) == 0 { "@@" } else { "" };
            sources[source] += &format!("  {exception}{scope}{labels}{apex}\n");
        }
        let mut level = vec![apex];
        for _ in 0..4 {
            let child = |name: &String| ["a", "b", "z"].map(|label| format!("{label}.{name}"));
            let next = level.iter().flat_map(child).collect();
            asked.extend(std::mem::replace(&mut level, next));
        }
    }
    (sources.concat(), asked)
}

#[test]
#[ignore = "needs bind9, unbound, pdns-recursor and dnsmasq (Debian)"]
fn each_peer_follows_trees_in_trees() {
    let (lists, asked) = tangled();
    let filter = Filter::open(server::compile(&lists)).unwrap();
    let bound = filter.bind(&child()).unwrap();
    let refused = asked.iter().filter(|name| bound.host(name).is_blocked()).count();
    println!("{} names, {refused} refused", asked.len());
    assert_eq!(asked.len(), 6000);
    let upstream = answers::start();
    for peer in Peer::ALL {
        let (text, exported) = export(&filter, peer);
        let running = RunningPeer::start(peer, &text, upstream, "refused.example");
        let differences = compare(peer, &bound, running.address, &asked, &exported);
        println!("{peer:?}: differences {differences:?}\n{exported}");
        assert!(exported.passes > 0);
        if peer != Peer::UnboundZones {
            assert_eq!(differences, BTreeMap::new(), "{peer:?}: its format can say everything");
        }
    }
}

#[test]
#[ignore = "needs bind9, unbound and pdns-recursor (Debian)"]
fn networks_in_answers_are_refused() {
    let mut builder = FilterBuilder::new();
    let source = builder.source(Source::block("bad-hosts", &["malware"])).unwrap();
    let mut batch = builder.batch(source);
    let plain = Options::default();
    batch.domain(&"refused.example".parse().unwrap(), Scope::Subtree, plain).unwrap();
    let exception = Options { exception: true, ..plain };
    for (network, options) in [
        ("198.51.100.0/24", plain),
        ("198.51.100.7/32", exception),
        ("192.0.2.128/25", plain),
        ("2001:db8:0:1::/64", plain),
        ("2001:db8::7/128", plain),
    ] {
        batch.network(&network.parse::<Network>().unwrap(), options).unwrap();
    }
    builder.add(batch.finish());
    let filter = Filter::open(builder.build(stamp()).bytes).unwrap();
    let upstream = answers::start();
    let v4 = [
        ("198.51.100.1", true),
        ("198.51.100.7", false),
        ("198.51.101.1", false),
        ("192.0.2.127", false),
        ("192.0.2.128", true),
    ];
    for peer in [Peer::Bind, Peer::UnboundRpz, Peer::PowerDns] {
        let (text, exported) = export(&filter, peer);
        assert_eq!((exported.patterns, exported.passes), (4, 1), "{exported}");
        let running = RunningPeer::start(peer, &text, upstream, "refused.example");
        for (address, refused) in v4 {
            let name = format!("a-{}.host.example", address.replace('.', "-"));
            let address = address.parse().unwrap();
            let answered = ask_all(running.address, &[name], None, first_address);
            let expected = (!refused).then_some(address);
            assert_eq!(answered, [expected], "{peer:?} {address}\n{}", running.log());
        }
    }
}
