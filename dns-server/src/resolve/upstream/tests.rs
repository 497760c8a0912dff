//! Against servers in this process that say what a test wants them to.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, UdpSocket},
    sync::atomic::AtomicUsize,
    thread,
};

use hickory_resolver::proto::{
    op::Edns,
    rr::{
        RData,
        rdata::{A, CNAME, SOA, TXT},
    },
};

use super::*;

/// A resolver on a port of its own, over UDP and TCP.
struct Peer {
    server: Server,
    asked: Arc<AtomicUsize>,
}

/// What a peer makes of a query; `true`: it came over TCP.
type Script = fn(Message, bool) -> Option<Vec<u8>>;

impl Peer {
    fn start(script: Script) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let udp = UdpSocket::bind(address).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, client)) = udp.recv_from(&mut buffer) {
                count.fetch_add(1, Ordering::SeqCst);
                if let Some(reply) = script(Message::from_vec(&buffer[..length]).unwrap(), false) {
                    udp.send_to(&reply, client).unwrap();
                }
            }
        });
        let count = asked.clone();
        thread::spawn(move || {
            for stream in tcp.incoming() {
                let mut stream = stream.unwrap();
                let mut length = [0; 2];
                while stream.read_exact(&mut length).is_ok() {
                    count.fetch_add(1, Ordering::SeqCst);
                    let mut query = vec![0; u16::from_be_bytes(length).into()];
                    stream.read_exact(&mut query).unwrap();
                    let reply = script(Message::from_vec(&query).unwrap(), true).unwrap();
                    let length = (reply.len() as u16).to_be_bytes();
                    stream.write_all(&[&length, &reply[..]].concat()).unwrap();
                }
            }
        });
        Self { server: Server { address, tls_name: None }, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A reply that echoes the question, as servers do.
fn echo(query: &Message) -> Message {
    let mut reply = Message::response(query.metadata.id, OpCode::Query);
    reply.metadata.recursion_available = true;
    reply.metadata.authentic_data = true;
    reply.add_queries(query.queries.iter().cloned());
    reply.set_edns(Edns::new());
    reply
}

fn answers(query: Message, _: bool) -> Option<Vec<u8>> {
    let mut reply = echo(&query);
    let name = query.queries[0].name().clone();
    reply.add_answer(Record::from_rdata(name, 300, RData::A(A::new(192, 0, 2, 1))));
    reply.to_vec().ok()
}

fn soa() -> Record {
    let zone: Name = "example.".parse().unwrap();
    let soa = SOA::new(zone.clone(), zone.clone(), 1, 2, 3, 4, 60);
    Record::from_rdata(zone, 3600, RData::SOA(soa))
}

fn denies(query: Message, _: bool) -> Option<Vec<u8>> {
    let mut reply = echo(&query);
    reply.metadata.response_code = ResponseCode::NXDomain;
    reply.add_authority(soa());
    reply.to_vec().ok()
}

fn has_no_data(query: Message, _: bool) -> Option<Vec<u8>> {
    let mut reply = echo(&query);
    reply.add_authority(soa());
    reply.to_vec().ok()
}

fn aliases(query: Message, _: bool) -> Option<Vec<u8>> {
    let mut reply = echo(&query);
    let target: Name = "target.example.".parse().unwrap();
    let alias = RData::CNAME(CNAME(target.clone()));
    reply.add_answer(Record::from_rdata(query.queries[0].name().clone(), 300, alias));
    reply.add_answer(Record::from_rdata(target, 100, RData::A(A::new(192, 0, 2, 1))));
    reply.to_vec().ok()
}

fn fails(query: Message, _: bool) -> Option<Vec<u8>> {
    let mut reply = echo(&query);
    reply.metadata.response_code = ResponseCode::ServFail;
    reply.to_vec().ok()
}

fn is_silent(_: Message, _: bool) -> Option<Vec<u8>> {
    None
}

fn babbles(query: Message, _: bool) -> Option<Vec<u8>> {
    let mut garbage = query.metadata.id.to_be_bytes().to_vec();
    garbage.extend([0x81, 0x80, 0, 1, 0, 9, 0, 9, 0, 9, 0xff, 0xff, 0xff]);
    Some(garbage)
}

fn truncates(query: Message, over_tcp: bool) -> Option<Vec<u8>> {
    let mut reply = echo(&query);
    if over_tcp {
        let name = query.queries[0].name().clone();
        for _ in 0..20 {
            let text = RData::TXT(TXT::new(vec!["x".repeat(200)]));
            reply.add_answer(Record::from_rdata(name.clone(), 300, text));
        }
    } else {
        reply.metadata.truncation = true;
    }
    reply.to_vec().ok()
}

fn closed_port() -> Server {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    Server { address: socket.local_addr().unwrap(), tls_name: None }
}

async fn ask(
    upstream: &HickoryUpstream,
    name: &str,
    record_type: RecordType,
) -> Result<Message, UpstreamError> {
    let response = upstream.lookup(&query(name, record_type)).await?;
    let name = query(name, record_type).name;
    let octets = response.octets();
    assert_eq!(octets[12..12 + name.as_wire().len()], *name.as_wire(), "the question, lower case");
    Ok(Message::from_vec(octets).unwrap())
}

fn query(name: &str, record_type: RecordType) -> Query {
    let name = name.parse().unwrap();
    Query { name, record_type: record_type.into(), dnssec_ok: false, checking_disabled: false }
}

fn upstream(servers: &[&Server]) -> HickoryUpstream {
    let servers: Vec<_> = servers.iter().map(|server| (*server).clone()).collect();
    HickoryUpstream::new(&servers).unwrap()
}

#[tokio::test]
async fn an_answer_is_passed_on() {
    let peer = Peer::start(answers);
    let upstream = upstream(&[&peer.server]);
    for _ in 0..3 {
        let response = upstream.lookup(&query("www.example", RecordType::A)).await.unwrap();
        let octets = response.octets();
        // The owner is the question's name, whatever the case that it was asked in.
        assert_eq!(octets[29..31], [0xc0, 0x0c], "{octets:02x?}");
        let message = Message::from_vec(octets).unwrap();
        assert_eq!(message.answers.len(), 1);
        assert_eq!(message.answers[0].data, RData::A(A::new(192, 0, 2, 1)));
        assert!(message.edns.is_none());
    }
    assert_eq!(peer.asked(), 3);
}

#[tokio::test]
async fn queries_tell_nothing_about_the_client() {
    let peer = Peer::start(|query, over_tcp| {
        let edns = query.edns.as_ref().unwrap();
        assert!(edns.options().as_ref().is_empty());
        assert!(query.metadata.recursion_desired && query.additionals.is_empty());
        // 0x20: 26 letters in one case by chance are unlikely enough.
        let name = query.queries[0].name().to_string();
        assert!(name.bytes().any(|octet| octet.is_ascii_uppercase()), "{name}");
        answers(query, over_tcp)
    });
    let upstream = upstream(&[&peer.server]);
    ask(&upstream, "abcdefghijklmnopqrstuvwxyz.example", RecordType::A).await.unwrap();
}

#[tokio::test]
async fn a_denial_carries_its_soa_and_the_time_to_keep_it() {
    for (script, code) in
        [(denies as Script, ResponseCode::NXDomain), (has_no_data, ResponseCode::NoError)]
    {
        let peer = Peer::start(script);
        let upstream = upstream(&[&peer.server]);
        for _ in 0..2 {
            let message = ask(&upstream, "www.example", RecordType::AAAA).await.unwrap();
            assert_eq!(message.metadata.response_code, code);
            assert!(message.answers.is_empty());
            assert_eq!(message.authorities.len(), 1);
            let ttl = message.authorities[0].ttl;
            assert!((50..=60).contains(&ttl), "{ttl}");
        }
        assert_eq!(peer.asked(), 2);
    }
}

#[tokio::test]
async fn chains_are_kept_whole() {
    let peer = Peer::start(aliases);
    let upstream = upstream(&[&peer.server]);
    let message = ask(&upstream, "www.example", RecordType::A).await.unwrap();
    let shown: Vec<_> = message.answers.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["www.example. 300 IN CNAME target.example.", "target.example. 100 IN A 192.0.2.1"]
    );
}

