//! What each source adds to a bundle, and how much of it others have too.
//!
//! One pass over the names. A source *lists* a name that it has a rule on; it *matches* a name that
//! it lists or that lies below one of its names, exceptions apart. Names that a build left out as
//! covered by an ancestor's rule are not counted: the bundle does not know them.

use std::collections::{BTreeMap, HashMap};

use filter_core::{Action, DomainName, Filter, ListedName, Manifest, Scope};
use serde::Serialize;

/// Who lists what, and who else does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overlap {
    /// In the order of the manifest.
    pub sources: Vec<SourceShare>,
    /// By category.
    pub categories: BTreeMap<String, CategoryShare>,
    /// Every pair of sources that share a name, the largest share first.
    pub pairs: Vec<Pair>,
}

/// What one source adds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceShare {
    /// The source's name.
    pub name: String,
    /// Blocks or allows.
    pub action: Action,
    /// Its categories.
    pub categories: Vec<String>,
    /// Its licence, if stated.
    pub licence: Option<String>,
    /// Distinct rules that it gave, those included that others cover and patterns.
    pub rules: u64,
    /// Names of the bundle that it lists.
    pub names: u64,
    /// Of those, the ones that no other source of the same action matches.
    pub unique: u64,
    /// `unique / names`; 0 for a source without names.
    pub unique_share: f64,
}

/// What one category holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CategoryShare {
    /// Names of the bundle that a block source of the category lists.
    pub names: u64,
    /// Of those, the ones that no block source of another category matches.
    pub unique: u64,
}

/// Two sources that share names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The source that lists the names.
    pub of: String,
    /// The source that matches them too.
    pub within: String,
    /// How many.
    pub names: u64,
    /// The same as a part of all names that `of` lists.
    pub share: f64,
    /// One of the two blocks, the other allows.
    pub conflict: bool,
}

impl Overlap {
    /// Counts over a whole bundle.
    pub fn of(filter: &Filter) -> Self {
        let mut contexts = Contexts::default();
        for listed in filter.names() {
            contexts.enter(&listed);
        }
        Counts::over(filter.manifest(), &contexts).finish(filter.manifest())
    }
}

/// How many names have the same rules below the same rules: few combinations for millions of names.
#[derive(Default)]
struct Contexts {
    /// Sources of each of the bundle's rule sets.
    listing: HashMap<u32, Said>,
    /// Sources that match whatever is below a name, each set once; by number.
    above: Interned,
    /// The set that holds below a name, from that above it and its own rules.
    below: HashMap<(usize, u32), usize>,
    /// Names, by the set above them and their rule set.
    names: HashMap<(usize, u32), u64>,
    /// The stored ancestors of the last name, with what holds below each.
    ancestors: Vec<(DomainName, usize)>,
}

/// What a rule set says, exceptions apart.
struct Said {
    listed: Vec<usize>,
    /// Those whose rule goes on below.
    spread: Vec<usize>,
}

impl Contexts {
    fn enter(&mut self, listed: &ListedName<'_>) {
        let name = &listed.name;
        while self.ancestors.last().is_some_and(|(above, _)| !name.is_within(above)) {
            self.ancestors.pop();
        }
        let above = self.ancestors.last().map_or(0, |(_, below)| *below);
        let key = (above, listed.rule_set);
        *self.names.entry(key).or_default() += 1;
        let said = self.listing.entry(listed.rule_set).or_insert_with(|| said(listed));
        let below = *self.below.entry(key).or_insert_with(|| self.above.union(above, &said.spread));
        // Below a name that adds nothing, what was above it holds.
        if below != above {
            self.ancestors.push((name.clone(), below));
        }
    }
}

fn said(listed: &ListedName<'_>) -> Said {
    let rules = || listed.rules().filter(|rule| !rule.options.exception);
    let mut all: Vec<_> = rules().map(|rule| rule.source).collect();
    let spreads = rules().filter(|rule| rule.scope != Scope::Exact);
    let mut spread: Vec<_> = spreads.map(|rule| rule.source).collect();
    for sources in [&mut all, &mut spread] {
        sources.sort_unstable();
        sources.dedup();
    }
    Said { listed: all, spread }
}

