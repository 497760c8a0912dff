//! The merge: two bundles streamed side by side.

use std::{cmp::Ordering, collections::BTreeMap, rc::Rc};

use filter_core::{DomainName, Filter, ListedName, ListedPattern, PatternKind, Scope};

use super::{
    Diff, Tally,
    change::{Change, Entry, Kind, Said},
    manifest::ManifestDiff,
    plural,
    sample::{Sample, hash},
    tables::{Rule, RuleSet, Side, Tables, bits},
};

pub(super) struct Comparison<'a, F> {
    old: &'a Filter,
    new: &'a Filter,
    tables: Tables,
    before: Side,
    after: Side,
    groups: Groups,
    each: F,
}

impl<'a, F, E> Comparison<'a, F>
where
    F: FnMut(&Change<'_>) -> Result<(), E>,
{
    pub(super) fn new(old: &'a Filter, new: &'a Filter, sample: usize, each: F) -> Self {
        let tables = Tables::new(old.manifest(), new.manifest());
        let group = || Group::new(sample);
        Self {
            before: Side::new(old.manifest(), &tables),
            after: Side::new(new.manifest(), &tables),
            groups: Groups {
                names: group(),
                patterns: PatternKind::ALL.iter().map(|kind| (plural(*kind), group())).collect(),
                categories: tables.categories.iter().map(|_| group()).collect(),
                sources: tables.sources.iter().map(|_| group()).collect(),
            },
            old,
            new,
            tables,
            each,
        }
    }

    pub(super) fn run(mut self) -> Result<Diff, E> {
        self.names()?;
        for kind in PatternKind::ALL {
            self.patterns(kind)?;
        }
        let (sources_before, categories_before) = self.before.counts();
        let (sources_after, categories_after) = self.after.counts();
        let named = |groups: Vec<Group>,
                     names: Vec<String>,
                     before: BTreeMap<usize, u64>,
                     after: BTreeMap<usize, u64>| {
            let count =
                |counts: &BTreeMap<usize, u64>, n| counts.get(&n).copied().unwrap_or_default();
            let tallies = groups.into_iter().zip(names).enumerate();
            let tallies = tallies.map(|(n, (mut group, name))| {
                (group.tally.before, group.tally.after) = (count(&before, n), count(&after, n));
                (name, group.finish())
            });
            tallies
                .filter(|(_, tally)| tally.before + tally.after > 0 || !tally.is_unchanged())
                .collect::<BTreeMap<_, _>>()
        };
        let Groups { names, patterns, categories, sources } = self.groups;
        Ok(Diff {
            old: self.old.manifest().stamp.clone(),
            new: self.new.manifest().stamp.clone(),
            names: names.finish(),
            patterns: patterns.into_iter().map(|(kind, group)| (kind, group.finish())).collect(),
            categories: named(
                categories,
                self.tables.categories,
                categories_before,
                categories_after,
            ),
            sources: named(sources, self.tables.sources, sources_before, sources_after),
            manifest: ManifestDiff::new(self.old.manifest(), self.new.manifest()),
        })
    }

    fn names(&mut self) -> Result<(), E> {
        let (mut old, mut new) = (self.old.names().peekable(), self.new.names().peekable());
        let (mut above_old, mut above_new) = (Ancestors::default(), Ancestors::default());
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some(old), Some(new)) => old.name.canonical_cmp(&new.name),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Ok(()),
            };
            let old = if order == Ordering::Greater { None } else { old.next() };
            let new = if order == Ordering::Less { None } else { new.next() };
            let Some(name) = old.as_ref().or(new.as_ref()).map(|listed| listed.name.clone()) else {
                return Ok(());
            };
            let before = old.map(|listed| rules_of(&mut self.before, &listed));
            let after = new.map(|listed| rules_of(&mut self.after, &listed));
            above_old.enter(&name, before.clone());
            above_new.enter(&name, after.clone());
            self.groups.names.count(before.is_some(), after.is_some());
            let entry = Entry::Name(&name);
            let hash = hash(name.as_wire());
            match (before, after) {
                (Some(before), Some(after)) => self.changed(entry, hash, &before, &after)?,
                (Some(before), None) => {
                    let after = above_new.inherited(&self.after, &before);
                    if before.rules == after.rules && before.categories == after.categories {
                        self.folded(&before, |group| &mut group.tally.folded);
                    } else {
                        self.changed(entry, hash, &before, &after)?;
                    }
                }
                (None, Some(after)) => {
                    let before = above_old.inherited(&self.before, &after);
                    if before.rules == after.rules && before.categories == after.categories {
                        self.folded(&after, |group| &mut group.tally.unfolded);
                    } else {
                        self.changed(entry, hash, &before, &after)?;
                    }
                }
                (None, None) => {}
            }
        }
    }

    fn patterns(&mut self, kind: PatternKind) -> Result<(), E> {
        let (mut old, mut new) =
            (self.old.patterns(kind).peekable(), self.new.patterns(kind).peekable());
        let nothing = Rc::new(RuleSet::default());
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some(old), Some(new)) => old.text.cmp(new.text),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Ok(()),
            };
            let old = if order == Ordering::Greater { None } else { old.next() };
            let new = if order == Ordering::Less { None } else { new.next() };
            let Some(text) = old.as_ref().or(new.as_ref()).map(|listed| listed.text) else {
                return Ok(());
            };
            if let Some(group) = self.groups.patterns.get_mut(plural(kind)) {
                group.count(old.is_some(), new.is_some());
            }
            let before = old.map(|listed| pattern_rules(&mut self.before, &listed));
            let after = new.map(|listed| pattern_rules(&mut self.after, &listed));
            let (before, after) =
                (before.as_ref().unwrap_or(&nothing), after.as_ref().unwrap_or(&nothing));
            self.changed(Entry::Pattern(kind, text), hash(text.as_bytes()), before, after)?;
        }
    }

    /// Counts and tells a change, if it is one.
    fn changed(
        &mut self,
        entry: Entry<'_>,
        hash: u64,
        before: &RuleSet,
        after: &RuleSet,
    ) -> Result<(), E> {
        if before.rules == after.rules && before.categories == after.categories {
            return Ok(());
        }
        let kind = match (before.rules.is_empty(), after.rules.is_empty()) {
            (true, _) => Kind::Added,
            (_, true) => Kind::Removed,
            _ => Kind::Moved,
        };
        self.groups.of(entry).add(kind, hash, entry);
        for category in bits(before.categories & !after.categories) {
            self.groups.categories[category].add(Kind::Removed, hash, entry);
        }
        for category in bits(after.categories & !before.categories) {
            self.groups.categories[category].add(Kind::Added, hash, entry);
        }
        for source in before.sources() {
            let kind = match after.of(source).next() {
                None => Kind::Removed,
                Some(_) if before.of(source).eq(after.of(source)) => continue,
                Some(_) => Kind::Moved,
            };
            self.groups.sources[source].add(kind, hash, entry);
        }
        for source in after.sources().filter(|&source| before.of(source).next().is_none()) {
            self.groups.sources[source].add(Kind::Added, hash, entry);
        }
        let said = |set| Said { set, tables: &self.tables };
        (self.each)(&Change { kind, entry, before: said(before), after: said(after) })
    }

    /// Counts a name that is stored on one side only and matched alike on both.
    fn folded(&mut self, set: &RuleSet, count: impl Fn(&mut Group) -> &mut u64) {
        *count(&mut self.groups.names) += 1;
        for category in bits(set.categories) {
            *count(&mut self.groups.categories[category]) += 1;
        }
        for source in set.sources() {
            *count(&mut self.groups.sources[source]) += 1;
        }
    }
}

