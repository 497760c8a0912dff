//! A filter bound to a profile: where a question is decided.
//!
//! [`BoundFilter::decide`] is the precedence, top to bottom. A verdict and a trace are two ways of
//! telling its decision.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::{
    Category, CategorySet, DomainName, Mode, Profile, Scope, Verdict,
    filter::{BindError, Inner},
    name::MAX_LABELS,
    raw::{
        domains::{self, Domains, parent_key, push_key},
        patterns::MatchText,
        rule_sets::Entry,
    },
    rule::Action,
    verdict::{Candidate, Effect, Matched, Reason, Standing, Step, Trace},
};

/// A filter that answers for one profile. Cheap to clone; keeps the bundle's bytes alive.
#[derive(Clone)]
pub struct BoundFilter {
    shared: Arc<Shared>,
}

struct Shared {
    filter: Arc<Inner>,
    profile: String,
    mode: Mode,
    /// What each source does in this profile, in the order of the manifest's sources.
    sources: Vec<SourceInForce>,
    operator: Option<OperatorNames>,
    /// A closed profile opens to names that block lists put in some categories.
    admits_categories: bool,
}

/// A source as this profile sees it.
#[derive(Clone, Copy)]
struct SourceInForce {
    /// Its categories that the profile blocks; none for an allow source.
    blocks: CategorySet,
    /// The blocked categories that it lifts.
    lifts: CategorySet,
    /// A name that one of its rules matches is open in a closed profile.
    admits: bool,
    is_allow: bool,
}

impl BoundFilter {
    pub(crate) fn new(filter: Arc<Inner>, profile: &Profile) -> Result<Self, BindError> {
        let categories = &filter.manifest.categories;
        let allowed = categories.set(&profile.allow)?;
        let blocked = categories.set(&profile.block)?.difference(allowed);
        let sources = filter.sources.iter().map(|source| {
            let is_allow = source.action == Action::Allow;
            SourceInForce {
                blocks: match source.action {
                    Action::Block => source.categories.intersection(blocked),
                    Action::Allow => CategorySet::EMPTY,
                },
                lifts: source.lifts.intersection(blocked),
                admits: is_allow || !source.categories.intersection(allowed).is_empty(),
                is_allow,
            }
        });
        let shared = Shared {
            sources: sources.collect(),
            operator: OperatorNames::compile(profile)?,
            profile: profile.name.clone(),
            mode: profile.mode,
            admits_categories: !allowed.is_empty(),
            filter,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Asks about a host as people write it: see [`DomainName::parse`].
    pub fn host(&self, host: &str) -> Verdict<'_> {
        match DomainName::parse(host) {
            Ok(name) => self.verdict(&name),
            Err(error) => Verdict::Invalid(error),
        }
    }

    /// Asks about a name. Allocates nothing and takes no lock.
    pub fn verdict(&self, name: &DomainName) -> Verdict<'_> {
        let listed = self.listed(name);
        let decision = self.decide(name, &listed);
        match decision.blocked {
            false => Verdict::Allowed,
            true => Verdict::Blocked(self.reason(name, &listed, &decision)),
        }
    }

