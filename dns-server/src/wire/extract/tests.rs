//! Messages by hand, and any octets at all; what is written is read back by hickory's decoder.

use hickory_resolver::proto::op::Message;
use proptest::prelude::*;

use super::*;

/// A message about `www.example`, type by type, section by section.
pub(super) struct Built {
    octets: Vec<u8>,
}

const A: u16 = 1;
const AAAA: u16 = 28;
const TXT: u16 = 16;

impl Built {
    pub(super) fn new(record_type: u16, rcode: u8) -> Self {
        let mut octets = vec![0xab, 0xcd, 0x84, 0xa0 | rcode, 0, 1, 0, 0, 0, 0, 0, 0];
        // As it was asked, in any case.
        octets.extend(b"\x03wWw\x07eXample\0");
        octets.extend(record_type.to_be_bytes());
        octets.extend([0, 1]);
        Self { octets }
    }

    /// A record of section 0 to 2.
    pub(super) fn with(
        mut self,
        section: usize,
        owner: &[u8],
        record_type: u16,
        ttl: u32,
        data: &[u8],
    ) -> Self {
        let count = 6 + 2 * section;
        self.octets[count + 1] += 1;
        self.octets.extend(owner);
        self.octets.extend(record_type.to_be_bytes());
        self.octets.extend([0, 1]);
        self.octets.extend(ttl.to_be_bytes());
        self.octets.extend((data.len() as u16).to_be_bytes());
        self.octets.extend(data);
        self
    }

    pub(super) fn read(&self, record_type: u16, dnssec_ok: bool) -> Result<Response, Unusable> {
        Response::read(&self.octets, &"www.example".parse().unwrap(), record_type, dnssec_ok)
    }
}

/// Records, then what is known of them.
fn shown(response: &Response) -> String {
    let message = Message::from_vec(response.octets()).unwrap();
    let mut lines = Vec::new();
    for (section, records) in [("", &message.answers), ("authority ", &message.authorities)] {
        lines.extend(records.iter().map(|record| format!("{section}{record}")));
    }
    assert!(message.additionals.is_empty() && message.edns.is_none());
    let mut note = |what: &str, items: Vec<String>| {
        if !items.is_empty() {
            lines.push(format!("{what}: {}", items.join(" ")));
        }
    };
    note("aliases", response.aliases().map(|name| name.to_string()).collect());
    note("targets", response.targets().map(|name| name.to_string()).collect());
    note("addresses", response.addresses().iter().map(ToString::to_string).collect());
    note("hints", response.hints().iter().map(ToString::to_string).collect());
    lines.push(format!("lifetime {:?}", response.lifetime()));
    lines.join("; ")
}

pub(super) const SOA: &[u8] = b"\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x3c";
/// Of `www.example`, `example`, and `a.example`.
pub(super) const WWW: &[u8] = b"\xc0\x0c";
const EXAMPLE: &[u8] = b"\xc0\x10";
const OTHER: &[u8] = b"\x01a\xc0\x10";

