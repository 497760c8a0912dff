//! Packets in, packets out, through both transports; replies are read by hickory's decoder, which
//! had no part in writing them.

use async_trait::async_trait;
use hickory_resolver::proto::{op::Message, rr::rdata::opt::EdnsOption};

use super::*;
use crate::{
    resolve::upstream::Upstream,
    service::Service,
    testing,
    wire::{
        designation::{self, Designation, Endpoint},
        ede,
        extract::Response,
    },
};

/// The groups: 10.0.0.0/8 and its parts by profile; nobody else.
const CONFIG: &str = r#"
[upstream]
servers = ["192.0.2.53"]

[[group]]
name = "children"
networks = ["10.0.0.0/8"]
profile = "child"

[[group]]
name = "nodata"
networks = ["10.0.1.0/24"]
profile = "nodata"

[[group]]
name = "null"
networks = ["10.0.2.0/24"]
profile = "null"

[[group]]
name = "closed"
networks = ["10.0.3.0/24"]
profile = "closed"

[[group]]
name = "structured"
networks = ["10.0.4.0/24"]
profile = "structured"

[[group]]
name = "on-request"
networks = ["10.0.5.0/24"]
profile = "on-request"

[floor]
profile = "floor"
groups = ["structured", "on-request"]

[contact]
organisation = "École"
uris = ["mailto:a@b.example"]

[profile.floor]
block = ["ads"]
remove_ech = true

[profile.structured]
block = ["porn"]
refusal = "null"
language = "fr"
reasons = "category"
search = "forced"
structured_errors = true

[profile.on-request]
block = ["porn"]
on_request = true
reasons = "code"
structured_errors = true

[profile.nodata]
block = ["porn"]
refusal = "nodata"

[profile.null]
block = ["porn", "ads"]
refusal = "null"

[profile.closed]
mode = "closed"
allow_names = ["www.example"]
block_names = ["bad.www.example"]
"#;

const CHILD: &str = "10.9.9.9";
const NODATA: &str = "10.0.1.1";
const NULL: &str = "10.0.2.1";
const CLOSED: &str = "10.0.3.1";
const STRUCTURED: &str = "10.0.4.1";
const ON_REQUEST: &str = "10.0.5.1";
const NOBODY: &str = "192.0.2.1";

/// Header flags of queries.
const RD: u16 = 0x0100;
const CD: u16 = 0x0010;

const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;
const ANY: u16 = 255;

const NO_EDNS: &[u8] = b"";
const EDNS: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
const EDNS_512: &[u8] = b"\0\0\x29\x02\0\0\0\0\0\0\0";
const EDNS_DO: &[u8] = b"\0\0\x29\xff\xff\0\0\x80\0\0\0";
const EDNS_1: &[u8] = b"\0\0\x29\x04\xd0\0\x01\0\0\0\0";
const COOKIE: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08abcdefgh";
const SUBNET: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0\xc0\0\x02";

/// An empty extended error; with it, the smallest datagram.
const EDE: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x0f\0\0";
const EDE_512: &[u8] = b"\0\0\x29\x02\0\0\0\0\0\0\x04\0\x0f\0\0";

/// A query; the case of `name` is kept.
fn query(flags: u16, name: &str, record_type: u16, class: u16, edns: &[u8]) -> Vec<u8> {
    let mut packet = vec![0xab, 0xcd];
    packet.extend(flags.to_be_bytes());
    packet.extend([0, 1, 0, 0, 0, 0, 0, u8::from(!edns.is_empty())]);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        packet.push(label.len() as u8);
        packet.extend(label.as_bytes());
    }
    packet.push(0);
    packet.extend(record_type.to_be_bytes());
    packet.extend(class.to_be_bytes());
    packet.extend(edns);
    packet
}

/// Response code, flags, and then whatever there is: records, `edns`, extended errors.
fn shown(query: &[u8], reply: &[u8]) -> String {
    let message = Message::from_vec(reply).unwrap();
    let header = message.metadata;
    assert_eq!(reply[..2], query[..2], "the ID is echoed");
    if let Some(asked) = message.queries.first() {
        let length = asked.name().len() + 4;
        assert_eq!(reply[12..12 + length], query[12..12 + length], "octet for octet");
    }
    let mut text = text::rcode(header.response_code.into());
    let flags = [
        ("aa", header.authoritative),
        ("tc", header.truncation),
        ("rd", header.recursion_desired),
        ("ra", header.recursion_available),
        ("ad", header.authentic_data),
        ("cd", header.checking_disabled),
        ("no-question", message.queries.is_empty()),
    ];
    for (flag, _) in flags.iter().filter(|(_, set)| *set) {
        text.extend([" ", flag]);
    }
    for record in &message.answers {
        text.push_str(&format!("; {record}"));
    }
    for record in &message.authorities {
        text.push_str(&format!("; authority {record}"));
    }
    assert!(message.additionals.is_empty());
    if let Some(edns) = &message.edns {
        assert_eq!((edns.version(), edns.max_payload()), (0, 1232));
        text.push_str(if edns.flags().dnssec_ok { "; edns do" } else { "; edns" });
        for (_, option) in edns.options().as_ref() {
            let EdnsOption::Unknown(ede::OPTION, data) = option else { panic!("{option:?}") };
            let code = u16::from_be_bytes([data[0], data[1]]);
            text.push_str(&format!("; ede {code} {}", str::from_utf8(&data[2..]).unwrap()));
        }
    }
    text
}

