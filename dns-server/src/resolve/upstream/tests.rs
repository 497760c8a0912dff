//! Against servers in this process that say what a test wants them to, and lie.

use std::{
    collections::HashSet,
    io::{Read as _, Write as _},
    net::{IpAddr, TcpListener, UdpSocket},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use hickory_resolver::proto::{
    op::{Edns, Message, OpCode, ResponseCode},
    rr::{
        Name, RData, Record,
        rdata::{A, CNAME, SOA, TXT, opt::EdnsOption},
    },
};
use tokio::task::JoinSet;

use super::*;
use crate::{
    resolve::{CacheSettings, Resolver},
    testing,
};

/// A resolver on a port of its own, over UDP and TCP.
struct Peer {
    server: Server,
    /// What came, each once: whatever is not answered at once is sent again, octet for octet.
    udp: Arc<Mutex<HashSet<Vec<u8>>>>,
    tcp: Arc<AtomicUsize>,
}

/// Different datagrams, and connections.
type Counts = (usize, usize);

/// What a peer sends when it is asked: several datagrams, or, over TCP, octets as they are.
type Script = fn(&[u8]) -> Vec<Vec<u8>>;

impl Peer {
    fn start(over_udp: Script, over_tcp: Script) -> Self {
        // A port that is free for UDP may be taken for TCP.
        let (socket, listener) = (0..100)
            .find_map(|_| {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                let listener = TcpListener::bind(socket.local_addr().unwrap()).ok()?;
                Some((socket, listener))
            })
            .unwrap();
        let peer = Self::without_tcp(socket, over_udp);
        let count = peer.tcp.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_err() {
                    continue;
                }
                count.fetch_add(1, Ordering::SeqCst);
                let mut query = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut query).unwrap();
                for octets in over_tcp(&query) {
                    // The other side may have given up.
                    let _ = stream.write_all(&octets);
                }
            }
        });
        peer
    }

    fn without_tcp(socket: UdpSocket, script: Script) -> Self {
        let address = socket.local_addr().unwrap();
        let server = Server { address, protocol: Protocol::Plain };
        let peer = Self { server, udp: Arc::default(), tcp: Arc::default() };
        let count = peer.udp.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, client)) = socket.recv_from(&mut buffer) {
                // What is asked to find out whether it is ourselves does not count.
                if buffer[..length].windows(15).any(|w| w.eq_ignore_ascii_case(b"_preau-sentinel"))
                {
                    continue;
                }
                count.lock().unwrap().insert(buffer[..length].to_vec());
                for reply in script(&buffer[..length]) {
                    socket.send_to(&reply, client).unwrap();
                }
            }
        });
        peer
    }

    /// Different datagrams, and connections.
    fn asked(&self) -> Counts {
        (self.udp.lock().unwrap().len(), self.tcp.load(Ordering::SeqCst))
    }
}

/// The reply to a query, as servers write it, with some change.
fn reply(query: &[u8], change: impl FnOnce(&mut Message)) -> Vec<u8> {
    let query = Message::from_vec(query).unwrap();
    let mut reply = Message::response(query.metadata.id, OpCode::Query);
    reply.metadata.recursion_available = true;
    reply.metadata.authentic_data = true;
    reply.add_queries(query.queries.iter().cloned());
    reply.set_edns(Edns::new());
    change(&mut reply);
    reply.to_vec().unwrap()
}

fn framed(message: Vec<u8>) -> Vec<Vec<u8>> {
    vec![[&(message.len() as u16).to_be_bytes(), &message[..]].concat()]
}

fn address(owner: Name) -> Record {
    Record::from_rdata(owner, 300, RData::A(A::new(192, 0, 2, 1)))
}

fn asked_name(message: &Message) -> Name {
    message.queries[0].name().clone()
}

fn an_address(query: &[u8]) -> Vec<u8> {
    reply(query, |reply| {
        reply.add_answer(address(asked_name(reply)));
    })
}

fn answers(query: &[u8]) -> Vec<Vec<u8>> {
    vec![an_address(query)]
}

fn answers_tcp(query: &[u8]) -> Vec<Vec<u8>> {
    framed(an_address(query))
}

fn says_nothing(_: &[u8]) -> Vec<Vec<u8>> {
    Vec::new()
}

fn code(query: &[u8], code: ResponseCode) -> Vec<Vec<u8>> {
    vec![reply(query, |reply| reply.metadata.response_code = code)]
}

