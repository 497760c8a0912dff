//! What becomes of one question. Synchronous; allocates nothing, takes no lock.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use filter_core::{CategoryInfo, DomainName, Reason, Step, Verdict};
use jiff::Timestamp;

use super::{
    Policy,
    audience::{Audience, Level},
    group::GroupId,
    inspect::Element,
    local::LocalRecord,
    plan::InForce,
    refusal::{Authority, Cause, Refusal},
    search::{SearchMode, Treatment},
    special::{Special, SpecialAnswer},
    unblock::Unblock,
};

/// One question, as far as policy cares.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'q> {
    /// The name, in lower case.
    pub name: &'q DomainName,
    /// QTYPE.
    pub record_type: u16,
    /// True for class IN.
    pub internet: bool,
    /// RD.
    pub recursion_desired: bool,
}

/// A decision, and what goes with it.
#[derive(Clone, Debug)]
pub struct Ruling<'p> {
    /// What to do.
    pub decision: Decision<'p>,
    /// Whom it was decided for.
    pub audience: &'p Audience,
    /// The most seconds that a client may keep the answer: policy may be another after that.
    pub ttl: u32,
    /// A category that would have refused the question, were it not only observed.
    pub observed: Option<&'p CategoryInfo>,
    /// What lets the name through for a while: only the floor, and its own limit, have a say in the
    /// answer.
    pub(super) unblock: Option<&'p Unblock>,
    /// When it was decided.
    decided: Timestamp,
}

impl Ruling<'_> {
    /// What is left of the TTL at a later moment, such as once upstream has answered.
    pub fn ttl_at(&self, moment: Timestamp) -> u32 {
        let waited = moment.duration_since(self.decided);
        // A part of a second counts as one.
        let seconds = waited.as_secs() + i64::from(waited.subsec_nanos() > 0);
        self.ttl.saturating_sub(u32::try_from(seconds).unwrap_or(0))
    }
}