async fn over(
    transport: Transport,
    snapshot: &Snapshot,
    client: &str,
    packet: &[u8],
) -> Option<Vec<u8>> {
    let group = snapshot.group_of(client.parse().unwrap());
    snapshot.answer(group, transport, packet, std::future::ready(())).await
}

async fn over_udp(snapshot: &Snapshot, client: &str, packet: &[u8]) -> Option<Vec<u8>> {
    over(Transport::Datagram, snapshot, client, packet).await
}

const SOA: &str = "30 IN SOA preau.invalid. preau.invalid. 1 3600 600 86400 30";

#[tokio::test]
async fn conversations() {
    let refused = |name: &str| format!("authority {name}. {SOA}");
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<u8>, String)> = vec![
        // Refusals: every type alike, and in the case that was asked
        (CHILD, query(RD, "porn.example", A, 1, EDNS), format!("NXDOMAIN rd ra; {}; edns; ede 15 porn · ut1-adult", refused("porn.example"))),
        (CHILD, query(RD, "porn.example", A, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("porn.example"))),
        (CHILD, query(RD, "porn.example", AAAA, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("porn.example"))),
        (CHILD, query(RD, "porn.example", HTTPS, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("porn.example"))),
        (CHILD, query(RD, "porn.example", TXT, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("porn.example"))),
        (CHILD, query(RD, "porn.example", 43, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("porn.example"))),
        (CHILD, query(RD, "porn.example", 65_534, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("porn.example"))),
        (CHILD, query(RD, "porn.example", ANY, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("porn.example"))),
        (CHILD, query(RD, "wWw.PoRn.eXample", A, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("wWw.PoRn.eXample"))),
        (CHILD, query(0, "porn.example", A, 1, NO_EDNS), format!("NXDOMAIN ra; {}", refused("porn.example"))),
        (CHILD, query(RD | CD, "porn.example", A, 1, EDNS_DO), format!("NXDOMAIN rd ra cd; {}; edns do; ede 15 porn · ut1-adult", refused("porn.example"))),
        (CHILD, query(RD | 0x0060, "porn.example", A, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("porn.example"))),
        (CHILD, query(RD, "notporn.example", A, 1, NO_EDNS), "NOERROR rd ra; authority notporn.example. 5 IN SOA . . 1 2 3 4 5".into()),
        // Options of the client are ignored
        (CHILD, query(RD, "porn.example", A, 1, COOKIE), format!("NXDOMAIN rd ra; {}; edns; ede 15 porn · ut1-adult", refused("porn.example"))),
        (CHILD, query(RD, "porn.example", A, 1, SUBNET), format!("NXDOMAIN rd ra; {}; edns; ede 15 porn · ut1-adult", refused("porn.example"))),
        // NODATA where names below are reachable: an exact rule, an allow rule below
        (CHILD, query(RD, "ads.example", A, 1, EDNS), format!("NOERROR rd ra; {}; edns; ede 15 ads · hosts", refused("ads.example"))),
        (CHILD, query(RD, "www.ads.example", A, 1, NO_EDNS), "NOERROR rd ra; authority www.ads.example. 5 IN SOA . . 1 2 3 4 5".into()),
        (CHILD, query(RD, "mixed.example", A, 1, EDNS), format!("NOERROR rd ra; {}; edns; ede 15 porn · ut1-adult", refused("mixed.example"))),
        (CHILD, query(RD, "health.mixed.example", A, 1, NO_EDNS), "NOERROR rd ra; authority health.mixed.example. 5 IN SOA . . 1 2 3 4 5".into()),
        (CHILD, query(RD, "other.mixed.example", A, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("other.mixed.example"))),
        (CHILD, query(RD, "x.below.example", A, 1, NO_EDNS), format!("NXDOMAIN rd ra; {}", refused("x.below.example"))),
        (CHILD, query(RD, "below.example", A, 1, NO_EDNS), "NOERROR rd ra; authority below.example. 5 IN SOA . . 1 2 3 4 5".into()),
        // Other forms of refusal
        (NODATA, query(RD, "porn.example", A, 1, EDNS), format!("NOERROR rd ra; {}; edns; ede 15 porn · ut1-adult", refused("porn.example"))),
        (NULL, query(RD, "porn.example", A, 1, EDNS), "NOERROR rd ra; porn.example. 30 IN A 0.0.0.0; edns; ede 4 porn · ut1-adult".into()),
        (NULL, query(RD, "porn.example", AAAA, 1, EDNS), "NOERROR rd ra; porn.example. 30 IN AAAA ::; edns; ede 4 porn · ut1-adult".into()),
        (NULL, query(RD, "porn.example", HTTPS, 1, EDNS), format!("NOERROR rd ra; {}; edns; ede 15 porn · ut1-adult", refused("porn.example"))),
        (NULL, query(RD, "ads.example", A, 1, NO_EDNS), "NOERROR rd ra; ads.example. 30 IN A 0.0.0.0".into()),
        (CLOSED, query(RD, "www.example", A, 1, NO_EDNS), "NOERROR rd ra; www.example. 60 IN A 192.0.2.1".into()),
        (CLOSED, query(RD, "alias.example", A, 1, EDNS), format!("NXDOMAIN rd ra; {}; edns; ede 15 profile's default", refused("alias.example"))),
        (CLOSED, query(RD, "bad.www.example", A, 1, EDNS), format!("NXDOMAIN rd ra; {}; edns; ede 15 operator's names", refused("bad.www.example"))),
        // Forwarded
        (CHILD, query(RD, "www.example", A, 1, NO_EDNS), "NOERROR rd ra; www.example. 60 IN A 192.0.2.1".into()),
        (CHILD, query(RD, "wWw.eXaMpLe", A, 1, EDNS), "NOERROR rd ra; wWw.eXaMpLe. 60 IN A 192.0.2.1; edns".into()),
        (CHILD, query(RD | CD, "alias.example", A, 1, EDNS_DO), "NOERROR rd ra cd; alias.example. 60 IN CNAME www.example.; www.example. 60 IN A 192.0.2.1; edns do".into()),
        (CHILD, query(RD, "nx.example", A, 1, EDNS), "NXDOMAIN rd ra; authority example. 5 IN SOA . . 1 2 3 4 5; edns".into()),
        (CHILD, query(RD, "www.example", AAAA, 1, SUBNET), "NOERROR rd ra; authority www.example. 5 IN SOA . . 1 2 3 4 5; edns".into()),
        (CHILD, query(RD, ".", 2, 1, NO_EDNS), "NOERROR rd ra; authority . 5 IN SOA . . 1 2 3 4 5".into()),
        // Upstream trouble
        (CHILD, query(RD, "down.example", A, 1, EDNS), "SERVFAIL rd ra; edns; ede 22 ".into()),
        (CHILD, query(RD, "down.example", A, 1, NO_EDNS), "SERVFAIL rd ra".into()),
        (CHILD, query(RD, "garbled.example", A, 1, EDNS), "SERVFAIL rd ra; edns; ede 23 ".into()),
        (CHILD, query(RD, "servfail.example", A, 1, EDNS), "SERVFAIL rd ra; edns; ede 0 upstream answered SERVFAIL".into()),
        // Questions that nobody gets an answer to
        (NOBODY, query(RD, "www.example", A, 1, EDNS), "REFUSED rd ra; edns; ede 18 ".into()),
        (NOBODY, query(RD, "porn.example", A, 1, NO_EDNS), "REFUSED rd ra".into()),
        (CHILD, query(RD, "version.bind", TXT, 3, EDNS), "REFUSED rd ra; edns; ede 21 ".into()),
        (CHILD, query(RD, "porn.example", A, 255, NO_EDNS), "REFUSED rd ra".into()),
        (CHILD, query(RD, "www.example", A, 0, NO_EDNS), "REFUSED rd ra".into()),
        (CHILD, query(RD, "www.example", 252, 1, EDNS), "REFUSED rd ra; edns; ede 21 ".into()),
        (CHILD, query(RD, "porn.example", 252, 1, NO_EDNS), "REFUSED rd ra".into()),
        (CHILD, query(RD, "www.example", 251, 1, NO_EDNS), "REFUSED rd ra".into()),
        (CHILD, query(RD, "www.example", ANY, 1, NO_EDNS), "NOERROR rd ra; www.example. 300 IN HINFO RFC8482 ".into()),
        (CHILD, query(RD, "www.example", 0, 1, NO_EDNS), "FORMERR rd ra".into()),
        (CHILD, query(RD, "www.example", 41, 1, NO_EDNS), "FORMERR rd ra".into()),
        (CHILD, query(RD, "www.example", 250, 1, NO_EDNS), "FORMERR rd ra".into()),
        (CHILD, query(RD, "www.example", 249, 1, NO_EDNS), "NOTIMP rd ra".into()),
        (CHILD, query(RD, "www.example", 128, 1, NO_EDNS), "NOTIMP rd ra".into()),
        (CHILD, query(RD, "www.example", 254, 1, NO_EDNS), "NOTIMP rd ra".into()),
        (CHILD, query(0, "www.example", A, 1, EDNS), "REFUSED ra; edns; ede 20 ".into()),
        // Not questions
        (CHILD, query(RD, "www.example", A, 1, EDNS_1), "BADVERS rd ra; edns".into()),
        (CHILD, query(RD | 0x2000, "www.example", A, 1, EDNS), "NOTIMP rd ra no-question".into()),
        (CHILD, query(RD | 0x0200, "www.example", A, 1, EDNS), "FORMERR rd ra; edns".into()),
        (CHILD, [query(RD, "www.example", A, 1, EDNS), vec![0]].concat(), "FORMERR rd ra; edns".into()),
        (CHILD, query(RD, "www.example", A, 1, NO_EDNS)[..20].to_vec(), "FORMERR rd ra no-question".into()),
        (CHILD, query(RD | 0x8000, "www.example", A, 1, NO_EDNS), "silence".into()),
        (CHILD, b"\xab\xcd\x01\0\0\x01\0\0\0\0\0".to_vec(), "silence".into()),
    ];
    let snapshot = testing::snapshot(CONFIG);
    for (client, packet, expected) in &cases {
        for transport in [Transport::Datagram, Transport::Stream] {
            snapshot.resolver.flush(None);
            let reply = over(transport, &snapshot, client, packet).await;
            let told = reply.map_or("silence".into(), |reply| shown(packet, &reply));
            assert_eq!(told, *expected, "{client}, {transport:?}, {packet:02x?}");
        }
    }
    assert_eq!(cases.len(), 63);
}