fn fails(query: &[u8]) -> Vec<Vec<u8>> {
    code(query, ResponseCode::ServFail)
}

fn refuses(query: &[u8]) -> Vec<Vec<u8>> {
    code(query, ResponseCode::Refused)
}

fn denies(query: &[u8]) -> Vec<Vec<u8>> {
    vec![reply(query, |reply| {
        reply.metadata.response_code = ResponseCode::NXDomain;
        let zone: Name = "example.".parse().unwrap();
        let soa = SOA::new(zone.clone(), zone.clone(), 1, 2, 3, 4, 60);
        reply.add_authority(Record::from_rdata(zone, 3600, RData::SOA(soa)));
    })]
}

fn finds_it_bogus(query: &[u8]) -> Vec<Vec<u8>> {
    vec![reply(query, |reply| {
        reply.metadata.response_code = ResponseCode::ServFail;
        let edns = reply.edns.as_mut().unwrap();
        let error = [&[0, 7], b"signature expired".as_slice()].concat();
        edns.options_mut().insert(EdnsOption::Unknown(15, error));
    })]
}

fn truncates(query: &[u8]) -> Vec<Vec<u8>> {
    vec![reply(query, |reply| reply.metadata.truncation = true)]
}

fn query(name: &str, record_type: u16) -> Query {
    let name = name.parse().unwrap();
    Query { name, record_type, dnssec_ok: false, checking_disabled: false }
}

fn failover(servers: &[&Peer], order: Order) -> Failover {
    let servers: Vec<_> = servers.iter().map(|peer| peer.server.clone()).collect();
    Failover::new(&servers, order, false, &[]).unwrap()
}

/// Addresses or the error, in words.
async fn told(upstream: &Failover, name: &str) -> String {
    match upstream.lookup(&query(name, 1)).await {
        Ok(response) => format!("{} {:?}", response.rcode(), response.addresses()),
        Err(error) => format!("{error:?}"),
    }
}

const ANSWER: &str = "0 [192.0.2.1]";
const GARBLED: &str = "Garbled";
const UNREACHABLE: &str = "Unreachable";

/// What becomes of it when the only server lies: over UDP, then over TCP.
#[tokio::test]
async fn lies() {
    #[rustfmt::skip]
    let cases: [(&str, Script, Script, &str); 20] = [
        ("the truth", answers, says_nothing, ANSWER),
        ("a wrong ID, then the right one", |query| {
            let mut wrong = an_address(query);
            wrong[0] ^= 0xff;
            *wrong.last_mut().unwrap() = 66;
            vec![wrong, an_address(query)]
        }, says_nothing, ANSWER),
        ("a wrong ID", |query| {
            let mut wrong = an_address(query);
            wrong[1] ^= 1;
            vec![wrong]
        }, answers_tcp, UNREACHABLE),
        ("nothing", says_nothing, answers_tcp, UNREACHABLE),
        ("another name", |query| vec![an_address(&query.iter().map(|o| if *o | 0x20 == b'w' { b'v' } else { *o }).collect::<Vec<_>>())], answers_tcp, ANSWER),
        ("another type", |query| vec![{ let mut wrong = an_address(query); let at = 12 + 13; wrong[at + 1] = 28; wrong }], answers_tcp, ANSWER),
        ("another case", |query| vec![{ let mut wrong = an_address(query); wrong[13..16].iter_mut().for_each(|o| *o ^= 0x20); wrong }], answers_tcp, ANSWER),
        ("no response", |query| vec![{ let mut wrong = an_address(query); wrong[2] &= 0x7f; wrong }], answers_tcp, ANSWER),
        ("the query itself", |query| vec![query.to_vec()], answers_tcp, ANSWER),
        ("TC, and TCP", truncates, answers_tcp, ANSWER),
        ("TC, and TC over TCP", truncates, |query| framed(truncates(query).remove(0)), GARBLED),
        ("TC, and a closed stream", truncates, says_nothing, GARBLED),
        ("TC, and half a message", truncates, |query| vec![framed(an_address(query))[0][..20].to_vec()], GARBLED),
        ("TC, and a wrong ID over TCP", truncates, |query| framed({ let mut wrong = an_address(query); wrong[0] ^= 1; wrong }), GARBLED),
        ("TC, and one octet after another", truncates, |query| {
            thread::sleep(Duration::from_secs(3));
            framed(an_address(query))
        }, UNREACHABLE),
        ("aliases in a circle", |query| vec![reply(query, |reply| {
            let (name, other): (Name, Name) = (asked_name(reply), "other.example.".parse().unwrap());
            reply.add_answer(Record::from_rdata(name.clone(), 300, RData::CNAME(CNAME(other.clone()))));
            reply.add_answer(Record::from_rdata(other, 300, RData::CNAME(CNAME(name))));
        })], says_nothing, GARBLED),
        ("other names too", |query| vec![reply(query, |reply| {
            let other: Name = "other.example.".parse().unwrap();
            reply.add_answer(Record::from_rdata(other.clone(), 300, RData::A(A::new(203, 0, 113, 66))));
            reply.add_answer(address(asked_name(reply)));
            reply.add_additional(Record::from_rdata(other, 300, RData::A(A::new(203, 0, 113, 66))));
        })], says_nothing, ANSWER),
        ("other names only", |query| vec![reply(query, |reply| {
            reply.add_answer(address("other.example.".parse().unwrap()));
        })], says_nothing, "0 []"),
        ("garbage", |query| vec![[&query[..2], &[0x81, 0x80, 0, 1, 0, 9, 0, 9, 0, 9, 0xff, 0xff, 0xff]].concat()], |query| framed(query[..2].to_vec()), GARBLED),
        ("a few octets", |query| vec![query[..2].to_vec()], |_| vec![vec![0, 0]], GARBLED),
    ];
    let mut asked = JoinSet::new();
    for (what, over_udp, over_tcp, expected) in cases {
        let peer = Peer::start(over_udp, over_tcp);
        asked.spawn(async move {
            let told = told(&failover(&[&peer], Order::Given), "www.example").await;
            assert_eq!(told, expected, "{what}");
        });
    }
    asked.join_all().await;
}