/// What to do about a question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation a query")]
pub enum Decision<'p> {
    /// Refused, for every type alike.
    Refuse(Refusal<'p>),
    /// A name of the operator's own network.
    Local(LocalRecord<'p>),
    /// The first of these hosts that exists stands in for the name; where none does, there is no
    /// answer, never the name's own.
    Rewrite(&'p [DomainName]),
    /// The name has no data of that type.
    NoData,
    /// The name does not exist, nor any below it.
    NxDomain,
    /// Ask upstream.
    Resolve,
    /// A question about all types gets the least answer there is (RFC 8482).
    MinimalAny,
    /// Not a question that this server answers to anyone.
    Decline(Decline),
}

/// Why a question is declined, whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decline {
    /// Another class than IN: there is no data there.
    Class,
    /// A zone transfer: there is no zone.
    Transfer,
    /// A type that cannot be asked for (0, OPT, TSIG).
    NotAType,
    /// A question or meta type that nothing here implements.
    MetaType,
    /// RD clear: what others have asked lately is nobody's business.
    NotRecursive,
}

/// The most seconds that an answer is kept.
const DAY: u32 = 24 * 60 * 60;
/// The same, of a name that is let through for a while, or for as long as a slot lasts.
const PASSING: u32 = 300;

/// Type codes that are not data (RFC 6895 §3.1).
mod rr_type {
    use std::ops::RangeInclusive;

    pub(super) const RESERVED: u16 = 0;
    pub(super) const A: u16 = 1;
    pub(super) const AAAA: u16 = 28;
    pub(super) const DS: u16 = 43;
    pub(super) const DNSKEY: u16 = 48;
    pub(super) const OPT: u16 = 41;
    pub(super) const TSIG: u16 = 250;
    pub(super) const IXFR: u16 = 251;
    pub(super) const AXFR: u16 = 252;
    pub(super) const ANY: u16 = 255;
    /// Question and meta types, those above among them.
    pub(super) const META: RangeInclusive<u16> = 128..=255;
}

impl Policy {
    /// Decides one question of one group; `None` for a group that there is not.
    pub fn decide(&self, asked: Asked<'_>, group: GroupId, now: Timestamp) -> Option<Ruling<'_>> {
        let InForce { audience, until, is_passing } = self.plans.get(group.index())?.at(now);
        let unblock = self.unblock(asked.name, group, audience, now);
        let decision = Decision::Resolve;
        let mut ruling =
            Ruling { decision, audience, ttl: DAY, observed: None, unblock, decided: now };
        let next_change = [until, self.unblocks.next_end(group, now)].into_iter().flatten().min();
        if let Some(change) = next_change {
            let left = change.as_second().saturating_sub(now.as_second()).clamp(0, DAY.into());
            ruling.ttl = left as u32; // clamped
        }
        if unblock.is_some() || is_passing {
            ruling.ttl = ruling.ttl.min(PASSING);
        }
        ruling.decision = self.precedence(asked, group, now, &mut ruling);
        Some(ruling)
    }

    /// The precedence (ARCHITECTURE.md): the first step that applies decides.
    fn precedence<'p>(
        &'p self,
        asked: Asked<'_>,
        group: GroupId,
        now: Timestamp,
        ruling: &mut Ruling<'p>,
    ) -> Decision<'p> {
        if let Some(decline) = decline(asked) {
            return Decision::Decline(decline);
        }
        if let Some(record) = self.local.find(asked.name) {
            return Decision::Local(record);
        }
        if let Some(special) = self.special_use(asked.name, asked.record_type) {
            return of_special(special, asked.name);
        }
        let audience = ruling.audience;
        if audience.canaries && self.special.canary(asked.name).is_some() {
            return Decision::NxDomain;
        }
        if let Some(floor) = &audience.floor
            && let Some(refusal) = self.floor(asked.name, floor, audience)
        {
            return Decision::Refuse(refusal);
        }
        let own = &audience.own;
        let treatment = self.engines.decide(asked.name, &own.search, own.youtube);
        if ruling.unblock.is_none() {
            let spares = || self.unblocks.lies_below(group, asked.name, now);
            if let Some(refusal) = self.own(asked.name, treatment, audience, spares) {
                return Decision::Refuse(refusal);
            }
            ruling.observed = observed(audience, asked.name);
        }
        match asked {
            Asked { record_type: rr_type::ANY, .. } => Decision::MinimalAny,
            Asked { recursion_desired: false, .. } => Decision::Decline(Decline::NotRecursive),
            _ => match self.made_safe(asked.name, own, treatment) {
                Some(targets) => rewrite(asked.record_type, targets),
                None => Decision::Resolve,
            },
        }
    }

    /// What stands in for an allowed name. An engine that is not left to the group and that somebody
    /// let through all the same is made safe where it can be.
    fn made_safe<'p>(
        &'p self,
        name: &DomainName,
        own: &Level,
        treatment: Treatment<'p>,
    ) -> Option<&'p [DomainName]> {
        let treatment = match treatment {
            Treatment::Refused(_) => self.engines.decide(name, &SearchMode::Safe, own.youtube),
            treatment => treatment,
        };
        match treatment {
            Treatment::Rewrite(targets) => Some(targets),
            Treatment::Open | Treatment::Refused(_) => None,
        }
    }

    /// Judges what upstream says to a question that was to be [resolved](Decision::Resolve): where
    /// it leads may be refused, too.
    pub fn judge<'p>(
        &'p self,
        name: &DomainName,
        ruling: &Ruling<'p>,
        elements: impl Iterator<Item = Element> + Clone,
    ) -> Option<Refusal<'p>> {
        let audience = ruling.audience;
        let own = match ruling.unblock {
            None => Some(&audience.own.filter),
            Some(unblock) => unblock.limit.as_ref(),
        };
        let own = own.map(|filter| (Authority::Profile, filter));
        let floor = audience.floor.as_ref().map(|level| (Authority::Floor, &level.filter));
        let objection = floor.into_iter().chain(own).find_map(|(authority, filter)| {
            let objection = self.inspector.objection(filter, name, elements.clone())?;
            Some((authority, Cause::Objection(objection)))
        });
        let rebinding = || {
            let element = self.inspector.rebinding(name, elements.clone())?;
            Some((Authority::Profile, Cause::Rebinding(element)))
        };
        let (authority, cause) = objection.or_else(rebinding)?;
        Some(Refusal::of_name_alone(authority, cause, audience))
    }

    /// Step 4: what lets a name through for a while. Whoever has a limit cannot give back an engine
    /// that searches without safety.
    fn unblock(
        &self,
        name: &DomainName,
        group: GroupId,
        audience: &Audience,
        now: Timestamp,
    ) -> Option<&Unblock> {
        let unblock = self.unblocks.of_name(group, name, now)?;
        let own = &audience.own;
        let is_refused_engine = || {
            let treatment = self.engines.decide(name, &own.search, own.youtube);
            matches!(treatment, Treatment::Refused(_))
        };
        (unblock.limit.is_none() || !is_refused_engine()).then_some(unblock)
    }

    /// What is special about a name, unless it has servers of its own.
    pub(super) fn special_use(&self, name: &DomainName, record_type: u16) -> Option<&Special> {
        let special = self.special.special(name, record_type)?;
        let is_forwarded = self.forwarded.iter().any(|zone| name.is_within(zone));
        (!is_forwarded).then_some(special)
    }

    /// Step 3: what a higher authority refuses.
    fn floor<'p>(
        &'p self,
        name: &DomainName,
        floor: &'p Level,
        audience: &'p Audience,
    ) -> Option<Refusal<'p>> {
        if let Some(reason) = self.ruled_out(name, floor) {
            return Some(Refusal::by_rule(Authority::Floor, reason, audience, false));
        }
        match self.engines.decide(name, &floor.search, floor.youtube) {
            Treatment::Refused(engine) => {
                Some(Refusal::of_name_alone(Authority::Floor, Cause::Engine(engine), audience))
            }
            Treatment::Open | Treatment::Rewrite(_) => None,
        }
    }

    /// Steps 5 to 10: what the group's own profile refuses.
    fn own<'p>(
        &'p self,
        name: &DomainName,
        treatment: Treatment<'p>,
        audience: &'p Audience,
        spares_descendants: impl FnOnce() -> bool,
    ) -> Option<Refusal<'p>> {
        let own = &audience.own;
        let ruled_out = self.ruled_out(name, own);
        if let Treatment::Refused(engine) = treatment {
            let operator = match &ruled_out {
                Some(reason) => Some(reason.step),
                None => own.filter.allowed_by(name),
            };
            if operator != Some(Step::OperatorNames) {
                return Some(Refusal::of_name_alone(
                    Authority::Profile,
                    Cause::Engine(engine),
                    audience,
                ));
            }
        }
        let reason = ruled_out?;
        Some(Refusal::by_rule(Authority::Profile, reason, audience, spares_descendants()))
    }

    /// What a profile's rules refuse. Lists do not refuse what stands in for a search engine: it
    /// would be a dead engine.
    fn ruled_out<'p>(&self, name: &DomainName, level: &'p Level) -> Option<Reason<'p>> {
        match level.filter.verdict(name) {
            Verdict::Blocked(reason)
                if reason.step > Step::OperatorNames
                    && level.searches_safely()
                    && self.engines.is_target(name) =>
            {
                None
            }
            Verdict::Blocked(reason) => Some(reason),
            // A wire name is never invalid.
            Verdict::Allowed | Verdict::Invalid(_) => None,
        }
    }
}

