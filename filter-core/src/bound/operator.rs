//! The operator's names: step 5 of the precedence.

use std::collections::BTreeMap;

use super::{By, Decision};
use crate::{
    DomainName, Profile, Scope,
    filter::BindError,
    raw::domains::{self, Domains, parent_key, push_key},
};

/// The operator's names, as a dictionary from names to [`bit`]s.
pub(super) struct OperatorNames {
    fst: Vec<u8>,
}

/// One of the operator's names, on the asked name or an ancestor of so many labels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct OperatorRule {
    pub(super) labels: usize,
    pub(super) scope: Scope,
    pub(super) allows: bool,
}

/// What an operator says of a name; bits of a dictionary's value.
mod bit {
    pub(super) const BLOCK: u32 = 1;
    pub(super) const BLOCK_BELOW: u32 = 2;
    pub(super) const ALLOW: u32 = 4;
    pub(super) const ALLOW_BELOW: u32 = 8;
    /// A name that the operator allows lies below.
    pub(super) const SPARES_BELOW: u32 = 16;
}

impl OperatorNames {
    /// None when the profile names no host.
    pub(super) fn compile(profile: &Profile) -> Result<Option<Self>, BindError> {
        let mut names: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        let blocks = profile.block_names.iter().map(|pattern| (pattern, false));
        let allows = profile.allow_names.iter().map(|pattern| (pattern, true));
        for (pattern, allows) in blocks.chain(allows) {
            if !pattern.name.is_host_name() {
                return Err(BindError::NotAHostName { name: pattern.name.to_string() });
            }
            let mut key = Vec::new();
            push_key(&pattern.name, &mut key);
            let below = pattern.scope == Scope::SubdomainsOnly;
            if allows {
                let mut ancestor = if below { Some(key.as_slice()) } else { parent_key(&key) };
                while let Some(key) = ancestor {
                    *names.entry(key.to_vec()).or_default() |= bit::SPARES_BELOW;
                    ancestor = parent_key(key);
                }
            }
            *names.entry(key).or_default() |= match (allows, below) {
                (false, false) => bit::BLOCK,
                (false, true) => bit::BLOCK_BELOW,
                (true, false) => bit::ALLOW,
                (true, true) => bit::ALLOW_BELOW,
            };
        }
        if names.is_empty() {
            return Ok(None);
        }
        let mut writer = domains::Writer::new();
        for (key, bits) in &names {
            writer.insert(key, *bits);
        }
        Ok(Some(Self { fst: writer.finish() }))
    }

    /// Step 5: the most specific of the operator's names that match; allow where two are. Those of
    /// so many labels that do not count are left aside.
    pub(super) fn decide(
        &self,
        name: &DomainName,
        counts: &impl Fn(usize) -> bool,
    ) -> Option<Decision> {
        let mut deciding = None;
        self.walk(name, |rule| {
            if counts(rule.labels) {
                deciding = Some(rule);
            }
        });
        deciding.map(|rule| Decision { blocked: !rule.allows, by: By::Operator(rule) })
    }

    /// All that match, in order of precedence.
    pub(super) fn matching(&self, name: &DomainName) -> Vec<OperatorRule> {
        let mut rules = Vec::new();
        self.walk(name, |rule| rules.push(rule));
        rules.reverse();
        rules
    }

    /// Calls `found` with each rule that matches, the one that decides last.
    fn walk(&self, name: &DomainName, mut found: impl FnMut(OperatorRule)) {
        use bit::{ALLOW, ALLOW_BELOW, BLOCK, BLOCK_BELOW};
        let Ok(domains) = Domains::open(&self.fst) else { return };
        let asked = name.label_count();
        domains.walk(name, |labels, bits| {
            let rules = [
                (BLOCK, Scope::Subtree, false),
                (BLOCK_BELOW, Scope::SubdomainsOnly, false),
                (ALLOW, Scope::Subtree, true),
                (ALLOW_BELOW, Scope::SubdomainsOnly, true),
            ];
            for (bit, scope, allows) in rules {
                if bits & bit != 0 && scope.applies(labels == asked) {
                    found(OperatorRule { labels, scope, allows });
                }
            }
        });
    }

    pub(super) fn allows_below(&self, name: &DomainName) -> bool {
        let asked = name.label_count();
        let mut found = false;
        if let Ok(domains) = Domains::open(&self.fst) {
            domains.walk(name, |labels, bits| {
                found |= labels == asked && bits & bit::SPARES_BELOW != 0;
            });
        }
        found
    }
}