fn has_opt(query: &[u8]) -> bool {
    query[11] == 1
}

/// The header alone, or with the question, and no OPT.
fn knows_no_edns(query: &[u8], rcode: u8, with_question: bool) -> Vec<u8> {
    let mut reply = query[..query.len() - 11].to_vec();
    reply[2..4].copy_from_slice(&[0x81, 0x80 | rcode]);
    reply[11] = 0;
    if !with_question {
        reply[5] = 0;
        reply.truncate(12);
    }
    reply
}

/// RFC 6891 §7: who does not know EDNS is asked without; nobody is for being silent, or for an error
/// that comes with an OPT.
#[tokio::test]
async fn who_knows_no_edns_is_asked_without() {
    const SERVFAIL: &str = "Failed { rcode: 2, errors: [] }";
    const FORMERR: &str = "Failed { rcode: 1, errors: [] }";
    #[rustfmt::skip]
    let cases: [(&str, Script, Script, &str, Counts); 8] = [
        ("FORMERR", |query| match has_opt(query) {
            true => vec![knows_no_edns(query, 1, true)],
            false => answers(query),
        }, says_nothing, ANSWER, (2, 0)),
        ("FORMERR, the header alone", |query| match has_opt(query) {
            true => vec![knows_no_edns(query, 1, false)],
            false => answers(query),
        }, says_nothing, ANSWER, (2, 0)),
        ("NOTIMP", |query| match has_opt(query) {
            true => vec![knows_no_edns(query, 4, true)],
            false => answers(query),
        }, says_nothing, ANSWER, (2, 0)),
        ("FORMERR, then more than 512 octets", |query| match has_opt(query) {
            true => vec![knows_no_edns(query, 1, true)],
            false => truncates(query),
        }, |query| {
            assert!(!has_opt(query));
            answers_tcp(query)
        }, ANSWER, (2, 1)),
        ("FORMERR over TCP", truncates, |query| framed(match has_opt(query) {
            true => knows_no_edns(query, 1, true),
            false => an_address(query),
        }), ANSWER, (2, 2)),
        ("FORMERR either way", |query| match has_opt(query) {
            true => vec![knows_no_edns(query, 1, true)],
            false => code(query, ResponseCode::FormErr),
        }, says_nothing, FORMERR, (2, 0)),
        ("FORMERR with an OPT", |query| code(query, ResponseCode::FormErr), says_nothing, FORMERR, (1, 0)),
        ("SERVFAIL", fails, says_nothing, SERVFAIL, (1, 0)),
    ];
    for (what, over_udp, over_tcp, expected, asked) in cases {
        let peer = Peer::start(over_udp, over_tcp);
        let upstream = failover(&[&peer], Order::Given);
        assert_eq!(told(&upstream, "www.example").await, expected, "{what}");
        assert_eq!(peer.asked(), asked, "{what}");
    }
    // Silence is no sign of it (https://www.dnsflagday.net/2019/): all that is sent again has one.
    let silent = Peer::start(
        |query| {
            assert!(has_opt(query));
            Vec::new()
        },
        says_nothing,
    );
    assert_eq!(told(&failover(&[&silent], Order::Given), "www.example").await, UNREACHABLE);
    assert!(silent.asked().0 > 1 && silent.asked().1 == 0);
}

