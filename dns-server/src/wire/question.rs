//! One query, read in place and strictly.

use filter_core::DomainName;

use super::{
    CLASS_IN, HEADER, Rcode, STREAM_PAYLOAD, UDP_PAYLOAD, UDP_PAYLOAD_PLAIN, edns_option, rr_type,
    structured, u16_at,
};

/// A well-formed query: one question, at most one OPT, nothing else that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name asked about, in lower case.
    pub name: DomainName,
    /// QTYPE.
    pub record_type: u16,
    /// QCLASS.
    pub class: u16,
    /// RD: the client wants an answer from elsewhere too.
    pub recursion_desired: bool,
    /// CD: the client verifies signatures itself, and wants what does not verify too.
    pub checking_disabled: bool,
    /// What a reply repeats.
    pub echo: Echo,
}

impl Question {
    /// True for class IN, the only one that has data here.
    pub fn is_internet(&self) -> bool {
        self.class == CLASS_IN
    }
}

/// The part of a query that its reply repeats, whatever the reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Octets of header and question; just the header when the question could not be read.
    pub length: usize,
    /// The client's OPT.
    pub edns: Option<Edns>,
}

/// The client's OPT pseudo-record (RFC 6891 §6.1). Of its options only what concerns the transport
/// and refusals is noted: cookies and client subnets are ignored, never echoed and never forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// Largest datagram that the client takes, in octets.
    pub udp_payload: u16,
    /// DO: the client understands DNSSEC records.
    pub dnssec_ok: bool,
    /// 0 is the only version there is.
    pub version: u8,
    /// The client pads what it sends, and expects the same (RFC 7830 §4).
    pub padding: bool,
    /// The client speaks of keeping its TCP connection (RFC 7828), which has no place elsewhere.
    pub tcp_keepalive: bool,
    /// The client shows people why they are refused something.
    pub structured_errors: bool,
}

/// How the packet came: it decides how long the answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram each way.
    Datagram,
    /// TCP.
    Stream,
    /// TLS, HTTPS or QUIC: as long as over TCP, and padded for clients that pad.
    Encrypted,
}

impl Echo {
    const HEADER_ONLY: Self = Self { length: HEADER, edns: None };

    /// Octets that a reply may take.
    pub fn limit(&self, transport: Transport) -> usize {
        let octets = match (transport, self.edns) {
            (Transport::Stream | Transport::Encrypted, _) => STREAM_PAYLOAD,
            (Transport::Datagram, None) => UDP_PAYLOAD_PLAIN,
            // Less than 512 counts as 512 (RFC 6891 §6.2.3).
            (Transport::Datagram, Some(edns)) => {
                edns.udp_payload.clamp(UDP_PAYLOAD_PLAIN, UDP_PAYLOAD)
            }
        };
        usize::from(octets)
    }
}

/// A packet that is not a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A response, or too short to be anything. Answering would let two servers, or a forged
    /// source, talk for ever.
    Silence,
    /// A query that gets an error.
    Error(Rcode, Echo),
}

/// Header bits (RFC 1035 §4.1.1): octet 2.
pub(super) const QR: u8 = 0x80;
pub(super) const OPCODE: u8 = 0x78;
pub(super) const TC: u8 = 0x02;
pub(super) const RD: u8 = 0x01;
/// Octet 3.
pub(super) const RA: u8 = 0x80;
pub(super) const AD: u8 = 0x20;
pub(super) const CD: u8 = 0x10;

/// Reads a query.
///
/// # Errors
/// [`Unreadable`], which says whether and how to answer it.
pub fn read(packet: &[u8]) -> Result<Question, Unreadable> {
    let Some(&[_, _, flags, ..]) = packet.first_chunk::<HEADER>() else {
        return Err(Unreadable::Silence);
    };
    if flags & QR != 0 {
        return Err(Unreadable::Silence);
    }
    let header_only = |rcode| Unreadable::Error(rcode, Echo::HEADER_ONLY);
    if flags & OPCODE != 0 {
        return Err(header_only(Rcode::NotImp));
    }
    let count = |index: usize| u16_at(packet, 4 + 2 * index).unwrap_or_default();
    let [questions, answers, authorities, additionals] = [0, 1, 2, 3].map(count);
    if questions != 1 {
        return Err(header_only(Rcode::FormErr));
    }
    let (name, record_type, class, end) =
        read_question(packet).ok_or(header_only(Rcode::FormErr))?;

    let mut echo = Echo { length: end, edns: None };
    if answers != 0 || authorities != 0 {
        return Err(Unreadable::Error(Rcode::FormErr, echo));
    }
    let Some((edns, end)) = read_additionals(packet, end, additionals) else {
        return Err(Unreadable::Error(Rcode::FormErr, echo));
    };
    echo.edns = edns;
    if end != packet.len() || flags & TC != 0 {
        return Err(Unreadable::Error(Rcode::FormErr, echo));
    }
    if echo.edns.is_some_and(|edns| edns.version != 0) {
        return Err(Unreadable::Error(Rcode::BadVers, echo));
    }
    let recursion_desired = flags & RD != 0;
    let checking_disabled = packet[3] & CD != 0;
    Ok(Question { name, record_type, class, recursion_desired, checking_disabled, echo })
}