/// Sets of sources, each held once; number 0 is the empty one.
struct Interned {
    sets: Vec<Vec<usize>>,
    numbers: HashMap<Vec<usize>, usize>,
}

impl Default for Interned {
    fn default() -> Self {
        Self { sets: vec![Vec::new()], numbers: HashMap::from([(Vec::new(), 0)]) }
    }
}

impl Interned {
    fn union(&mut self, number: usize, sources: &[usize]) -> usize {
        let mut set = self.sets[number].clone();
        set.extend(sources);
        set.sort_unstable();
        set.dedup();
        if let Some(&number) = self.numbers.get(&set) {
            return number;
        }
        let number = self.sets.len();
        self.sets.push(set.clone());
        self.numbers.insert(set, number);
        number
    }
}

struct Counts {
    names: Vec<u64>,
    unique: Vec<u64>,
    pairs: HashMap<(usize, usize), u64>,
    categories: BTreeMap<String, CategoryShare>,
}

impl Counts {
    fn over(manifest: &Manifest, contexts: &Contexts) -> Self {
        let sources = manifest.sources.len();
        let mut counts = Self {
            names: vec![0; sources],
            unique: vec![0; sources],
            pairs: HashMap::new(),
            categories: BTreeMap::new(),
        };
        for (&(above, rule_set), &names) in &contexts.names {
            let Some(said) = contexts.listing.get(&rule_set) else { continue };
            let mut matching = contexts.above.sets[above].clone();
            matching.extend(&said.listed);
            matching.sort_unstable();
            matching.dedup();
            counts.add(manifest, &said.listed, &matching, names);
        }
        counts
    }

    /// So many names that some sources list and more sources match.
    fn add(&mut self, manifest: &Manifest, listed: &[usize], matching: &[usize], names: u64) {
        let source = |index: usize| manifest.sources.get(index).map(|record| &record.source);
        let action = |index| source(index).map(|source| source.action);
        for &own in listed {
            self.names[own] += names;
            for &other in matching.iter().filter(|&&other| other != own) {
                *self.pairs.entry((own, other)).or_default() += names;
            }
            let others = matching.iter().any(|&other| other != own && action(other) == action(own));
            self.unique[own] += if others { 0 } else { names };
        }
        let categories = |of: &[usize]| {
            let blocking = of.iter().filter_map(|&index| source(index));
            let blocking = blocking.filter(|source| source.action == Action::Block);
            let mut names: Vec<_> = blocking.flat_map(|source| source.categories.iter()).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let (own, all) = (categories(listed), categories(matching));
        for category in own {
            let share = self.categories.entry(category.clone()).or_default();
            share.names += names;
            share.unique += if all.len() == 1 { names } else { 0 };
        }
    }

    fn finish(self, manifest: &Manifest) -> Overlap {
        let records = manifest.sources.iter().zip(self.names.iter().zip(&self.unique));
        let sources = records.map(|(record, (&names, &unique))| SourceShare {
            name: record.source.name.clone(),
            action: record.source.action,
            categories: record.source.categories.clone(),
            licence: record.source.licence.clone(),
            rules: record.rules,
            names,
            unique,
            unique_share: share(unique, names),
        });
        let source = |index: usize| &manifest.sources[index].source;
        let pairs = self.pairs.iter().map(|(&(of, within), &names)| Pair {
            of: source(of).name.clone(),
            within: source(within).name.clone(),
            names,
            share: share(names, self.names[of]),
            conflict: source(of).action != source(within).action,
        });
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_by(|a, b| {
            let by_size = b.share.total_cmp(&a.share).then(b.names.cmp(&a.names));
            by_size.then_with(|| (&a.of, &a.within).cmp(&(&b.of, &b.within)))
        });
        Overlap { sources: sources.collect(), categories: self.categories, pairs }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
