//! What a bundle lost or gained since the previous one. Counts are of distinct rules, so that a list
//! that drops its duplicates loses nothing.

use std::collections::BTreeMap;

use filter_core::{Action, Manifest};

use super::{
    Finding, GuardPolicy, Part, Problem,
    policy::{MIN_GAIN, MIN_GROWTH, MIN_LOSS},
};

/// Compares what two bundles say of themselves: first the sources, in the order of the previous
/// bundle, then the categories.
///
/// Only sources are guarded against growth: a category grows as a source is added, which somebody
/// decided. Whoever accepts what a source lost accepts what its categories lose by it.
pub fn changes(previous: &Manifest, new: &Manifest, policy: &GuardPolicy) -> Vec<Finding> {
    let now: BTreeMap<_, _> = new.sources.iter().map(|r| (&r.source.name, r.rules)).collect();
    let mut findings = Vec::new();
    let mut accepted = BTreeMap::<_, u64>::new();
    for record in &previous.sources {
        let what = Part::Source(record.source.name.clone());
        let after = now.get(&record.source.name).copied().unwrap_or(0);
        if record.source.action == Action::Block && policy.accept_shrink.accepts(&what) {
            for category in &record.source.categories {
                *accepted.entry(category).or_default() += record.rules.saturating_sub(after);
            }
        }
        findings.extend(loss(&what, record.rules, after, policy));
        let least = match record.source.action {
            Action::Block => MIN_GROWTH,
            Action::Allow => MIN_GAIN,
        };
        findings.extend(gain(&what, record.rules, after, least, policy));
    }
    for (name, &before) in &previous.counts.by_category {
        let what = Part::Category(name.clone());
        let after = new.counts.by_category.get(name).copied().unwrap_or(0);
        let accepted = accepted.get(name).copied().unwrap_or(0);
        let is_rest_small = loss(&what, before, after.saturating_add(accepted), policy).is_none();
        let finding = loss(&what, before, after, policy);
        findings.extend(finding.map(|finding| match is_rest_small {
            true => Finding::warn(finding.problem),
            false => finding,
        }));
    }
    findings
}

fn loss(what: &Part, before: u64, after: u64, policy: &GuardPolicy) -> Option<Finding> {
    let limit = policy.max_loss(what);
    let lost = before.saturating_sub(after);
    let problem = if lost == 0 {
        return None;
    } else if after == 0 {
        Problem::Vanished { what: what.clone(), before }
    } else if lost >= MIN_LOSS && exceeds(lost, before, limit.into()) {
        Problem::Shrunk { what: what.clone(), before, after, limit }
    } else {
        return None;
    };
    Some(judged(problem, policy.accept_shrink.accepts(what)))
}

fn gain(what: &Part, before: u64, after: u64, least: u64, policy: &GuardPolicy) -> Option<Finding> {
    let limit = policy.max_growth(what);
    let gained = after.saturating_sub(before);
    if gained < least || !exceeds(gained, before, limit) {
        return None;
    }
    let problem = Problem::Grown { what: what.clone(), before, after, limit };
    Some(judged(problem, policy.accept_growth.accepts(what)))
}

/// True when `part` is more than so many percent of `whole`.
pub(super) fn exceeds(part: u64, whole: u64, percent: u32) -> bool {
    u128::from(part) * 100 > u128::from(whole) * u128::from(percent)
}

pub(super) fn judged(problem: Problem, accepted: bool) -> Finding {
    if accepted { Finding::warn(problem) } else { Finding::refuse(problem) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{Accept, Severity, policy::SourceLimits};

    const PART: &str = "ut1-adult";

    fn part() -> Part {
        Part::Source(PART.into())
    }

    #[test]
    fn losses() {
        let policy = GuardPolicy::limits_only();
        // Before, after, refused.
        let cases = [
            (1_000, 1_000, false),
            (1_000, 1_001, false),
            (1_000, 801, false),
            (1_000, 800, false),
            (1_000, 799, true),
            (1_000, 0, true),
            // A few names of a list edited by hand.
            (3, 2, false),
            (11, 2, false),
            (12, 2, true),
            (49, 40, false),
            (49, 39, true),
            // Whole lists, however small.
            (1, 0, true),
            (0, 0, false),
            (u64::MAX, u64::MAX / 2, true),
        ];
        for (before, after, refused) in cases {
            let finding = loss(&part(), before, after, &policy);
            assert_eq!(finding.is_some(), refused, "{before} → {after}");
        }
    }

    #[test]
    fn gains() {
        let policy = GuardPolicy::limits_only();
        let cases = [
            (1_000, 2_000, false),
            (1_000, 2_001, true),
            (10, 1_009, false),
            (10, 1_010, true),
            (0, 999, false),
            (0, 1_000, true),
            (1_000_000, 1_900_000, false),
            (0, u64::MAX, true),
        ];
        for (before, after, refused) in cases {
            let finding = gain(&part(), before, after, MIN_GROWTH, &policy);
            assert_eq!(finding.is_some(), refused, "{before} → {after}");
        }
        // What lifts: before, after, refused.
        for (before, after, refused) in
            [(1, 10, false), (1, 11, true), (20, 40, false), (1, 901, true)]
        {
            let finding = gain(&part(), before, after, MIN_GAIN, &policy);
            assert_eq!(finding.is_some(), refused, "allow: {before} → {after}");
        }
    }

    #[test]
    fn limits_of_a_source_are_its_own() {
        let own = SourceLimits { max_loss: Some(50), max_growth: Some(400) };
        let policy =
            GuardPolicy { sources: [(PART.to_owned(), own)].into(), ..GuardPolicy::limits_only() };
        assert_eq!(loss(&part(), 1_000, 500, &policy), None);
        assert!(loss(&part(), 1_000, 499, &policy).is_some());
        assert_eq!(gain(&part(), 1_000, 5_000, MIN_GROWTH, &policy), None);
        assert!(gain(&part(), 1_000, 5_001, MIN_GROWTH, &policy).is_some());
        let other = Part::Category(PART.into());
        assert!(loss(&other, 1_000, 500, &policy).is_some(), "a category is not the source");
    }

    #[test]
    fn what_somebody_accepted_is_a_warning() {
        let severity = |accept_shrink| {
            let policy = GuardPolicy { accept_shrink, ..GuardPolicy::limits_only() };
            loss(&part(), 1_000, 1, &policy).map(|finding| finding.severity)
        };
        let named = |name: &str| Accept::Named([name.to_owned()].into());
        assert_eq!(severity(Accept::Nothing), Some(Severity::Refuse));
        assert_eq!(severity(named("another")), Some(Severity::Refuse));
        assert_eq!(severity(named(PART)), Some(Severity::Warn));
        assert_eq!(severity(Accept::Everything), Some(Severity::Warn));
    }
}