#[tokio::test]
async fn a_message_of_64_kib() {
    let peer = Peer::start(truncates, |query| {
        framed(reply(query, |reply| {
            for number in 0..240 {
                let text = RData::TXT(TXT::new(vec![format!("{number:0>242}")]));
                reply.add_answer(Record::from_rdata(asked_name(reply), 300, text));
            }
        }))
    });
    let upstream = failover(&[&peer], Order::Given);
    let response = upstream.lookup(&query("big.example", 16)).await.unwrap();
    assert!(response.octets().len() > 60_000, "{}", response.octets().len());
    assert_eq!(Message::from_vec(response.octets()).unwrap().answers.len(), 240);
    assert_eq!(peer.asked(), (1, 1));
}

/// An answer from another address than the one that was asked.
#[tokio::test]
async fn a_strangers_answer_is_not_heard() {
    let victim = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = Server { address: victim.local_addr().unwrap(), protocol: Protocol::Plain };
    let forger = UdpSocket::bind("127.0.0.1:0").unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = victim.recv_from(&mut buffer) {
            forger.send_to(&an_address(&buffer[..length]), client).unwrap();
        }
    });
    let upstream = Failover::new(&[server], Order::Given, false, &[]).unwrap();
    assert_eq!(told(&upstream, "www.example").await, UNREACHABLE);
}

#[tokio::test]
async fn queries_tell_nothing_about_the_client() {
    let peer = Peer::start(
        |query| {
            let read = Message::from_vec(query).unwrap();
            let edns = read.edns.as_ref().unwrap();
            assert!(edns.options().as_ref().is_empty());
            assert!(read.metadata.recursion_desired && read.additionals.is_empty());
            let name = read.queries[0].name().to_string();
            assert!(name.bytes().any(|octet| octet.is_ascii_uppercase()), "{name}");
            answers(query)
        },
        says_nothing,
    );
    let upstream = failover(&[&peer], Order::Given);
    // 0x20: 26 letters in one case by chance are unlikely enough.
    assert_eq!(told(&upstream, "abcdefghijklmnopqrstuvwxyz.example").await, ANSWER);
}

#[tokio::test]
async fn do_and_cd_are_passed_on() {
    let peer = Peer::start(
        |query| {
            let read = Message::from_vec(query).unwrap();
            let flags = [
                read.edns.as_ref().unwrap().flags().dnssec_ok,
                read.metadata.checking_disabled,
                read.metadata.authentic_data,
            ];
            let text = RData::TXT(TXT::new(vec![format!("{flags:?}")]));
            vec![reply(query, |reply| {
                reply.add_answer(Record::from_rdata(asked_name(reply), 300, text));
            })]
        },
        says_nothing,
    );
    for (dnssec_ok, checking_disabled, trusted) in
        [(false, false, false), (true, false, false), (false, true, false), (true, true, true)]
    {
        let upstream =
            Failover::new(std::slice::from_ref(&peer.server), Order::Given, trusted, &[]).unwrap();
        let query = Query { dnssec_ok, checking_disabled, ..query("flags.example", 16) };
        let response = upstream.lookup(&query).await.unwrap();
        let shown = Message::from_vec(response.octets()).unwrap().answers[0].data.to_string();
        assert_eq!(shown, format!("{:?}", [dnssec_ok, checking_disabled, trusted]));
        // Whoever is not trusted verifies nothing.
        assert_eq!(response.is_authentic(), trusted);
    }
}

/// Datagrams and connections of two servers.
type Asked = [Counts; 2];

