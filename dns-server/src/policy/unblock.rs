//! Names that are let through for a while: step 4 of the precedence.

use filter_core::{BoundFilter, DomainName, Verdict};
use jiff::Timestamp;

use super::group::GroupId;

/// A name that a group may reach until a moment, with everything below it.
#[derive(Clone, Debug)]
pub struct Unblock {
    /// Who may.
    pub group: GroupId,
    /// The name.
    pub name: DomainName,
    /// When it ends.
    pub until: Timestamp,
    /// What it lifts nothing of, whose names stay refused; `None`: nothing.
    pub limit: Option<BoundFilter>,
}

impl Unblock {
    fn lifts(&self, name: &DomainName) -> bool {
        let is_refused = |limit: &BoundFilter| matches!(limit.verdict(name), Verdict::Blocked(_));
        name.is_within(&self.name) && !self.limit.as_ref().is_some_and(is_refused)
    }
}

/// Names that are let through for a while.
#[derive(Clone, Debug, Default)]
pub struct Unblocks(Vec<Unblock>);

impl Unblocks {
    /// The most at once: each question is compared with each of its group's.
    pub const MOST: usize = 256;

    /// What lets a name through: of a group's that are in force, one without limit, or else the
    /// last to end.
    pub fn of_name(&self, group: GroupId, name: &DomainName, now: Timestamp) -> Option<&Unblock> {
        let lifting = self.of(group, now).filter(|unblock| unblock.lifts(name));
        lifting.max_by_key(|unblock| (unblock.limit.is_none(), unblock.until))
    }

    /// Whether one of a group's that are in force lies below a name.
    pub fn lies_below(&self, group: GroupId, name: &DomainName, now: Timestamp) -> bool {
        self.of(group, now).any(|unblock| unblock.name != *name && unblock.name.is_within(name))
    }

    /// When the next of a group's ends.
    pub fn next_end(&self, group: GroupId, now: Timestamp) -> Option<Timestamp> {
        self.of(group, now).map(|unblock| unblock.until).min()
    }

    fn of(&self, group: GroupId, now: Timestamp) -> impl Iterator<Item = &Unblock> {
        self.0.iter().filter(move |unblock| unblock.group == group && now < unblock.until)
    }
}

impl FromIterator<Unblock> for Unblocks {
    fn from_iter<I: IntoIterator<Item = Unblock>>(unblocks: I) -> Self {
        Self(unblocks.into_iter().collect())
    }
}