/// Name, type, class, and where the question ends.
fn read_question(packet: &[u8]) -> Option<(DomainName, u16, u16, usize)> {
    let (name, length) = DomainName::from_wire(packet.get(HEADER..)?).ok()?;
    let end = HEADER + length;
    Some((name, u16_at(packet, end)?, u16_at(packet, end + 2)?, end + 4))
}

/// Walks the additional section from `at`: the OPT, and where the section ends. Other records (a
/// TSIG, say) are stepped over.
fn read_additionals(packet: &[u8], at: usize, count: u16) -> Option<(Option<Edns>, usize)> {
    let (mut edns, mut end) = (None, at);
    for _ in 0..count {
        let owner = end;
        let at = skip_name(packet, owner)?;
        let record_type = u16_at(packet, at)?;
        let length = usize::from(u16_at(packet, at + 8)?);
        let data = packet.get(at + 10..at + 10 + length)?;
        end = at + 10 + length;
        if record_type != rr_type::OPT {
            continue;
        }
        // One at most, owned by the root (RFC 6891 §6.1.1, §6.1.2).
        if edns.is_some() || packet[owner] != 0 {
            return None;
        }
        let mut opt = Edns {
            udp_payload: u16_at(packet, at + 2)?,
            version: packet[at + 5],
            dnssec_ok: packet[at + 6] & 0x80 != 0,
            padding: false,
            tcp_keepalive: false,
            structured_errors: false,
        };
        read_options(data, &mut opt)?;
        edns = Some(opt);
    }
    Some((edns, end))
}

/// The octet after the name at `at`, which a pointer may end.
pub(super) fn skip_name(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *packet.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            192.. => return packet.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
    }
}