/// Several servers, and how often each is asked one question after another.
#[tokio::test]
async fn one_server_fails_and_another_answers() {
    #[rustfmt::skip]
    let cases: [(&str, [Script; 2], &str, Asked); 5] = [
        ("an answer", [answers, answers], ANSWER, [(2, 0), (0, 0)]),
        // It did answer: it stays the first to be asked.
        ("SERVFAIL", [fails, answers], ANSWER, [(2, 0), (2, 0)]),
        ("REFUSED", [refuses, answers], ANSWER, [(2, 0), (2, 0)]),
        ("NXDOMAIN", [denies, answers], "3 []", [(2, 0), (0, 0)]),
        ("SERVFAIL twice", [fails, fails], "Failed { rcode: 2, errors: [] }", [(2, 0), (2, 0)]),
    ];
    for (what, scripts, expected, counts) in cases {
        let [first, second] = scripts.map(|script| Peer::start(script, says_nothing));
        let upstream = failover(&[&first, &second], Order::Given);
        for name in ["a.example", "b.example"] {
            assert_eq!(told(&upstream, name).await, expected, "{what}");
        }
        assert_eq!([first.asked(), second.asked()], counts, "{what}");
    }
}

#[tokio::test]
async fn what_does_not_verify_is_not_asked_of_others() {
    let bogus = Peer::start(finds_it_bogus, says_nothing);
    let good = Peer::start(answers, says_nothing);
    let upstream = failover(&[&bogus, &good], Order::Given);
    let error = upstream.lookup(&query("www.example", 1)).await.unwrap_err();
    let UpstreamError::Failed { rcode: 2, errors } = error else { panic!("{error:?}") };
    assert_eq!((errors[0].code.0, &*errors[0].text), (7, "signature expired"));
    assert_eq!(good.asked(), (0, 0));
}

#[tokio::test]
async fn a_server_that_does_not_answer_rests() {
    let silent = Peer::start(says_nothing, says_nothing);
    let good = Peer::start(answers, says_nothing);
    let upstream = failover(&[&silent, &good], Order::Given);
    assert_eq!(told(&upstream, "a.example").await, ANSWER);
    let in_vain = silent.asked();
    assert!(in_vain.0 > 0);
    for name in ["b.example", "c.example", "d.example"] {
        assert_eq!(told(&upstream, name).await, ANSWER);
    }
    assert_eq!((silent.asked(), good.asked().0), (in_vain, 4));
}

/// A port where nobody listens says so at once; it is asked all the same where there is no other.
#[tokio::test]
async fn nobody_listens() {
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for text in [format!("{closed}"), format!("tls://{closed}"), format!("https://{closed}")] {
        let server: Server = text.parse().unwrap();
        let upstream = Failover::new(&[server], Order::Given, false, &[]).unwrap();
        for _ in 0..2 {
            assert_eq!(told(&upstream, "www.example").await, UNREACHABLE, "{text}");
        }
    }
    let none = Failover::new(&[], Order::Given, false, &[]).unwrap();
    assert_eq!(told(&none, "www.example").await, UNREACHABLE);
}

#[tokio::test]
async fn zones_have_servers_of_their_own() {
    fn of_town(query: &[u8]) -> Vec<Vec<u8>> {
        vec![reply(query, |reply| {
            let data = RData::A(A::new(192, 0, 2, 2));
            reply.add_answer(Record::from_rdata(asked_name(reply), 300, data));
        })]
    }
    fn of_school(query: &[u8]) -> Vec<Vec<u8>> {
        vec![reply(query, |reply| {
            let data = RData::A(A::new(192, 0, 2, 3));
            reply.add_answer(Record::from_rdata(asked_name(reply), 300, data));
        })]
    }
    let [rest, town, school] =
        [answers as Script, of_town, of_school].map(|script| Peer::start(script, says_nothing));
    let servers = |peer| failover(&[peer], Order::Given);
    let zone = |text: &str| text.parse::<DomainName>().unwrap();
    let upstream = Zones::new(
        vec![
            (zone("town.example"), servers(&town)),
            (zone("school.town.example"), servers(&school)),
            (zone("10.in-addr.arpa"), servers(&school)),
        ],
        servers(&rest),
    );
    for (name, last_octet, labels) in [
        ("www.example", 1, 0),
        ("town.example", 2, 2),
        ("www.town.example", 2, 2),
        ("mytown.example", 1, 0),
        ("school.town.example", 3, 3),
        ("a.b.school.town.example", 3, 3),
        ("4.3.2.10.in-addr.arpa", 3, 3),
        ("4.3.2.11.in-addr.arpa", 1, 0),
        ("example", 1, 0),
    ] {
        let response = upstream.lookup(&query(name, 1)).await.unwrap();
        assert_eq!(response.addresses(), [IpAddr::from([192, 0, 2, last_octet])], "{name}");
        assert_eq!(upstream.zone_labels(&zone(name)), labels, "{name}");
    }
}