/// Owners below, beside and above the name that was asked.
#[tokio::test]
async fn owners_are_in_lower_case() {
    let peer = Peer::start(|query, _| {
        let mut reply = echo(&query);
        let target: Name = "TarGet.ExamPle.".parse().unwrap();
        let alias = RData::CNAME(CNAME(target.clone()));
        let asked = query.queries[0].name().clone();
        reply.add_answer(Record::from_rdata(asked, 300, alias));
        reply.add_answer(Record::from_rdata(target, 100, RData::A(A::new(192, 0, 2, 1))));
        reply.to_vec().ok()
    });
    let upstream = upstream(&[&peer.server]);
    let message = ask(&upstream, "abcdefghijklmnop.example", RecordType::A).await.unwrap();
    let owners: Vec<_> = message.answers.iter().map(|record| record.name.to_string()).collect();
    assert_eq!(owners, ["abcdefghijklmnop.example.", "target.example."]);
    let peer = Peer::start(|query, _| {
        let mut reply = echo(&query);
        let mut soa = soa();
        soa.name = "EXAMPLE.".parse().unwrap();
        reply.add_authority(soa);
        reply.to_vec().ok()
    });
    let message = ask(&self::upstream(&[&peer.server]), "a.example", RecordType::A).await.unwrap();
    assert_eq!(message.authorities[0].name.to_string(), "example.");
}

