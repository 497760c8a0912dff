//! A filter bound to a profile: where a question is decided.
//!
//! [`BoundFilter::decide`] is the precedence, top to bottom. A verdict and a trace are two ways of
//! telling its decision.

mod answers;
mod explain;
mod homographs;
mod listed;
mod operator;
mod plain;
mod text;
mod unlisted;
mod url;

use std::{collections::BTreeSet, fmt, sync::Arc};

pub use self::answers::Answers;
use self::{
    homographs::Homograph,
    listed::Listed,
    operator::{OperatorNames, OperatorRule},
    plain::{Plain, Refusal, SetInForce},
    unlisted::LearnedInForce,
};
use crate::{
    Category, CategorySet, DomainName, Mode, Network, Profile, Source, Verdict,
    filter::{BindError, Inner},
    raw::{networks::Networks, patterns::MatchText, rule_sets::Entry},
    rule::Action,
    score::Scored,
    verdict::{Matcher, Reason, Step},
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
    text_threshold: u32,
    /// What is refused though no list knows it; none where nothing is.
    learned: Option<LearnedInForce>,
    /// Some site is protected from homographs.
    tells_homographs: bool,
    /// What each source does in this profile, in the order of the manifest's sources.
    sources: Vec<SourceInForce>,
    operator: Option<OperatorNames>,
    /// The operator's networks.
    networks: Networks,
    /// What each rule set means by itself, by its number.
    sets: Vec<SetInForce>,
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
    /// A rule of it may make a name pass that would not without.
    opens: bool,
    /// It protects sites: its rules may be what those are mistyped as.
    protects: bool,
}

impl BoundFilter {
    pub(crate) fn new(filter: Arc<Inner>, profile: &Profile) -> Result<Self, BindError> {
        let categories = &filter.manifest.categories;
        let allowed = categories.set(&profile.allow)?;
        let blocked = categories.set(&profile.block)?.difference(allowed);
        let protecting = filter.protecting();
        let sources = filter.sources.iter().enumerate().map(|(number, source)| {
            let is_allow = source.action == Action::Allow;
            let lifts = source.lifts.intersection(blocked);
            let admits = is_allow || !source.categories.intersection(allowed).is_empty();
            SourceInForce {
                blocks: match source.action {
                    Action::Block => source.categories.intersection(blocked),
                    Action::Allow => CategorySet::EMPTY,
                },
                lifts,
                admits,
                is_allow,
                opens: !lifts.is_empty() || admits && profile.mode == Mode::Closed,
                protects: protecting.contains(&number),
            }
        });
        let sources: Vec<_> = sources.collect();
        let shared = Shared {
            tells_homographs: sources
                .iter()
                .any(|s: &SourceInForce| s.protects && !s.blocks.is_empty()),
            sources,
            operator: OperatorNames::compile(profile)?,
            networks: distinct(&profile.block_networks),
            profile: profile.name.clone(),
            mode: profile.mode,
            text_threshold: profile.text_threshold,
            learned: LearnedInForce::of(&filter, profile, blocked)?,
            admits_categories: !allowed.is_empty(),
            sets: Vec::new(),
            filter,
        };
        let mut bound = Self { shared: Arc::new(shared) };
        let sets = bound.shared.filter.rule_sets.numbers();
        let sets = sets.map(|set| SetInForce::of(&bound, set)).collect();
        Arc::get_mut(&mut bound.shared).expect("nobody else has it yet").sets = sets;
        Ok(bound)
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
        match self.plain(name) {
            Some(Plain::Passed) => Verdict::Allowed,
            Some(Plain::Refused(refusal)) => Verdict::Blocked(self.plain_reason(refusal)),
            None => self.involved_verdict(name),
        }
    }

