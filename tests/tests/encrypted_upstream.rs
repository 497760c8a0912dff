//! A server that asks another one over TLS, HTTPS and QUIC, certified by an authority of the operator's.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
};

use hickory_server::proto::{
    op::{Message, ResponseCode},
    rr::RData,
};
use tests::{
    address,
    authority::Authority,
    client::{Question, Transport, exchange},
    preau::Preau,
    world::World,
};

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");
const NAME: &str = "dns.town.example";
const GROUP: &str =
    "[[group]]\nname = \"all\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"open\"\n[profile.open]\n";

/// The town's resolver, encrypted, in front of the world.
struct Town {
    preau: Preau,
    /// As upstream servers are written: over TLS, HTTPS and QUIC.
    servers: [String; 3],
    world: World,
}

impl Town {
    fn start(authority: &Authority) -> Self {
        let world = World::start(Vec::new(), 60);
        let [dns, tls, https, quic] = [(); 4].map(|()| address::unused());
        let config = format!(
            "[listen]\ndns = [\"{dns}\"]\ntls = [\"{tls}\"]\nhttps = [\"{https}\"]\nquic = [\"{quic}\"]\n\
             [tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
             [upstream]\nservers = [\"{}\"]\n{GROUP}",
            world.address
        );
        let mut preau = Preau::configured(PREAU, dns, &config);
        let (certificate, key) = authority.certified(NAME);
        fs::write(preau.path("cert.pem"), certificate).unwrap();
        fs::write(preau.path("key.pem"), key).unwrap();
        preau.start();
        let servers = [
            format!("tls://{tls}#{NAME}"),
            format!("https://{https}/dns-query#{NAME}"),
            format!("quic://{quic}#{NAME}"),
        ];
        Self { preau, servers, world }
    }
}

/// A school's, which asks those servers and knows that authority.
fn school(servers: &[&str], authority: &Authority) -> Preau {
    let dns = address::unused();
    let servers: Vec<_> = servers.iter().map(|server| format!("\"{server}\"")).collect();
    let config = format!(
        "[listen]\ndns = [\"{dns}\"]\n[upstream]\nservers = [{}]\nca = \"town.pem\"\n{GROUP}",
        servers.join(", ")
    );
    let mut preau = Preau::configured(PREAU, dns, &config);
    fs::write(preau.path("town.pem"), &authority.pem).unwrap();
    preau.start();
    preau
}

/// Names that the world gives addresses.
fn name(number: usize) -> String {
    format!("host-{number}.elsewhere.example")
}

/// Response code, and number of addresses.
fn ask(server: SocketAddr, name: &str) -> (ResponseCode, usize) {
    let packet = Question { edns: Some((1232, false)), ..Question::new(name, 1) }.packet(7);
    let reply = exchange(server, Transport::Udp, Ipv4Addr::LOCALHOST, &packet, true);
    let reply = Message::from_vec(&reply.expect("an answer")).unwrap();
    let is_address = |data: &RData| matches!(data, RData::A(_));
    let addresses = reply.answers.iter().filter(|record| is_address(&record.data)).count();
    (reply.metadata.response_code, addresses)
}

#[test]
fn answers_come_over_every_protocol() {
    let authority = Authority::new("the town");
    let town = Town::start(&authority);
    let mut asked = 0;
    for server in &town.servers {
        let school = school(&[server], &authority);
        for _ in 0..5 {
            assert_eq!(ask(school.address, &name(asked)), (ResponseCode::NoError, 1), "{server}");
            asked += 1;
        }
        let gone = format!("{asked}.gone.example");
        assert_eq!(ask(school.address, &gone), (ResponseCode::NXDomain, 0), "{server}");
    }
    assert!(town.world.answered() >= 18, "{}", town.world.answered());
}

/// Whether the town's resolver takes leave or is killed, its successor gets the next question.
#[test]
fn a_restart_of_the_server_loses_no_question() {
    let authority = Authority::new("the town");
    let mut town = Town::start(&authority);
    let schools: Vec<_> = town.servers.iter().map(|server| school(&[server], &authority)).collect();
    let mut asked = 0;
    for restart in ["none", "-TERM", "-KILL"] {
        if restart != "none" {
            town.preau.signal(restart);
            town.preau.wait();
            town.preau.start();
        }
        for school in &schools {
            // Over QUIC nobody tells of a killed server: that takes a while of its own to notice, and a
            // client on a slow machine may have to ask again.
            let attempts = if restart == "-KILL" { 3 } else { 1 };
            let answers =
                (asked..asked + attempts).map(|number| ask(school.address, &name(number)));
            let answer = answers.into_iter().find(|answer| answer.0 == ResponseCode::NoError);
            assert_eq!(answer, Some((ResponseCode::NoError, 1)), "{restart}: {}", school.log());
            asked += attempts;
        }
    }
}

/// Who is not who he should be is asked nothing; whoever is written behind him is.
#[test]
fn failover_and_failure() {
    let authority = Authority::new("the town");
    let town = Town::start(&authority);
    let plain = World::start(Vec::new(), 60);
    let stranger = Authority::new("somebody else");
    for server in &town.servers {
        let wrong_name = server.replace(NAME, "dns.other.example");
        for (server, authority, reason) in [
            (server, &stranger, "UnknownIssuer"),
            (&wrong_name, &authority, "not valid for name \"dns.other.example\""),
        ] {
            let alone = school(&[server], authority);
            assert_eq!(ask(alone.address, &name(1)), (ResponseCode::ServFail, 0), "{server}");
            assert!(alone.log().contains(reason), "{}", alone.log());
            let plain = plain.address.to_string();
            let two = school(&[server, &plain], authority);
            assert_eq!(ask(two.address, &name(1)), (ResponseCode::NoError, 1), "{server}");
        }
    }
    assert_eq!(town.world.answered(), 0);
    assert!(plain.answered() >= 6);
}
