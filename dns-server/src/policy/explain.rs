//! Why a name is refused or let through: every step that has a say, in order, and which decided.

use std::{fmt, net::IpAddr};

use filter_core::{Candidate, DomainName, Standing, Step, Trace, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    Policy,
    audience::Level,
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
    pub floor: Option<LevelSays<'p>>,
    /// Step 4: the name is let through until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unblocked_until: Option<Timestamp>,
    /// Steps 5 to 10: the group's own profile, and what it says.
    #[serde(flatten)]
    pub own: LevelSays<'p>,
    /// What stands in for the name, being allowed: a search engine made safe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made_safe_by: Vec<String>,
}

/// What one authority's profile says of a name.
#[derive(Clone, Debug, Serialize)]
pub struct LevelSays<'p> {
    /// Steps 5 and 7 to 10: its rules.
    pub trace: Trace<'p>,
    /// Step 6: what it says of it as a search engine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Of a name that is an address: the network by which answers that hold it are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
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
    /// 6: a search engine that is not to be had, or what stands in for one, which lists do not
    /// refuse.
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
        let mut own = self.level_says(name, &audience.own);
        let mut floor = audience.floor.as_ref().map(|level| self.level_says(name, level));
        let unblocked_until = ruling.unblock.map(|unblock| unblock.until);
        let is_refused = matches!(ruling.decision, Decision::Refuse(_));
        let decided_by = match &ruling.decision {
            _ if self.local.find(name).is_some() => DecidedBy::LocalRecord,
            _ if self.special_use(name, asked.record_type).is_some() => DecidedBy::SpecialName,
            _ if audience.canaries && self.special.canary(name).is_some() => DecidedBy::Canary,
            Decision::Refuse(Refusal { authority: Authority::Floor, .. }) => DecidedBy::Floor,
            _ if unblocked_until.is_some() => DecidedBy::Unblock,
            Decision::Refuse(Refusal { cause: Cause::Engine(_), .. }) => DecidedBy::SearchEngine,
            // The rules refuse it, and it is not refused.
            _ if own.trace.blocked && !is_refused => DecidedBy::SearchEngine,
            _ => DecidedBy::Profile,
        };
        let by_engine =
            matches!(ruling.decision, Decision::Refuse(Refusal { cause: Cause::Engine(_), .. }));
        if let Some(floor) = &mut floor
            && (decided_by != DecidedBy::Floor || by_engine)
        {
            outrank(&mut floor.trace);
        }
        if decided_by != DecidedBy::Profile {
            outrank(&mut own.trace);
        }
        let made_safe_by = match ruling.decision {
            Decision::Rewrite(targets) => targets.iter().map(DomainName::to_string).collect(),
            _ => Vec::new(),
        };
        let blocked = is_refused || ruling.decision == Decision::NxDomain;
        Some(Explanation { blocked, decided_by, floor, unblocked_until, own, made_safe_by })
    }

    fn level_says<'p>(&self, name: &DomainName, level: &'p Level) -> LevelSays<'p> {
        let trace = level.filter.explain(name);
        let is_stand_in = level.searches_safely() && self.engines.is_target(name);
        let engine = match self.engines.decide(name, &level.search, level.youtube) {
            Treatment::Refused(engine) => {
                Some(format!("{} is not among the engines that are left", engine.label))
            }
            _ if trace.blocked && is_stand_in => {
                Some("it makes an engine safe, so that lists do not refuse it".to_owned())
            }
            Treatment::Open | Treatment::Rewrite(_) => None,
        };
        let address = name.to_string().parse::<IpAddr>().ok();
        let network = address.and_then(|address| match level.filter.address(address) {
            Verdict::Blocked(reason) => Some(reason.about(name)),
            Verdict::Allowed | Verdict::Invalid(_) => None,
        });
        LevelSays { trace, engine, network }
    }
}

/// Another step decided before the one that this trace thinks did.
fn outrank(trace: &mut Trace<'_>) {
    trace.candidates[trace.winner].standing = Standing::Outranked;
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decided_by {
            DecidedBy::LocalRecord => return writeln!(f, "1 local record: decides"),
            DecidedBy::SpecialName => return writeln!(f, "1 special-use name: decides"),
            DecidedBy::Canary => return writeln!(f, "2 canary: decides; the name does not exist"),
            _ => {}
        }
        let Trace { name, profile, .. } = &self.own.trace;
        let outcome = if self.blocked { "refused" } else { "allowed" };
        writeln!(f, "{name} is {outcome} in profile {profile}")?;
        if let Some(floor) = &self.floor {
            let of_floor = format!("3 floor {}: ", floor.trace.profile);
            floor.tell(f, &of_floor, self.decided_by == DecidedBy::Floor)?;
        }
        if let Some(until) = self.unblocked_until {
            let decides = self.decided_by == DecidedBy::Unblock;
            line(f, "", &format!("4 let through until {until}"), decides)?;
        }
        self.own.tell(f, "", self.decided_by == DecidedBy::SearchEngine)?;
        if !self.made_safe_by.is_empty() {
            writeln!(f, "  made safe by {}", self.made_safe_by.join(" or "))?;
        }
        Ok(())
    }
}

impl LevelSays<'_> {
    /// A line for each step, in order; `decides`: the search engine does, unless a rule says that
    /// it does.
    fn tell(&self, f: &mut fmt::Formatter<'_>, level: &str, decides: bool) -> fmt::Result {
        let is_by_rule = |candidate: &Candidate<'_>| candidate.standing == Standing::Decides;
        let decides = decides && !self.trace.candidates.iter().any(is_by_rule);
        let (operators, others): (Vec<_>, Vec<_>) =
            self.trace.candidates.iter().partition(|c| c.step == Step::OperatorNames);
        let rule = |f: &mut fmt::Formatter<'_>, candidate: &Candidate<'_>| {
            let mark = if is_by_rule(candidate) { '→' } else { ' ' };
            writeln!(f, "{mark} {level}{candidate}")
        };
        operators.into_iter().try_for_each(|candidate| rule(f, candidate))?;
        if let Some(engine) = &self.engine {
            line(f, level, &format!("6 search engines: {engine}"), decides)?;
        }
        others.into_iter().try_for_each(|candidate| rule(f, candidate))?;
        match &self.network {
            Some(network) => writeln!(f, "  {level}answers that hold it are refused: {network}"),
            None => Ok(()),
        }
    }
}

/// A step that is no rule's.
fn line(f: &mut fmt::Formatter<'_>, level: &str, step: &str, decides: bool) -> fmt::Result {
    let (mark, standing) = if decides { ('→', "decides") } else { (' ', "outranked") };
    writeln!(f, "{mark} {level}{step} · {standing}")
}

#[cfg(test)]
mod tests;
