//! The same response policy zone in Préau, in Unbound and in BIND: each asks the same world for what
//! the zone does not say, and gives the same answers, but for differences that have a name.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{collections::BTreeMap, fmt::Write as _, fs};

use filter_core::Stamp;
use lists::{compile, source::Sources};
use tests::{
    address,
    client::{Question, ask_each},
    peers::{Peer, RunningPeer},
    preau::Preau,
    shared,
    world::World,
};

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");
/// Names of each kind: listed, below one, above one, and what people visit.
const SAMPLE: usize = 5000;
/// A, AAAA, HTTPS, MX, TXT, DS.
const TYPES: [u16; 6] = [1, 28, 65, 15, 16, 43];
/// Seconds that the world's answers live: longer than the test takes.
const TTL: u32 = 86_400;
const NXDOMAIN: u8 = 3;

/// Why a name may be answered otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// The zone answers with records of its own, or sends elsewhere: our lists refuse and pass, and
    /// a rewrite is neither (`lists` counts it as skipped).
    Rewrite,
    /// The zone says NODATA where a profile says what refusals look like: NXDOMAIN.
    Form,
    /// The zone refuses a name and not all that is below it: NODATA, since NXDOMAIN would deny what
    /// is below too (RFC 8020).
    SomethingBelow,
    /// An alias leads to what is refused: the peers show the alias and say that its target does not
    /// exist.
    Alias,
    /// An alias leads to what is refused, and Unbound lets a few pass nevertheless; BIND and we do
    /// not.
    PassedAlias,
    /// The answer is a private address, which no public name is to have.
    Private,
    /// A canary, which says that the network filters.
    Canary,
    /// A special-use name, which is never asked of anyone (RFC 6761); BIND was told to ask.
    SpecialUse,
}

/// What the zone says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Nothing,
    Refuse,
    NoData,
    Spare,
    Rewrite,
    Alias,
}

/// A response code, and whether there is any answer.
type Outcome = (u8, bool);

fn outcome(answer: &[u8]) -> Outcome {
    (answer[3] & 15, answer[6..8] != [0, 0])
}

/// The zone's names, with what it says of them.
struct Zone {
    text: String,
    listed: Vec<(String, Rule)>,
}

/// Every form of rule, five thousand times in all; and a real zone, where there is one.
fn zone() -> Zone {
    let mut zone = Zone {
        text:
            "$TTL 300\n@ SOA localhost. nobody.localhost. 1 3600 600 86400 300\n  NS localhost.\n"
                .into(),
        listed: Vec::new(),
    };
    for number in 0..SAMPLE {
        let name = format!("listed-{number}.above-{number}.example");
        let (rule, records) = match number % 7 {
            0 | 1 => (Rule::Refuse, "{} CNAME .\n*.{} CNAME .\n"),
            2 => (Rule::Spare, "{} CNAME .\n"), // what is below is not refused
            3 => (Rule::Nothing, "*.{} CNAME .\n"),
            4 => (Rule::NoData, "{} CNAME *.\n*.{} CNAME *.\n"),
            5 => (
                Rule::Spare,
                "{} CNAME .\n*.{} CNAME .\nbut.{} CNAME rpz-passthru.\n*.but.{} CNAME rpz-passthru.\n",
            ),
            _ => (Rule::Rewrite, "{} A 192.0.2.99\n*.{} CNAME garden.elsewhere.example.\n"),
        };
        zone.text += &records.replace("{}", &name);
        zone.listed.push((name, rule));
    }
    zone
}

/// What is asked, with what the zone says of it.
fn asked(zone: &Zone, visited: &[String]) -> Vec<(String, Rule)> {
    let mut asked = zone.listed.clone();
    for (number, (name, _)) in zone.listed.iter().enumerate() {
        let below = match number % 7 {
            0 | 1 | 3 => Rule::Refuse,
            2 => Rule::Nothing,
            4 => Rule::NoData,
            5 if number % 2 == 0 => {
                asked.push((format!("but.{name}"), Rule::Nothing));
                continue;
            }
            5 => Rule::Refuse,
            _ => Rule::Rewrite,
        };
        asked.push((format!("some.{name}"), below));
    }
    let above = |(name, _): &(String, Rule)| {
        (name.split_once('.').expect("names of two labels and more").1.to_owned(), Rule::Nothing)
    };
    asked.extend(zone.listed.iter().map(above));
    // The names that people visit, a hundred aliases, and names that mean something of themselves.
    let aliases = (0..100).map(|number| (format!("to-{number}.alias.example"), Rule::Alias));
    let meaning = ["www.google.com", "www.bing.com", "duckduckgo.com", "www.youtube.com"]
        .into_iter()
        .chain(["use-application-dns.net", "mask.icloud.com", "dns-tunnel-check.googlezip.net"])
        .chain(["printer.local", "a.invalid", "a.test", "a.onion", "router.home.arpa"])
        .chain(["private.elsewhere.example", "gone.example", "a.gone.example"]);
    let meaning = meaning.map(|name| (name.to_owned(), Rule::Nothing));
    let special: Vec<_> = aliases.chain(meaning).collect();
    let ordinary = visited.iter().map(|name| (name.clone(), Rule::Nothing));
    asked.extend(ordinary.take(SAMPLE - special.len()));
    asked.extend(special);
    asked
}

/// Names that people visit: real ones where there are any.
fn visited() -> Vec<String> {
    let real = shared::data().map(|data| {
        let text = fs::read_to_string(data.join("benign/misp_tranco10k.txt")).unwrap();
        let names = text.lines().map(|name| name.trim().to_lowercase());
        names
            .filter(|name| name.contains('.') && name.parse::<filter_core::DomainName>().is_ok())
            .take(SAMPLE)
            .collect::<Vec<_>>()
    });
    let made_up = || (0..SAMPLE).map(|number| format!("www.school-{number}.example")).collect();
    real.filter(|names| names.len() == SAMPLE).unwrap_or_else(made_up)
}

