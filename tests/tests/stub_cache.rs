//! A resolver in front of Préau, such as every machine and many a school router has one: what it keeps
//! must not outlast what Préau's policy allows.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use tests::{
    client::{Question, Transport, exchange, first_address},
    peers::{Outcome, Peer, RunningPeer},
    preau::Preau,
    server::compile,
};

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");
/// How long a name is let through; upstream's answer holds for 300 s.
const LESSON: Duration = Duration::from_secs(20);

fn asked(server: SocketAddr, name: &str) -> Vec<u8> {
    let question = Question::new(name, 1);
    exchange(server, Transport::Udp, Ipv4Addr::LOCALHOST, &question.packet(7), true).unwrap()
}

/// TTL of the first record: name by pointer, type, class.
fn ttl(answer: &[u8], question: &str) -> u32 {
    let at = 12 + question.len() + 2 + 4 + 2 + 4;
    u32::from_be_bytes(answer[at..at + 4].try_into().unwrap())
}

/// A name that a teacher lets through is in dnsmasq's cache, where nobody can take it back: it is
/// refused again when the lesson is over, because no TTL was longer than that.
#[test]
#[ignore = "needs dnsmasq, and half a minute"]
fn a_stub_locks_again_by_itself() {
    let lists = "bundle = \"lists.bundle\"\n[control]\nsocket = \"control\"\n";
    let mut preau = Preau::new(PREAU, lists);
    fs::write(preau.path("lists.bundle"), compile("l block porn\n  v1.example\n")).unwrap();
    preau.start();
    let local = b"local=/refused.stub.example/\n";
    let lines = "cache-size=1000\n";
    let refused = "refused.stub.example";
    assert_eq!(Outcome::of(&asked(preau.address, "v1.example")), Outcome::Refused);
    let left = LESSON.as_secs() as u32;
    assert!(ttl(&asked(preau.address, "v2.example"), "v2.example") > left);

    let lesson = format!("{}s", LESSON.as_secs());
    let begun = Instant::now();
    let (code, said) = preau.run(&[
        "allow",
        "v1.example",
        "--group",
        "pupils",
        "--for",
        &lesson,
        "--why",
        "a lesson",
    ]);
    assert_eq!(code, Some(0), "{said}");
    let stub = RunningPeer::configured(Peer::Dnsmasq, lines, local, preau.address, refused);
    let answer = asked(stub.address, "v1.example");
    assert_eq!(first_address(&answer), Some(Ipv4Addr::new(192, 0, 2, 51)), "{:?}", begun.elapsed());
    assert!(ttl(&answer, "v1.example") <= left, "{} of {left}", ttl(&answer, "v1.example"));
    // A second for the end that falls within one, and one for the stub's own clock.
    thread::sleep((LESSON + Duration::from_secs(2)).saturating_sub(begun.elapsed()));
    assert_eq!(Outcome::of(&asked(preau.address, "v1.example")), Outcome::Refused);
    assert_eq!(Outcome::of(&asked(stub.address, "v1.example")), Outcome::Refused);
    assert_eq!(Outcome::of(&asked(stub.address, "v2.example")), Outcome::Answered);
}
