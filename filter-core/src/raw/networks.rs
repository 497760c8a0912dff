//! Networks: which of them hold an address.
//!
//! Networks nest or are apart, so that those that hold an address are a chain: in order of address,
//! the last one that does not begin after it, if it holds it, and the networks around that one.

use std::net::IpAddr;

use super::patterns::Patterns;
use crate::Network;

/// The networks of a bundle, by address, the wider of those that begin alike first.
#[derive(Debug, Default)]
pub(crate) struct Networks(Vec<Row>);

#[derive(Debug)]
struct Row {
    network: Network,
    rule_set: u32,
    /// The nearest network around it.
    around: Option<u32>,
}

impl Networks {
    /// Reads a section of texts.
    pub(crate) fn read(section: &[u8]) -> Result<Self, &'static str> {
        let mut networks = Vec::new();
        for pattern in Patterns::each(section) {
            let (rule_set, text) = pattern?;
            let network: Network = text.parse().map_err(|_| "not a network")?;
            // One text a network, so that chains are no longer than addresses.
            if network.trunc().to_string() != text {
                return Err("a network in another than its canonical form");
            }
            networks.push((network, rule_set));
        }
        Ok(networks.into_iter().collect())
    }

    /// The networks that hold an address, the most specific first, each with its rule set. An IPv4
    /// address mapped into IPv6 is the IPv4 address.
    pub(crate) fn holding(&self, address: IpAddr) -> impl Iterator<Item = (Network, u32)> {
        let address = address.to_canonical();
        let after = self.0.partition_point(|row| row.network.addr() <= address);
        let row = |index: u32| &self.0[index as usize];
        let nearest = after.checked_sub(1).map(|index| index as u32);
        std::iter::successors(nearest, move |&index| row(index).around)
            .map(row)
            .filter(move |row| row.network.contains(&address))
            .map(|row| (row.network, row.rule_set))
    }
}

/// Networks, each with its rule set, in any order; none stands twice.
impl FromIterator<(Network, u32)> for Networks {
    fn from_iter<I: IntoIterator<Item = (Network, u32)>>(networks: I) -> Self {
        let row = |(network, rule_set)| Row { network, rule_set, around: None };
        let mut rows: Vec<Row> = networks.into_iter().map(row).collect();
        rows.sort_unstable_by_key(|row| (row.network.addr(), row.network.prefix_len()));
        let mut open: Vec<usize> = Vec::new();
        for index in 0..rows.len() {
            let first = rows[index].network.addr();
            while open.pop_if(|last| !rows[*last].network.contains(&first)).is_some() {}
            rows[index].around = open.last().map(|&around| around as u32);
            open.push(index);
        }
        Self(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Result<Networks, &'static str> {
        let mut texts = texts.to_vec();
        texts.sort_unstable();
        Networks::read(&Patterns::write(texts.iter().map(|text| (*text, 7))))
    }

    #[test]
    fn chains() {
        let table = networks(&[
            "10.0.0.0/8",
            "10.0.0.0/16",
            "10.0.1.0/24",
            "10.0.1.5/32",
            "10.2.0.0/16",
            "9.0.0.0/8",
            "2001:db8::/32",
            "2001:db8:0:1::/64",
            "::1/128",
        ])
        .unwrap();
        let cases = [
            ("10.0.1.5", "10.0.1.5/32 10.0.1.0/24 10.0.0.0/16 10.0.0.0/8"),
            ("10.0.1.6", "10.0.1.0/24 10.0.0.0/16 10.0.0.0/8"),
            ("10.0.2.0", "10.0.0.0/16 10.0.0.0/8"),
            ("10.1.0.0", "10.0.0.0/8"),
            ("10.2.255.255", "10.2.0.0/16 10.0.0.0/8"),
            ("::ffff:10.1.0.0", "10.0.0.0/8"),
            ("9.255.255.255", "9.0.0.0/8"),
            ("11.0.0.0", ""),
            ("0.0.0.0", ""),
            ("255.255.255.255", ""),
            ("2001:db8:0:1::9", "2001:db8:0:1::/64 2001:db8::/32"),
            ("2001:db8:0:2::9", "2001:db8::/32"),
            ("::1", "::1/128"),
            ("::", ""),
        ];
        for (address, expected) in cases {
            let holding = table.holding(address.parse().unwrap());
            let got: Vec<_> = holding.map(|(network, _)| network.to_string()).collect();
            assert_eq!(got.join(" "), expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_network() {
        assert!(networks(&[]).is_ok());
        for text in ["10.0.0.1/8", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/08", "2001:DB8::/32", "a"] {
            assert!(networks(&[text]).is_err(), "{text}");
        }
    }
}