    #[inline(never)]
    fn involved_verdict(&self, name: &DomainName) -> Verdict<'_> {
        let listed = Listed::of(self, name);
        let decision = self.decide(name, &listed);
        match decision.blocked {
            false => Verdict::Allowed,
            true => Verdict::Blocked(self.reason(name, &listed, &decision)),
        }
    }

    /// The rank of rules that allows a name; `None` where it is refused.
    pub fn allowed_by(&self, name: &DomainName) -> Option<Step> {
        if let Some(plain) = self.plain(name) {
            return plain.allowed_by();
        }
        let decision = self.decide(name, &Listed::of(self, name));
        (!decision.blocked).then(|| decision.by.step())
    }

    /// The profile's name.
    pub fn profile(&self) -> &str {
        &self.shared.profile
    }

    /// The precedence: the first step that applies decides.
    fn decide(&self, name: &DomainName, listed: &Listed<'_>) -> Decision {
        self.decide_counting(name, listed, &|_| true)
    }

    /// The same, as if rules on ancestors of so many labels that do not count were not there;
    /// `listed` is without them already.
    fn decide_counting(
        &self,
        name: &DomainName,
        listed: &Listed<'_>,
        counts: &impl Fn(usize) -> bool,
    ) -> Decision {
        let operator = self.shared.operator.as_ref();
        if let Some(decision) = operator.and_then(|names| names.decide(name, counts)) {
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
        if !listed.is_listed() {
            if let Some(homograph) = self.homograph(name, allowance.lifted, counts) {
                return Decision::block(By::Homograph(homograph));
            }
            if let Some(unlisted) = self.unlisted(name, allowance.lifted, counts) {
                return Decision::block(By::Score(unlisted));
            }
        }
        match (allowance.by, self.shared.mode) {
            (Some(rule), _) => Decision::allow(By::Rule(rule)),
            (None, Mode::Open) => Decision::allow(By::Default),
            (None, Mode::Closed) => Decision::block(By::Default),
        }
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
                let blocking = entries
                    .iter()
                    .map(|&entry| Pattern { kind, index, entry })
                    .find(|pattern| listed.blocks(pattern.as_rule(), lifted));
                first = blocking.or(first);
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
        let scored = match decision.by {
            By::Score(unlisted) => Some(unlisted.category),
            _ => None,
        };
        let category = entry.and_then(|entry| {
            let lifted = match decision.by {
                By::Important(_) => CategorySet::EMPTY,
                By::Rule(rule) => listed.lifted_at(rule.labels),
                _ => listed.lifted_at(0),
            };
            self.in_force(entry).blocks.difference(lifted).iter().next()
        });
        let category = category.or(scored);
        let source = entry.and_then(|entry| self.source(entry));
        Reason {
            step: decision.by.step(),
            category: category.map(|category| filter.manifest.categories.info(category)),
            source: source.map(|source| source.name.as_str()),
            is_legal: source.is_some_and(|source| source.legal),
            matcher: self.matcher(&decision.by),
            spares_descendants: self.spares_descendants(name, listed, decision),
        }
    }

    fn plain_reason(&self, refusal: Refusal) -> Reason<'_> {
        let Refusal { rule: ListRule { labels, entry }, spares_descendants } = refusal;
        let category = self.in_force(entry).blocks.iter().next();
        let source = self.source(entry);
        Reason {
            step: Step::ListRules,
            category: category
                .map(|category| self.shared.filter.manifest.categories.info(category)),
            source: source.map(|source| source.name.as_str()),
            is_legal: source.is_some_and(|source| source.legal),
            matcher: self.domain_matcher(labels, entry),
            spares_descendants,
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
            By::Important(rule) | By::Rule(rule) => !listed.covers_descendants(rule),
            // An expression may ask for the name's beginning: of names below it says nothing.
            By::Pattern(pattern) => match pattern.kind {
                PatternKind::Expression => true,
                PatternKind::Fragment => {
                    self.shared.filter.fragments.texts[pattern.index].starts_with('|')
                }
            },
            // Lists may know names below.
            By::Homograph(_) | By::Score(_) => true,
            // Names of an admitted category may lie anywhere.
            By::Default => self.shared.admits_categories,
        };
        let operator_allows_below =
            || self.shared.operator.as_ref().is_some_and(|names| names.allows_below(name));
        // The operator's refusal is not lifted by lists.
        let lists_allow_below = || !matches!(decision.by, By::Operator(_)) && listed.allows_below();
        exact || operator_allows_below() || lists_allow_below()
    }

    fn matcher(&self, by: &By) -> Matcher<'_> {
        let filter = &self.shared.filter;
        match *by {
            By::Operator(OperatorRule { labels, scope, .. }) => Matcher::Domain { labels, scope },
            By::Important(ListRule { labels, entry }) | By::Rule(ListRule { labels, entry }) => {
                self.domain_matcher(labels, entry)
            }
            By::Homograph(homograph) => self.homograph_matcher(homograph),
            By::Pattern(Pattern { kind: PatternKind::Fragment, index, .. }) => {
                Matcher::Fragment(&filter.fragments.texts[index])
            }
            By::Pattern(Pattern { kind: PatternKind::Expression, index, .. }) => {
                Matcher::Expression(&filter.expressions.texts[index])
            }
            By::Score(Unlisted { lane, threshold, .. }) => {
                Matcher::Score(Scored { filter, lane, threshold })
            }
            By::Default => Matcher::Nothing,
        }
    }

    fn domain_matcher(&self, labels: usize, entry: Entry) -> Matcher<'_> {
        let scope = entry.scope();
        match self.in_force(entry).protects {
            true => Matcher::Typo { labels, scope, protected: &self.shared.filter.protected },
            false => Matcher::Domain { labels, scope },
        }
    }

    #[inline]
    fn in_force(&self, entry: Entry) -> SourceInForce {
        // Entries were checked against the number of sources when the bundle was opened.
        self.shared.sources[usize::from(entry.source())]
    }

    /// True when the entry may make a name pass that would not without it.
    #[inline]
    fn opens(&self, entry: Entry) -> bool {
        let source = self.in_force(entry);
        match entry.is_exception() {
            true => !source.blocks.is_empty(),
            false => source.opens && !entry.is_allow_below(),
        }
    }

    fn source(&self, entry: Entry) -> Option<&Source> {
        let record = self.shared.filter.manifest.sources.get(usize::from(entry.source()))?;
        Some(&record.source)
    }
}

