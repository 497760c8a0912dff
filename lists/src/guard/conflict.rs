//! Names that lists both block and allow, and who wins.

use std::collections::{BTreeMap, HashMap};

use filter_core::{Action, DomainName, Filter, ListedName, Manifest, Scope};
use serde::Serialize;

/// Names of a pair of lists that are kept as examples.
const EXAMPLES: usize = 10;

/// A block source and an allow source that list the same names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The block source.
    pub blocked_by: String,
    /// The allow source.
    pub allowed_by: String,
    /// Categories of the block source for which the allow wins: those that it lifts.
    pub lifted: Vec<String>,
    /// Categories for which the block wins.
    pub refused: Vec<String>,
    /// How many names they share.
    pub names: u64,
    /// The first of those names, in canonical order.
    pub first: Vec<DomainName>,
}

impl Conflict {
    /// Who wins, in a word for each.
    pub fn outcome(&self) -> String {
        match (self.lifted.is_empty(), self.refused.is_empty()) {
            (true, _) => "the block wins".into(),
            (false, true) => "the allow wins".into(),
            (false, false) => format!(
                "the allow wins for {}, the block for {}",
                self.lifted.join(", "),
                self.refused.join(", ")
            ),
        }
    }
}

/// Finds the pairs, those with the most names first. Only rules on the very same name are compared:
/// of others, the more specific one wins.
pub fn conflicts(filter: &Filter) -> Vec<Conflict> {
    let manifest = filter.manifest();
    let mut by_rule_set = HashMap::new();
    let mut found = BTreeMap::<Pair, Shared>::new();
    for listed in filter.names() {
        let pairs: &Vec<Pair> =
            by_rule_set.entry(listed.rule_set).or_insert_with(|| pairs(&listed, manifest));
        for pair in pairs {
            let shared = found.entry(*pair).or_default();
            shared.names += 1;
            if shared.first.len() < EXAMPLES {
                shared.first.push(listed.name.clone());
            }
        }
    }
    let conflicts = found.into_iter().map(|(pair, shared)| pair.conflict(manifest, shared));
    let mut conflicts: Vec<_> = conflicts.collect();
    conflicts.sort_by_key(|conflict| std::cmp::Reverse(conflict.names));
    conflicts
}

/// Sources of the manifest, by index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    block: usize,
    allow: usize,
    /// The block rule is `$important`: nothing lifts it.
    important: bool,
}

#[derive(Default)]
struct Shared {
    names: u64,
    first: Vec<DomainName>,
}

/// The pairs of a block and an allow rule on one name that some host matches both.
fn pairs(listed: &ListedName<'_>, manifest: &Manifest) -> Vec<Pair> {
    let action = |source: usize| manifest.sources.get(source).map(|record| record.source.action);
    let rules = || listed.rules().filter(|rule| !rule.options.exception);
    let mut pairs = Vec::new();
    for block in rules().filter(|rule| action(rule.source) == Some(Action::Block)) {
        for allow in rules().filter(|rule| action(rule.source) == Some(Action::Allow)) {
            if meet(block.scope, allow.scope) {
                let important = block.options.important;
                pairs.push(Pair { block: block.source, allow: allow.source, important });
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// True unless one is of the name only and the other of what lies below it only.
fn meet(a: Scope, b: Scope) -> bool {
    !matches!((a, b), (Scope::Exact, Scope::SubdomainsOnly) | (Scope::SubdomainsOnly, Scope::Exact))
}

impl Pair {
    fn conflict(self, manifest: &Manifest, shared: Shared) -> Conflict {
        let block = &manifest.sources[self.block].source;
        let allow = &manifest.sources[self.allow].source;
        let categories = block.categories.iter().cloned();
        let (lifted, refused) =
            categories.partition(|category| !self.important && allow.lifts.contains(category));
        Conflict {
            blocked_by: block.name.clone(),
            allowed_by: allow.name.clone(),
            lifted,
            refused,
            names: shared.names,
            first: shared.first,
        }
    }
}
