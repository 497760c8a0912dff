//! Real clients and a real peer: Debian's `dnsutils`, `knot-dnsutils`, `dnsperf`, `unbound`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr},
    process::Command,
};

use hickory_server::proto::op::{Message, ResponseCode};
use tempfile::TempDir;
use tests::{
    client::{Question, Transport, exchange},
    server::{NAME, Setup, TestServer, compile},
    unbound::Unbound,
    upstream::Behaviour,
};

fn server() -> TestServer {
    let zone = "fr.wikipedia.org. 300 IN A 192.0.2.60\nlong.example. 300 IN TXT".to_owned();
    let long = (0..60).fold(zone, |mut zone, n| {
        let _ = write!(zone, " \"{n:0>40}\"");
        zone
    });
    TestServer::start(&Setup { upstream: Behaviour::Zone(long), ..Setup::default() })
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{program}: {error}: install Debian's dnsutils, knot-dnsutils, dnsperf, unbound")
    });
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn dig(server: &TestServer, arguments: &[&str]) -> String {
    let port = server.address.port().to_string();
    output("dig", &[&["@127.0.0.1", "-p", &port], arguments].concat())
}

#[test]
#[ignore = "needs dig (Debian's dnsutils)"]
fn dig_shows_refusals_and_their_reason() {
    let server = server();
    let refused = dig(&server, &["pornhub.com"]);
    assert!(refused.contains("status: NXDOMAIN"), "{refused}");
    assert!(refused.contains("EDE: 15 (Blocked)"), "{refused}");
    assert!(refused.contains("starter-porn"), "{refused}");
    for name in ["amazon.fr", "doubleclick.net"] {
        assert!(dig(&server, &[name]).contains("status: NXDOMAIN"), "{name}");
    }
    let allowed = dig(&server, &["fr.wikipedia.org", "+short"]);
    assert_eq!(allowed.trim(), "192.0.2.60");
    // No complaint about what is in the packet, over TCP and without EDNS either.
    for flags in [&["+tcp"][..], &["+noedns"], &["+dnssec"], &["+nocookie", "+bufsize=512"]] {
        let said = dig(&server, &[&["pornhub.com"], flags].concat());
        assert!(
            said.contains("status: NXDOMAIN") && !said.contains("WARNING"),
            "{flags:?}: {said}"
        );
    }
}

#[test]
#[ignore = "needs dig (Debian's dnsutils)"]
fn dig_asks_again_over_tcp_where_an_answer_is_too_long_for_udp() {
    let server = server();
    let cut = dig(&server, &["long.example", "TXT", "+ignore", "+bufsize=1232"]);
    assert!(cut.contains("flags: qr tc rd ra"), "{cut}");
    let whole = dig(&server, &["long.example", "TXT", "+bufsize=1232"]);
    assert!(whole.contains("status: NOERROR") && !whole.contains(" tc "), "{whole}");
    assert!(whole.contains("0000000000000000000000000000000000000059"), "{whole}");
}

#[test]
#[ignore = "needs kdig (Debian's knot-dnsutils)"]
fn kdig_finds_nothing_to_complain_of() {
    let server = server();
    let port = server.address.port().to_string();
    for flags in [&["+edns"][..], &["+noedns"], &["+tcp"], &["+dnssec"], &["+padding=128"]] {
        let arguments = [&["@127.0.0.1", "-p", &port, "amazon.fr", "HTTPS"][..], flags].concat();
        let said = output("kdig", &arguments);
        assert!(said.contains("status: NXDOMAIN"), "{flags:?}: {said}");
        assert!(!said.to_lowercase().contains("warning"), "{flags:?}: {said}");
        assert!(!said.contains("malformed"), "{flags:?}: {said}");
    }
}

