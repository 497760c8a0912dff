//! The end of the program: whoever has asked is answered, whoever comes is sent away, and it is over
//! soon.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tests::{
    address,
    client::Question,
    preau::Preau,
    server::{NAME, certify},
};

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client by its name.
type Client = (&'static str, Child);
/// A question as upstream got it, and from where.
type Received = (Vec<u8>, SocketAddr);

/// Préau over every transport, with an upstream that answers when the test does.
struct Site {
    preau: Preau,
    upstream: UdpSocket,
    tls: SocketAddr,
    https: SocketAddr,
    quic: SocketAddr,
}

impl Site {
    fn start() -> Self {
        let upstream = UdpSocket::bind("127.0.0.1:0").unwrap();
        upstream.set_read_timeout(Some(PATIENCE)).unwrap();
        let [dns, tls, https, quic] = [(); 4].map(|()| address::unused());
        let config = format!(
            "[listen]\ndns = [\"{dns}\"]\ntls = [\"{tls}\"]\nhttps = [\"{https}\"]\n\
             quic = [\"{quic}\"]\n\
             [tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\nname = \"{NAME}\"\n\
             [upstream]\nservers = [\"{}\"]\n[lists]\ncache = \"cache\"\n\
             [[group]]\nname = \"pupils\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n",
            upstream.local_addr().unwrap()
        );
        let mut preau = Preau::configured(PREAU, dns, &config);
        certify(preau.folder());
        preau.start();
        Self { preau, upstream, tls, https, quic }
    }

    /// A client of each kind, each asking for a name of its own.
    fn clients(&self) -> Vec<Client> {
        let authority = format!("+tls-ca={}", self.preau.path("authority.pem").display());
        let host = format!("+tls-hostname={NAME}");
        let kdig = |name: &'static str, address: SocketAddr, arguments: &[&str]| {
            let mut kdig = Command::new("kdig");
            kdig.args(["@127.0.0.1", "-p", &address.port().to_string()]).args(arguments);
            kdig.args(["+short", "+timeout=30", "+retry=0", &format!("{name}.example")]);
            (name, kdig)
        };
        let query = self.preau.path("query");
        fs::write(&query, Question::new("http1.example", 1).packet(0)).unwrap();
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--http1.1", "--max-time", "30", "--cacert"])
            .arg(self.preau.path("authority.pem"))
            .args(["--resolve", &format!("{NAME}:{}:127.0.0.1", self.https.port())])
            .args(["--header", "content-type: application/dns-message", "--data-binary"])
            .arg(format!("@{}", query.display()))
            .arg(format!("https://{NAME}:{}/dns-query", self.https.port()));
        let verified = [&*authority, &host];
        let clients = [
            kdig("udp", self.preau.address, &[]),
            kdig("tcp", self.preau.address, &["+tcp"]),
            kdig("tls", self.tls, &[&["+tls"], &verified[..]].concat()),
            kdig("http2", self.https, &[&["+https"], &verified[..]].concat()),
            kdig("quic", self.quic, &["+quic"]),
            ("http1", curl),
        ];
        let spawn = |(name, mut client): (&'static str, Command)| {
            client.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            (name, client.spawn().expect("Debian's knot-dnsutils and curl are installed"))
        };
        clients.map(spawn).into()
    }

    /// What upstream is asked until so many clients have; a question may come more than once.
    fn asked(&self, clients: usize) -> Vec<Received> {
        let (mut asked, mut names) = (Vec::new(), BTreeSet::new());
        let mut packet = [0; 4096];
        while names.len() < clients {
            let (length, resolver) = self
                .upstream
                .recv_from(&mut packet)
                .unwrap_or_else(|error| panic!("{error}; {names:?} asked"));
            let name = String::from_utf8_lossy(&packet[12..length]).to_lowercase();
            // Else it is the look for loops.
            if let Some((name, _)) = name.split_once("\u{7}example\0") {
                names.insert(name.to_owned());
                asked.push((packet[..length].to_vec(), resolver));
            }
        }
        asked
    }

    /// Answers a question with 192.0.2.80.
    fn answer(&self, query: &[u8], resolver: SocketAddr) {
        let end = 12 + query[12..].iter().position(|&octet| octet == 0).unwrap() + 5;
        let answer = [
            &query[..2],
            b"\x81\x80\0\x01\0\x01\0\0\0\0",
            &query[12..end],
            b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x50",
        ];
        self.upstream.send_to(&answer.concat(), resolver).unwrap();
    }

    /// Waits for the end of the program, which must be a good one.
    fn ends(mut self) {
        let code = self.preau.wait();
        assert_eq!(code, Some(0), "{}", self.preau.log());
    }
}

