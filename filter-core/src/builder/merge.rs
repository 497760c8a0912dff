//! Batches into rule sets: what all sources say of each name and pattern.

use std::{
    cell::OnceCell,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    iter::successors,
};

use super::batch::{ALLOW_BELOW, Batch, Row};
use crate::{
    raw::{
        domains::{is_below, name_of_key, parent_key},
        patterns::PatternKind,
        rule_sets::Entry,
    },
    rule::{Action, Scope, Source, Suffixes},
};

/// What says of a name that an allow rule or exception of a source lies below it: one batch for
/// each that has such rules.
pub(super) fn markers(sources: &[Source], batches: &[Batch]) -> Vec<Batch> {
    let below = |batch: &Batch| {
        let allows = sources[usize::from(batch.source.0)].action == Action::Allow;
        let mut keys = BTreeSet::new();
        for row in &batch.rows {
            let entry = batch.entry(row);
            if allows || entry.is_exception() {
                let key = batch.key(row);
                // The apex of a subdomains-only rule has an allowed name below itself.
                keys.extend((entry.scope() == Scope::SubdomainsOnly).then_some(key));
                keys.extend(successors(parent_key(key), |key| parent_key(key)));
            }
        }
        let mut markers = Batch::new(batch.source, Suffixes::Keep);
        for key in keys {
            // Fewer octets than the keys of `batch`, whose places fit a row.
            markers.push(key, ALLOW_BELOW);
        }
        markers
    };
    batches.iter().map(below).filter(|markers| !markers.is_empty()).collect()
}

/// Names in order, each with the rule set of all that sources say of it.
#[derive(Default)]
pub(super) struct Merged {
    pub(super) kept: Vec<(Row, u32)>,
    /// Distinct names that have a rule.
    pub(super) rule_names: u64,
    pub(super) covered: u64,
}

pub(super) fn merge_names(
    sources: &[Source],
    batches: &[Batch],
    shared: &HashSet<Vec<u8>>,
    interner: &mut Interner,
) -> Merged {
    let key = |row: &Row| batches[usize::from(row.batch)].key(row);
    let mut rows = Vec::with_capacity(batches.iter().map(|batch| batch.rows.len()).sum());
    for (index, batch) in batches.iter().enumerate() {
        rows.extend(batch.rows.iter().map(|row| row.of_batch(index as u16)));
    }
    // Stable sorting finds the batches' sorted runs and merges them.
    rows.sort_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| key(a).cmp(key(b))));

    let mut merged = Merged::default();
    let mut ancestors: Vec<Ancestor<'_>> = Vec::new();
    let mut entries = Vec::new();
    for name in rows.chunk_by(|a, b| a.prefix == b.prefix && key(a) == key(b)) {
        let row = name[0];
        entries.clear();
        entries.extend(name.iter().map(|row| batches[usize::from(row.batch)].entry(row)));
        entries.sort_unstable();
        entries.dedup();
        let has_rule = entries.iter().any(|entry| !entry.is_allow_below());
        merged.rule_names += u64::from(has_rule);

        let own_key = batches[usize::from(row.batch)].key(&row);
        while ancestors.last().is_some_and(|last| !is_below(own_key, last.key)) {
            ancestors.pop();
        }
        if is_covered(sources, interner, shared, &ancestors, &entries) {
            merged.covered += 1;
            continue;
        }
        let set = interner.intern(&entries);
        merged.kept.push((row, set));
        ancestors.push(Ancestor { key: own_key, set, is_shared: OnceCell::new() });
    }
    merged
}

/// A name that was kept, above those that are merged next.
struct Ancestor<'k> {
    key: &'k [u8],
    set: u32,
    is_shared: OnceCell<bool>,
}

impl Ancestor<'_> {
    /// True when rules on it do not count for what is below, where answers lead there.
    fn is_shared(&self, shared: &HashSet<Vec<u8>>) -> bool {
        *self.is_shared.get_or_init(|| {
            shared.contains(self.key)
                || name_of_key(self.key).is_some_and(|name| name.is_public_suffix())
        })
    }
}

/// True when an ancestor has, for every entry, one that covers it, and nothing in between would then
/// have the last word: an allow rule lifts what is as deep as itself, not what is deeper; an exception
/// that yields to what is more specific cancels the ancestor's entry, not the deeper one.
fn is_covered(
    sources: &[Source],
    interner: &Interner,
    shared: &HashSet<Vec<u8>>,
    ancestors: &[Ancestor<'_>],
    entries: &[Entry],
) -> bool {
    let allows = |entry: &Entry| sources[usize::from(entry.source())].action == Action::Allow;
    let plain_block =
        |entry: &Entry| !entry.is_allow_below() && !entry.is_exception() && !allows(entry);
    if !entries.iter().all(plain_block) {
        return false;
    }
    for ancestor in ancestors.iter().rev() {
        let set = &interner.sets[ancestor.set as usize];
        if set.iter().any(|entry| allows(entry) && !entry.is_allow_below()) {
            return false;
        }
        let mut yielding = set.iter().filter(|e| e.is_nearest() && e.scope().covers_descendants());
        if yielding.any(|above| entries.iter().any(|entry| entry.source() == above.source())) {
            return false;
        }
        let covers = |entry: &Entry| set.iter().any(|ancestor| ancestor.covers(*entry));
        if entries.iter().all(covers) && !ancestor.is_shared(shared) {
            return true;
        }
    }
    false
}

/// Distinct texts in order, each with its rule set.
pub(super) fn merge_patterns(
    batches: &[Batch],
    kind: PatternKind,
    interner: &mut Interner,
) -> Vec<(String, u32)> {
    let mut by_text: BTreeMap<&str, Vec<Entry>> = BTreeMap::new();
    for batch in batches {
        for (text, tag) in &batch.patterns[kind as usize] {
            by_text.entry(text).or_default().push(batch.tagged(*tag));
        }
    }
    let mut set = |mut entries: Vec<Entry>| {
        entries.sort_unstable();
        entries.dedup();
        interner.intern(&entries)
    };
    by_text.into_iter().map(|(text, entries)| (text.to_owned(), set(entries))).collect()
}

/// Gives equal rule sets one number, and counts their uses.
#[derive(Default)]
pub(super) struct Interner {
    numbers: HashMap<Box<[Entry]>, u32>,
    pub(super) sets: Vec<Box<[Entry]>>,
    pub(super) uses: Vec<u64>,
}

impl Interner {
    fn intern(&mut self, entries: &[Entry]) -> u32 {
        let number = match self.numbers.get(entries) {
            Some(&number) => number,
            None => {
                let number = self.sets.len() as u32;
                self.sets.push(entries.into());
                self.uses.push(0);
                self.numbers.insert(entries.into(), number);
                number
            }
        };
        self.uses[number as usize] += 1;
        number
    }

    /// Final numbers, by how often a set is used: small ones take fewer octets in the dictionary.
    pub(super) fn by_use(&self) -> ByUse {
        let mut sets: Vec<u32> = (0..self.sets.len() as u32).collect();
        // The content decides between equals: the order must not depend on how batches came.
        sets.sort_by_key(|&set| (Reverse(self.uses[set as usize]), &self.sets[set as usize]));
        let mut numbers = vec![0; sets.len()];
        for (new, &old) in sets.iter().enumerate() {
            numbers[old as usize] = new as u32;
        }
        ByUse { sets, numbers }
    }
}

pub(super) struct ByUse {
    /// Interned numbers in their final order.
    pub(super) sets: Vec<u32>,
    /// Final number of each interned one.
    pub(super) numbers: Vec<u32>,
}