/// A server without a network, which answers by its number; and what it was asked.
struct Fake {
    number: u8,
    asked: Arc<Mutex<Vec<String>>>,
    /// Milliseconds to an answer; [`SILENT`] or [`GONE`].
    latency: Arc<AtomicUsize>,
    /// Whom it asks in turn.
    forwards_to: Arc<OnceLock<Arc<Failover>>>,
}

/// No answer ever comes.
const SILENT: usize = 0;
/// Nobody listens there.
const GONE: usize = usize::MAX;
/// This machine has no socket to ask it with.
const NO_SOCKET: usize = usize::MAX - 2;
/// The first question is lost on its way, or its answer.
const LOSSY: usize = usize::MAX - 1;

/// Such servers behind a failover, by number from 1.
struct Fakes {
    failover: Arc<Failover>,
    asked: Vec<Arc<Mutex<Vec<String>>>>,
    latencies: Vec<Arc<AtomicUsize>>,
    forwards_to: Vec<Arc<OnceLock<Arc<Failover>>>>,
}

#[async_trait]
impl Exchange for Fake {
    async fn exchange(&self, query: &Query) -> Result<Response, UpstreamError> {
        let name = query.name.to_string();
        let is_sentinel = name.ends_with("_preau-sentinel");
        if !is_sentinel {
            self.asked.lock().unwrap().push(name.clone());
        }
        if let (true, Some(upstream)) = (is_sentinel, self.forwards_to.get()) {
            return upstream.lookup(query).await;
        }
        let latency = self.latency.load(Ordering::SeqCst);
        if latency == LOSSY && !is_sentinel {
            self.latency.store(10, Ordering::SeqCst);
        }
        match latency {
            GONE => return Err(UpstreamError::Unreachable),
            NO_SOCKET => return Err(UpstreamError::NoSocket),
            SILENT | LOSSY => std::future::pending::<()>().await,
            _ if name == "slow.example" => std::future::pending::<()>().await,
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(latency as u64)).await;
        let address: &[u8] = &[192, 0, 2, self.number];
        Ok(testing::response(query, 0, true, &[(1, 60, address)], &[]))
    }
}

impl Fakes {
    fn new(latencies: &[usize], order: Order) -> Self {
        let (mut members, mut fakes) = (Vec::new(), Vec::new());
        for (number, latency) in (1..).zip(latencies) {
            let fake = Fake {
                number,
                asked: Arc::default(),
                latency: Arc::new(AtomicUsize::new(*latency)),
                forwards_to: Arc::default(),
            };
            fakes.push((fake.asked.clone(), fake.latency.clone(), fake.forwards_to.clone()));
            let server: Server = format!("192.0.2.{number}").parse().unwrap();
            members.push((server, Box::new(fake) as Box<dyn Exchange>));
        }
        Self {
            failover: Arc::new(Failover::of(members, order, false)),
            asked: fakes.iter().map(|fake| fake.0.clone()).collect(),
            latencies: fakes.iter().map(|fake| fake.1.clone()).collect(),
            forwards_to: fakes.iter().map(|fake| fake.2.clone()).collect(),
        }
    }

    /// Which of them answers.
    async fn who(&self) -> String {
        match self.failover.lookup(&query("www.example", 1)).await {
            Ok(response) => response.addresses()[0].to_string()[8..].to_owned(),
            Err(error) => format!("{error:?}"),
        }
    }

    fn asked(&self, place: usize) -> Vec<String> {
        self.asked[place].lock().unwrap().drain(..).collect()
    }
}

async fn pass(time: u64) {
    tokio::time::sleep(Duration::from_secs(time)).await;
}

/// It is not tried on clients: they are served by another meanwhile.
#[tokio::test(start_paused = true)]
async fn a_server_that_rested_is_probed() {
    let fakes = Fakes::new(&[SILENT, 10], Order::Given);
    assert_eq!(fakes.who().await, "2");
    assert_eq!(fakes.asked(0), ["www.example"]);
    pass(4).await;
    assert_eq!(fakes.who().await, "2");
    assert!(fakes.asked(0).is_empty());
    // The first rest is over; the probe is in vain, and the next rest longer.
    pass(1).await;
    assert_eq!(fakes.who().await, "2");
    pass(3).await;
    assert_eq!(fakes.asked(0), ["."]);
    pass(6).await;
    assert_eq!(fakes.who().await, "2");
    assert!(fakes.asked(0).is_empty());
    fakes.latencies[0].store(10, Ordering::SeqCst);
    pass(4).await;
    assert_eq!(fakes.who().await, "2");
    pass(1).await;
    assert_eq!(fakes.asked(0), ["."]);
    assert_eq!(fakes.who().await, "1");
}

