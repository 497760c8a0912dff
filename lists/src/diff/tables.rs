//! The sources and categories of two bundles, numbered alike.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use filter_core::{Action, Manifest, Options, Scope};

/// A rule, with a number that its source has in both bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) source: usize,
    pub(super) scope: Scope,
    pub(super) options: Options,
}

impl Rule {
    fn order(self) -> (usize, Scope, [bool; 4]) {
        let Options { important, exception, narrow, nearest } = self.options;
        (self.source, self.scope, [important, exception, narrow, nearest])
    }
}

/// All that a bundle says of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleSet {
    /// In order.
    pub(super) rules: Vec<Rule>,
    /// The categories that it is blocked as, a bit each.
    pub(super) categories: u128,
    /// An allow source is among them.
    pub(super) allows: bool,
}

/// The names of sources and categories of either bundle, in order.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) sources: Vec<String>,
    pub(super) categories: Vec<String>,
}

impl Tables {
    pub(super) fn new(old: &Manifest, new: &Manifest) -> Self {
        let both = || [old, new].into_iter();
        let mut sources: Vec<_> = both()
            .flat_map(|manifest| &manifest.sources)
            .map(|record| record.source.name.clone())
            .collect();
        sources.sort_unstable();
        sources.dedup();
        let mut categories: Vec<_> = both()
            .flat_map(|manifest| &manifest.sources)
            .flat_map(|record| record.source.categories.iter().cloned())
            .collect();
        categories.sort_unstable();
        // Two bundles have at most 64 each.
        categories.dedup();
        Self { sources, categories }
    }
}

/// One bundle, as the tables number it.
#[derive(Debug)]
pub(super) struct Side {
    sources: Vec<SourceSide>,
    /// By the bundle's own numbers.
    sets: HashMap<u32, Rc<RuleSet>>,
    /// Entries of each rule set.
    pub(super) uses: HashMap<u32, u64>,
}

#[derive(Debug)]
struct SourceSide {
    number: usize,
    action: Action,
    categories: u128,
}

impl Side {
    pub(super) fn new(manifest: &Manifest, tables: &Tables) -> Self {
        let number =
            |names: &[String], name: &String| names.binary_search(name).unwrap_or_default();
        let sources = manifest.sources.iter().map(|record| SourceSide {
            number: number(&tables.sources, &record.source.name),
            action: record.source.action,
            categories: record
                .source
                .categories
                .iter()
                .map(|category| 1 << number(&tables.categories, category))
                .fold(0, |set, bit: u128| set | bit),
        });
        Self { sources: sources.collect(), sets: HashMap::new(), uses: HashMap::new() }
    }

    /// The rule set of an entry, which is counted; `rules` is asked once for each set.
    pub(super) fn set<R>(&mut self, number: u32, rules: impl FnOnce() -> R) -> Rc<RuleSet>
    where
        R: Iterator<Item = (usize, Scope, Options)>,
    {
        *self.uses.entry(number).or_default() += 1;
        if let Some(set) = self.sets.get(&number) {
            return Rc::clone(set);
        }
        let set = Rc::new(self.rule_set(rules()));
        self.sets.insert(number, Rc::clone(&set));
        set
    }

    /// What this side would say of an entry that the other side says this of, were only these rules
    /// of it in force here.
    pub(super) fn inherited(&self, rules: impl Iterator<Item = Rule>) -> RuleSet {
        let own = |number| self.sources.iter().position(|source| source.number == number);
        self.rule_set(rules.filter_map(|rule| Some((own(rule.source)?, rule.scope, rule.options))))
    }

    /// Entries by source and by category, once every entry has been counted.
    pub(super) fn counts(&self) -> (BTreeMap<usize, u64>, BTreeMap<usize, u64>) {
        let (mut sources, mut categories) = (BTreeMap::new(), BTreeMap::new());
        for (number, uses) in &self.uses {
            let Some(set) = self.sets.get(number) else { continue };
            for source in set.sources() {
                *sources.entry(source).or_default() += uses;
            }
            for category in bits(set.categories) {
                *categories.entry(category).or_default() += uses;
            }
        }
        (sources, categories)
    }

    /// True for a plain rule of a block source: the only ones that a build leaves out as covered.
    pub(super) fn may_be_covered(&self, rule: Rule) -> bool {
        !rule.options.exception
            && self
                .sources
                .iter()
                .any(|source| source.number == rule.source && source.action == Action::Block)
    }

    fn rule_set(&self, rules: impl Iterator<Item = (usize, Scope, Options)>) -> RuleSet {
        let mut set = RuleSet::default();
        for (index, scope, options) in rules {
            let Some(source) = self.sources.get(index) else { continue };
            set.rules.push(Rule { source: source.number, scope, options });
            match source.action {
                Action::Allow => set.allows = true,
                Action::Block if options.exception => {}
                Action::Block => set.categories |= source.categories,
            }
        }
        set.rules.sort_unstable_by_key(|rule| rule.order());
        set
    }
}

impl RuleSet {
    /// The sources, each once, in order.
    pub(super) fn sources(&self) -> impl Iterator<Item = usize> {
        let mut last = None;
        self.rules
            .iter()
            .map(|rule| rule.source)
            .filter(move |&source| last.replace(source) != Some(source))
    }

    /// The rules of one source.
    pub(super) fn of(&self, source: usize) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.source == source)
    }

    /// True when a build leaves out no rule of the source on account of one on this name or above it:
    /// an allow rule lifts what is as deep as itself, an exception may cancel what is less deep.
    pub(super) fn parts(&self, source: usize) -> bool {
        let yields = |rule: &Rule| rule.options.nearest && rule.scope != Scope::Exact;
        self.allows || self.of(source).any(yields)
    }

    /// True when this set of an ancestor matches all that `rule` does, with the same effect.
    pub(super) fn covers(&self, rule: Rule) -> bool {
        // An exact rule is answered NODATA, which one that covers it would not be.
        let spreads = |scope| scope != Scope::Exact;
        spreads(rule.scope)
            && self.of(rule.source).any(|own| own.options == rule.options && spreads(own.scope))
    }
}

/// The numbers of the bits that are set.
pub(super) fn bits(set: u128) -> impl Iterator<Item = usize> {
    (0..128).filter(move |bit| set & (1 << bit) != 0)
}