/// What becomes of a name that another stands in for: its addresses are the other's, and whatever
/// else might lead around it is not there. What proves that its zone is signed stays.
fn rewrite(record_type: u16, targets: &[DomainName]) -> Decision<'_> {
    match record_type {
        rr_type::A | rr_type::AAAA => Decision::Rewrite(targets),
        rr_type::DS | rr_type::DNSKEY => Decision::Resolve,
        _ => Decision::NoData,
    }
}

/// What a special-use name is, for everyone.
fn of_special(special: &Special, name: &DomainName) -> Decision<'static> {
    const LOOPBACK: &[IpAddr] = &[IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    match special.answer {
        SpecialAnswer::Loopback => Decision::Local(LocalRecord::Host(LOOPBACK)),
        SpecialAnswer::NoData => Decision::NoData,
        SpecialAnswer::EmptyZone if *name == special.zone => Decision::NoData,
        SpecialAnswer::EmptyZone | SpecialAnswer::NxDomain => Decision::NxDomain,
    }
}

/// Questions that nobody gets an answer to, whatever they are about.
fn decline(asked: Asked<'_>) -> Option<Decline> {
    if !asked.internet {
        return Some(Decline::Class);
    }
    match asked.record_type {
        rr_type::AXFR | rr_type::IXFR => Some(Decline::Transfer),
        rr_type::RESERVED | rr_type::OPT | rr_type::TSIG => Some(Decline::NotAType),
        rr_type::ANY => None,
        meta if rr_type::META.contains(&meta) => Some(Decline::MetaType),
        _ => None,
    }
}

/// The category that would refuse an allowed name, were it not only observed.
fn observed<'p>(audience: &'p Audience, name: &DomainName) -> Option<&'p CategoryInfo> {
    let levels = audience.floor.iter().chain([&audience.own]);
    levels.filter_map(|level| level.observed.as_ref()).find_map(|filter| {
        match filter.verdict(name) {
            Verdict::Blocked(reason) => reason.category,
            // A wire name is never invalid.
            Verdict::Allowed | Verdict::Invalid(_) => None,
        }
    })
}

#[cfg(test)]
mod tests;