/// A name that nobody finds an answer to is not the server's fault while it answers others.
#[tokio::test(start_paused = true)]
async fn a_slow_name_is_no_silence() {
    let fakes = Fakes::new(&[10, 10], Order::Given);
    let slow = tokio::spawn({
        let failover = fakes.failover.clone();
        async move { failover.lookup(&query("slow.example", 1)).await }
    });
    pass(1).await;
    assert_eq!(fakes.who().await, "1");
    assert_eq!(slow.await.unwrap(), Err(UpstreamError::Unreachable));
    assert_eq!(fakes.who().await, "1");
    let asked = ["slow.example", "www.example", "slow.example", "www.example"];
    assert_eq!(fakes.asked(0), asked);
}

/// What is lost on its way to the only server that lives is sent there again, while a client waits.
#[tokio::test(start_paused = true)]
async fn a_loss_is_no_failure() {
    for (latencies, expected, asked) in [
        (vec![LOSSY], "1", vec![2]),
        (vec![GONE, LOSSY], "2", vec![1, 2]),
        (vec![LOSSY, GONE], "1", vec![2, 1]),
        (vec![LOSSY, LOSSY], "1", vec![2, 1]),
    ] {
        let fakes = Fakes::new(&latencies, Order::Given);
        assert_eq!(fakes.who().await, expected, "{latencies:?}");
        let counts: Vec<_> = (0..latencies.len()).map(|place| fakes.asked(place).len()).collect();
        assert_eq!(counts, asked, "{latencies:?}");
    }
}

/// Whoever turns a question down at once takes none of its time, nor of its attempts.
#[tokio::test(start_paused = true)]
async fn the_one_that_lives_is_found() {
    let fakes = Fakes::new(&[GONE, GONE, GONE, GONE, 10], Order::Given);
    assert_eq!(fakes.who().await, "5");
    let fakes = Fakes::new(&[GONE; 5], Order::Given);
    assert_eq!(fakes.who().await, UNREACHABLE);
}

/// All of them together take no longer than a client waits.
#[tokio::test(start_paused = true)]
async fn time_and_attempts_are_bounded() {
    let fakes = Fakes::new(&[SILENT; 5], Order::Given);
    let before = tokio::time::Instant::now();
    assert_eq!(fakes.who().await, "OutOfTime");
    assert!((4500..4550).contains(&before.elapsed().as_millis()), "{:?}", before.elapsed());
    let asked: Vec<_> = (0..5).map(|place| fakes.asked(place).len()).collect();
    assert_eq!(asked, [1, 1, 1, 0, 0]);
}

/// That some servers are silent says nothing of those that were not asked.
#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_when_all_have_failed() {
    for (servers, first, second) in [
        (vec![SILENT; 3], "Unreachable, cached: false", "Unreachable, cached: true"),
        (vec![GONE; 5], "Unreachable, cached: false", "Unreachable, cached: true"),
        (vec![SILENT, SILENT, SILENT, 10], "OutOfTime, cached: false", "4"),
        (vec![SILENT, 10], "2", "2"),
    ] {
        let fakes = Fakes::new(&servers, Order::Given);
        let resolver = Resolver::new(fakes.failover.clone(), CacheSettings::default(), 9);
        for expected in [first, second] {
            let told = match resolver.resolve(&query("www.example", 1)).await {
                Ok(answer) => answer.response().addresses()[0].to_string()[8..].to_owned(),
                Err(no_answer) => format!("{:?}, cached: {}", no_answer.error, no_answer.cached),
            };
            assert_eq!(told, expected, "{servers:?}");
        }
    }
}

/// The fourth is asked with the second question; from then on all rest, and a third one is not put to
/// them.
#[tokio::test(start_paused = true)]
async fn more_silent_servers_than_attempts() {
    let fakes = Fakes::new(&[SILENT; 4], Order::Given);
    let resolver = Resolver::new(fakes.failover.clone(), CacheSettings::default(), 9);
    for (error, cached) in [
        (UpstreamError::OutOfTime, false),
        (UpstreamError::Unreachable, false),
        (UpstreamError::Unreachable, true),
    ] {
        let no_answer = resolver.resolve(&query("www.example", 1)).await.unwrap_err();
        assert_eq!((no_answer.error, no_answer.cached), (error, cached));
    }
    assert!(fakes.failover.servers().iter().all(|status| status.resting));
    assert_eq!(fakes.asked(3), ["www.example"]);
}