/// Every name has a service binding with keys, which is said to be verified.
struct Services;

#[async_trait]
impl Upstream for Services {
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
        let binding = b"\0\x01\0\0\x01\0\x03\x02h2\0\x05\0\x02\xfe\x0d";
        Ok(testing::response(query, 0, true, &[(HTTPS, 60, binding)], &[]))
    }
}

#[tokio::test]
async fn keys_of_encrypted_hellos_go_where_the_profile_says_so() {
    let resolver = testing::resolver(Arc::new(Services));
    let snapshot = Snapshot { resolver, ..testing::snapshot(CONFIG) };
    let packet = query(RD, "wWw.example", HTTPS, 1, EDNS_DO);
    for (client, expected) in [
        (CHILD, "NOERROR rd ra ad; wWw.example. 60 IN HTTPS 1 . alpn=h2, ech=\"/g0=\"; edns do"),
        (STRUCTURED, "NOERROR rd ra; wWw.example. 60 IN HTTPS 1 . alpn=h2,; edns do"),
        // The cache holds what upstream says.
        (CHILD, "NOERROR rd ra ad; wWw.example. 60 IN HTTPS 1 . alpn=h2, ech=\"/g0=\"; edns do"),
        // The floor says so.
        (ON_REQUEST, "NOERROR rd ra; wWw.example. 60 IN HTTPS 1 . alpn=h2,; edns do"),
    ] {
        let reply = over_udp(&snapshot, client, &packet).await.unwrap();
        assert_eq!(shown(&packet, &reply), expected, "{client}");
    }
}

