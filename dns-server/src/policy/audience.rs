//! What a group's clients may see as long as their schedule says so.

use filter_core::BoundFilter;

use super::refusal::{RefusalForm, Telling};

/// What a group's clients may see, ready to be asked.
#[derive(Clone, Debug)]
pub struct Audience {
    /// What a higher authority refuses them: nothing below it loosens that.
    pub floor: Option<Level>,
    /// Their own profile.
    pub own: Level,
    /// What a refusal looks like.
    pub refusal: RefusalForm,
    /// What is told of its reason.
    pub telling: Telling,
}

/// One authority's profile, bound to the lists.
#[derive(Clone, Debug)]
pub struct Level {
    /// What it refuses.
    pub filter: BoundFilter,
    /// The same, with the categories that are only observed: what it would refuse with them.
    pub observed: Option<BoundFilter>,
}

impl Level {
    /// A profile that observes nothing.
    pub fn new(filter: BoundFilter) -> Self {
        Self { filter, observed: None }
    }
}
