//! Random rules, profile and questions: engine = oracle.
#![no_main]

#[path = "../../filter-core/tests/oracle/mod.rs"]
mod oracle;

use arbitrary::Arbitrary;
use filter_core::{DomainName, Mode, Profile, Source};
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
}

/// Labels out of few, so that names meet.
#[derive(Arbitrary, Debug)]
struct Host(Vec<u8>);

impl Host {
    fn name(&self) -> DomainName {
        let labels = self.0.iter().take(6).map(|octet| ["a", "b", "ad", "x-a"][usize::from(octet % 4)]);
        let text = labels.chain(["q", "example"]).collect::<Vec<_>>().join(".");
        text.parse().expect("short labels of host octets")
    }
}

const CATEGORIES: [&str; 4] = ["porn", "ads", "tracking", "games"];

fuzz_target!(|input: Input| {
    let mut both = Both::default();
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