#[tokio::test]
async fn structured_errors() {
    const C: &str = r#""c":["mailto:a@b.example"]"#;
    let refused = |name: &str| format!("NOERROR rd ra; authority {name}. {SOA}; edns; ede");
    let null = |name: &str| format!("NOERROR rd ra; {name}. 30 IN A 0.0.0.0; edns; ede");
    let porn = r#""j":"pornographie","s":5,"o":"École","l":"fr"}"#;
    let ads = r#""j":"publicité","s":6,"o":"École","l":"fr"}"#;
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<u8>, String)> = vec![
        // Asked for, where the profile gives them; never "forged"
        (STRUCTURED, query(RD, "porn.example", A, 1, EDE), format!("{} 15 {{{C},{porn}", null("porn.example"))),
        (STRUCTURED, query(RD, "porn.example", HTTPS, 1, EDE), format!("{} 15 {{{C},{porn}", refused("porn.example"))),
        (STRUCTURED, query(RD, "ads.example", HTTPS, 1, EDE), format!("{} 15 {{{C},{ads}", refused("ads.example"))),
        (ON_REQUEST, query(RD, "mixed.example", A, 1, EDE), format!("{} 17 {{{C},\"o\":\"École\",\"l\":\"und\"}}", refused("mixed.example"))),
        // Not asked for
        (STRUCTURED, query(RD, "porn.example", A, 1, EDNS), format!("{} 4 pornographie", null("porn.example"))),
        (STRUCTURED, query(RD, "porn.example", A, 1, NO_EDNS), "NOERROR rd ra; porn.example. 30 IN A 0.0.0.0".into()),
        (ON_REQUEST, query(RD, "mixed.example", A, 1, EDNS), format!("{} 17 ", refused("mixed.example"))),
        // Another profile
        (NULL, query(RD, "porn.example", A, 1, EDE), format!("{} 4 porn · ut1-adult", null("porn.example"))),
        // What is not refused
        (STRUCTURED, query(RD, "www.example", A, 1, EDE), "NOERROR rd ra; www.example. 60 IN A 192.0.2.1; edns".into()),
        (STRUCTURED, query(RD, "down.example", A, 1, EDE), "SERVFAIL rd ra; edns; ede 22 ".into()),
    ];
    let snapshot = testing::snapshot(CONFIG);
    for (client, packet, expected) in &cases {
        for transport in [Transport::Datagram, Transport::Stream, Transport::Encrypted] {
            snapshot.resolver.flush(None);
            let reply = over(transport, &snapshot, client, packet).await.unwrap();
            assert_eq!(shown(packet, &reply), *expected, "{client}, {transport:?}, {packet:02x?}");
        }
    }
    assert_eq!(cases.len(), 10);
}

