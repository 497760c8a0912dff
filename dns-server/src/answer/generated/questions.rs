//! Questions from a seed: every kind of name, type, flag and option, in any combination.

use std::net::{IpAddr, Ipv4Addr};

use filter_core::DomainName;

use crate::wire::question::Transport;

/// A query as a client writes it.
#[derive(Clone, Debug)]
pub(super) struct ClientQuery {
    pub(super) client: IpAddr,
    pub(super) transport: Transport,
    pub(super) id: u16,
    /// In the case that the client spells them in.
    pub(super) labels: Vec<Vec<u8>>,
    pub(super) record_type: u16,
    pub(super) class: u16,
    /// The second and third octet pair of the header, as the client sets it.
    pub(super) flags: u16,
    pub(super) edns: Option<ClientEdns>,
    pub(super) fault: Option<Fault>,
}

/// An OPT record (RFC 6891 §6.1).
#[derive(Clone, Debug)]
pub(super) struct ClientEdns {
    pub(super) udp_payload: u16,
    pub(super) version: u8,
    pub(super) dnssec_ok: bool,
    /// Codes and data.
    pub(super) options: Vec<(u16, Vec<u8>)>,
}

/// What keeps a packet from being a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// QR is set.
    Response,
    /// A NOTIFY.
    Opcode,
    /// QDCOUNT is 2.
    Count,
    /// TC is set.
    Truncated,
    /// An octet behind the message.
    Trailing,
}

pub(super) const RD: u16 = 0x0100;
pub(super) const AD: u16 = 0x0020;
pub(super) const CD: u16 = 0x0010;

/// Networks of groups are 10.0.N.0/24 for these N; nobody is in the one behind them.
pub(super) const GROUPS: u8 = 14;

/// Names that something is said of, by lists, by the configuration, or by what they are.
const KNOWN: [&str; 44] = [
    // Lists
    "porn.example",
    "mixed.example",
    "health.mixed.example",
    "ads.example",
    "below.example",
    "casino.example",
    "shop.example",
    "phishing.example",
    // The operator
    "forum.example",
    "open.porn.example",
    "lesson.porn.example",
    "ent.ecole.example",
    "printer.ecole.example",
    "9.0.0.10.in-addr.arpa",
    // Search engines, and what stands in for them
    "www.google.com",
    "www.google.fr",
    "forcesafesearch.google.com",
    "www.bing.com",
    "duckduckgo.com",
    "www.qwant.com",
    "www.qwantjunior.com",
    "yandex.com",
    "explicit.bing.net",
    "www.youtube.com",
    "restrict.youtube.com",
    // Special-use names, canaries
    "localhost",
    "contest.test",
    "printer.local",
    "a.onion",
    "invalid",
    "10.in-addr.arpa",
    "4.3.2.10.in-addr.arpa",
    "home.arpa",
    "resolver.arpa",
    "_dns.resolver.arpa",
    "use-application-dns.net",
    "mask.icloud.com",
    // Everything else
    "www.example",
    "wiki.example.org",
    "e7.example.net",
    "co.uk",
    "com",
    "d1.akamaiedge.net",
    "xn--cole-9oa.fr",
];

/// Types, those that are asked for all day more than once.
const TYPES: [u16; 48] = [
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, // A
    28, 28, 28, 28, 28, 28, // AAAA
    65, 65, 65, 65, // HTTPS
    64, 16, 16, 15, 12, 2, 5, 6, 33, 43, 48,
    255, // SVCB TXT MX PTR NS CNAME SOA SRV DS DNSKEY ANY
    0, 10, 29, 35, 41, 46, 47, 99, 128, 249, 252, 1000, 65_280, 65_535,
];

