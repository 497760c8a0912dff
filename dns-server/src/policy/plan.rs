//! What a group may see now, and until when.

use std::sync::Arc;

use jiff::Timestamp;

use super::audience::Audience;

/// What a group may see, moment by moment, as far ahead as it was worked out.
///
/// Schedules and calendars are worked out before questions come: a question compares numbers.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Each audience with the moment from which it holds, in order of time; never empty. The first
    /// holds before its moment, too: a clock may jump back.
    changes: Vec<(Timestamp, Arc<Audience>)>,
    /// How far ahead that was worked out; the last audience holds on after it.
    end: Timestamp,
}

/// What holds at a moment.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'p> {
    /// What may be seen.
    pub audience: &'p Audience,
    /// Until when; `None` where it never changes.
    pub until: Option<Timestamp>,
}

impl Plan {
    /// The same at all times.
    pub fn always(audience: Audience) -> Self {
        Self { changes: vec![(Timestamp::MIN, Arc::new(audience))], end: Timestamp::MAX }
    }

    /// From changes in order of time, worked out up to `end`; `None` without any.
    pub fn new(changes: Vec<(Timestamp, Arc<Audience>)>, end: Timestamp) -> Option<Self> {
        if changes.is_empty() { None } else { Some(Self { changes, end }) }
    }

    /// What holds at `now`.
    pub fn at(&self, now: Timestamp) -> InForce<'_> {
        let later = self.changes.partition_point(|(from, _)| *from <= now);
        let next = self.changes.get(later).map(|(from, _)| *from);
        let until = next.or((self.end < Timestamp::MAX).then_some(self.end));
        InForce { audience: &self.changes[later.saturating_sub(1)].1, until }
    }

    /// How far ahead it was worked out.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// From when on.
    pub fn start(&self) -> Timestamp {
        self.changes[0].0
    }
}