fn output(client: Child) -> Output {
    client.wait_with_output().unwrap()
}

/// Clients of every kind that wait for upstream, none of them for long: a question is given up after
/// 4.5 s, and a slow machine starts over.
fn everyone_has_asked() -> (Site, Vec<Client>, Vec<Received>) {
    loop {
        let site = Site::start();
        let since = Instant::now();
        let mut clients = site.clients();
        let asked = site.asked(clients.len());
        if since.elapsed() < Duration::from_secs(2) {
            return (site, clients, asked);
        }
        println!("this machine is slow today: once more");
        clients.iter_mut().for_each(|(_, client)| client.kill().unwrap());
    }
}

#[test]
#[ignore = "needs kdig (Debian's knot-dnsutils) and curl"]
fn whoever_has_asked_is_answered() {
    let (site, mut clients, asked) = everyone_has_asked();
    site.preau.signal("-TERM");
    site.preau.wait_for("stopping");
    // New connections are refused, while others wait.
    for address in [site.preau.address, site.tls, site.https] {
        site.preau.until("the end of listening", || TcpStream::connect(address).is_err());
    }
    let late = Command::new("kdig")
        .args(["@127.0.0.1", "-p", &site.quic.port().to_string(), "+quic", "+timeout=1"])
        .args(["+retry=0", "pornhub.com"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for (query, resolver) in asked {
        site.answer(&query, resolver);
    }
    site.upstream.set_nonblocking(true).unwrap();
    let mut packet = [0; 4096];
    while clients.iter_mut().any(|(_, client)| client.try_wait().unwrap().is_none()) {
        match site.upstream.recv_from(&mut packet) {
            Ok((length, resolver)) => site.answer(&packet[..length], resolver),
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
    let late = output(late);
    let said = String::from_utf8_lossy(&[late.stdout, late.stderr].concat()).into_owned();
    assert!(!said.contains("status: "), "{said}");
    for (name, client) in clients {
        let Output { stdout, stderr, .. } = output(client);
        let said = String::from_utf8_lossy(&stderr).into_owned() + &site.preau.log();
        match name {
            "http1" => assert!(stdout.ends_with(&[192, 0, 2, 80]), "{name}: {stdout:x?} {said}"),
            _ => assert_eq!(String::from_utf8_lossy(&stdout), "192.0.2.80\n", "{name}: {said}"),
        }
    }
    assert!(!site.preau.log().contains("unanswered"), "{}", site.preau.log());
    site.ends();
}

/// An upstream that never answers keeps nobody from stopping it.
#[test]
#[ignore = "needs kdig (Debian's knot-dnsutils) and curl; takes seconds"]
fn the_end_does_not_wait_for_ever() {
    let site = Site::start();
    let clients = site.clients();
    site.asked(clients.len());
    // Those who say nothing, and the one who never finishes a handshake.
    let idle = [site.preau.address, site.tls, site.https].map(TcpStream::connect);
    let hello = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    hello.send_to(&[0xc0; 1200], site.quic).unwrap();
    let start = Instant::now();
    site.preau.signal("-TERM");
    site.ends();
    println!("it took {:?}", start.elapsed());
    for (name, client) in clients {
        let said = output(client).stdout;
        assert!(!said.ends_with(b"192.0.2.80\n"), "{name}");
    }
    drop(idle);
}