    /// Tells every rule that matches the name, in order, and which one decides.
    pub fn explain(&self, name: &DomainName) -> Trace<'_> {
        let listed = self.listed(name);
        let decision = self.decide(name, &listed);
        let mut candidates = self.candidates(name, &listed);
        // The default is the last candidate, and decides where no rule did.
        let winner = candidates
            .iter()
            .position(|(by, _)| *by == decision.by)
            .unwrap_or(candidates.len() - 1);
        let decisive = &mut candidates[winner].1;
        decisive.standing = Standing::Decides;
        if !decision.blocked && decisive.effect == Effect::Block {
            // A closed profile opens to what a block list puts in an allowed category.
            decisive.effect = Effect::Allow;
        }
        Trace {
            name: name.clone(),
            profile: &self.shared.profile,
            blocked: decision.blocked,
            spares_descendants: decision.blocked
                && self.spares_descendants(name, &listed, &decision),
            candidates: candidates.into_iter().map(|(_, candidate)| candidate).collect(),
            winner,
        }
    }

    /// The profile's name.
    pub fn profile(&self) -> &str {
        &self.shared.profile
    }

    /// The precedence: the first step that applies decides.
    fn decide(&self, name: &DomainName, listed: &Listed<'_>) -> Decision {
        if let Some(decision) = self.shared.operator.as_ref().and_then(|names| names.decide(name)) {
            return decision;
        }
        if let Some(rule) = listed.important() {
            return Decision::block(By::Important(rule));
        }
        let allowance = match listed.most_specific() {
            Err(rule) => return Decision::block(By::Rule(rule)),
            Ok(allowance) => allowance,
        };
        if let Some(pattern) = self.pattern(name, listed, allowance.lifted) {
            return Decision::block(By::Pattern(pattern));
        }
        match (allowance.by, self.shared.mode) {
            (Some(rule), _) => Decision::allow(By::Rule(rule)),
            (None, Mode::Open) => Decision::allow(By::Default),
            (None, Mode::Closed) => Decision::block(By::Default),
        }
    }

    fn listed(&self, name: &DomainName) -> Listed<'_> {
        let mut listed = Listed {
            bound: self,
            labels: name.label_count(),
            path: [(0, 0); MAX_LABELS + 1],
            depth: 0,
            has_exceptions: false,
        };
        if let Some(domains) = self.shared.filter.domains() {
            domains.walk(name, |labels, set| listed.push(labels, set));
        }
        listed
    }

    /// Step 9: fragments before expressions, and of each the first in order of text, among those
    /// that have a category left to block.
    fn pattern(
        &self,
        name: &DomainName,
        listed: &Listed<'_>,
        lifted: CategorySet,
    ) -> Option<Pattern> {
        let mut first: Option<Pattern> = None;
        self.each_pattern(name, |kind, index, entries| {
            if first.is_none_or(|first| (kind, index) < (first.kind, first.index)) {
                let blocking = entries.iter().find(|entry| listed.blocks(**entry, lifted));
                first = blocking.map(|&entry| Pattern { kind, index, entry }).or(first);
            }
        });
        first
    }

    /// Calls `found` with each pattern in the name, perhaps more than once, and its rule set.
    fn each_pattern(&self, name: &DomainName, mut found: impl FnMut(PatternKind, usize, &[Entry])) {
        let filter = &self.shared.filter;
        let (fragments, expressions) = (&filter.fragments, &filter.expressions);
        let Some(automata) = filter.automata() else { return };
        if automata.is_empty() {
            return;
        }
        let text = MatchText::new(name);
        automata.fragments(&text, |index| {
            let entries = filter.rule_sets.get(fragments.rule_sets[index]);
            found(PatternKind::Fragment, index, entries);
        });
        automata.expressions(&text, |index| {
            let entries = filter.rule_sets.get(expressions.rule_sets[index]);
            found(PatternKind::Expression, index, entries);
        });
    }

    fn reason(&self, name: &DomainName, listed: &Listed<'_>, decision: &Decision) -> Reason<'_> {
        let filter = &self.shared.filter;
        let entry = decision.by.entry();
        let category = entry.and_then(|entry| {
            let lifted = match decision.by {
                By::Important(_) => CategorySet::EMPTY,
                By::Rule(rule) => listed.lifted_at(rule.labels),
                _ => listed.lifted_at(0),
            };
            self.in_force(entry).blocks.difference(lifted).iter().next()
        });
        Reason {
            step: decision.by.step(),
            category: category.map(|category| filter.manifest.categories.info(category)),
            source: entry.and_then(|entry| self.source_name(entry)),
            matched: self.matched(name, &decision.by),
            spares_descendants: self.spares_descendants(name, listed, decision),
        }
    }

    fn spares_descendants(
        &self,
        name: &DomainName,
        listed: &Listed<'_>,
        decision: &Decision,
    ) -> bool {
        let exact = match decision.by {
            By::Operator(OperatorRule { scope, .. }) => !scope.covers_descendants(),
            By::Important(rule) | By::Rule(rule) => !rule.entry.scope().covers_descendants(),
            // An expression may ask for the name's beginning: of names below it says nothing.
            By::Pattern(pattern) => match pattern.kind {
                PatternKind::Expression => true,
                PatternKind::Fragment => {
                    self.shared.filter.fragments.texts[pattern.index].starts_with('|')
                }
            },
            // Names of an admitted category may lie anywhere.
            By::Default => self.shared.admits_categories,
        };
        let operator_allows_below =
            || self.shared.operator.as_ref().is_some_and(|names| names.allows_below(name));
        // The operator's refusal is not lifted by lists.
        let lists_allow_below = || !matches!(decision.by, By::Operator(_)) && listed.allows_below();
        exact || operator_allows_below() || lists_allow_below()
    }

    fn matched(&self, name: &DomainName, by: &By) -> Matched<'_> {
        let filter = &self.shared.filter;
        match *by {
            By::Operator(OperatorRule { labels, scope, .. }) => {
                Matched::Domain { name: name.suffix(labels), scope }
            }
            By::Important(rule) | By::Rule(rule) => {
                Matched::Domain { name: name.suffix(rule.labels), scope: rule.entry.scope() }
            }
            By::Pattern(Pattern { kind: PatternKind::Fragment, index, .. }) => {
                Matched::Fragment { text: &filter.fragments.texts[index] }
            }
            By::Pattern(Pattern { kind: PatternKind::Expression, index, .. }) => {
                Matched::Expression { text: &filter.expressions.texts[index] }
            }
            By::Default => Matched::Nothing,
        }
    }

    /// Every match in order of precedence, with what it would be for; the default last.
    fn candidates(&self, name: &DomainName, listed: &Listed<'_>) -> Vec<(By, Candidate<'_>)> {
        let mut candidates = Vec::new();
        let operator = self.shared.operator.iter().flat_map(|names| names.matching(name));
        candidates.extend(operator.map(|rule| self.candidate(name, listed, By::Operator(rule))));
        let important = listed.rules().filter(|rule| listed.is_important_block(*rule));
        candidates.extend(important.map(|rule| self.candidate(name, listed, By::Important(rule))));
        let rules = listed.rules().filter(|rule| !listed.is_important_block(*rule));
        candidates.extend(rules.map(|rule| self.candidate(name, listed, By::Rule(rule))));
        let mut patterns = BTreeSet::new();
        self.each_pattern(name, |kind, index, entries| {
            patterns.extend(entries.iter().map(|&entry| Pattern { kind, index, entry }));
        });
        let patterns = patterns.into_iter().map(By::Pattern);
        candidates.extend(patterns.map(|by| self.candidate(name, listed, by)));
        candidates.push(self.candidate(name, listed, By::Default));
        candidates
    }

    fn candidate(&self, name: &DomainName, listed: &Listed<'_>, by: By) -> (By, Candidate<'_>) {
        let filter = &self.shared.filter;
        let names = |set: CategorySet| {
            let name = |category: Category| filter.manifest.categories.info(category).name.as_str();
            set.iter().map(name).collect::<Vec<_>>()
        };
        let source = by.entry().and_then(|entry| filter.sources.get(usize::from(entry.source())));
        let effect = match &by {
            By::Operator(rule) if rule.allows => Effect::Allow,
            By::Default if self.shared.mode == Mode::Open => Effect::Allow,
            By::Rule(rule) if rule.entry.is_exception() => Effect::Except,
            By::Rule(rule) if self.in_force(rule.entry).is_allow => Effect::Allow,
            _ => Effect::Block,
        };
        let lifts = by.entry().map_or(CategorySet::EMPTY, |entry| self.in_force(entry).lifts);
        let candidate = Candidate {
            step: by.step(),
            effect,
            matched: self.matched(name, &by),
            source: by.entry().and_then(|entry| self.source_name(entry)),
            categories: source.map(|source| names(source.categories)).unwrap_or_default(),
            lifts: if effect == Effect::Allow { names(lifts) } else { Vec::new() },
            standing: self.standing(listed, &by, effect),
        };
        (by, candidate)
    }

    /// What became of a candidate that did not decide.
    fn standing(&self, listed: &Listed<'_>, by: &By, effect: Effect) -> Standing {
        let Some(entry) = by.entry() else { return Standing::Outranked };
        let source = self.in_force(entry);
        let idle = match effect {
            Effect::Block => source.blocks.is_empty(),
            Effect::Allow => source.lifts.is_empty() && self.shared.mode == Mode::Open,
            Effect::Except => source.blocks.is_empty(),
        };
        let lifted = match by {
            By::Rule(rule) => listed.lifted_at(rule.labels),
            By::Pattern(_) => listed.lifted_at(0),
            _ => CategorySet::EMPTY,
        };
        match effect {
            _ if idle => Standing::NotInForce,
            Effect::Block if listed.is_excepted(entry) => Standing::Excepted,
            Effect::Block if source.blocks.difference(lifted).is_empty() => Standing::Lifted,
            _ => Standing::Outranked,
        }
    }

    #[inline]
    fn in_force(&self, entry: Entry) -> SourceInForce {
        // Entries were checked against the number of sources when the bundle was opened.
        self.shared.sources[usize::from(entry.source())]
    }

    fn source_name(&self, entry: Entry) -> Option<&str> {
        let record = self.shared.filter.manifest.sources.get(usize::from(entry.source()))?;
        Some(&record.source.name)
    }
}