/// With less and less room: without justification and organisation, without text, and never TC.
#[tokio::test]
async fn structured_errors_make_room() {
    let organisation = format!("organisation = \"{}\"", "o".repeat(250));
    let uri = |length| format!("uris = [\"tel:{}\"]", "0".repeat(length));
    let whole = format!(
        "{{\"c\":[\"tel:{}\"],\"j\":\"pornographie\",\"s\":5,\"o\":\"{}\",\"l\":\"fr\"}}",
        "0".repeat(100),
        "o".repeat(250)
    );
    let short = |length| format!("{{\"c\":[\"tel:{}\"],\"s\":5}}", "0".repeat(length));
    let name = format!("{}.porn.example", "a".repeat(50));
    for (contacts, edns, expected) in [
        (100, EDE, whole.clone()),
        (100, EDE_512, short(100)),
        (400, EDE_512, String::new()),
        (1200, EDE, String::new()),
    ] {
        let config = CONFIG
            .replace("organisation = \"École\"", &organisation)
            .replace("uris = [\"mailto:a@b.example\"]", &uri(contacts));
        let packet = query(RD, &name, HTTPS, 1, edns);
        let reply = over_udp(&testing::snapshot(&config), STRUCTURED, &packet).await.unwrap();
        let told = format!("NOERROR rd ra; authority {name}. {SOA}; edns; ede 15 {expected}");
        assert_eq!(shown(&packet, &reply), told);
    }
}

#[tokio::test]
async fn a_structured_error_octet_by_octet() {
    let packet = query(RD, "pOrn.example", HTTPS, 1, EDE);
    let reply = over_udp(&testing::snapshot(CONFIG), STRUCTURED, &packet).await.unwrap();
    let text = r#"{"c":["mailto:a@b.example"],"j":"pornographie","s":5,"o":"École","l":"fr"}"#;
    let length = text.len() as u8;
    let expected = [
        b"\xab\xcd\x81\x80\0\x01\0\0\0\x01\0\x01".as_slice(),
        b"\x04pOrn\x07example\0\0\x41\0\x01",
        b"\xc0\x0c\0\x06\0\x01\0\0\0\x1e\0\x25",
        b"\x05preau\x07invalid\0\xc0\x2a",
        b"\0\0\0\x01\0\0\x0e\x10\0\0\x02\x58\0\x01\x51\x80\0\0\0\x1e",
        b"\0\0\x29\x04\xd0\0\0\0\0\0",
        &[length + 6],
        b"\0\x0f\0",
        &[length + 2],
        b"\0\x0f",
        text.as_bytes(),
    ];
    assert_eq!(reply, expected.concat());
}

