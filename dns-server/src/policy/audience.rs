//! What a group's clients may see as long as their schedule says so.

use std::sync::Arc;

use filter_core::BoundFilter;

use super::{
    refusal::{Contact, RefusalForm, Telling},
    search::{SearchMode, YouTube},
};

/// What a group's clients may see, ready to be asked.
#[derive(Clone, Debug)]
pub struct Audience {
    /// What a higher authority refuses them: nothing below it loosens that.
    pub floor: Option<Level>,
    /// Their own profile.
    pub own: Level,
    /// Programs that ask by a canary are told that the network filters.
    pub canaries: bool,
    /// What a refusal looks like.
    pub refusal: RefusalForm,
    /// What is told of its reason.
    pub telling: Telling,
    /// Whom structured errors name; `None`: nobody gets such.
    pub structured_errors: Option<Arc<Contact>>,
    /// Keys of encrypted client hellos are taken out of answers.
    pub remove_ech: bool,
}

impl Audience {
    /// A profile without a floor, with refusals as they are by default.
    pub fn plain(own: Level) -> Self {
        Self {
            floor: None,
            own,
            canaries: false,
            refusal: RefusalForm::default(),
            telling: Telling::default(),
            structured_errors: None,
            remove_ech: false,
        }
    }
}

/// One authority's profile, bound to the lists.
#[derive(Clone, Debug)]
pub struct Level {
    /// What it refuses.
    pub filter: BoundFilter,
    /// The same, with the categories that are only observed: what it would refuse with them.
    pub observed: Option<BoundFilter>,
    /// What it makes of search engines.
    pub search: SearchMode,
    /// What it makes of YouTube.
    pub youtube: YouTube,
}

impl Level {
    /// A profile that observes nothing, and leaves search engines as they are.
    pub fn new(filter: BoundFilter) -> Self {
        Self { filter, observed: None, search: SearchMode::Off, youtube: YouTube::Off }
    }

    /// The same, and no looser with search engines and YouTube than a higher authority.
    #[must_use]
    pub fn within(&self, floor: &Self) -> Self {
        Self {
            search: self.search.stricter(&floor.search),
            youtube: self.youtube.max(floor.youtube),
            ..self.clone()
        }
    }

    /// Whether it does anything about search engines or YouTube.
    pub fn searches_safely(&self) -> bool {
        self.search != SearchMode::Off || self.youtube != YouTube::Off
    }
}