/// Over every transport, with the certificate verified; padded for a client that pads.
#[test]
#[ignore = "needs kdig (Debian's knot-dnsutils)"]
fn kdig_asks_over_encrypted_transports() {
    let server = server();
    let authority = format!("+tls-ca={}", server.authority.display());
    let host = format!("+tls-hostname={NAME}");
    let transports: [(SocketAddr, &[&str]); 4] = [
        (server.listen.tls[0], &["+tls"]),
        (server.listen.https[0], &["+https"]),
        (server.listen.https[0], &["+https", "+https-get"]),
        (server.listen.quic[0], &["+quic"]),
    ];
    for (address, transport) in transports {
        let port = address.port().to_string();
        let ask = |rest: &[&str]| {
            let verified: &[&str] =
                if transport[0] == "+quic" { &[] } else { &[&authority, &host] };
            let asked = [&["@127.0.0.1", "-p", &port], transport, verified, rest].concat();
            output("kdig", &asked)
        };
        let refused = ask(&["pornhub.com", "+edns"]);
        assert!(refused.contains("status: NXDOMAIN"), "{transport:?}: {refused}");
        assert!(refused.contains("starter-porn"), "{transport:?}: {refused}");
        assert!(!refused.to_lowercase().contains("warning"), "{transport:?}: {refused}");
        let allowed = ask(&["fr.wikipedia.org", "+short"]);
        assert_eq!(allowed.trim(), "192.0.2.60", "{transport:?}");
        let long = ask(&["long.example", "TXT"]);
        assert!(long.contains("0000000000000000000000000000000000000059"), "{transport:?}: {long}");
        let padded = ask(&["pornhub.com", "+padding=128"]);
        assert!(padded.contains(";; Received 468 B"), "{transport:?}: {padded}");
    }
}

/// curl resolves a name over HTTPS with HTTP/2, and connects where we say.
#[test]
#[ignore = "needs curl"]
fn curl_resolves_over_https() {
    let server = TestServer::start(&Setup {
        config: "[rebinding]\nprivate_zones = [\"here.example\"]\n".into(),
        upstream: Behaviour::Zone("here.example. 300 IN A 127.0.0.1\n".into()),
        ..Setup::default()
    });
    let authority = server.authority.display().to_string();
    let port = server.listen.https[0].port();
    let doh = format!("https://127.0.0.1:{port}/dns-query");
    let ask = |host: &str| {
        // Whatever answers there is asked over plain HTTP, and hangs up.
        let url = format!("http://{host}:{port}/");
        output(
            "curl",
            &[
                "-sSv",
                "--noproxy",
                "*",
                "--cacert",
                &authority,
                "--doh-url",
                &doh,
                "--max-time",
                "20",
                &url,
            ],
        )
    };
    let found = ask("here.example");
    assert!(
        found.contains(&format!("Connected to here.example (127.0.0.1) port {port}")),
        "{found}"
    );
    let refused = ask("pornhub.com");
    assert!(refused.contains("DoH: Bad RCODE type A for pornhub.com"), "{refused}");

    // GET, with what may be kept how long.
    let query = "AAABAAABAAAAAAAABGhlcmUHZXhhbXBsZQAAAQAB"; // A of here.example
    for version in ["--http1.1", "--http2"] {
        let url = format!("{doh}?dns={query}");
        let said =
            output("curl", &["-si", "--noproxy", "*", version, "--cacert", &authority, &url])
                .to_lowercase();
        assert!(said.contains(" 200"), "{version}: {said}");
        assert!(said.contains("content-type: application/dns-message"), "{version}: {said}");
        assert!(said.contains("cache-control: max-age=300"), "{version}: {said}");
    }
}

#[test]
#[ignore = "needs dnsperf (Debian's dnsperf)"]
fn dnsperf_loses_nothing_over_tls() {
    let server = server();
    let folder = TempDir::new().unwrap();
    let questions = folder.path().join("questions");
    let line = |n: usize| format!("www{n}.pornhub.com A\nfr.wikipedia.org A\n");
    fs::write(&questions, (0..5_000).map(line).collect::<String>()).unwrap();
    let port = server.listen.tls[0].port().to_string();
    let questions = questions.to_str().unwrap();
    let said = output(
        "dnsperf",
        &[
            "-m",
            "dot",
            "-s",
            "127.0.0.1",
            "-p",
            &port,
            "-d",
            questions,
            "-n",
            "1",
            "-c",
            "8",
            "-q",
            "100",
        ],
    );
    println!("{said}");
    assert!(said.contains("Queries completed:    10000 (100.00%)"), "{said}");
    assert!(said.contains("NOERROR 5000 (50.00%), NXDOMAIN 5000 (50.00%)"), "{said}");
}

