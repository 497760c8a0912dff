//! What lists say of one name and its ancestors: steps 7 and 8 of the precedence.

use super::{BoundFilter, ListRule};
use crate::{CategorySet, DomainName, Mode, name::MAX_LABELS, raw::rule_sets::Entry};

/// What lists say of a name and its ancestors.
pub(super) struct Listed<'a> {
    bound: &'a BoundFilter,
    /// Labels of the asked name.
    labels: usize,
    /// Each listed ancestor or self, root first: its number of labels, its rule set. Without padding,
    /// or clearing it would cost more than filling it.
    path: [(u32, u32); MAX_LABELS + 1],
    depth: usize,
    has_exceptions: bool,
    /// One of them may make the name pass that would not without.
    opens: bool,
    /// Categories that were lifted before anything was looked up.
    lifted: CategorySet,
}

/// What allow rules did to a name that no list rule blocks.
pub(super) struct Allowance {
    /// Categories lifted from it.
    pub(super) lifted: CategorySet,
    /// The rule that allowed it, where there was something to allow it from.
    pub(super) by: Option<ListRule>,
}

impl<'a> Listed<'a> {
    /// Looks a name up.
    pub(super) fn of(bound: &'a BoundFilter, name: &DomainName) -> Self {
        Self::beyond(bound, name, CategorySet::EMPTY, &|_| true)
    }

    /// A name of so many labels that has one rule set, on its top-level domain.
    pub(super) fn one(bound: &'a BoundFilter, labels: usize, set: u32) -> Self {
        let (path, lifted) = ([(0, 0); MAX_LABELS + 1], CategorySet::EMPTY);
        let (depth, has_exceptions, opens) = (0, false, false);
        let mut listed = Self { bound, labels, path, depth, has_exceptions, opens, lifted };
        listed.push(1, set);
        listed
    }

    /// The same of a name that an answer leads to: some categories are lifted already, and rules on
    /// ancestors of so many labels that do not count are left aside.
    #[inline]
    pub(super) fn beyond(
        bound: &'a BoundFilter,
        name: &DomainName,
        lifted: CategorySet,
        counts: &impl Fn(usize) -> bool,
    ) -> Self {
        let (labels, path) = (name.label_count(), [(0, 0); MAX_LABELS + 1]);
        let (depth, has_exceptions, opens) = (0, false, false);
        let mut listed = Self { bound, labels, path, depth, has_exceptions, opens, lifted };
        let found = bound.shared.filter.find(name, |labels, _, set| {
            if counts(labels) {
                listed.push(labels, set);
            }
        });
        // The index goes by fingerprints. A name may be refused once in 10¹¹ times for another's, but
        // nobody is to make up a name that passes for another's.
        if found.is_err() || listed.opens {
            listed.walk_dictionary(name, counts);
        }
        listed
    }

    #[cold]
    fn walk_dictionary(&mut self, name: &DomainName, counts: &impl Fn(usize) -> bool) {
        (self.depth, self.has_exceptions, self.opens) = (0, false, false);
        if let Some(domains) = self.bound.shared.filter.domains() {
            domains.walk(name, |labels, set| {
                if counts(labels) {
                    self.push(labels, set);
                }
            });
        }
    }

    #[inline]
    fn push(&mut self, labels: usize, set: u32) {
        self.path[self.depth] = (labels as u32, set);
        self.depth += 1;
        let entries = self.bound.shared.filter.rule_sets.get(set);
        for &entry in entries {
            self.has_exceptions |= entry.is_exception();
            self.opens |= self.bound.opens(entry);
        }
    }

    /// Rules that match the name: most specific first, then in order of source.
    pub(super) fn rules(&self) -> impl Iterator<Item = ListRule> {
        self.path[..self.depth].iter().rev().flat_map(move |&(labels, set)| {
            let labels = labels as usize;
            let entries = self.bound.shared.filter.rule_sets.get(set).iter();
            let matching = entries.filter(move |entry| {
                !entry.is_allow_below() && entry.scope().applies(labels == self.labels)
            });
            matching.map(move |&entry| ListRule { labels, entry })
        })
    }

    /// True when the rule refuses something that is not lifted or cancelled.
    pub(super) fn blocks(&self, rule: ListRule, lifted: CategorySet) -> bool {
        !rule.entry.is_exception()
            && !self.bound.in_force(rule.entry).blocks.difference(lifted).is_empty()
            && !self.is_excepted(rule)
    }

    /// True when an exception cancels the rule.
    pub(super) fn is_excepted(&self, rule: ListRule) -> bool {
        self.has_exceptions && self.rules().any(|exception| exception.cancels(rule))
    }

    pub(super) fn is_important_block(&self, rule: ListRule) -> bool {
        rule.entry.is_important()
            && !rule.entry.is_exception()
            && !self.bound.in_force(rule.entry).is_allow
    }

