//! Names that somebody lets through for a while: who, for whom, until when, why.
//!
//! Pure: the time is an argument, twice. An allowance ends at an instant of the calendar, also
//! across restarts; within a run it never lasts longer than the time that it was given, even where
//! the clock is set back.

use std::time::Duration;

use filter_core::DomainName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::control::peer::Author;

/// A name that a group may reach until a moment, with everything below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowance {
    #[serde(deserialize_with = "super::domain_name")]
    pub(crate) name: DomainName,
    /// By name: a group's place may change.
    pub(crate) group: String,
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) by: Author,
    pub(crate) why: String,
}

/// Allowances in force, at most one for a name and a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowances(Vec<Held>);

#[derive(Clone, Debug)]
struct Held {
    allowance: Allowance,
    /// When its time has run out, whatever the clock says.
    runs_out: Instant,
}

impl Allowances {
    /// Adds one, in place of another for the same name and group, which is returned.
    pub(crate) fn add(
        &mut self,
        allowance: Allowance,
        now: Timestamp,
        instant: Instant,
    ) -> Option<Allowance> {
        let left = Duration::try_from(allowance.until.duration_since(now)).unwrap_or_default();
        let replaced = self.remove(&allowance.name, &allowance.group);
        self.0.push(Held { allowance, runs_out: instant + left });
        replaced
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, name: &DomainName, group: &str) -> Option<Allowance> {
        let at = self.iter().position(|one| one.name == *name && one.group == group)?;
        Some(self.0.remove(at).allowance)
    }

    /// Takes those out whose time is over; true if there were any.
    pub(crate) fn remove_ended(&mut self, now: Timestamp, instant: Instant) -> bool {
        let before = self.0.len();
        self.0.retain(|held| now < held.allowance.until && instant < held.runs_out);
        self.0.len() < before
    }

    /// Takes those out that nobody stands for any more.
    pub(crate) fn remove_strangers(
        &mut self,
        is_known: impl Fn(&Allowance) -> bool,
    ) -> Vec<Allowance> {
        let strangers = self.0.extract_if(.., |held| !is_known(&held.allowance));
        strangers.map(|held| held.allowance).collect()
    }

    /// In the order in which they were given.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Allowance> {
        self.0.iter().map(|held| &held.allowance)
    }
}