impl fmt::Debug for BoundFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundFilter").field("profile", &self.profile()).finish_non_exhaustive()
    }
}

/// What was decided, and by what.
struct Decision {
    blocked: bool,
    by: By,
}

impl Decision {
    fn block(by: By) -> Self {
        Self { blocked: true, by }
    }

    fn allow(by: By) -> Self {
        Self { blocked: false, by }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Operator(OperatorRule),
    Important(ListRule),
    Rule(ListRule),
    Pattern(Pattern),
    Default,
}

/// An entry of a rule set on the asked name or an ancestor of so many labels.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ListRule {
    labels: usize,
    entry: Entry,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    kind: PatternKind,
    index: usize,
    entry: Entry,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PatternKind {
    Fragment,
    Expression,
}

impl By {
    fn step(&self) -> Step {
        match self {
            Self::Operator(_) => Step::OperatorNames,
            Self::Important(_) => Step::ImportantRules,
            Self::Rule(_) => Step::ListRules,
            Self::Pattern(_) => Step::Patterns,
            Self::Default => Step::Default,
        }
    }

    fn entry(&self) -> Option<Entry> {
        match self {
            Self::Important(rule) | Self::Rule(rule) => Some(rule.entry),
            Self::Pattern(pattern) => Some(pattern.entry),
            Self::Operator(_) | Self::Default => None,
        }
    }
}

/// What lists say of a name and its ancestors.
struct Listed<'a> {
    bound: &'a BoundFilter,
    /// Labels of the asked name.
    labels: usize,
    /// Rule set of each listed ancestor or self, root first, with its number of labels.
    path: [(u8, u32); MAX_LABELS + 1],
    depth: usize,
    has_exceptions: bool,
}