/// How this server is reached over encrypted transports; nothing else is said of `resolver.arpa`.
#[tokio::test]
async fn designated_resolvers() {
    let mut snapshot = testing::snapshot(CONFIG);
    let designation = Designation {
        target: "dns.school.example".parse().unwrap(),
        endpoints: vec![Endpoint {
            alpn: designation::TLS,
            port: 853,
            hints: vec!["10.0.0.1".parse().unwrap()],
            doh_path: None,
        }],
    };
    let name = "_dns.resolver.arpa";
    snapshot.policy.local.insert_services(name.parse().unwrap(), designation.records());
    let soa = |name: &str| format!("NOERROR rd ra; authority {name}. 300 {}", negative(300));
    let cases = [
        (
            name,
            64,
            format!(
                "NOERROR rd ra; {name}. 300 IN SVCB 1 dns.school.example. alpn=dot, port=853 \
                 ipv4hint=10.0.0.1,"
            ),
        ),
        (name, HTTPS, soa(name)),
        ("resolver.arpa", 64, soa("resolver.arpa")),
        ("_dns.other.resolver.arpa", 64, soa("_dns.other.resolver.arpa")),
    ];
    for (name, record_type, expected) in cases {
        let packet = query(RD, name, record_type, 1, NO_EDNS);
        let reply = over_udp(&snapshot, CHILD, &packet).await.unwrap();
        assert_eq!(shown(&packet, &reply), expected, "{name} {record_type}");
    }
}

/// Our SOA behind its TTL.
fn negative(ttl: u32) -> String {
    format!("IN SOA preau.invalid. preau.invalid. 1 3600 600 86400 {ttl}")
}

#[tokio::test]
async fn a_refusal_octet_by_octet() {
    let packet = query(RD, "pOrn.example", A, 1, EDNS);
    let reply = over_udp(&testing::snapshot(CONFIG), CHILD, &packet).await.unwrap();
    let expected = [
        b"\xab\xcd\x81\x83\0\x01\0\0\0\x01\0\x01".as_slice(),
        b"\x04pOrn\x07example\0\0\x01\0\x01",
        b"\xc0\x0c\0\x06\0\x01\0\0\0\x1e\0\x25",
        b"\x05preau\x07invalid\0\xc0\x2a",
        b"\0\0\0\x01\0\0\x0e\x10\0\0\x02\x58\0\x01\x51\x80\0\0\0\x1e",
        b"\0\0\x29\x04\xd0\0\0\0\0\0\x17",
        b"\0\x0f\0\x13\0\x0f",
        "porn · ut1-adult".as_bytes(),
    ];
    assert_eq!(reply, expected.concat());
}

/// What does not fit a datagram comes back empty with TC, and whole over a stream.
#[tokio::test]
async fn truncation() {
    let snapshot = testing::snapshot(CONFIG);
    for (edns, expected) in [
        (NO_EDNS, "NOERROR tc rd ra"),
        (EDNS_512, "NOERROR tc rd ra; edns"),
        (EDNS, "NOERROR tc rd ra; edns"),
        (EDNS_DO, "NOERROR tc rd ra; edns do"),
    ] {
        let packet = query(RD, "big.example", TXT, 1, edns);
        let reply = over_udp(&snapshot, CHILD, &packet).await.unwrap();
        assert_eq!(shown(&packet, &reply), expected);
    }
    let packet = query(RD, "big.example", TXT, 1, EDNS);
    let reply = over(Transport::Stream, &snapshot, CHILD, &packet).await.unwrap();
    assert_eq!(Message::from_vec(&reply).unwrap().answers.len(), 12);
    assert!(!Message::from_vec(&reply).unwrap().metadata.truncation);
}

/// A stream has room for more than the buffer that most replies fit in.
#[tokio::test]
async fn a_name_of_many_addresses() {
    let mut snapshot = testing::snapshot(CONFIG);
    let addresses: Vec<IpAddr> = (0..200).map(|last| [10, 0, 0, last].into()).collect();
    snapshot.policy.local.insert(&"many.example".parse().unwrap(), &addresses);
    let packet = query(RD, "many.example", A, 1, EDNS);
    for (transport, expected) in
        [(Transport::Datagram, 0), (Transport::Stream, 200), (Transport::Encrypted, 200)]
    {
        let reply = over(transport, &snapshot, CHILD, &packet).await.unwrap();
        let message = Message::from_vec(&reply).unwrap();
        assert_eq!(message.answers.len(), expected, "{transport:?}");
        assert_eq!(message.metadata.truncation, expected == 0, "{transport:?}");
    }
}