#[test]
fn answers() {
    let rrsig =
        |covered: u8| [&[0, covered, 8, 2], &[0; 14][..], b"\x07example\0", &[1, 2, 3]].concat();
    let svcb = |target: &[u8]| {
        [b"\0\x01".as_slice(), target, b"\0\x04\0\x08\xc0\0\x02\x01\xc0\0\x02\x02"].concat()
    };
    #[rustfmt::skip]
    let cases: Vec<(&str, u16, bool, Built, &str)> = vec![
        ("an address", A, false, Built::new(A, 0).with(0, WWW, A, 300, &[192, 0, 2, 1]),
            "www.example. 300 IN A 192.0.2.1; addresses: 192.0.2.1; lifetime Some(300)"),
        ("owners in any case, out of order, and others'", A, false,
            Built::new(A, 0).with(0, b"\x04HOST\xc0\x10", A, 60, &[192, 0, 2, 1]).with(0, OTHER, A, 9, &[203, 0, 113, 66]).with(0, WWW, 5, 300, b"\x04Host\xc0\x10").with(1, EXAMPLE, 2, 7, b"\x02ns\xc0\x10").with(2, OTHER, A, 9, &[203, 0, 113, 66]),
            "www.example. 300 IN CNAME Host.example.; host.example. 60 IN A 192.0.2.1; aliases: host.example; addresses: 192.0.2.1; lifetime Some(60)"),
        ("an alias whose target has no data", AAAA, false,
            Built::new(AAAA, 0).with(0, WWW, 5, 300, b"\x04host\xc0\x10").with(1, EXAMPLE, 6, 3600, SOA),
            "www.example. 300 IN CNAME host.example.; authority example. 60 IN SOA . . 1 2 3 4 60; aliases: host.example; lifetime Some(60)"),
        ("an alias whose target does not exist", A, false,
            Built::new(A, 3).with(0, WWW, 5, 30, b"\x04host\xc0\x10").with(1, EXAMPLE, 6, 3600, SOA),
            "www.example. 30 IN CNAME host.example.; authority example. 60 IN SOA . . 1 2 3 4 60; aliases: host.example; lifetime Some(30)"),
        ("the alias itself", 5, false, Built::new(5, 0).with(0, WWW, 5, 300, b"\x04host\xc0\x10"),
            "www.example. 300 IN CNAME host.example.; lifetime Some(300)"),
        ("an alias of everything", A, false,
            Built::new(A, 0).with(0, EXAMPLE, 39, 300, b"\x03net\0").with(0, WWW, 5, 300, b"\x03wWw\x03net\0").with(0, b"\x03www\x03net\0", A, 60, &[192, 0, 2, 1]),
            "example. 300 IN DNAME A25ldAA=; www.example. 300 IN CNAME www.net.; www.net. 60 IN A 192.0.2.1; aliases: www.net; addresses: 192.0.2.1; lifetime Some(60)"),
        ("no data", A, false, Built::new(A, 0).with(1, EXAMPLE, 6, 3600, SOA),
            "authority example. 60 IN SOA . . 1 2 3 4 60; lifetime Some(60)"),
        ("no data, and no SOA", A, false, Built::new(A, 0), "lifetime None"),
        ("the SOA of another zone", A, false, Built::new(A, 3).with(1, b"\x03net\0", 6, 3600, SOA), "lifetime None"),
        ("signatures that nobody asked for", A, false,
            Built::new(A, 0).with(0, WWW, A, 300, &[192, 0, 2, 1]).with(0, WWW, 46, 20, &rrsig(1)),
            "www.example. 300 IN A 192.0.2.1; addresses: 192.0.2.1; lifetime Some(300)"),
        ("HTTPS", 65, false, Built::new(65, 0).with(0, WWW, 65, 300, &svcb(b"\0")).with(0, WWW, 65, 300, &svcb(b"\x03svc\x03net\0")),
            "www.example. 300 IN HTTPS 1 . ipv4hint=192.0.2.1,192.0.2.2; www.example. 300 IN HTTPS 1 svc.net. ipv4hint=192.0.2.1,192.0.2.2; targets: svc.net; hints: 192.0.2.1 192.0.2.2 192.0.2.1 192.0.2.2; lifetime Some(300)"),
        ("a TTL of 68 years and more", A, false, Built::new(A, 0).with(0, WWW, A, 1 << 31, &[192, 0, 2, 1]),
            "www.example. 0 IN A 192.0.2.1; addresses: 192.0.2.1; lifetime Some(0)"),
        ("a failure", A, false, Built::new(A, 2).with(0, WWW, A, 300, &[192, 0, 2, 1]), "lifetime None"),
    ];
    for (what, record_type, dnssec_ok, built, expected) in &cases {
        let response = built.read(*record_type, *dnssec_ok).unwrap();
        let got = shown(&response)
            .replace(" .,", " ")
            .replace("=192.0.2.1,192.0.2.2,", "=192.0.2.1,192.0.2.2");
        assert_eq!(got, *expected, "{what}");
        assert!(response.octets()[12..].starts_with(b"\x03www\x07example\0"), "{what}");
    }
    assert_eq!(cases.len(), 13);

    // With DO, signatures and proofs stay; name servers never.
    let built = Built::new(A, 0)
        .with(0, WWW, A, 300, &[192, 0, 2, 1])
        .with(0, WWW, 46, 20, &rrsig(1))
        .with(0, OTHER, 46, 20, &rrsig(1))
        .with(1, OTHER, 47, 10, b"\x01b\x07example\0\0\x01\x40")
        .with(1, OTHER, 46, 15, &rrsig(47))
        .with(1, EXAMPLE, 2, 5, b"\x02ns\xc0\x10")
        .with(1, EXAMPLE, 46, 5, &rrsig(2));
    let response = built.read(A, true).unwrap();
    assert_eq!((response.octets()[7], response.octets()[9]), (2, 2));
    assert_eq!(response.lifetime(), Some(10));
    assert_eq!(response.ttl_offsets().count(), 4);
}