fn rules_of(side: &mut Side, listed: &ListedName<'_>) -> Rc<RuleSet> {
    side.set(listed.rule_set, || listed.rules().map(|rule| (rule.source, rule.scope, rule.options)))
}

fn pattern_rules(side: &mut Side, listed: &ListedPattern<'_>) -> Rc<RuleSet> {
    // A pattern has no scope; all have the one that is not shown.
    side.set(listed.rule_set, || {
        listed.rules().map(|rule| (rule.source, Scope::Subtree, rule.options))
    })
}

/// The stored ancestors of a name, the nearest last.
#[derive(Default)]
struct Ancestors(Vec<(DomainName, Rc<RuleSet>)>);

impl Ancestors {
    /// Goes on to a name: leaves those above that are not its ancestors, and takes what is stored.
    fn enter(&mut self, name: &DomainName, set: Option<Rc<RuleSet>>) {
        while self.0.last().is_some_and(|(above, _)| !name.is_within(above)) {
            self.0.pop();
        }
        self.0.extend(set.map(|set| (name.clone(), set)));
    }

    /// Those rules of a name, said by the other side, that are in force here through an ancestor.
    fn inherited(&self, side: &Side, set: &RuleSet) -> RuleSet {
        let covered = |rule: &Rule| {
            let plain = self.0.iter().rev().take_while(|(_, above)| !above.parts(rule.source));
            side.may_be_covered(*rule)
                && plain.map(|(_, above)| above).any(|above| above.covers(*rule))
        };
        side.inherited(set.rules.iter().copied().filter(covered))
    }
}

/// Everything that is counted.
struct Groups {
    names: Group,
    patterns: BTreeMap<&'static str, Group>,
    categories: Vec<Group>,
    sources: Vec<Group>,
}

impl Groups {
    fn of(&mut self, entry: Entry<'_>) -> &mut Group {
        let group = match entry {
            Entry::Name(_) => None,
            Entry::Pattern(kind, _) => self.patterns.get_mut(plural(kind)),
        };
        group.unwrap_or(&mut self.names)
    }
}

#[derive(Clone)]
struct Group {
    tally: Tally,
    added: Sample,
    removed: Sample,
    moved: Sample,
}

impl Group {
    fn new(sample: usize) -> Self {
        let sample = Sample::new(sample);
        let (added, removed, moved) = (sample.clone(), sample.clone(), sample);
        Self { tally: Tally::default(), added, removed, moved }
    }

    fn count(&mut self, before: bool, after: bool) {
        self.tally.before += u64::from(before);
        self.tally.after += u64::from(after);
    }

    fn add(&mut self, kind: Kind, hash: u64, entry: Entry<'_>) {
        let sample = match kind {
            Kind::Added => &mut self.added,
            Kind::Removed => &mut self.removed,
            Kind::Moved => &mut self.moved,
        };
        sample.offer(hash, || entry.to_string());
    }

    fn finish(self) -> Tally {
        Tally {
            added: self.added.seen(),
            removed: self.removed.seen(),
            moved: self.moved.seen(),
            added_sample: self.added.finish(),
            removed_sample: self.removed.finish(),
            moved_sample: self.moved.finish(),
            ..self.tally
        }
    }
}
