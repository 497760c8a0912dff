//! What becomes of one question. Synchronous; allocates nothing, takes no lock.

use filter_core::{BoundFilter, DomainName, Reason, Verdict};

/// What a group's clients may see, ready to be asked.
#[derive(Clone, Debug)]
pub struct Audience {
    /// The profile, bound to the bundle.
    pub filter: BoundFilter,
    /// What a refusal looks like.
    pub refusal: RefusalForm,
}

/// What a refusal looks like to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefusalForm {
    /// The name does not exist; where names below it may be reachable, it has no data instead
    /// (RFC 8020).
    #[default]
    NxDomain,
    /// The name has no data of any type.
    NoData,
    /// The address is `0.0.0.0` or `::`; no data of any other type.
    Null,
}

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

/// What to do about a question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation a query")]
pub enum Decision<'a> {
    /// The profile refuses the name, for every type alike.
    Refuse(Reason<'a>, RefusalForm),
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

/// Type codes that are not data (RFC 6895 §3.1).
mod rr_type {
    use std::ops::RangeInclusive;

    pub(super) const RESERVED: u16 = 0;
    pub(super) const OPT: u16 = 41;
    pub(super) const TSIG: u16 = 250;
    pub(super) const IXFR: u16 = 251;
    pub(super) const AXFR: u16 = 252;
    pub(super) const ANY: u16 = 255;
    /// Question and meta types, those above among them.
    pub(super) const META: RangeInclusive<u16> = 128..=255;
}

/// Decides one question for one audience.
pub fn decide<'a>(asked: Asked<'_>, audience: &'a Audience) -> Decision<'a> {
    if !asked.internet {
        return Decision::Decline(Decline::Class);
    }
    match asked.record_type {
        rr_type::AXFR | rr_type::IXFR => return Decision::Decline(Decline::Transfer),
        rr_type::RESERVED | rr_type::OPT | rr_type::TSIG => {
            return Decision::Decline(Decline::NotAType);
        }
        rr_type::ANY => {}
        meta if rr_type::META.contains(&meta) => return Decision::Decline(Decline::MetaType),
        _ => {}
    }
    match audience.filter.verdict(asked.name) {
        Verdict::Blocked(reason) => {
            let form = match audience.refusal {
                RefusalForm::NxDomain if reason.spares_descendants => RefusalForm::NoData,
                form => form,
            };
            Decision::Refuse(reason, form)
        }
        // A wire name is never invalid.
        Verdict::Allowed | Verdict::Invalid(_) => match asked {
            Asked { record_type: rr_type::ANY, .. } => Decision::MinimalAny,
            Asked { recursion_desired: false, .. } => Decision::Decline(Decline::NotRecursive),
            _ => Decision::Resolve,
        },
    }
}
