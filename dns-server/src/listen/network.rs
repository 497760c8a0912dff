//! Whom limits take for one.

use std::net::IpAddr;

/// A network that limits count as one, until they are full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(u64);

impl Network {
    /// A client: an IPv4 address, or an IPv6 /56, in which a site takes as many addresses as it
    /// likes.
    pub(super) fn of_client(address: IpAddr) -> Self {
        Self::of(address, 32)
    }

    /// Clients that are told of together: an IPv4 /24, or an IPv6 /56.
    pub(super) fn of_strangers(address: IpAddr) -> Self {
        Self::of(address, 24)
    }

    fn of(address: IpAddr, ipv4_bits: u32) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => u64::from(address.to_bits() >> (32 - ipv4_bits)),
            IpAddr::V6(address) => (address.to_bits() >> 72) as u64 | 1 << 63, // 56 bits and a mark
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_one() {
        let client = |address: &str| Network::of_client(address.parse().unwrap());
        let strangers = |address: &str| Network::of_strangers(address.parse().unwrap());
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
        assert_eq!(strangers("10.0.0.1"), strangers("10.0.0.2"));
        assert_ne!(strangers("10.0.0.1"), strangers("10.0.1.1"));
        assert_eq!(client("2001:db8:0:1::1"), client("2001:db8:0:ff:2::"));
        assert_ne!(client("2001:db8:0:1::1"), client("2001:db8:0:100::1"));
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
        assert_ne!(client("::a00:1"), client("10.0.0.1"));
    }
}