    /// Step 7.
    pub(super) fn important(&self) -> Option<ListRule> {
        let blocks = |rule: &ListRule| {
            self.is_important_block(*rule) && self.blocks(*rule, CategorySet::EMPTY)
        };
        self.widest(self.rules().filter(blocks))
    }

    /// Step 8: the rule that blocks, or what allow rules did.
    pub(super) fn most_specific(&self) -> Result<Allowance, ListRule> {
        let mut lifted = self.lifted;
        for &(labels, _) in self.path[..self.depth].iter().rev() {
            let labels = labels as usize;
            let level = || self.rules().filter(move |rule| rule.labels == labels);
            for rule in level().filter(|rule| !rule.entry.is_exception()) {
                lifted = lifted.union(self.bound.in_force(rule.entry).lifts);
            }
            if let Some(rule) = self.widest(level().filter(|rule| self.blocks(*rule, lifted))) {
                return Err(rule);
            }
        }
        Ok(Allowance { lifted, by: self.rules().find(|rule| self.allows(*rule)) })
    }

    /// True when the rule opens the name: in a closed profile because it names it, in an open one
    /// because it lifts or cancels something that the profile blocks.
    fn allows(&self, rule: ListRule) -> bool {
        let source = self.bound.in_force(rule.entry);
        let cancels = |other: ListRule| !other.entry.is_exception() && rule.cancels(other);
        match (self.bound.shared.mode, rule.entry.is_exception()) {
            (Mode::Closed, is_exception) => source.admits && !is_exception,
            (Mode::Open, false) => !source.lifts.is_empty(),
            (Mode::Open, true) => !source.blocks.is_empty() && self.rules().any(cancels),
        }
    }

    /// Categories lifted from rules on the ancestor or self of so many labels.
    pub(super) fn lifted_at(&self, labels: usize) -> CategorySet {
        let lifting = |rule: &ListRule| rule.labels >= labels && !rule.entry.is_exception();
        let lifts = self.rules().filter(lifting).map(|rule| self.bound.in_force(rule.entry).lifts);
        lifts.fold(self.lifted, CategorySet::union)
    }

    /// The first rule, or one on the same name that also covers what is below it.
    fn widest(&self, mut rules: impl Iterator<Item = ListRule>) -> Option<ListRule> {
        let first = rules.next()?;
        if self.covers_descendants(first) {
            return Some(first);
        }
        let wider = rules
            .take_while(|rule| rule.labels == first.labels)
            .find(|rule| self.covers_descendants(*rule));
        Some(wider.unwrap_or(first))
    }

    /// True when the rule covers what is below its name, or has a twin that does, as response policy
    /// zones have (`d` and `*.d`).
    pub(super) fn covers_descendants(&self, rule: ListRule) -> bool {
        let is_twin = |entry: &Entry| {
            entry.source() == rule.entry.source()
                && entry.options() == rule.entry.options()
                && !entry.is_allow_below()
                && entry.scope().covers_descendants()
        };
        let at_rule = self.path[..self.depth].iter().find(|step| step.0 as usize == rule.labels);
        let entries = |&(_, set)| self.bound.shared.filter.rule_sets.get(set);
        rule.entry.scope().covers_descendants()
            || at_rule.is_some_and(|step| entries(step).iter().any(is_twin))
    }

    /// True when an allow rule or exception that is in force lies below the asked name.
    pub(super) fn allows_below(&self) -> bool {
        let Some(&(labels, set)) = self.path[..self.depth].last() else { return false };
        let in_force = |entry: &Entry| {
            let source = self.bound.in_force(*entry);
            match source.is_allow {
                true => !source.lifts.is_empty() || self.bound.shared.mode == Mode::Closed,
                false => !source.blocks.is_empty(),
            }
        };
        let entries = self.bound.shared.filter.rule_sets.get(set);
        labels as usize == self.labels
            && entries.iter().any(|entry| entry.is_allow_below() && in_force(entry))
    }
}

impl ListRule {
    /// True for an exception that cancels the rule, both matching the asked name. Most do wherever
    /// each of them stands.
    pub(super) fn cancels(self, rule: Self) -> bool {
        self.entry.is_exception()
            && self.entry.source() == rule.entry.source()
            && (self.entry.is_important() || !rule.entry.is_important())
            && (rule.entry.is_narrow() || !self.entry.is_narrow())
            && (rule.contains(self) || !self.entry.is_nearest())
    }

    /// True when this rule matches all that the other one does, both matching the asked name.
    fn contains(self, other: Self) -> bool {
        self.labels < other.labels
            || self.labels == other.labels && self.entry.scope().contains(other.entry.scope())
    }
}