/// Notes the options of OPT data (RFC 6891 §6.1.2); `None` unless they are whole.
fn read_options(mut data: &[u8], opt: &mut Edns) -> Option<()> {
    while !data.is_empty() {
        let length = usize::from(u16_at(data, 2)?);
        match u16_at(data, 0)? {
            edns_option::PADDING => opt.padding = true,
            edns_option::TCP_KEEPALIVE => opt.tcp_keepalive = true,
            structured::REQUEST if length == 0 => opt.structured_errors = true,
            _ => {}
        }
        data = data.get(4 + length..)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &[u8] = b"\x07example\x03com\0\0\x01\0\x01";
    const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
    const A: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\xc0\0\x02\x01";
    const TSIG: &[u8] =
        b"\x03key\0\0\xfa\0\xff\0\0\0\0\0\x11\0\0\0\0\0\0\x01\x01\x2c\0\0\xab\xcd\0\0\0\0";

    /// Flags, the four counts, and what follows the header.
    fn packet(flags: u16, counts: [u16; 4], parts: &[&[u8]]) -> Vec<u8> {
        let mut packet = 0xabcd_u16.to_be_bytes().to_vec();
        packet.extend(flags.to_be_bytes());
        packet.extend(counts.into_iter().flat_map(u16::to_be_bytes));
        packet.extend(parts.concat());
        packet
    }

    /// `name type class flags`, then the client's EDNS; or the error and how many octets come back.
    fn shown(packet: &[u8]) -> String {
        let edns = |echo: Echo| match echo.edns {
            Some(edns) => {
                let flags = [(edns.dnssec_ok, "+do"), (edns.padding, "+padding")]
                    .into_iter()
                    .chain([(edns.tcp_keepalive, "+keepalive")])
                    .chain([(edns.structured_errors, "+structured")])
                    .map(|(set, flag)| if set { flag } else { "" })
                    .collect::<String>();
                format!(" edns{}:{}{flags}", edns.version, edns.udp_payload)
            }
            None => String::new(),
        };
        match read(packet) {
            Ok(question) => {
                let Question { name, record_type, class, echo, .. } = question;
                let rd = if question.recursion_desired { " rd" } else { "" };
                let cd = if question.checking_disabled { " cd" } else { "" };
                assert!(echo.length <= packet.len());
                format!("{name} {record_type} {class}{rd}{cd}{}", edns(echo))
            }
            Err(Unreadable::Silence) => "silence".into(),
            Err(Unreadable::Error(rcode, echo)) => {
                format!("{rcode:?} {}{}", echo.length, edns(echo))
            }
        }
    }

    #[test]
    fn packets() {
        const RD: u16 = 0x0100;
        let one = [1, 0, 0, 0];
        let with = |n| [1, 0, 0, n];
        let longest = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(3);
        let name_255 = [&longest[..], b"\x3d", &[b'a'; 61], b"\0\0\x01\0\x01"].concat();
        let name_256 = [&longest[..], b"\x3e", &[b'a'; 62], b"\0\0\x01\0\x01"].concat();
        let label_64 = [b"\x40".as_slice(), &[b'a'; 64], b"\0\0\x01\0\x01"].concat();
        let long = format!("{}.{}", ["a".repeat(63).as_str(); 3].join("."), "a".repeat(61));
        let option = |option: &[u8]| {
            let length = (option.len() as u16).to_be_bytes();
            [b"\0\0\x29\x04\xd0\0\0\0\0".as_slice(), &length, option].concat()
        };
        let opt = |field: &[u8]| [b"\0\0\x29".as_slice(), field, b"\0\0"].concat();
        #[rustfmt::skip]
        let cases: &[(&str, Vec<u8>, &str)] = &[
            // Questions
            ("plain", packet(RD, one, &[EXAMPLE]), "example.com 1 1 rd"),
            ("no RD", packet(0, one, &[EXAMPLE]), "example.com 1 1"),
            ("AD, CD, Z", packet(RD | 0x70, one, &[EXAMPLE]), "example.com 1 1 rd cd"),
            ("AD, Z", packet(RD | 0x60, one, &[EXAMPLE]), "example.com 1 1 rd"),
            ("mixed case", packet(RD, one, &[b"\x07eXAMPLe\x03Com\0\0\x1c\0\x01"]), "example.com 28 1 rd"),
            ("root", packet(RD, one, &[b"\0\0\x02\0\x01"]), ". 2 1 rd"),
            ("dot, NUL and é inside labels", packet(RD, one, &[b"\x03a.b\x01\0\x02\xc3\xa9\0\0\x01\0\x01"]), "a\\.b.\\000.\\195\\169 1 1 rd"),
            ("class CH", packet(RD, one, &[b"\x07version\x04bind\0\0\x10\0\x03"]), "version.bind 16 3 rd"),
            ("name of 255", packet(RD, one, &[&name_255]), &format!("{long} 1 1 rd")),
            // EDNS
            ("OPT", packet(RD, with(1), &[EXAMPLE, OPT]), "example.com 1 1 rd edns0:1232"),
            ("OPT, DO", packet(RD, with(1), &[EXAMPLE, &opt(b"\x10\0\0\0\x80\0")]), "example.com 1 1 rd edns0:4096+do"),
            ("OPT of size 0", packet(RD, with(1), &[EXAMPLE, &opt(b"\0\0\0\0\0\0")]), "example.com 1 1 rd edns0:0"),
            ("cookie", packet(RD, with(1), &[EXAMPLE, &option(b"\0\x0a\0\x08abcdefgh")]), "example.com 1 1 rd edns0:1232"),
            ("client subnet", packet(RD, with(1), &[EXAMPLE, &option(b"\0\x08\0\x07\0\x01\x18\0\xc0\0\x02")]), "example.com 1 1 rd edns0:1232"),
            ("client subnet of no family", packet(RD, with(1), &[EXAMPLE, &option(b"\0\x08\0\x07\0\x09\x18\0\xc0\0\x02")]), "example.com 1 1 rd edns0:1232"),
            ("padding", packet(RD, with(1), &[EXAMPLE, &option(b"\0\x0c\0\x03\0\0\0")]), "example.com 1 1 rd edns0:1232+padding"),
            ("no octet of padding", packet(RD, with(1), &[EXAMPLE, &option(b"\0\x0c\0\0")]), "example.com 1 1 rd edns0:1232+padding"),
            ("keepalive, padding", packet(RD, with(1), &[EXAMPLE, &option(b"\0\x0b\0\0\0\x0c\0\0")]), "example.com 1 1 rd edns0:1232+padding+keepalive"),
            ("empty extended error", packet(RD, with(1), &[EXAMPLE, &option(b"\0\x0f\0\0")]), "example.com 1 1 rd edns0:1232+structured"),
            ("extended error", packet(RD, with(1), &[EXAMPLE, &option(b"\0\x0f\0\x02\0\x0f")]), "example.com 1 1 rd edns0:1232"),
            ("padding, empty extended error", packet(RD, with(1), &[EXAMPLE, &option(b"\0\x0c\0\x01\0\0\x0f\0\0")]), "example.com 1 1 rd edns0:1232+padding+structured"),
            ("EDNS version 1", packet(RD, with(1), &[EXAMPLE, &opt(b"\x04\xd0\0\x01\0\0")]), "BadVers 29 edns1:1232"),
            ("two OPTs", packet(RD, with(2), &[EXAMPLE, OPT, OPT]), "FormErr 29"),
            ("OPT with an owner", packet(RD, with(1), &[EXAMPLE, b"\xc0\x0c", &OPT[1..]]), "FormErr 29"),
            ("half an option", packet(RD, with(1), &[EXAMPLE, &option(b"\0\x0a\0\x08abc")]), "FormErr 29"),
            ("half an OPT", packet(RD, with(1), &[EXAMPLE, &OPT[..6]]), "FormErr 29"),
            // Other additional records
            ("A before OPT", packet(RD, with(2), &[EXAMPLE, A, OPT]), "example.com 1 1 rd edns0:1232"),
            ("TSIG", packet(RD, with(2), &[EXAMPLE, OPT, TSIG]), "example.com 1 1 rd edns0:1232"),
            ("A of one octet", packet(RD, with(1), &[EXAMPLE, b"\0\0\x01\0\x01\0\0\0\0\0\x01\x05"]), "example.com 1 1 rd"),
            // Not ours to answer
            ("nothing", vec![], "silence"),
            ("11 octets", packet(RD, one, &[])[..11].to_vec(), "silence"),
            ("a response", packet(0x8180, one, &[EXAMPLE]), "silence"),
            ("a broken response", packet(0x8000, [7, 7, 7, 7], &[]), "silence"),
            // Malformed
            ("no question", packet(RD, [0; 4], &[]), "FormErr 12"),
            ("no question, but a cookie", packet(RD, [0, 0, 0, 1], &[&option(b"\0\x0a\0\x08abcdefgh")]), "FormErr 12"),
            ("two questions", packet(RD, [2, 0, 0, 0], &[EXAMPLE, EXAMPLE]), "FormErr 12"),
            ("65535 questions", packet(RD, [65535, 0, 0, 0], &[]), "FormErr 12"),
            ("an answer", packet(RD, [1, 1, 0, 0], &[EXAMPLE, A]), "FormErr 29"),
            ("an authority", packet(RD, [1, 0, 1, 0], &[EXAMPLE, A]), "FormErr 29"),
            ("TC", packet(RD | 0x0200, with(1), &[EXAMPLE, OPT]), "FormErr 29 edns0:1232"),
            ("pointer in the question", packet(RD, one, &[b"\xc0\x0c\0\x01\0\x01"]), "FormErr 12"),
            ("pointer to offset 0", packet(RD, one, &[b"\xc0\0\0\x01\0\x01"]), "FormErr 12"),
            ("pointer after a label", packet(RD, one, &[b"\x01a\xc0\x0c\0\x01\0\x01"]), "FormErr 12"),
            ("trailing octet", packet(RD, one, &[EXAMPLE, b"\0"]), "FormErr 29"),
            ("trailing octet after OPT", packet(RD, with(1), &[EXAMPLE, OPT, b"\0"]), "FormErr 29 edns0:1232"),
            ("label of 64", packet(RD, one, &[&label_64]), "FormErr 12"),
            ("name of 256", packet(RD, one, &[&name_256]), "FormErr 12"),
            ("name without end", packet(RD, one, &[b"\x07example"]), "FormErr 12"),
            ("no type", packet(RD, one, &[b"\x07example\0"]), "FormErr 12"),
            ("half a class", packet(RD, one, &[b"\x07example\0\0\x01\0"]), "FormErr 12"),
            ("OPT announced, not sent", packet(RD, with(1), &[EXAMPLE]), "FormErr 29"),
            // Other operations
            ("IQUERY", packet(0x0800, [0; 4], &[]), "NotImp 12"),
            ("STATUS", packet(0x1000, one, &[EXAMPLE]), "NotImp 12"),
            ("NOTIFY", packet(0x2400, one, &[EXAMPLE]), "NotImp 12"),
            ("UPDATE", packet(0x2800, one, &[EXAMPLE]), "NotImp 12"),
            ("DSO", packet(0x3000, [0; 4], &[]), "NotImp 12"),
            ("broken UPDATE", packet(0x2800, [9, 9, 9, 9], &[EXAMPLE]), "NotImp 12"),
        ];
        for (what, packet, expected) in cases {
            assert_eq!(shown(packet), *expected, "{what}");
        }
    }

    #[test]
    fn limits() {
        let edns = |udp_payload| {
            Some(Edns {
                udp_payload,
                dnssec_ok: false,
                version: 0,
                padding: false,
                tcp_keepalive: false,
                structured_errors: false,
            })
        };
        let limit = |edns, transport| Echo { length: 29, edns }.limit(transport);
        let cases = [
            (None, 512),
            (edns(0), 512),
            (edns(900), 900),
            (edns(1232), 1232),
            (edns(65535), 1232),
        ];
        for (edns, expected) in cases {
            assert_eq!(limit(edns, Transport::Datagram), expected, "{edns:?}");
            assert_eq!(limit(edns, Transport::Stream), 65535);
            assert_eq!(limit(edns, Transport::Encrypted), 65535);
        }
    }

    /// The packet that says no more than the question.
    fn written(question: &Question) -> Vec<u8> {
        let set = |flag, when| if when { flag } else { 0 };
        let flags = [set(RD, question.recursion_desired), set(CD, question.checking_disabled)];
        let flags = u16::from_be_bytes(flags);
        let class = [question.record_type, question.class].map(u16::to_be_bytes).concat();
        let opt = question.echo.edns.map(|edns| {
            let size = edns.udp_payload.to_be_bytes();
            let flags = if edns.dnssec_ok { 0x80 } else { 0 };
            let padding: &[u8] = if edns.padding { b"\0\x0c\0\0" } else { b"" };
            let keepalive: &[u8] = if edns.tcp_keepalive { b"\0\x0b\0\0" } else { b"" };
            let structured: &[u8] = if edns.structured_errors { b"\0\x0f\0\0" } else { b"" };
            let length = (padding.len() + keepalive.len() + structured.len()) as u8;
            let fixed = [0, edns.version, flags, 0, 0, length];
            [b"\0\0\x29".as_slice(), &size, &fixed, padding, keepalive, structured].concat()
        });
        let counts = [1, 0, 0, u16::from(opt.is_some())];
        packet(flags, counts, &[question.name.as_wire(), &class, &opt.unwrap_or_default()])
    }

    /// Octets that are often nearly a query.
    fn nearly_a_query() -> impl Strategy<Value = Vec<u8>> {
        let parts: Vec<&[u8]> =
            vec![EXAMPLE, OPT, A, TSIG, b"\x01a", b"\0", b"\xc0\x0c", b"\x29\0\x08"];
        let body = prop::collection::vec(prop::sample::select(parts), 0..5);
        let counts = [0u16..3, 0..2, 0..2, 0..3];
        let flip = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
        (prop::sample::select(vec![0u16, 0x0100, 0x0120, 0x2800, 0x8100]), counts, body, flip)
            .prop_map(|(flags, counts, body, flips)| {
                let mut packet = packet(flags, counts, &body);
                for (at, value) in flips {
                    let at = at.index(packet.len());
                    packet[at] = value;
                }
                packet
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn no_octets_panic(packet in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&packet);
        }

        #[test]
        fn what_is_read_reads_the_same_again(packet in nearly_a_query()) {
            if let Ok(question) = read(&packet) {
                prop_assert_eq!(read(&written(&question)), Ok(question));
            }
        }
    }
}
