//! What the answer to a question leads to: other names, and addresses.

use std::net::IpAddr;

use super::{BoundFilter, By, ListRule, listed::Listed};
use crate::{
    CategorySet, DomainName, Verdict,
    verdict::{Matcher, Reason, Step},
};

impl BoundFilter {
    /// Asks about an address that an answer holds: see [`Answers::address`].
    pub fn address(&self, address: IpAddr) -> Verdict<'_> {
        Answers { bound: self, allowed: false, lifted: CategorySet::EMPTY }.address(address)
    }

    /// Judges what answers to questions about `asked` lead to.
    pub fn answers(&self, asked: &DomainName) -> Answers<'_> {
        let listed = Listed::of(self, asked);
        let decision = self.decide(asked, &listed);
        let allowed = matches!(decision.by, By::Operator(rule) if rule.allows);
        Answers { bound: self, allowed, lifted: listed.lifted_at(0) }
    }
}

/// The judge of answers to questions about one name.
///
/// What lifts a category from the name that was asked for lifts it from what its answers lead to;
/// the operator's allow lifts everything. Names that a closed profile merely does not know are none
/// of its business here: the name that was asked for is what it opened.
///
/// A refusal says nothing of names below the one that was asked for:
/// [`spares_descendants`](Reason::spares_descendants) is always set.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'f> {
    bound: &'f BoundFilter,
    /// The operator allows the name that was asked for.
    allowed: bool,
    /// Categories that lists lift from it.
    lifted: CategorySet,
}

impl<'f> Answers<'f> {
    /// Asks about a name that an answer leads to: CNAME (RFC 1034 §3.6.2), SVCB or HTTPS target
    /// (RFC 9460). Rules on names that `is_shared` says strangers share do not count, whoever wrote
    /// them. Allocates nothing.
    pub fn name(&self, name: &DomainName, is_shared: impl Fn(&DomainName) -> bool) -> Verdict<'f> {
        if self.allowed {
            return Verdict::Allowed;
        }
        let counts = |labels: usize| !is_shared(&name.suffix(labels));
        let listed = Listed::beyond(self.bound, name, self.lifted, &counts);
        let decision = self.bound.decide_counting(name, &listed, &counts);
        if !decision.blocked || decision.by == By::Default {
            return Verdict::Allowed;
        }
        let reason = self.bound.reason(name, &listed, &decision);
        Verdict::Blocked(Reason { spares_descendants: true, ..reason })
    }

    /// Asks about an address that an answer holds, or hints at (RFC 9460 §7.3): the operator's
    /// networks refuse it, then those of lists, as rules on names do: the most specific first; at equal length an allow wins for
    /// the categories that it lifts; exceptions act within their own source. Allocates nothing.
    pub fn address(&self, address: IpAddr) -> Verdict<'f> {
        let filter = &self.bound.shared.filter;
        if self.allowed {
            return Verdict::Allowed;
        }
        if let Some((network, _)) = self.bound.shared.networks.holding(address).next() {
            return Verdict::Blocked(Reason {
                step: Step::OperatorNames,
                category: None,
                source: None,
                is_legal: false,
                matcher: Matcher::Network(network),
                spares_descendants: true,
            });
        }
        let level = |(network, set): (crate::Network, u32)| {
            let length = usize::from(network.prefix_len());
            let entries = filter.rule_sets.get(set).iter();
            entries.map(move |&entry| (network, ListRule { labels: length, entry }))
        };
        let rules = || filter.networks.holding(address).flat_map(level);
        let is_excepted = |rule: ListRule| rules().any(|(_, other)| other.cancels(rule));

        let mut lifted = self.lifted;
        for (network, set) in filter.networks.holding(address) {
            let here = || level((network, set)).map(|(_, rule)| rule);
            for rule in here().filter(|rule| !rule.entry.is_exception()) {
                lifted = lifted.union(self.bound.in_force(rule.entry).lifts);
            }
            let left = |rule: ListRule| self.bound.in_force(rule.entry).blocks.difference(lifted);
            let blocking = here().find(|&rule| {
                !rule.entry.is_exception() && !left(rule).is_empty() && !is_excepted(rule)
            });
            if let Some(rule) = blocking {
                return Verdict::Blocked(self.refusal(rule, left(rule), network));
            }
        }
        Verdict::Allowed
    }

    fn refusal(&self, rule: ListRule, left: CategorySet, network: crate::Network) -> Reason<'f> {
        let source = self.bound.source(rule.entry);
        let categories = &self.bound.shared.filter.manifest.categories;
        Reason {
            step: Step::ListRules,
            category: left.iter().next().map(|category| categories.info(category)),
            source: source.map(|source| source.name.as_str()),
            is_legal: source.is_some_and(|source| source.legal),
            matcher: Matcher::Network(network),
            spares_descendants: true,
        }
    }
}