/// What failed a moment ago is not asked again, and the client is told so beside the reason (RFC 8914
/// §4.14).
#[tokio::test]
async fn failures_from_the_cache() {
    let snapshot = testing::snapshot(CONFIG);
    for (name, reason) in [
        ("down.example", "ede 22 "),
        ("garbled.example", "ede 23 "),
        ("servfail.example", "ede 0 upstream answered SERVFAIL"),
    ] {
        let packet = query(RD, name, A, 1, EDNS);
        for expected in [
            format!("SERVFAIL rd ra; edns; {reason}"),
            format!("SERVFAIL rd ra; edns; {reason}; ede 13 "),
            format!("SERVFAIL rd ra; edns; {reason}; ede 13 "),
        ] {
            let reply = over_udp(&snapshot, CHILD, &packet).await.unwrap();
            assert_eq!(shown(&packet, &reply), expected);
        }
        let packet = query(RD, name, A, 1, NO_EDNS);
        let reply = over_udp(&snapshot, CHILD, &packet).await.unwrap();
        assert_eq!(shown(&packet, &reply), "SERVFAIL rd ra");
    }
}

/// A search engine whose safe hosts are gone: upstream is well, and the engine is not let through.
#[tokio::test]
async fn a_stand_in_that_is_gone() {
    struct Empty;

    #[async_trait]
    impl Upstream for Empty {
        async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
            Ok(testing::response(query, 3, false, &[], &[]))
        }
    }

    let mut snapshot = testing::snapshot(CONFIG);
    snapshot.resolver = testing::resolver(Arc::new(Empty));
    let packet = query(RD, "www.google.com", A, 1, EDNS);
    let reply = over_udp(&snapshot, STRUCTURED, &packet).await.unwrap();
    let expected = "SERVFAIL rd ra; edns; ede 0 no safe stand-in of this search engine exists";
    assert_eq!(shown(&packet, &reply), expected);
}

/// The longest names still get their whole refusal, without EDNS and with the smallest.
#[tokio::test]
async fn refusals_of_the_longest_names_fit() {
    let snapshot = testing::snapshot(CONFIG);
    let long =
        format!("{}.{}.porn.example", ["a".repeat(63).as_str(); 3].join("."), "b".repeat(48));
    assert_eq!(long.len(), 253);
    for (edns, ede) in [(NO_EDNS, ""), (EDNS_512, "; edns; ede 15 porn · ut1-adult")] {
        let packet = query(RD, &long, A, 1, edns);
        let reply = over_udp(&snapshot, CHILD, &packet).await.unwrap();
        assert!(reply.len() <= 512, "{}", reply.len());
        let expected = format!("NXDOMAIN rd ra; authority {long}. {SOA}{ede}");
        assert_eq!(shown(&packet, &reply), expected);
    }
}

/// What waited for upstream the first time does not the second time, and says the same.
#[tokio::test(start_paused = true)]
async fn what_the_cache_knows_is_answered_at_once() {
    let snapshot = testing::snapshot(CONFIG);
    let names =
        ["www", "alias", "nx", "mixed", "health.mixed", "big"].map(|n| format!("{n}.example"));
    let engines = ["www.google.com", "www.bing.com"].map(str::to_owned);
    let mut asked = 0;
    for (name, client) in
        names.iter().chain(&engines).flat_map(|name| [CHILD, NULL, STRUCTURED].map(|c| (name, c)))
    {
        for (record_type, edns) in
            [A, AAAA, TXT, HTTPS].into_iter().flat_map(|t| [NO_EDNS, EDNS, EDNS_DO].map(|e| (t, e)))
        {
            let packet = query(RD, name, record_type, 1, edns);
            let first = over_udp(&snapshot, client, &packet).await.unwrap();
            let group = snapshot.group_of(client.parse().unwrap());
            let mut buffer = [0; 4096];
            buffer[..packet.len()].copy_from_slice(&packet);
            let (transport, now) = (Transport::Datagram, Timestamp::now());
            match snapshot.answer_at_once(group, transport, now, &mut buffer, packet.len()) {
                Immediate::Reply(length) => assert_eq!(buffer[..length], first, "{name}"),
                other => panic!("{name} {record_type}: {other:?}"),
            }
            asked += 1;
        }
    }
    assert_eq!(asked, 8 * 3 * 4 * 3);
}