impl fmt::Debug for BoundFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundFilter").field("profile", &self.profile()).finish_non_exhaustive()
    }
}

/// The operator's networks, each once, as they are told.
fn distinct(networks: &[Network]) -> Networks {
    const NO_RULE_SET: u32 = 0;
    let networks: BTreeSet<_> = networks.iter().map(Network::trunc).collect();
    networks.into_iter().map(|network| (network, NO_RULE_SET)).collect()
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
    Homograph(Homograph),
    Score(Unlisted),
    Default,
}

/// What the pieces of a name that no list knows come to, in one lane of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Unlisted {
    lane: usize,
    threshold: i32,
    category: Category,
    refuses: bool,
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

impl Pattern {
    /// As if it stood on the root: less specific than any rule on a name.
    fn as_rule(self) -> ListRule {
        ListRule { labels: 0, entry: self.entry }
    }
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
            Self::Homograph(_) => Step::Homographs,
            Self::Score(_) => Step::Score,
            Self::Default => Step::Default,
        }
    }

    fn list_rule(&self) -> Option<ListRule> {
        match self {
            Self::Important(rule) | Self::Rule(rule) => Some(*rule),
            Self::Pattern(pattern) => Some(pattern.as_rule()),
            Self::Homograph(homograph) => Some(homograph.as_rule()),
            Self::Operator(_) | Self::Score(_) | Self::Default => None,
        }
    }

    fn entry(&self) -> Option<Entry> {
        self.list_rule().map(|rule| rule.entry)
    }
}