#[test]
fn what_is_not_an_answer() {
    let good = || Built::new(A, 0).with(0, WWW, A, 300, &[192, 0, 2, 1]);
    let changed = |at: usize, octet: u8| {
        let mut built = good();
        built.octets[at] = octet;
        built
    };
    let shorter = |by: usize| {
        let mut built = good();
        built.octets.truncate(built.octets.len() - by);
        built
    };
    let alias = |built: Built, owner: &[u8], target: &[u8]| built.with(0, owner, 5, 60, target);
    let long = (0..17_u8).fold(Built::new(A, 0), |built, number| {
        let owner = if number == 0 { WWW.to_vec() } else { vec![1, b'a' + number, 0] };
        alias(built, &owner, &[1, b'a' + number + 1, 0])
    });
    let unusable = [
        (changed(2, 0x04), Unusable::NotAResponse),
        (changed(2, 0xa4), Unusable::NotAResponse),
        (changed(2, 0x86), Unusable::Truncated),
        (changed(5, 0), Unusable::OtherQuestion),
        (changed(5, 2), Unusable::OtherQuestion),
        (changed(13, b'v'), Unusable::OtherQuestion),
        (changed(26, 28), Unusable::OtherQuestion),
        (changed(28, 3), Unusable::OtherQuestion),
        (changed(7, 2), Unusable::Malformed),
        (changed(30, 0x1d), Unusable::Malformed),
        (changed(30, 0x02), Unusable::Malformed),
        (shorter(1), Unusable::Malformed),
        (Built::new(A, 0).with(0, WWW, A, 300, &[192, 0, 2]), Unusable::Malformed),
        (Built::new(A, 0).with(0, WWW, 5, 300, b"\x01a"), Unusable::Malformed),
        (Built::new(A, 0).with(0, WWW, 5, 300, b"\x01a\0\0"), Unusable::Malformed),
        (alias(Built::new(A, 0), WWW, WWW), Unusable::AliasLoop),
        (alias(alias(Built::new(A, 0), WWW, OTHER), OTHER, WWW), Unusable::AliasLoop),
        (long, Unusable::AliasLoop),
    ];
    for (number, (built, expected)) in unusable.iter().enumerate() {
        assert_eq!(built.read(A, false), Err(*expected), "{number}");
    }
    assert!(good().read(A, false).is_ok());
    assert_eq!(
        Response::read(&[0; 11], &"www.example".parse().unwrap(), A, false),
        Err(Unusable::NotAResponse)
    );
}

