//! The PROXY protocol, version 2: who really asks, as a trusted balancer says before the first octet
//! (haproxy.org/download/3.0/doc/proxy-protocol.txt).
//!
//! dnsdist puts it before each datagram, and once before each connection; over TLS, outside of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// Octets before the addresses.
pub(super) const FIXED: usize = 16;
/// Octets of the addresses and of what may follow them; more is nonsense.
const REST: usize = 2048;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Who asks; absent: the balancer itself, to see whether we are there (LOCAL).
    pub(super) client: Option<IpAddr>,
    /// Octets of it.
    pub(super) length: usize,
}

/// Not a header of version 2, of a client over IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a header of the PROXY protocol, version 2")]
pub(super) struct Malformed;

/// Octets of a whole header, from its first [`FIXED`].
pub(super) fn length(fixed: &[u8; FIXED]) -> Result<usize, Malformed> {
    let rest = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    match fixed.starts_with(SIGNATURE) && rest <= REST {
        true => Ok(FIXED + rest),
        false => Err(Malformed),
    }
}

/// Reads the header that `octets` start with. What follows the addresses is passed over.
pub(super) fn read(octets: &[u8]) -> Result<Header, Malformed> {
    let fixed = octets.first_chunk().ok_or(Malformed)?;
    let length = length(fixed)?;
    let rest = octets.get(FIXED..length).ok_or(Malformed)?;
    let client = match (fixed[12], fixed[13]) {
        (LOCAL, _) => None,
        (PROXY, STREAM_IPV4 | DATAGRAM_IPV4) => {
            let (source, _) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
            rest.get(..IPV4_ADDRESSES).ok_or(Malformed)?;
            Some(Ipv4Addr::from(*source).into())
        }
        (PROXY, STREAM_IPV6 | DATAGRAM_IPV6) => {
            let (source, _) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
            rest.get(..IPV6_ADDRESSES).ok_or(Malformed)?;
            Some(Ipv6Addr::from(*source).to_canonical())
        }
        _ => return Err(Malformed),
    };
    Ok(Header { client, length })
}

/// Version and command.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// Address family, and what the client spoke to the balancer, which need not be what it speaks to
/// us.
const STREAM_IPV4: u8 = 0x11;
const DATAGRAM_IPV4: u8 = 0x12;
const STREAM_IPV6: u8 = 0x21;
const DATAGRAM_IPV6: u8 = 0x22;
/// Two addresses and two ports.
const IPV4_ADDRESSES: usize = 12;
const IPV6_ADDRESSES: usize = 36;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    const IPV4: &[u8] = &[10, 1, 2, 3, 192, 0, 2, 53, 0xd4, 0x31, 0, 53];

    #[test]
    fn headers() {
        let ipv6 = [&b"\x20\x01\x0d\xb8"[..], &[0; 11], &[7], &[0; 20]].concat();
        let mapped = [&[0; 10][..], &[0xff, 0xff, 10, 1, 2, 3], &[0; 20]].concat();
        let tlv = [IPV4, b"\x04\0\x01x"].concat();
        #[rustfmt::skip]
        let cases: &[(&str, Vec<u8>, &str)] = &[
            ("IPv4 over TCP", header(0x21, 0x11, IPV4), "10.1.2.3"),
            ("IPv4 over UDP", header(0x21, 0x12, IPV4), "10.1.2.3"),
            ("IPv6 over TCP", header(0x21, 0x21, &ipv6), "2001:db8::7"),
            ("IPv6 over UDP", header(0x21, 0x22, &ipv6), "2001:db8::7"),
            ("IPv4 within IPv6", header(0x21, 0x21, &mapped), "10.1.2.3"),
            ("more than addresses", header(0x21, 0x11, &tlv), "10.1.2.3"),
            ("LOCAL", header(0x20, 0, b""), "the balancer"),
            ("LOCAL with an address, which does not count", header(0x20, 0x11, IPV4), "the balancer"),
            ("no family", header(0x21, 0, b""), "malformed"),
            ("a path", header(0x21, 0x31, &[0; 216]), "malformed"),
            ("another command", header(0x22, 0x11, IPV4), "malformed"),
            ("version 1", b"PROXY TCP4 10.1.2.3 192.0.2.53 54321 53\r\n".to_vec(), "malformed"),
            ("version 3", header(0x31, 0x11, IPV4), "malformed"),
            ("too few addresses", header(0x21, 0x11, &IPV4[..11]), "malformed"),
            ("too few addresses for IPv6", header(0x21, 0x21, IPV4), "malformed"),
            ("cut short", header(0x21, 0x11, IPV4)[..20].to_vec(), "malformed"),
            ("too long", header(0x21, 0x11, &[0; 2049]), "malformed"),
            ("a query", b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01".to_vec(), "malformed"),
            ("nothing", vec![], "malformed"),
        ];
        for (what, octets, expected) in cases {
            let said = match read(octets) {
                Ok(Header { client: Some(client), .. }) => client.to_string(),
                Ok(Header { client: None, .. }) => "the balancer".into(),
                Err(Malformed) => "malformed".into(),
            };
            assert_eq!(said, *expected, "{what}");
            // What follows is not its own.
            if let Ok(header) = read(octets) {
                assert_eq!(read(&[octets, &b"a query"[..]].concat()), Ok(header), "{what}");
                assert_eq!(header.length, octets.len(), "{what}");
            }
        }
    }

    fn nearly_a_header() -> impl Strategy<Value = Vec<u8>> {
        let rest = prop::collection::vec(any::<u8>(), 0..60);
        let flips = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
        (0x20u8..0x23, 0u8..0x34, rest, flips).prop_map(|(command, family, rest, flips)| {
            let mut octets = header(command, family, &rest);
            for (at, value) in flips {
                let at = at.index(octets.len());
                octets[at] = value;
            }
            octets
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(read(&octets), Err(Malformed));
        }

        /// A client is believed only behind the exact signature, and is four or sixteen octets of
        /// those that the header counts.
        #[test]
        fn what_is_read_stands_there(octets in nearly_a_header()) {
            if let Ok(header) = read(&octets) {
                prop_assert!(octets.starts_with(SIGNATURE) && header.length <= octets.len());
                match header.client {
                    Some(IpAddr::V4(client)) => {
                        let rest = &octets[FIXED..header.length];
                        prop_assert!(rest.windows(4).any(|window| window == client.octets()));
                    }
                    Some(IpAddr::V6(client)) => prop_assert_eq!(&octets[16..32], &client.octets()),
                    None => prop_assert_eq!(octets[12], LOCAL),
                }
            }
        }
    }
}
