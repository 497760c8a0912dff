//! Names that a rule should not reach: what schools need, and hosts that strangers share.

use std::{collections::HashMap, sync::LazyLock};

use filter_core::{DomainName, Scope};

use super::survey::hash;
use crate::{shared_cdn::SharedCdn, trusted};

/// By the hash of the name or of an ancestor: a rule there may reach it.
static TRUSTED: LazyLock<Reach> = LazyLock::new(|| {
    let names = trusted::must_allow().into_iter().chain(trusted::trusted());
    Reach::of(names)
});

static SHARED: LazyLock<Reach> = LazyLock::new(|| {
    let shipped = SharedCdn::shipped();
    Reach::of(shipped.networks().iter().map(|network| network.name.clone()))
});

struct Reach(HashMap<u64, DomainName>);

impl Reach {
    fn of(names: impl Iterator<Item = DomainName>) -> Self {
        let names: Vec<_> = names.collect();
        let mut reach = HashMap::new();
        for name in &names {
            for labels in 1..name.label_count() {
                reach.entry(hash(&name.suffix(labels))).or_insert_with(|| name.clone());
            }
        }
        // What a rule names itself is told rather than what lies below.
        reach.extend(names.into_iter().map(|name| (hash(&name), name)));
        Self(reach)
    }

    /// A name that a rule on `rule` reaches.
    fn reached(&self, rule: &DomainName, own: u64, scope: Scope) -> Option<&DomainName> {
        let reached = self.0.get(&own)?;
        let reaches = match scope {
            Scope::Exact => reached == rule,
            Scope::Subtree => true,
            Scope::SubdomainsOnly => reached != rule,
        };
        reaches.then_some(reached)
    }
}

/// A name that schools, health or public services need, and that a rule reaches.
pub(super) fn trusted(rule: &DomainName, own: u64, scope: Scope) -> Option<&'static DomainName> {
    TRUSTED.reached(rule, own, scope)
}

/// A shared network that a rule reaches, whole.
pub(super) fn shared(rule: &DomainName, own: u64, scope: Scope) -> Option<&'static DomainName> {
    // Such a network is what lies below its name.
    if scope == Scope::Exact { None } else { SHARED.reached(rule, own, Scope::Subtree) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rules_reach() {
        use Scope::{Exact, SubdomainsOnly, Subtree};
        let cases = [
            ("education.gouv.fr", Subtree, true),
            ("education.gouv.fr", Exact, true),
            ("ads.education.gouv.fr", Subtree, false),
            ("unlisted.example", Subtree, false),
        ];
        for (name, scope, expected) in cases {
            let name: DomainName = name.parse().unwrap();
            assert_eq!(trusted(&name, hash(&name), scope).is_some(), expected, "{name} {scope:?}");
        }
        let reach = Reach::of(["a.b.example".parse().unwrap()].into_iter());
        let cases = [
            ("a.b.example", Exact, true),
            ("a.b.example", Subtree, true),
            ("a.b.example", SubdomainsOnly, false),
            ("b.example", Exact, false),
            ("b.example", Subtree, true),
            ("b.example", SubdomainsOnly, true),
            ("x.a.b.example", Subtree, false),
        ];
        for (name, scope, expected) in cases {
            let name: DomainName = name.parse().unwrap();
            let reached = reach.reached(&name, hash(&name), scope).is_some();
            assert_eq!(reached, expected, "{name} {scope:?}");
        }
        let network = SharedCdn::shipped().networks()[0].name.clone();
        assert!(shared(&network, hash(&network), Subtree).is_some(), "{network}");
        assert!(shared(&network, hash(&network), Exact).is_none(), "{network}");
    }
}