/// Names in data come uncompressed from anyone, compressed from some, and leave as RFC 3597 wants.
#[test]
fn names_in_data() {
    let cases: [(u16, &[u8], &[u8]); 5] = [
        (15, b"\0\x0a\x04mail\xc0\x10", b"\0\x0a\x04mail\xc0\x10"),
        (2, b"\x02ns\x07example\0", b"\x02ns\xc0\x10"),
        (33, b"\0\x01\0\x02\0\x03\x03sip\xc0\x10", b"\0\x01\0\x02\0\x03\x03sip\x07example\0"),
        (12, b"\x04Host\x07Example\0", b"\x04Host\x07Example\0"),
        (TXT, b"\x02\xc0\x10", b"\x02\xc0\x10"),
    ];
    for (record_type, data, expected) in cases {
        let built = Built::new(record_type, 0).with(0, WWW, record_type, 300, data);
        let response = built.read(record_type, false).unwrap();
        assert!(response.octets().ends_with(expected), "{record_type} {:02x?}", response.octets());
    }
}

#[test]
fn extended_errors_of_upstream() {
    let option = |code: u16, text: &[u8]| {
        let mut option = vec![0, 15];
        option.extend((text.len() as u16 + 2).to_be_bytes());
        option.extend(code.to_be_bytes());
        option.extend(text);
        option
    };
    let options = [
        option(6, b"bogus"),
        vec![0, 10, 0, 2, 1, 2],
        option(22, b"\xff"),
        option(3, &[b'x'; 300]),
        option(4, b""),
    ];
    // The upper bits of BADVERS.
    let built = Built::new(A, 0).with(2, b"\0", 41, 0x0100_0000, &options.concat());
    let response = built.read(A, false).unwrap();
    let errors: Vec<_> = response.errors().iter().map(|e| (e.code.0, &*e.text)).collect();
    assert_eq!(errors, [(6, "bogus"), (22, ""), (3, "")]);
    assert_eq!(response.rcode(), 16);
    let half = Built::new(A, 0).with(2, b"\0", 41, 0, &[0, 15, 0, 9, 1]);
    assert_eq!(half.read(A, false), Err(Unusable::Malformed));
}

proptest! {
    /// Any octets behind a good question; what is taken is a message, and is taken again as it is.
    #[test]
    fn any_octets(
        counts in prop::array::uniform3(0..4_u8),
        rest in prop::collection::vec(
            prop_oneof![
                any::<u8>().prop_map(|octet| vec![octet]),
                Just(WWW.to_vec()), Just(EXAMPLE.to_vec()),
                Just(vec![0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]),
                Just(vec![0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, b'a', 0xc0, 0x10]),
                Just(vec![0, 65, 0, 1, 0, 0, 0, 9]), Just(vec![0, 6, 0, 1, 0, 0, 0, 9, 0, 22]),
                Just(SOA.to_vec()),
            ],
            0..12,
        ),
        record_type in prop_oneof![Just(A), Just(65), Just(6), any::<u16>()],
        dnssec_ok: bool,
    ) {
        let mut built = Built::new(record_type, 0);
        for (section, count) in counts.into_iter().enumerate() {
            built.octets[7 + 2 * section] = count;
        }
        built.octets.extend(rest.concat());
        if let Ok(response) = built.read(record_type, dnssec_ok) {
            let name: DomainName = "www.example".parse().unwrap();
            let again = Response::read(response.octets(), &name, record_type, dnssec_ok);
            let again = again.expect("what was written can be read");
            prop_assert_eq!(again.octets(), response.octets());
            prop_assert!(again.lifetime() <= response.lifetime());
            for offset in response.ttl_offsets() {
                prop_assert!(offset + 4 <= response.octets().len());
            }
            let longer = "a.www.example".parse().unwrap();
            if let Some(denial) = response.denial_of(&longer, 28) {
                prop_assert!(Response::read(denial.octets(), &longer, 28, true).is_ok());
            }
        }
    }

    #[test]
    fn any_octets_at_all(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Response::read(&octets, &"www.example".parse().unwrap(), A, true);
    }
}
