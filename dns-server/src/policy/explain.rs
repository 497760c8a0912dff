//! Why a name is refused or let through: every step that has a say, in order, and which decided.

use std::fmt;

use filter_core::{DomainName, Standing, Trace};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    Policy,
    decide::{Asked, Decision},
    group::GroupId,
    refusal::{Authority, Cause, Refusal},
    search::Treatment,
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
    /// Step 6: what becomes of it as a search engine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Steps 5 and 7 to 10: the group's own profile, and what it says.
    pub trace: Trace<'p>,
}

/// Which step decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecidedBy {
    /// 1: a name of the operator's network.
    LocalRecord,
    /// 1: a special-use name.
    SpecialName,
    /// 2: a canary.
    Canary,
    /// 3: the higher authority.
    Floor,
    /// 4: the name is let through for a while.
    Unblock,
    /// 6: a search engine that is not to be had.
    SearchEngine,
    /// 5 and 7 to 10: the group's profile.
    Profile,
}

impl Policy {
    /// Explains what becomes of a name's addresses; `None` for a group that there is not.
    pub fn explain(
        &self,
        name: &DomainName,
        group: GroupId,
        now: Timestamp,
    ) -> Option<Explanation<'_>> {
        let asked = Asked { name, record_type: 1, internet: true, recursion_desired: true };
        let ruling = self.decide(asked, group, now)?;
        let audience = ruling.audience;
        let unblocked_until = self.unblocks.until(group, name, now);
        let decided_by = match &ruling.decision {
            _ if self.local.find(name).is_some() => DecidedBy::LocalRecord,
            _ if self.special_use(name, asked.record_type).is_some() => DecidedBy::SpecialName,
            _ if audience.canaries && self.special.canary(name).is_some() => DecidedBy::Canary,
            Decision::Refuse(Refusal { authority: Authority::Floor, .. }) => DecidedBy::Floor,
            _ if unblocked_until.is_some() => DecidedBy::Unblock,
            Decision::Refuse(Refusal { cause: Cause::Engine(_), .. }) => DecidedBy::SearchEngine,
            _ => DecidedBy::Profile,
        };
        let own = &audience.own;
        let engine = match self.engines.decide(name, &own.search, own.youtube) {
            Treatment::Open => None,
            Treatment::Rewrite(targets) => {
                let targets: Vec<_> = targets.iter().map(DomainName::to_string).collect();
                Some(format!("made safe by {}", targets.join(" or ")))
            }
            Treatment::Refused(engine) => {
                Some(format!("{} is not among the engines that are left", engine.label))
            }
        };
        let mut floor = audience.floor.as_ref().map(|level| level.filter.explain(name));
        let mut trace = own.filter.explain(name);
        if decided_by != DecidedBy::Floor {
            floor.iter_mut().for_each(outrank);
        }
        if decided_by != DecidedBy::Profile {
            outrank(&mut trace);
        }
        Some(Explanation {
            blocked: matches!(ruling.decision, Decision::Refuse(_) | Decision::NxDomain),
            decided_by,
            floor,
            unblocked_until,
            engine,
            trace,
        })
    }
}

/// Another step decided before the one that this trace thinks did.
fn outrank(trace: &mut Trace<'_>) {
    trace.candidates[trace.winner].standing = Standing::Outranked;
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = |step| if self.decided_by == step { "decides" } else { "outranked" };
        match self.decided_by {
            DecidedBy::LocalRecord => return writeln!(f, "1 local record: decides"),
            DecidedBy::SpecialName => return writeln!(f, "1 special-use name: decides"),
            DecidedBy::Canary => return writeln!(f, "2 canary: decides; the name does not exist"),
            _ => {}
        }
        if let Some(floor) = &self.floor {
            writeln!(f, "3 floor: {}", standing(DecidedBy::Floor))?;
            write!(f, "{floor}")?;
        }
        if let Some(until) = self.unblocked_until {
            writeln!(f, "4 let through until {until}: {}", standing(DecidedBy::Unblock))?;
        }
        if let Some(engine) = &self.engine {
            let standing =
                if self.blocked { standing(DecidedBy::SearchEngine) } else { "in force" };
            writeln!(f, "6 search engines: {engine}: {standing}")?;
        }
        write!(f, "{}", self.trace)
    }
}
