//! How a client that asks in the clear finds the encrypted transports (RFC 9462): what the SVCB
//! records of `_dns.resolver.arpa` say (RFC 9461).

use std::net::IpAddr;

use filter_core::DomainName;

/// The encrypted transports of this server, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Designation {
    /// The name of this server, which its certificate is for.
    pub target: DomainName,
    /// What is spoken where.
    pub endpoints: Vec<Endpoint>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What is spoken, by its names in TLS (ALPN).
    pub alpn: &'static [&'static str],
    /// Its port.
    pub port: u16,
    /// Addresses of this server, so that nobody needs to ask for them.
    pub hints: Vec<IpAddr>,
    /// The path, for DNS over HTTPS.
    pub doh_path: Option<&'static str>,
}

/// DNS over QUIC (RFC 9250).
pub const QUIC: &[&str] = &["doq"];
/// DNS over TLS (RFC 7858).
pub const TLS: &[&str] = &["dot"];
/// DNS over HTTPS (RFC 8484).
pub const HTTPS: &[&str] = &["h2", "http/1.1"];

/// Where everyone asks over HTTPS.
pub const DOH_PATH: &str = "/dns-query";

/// Keys of service parameters (RFC 9460 §14.3.2, RFC 9461 §8), in the order that they must have.
const ALPN: u16 = 1;
const PORT: u16 = 3;
const IPV4_HINT: u16 = 4;
const IPV6_HINT: u16 = 6;
const PATH: u16 = 7;

impl Designation {
    /// The data of an SVCB record for each transport, without compression (RFC 9460 §2.2).
    pub fn records(&self) -> Vec<Vec<u8>> {
        let numbered = (1u16..).zip(&self.endpoints);
        numbered.map(|(priority, endpoint)| self.record(priority, endpoint)).collect()
    }

    fn record(&self, priority: u16, endpoint: &Endpoint) -> Vec<u8> {
        let mut data = priority.to_be_bytes().to_vec();
        data.extend(self.target.as_wire());
        let alpn = endpoint.alpn.iter().flat_map(|name| {
            [name.len() as u8].into_iter().chain(name.bytes()) // a few letters
        });
        parameter(&mut data, ALPN, alpn.collect());
        parameter(&mut data, PORT, endpoint.port.to_be_bytes().to_vec());
        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        for hint in &endpoint.hints {
            match hint {
                IpAddr::V4(address) => ipv4.extend(address.octets()),
                IpAddr::V6(address) => ipv6.extend(address.octets()),
            }
        }
        parameter(&mut data, IPV4_HINT, ipv4);
        parameter(&mut data, IPV6_HINT, ipv6);
        if let Some(path) = endpoint.doh_path {
            parameter(&mut data, PATH, format!("{path}{{?dns}}").into_bytes());
        }
        data
    }
}

/// Adds a parameter that has a value.
fn parameter(data: &mut Vec<u8>, key: u16, value: Vec<u8>) {
    if !value.is_empty() {
        data.extend(key.to_be_bytes());
        data.extend((value.len() as u16).to_be_bytes()); // a few dozen octets
        data.extend(value);
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::{
        op::Message,
        rr::{RData, Record, RecordType},
        serialize::binary::{BinDecodable as _, BinDecoder},
    };

    use super::*;
    use crate::wire::{
        Rcode,
        answer::{self, Body},
        question::{self, Transport},
    };

    /// As hickory's decoder reads it, which had no part in writing it.
    fn shown(data: &[u8]) -> String {
        let header = [0, 0, 64, 0, 1, 0, 0, 1, 44];
        let length = (data.len() as u16).to_be_bytes();
        let record = [&header[..], &length, data].concat();
        let record = Record::<RData>::read(&mut BinDecoder::new(&record)).unwrap();
        assert_eq!(record.record_type(), RecordType::SVCB);
        record.data.to_string()
    }

    #[test]
    fn records() {
        let hints = vec!["10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        let endpoint =
            |alpn, port, doh_path| Endpoint { alpn, port, hints: hints.clone(), doh_path };
        let designation = Designation {
            target: "dns.school.example".parse().unwrap(),
            endpoints: vec![
                endpoint(QUIC, 853, None),
                Endpoint { hints: Vec::new(), ..endpoint(TLS, 8853, None) },
                endpoint(HTTPS, 443, Some("/dns-query")),
            ],
        };
        let records = designation.records();
        let shown: Vec<_> = records.iter().map(|data| shown(data)).collect();
        let expected = [
            "1 dns.school.example. alpn=doq, port=853 ipv4hint=10.0.0.1, ipv6hint=2001:db8::1,",
            "2 dns.school.example. alpn=dot, port=8853",
            "3 dns.school.example. alpn=h2,http/1.1, port=443 ipv4hint=10.0.0.1, \
             ipv6hint=2001:db8::1, unknown7=\"/dns-query{?dns}\",",
        ];
        assert_eq!(shown, expected);

        // As a reply: each owned by the question's name.
        let query = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04_dns\x08resolver\x04arpa\0\0\x40\0\x01";
        let mut buffer = query.to_vec();
        buffer.resize(512, 0);
        let echo = question::read(query).unwrap().echo;
        let body = Body::Services { records: &records, ttl: 300 };
        let length =
            answer::write(&mut buffer, &echo, Transport::Datagram, Rcode::NoError, body, None);
        let reply = Message::from_vec(&buffer[..length]).unwrap();
        assert_eq!(reply.answers.len(), 3);
        assert!(reply.answers.iter().all(|record| record.name == reply.queries[0].name));
    }
}