/// From the packet in the buffer to the reply in the buffer.
#[tokio::test]
async fn an_answer_at_once_allocates_nothing() {
    let service = Service::of_snapshot(testing::snapshot(CONFIG));
    drop(service.snapshot()); // arc-swap sets a thread up once
    #[rustfmt::skip]
    let cases = [
        ("refused", CHILD, query(RD, "wWw.porn.example", A, 1, NO_EDNS)),
        ("refused, EDE", CHILD, query(RD, "porn.example", HTTPS, 1, EDNS_DO)),
        ("refused, cookie", CHILD, query(RD, "ads.example", A, 1, COOKIE)),
        ("null", NULL, query(RD, "porn.example", AAAA, 1, EDNS)),
        ("closed", CLOSED, query(RD, "unknown.example", A, 1, EDNS)),
        ("structured", STRUCTURED, query(RD, "porn.example", A, 1, EDE)),
        ("nobody", NOBODY, query(RD, "www.example", A, 1, EDNS)),
        ("class", CHILD, query(RD, "www.example", A, 3, EDNS)),
        ("ANY", CHILD, query(RD, "www.example", ANY, 1, EDNS)),
        ("malformed", CHILD, query(RD | 0x0200, "www.example", A, 1, EDNS)),
        ("version", CHILD, query(RD, "www.example", A, 1, EDNS_1)),
        ("a response", CHILD, query(RD | 0x8000, "www.example", A, 1, EDNS)),
        ("cached", CHILD, query(RD, "www.example", A, 1, EDNS)),
        ("cached, alias", CHILD, query(RD, "Alias.example", A, 1, NO_EDNS)),
        ("cached denial", CHILD, query(RD, "nx.example", A, 1, EDNS_DO)),
        ("cached, no data", CHILD, query(RD, "www.example", HTTPS, 1, EDNS)),
        ("cached, truncated", CHILD, query(RD, "big.example", TXT, 1, EDNS_512)),
        ("cached stand-in", STRUCTURED, query(RD, "www.google.com", A, 1, EDNS)),
    ];
    for (what, client, packet) in cases {
        over_udp(&service.snapshot(), client, &packet).await; // now the cache knows
        let client = client.parse().unwrap();
        let mut buffer = [0; 4096];
        buffer[..packet.len()].copy_from_slice(&packet);
        let now = Timestamp::now();
        let mut immediate = Immediate::Silence;
        let allocations = testing::allocations(|| {
            let snapshot = service.snapshot();
            let group = snapshot.group_of(client);
            let datagram = Transport::Datagram;
            immediate = snapshot.answer_at_once(group, datagram, now, &mut buffer, packet.len());
        });
        assert_eq!(allocations, 0, "{what}");
        assert!(!matches!(immediate, Immediate::Resolve(_)), "{what}");
    }
}

/// Every name below `nx.example` is denied with it, verified; of `www.example` there are services.
struct Verified;

#[async_trait]
impl Upstream for Verified {
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
        match query.name.to_string().as_str() {
            "nx.example" => Ok(testing::response(query, 3, true, &[], &[testing::soa(60)])),
            _ => Services.lookup(query).await,
        }
    }
}

/// What takes an allocation is not answered at once; it is asked of the cache later, and counted then.
#[tokio::test]
async fn what_allocates_is_answered_later() {
    let resolver = testing::resolver(Arc::new(Verified));
    let snapshot = Snapshot { resolver, ..testing::snapshot(CONFIG) };
    let keys = query(RD, "www.example", HTTPS, 1, EDNS);
    #[rustfmt::skip]
    let cases = [
        ("below a denial", CHILD, query(RD, "nx.example", A, 1, EDNS), query(RD, "a.nx.example", A, 1, EDNS), false),
        ("keys removed", STRUCTURED, keys.clone(), keys.clone(), false),
        ("keys left", CHILD, keys.clone(), keys, true),
    ];
    for (what, client, first, packet, at_once) in cases {
        over_udp(&snapshot, client, &first).await;
        let hits = || snapshot.resolver.statistics().hits;
        let before = hits();
        let group = snapshot.group_of(client.parse().unwrap());
        let mut buffer = [0; 4096];
        buffer[..packet.len()].copy_from_slice(&packet);
        let (transport, now) = (Transport::Datagram, Timestamp::now());
        let mut immediate = Immediate::Silence;
        let allocations = testing::allocations(|| {
            immediate = snapshot.answer_at_once(group, transport, now, &mut buffer, packet.len());
        });
        assert_eq!(allocations, 0, "{what}");
        assert_eq!(matches!(immediate, Immediate::Reply(_)), at_once, "{what}");
        assert_eq!(hits() - before, u64::from(at_once), "{what}");
        over_udp(&snapshot, client, &packet).await;
        assert_eq!(hits() - before, 1 + u64::from(at_once), "{what}");
        assert_eq!(
            snapshot.resolver.statistics().misses,
            if what == "below a denial" { 1 } else { 2 }
        );
    }
}