/// What allow rules did to a name that no list rule blocks.
struct Allowance {
    /// Categories lifted from it.
    lifted: CategorySet,
    /// The rule that allowed it, where there was something to allow it from.
    by: Option<ListRule>,
}

impl Listed<'_> {
    #[inline]
    fn push(&mut self, labels: usize, set: u32) {
        self.path[self.depth] = (labels as u8, set);
        self.depth += 1;
        let entries = self.bound.shared.filter.rule_sets.get(set);
        self.has_exceptions |= entries.iter().any(|entry| entry.is_exception());
    }

    /// Rules that match the name: most specific first, then in order of source.
    fn rules(&self) -> impl Iterator<Item = ListRule> {
        self.path[..self.depth].iter().rev().flat_map(move |&(labels, set)| {
            let labels = usize::from(labels);
            let entries = self.bound.shared.filter.rule_sets.get(set).iter();
            let matching = entries.filter(move |entry| {
                !entry.is_allow_below() && entry.scope().applies(labels == self.labels)
            });
            matching.map(move |&entry| ListRule { labels, entry })
        })
    }

    /// True when the rule of that entry refuses something that is not lifted or cancelled.
    fn blocks(&self, entry: Entry, lifted: CategorySet) -> bool {
        !entry.is_exception()
            && !self.bound.in_force(entry).blocks.difference(lifted).is_empty()
            && !self.is_excepted(entry)
    }

    /// True when an exception of the same source cancels the rule, wherever each of them stands.
    fn is_excepted(&self, entry: Entry) -> bool {
        self.has_exceptions
            && self.rules().any(|rule| {
                rule.entry.is_exception()
                    && rule.entry.source() == entry.source()
                    && (rule.entry.is_important() || !entry.is_important())
            })
    }

    fn is_important_block(&self, rule: ListRule) -> bool {
        rule.entry.is_important()
            && !rule.entry.is_exception()
            && !self.bound.in_force(rule.entry).is_allow
    }

    /// Step 7.
    fn important(&self) -> Option<ListRule> {
        let blocks = |rule: &ListRule| {
            self.is_important_block(*rule) && self.blocks(rule.entry, CategorySet::EMPTY)
        };
        widest(self.rules().filter(blocks))
    }

    /// Step 8: the rule that blocks, or what allow rules did.
    fn most_specific(&self) -> Result<Allowance, ListRule> {
        let mut lifted = CategorySet::EMPTY;
        for &(labels, _) in self.path[..self.depth].iter().rev() {
            let labels = usize::from(labels);
            let level = || self.rules().filter(move |rule| rule.labels == labels);
            for rule in level().filter(|rule| !rule.entry.is_exception()) {
                lifted = lifted.union(self.bound.in_force(rule.entry).lifts);
            }
            if let Some(rule) = widest(level().filter(|rule| self.blocks(rule.entry, lifted))) {
                return Err(rule);
            }
        }
        Ok(Allowance { lifted, by: self.rules().find(|rule| self.allows(*rule)) })
    }

    /// True when the rule opens the name: in a closed profile because it names it, in an open one
    /// because it lifts or cancels something that the profile blocks.
    fn allows(&self, rule: ListRule) -> bool {
        let source = self.bound.in_force(rule.entry);
        let same_source = |other: ListRule| other.entry.source() == rule.entry.source();
        match (self.bound.shared.mode, rule.entry.is_exception()) {
            (Mode::Closed, is_exception) => source.admits && !is_exception,
            (Mode::Open, false) => !source.lifts.is_empty(),
            (Mode::Open, true) => {
                !source.blocks.is_empty()
                    && self.rules().any(|other| !other.entry.is_exception() && same_source(other))
            }
        }
    }

    /// Categories lifted from rules on the ancestor or self of so many labels.
    fn lifted_at(&self, labels: usize) -> CategorySet {
        let lifting = |rule: &ListRule| rule.labels >= labels && !rule.entry.is_exception();
        let lifts = self.rules().filter(lifting).map(|rule| self.bound.in_force(rule.entry).lifts);
        lifts.fold(CategorySet::EMPTY, CategorySet::union)
    }

    /// True when an allow rule or exception that is in force lies below the asked name.
    fn allows_below(&self) -> bool {
        let Some(&(labels, set)) = self.path[..self.depth].last() else { return false };
        let in_force = |entry: &Entry| {
            let source = self.bound.in_force(*entry);
            match source.is_allow {
                true => !source.lifts.is_empty() || self.bound.shared.mode == Mode::Closed,
                false => !source.blocks.is_empty(),
            }
        };
        let entries = self.bound.shared.filter.rule_sets.get(set);
        usize::from(labels) == self.labels
            && entries.iter().any(|entry| entry.is_allow_below() && in_force(entry))
    }
}