#[tokio::test]
async fn what_udp_truncates_comes_over_tcp() {
    let peer = Peer::start(truncates);
    let message = ask(&upstream(&[&peer.server]), "big.example", RecordType::TXT).await.unwrap();
    assert_eq!(message.answers.len(), 20);
    assert_eq!(peer.asked(), 2);
}

#[tokio::test]
async fn the_next_server_is_asked_where_one_fails() {
    let (bad, good) = (Peer::start(fails), Peer::start(answers));
    let upstream = upstream(&[&bad.server, &good.server]);
    for (round, name) in ["a.example", "b.example"].into_iter().enumerate() {
        let message = ask(&upstream, name, RecordType::A).await.unwrap();
        assert_eq!(message.answers.len(), 1);
        // It did answer: it stays the first to be asked.
        assert_eq!((bad.asked(), good.asked()), (round + 1, round + 1));
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_asked_last() {
    let (silent, good) = (Peer::start(is_silent), Peer::start(answers));
    let upstream = upstream(&[&silent.server, &good.server]);
    ask(&upstream, "a.example", RecordType::A).await.unwrap();
    let asked_in_vain = silent.asked();
    assert!(asked_in_vain > 0);
    for name in ["b.example", "c.example", "d.example"] {
        ask(&upstream, name, RecordType::A).await.unwrap();
    }
    assert_eq!((silent.asked(), good.asked()), (asked_in_vain, 4));
}

#[tokio::test]
async fn errors_are_told_apart() {
    let (silent, failing, babbling) =
        (Peer::start(is_silent), Peer::start(fails), Peer::start(babbles));
    let closed = closed_port();
    let closed_tls = Server { tls_name: Some("resolver.example".into()), ..closed_port() };
    let cases: [(&[&Server], UpstreamError); 6] = [
        (&[&closed_tls], UpstreamError::Unreachable),
        (&[&silent.server], UpstreamError::Unreachable),
        (&[&closed], UpstreamError::Unreachable),
        (&[&failing.server], UpstreamError::Failed { rcode: 2, errors: [].into() }),
        (&[&babbling.server], UpstreamError::Garbled),
        (&[], UpstreamError::Unreachable),
    ];
    for (servers, expected) in cases {
        let error = ask(&upstream(servers), "www.example", RecordType::A).await.unwrap_err();
        assert_eq!(error, expected, "{servers:?}");
    }
}

#[test]
fn servers() {
    let cases = [
        ("192.0.2.1", Ok("192.0.2.1:53")),
        ("192.0.2.1:5353", Ok("192.0.2.1:5353")),
        ("2001:db8::1", Ok("[2001:db8::1]:53")),
        ("[2001:db8::1]:54", Ok("[2001:db8::1]:54")),
        ("tls://9.9.9.9#dns.quad9.net", Ok("tls://9.9.9.9:853#dns.quad9.net")),
        ("tls://9.9.9.9:8853#dns.quad9.net", Ok("tls://9.9.9.9:8853#dns.quad9.net")),
        ("tls://9.9.9.9", Ok("tls://9.9.9.9:853#9.9.9.9")),
        ("tls://[2620:fe::fe]:853", Ok("tls://[2620:fe::fe]:853#2620:fe::fe")),
        ("", Err(ServerError::Address)),
        ("dns.quad9.net", Err(ServerError::Address)),
        ("tls://dns.quad9.net", Err(ServerError::Address)),
        ("192.0.2.1:99999", Err(ServerError::Address)),
        ("https://9.9.9.9", Err(ServerError::Scheme("https".into()))),
        ("9.9.9.9#dns.quad9.net", Err(ServerError::NameWithoutTls)),
        ("tls://9.9.9.9#", Err(ServerError::EmptyName)),
    ];
    for (text, expected) in cases {
        let got = text.parse::<Server>().map(|server| server.to_string());
        assert_eq!(got, expected.map(str::to_owned), "{text}");
    }
}
