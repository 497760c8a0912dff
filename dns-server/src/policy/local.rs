//! Names of the operator's own network, such as printers and the school portal.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ahash::HashMap;
use filter_core::DomainName;

/// Local records: a name's addresses, and an address's name. They are all that their names have: any
/// other type is NODATA, and nothing of them is asked of upstream.
#[derive(Clone, Debug, Default)]
pub struct LocalRecords {
    /// IPv4 addresses come first.
    names: HashMap<DomainName, Vec<IpAddr>>,
    /// Data of SVCB records.
    services: HashMap<DomainName, Vec<Vec<u8>>>,
    /// Names of the reverse tree (RFC 1035 §3.5, RFC 3596 §2.5).
    pointers: HashMap<DomainName, DomainName>,
}

/// What a local name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalRecord<'l> {
    /// A name with these addresses, IPv4 before IPv6.
    Host(&'l [IpAddr]),
    /// A name with SVCB records (RFC 9460), of which this is the data.
    Services(&'l [Vec<u8>]),
    /// An address in the reverse tree, with its name.
    Address(&'l DomainName),
}

impl LocalRecords {
    /// Adds a name's addresses; the first name of an address is what the address points back to.
    pub fn insert(&mut self, name: &DomainName, addresses: &[IpAddr]) {
        let known = self.names.entry(name.clone()).or_default();
        known.extend(addresses);
        known.sort_unstable();
        known.dedup();
        for &address in addresses {
            self.pointers.entry(reverse(address)).or_insert_with(|| name.clone());
        }
    }

    /// Adds a name's SVCB records.
    pub fn insert_services(&mut self, name: DomainName, records: Vec<Vec<u8>>) {
        self.services.insert(name, records);
    }

    /// What that very name has.
    pub fn find(&self, name: &DomainName) -> Option<LocalRecord<'_>> {
        if let Some(addresses) = self.names.get(name) {
            return Some(LocalRecord::Host(addresses));
        }
        if let Some(records) = self.services.get(name) {
            return Some(LocalRecord::Services(records));
        }
        self.pointers.get(name).map(LocalRecord::Address)
    }
}

/// The name of an address in the reverse tree.
pub fn reverse(address: IpAddr) -> DomainName {
    let text = match address {
        IpAddr::V4(address) => reverse_ipv4(address),
        IpAddr::V6(address) => reverse_ipv6(address),
    };
    text.parse().expect("at most 34 labels of at most four octets")
}

fn reverse_ipv4(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("{d}.{c}.{b}.{a}.in-addr.arpa")
}

fn reverse_ipv6(address: Ipv6Addr) -> String {
    let nibbles = address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
    nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverse_names() {
        let cases = [
            ("192.0.2.17", "17.2.0.192.in-addr.arpa"),
            (
                "2001:db8::567:89ab",
                "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            ),
        ];
        for (address, expected) in cases {
            assert_eq!(reverse(address.parse().unwrap()).to_string(), expected);
        }
    }

    #[test]
    fn names_and_their_addresses() {
        let name = |text: &str| text.parse::<DomainName>().unwrap();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut local = LocalRecords::default();
        let (printer, other) = (name("printer.ecole.example"), name("print.ecole.example"));
        local.insert(&printer, &[address("fd00::5"), address("10.0.0.5")]);
        local.insert(&other, &[address("10.0.0.5")]);
        let both = [address("10.0.0.5"), address("fd00::5")];
        assert_eq!(local.find(&printer), Some(LocalRecord::Host(&both)));
        assert_eq!(local.find(&other), Some(LocalRecord::Host(&both[..1])));
        assert_eq!(local.find(&reverse(both[0])), Some(LocalRecord::Address(&printer)));
        assert_eq!(local.find(&name("x.printer.ecole.example")), None);
        assert_eq!(local.find(&name("ecole.example")), None);
    }
}