/// The first rule, or one on the same name that also covers what is below it.
fn widest(mut rules: impl Iterator<Item = ListRule>) -> Option<ListRule> {
    let first = rules.next()?;
    if first.entry.scope().covers_descendants() {
        return Some(first);
    }
    let wider = rules
        .take_while(|rule| rule.labels == first.labels)
        .find(|rule| rule.entry.scope().covers_descendants());
    Some(wider.unwrap_or(first))
}

/// The operator's names, as a dictionary from names to [`operator`] bits.
struct OperatorNames {
    fst: Vec<u8>,
}

/// One of the operator's names, on the asked name or an ancestor of so many labels.
#[derive(Clone, Copy, PartialEq, Eq)]
struct OperatorRule {
    labels: usize,
    scope: Scope,
    allows: bool,
}

/// What an operator says of a name; bits of a dictionary's value.
mod operator {
    pub(super) const BLOCK: u32 = 1;
    pub(super) const BLOCK_BELOW: u32 = 2;
    pub(super) const ALLOW: u32 = 4;
    pub(super) const ALLOW_BELOW: u32 = 8;
    /// A name that the operator allows lies below.
    pub(super) const SPARES_BELOW: u32 = 16;
}

impl OperatorNames {
    /// None when the profile names no host.
    fn compile(profile: &Profile) -> Result<Option<Self>, BindError> {
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
                    *names.entry(key.to_vec()).or_default() |= operator::SPARES_BELOW;
                    ancestor = parent_key(key);
                }
            }
            *names.entry(key).or_default() |= match (allows, below) {
                (false, false) => operator::BLOCK,
                (false, true) => operator::BLOCK_BELOW,
                (true, false) => operator::ALLOW,
                (true, true) => operator::ALLOW_BELOW,
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

    /// Step 5: the most specific of the operator's names that match; allow where two are.
    fn decide(&self, name: &DomainName) -> Option<Decision> {
        let mut deciding = None;
        self.walk(name, |rule| deciding = Some(rule));
        deciding.map(|rule| Decision { blocked: !rule.allows, by: By::Operator(rule) })
    }

    /// All that match, in order of precedence.
    fn matching(&self, name: &DomainName) -> Vec<OperatorRule> {
        let mut rules = Vec::new();
        self.walk(name, |rule| rules.push(rule));
        rules.reverse();
        rules
    }

    /// Calls `found` with each rule that matches, the one that decides last.
    fn walk(&self, name: &DomainName, mut found: impl FnMut(OperatorRule)) {
        use operator::{ALLOW, ALLOW_BELOW, BLOCK, BLOCK_BELOW};
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

    fn allows_below(&self, name: &DomainName) -> bool {
        let asked = name.label_count();
        let mut found = false;
        if let Ok(domains) = Domains::open(&self.fst) {
            domains.walk(name, |labels, bits| {
                found |= labels == asked && bits & operator::SPARES_BELOW != 0;
            });
        }
        found
    }
}
