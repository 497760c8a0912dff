//! The one way from a question to an answer, whatever it came over.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::{
    listen::terms::Terms,
    policy::{
        Policy,
        decide::{Asked, Decision, Decline},
        group::GroupId,
        local::LocalRecord,
        refusal::{Detail, Refusal, RefusalForm},
    },
    resolve::{Query, Resolver, upstream::UpstreamError},
    wire::{
        Rcode,
        answer::{self, Body, REPLY_CAPACITY},
        ede::{Code, ExtendedError},
        question::{self, Echo, Question, Transport, Unreadable},
        rr_type, text,
    },
};

/// Everything that one answer depends on. Answers take one snapshot and stay with it; a reload
/// replaces the whole.
pub(crate) struct Snapshot {
    /// Who may ask for what, and when.
    pub(crate) policy: Policy,
    /// Who knows the rest.
    pub(crate) resolver: Arc<Resolver>,
    /// What listeners go by; answers do not.
    pub(crate) terms: Terms,
}

/// What became of a packet without waiting for anyone.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation a query")]
pub(crate) enum Immediate {
    /// It gets no answer.
    Silence,
    /// The reply stands in the buffer, this long.
    Reply(usize),
    /// Upstream must be asked: [`Snapshot::resolve`].
    Resolve(Question),
}

impl Snapshot {
    /// The group of a client. Past this, nobody knows its address.
    pub(crate) fn group_of(&self, client: IpAddr) -> Option<GroupId> {
        self.policy.groups.group_of(client)
    }

    /// Answers the query in the first `length` octets of `buffer`, over it. Allocates nothing.
    ///
    /// The buffer should have room for [`REPLY_CAPACITY`] octets.
    pub(crate) fn answer_at_once(
        &self,
        group: Option<GroupId>,
        transport: Transport,
        now: Timestamp,
        buffer: &mut [u8],
        length: usize,
    ) -> Immediate {
        let read = question::read(&buffer[..length]);
        let mut reply = |echo: &Echo, rcode, body, error| {
            Immediate::Reply(answer::write(buffer, echo, transport, rcode, body, error))
        };
        let question = match read {
            Ok(question) => question,
            Err(Unreadable::Silence) => return Immediate::Silence,
            Err(Unreadable::Error(rcode, echo)) => return reply(&echo, rcode, Body::Empty, None),
        };
        let echo = &question.echo;
        let asked = Asked {
            name: &question.name,
            record_type: question.record_type,
            internet: question.is_internet(),
            recursion_desired: question.recursion_desired,
        };
        let Some(ruling) = group.and_then(|group| self.policy.decide(asked, group, now)) else {
            let error = ExtendedError::bare(Code::PROHIBITED);
            return reply(echo, Rcode::Refused, Body::Empty, Some(error));
        };
        match &ruling.decision {
            Decision::Refuse(refusal) => {
                let (rcode, body, code) = refused(refusal, question.record_type, ruling.ttl);
                let telling = ruling.audience.telling;
                let text = refusal.cause.told(telling);
                let text = text.as_ref().map(|text| text as &dyn fmt::Display);
                let code = match (telling.on_request, refusal.is_legal()) {
                    _ if code == Code::FORGED => code,
                    (_, true) => Code::CENSORED,
                    (true, false) => Code::FILTERED,
                    (false, false) => code,
                };
                let error = ExtendedError { code, text };
                reply(echo, rcode, body, (telling.detail != Detail::None).then_some(error))
            }
            Decision::Local(record) => {
                let body = local(*record, question.record_type, ruling.ttl);
                reply(echo, Rcode::NoError, body, None)
            }
            Decision::Decline(decline) => {
                let (rcode, code) = declined(*decline);
                reply(echo, rcode, Body::Empty, Some(ExtendedError::bare(code)))
            }
            Decision::MinimalAny => reply(echo, Rcode::NoError, Body::Any, None),
            Decision::Resolve => Immediate::Resolve(question),
        }
    }

    /// Answers a question that only upstream can. `query` is the packet, or its header and question
    /// at least.
    pub(crate) async fn resolve(
        &self,
        question: &Question,
        transport: Transport,
        mut query: Vec<u8>,
    ) -> Vec<u8> {
        let echo = &question.echo;
        let answer = match self.resolver.resolve(&asked_of_upstream(question)).await {
            Ok(answer) => answer,
            Err(error) => return failure(query, echo, transport, &error),
        };
        let capacity = answer::forward_capacity(answer.response(), transport);
        query.resize(query.len().max(capacity), 0);
        let lifetime = answer.lifetime(u32::MAX);
        let error = answer.error().map(ExtendedError::bare);
        match answer::forward(&mut query, echo, transport, answer.response(), lifetime, error) {
            Some(length) => {
                query.truncate(length);
                query
            }
            None => failure(query, echo, transport, &UpstreamError::Garbled),
        }
    }