impl ClientQuery {
    /// The query of a number in the set of a seed.
    pub(super) fn made(seed: u64, number: u64) -> Self {
        let random = &mut Random(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let edns = random.one_in(2).then(|| edns(random));
        let set = |random: &mut Random, flag, one_in| if random.one_in(one_in) { flag } else { 0 };
        // RD is rarely clear.
        let flags = RD ^ set(random, RD, 20)
            | set(random, AD, 4)
            | set(random, CD, 8)
            | set(random, 0x0040, 8); // Z
        Self {
            client: IpAddr::V4(Ipv4Addr::new(
                10,
                0,
                random.below(usize::from(GROUPS) + 1) as u8,
                1,
            )),
            transport: match random.below(10) {
                0 => Transport::Stream,
                1 => Transport::Encrypted,
                _ => Transport::Datagram,
            },
            id: random.next() as u16,
            labels: labels(random),
            record_type: *random.any(&TYPES),
            class: if random.one_in(25) { *random.any(&[0, 3, 254, 255]) } else { 1 },
            flags,
            edns,
            fault: random.one_in(40).then(|| {
                use Fault::{Count, Opcode, Response, Trailing, Truncated};
                *random.any(&[Response, Opcode, Count, Truncated, Trailing])
            }),
        }
    }

    /// The octets.
    pub(super) fn packet(&self) -> Vec<u8> {
        let flags = match self.fault {
            Some(Fault::Response) => self.flags | 0x8000,
            Some(Fault::Opcode) => self.flags | 0x2000,
            Some(Fault::Truncated) => self.flags | 0x0200,
            _ => self.flags,
        };
        let questions = if self.fault == Some(Fault::Count) { 2 } else { 1 };
        let counts = [questions, 0, 0, u16::from(self.edns.is_some())];
        let mut packet: Vec<u8> =
            [self.id, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect();
        packet.extend(self.question());
        if let Some(edns) = &self.edns {
            packet.extend([0, 0, 41]);
            packet.extend(edns.udp_payload.to_be_bytes());
            packet.extend([0, edns.version, if edns.dnssec_ok { 0x80 } else { 0 }, 0]);
            let options = edns.options.iter().flat_map(|(code, data)| {
                [&code.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat()
            });
            let options: Vec<u8> = options.collect();
            packet.extend((options.len() as u16).to_be_bytes());
            packet.extend(options);
        }
        if self.fault == Some(Fault::Trailing) {
            packet.push(0);
        }
        packet
    }

    /// Name, type and class, as they stand in the packet.
    pub(super) fn question(&self) -> Vec<u8> {
        let mut question = wire(&self.labels);
        question.extend(self.record_type.to_be_bytes());
        question.extend(self.class.to_be_bytes());
        question
    }

    /// The name, in lower case.
    pub(super) fn name(&self) -> DomainName {
        DomainName::from_wire(&wire(&self.labels)).unwrap().0
    }

    pub(super) fn dnssec_ok(&self) -> bool {
        self.edns.as_ref().is_some_and(|edns| edns.dnssec_ok)
    }

    pub(super) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

fn wire(labels: &[Vec<u8>]) -> Vec<u8> {
    let octets = labels.iter().flat_map(|label| [&[label.len() as u8], &label[..]].concat());
    octets.chain([0]).collect()
}

fn labels(random: &mut Random) -> Vec<Vec<u8>> {
    let mut labels: Vec<Vec<u8>> = match random.below(12) {
        0 => Vec::new(),
        1 | 2 => vec![format!("site{}", random.below(500)).into(), b"example".to_vec()],
        _ => random.any(&KNOWN).split('.').map(|label| label.as_bytes().to_vec()).collect(),
    };
    match random.below(12) {
        0..=3 => {}
        4 => labels
            .insert(0, random.any::<&[u8]>(&[b"\0", b"a.b", b"\xc3\xa9", b" ", b"*"]).to_vec()),
        // As long as a name can be.
        5 => loop {
            let taken = wire(&labels).len();
            let left = (255 - taken).min(1 + 63);
            if left < 2 {
                break;
            }
            labels.insert(0, vec![b'l'; left - 1]);
        },
        _ => {
            for _ in 0..1 + random.below(2) {
                labels.insert(0, format!("w{}", random.below(40)).into());
            }
        }
    }
    if random.one_in(3) {
        for octet in labels.iter_mut().flatten() {
            if random.one_in(2) {
                octet.make_ascii_uppercase();
            }
        }
    }
    labels
}

fn edns(random: &mut Random) -> ClientEdns {
    let options: [(u16, &[u8]); 8] = [
        (3, b""),
        (8, b"\0\x01\x18\0\xc0\0\x02"),
        (10, b"abcdefgh"),
        (11, b""),
        (12, b"\0\0\0"),
        (15, b""),
        (15, b""),
        (15, b"\0\x0f"),
    ];
    let mut chosen = Vec::new();
    while random.one_in(2) {
        let (code, data) = *random.any(&options);
        chosen.push((code, data.to_vec()));
    }
    ClientEdns {
        udp_payload: *random.any(&[0, 511, 512, 600, 1231, 1232, 1400, 4096, 65_535]),
        version: u8::from(random.one_in(40)),
        dnssec_ok: random.one_in(3),
        options: chosen,
    }
}

/// The same numbers for the same seed, whatever the machine and the versions of crates (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn any<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
