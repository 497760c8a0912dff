//! Names that no list knows: the end of step 9.

use super::{BoundFilter, Unlisted, listed::Listed};
use crate::{
    Category, CategorySet, DomainName, Learned, LearnedRecord, Profile,
    filter::{BindError, Inner},
    raw::learned::Scores,
};

/// What the table means for one profile.
#[derive(Clone, Copy)]
pub(super) struct LearnedInForce {
    bases: Scores,
    /// The score from which on a name is refused; out of reach for what the profile does not refuse.
    thresholds: Scores,
    categories: [Option<Category>; Learned::MAX_CATEGORIES],
}

const OUT_OF_REACH: i32 = i32::MAX;

impl LearnedInForce {
    /// None when the profile refuses nothing for its pieces.
    pub(super) fn of(
        filter: &Inner,
        profile: &Profile,
        blocked: CategorySet,
    ) -> Result<Option<Self>, BindError> {
        let Some(LearnedRecord { categories, .. }) = &filter.manifest.learned else {
            return Ok(None);
        };
        let mut in_force = Self {
            bases: Scores::default(),
            thresholds: [OUT_OF_REACH; Learned::MAX_CATEGORIES],
            categories: [None; Learned::MAX_CATEGORIES],
        };
        for (lane, summary) in categories.iter().enumerate().take(Learned::MAX_CATEGORIES) {
            let own = filter.manifest.categories.set([&summary.name])?.intersection(blocked);
            let (Some(category), Some(threshold)) =
                (own.iter().next(), summary.threshold(profile.unlisted))
            else {
                continue;
            };
            in_force.bases[lane] = summary.base;
            in_force.thresholds[lane] = threshold;
            in_force.categories[lane] = Some(category);
        }
        let any = in_force.categories.iter().any(Option::is_some);
        Ok(any.then_some(in_force))
    }
}

impl BoundFilter {
    /// The first category of the table that refuses a name which no list knows, of those that are not
    /// lifted.
    #[inline]
    pub(super) fn unlisted(
        &self,
        name: &DomainName,
        lifted: CategorySet,
        counts: &impl Fn(usize) -> bool,
    ) -> Option<Unlisted> {
        self.shared.learned.as_ref()?;
        self.scored(name, counts).find(|unlisted| {
            unlisted.refuses
                && !CategorySet::EMPTY.with(unlisted.category).difference(lifted).is_empty()
        })
    }

    /// What the table says of a name for each category in force.
    pub(super) fn scored(
        &self,
        name: &DomainName,
        counts: &impl Fn(usize) -> bool,
    ) -> impl Iterator<Item = Unlisted> {
        let in_force = self.shared.learned.as_ref();
        let learned = self.shared.filter.learned();
        let site = in_force.and_then(|_| name.site_labels()).filter(|&site| counts(site));
        let scored = in_force.zip(learned).zip(site);
        let scored =
            scored.map(|((in_force, learned), site)| (in_force, learned.scores(name, site)));
        scored.into_iter().flat_map(|(in_force, scores)| {
            (0..Learned::MAX_CATEGORIES).filter_map(move |lane| {
                let score = in_force.bases[lane].saturating_add(scores[lane]);
                Some(Unlisted {
                    lane,
                    threshold: in_force.thresholds[lane],
                    category: in_force.categories[lane]?,
                    refuses: score >= in_force.thresholds[lane],
                })
            })
        })
    }
}

impl Listed<'_> {
    /// True when some list has a rule for the name, whatever it does.
    pub(super) fn is_listed(&self) -> bool {
        self.rules().next().is_some()
    }
}