    /// Answers a packet, however long that takes; `None` is silence. Upstream is asked with one of
    /// the permits of `waiting`.
    pub(crate) async fn answer(
        &self,
        group: Option<GroupId>,
        transport: Transport,
        packet: &[u8],
        waiting: &Semaphore,
    ) -> Option<Vec<u8>> {
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len().max(REPLY_CAPACITY), 0);
        match self.answer_at_once(group, transport, Timestamp::now(), &mut buffer, packet.len()) {
            Immediate::Silence => None,
            Immediate::Reply(length) => {
                buffer.truncate(length);
                Some(buffer)
            }
            Immediate::Resolve(question) => {
                let _permit = waiting.acquire().await; // nobody closes it
                Some(self.resolve(&question, transport, buffer).await)
            }
        }
    }
}

/// What upstream has to know of a question. Not whose it is.
fn asked_of_upstream(question: &Question) -> Query {
    Query {
        name: question.name.clone(),
        record_type: question.record_type,
        dnssec_ok: question.echo.edns.is_some_and(|edns| edns.dnssec_ok),
        checking_disabled: question.checking_disabled,
    }
}

/// TTL and negative TTL of refusals, in seconds: what is unblocked is soon seen again.
const REFUSAL_TTL: u32 = 30;
/// TTL of local records, in seconds.
const LOCAL_TTL: u32 = 300;

/// How a refusal is told: response code, records, extended error.
fn refused<'r>(refusal: &'r Refusal<'_>, record_type: u16, ttl: u32) -> (Rcode, Body<'r>, Code) {
    let ttl = ttl.min(REFUSAL_TTL);
    let negative = Body::Negative { ttl };
    let addresses: &[IpAddr] = match (&refusal.form, record_type) {
        (RefusalForm::NxDomain, _) => return (Rcode::NxDomain, negative, Code::BLOCKED),
        (RefusalForm::Null, rr_type::A) => &[IpAddr::V4(Ipv4Addr::UNSPECIFIED)],
        (RefusalForm::Null, rr_type::AAAA) => &[IpAddr::V6(Ipv6Addr::UNSPECIFIED)],
        (RefusalForm::Page(addresses), rr_type::A | rr_type::AAAA) => addresses,
        (RefusalForm::NoData | RefusalForm::Null | RefusalForm::Page(_), _) => &[],
    };
    match of_type(addresses, record_type) {
        // "Blocked" is for answers without data, "forged" for data that was made up (RFC 8914 §4.5).
        [] => (Rcode::NoError, negative, Code::BLOCKED),
        addresses => (Rcode::NoError, Body::Addresses { addresses, ttl }, Code::FORGED),
    }
}

/// A name of the operator's network.
fn local(record: LocalRecord<'_>, record_type: u16, ttl: u32) -> Body<'_> {
    let ttl = ttl.min(LOCAL_TTL);
    match (record, record_type) {
        (LocalRecord::Address(target), rr_type::PTR) => Body::Pointer { target, ttl },
        (LocalRecord::Host(addresses), _) => match of_type(addresses, record_type) {
            [] => Body::Negative { ttl },
            addresses => Body::Addresses { addresses, ttl },
        },
        (LocalRecord::Address(_), _) => Body::Negative { ttl },
    }
}

/// Those of some addresses, IPv4 before IPv6, that a record type is for.
fn of_type(addresses: &[IpAddr], record_type: u16) -> &[IpAddr] {
    let (ipv4, ipv6) = addresses.split_at(addresses.partition_point(IpAddr::is_ipv4));
    match record_type {
        rr_type::A => ipv4,
        rr_type::AAAA => ipv6,
        _ => &[],
    }
}

/// How a question that nobody gets an answer to is declined.
fn declined(decline: Decline) -> (Rcode, Code) {
    match decline {
        Decline::Class | Decline::Transfer => (Rcode::Refused, Code::NOT_SUPPORTED),
        Decline::NotAType => (Rcode::FormErr, Code::NOT_SUPPORTED),
        Decline::MetaType => (Rcode::NotImp, Code::NOT_SUPPORTED),
        Decline::NotRecursive => (Rcode::Refused, Code::NOT_AUTHORITATIVE),
    }
}

/// SERVFAIL, written over the query.
fn failure(
    mut query: Vec<u8>,
    echo: &Echo,
    transport: Transport,
    error: &UpstreamError,
) -> Vec<u8> {
    query.resize(query.len().max(REPLY_CAPACITY), 0);
    let upstream_code;
    let mut text: Option<&dyn fmt::Display> = None;
    let code = match error {
        UpstreamError::Unreachable => Code::NO_REACHABLE_AUTHORITY,
        UpstreamError::Garbled => Code::NETWORK_ERROR,
        UpstreamError::Failed { rcode, errors } => match errors.first() {
            Some(received) => {
                text = received.as_error().text;
                received.code
            }
            None => {
                upstream_code = format!("upstream answered {}", text::rcode(*rcode));
                text = Some(&upstream_code);
                Code::OTHER
            }
        },
    };
    let error = Some(ExtendedError { code, text });
    let length = answer::write(&mut query, echo, transport, Rcode::ServFail, Body::Empty, error);
    query.truncate(length);
    query
}

#[cfg(test)]
mod tests;
