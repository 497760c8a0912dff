//! From a client's address to its group; nothing past this knows an address.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

/// A group of clients: its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupId(usize);

impl GroupId {
    /// The group at a place among the configuration's groups.
    pub(crate) const fn at(index: usize) -> Self {
        Self(index)
    }

    /// The group's place among the configuration's groups.
    pub fn index(self) -> usize {
        self.0
    }
}

/// The networks of every group.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    count: usize,
    ipv4: PrefixMap<Ipv4Net, GroupId>,
    ipv6: PrefixMap<Ipv6Net, GroupId>,
}

impl Groups {
    /// From each group's networks, in the configuration's order. A network must not stand twice.
    pub fn new<'n>(groups: impl IntoIterator<Item = &'n [IpNet]>) -> Self {
        let mut map = Self::default();
        for (index, networks) in groups.into_iter().enumerate() {
            let id = GroupId(index);
            map.count = index + 1;
            for network in networks {
                match *network {
                    IpNet::V4(network) => map.ipv4.insert(network, id),
                    IpNet::V6(network) => map.ipv6.insert(network, id),
                };
            }
        }
        map
    }

    /// Every group, in the configuration's order.
    pub fn ids(&self) -> impl Iterator<Item = GroupId> + use<> {
        (0..self.count).map(GroupId)
    }

    /// The group with the longest prefix of that address. An IPv4 address mapped into IPv6
    /// (RFC 4291 §2.5.5.2) is the IPv4 address.
    pub fn group_of(&self, address: IpAddr) -> Option<GroupId> {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                self.ipv4.get_lpm(&Ipv4Net::from(address)).map(|(_, &group)| group)
            }
            IpAddr::V6(address) => {
                self.ipv6.get_lpm(&Ipv6Net::from(address)).map(|(_, &group)| group)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn groups(networks: &[&[IpNet]]) -> Groups {
        Groups::new(networks.iter().copied())
    }

    #[test]
    fn longest_prefix_wins() {
        let nets =
            |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<IpNet>>();
        let school = nets(&["10.0.0.0/8", "2001:db8::/32"]);
        let staff = nets(&["10.1.2.0/24", "2001:db8:0:1::/64"]);
        let one = nets(&["10.1.2.3/32"]);
        let groups = groups(&[&school, &staff, &one]);
        let cases = [
            ("10.9.9.9", Some(0)),
            ("10.1.2.9", Some(1)),
            ("10.1.2.3", Some(2)),
            ("::ffff:10.1.2.3", Some(2)),
            ("11.0.0.1", None),
            ("2001:db8:ffff::1", Some(0)),
            ("2001:db8:0:1::1", Some(1)),
            ("2001:db9::1", None),
            ("::1", None),
            ("::ffff:11.0.0.1", None),
        ];
        assert!(groups.ids().eq([0, 1, 2].map(GroupId)));
        for (address, expected) in cases {
            let got = groups.group_of(address.parse().unwrap()).map(GroupId::index);
            assert_eq!(got, expected, "{address}");
        }
    }

    #[test]
    fn everyone() {
        let all = ["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
        let groups = groups(&[&all]);
        for address in ["0.0.0.0", "255.255.255.255", "::", "ffff::"] {
            assert_eq!(groups.group_of(address.parse().unwrap()), Some(GroupId(0)), "{address}");
        }
    }

    /// Obviously right: looks at every network.
    fn oracle(networks: &[IpNet], address: IpAddr) -> Option<usize> {
        (0..networks.len())
            .filter(|&index| networks[index].contains(&address.to_canonical()))
            .max_by_key(|&index| networks[index].prefix_len())
    }

    /// Few distinct addresses, so that prefixes nest.
    fn address() -> impl Strategy<Value = IpAddr> {
        let octets = || prop::sample::select(vec![0u8, 1, 2, 127, 128, 255]);
        prop_oneof![
            [octets(), octets(), octets(), octets()].prop_map(IpAddr::from),
            [octets(), octets(), octets()].prop_map(|[a, b, c]| {
                IpAddr::from([0x20, a, b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, c])
            }),
            [octets(), octets(), octets(), octets()]
                .prop_map(|octets| IpAddr::from(std::net::Ipv4Addr::from(octets).to_ipv6_mapped())),
        ]
    }

    fn network() -> impl Strategy<Value = IpNet> {
        (address(), 0u8..=128).prop_map(|(address, length)| {
            let address = address.to_canonical();
            let length = length.min(if address.is_ipv4() { 32 } else { 128 });
            IpNet::new(address, length).unwrap().trunc()
        })
    }

    proptest! {
        #[test]
        fn agrees_with_oracle(
            networks in prop::collection::hash_set(network(), 0..40),
            addresses in prop::collection::vec(address(), 1..40),
        ) {
            let networks: Vec<IpNet> = networks.into_iter().collect();
            let groups = Groups::new(networks.chunks(1));
            for address in addresses {
                prop_assert_eq!(
                    groups.group_of(address).map(GroupId::index),
                    oracle(&networks, address)
                );
            }
        }
    }
}