/// What this machine cannot send is not held against the server, over UDP nor over TCP.
#[tokio::test(start_paused = true)]
async fn without_a_socket_nobody_is_to_blame() {
    let fakes = Fakes::new(&[NO_SOCKET, NO_SOCKET], Order::Given);
    let resolver = Resolver::new(fakes.failover.clone(), CacheSettings::default(), 9);
    for _ in 0..2 {
        let no_answer = resolver.resolve(&query("www.example", 1)).await.unwrap_err();
        assert_eq!(no_answer, UpstreamError::NoSocket.into());
    }
    let servers = fakes.failover.servers();
    assert!(servers.iter().all(|status| !status.resting && status.silences == 0), "{servers:?}");
    fakes.latencies[0].store(10, Ordering::SeqCst);
    assert_eq!(fakes.who().await, "1");
    // Nor does it hide that somebody else was not asked, or hinder that he is.
    for (latencies, expected) in
        [([NO_SOCKET, GONE], "NoSocket"), ([GONE, NO_SOCKET], "NoSocket"), ([NO_SOCKET, 10], "2")]
    {
        assert_eq!(Fakes::new(&latencies, Order::Given).who().await, expected, "{latencies:?}");
    }
}

#[test]
fn errors_of_this_machine() {
    for (errno, expected) in [
        (Errno::EMFILE, true),
        (Errno::ENFILE, true),
        (Errno::ENOBUFS, true),
        (Errno::EADDRNOTAVAIL, true),
        (Errno::ECONNREFUSED, false),
        (Errno::ENETUNREACH, false),
        (Errno::EHOSTUNREACH, false),
    ] {
        assert_eq!(is_local(&io::Error::from_raw_os_error(errno as i32)), expected, "{errno}");
    }
    assert!(!is_local(&io::ErrorKind::ConnectionRefused.into()));
}

#[tokio::test(start_paused = true)]
async fn how_servers_do() {
    let fakes = Fakes::new(&[SILENT, 20], Order::Given);
    assert_eq!(fakes.who().await, "2");
    fakes.latencies[1].store(100, Ordering::SeqCst);
    assert_eq!(fakes.who().await, "2");
    let told: Vec<_> = fakes
        .failover
        .servers()
        .into_iter()
        .map(|it| (it.server.to_string(), it.resting, it.latency, it.questions, it.silences))
        .collect();
    // A mean that follows slowly: (20 × 7 + 100) / 8 ms.
    let latency = Some(Duration::from_millis(30));
    let expected = [
        ("192.0.2.1:53".to_owned(), true, None, 1, 1),
        ("192.0.2.2:53".to_owned(), false, latency, 2, 0),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn the_fastest_server_is_asked() {
    let fakes = Fakes::new(&[300, 20, 100], Order::Fastest);
    // Each once; nobody knows them yet.
    for expected in ["1", "2", "3", "2", "2", "2"] {
        assert_eq!(fakes.who().await, expected);
    }
    // It becomes slow, and is found out.
    fakes.latencies[1].store(1500, Ordering::SeqCst);
    let who = [fakes.who().await, fakes.who().await, fakes.who().await];
    assert_eq!(who, ["2", "3", "3"]);
    // The others are not forgotten for ever.
    fakes.latencies[0].store(5, Ordering::SeqCst);
    for _ in 0..300 {
        fakes.who().await;
    }
    assert_eq!(fakes.who().await, "1");
}

/// A detour through somebody who asks us.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_ourselves_is_not_asked() {
    let fakes = Fakes::new(&[10, 10], Order::Given);
    assert!(fakes.forwards_to[0].set(fakes.failover.clone()).is_ok());
    assert_eq!(fakes.who().await, "1");
    pass(1).await;
    assert_eq!(fakes.who().await, "2");
    let fakes = Fakes::new(&[10], Order::Given);
    assert!(fakes.forwards_to[0].set(fakes.failover.clone()).is_ok());
    fakes.who().await;
    pass(1).await;
    assert_eq!(fakes.who().await, UNREACHABLE);
}