#[test]
#[ignore = "needs dnsperf (Debian's dnsperf)"]
fn dnsperf_loses_nothing() {
    let server = server();
    let folder = TempDir::new().unwrap();
    let questions = folder.path().join("questions");
    let line = |n: usize| match n % 4 {
        0 => format!("www{n}.pornhub.com A\n"),
        1 => "fr.wikipedia.org A\n".to_owned(),
        2 => format!("n{n}.doubleclick.net AAAA\n"),
        _ => "amazon.fr HTTPS\n".to_owned(),
    };
    fs::write(&questions, (0..20_000).map(line).collect::<String>()).unwrap();
    let port = server.address.port().to_string();
    let questions = questions.to_str().unwrap();
    let said = output(
        "dnsperf",
        &["-s", "127.0.0.1", "-p", &port, "-d", questions, "-n", "1", "-c", "4", "-q", "50"],
    );
    println!("{said}");
    assert!(said.contains("Queries completed:    20000 (100.00%)"), "{said}");
    assert!(said.contains("NOERROR 5000 (25.00%), NXDOMAIN 15000 (75.00%)"), "{said}");
}

/// A subtree is a subtree: what we refuse of a list, Unbound refuses, and nothing else.
#[test]
#[ignore = "needs unbound (Debian's unbound)"]
fn unbound_draws_the_same_subtrees() {
    // Names whose labels are prefixes, suffixes and parts of one another's, hyphens and digits.
    let labels = ["a", "b", "ab", "a-b", "b-a", "-a", "a1", "xn--a-ecp"];
    let mut names = Vec::new();
    for (number, first) in labels.iter().enumerate() {
        for second in labels.iter().skip(number % 3).step_by(3) {
            names.push(format!("{first}.{second}.example"));
        }
        names.push(format!("{first}-only.com"));
    }
    let lists = names.iter().fold("shops block ecommerce\n".to_owned(), |mut lists, name| {
        let _ = writeln!(lists, "  {name}");
        lists
    });
    let preau = TestServer::start(&Setup { bundle: Some(compile(&lists)), ..Setup::default() });
    let zones = names.iter().fold(String::new(), |mut zones, name| {
        let _ = writeln!(zones, " local-zone: \"{name}\" always_refuse");
        zones
    });
    let unbound = Unbound::start(&zones);

    let mut asked = 0;
    let mut refused = 0;
    for name in &names {
        let (_, parent) = name.split_once('.').unwrap();
        let around = [
            name.clone(),
            format!("www.{name}"),
            format!("a.b.{name}"),
            format!("x{name}"),
            format!("{name}x"),
            name.to_uppercase(),
            parent.to_owned(),
            format!("zz.{parent}"),
        ];
        for question in &around {
            let rcode = |server, name: &str| {
                let packet = Question::new(name, 1).packet(3);
                let answer =
                    exchange(server, Transport::Udp, Ipv4Addr::LOCALHOST, &packet, true).unwrap();
                Message::from_vec(&answer).unwrap()
            };
            let ours = rcode(preau.address, question);
            let theirs = rcode(unbound.address, question);
            // Ours come from an empty upstream if they are not refused: its SOA is the root's.
            let we_refuse = ours.authorities.iter().any(|soa| !soa.name.is_root());
            let they_refuse = theirs.metadata.response_code == ResponseCode::Refused;
            assert_eq!(we_refuse, they_refuse, "{question}");
            asked += 1;
            refused += usize::from(we_refuse);
        }
    }
    assert_eq!((asked, refused), (240, 120), "asked, refused");
}
