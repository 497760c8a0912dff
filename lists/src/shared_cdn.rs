//! Networks that serve many strangers' sites under their own names: a dated table that ships with
//! the product, `data/shared-cdn.toml`.
//!
//! A rule on such a network says nothing of any one site. The guards look for rules that refuse one
//! whole; a resolver leaves them aside along CNAME chains.

use std::collections::HashSet;

use filter_core::DomainName;
use serde::{Deserialize, Serialize};

const SHIPPED: &str = include_str!("../data/shared-cdn.toml");

/// The table of shared networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedCdn {
    networks: Vec<Network>,
    /// Every network, and every ancestor of one.
    held: HashSet<DomainName>,
}

/// A shared network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The name under which its customers' names lie.
    pub name: DomainName,
    /// Who runs it.
    pub operator: String,
    /// What it serves.
    pub kind: NetworkKind,
}

/// What a shared network serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// Other people's sites, which are reached by their own names.
    Delivery,
    /// Sites that anybody opens in a minute, under names of the platform.
    Hosting,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    operator: Vec<Operator>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operator {
    name: String,
    kind: NetworkKind,
    networks: Vec<String>,
}

impl SharedCdn {
    /// The table that ships with the product.
    pub fn shipped() -> Self {
        let table: Table =
            toml::from_str(SHIPPED).expect("the shipped table is read by a test of this module");
        let networks = table.operator.into_iter().flat_map(|operator| {
            let Operator { name: operator, kind, networks } = operator;
            networks.into_iter().map(move |name| Network {
                name: name.parse().expect("the shipped names are read by a test of this module"),
                operator: operator.clone(),
                kind,
            })
        });
        let networks: Vec<Network> = networks.collect();
        let held = networks.iter().flat_map(|network| {
            (0..=network.name.label_count()).map(|labels| network.name.suffix(labels))
        });
        let held = held.collect();
        Self { networks, held }
    }

    /// Every network, in the order of the table.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// True when a rule on `name` and everything under it would hit a shared network whole: it is
    /// one of them, or an ancestor.
    pub fn holds(&self, name: &DomainName) -> bool {
        self.held.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_table_is_in_order() {
        let table: Table = toml::from_str(SHIPPED).unwrap();
        let mut all = Vec::new();
        let key = |operator: &Operator| {
            (operator.kind == NetworkKind::Hosting, operator.name.to_lowercase())
        };
        for pair in table.operator.windows(2) {
            assert!(key(&pair[0]) < key(&pair[1]), "{} before {}", pair[0].name, pair[1].name);
        }
        for operator in &table.operator {
            assert!(operator.networks.is_sorted(), "{}", operator.name);
            all.extend(&operator.networks);
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "a network is there twice");
        assert_eq!(SharedCdn::shipped().networks().len(), count);
        assert!(count >= 100, "{count}");
    }

    #[test]
    fn rules_on_networks_and_above_hit_them_whole() {
        let table = SharedCdn::shipped();
        let holds = |name: &str| table.holds(&name.parse().unwrap());
        for name in ["cloudfront.net", "map.fastly.net", "fastly.net", "github.io", "net"] {
            assert!(holds(name), "{name}");
        }
        for name in ["d111111abcdef8.cloudfront.net", "example.github.io", "example.com"] {
            assert!(!holds(name), "{name}");
        }
    }
}
