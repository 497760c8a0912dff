//! Random rules, learned pieces, profile and questions: engine = oracle.
#![no_main]

#[path = "../../filter-core/tests/oracle/mod.rs"]
mod oracle;

use arbitrary::Arbitrary;
use filter_core::{DomainName, Learned, LearnedCategory, Mode, Profile, Source};
use libfuzzer_sys::fuzz_target;
use oracle::{Both, bind, engine_answer};

#[derive(Arbitrary, Debug)]
struct Input {
    rules: Vec<(u8, Host, u8)>,
    asked: Vec<Host>,
    block: u8,
    allow: u8,
    block_names: Vec<Host>,
    allow_names: Vec<Host>,
    closed: bool,
    pieces: Vec<(Vec<u8>, i8)>,
    base: i8,
    least: i16,
    unlisted: u8,
}

/// Labels out of few, so that names meet.
#[derive(Arbitrary, Debug)]
struct Host(Vec<u8>);

impl Host {
    fn name(&self) -> DomainName {
        let labels = self.0.iter().take(6).map(|octet| ["a", "b", "ad", "x-a"][usize::from(octet % 4)]);
        // Below the second and the third there are sites, of which there are scores.
        let below = ["q.example", "fr", "co.uk"][self.0.len() % 3];
        let text = labels.chain([below]).collect::<Vec<_>>().join(".");
        text.parse().expect("short labels of host octets")
    }
}

/// Pieces of those names: a piece that is none is left out.
fn learned(input: &Input) -> Learned {
    let octets = |piece: &[u8]| -> String {
        piece.iter().take(8).map(|octet| char::from(b".abdx-fr"[usize::from(octet % 8)])).collect()
    };
    let pieces = input.pieces.iter().take(30);
    let pieces = pieces.map(|(piece, weight)| (octets(piece), i16::from(*weight)));
    let weights = pieces.filter(|(piece, weight)| piece.len() >= 2 && *weight != 0).collect();
    let name = CATEGORIES[usize::from(input.unlisted / 4 % 4)].to_owned();
    let mistakes = [(1, i32::from(input.least)), (3, i32::from(input.least) / 2)].into();
    let category = LearnedCategory { name, base: i32::from(input.base), mistakes, weights };
    Learned { from: Vec::new(), categories: vec![category] }
}

const CATEGORIES: [&str; 4] = ["porn", "ads", "tracking", "games"];

fuzz_target!(|input: Input| {
    let mut both = Both::default();
    both.learned(&learned(&input));
    for source in [
        Source::block("porn", &["porn"]),
        Source::block("ads", &["ads", "tracking"]),
        Source::block("games", &["games", "porn"]),
        Source::allow("health", &["education"], &["porn"]),
        Source::allow("school", &["education"], &["ads"]),
        Source::allow("library", &["education"], &[]),
    ] {
        both.source(source);
    }
    for (source, host, form) in input.rules.iter().take(40) {
        let name = host.name();
        let rule = match form % 16 {
            0..=2 => format!("={name}"),
            3..=5 => format!("*.{name}"),
            6 => format!("@@{name}"),
            7 => format!("{name}$important"),
            8 => "~x-a.q".to_owned(),
            9 => "/^ad/".to_owned(),
            10 => format!("@{name}"),
            11 => format!("@*.{name}"),
            _ => name.to_string(),
        };
        let _ = both.rule(usize::from(source % 6), &rule);
    }
    let set = |bits: u8| {
        let chosen = CATEGORIES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        chosen.map(|(_, &name)| name.to_owned()).collect()
    };
    let names = |hosts: &[Host]| {
        hosts.iter().take(3).map(|host| host.name().to_string().parse().expect("a name")).collect()
    };
    let profile = Profile {
        block: set(input.block),
        allow: set(input.allow),
        block_names: names(&input.block_names),
        allow_names: names(&input.allow_names),
        unlisted: u32::from(input.unlisted % 4),
        mode: if input.closed { Mode::Closed } else { Mode::Open },
        ..Profile::custom("fuzz")
    };
    let (bytes, oracle) = both.build();
    let bound = bind(bytes, &profile);
    for host in input.asked.iter().take(20) {
        let name = host.name();
        assert_eq!(engine_answer(&bound, &name), oracle.answer(&profile, &name), "{name}");
    }
});
