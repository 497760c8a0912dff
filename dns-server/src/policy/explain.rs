//! Why a name is refused or let through: every step that has a say, in order, and which decided.

use std::fmt;

use filter_core::{DomainName, Trace};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    Policy,
    decide::{Asked, Decision},
    group::GroupId,
    refusal::{Authority, Refusal},
};

/// What has a say about a name, in order of precedence.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation<'p> {
    /// The name is refused.
    pub blocked: bool,
    /// Which step decided (ARCHITECTURE.md, "Precedence"), in words.
    pub decided_by: DecidedBy,
    /// Step 3: the profile of a higher authority, and what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<Trace<'p>>,
    /// Step 4: the name is let through until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unblocked_until: Option<Timestamp>,
    /// Steps 5 to 10: the group's own profile, and what it says.
    pub trace: Trace<'p>,
}

/// Which step decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecidedBy {
    /// 1: a name of the operator's network.
    LocalRecord,
    /// 3: the higher authority.
    Floor,
    /// 4: the name is let through for a while.
    Unblock,
    /// 5 to 10: the group's profile.
    Profile,
}

impl Policy {
    /// Explains what becomes of a name; `None` for a group that there is not.
    pub fn explain(
        &self,
        name: &DomainName,
        group: GroupId,
        now: Timestamp,
    ) -> Option<Explanation<'_>> {
        let asked = Asked { name, record_type: 1, internet: true, recursion_desired: true };
        let ruling = self.decide(asked, group, now)?;
        let unblocked_until = self.unblocks.until(group, name, now);
        let decided_by = match &ruling.decision {
            Decision::Local(_) => DecidedBy::LocalRecord,
            Decision::Refuse(Refusal { authority: Authority::Floor, .. }) => DecidedBy::Floor,
            _ if unblocked_until.is_some() => DecidedBy::Unblock,
            _ => DecidedBy::Profile,
        };
        Some(Explanation {
            blocked: matches!(ruling.decision, Decision::Refuse(_)),
            decided_by,
            floor: ruling.audience.floor.as_ref().map(|level| level.filter.explain(name)),
            unblocked_until,
            trace: ruling.audience.own.filter.explain(name),
        })
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decided_by {
            DecidedBy::LocalRecord => return writeln!(f, "1 local record: decides"),
            DecidedBy::Floor => writeln!(f, "3 floor: decides")?,
            DecidedBy::Unblock | DecidedBy::Profile => {}
        }
        if let Some(floor) = &self.floor {
            write!(f, "{floor}")?;
        }
        if let Some(until) = self.unblocked_until {
            let standing =
                if self.decided_by == DecidedBy::Unblock { "decides" } else { "outranked" };
            writeln!(f, "4 let through until {until}: {standing}")?;
        }
        write!(f, "{}", self.trace)
    }
}
