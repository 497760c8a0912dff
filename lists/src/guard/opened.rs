//! Names that the previous bundle refused and the new one lets pass. A list may keep its size and
//! exchange its names, mean less by each, except a whole zone, or lie under an allow source that grew:
//! counts show none of that, names do.

use std::{cmp::Ordering, collections::BTreeMap, iter};

use filter_core::{
    BindError, BoundFilter, DomainName, Filter, ListedName, Profile, Scope, Verdict,
};
use rayon::prelude::*;

use super::{
    Finding, GuardPolicy, Part, Problem,
    change::{exceeds, judged},
    policy::MIN_LOSS,
};

/// Names that one thread asks for at a time.
const CHUNK: usize = 4_096;

/// Stands for whatever lies below a name.
const ANY_HOST: &str = "x";

/// Names of a source or category that are kept as examples.
const EXAMPLES: usize = 3;

/// Asks both bundles, as children of the built-in profile, for every name that the previous one
/// lists, and for one below it where a rule covers what lies there.
///
/// # Errors
/// [`BindError`], when the previous bundle cannot be asked.
pub(super) fn opened(
    previous: &Filter,
    new: &Filter,
    policy: &GuardPolicy,
) -> Result<Vec<Finding>, BindError> {
    let mut child = Profile::named("child").expect("a built-in profile");
    // Bundles of older versions have fewer categories.
    child.block.retain(|category| previous.manifest().categories.get(category).is_some());
    let before = previous.bind(&child)?;
    // A new one that cannot be asked is refused for that.
    let Ok(now) = new.bind(&child) else { return Ok(Vec::new()) };

    let mut names = previous.names();
    let chunks = iter::from_fn(|| {
        let chunk: Vec<_> = names.by_ref().take(CHUNK).collect();
        (!chunk.is_empty()).then_some(chunk)
    });
    let tally = chunks
        .par_bridge()
        .map(|chunk| {
            let mut tally = Tally::default();
            for name in chunk.iter().flat_map(questions) {
                tally.ask(&name, &before, &now);
            }
            tally
        })
        .reduce(Tally::default, Tally::merged);
    Ok(tally.findings(policy))
}

/// What to ask for, so that each rule on a name decides at least once.
fn questions(listed: &ListedName<'_>) -> impl Iterator<Item = DomainName> {
    let covers = |uncovering: Scope| {
        let mut rules = listed.rules().filter(|rule| !rule.options.exception);
        rules.any(|rule| rule.scope != uncovering)
    };
    let itself = covers(Scope::SubdomainsOnly).then(|| listed.name.clone());
    // Nothing lies below a name as long as names may be.
    let below = covers(Scope::Exact).then(|| format!("{ANY_HOST}.{}", listed.name).parse().ok());
    itself.into_iter().chain(below.flatten())
}

/// What became of the names that were refused, by the source and category that decided.
#[derive(Default)]
struct Tally<'a>(BTreeMap<(&'a str, &'a str), Refused>);

/// Names that were refused.
#[derive(Default)]
struct Refused {
    names: u64,
    /// Those that pass now.
    open: u64,
    /// The first of these, in canonical order.
    first: Vec<DomainName>,
}

impl<'a> Tally<'a> {
    fn ask(&mut self, name: &DomainName, before: &'a BoundFilter, now: &BoundFilter) {
        let Verdict::Blocked(reason) = before.verdict(name) else { return };
        // An open profile without names of its own refuses nothing by itself.
        let (Some(source), Some(category)) = (reason.source, reason.category) else { return };
        let refused = self.0.entry((source, &category.name)).or_default();
        refused.names += 1;
        if !now.verdict(name).is_blocked() {
            refused.open += 1;
            refused.keep(name);
        }
    }

    fn merged(mut self, other: Self) -> Self {
        for (decided_by, refused) in other.0 {
            self.0.entry(decided_by).or_default().add(&refused);
        }
        self
    }

    fn findings(&self, policy: &GuardPolicy) -> Vec<Finding> {
        let mut parts = BTreeMap::<Part, (Refused, u128, u64)>::new();
        for (&(source, category), refused) in &self.0 {
            let source = Part::Source(source.to_owned());
            // A category may lose what its sources may lose together, and what somebody accepted of
            // one of them.
            let is_accepted = policy.accept_shrink.accepts(&source);
            let limit = u128::from(refused.names) * u128::from(policy.max_loss(&source));
            for part in [source, Part::Category(category.to_owned())] {
                let (sum, limits, accepted) = parts.entry(part).or_default();
                sum.add(refused);
                *limits += limit;
                *accepted += if is_accepted { refused.open } else { 0 };
            }
        }
        let finding = |(what, (refused, limits, accepted)): (Part, (Refused, u128, u64))| {
            let Refused { names: before, open, first } = refused;
            let limit = u8::try_from(limits / u128::from(before.max(1))).unwrap_or(u8::MAX);
            let is_much = |open| open >= MIN_LOSS && exceeds(open, before, limit.into());
            if !is_much(open) {
                return None;
            }
            let accepted = policy.accept_shrink.accepts(&what) || !is_much(open - accepted);
            Some(judged(Problem::Opened { what, before, open, limit, first }, accepted))
        };
        parts.into_iter().filter_map(finding).collect()
    }
}

impl Refused {
    fn add(&mut self, other: &Self) {
        self.names += other.names;
        self.open += other.open;
        for name in &other.first {
            self.keep(name);
        }
    }

    /// Keeps a name if it is among the first: threads finish in any order.
    fn keep(&mut self, name: &DomainName) {
        let at = self.first.partition_point(|kept| kept.canonical_cmp(name) == Ordering::Less);
        if at < EXAMPLES {
            self.first.insert(at, name.clone());
            self.first.truncate(EXAMPLES);
        }
    }
}
