//! Real clients and a real peer: Debian's `dnsutils`, `knot-dnsutils`, `dnsperf`, `unbound`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use hickory_server::proto::op::{Message, ResponseCode};
use tempfile::TempDir;
use tests::{
    client::{Question, Transport, exchange},
    server::{Setup, TestServer, compile},
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

/// Unbound with the same names as local zones, which are subtrees to it as they are to us.
struct Unbound {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Unbound {
    fn start(names: &[String]) -> Self {
        let folder = TempDir::new().unwrap();
        let address = tests::address::unused();
        let mut config = format!(
            "server:\n interface: 127.0.0.1@{}\n do-daemonize: no\n chroot: \"\"\n username: \"\"\n \
             use-syslog: no\n pidfile: \"\"\n module-config: iterator\n local-zone: \".\" static\n",
            address.port()
        );
        for name in names {
            let _ = writeln!(config, " local-zone: \"{name}\" always_refuse");
        }
        let path = folder.path().join("unbound.conf");
        fs::write(&path, config).unwrap();
        let child = Command::new("unbound")
            .args(["-d", "-c", path.to_str().unwrap()])
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's unbound is installed");
        let unbound = Self { child, address, _folder: folder };
        let ready = (0..200).any(|_| {
            thread::sleep(Duration::from_millis(50));
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            let _ = socket.send_to(&Question::new("ready.test", 1).packet(1), unbound.address);
            socket.recv_from(&mut [0; 512]).is_ok()
        });
        assert!(ready, "unbound answers");
        unbound
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
        names.push(format!("{first}-only.test"));
    }
    let lists = names.iter().fold("shops block ecommerce\n".to_owned(), |mut lists, name| {
        let _ = writeln!(lists, "  {name}");
        lists
    });
    let preau = TestServer::start(&Setup { bundle: Some(compile(&lists)), ..Setup::default() });
    let unbound = Unbound::start(&names);

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