/// Préau with the zone as its only list, and nothing else that it does but canaries.
fn preau(zone: &Zone, world: &World) -> Preau {
    let address = address::unused();
    let config = format!(
        "[listen]\ndns = [\"{address}\"]\n[upstream]\nservers = [\"{}\"]\n\
         [lists]\nbundle = \"lists.bundle\"\ncache = \"cache\"\n\
         [[group]]\nname = \"pupils\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n\
         [profile.child]\nsearch = \"off\"\nyoutube = \"off\"\n",
        world.address
    );
    let mut preau = Preau::configured(PREAU, address, &config);
    fs::write(preau.path("zone.rpz"), &zone.text).unwrap();
    let sources = "[[source]]\nname = \"zone\"\npath = \"zone.rpz\"\nformat = \"rpz\"\n\
                   categories = [\"malware\"]\nlicence = \"CC0-1.0\"\n";
    fs::write(preau.path("sources.toml"), sources).unwrap();
    let sources = Sources::load(&preau.path("sources.toml")).unwrap();
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let bundle = compile::build(&sources, stamp, &()).unwrap().bytes;
    fs::write(preau.path("lists.bundle"), bundle).unwrap();
    preau.start();
    preau
}

/// The class of a difference, if it is one that we know: by what the zone and the world are, and by
/// what exactly was answered.
fn class(peer: Peer, name: &str, rule: Rule, ours: Outcome, theirs: Outcome) -> Option<Class> {
    let (refused, empty) = ((NXDOMAIN, false), (0, false));
    match rule {
        Rule::Rewrite => Some(Class::Rewrite),
        Rule::NoData => (ours == refused && theirs == empty).then_some(Class::Form),
        Rule::Spare => (ours == empty && theirs == refused).then_some(Class::SomethingBelow),
        Rule::Alias if theirs == (NXDOMAIN, true) => Some(Class::Alias),
        Rule::Alias => (peer == Peer::UnboundRpz && ours == empty && theirs == (0, true))
            .then_some(Class::PassedAlias),
        Rule::Refuse => None,
        Rule::Nothing if name.starts_with("private.") => (ours == empty).then_some(Class::Private),
        Rule::Nothing if is_canary(name) => (ours == refused).then_some(Class::Canary),
        Rule::Nothing if is_special(name) => (peer == Peer::Bind).then_some(Class::SpecialUse),
        Rule::Nothing => None,
    }
}

fn is_canary(name: &str) -> bool {
    ["use-application-dns.net", "mask.icloud.com", "dns-tunnel-check.googlezip.net"].contains(&name)
}

fn is_special(name: &str) -> bool {
    let last = name.rsplit('.').next();
    ["local", "invalid", "test", "onion", "arpa"].map(Some).contains(&last)
}

#[test]
#[ignore = "needs bind9 and unbound (Debian)"]
fn the_same_zone_gives_the_same_answers() {
    let zone = zone();
    let asked = asked(&zone, &visited());
    assert_eq!(asked.len(), 4 * SAMPLE);
    // What aliases lead to: names that the zone refuses, whatever is below them.
    let targets = zone.listed.iter().filter(|(_, rule)| *rule == Rule::Refuse);
    let world = World::start(targets.map(|(name, _)| name.clone()).take(100).collect(), TTL);
    let questions: Vec<_> =
        asked.iter().flat_map(|(name, _)| TYPES.map(|qtype| Question::new(name, qtype))).collect();
    let preau = preau(&zone, &world);
    let ours = ask_each(preau.address, &questions, outcome);
    let mut seen = BTreeMap::new();
    for ours in &ours {
        *seen.entry(*ours).or_insert(0) += 1;
    }
    println!("{} names, {} questions; Préau (code, any answer): {seen:?}", asked.len(), ours.len());
    assert!(seen.keys().all(|(code, _)| [0, NXDOMAIN].contains(code)), "{seen:?}");

    let mut unknown = String::new();
    for peer in [Peer::UnboundRpz, Peer::Bind] {
        let running = RunningPeer::start(peer, zone.text.as_bytes(), world.address, &asked[0].0);
        let theirs = ask_each(running.address, &questions, outcome);
        let mut differences = BTreeMap::<Class, usize>::new();
        for (number, question) in questions.iter().enumerate() {
            let (ours, theirs) = (ours[number], theirs[number]);
            let (name, rule) = &asked[number / TYPES.len()];
            if ours == theirs {
                continue;
            }
            match class(peer, name, *rule, ours, theirs) {
                Some(class) => *differences.entry(class).or_default() += 1,
                None => {
                    let qtype = question.qtype;
                    let _ = writeln!(
                        unknown,
                        "{peer:?} {name} type {qtype} ({rule:?}): {theirs:?}, we say {ours:?}"
                    );
                }
            }
        }
        let same = questions.len() - differences.values().sum::<usize>();
        println!("{peer:?}: {same} alike, differences {differences:?}");
        // `Private` has a test of its own (policy/inspect.rs); `PassedAlias` is Unbound's.
        let mut expected =
            vec![Class::Rewrite, Class::Form, Class::SomethingBelow, Class::Alias, Class::Canary];
        expected.extend((peer == Peer::Bind).then_some(Class::SpecialUse));
        for class in expected {
            assert!(differences.contains_key(&class), "{peer:?}: {class:?} is a class no more");
        }
    }
    let count = unknown.lines().count();
    let some: String =
        unknown.lines().take(40).fold(String::new(), |text, line| text + line + "\n");
    assert_eq!(count, 0, "differences without a class:\n{some}");
}
