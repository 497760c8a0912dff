//! The one way from a question to an answer, whatever it came over.

use std::{
    borrow::Cow,
    fmt, iter,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use filter_core::DomainName;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    listen::terms::Terms,
    policy::{
        Policy,
        audience::Audience,
        decide::{Asked, Decision, Decline, Ruling},
        group::GroupId,
        inspect::Element,
        local::LocalRecord,
        refusal::{self, Contact, Detail, Language, Refusal, RefusalForm},
    },
    resolve::{Answer, NoAnswer, Query, Resolver, upstream::UpstreamError},
    stats::Stats,
    wire::{
        Rcode,
        answer::{self, Body, REPLY_CAPACITY},
        ede::{Code, ExtendedError},
        extract::Response,
        question::{self, Echo, Question, Transport, Unreadable},
        rr_type,
        structured::StructuredError,
        text,
    },
};

/// Everything that one answer depends on. Answers take one snapshot and stay with it; a reload
/// replaces the whole.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// Who may ask for what, and when.
    pub(crate) policy: Policy,
    /// Who knows the rest.
    pub(crate) resolver: Arc<Resolver>,
    /// What listeners go by; answers do not.
    pub(crate) terms: Terms,
    /// What became of questions.
    pub(crate) stats: Arc<Stats>,
}

/// What became of a packet without waiting for anyone.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation a query")]
pub(crate) enum Immediate {
    /// It gets no answer.
    Silence,
    /// The reply stands in the buffer, this long.
    Reply(usize),
    /// It takes upstream, or more room than the buffer has: [`Snapshot::resolve`].
    Resolve(Pending),
}

/// A question that upstream must be asked about, or whose answer needs more room, and what that depends
/// on beside upstream.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    question: Question,
    group: GroupId,
    /// When it was decided.
    now: Timestamp,
    /// The same, by a clock that nobody sets.
    since: Instant,
}

impl Pending {
    fn new(question: Question, group: GroupId, now: Timestamp) -> Self {
        Self { question, group, now, since: Instant::now() }
    }

    /// The moment that it is by now.
    fn moment(&self) -> Timestamp {
        self.now.saturating_add(self.since.elapsed()).unwrap_or(self.now)
    }

    /// The octets of the query that a reply needs.
    pub(crate) fn query<'q>(&self, packet: &'q [u8]) -> &'q [u8] {
        &packet[..self.question.echo.length]
    }
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
        let since = self.stats.time_at_once();
        let question = match question::read(&buffer[..length]) {
            Ok(question) => question,
            Err(Unreadable::Silence) => return Immediate::Silence,
            Err(Unreadable::Error(rcode, echo)) => {
                let mut reply = Reply { echo: &echo, transport, buffer };
                return Immediate::Reply(reply.write(rcode, Body::Empty, None));
            }
        };
        let mut reply = Reply { echo: &question.echo, transport, buffer };
        let decide = |group| self.policy.decide(asked(&question), group, now);
        let (Some(group), Some(mut ruling)) = (group, group.and_then(decide)) else {
            self.stats.count_stranger(true);
            let error = ExtendedError::bare(Code::PROHIBITED);
            return Immediate::Reply(reply.write(Rcode::Refused, Body::Empty, Some(error)));
        };
        let written = match &ruling.decision {
            Decision::Rewrite(targets) => self
                .cached_stand_in(targets, &question)
                .map(|(target, answer)| reply.stand_in(target, &answer, &ruling, now)),
            Decision::Resolve => self
                .resolver
                .cached(&asked_of_upstream(&question))
                .filter(|answer| reply.has_room_for(answer.response()))
                // Removing it allocates.
                .filter(|answer| !(ruling.audience.remove_ech && answer.response().has_ech()))
                .map(|answer| {
                    self.resolver.count_hits(1);
                    self.forward(&mut reply, &question, &mut ruling, &answer, now)
                }),
            _ => Some(reply.made(&ruling, question.record_type)),
        };
        match written {
            // The buffer has no room where the stream has.
            Some(_) if transport != Transport::Datagram && reply.is_truncated() => {
                Immediate::Resolve(Pending::new(question, group, now))
            }
            Some(length) => {
                self.stats.count(group, &ruling);
                self.stats.count_at_once(since);
                Immediate::Reply(length)
            }
            None => Immediate::Resolve(Pending::new(question, group, now)),
        }
    }

    /// Answers a question that was not answered at once. `query` is the packet, or its header and
    /// question at least.
    pub(crate) async fn resolve(
        &self,
        pending: &Pending,
        transport: Transport,
        mut query: Vec<u8>,
    ) -> Vec<u8> {
        let Pending { question, group, now, .. } = pending;
        let _wait = self.stats.wait();
        let echo = &question.echo;
        // As it was decided before: same snapshot, same moment.
        let length =
            match self.policy.decide(asked(question), *group, *now) {
                None => Reply::over(&mut query, echo, transport)
                    .failure(&UpstreamError::Unreachable.into()),
                Some(mut ruling) => {
                    let mut failed = false;
                    let length = match ruling.decision {
                        Decision::Rewrite(targets) => {
                            let found = self.stand_in(targets, question).await;
                            let mut reply = Reply::over(&mut query, echo, transport);
                            match found {
                                Ok(Some((target, answer))) => {
                                    reply.stand_in(target, &answer, &ruling, pending.moment())
                                }
                                Ok(None) => {
                                    failed = true;
                                    reply.without_stand_in()
                                }
                                Err(no_answer) => {
                                    failed = true;
                                    reply.failure(&no_answer)
                                }
                            }
                        }
                        Decision::Resolve => {
                            match self.resolver.resolve(&asked_of_upstream(question)).await {
                                Ok(answer) => {
                                    let mut reply = Reply::over(&mut query, echo, transport);
                                    let moment = pending.moment();
                                    self.forward(&mut reply, question, &mut ruling, &answer, moment)
                                }
                                Err(no_answer) => {
                                    failed = true;
                                    Reply::over(&mut query, echo, transport).failure(&no_answer)
                                }
                            }
                        }
                        _ => Reply::over(&mut query, echo, transport)
                            .made(&ruling, question.record_type),
                    };
                    match failed {
                        true => self.stats.count_failure(*group),
                        false => self.stats.count(*group, &ruling),
                    }
                    length
                }
            };
        query.truncate(length);
        query.shrink_to_fit();
        query
    }

    /// Writes what upstream said; where it leads may turn the ruling into a refusal.
    fn forward<'p>(
        &'p self,
        reply: &mut Reply<'_>,
        question: &Question,
        ruling: &mut Ruling<'p>,
        answer: &Answer,
        now: Timestamp,
    ) -> usize {
        let ttl = ruling.ttl_at(now);
        let elements = elements(answer.response());
        if let Some(refusal) = self.policy.judge(&question.name, ruling, elements) {
            let length = reply.refuse(&refusal, question.record_type, ttl, ruling.audience);
            ruling.decision = Decision::Refuse(refusal);
            return length;
        }
        let response = match ruling.audience.remove_ech {
            true => answer.response().without_ech(),
            false => Cow::Borrowed(answer.response()),
        };
        let lifetime = answer.lifetime(ttl);
        let error = answer.error().map(ExtendedError::bare);
        let Reply { echo, transport, buffer } = reply;
        answer::forward(buffer, echo, *transport, &response, lifetime, error)
            .unwrap_or_else(|| reply.failure(&UpstreamError::Garbled.into()))
    }

    /// Why a name that was to be [resolved](Decision::Resolve) is refused all the same: where its
    /// addresses lead.
    pub(crate) async fn objection<'p>(
        &'p self,
        name: &DomainName,
        ruling: &Ruling<'p>,
    ) -> Option<Refusal<'p>> {
        for record_type in [rr_type::A, rr_type::AAAA, rr_type::HTTPS] {
            let (dnssec_ok, checking_disabled) = (false, false);
            let query = Query { name: name.clone(), record_type, dnssec_ok, checking_disabled };
            let Ok(answer) = self.resolver.resolve(&query).await else { continue };
            let refusal = self.policy.judge(name, ruling, elements(answer.response()));
            if refusal.is_some() {
                return refusal;
            }
        }
        None
    }

    /// The first of these names that exists, and where; `None`: none does.
    async fn stand_in<'t>(
        &self,
        targets: &'t [DomainName],
        question: &Question,
    ) -> Result<Option<(&'t DomainName, Answer)>, NoAnswer> {
        let mut outcome = Ok(None);
        for target in targets {
            match self.resolver.resolve(&asked_of_stand_in(target, question)).await {
                Ok(answer) if answer.response().is_nxdomain() => {}
                Ok(answer) => return Ok(Some((target, answer))),
                Err(no_answer) => outcome = Err(no_answer),
            }
        }
        outcome
    }

    /// The same, where the cache knows.
    fn cached_stand_in<'t>(
        &self,
        targets: &'t [DomainName],
        question: &Question,
    ) -> Option<(&'t DomainName, Answer)> {
        for (target, hits) in targets.iter().zip(1..) {
            let answer = self.resolver.cached(&asked_of_stand_in(target, question))?;
            if !answer.response().is_nxdomain() {
                self.resolver.count_hits(hits);
                return Some((target, answer));
            }
        }
        None
    }

    /// Answers a packet, however long that takes; `None` is silence. Upstream is asked once `seat`
    /// gives a place, and keeps that.
    pub(crate) async fn answer(
        &self,
        group: Option<GroupId>,
        transport: Transport,
        packet: &[u8],
        seat: impl Future,
    ) -> Option<Vec<u8>> {
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len().max(REPLY_CAPACITY), 0);
        match self.answer_at_once(group, transport, Timestamp::now(), &mut buffer, packet.len()) {
            Immediate::Silence => None,
            Immediate::Reply(length) => {
                buffer.truncate(length);
                Some(buffer)
            }
            Immediate::Resolve(pending) => {
                drop(buffer);
                let _seat = seat.await;
                Some(self.resolve(&pending, transport, pending.query(packet).to_vec()).await)
            }
        }
    }
}

/// What an answer leads to.
fn elements(response: &Response) -> impl Iterator<Item = Element> + Clone {
    let aliases = response.aliases().map(Element::Alias);
    let targets = response.targets().map(Element::Target);
    let addresses = response.addresses().iter().copied().map(Element::Address);
    let hints = response.hints().iter().copied().map(Element::Hint);
    aliases.chain(targets).chain(addresses).chain(hints)
}

fn asked(question: &Question) -> Asked<'_> {
    Asked {
        name: &question.name,
        record_type: question.record_type,
        internet: question.is_internet(),
        recursion_desired: question.recursion_desired,
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

/// What upstream has to know where another name stands in.
fn asked_of_stand_in(target: &DomainName, question: &Question) -> Query {
    Query { name: target.clone(), dnssec_ok: false, ..asked_of_upstream(question) }
}

/// TTL and negative TTL of refusals, in seconds: what is unblocked is soon seen again.
const REFUSAL_TTL: u32 = 30;
/// TTL of local records, and of names that stand in for others, in seconds.
const MADE_TTL: u32 = 300;

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
    let ttl = ttl.min(MADE_TTL);
    match (record, record_type) {
        (LocalRecord::Address(target), rr_type::PTR) => Body::Pointer { target, ttl },
        (LocalRecord::Host(addresses), _) => match of_type(addresses, record_type) {
            [] => Body::Negative { ttl },
            addresses => Body::Addresses { addresses, ttl },
        },
        (LocalRecord::Services(records), rr_type::SVCB) => Body::Services { records, ttl },
        (LocalRecord::Address(_) | LocalRecord::Services(_), _) => Body::Negative { ttl },
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

/// A reply to be written over its query.
struct Reply<'q> {
    echo: &'q Echo,
    transport: Transport,
    buffer: &'q mut [u8],
}

impl<'q> Reply<'q> {
    /// With room for whatever the transport carries.
    fn over(query: &'q mut Vec<u8>, echo: &'q Echo, transport: Transport) -> Self {
        query.resize(query.len().max(echo.limit(transport)), 0);
        Self { echo, transport, buffer: query }
    }

    fn has_room_for(&self, response: &Response) -> bool {
        answer::forward_capacity(response, self.transport) <= self.buffer.len()
    }

    /// Writes what this server makes up itself; returns the reply's length, as all of these do.
    fn write<'e>(
        &mut self,
        rcode: Rcode,
        body: Body<'_>,
        errors: impl IntoIterator<Item = ExtendedError<'e>>,
    ) -> usize {
        answer::write(self.buffer, self.echo, self.transport, rcode, body, errors)
    }

    /// What is decided without asking anyone.
    fn made(&mut self, ruling: &Ruling<'_>, record_type: u16) -> usize {
        let negative = Body::Negative { ttl: ruling.ttl.min(MADE_TTL) };
        match &ruling.decision {
            Decision::Refuse(refusal) => {
                self.refuse(refusal, record_type, ruling.ttl, ruling.audience)
            }
            Decision::Local(record) => {
                self.write(Rcode::NoError, local(*record, record_type, ruling.ttl), None)
            }
            Decision::Decline(decline) => {
                let (rcode, code) = declined(*decline);
                self.write(rcode, Body::Empty, Some(ExtendedError::bare(code)))
            }
            Decision::MinimalAny => self.write(Rcode::NoError, Body::Any, None),
            Decision::NoData => self.write(Rcode::NoError, negative, None),
            Decision::NxDomain => self.write(Rcode::NxDomain, negative, None),
            // Upstream's word is missing.
            Decision::Rewrite(_) | Decision::Resolve => {
                self.failure(&UpstreamError::Unreachable.into())
            }
        }
    }

    fn is_truncated(&self) -> bool {
        answer::is_truncated(self.buffer)
    }

    fn refuse(
        &mut self,
        refusal: &Refusal<'_>,
        record_type: u16,
        ttl: u32,
        audience: &Audience,
    ) -> usize {
        let (rcode, body, code) = refused(refusal, record_type, ttl);
        let told = Told::of(refusal, code, audience, self.echo);
        self.write(rcode, body, told.as_ref().map(Told::error))
    }

    fn stand_in(
        &mut self,
        target: &DomainName,
        answer: &Answer,
        ruling: &Ruling<'_>,
        now: Timestamp,
    ) -> usize {
        // Whoever is told of refusals in structured errors is not told of forged data.
        let is_told = structured(ruling.audience, self.echo).is_none();
        let code = is_told.then_some(Code::FORGED);
        let addresses = answer.response().addresses();
        let ttl = answer.ttl(ruling.ttl_at(now).min(MADE_TTL));
        let body = Body::StandIn { target, addresses, ttl };
        self.write(Rcode::NoError, body, code.map(ExtendedError::bare))
    }

    /// SERVFAIL: what is safe is gone, and what is not safe is not given instead.
    fn without_stand_in(&mut self) -> usize {
        let text = "no safe stand-in of this search engine exists";
        let error = ExtendedError { text: Some(&text), ..ExtendedError::bare(Code::OTHER) };
        self.write(Rcode::ServFail, Body::Empty, Some(error))
    }

    /// SERVFAIL.
    fn failure(&mut self, no_answer: &NoAnswer) -> usize {
        let upstream_code;
        let mut text: Option<&dyn fmt::Display> = None;
        let code = match &no_answer.error {
            UpstreamError::Unreachable | UpstreamError::OutOfTime => Code::NO_REACHABLE_AUTHORITY,
            error @ (UpstreamError::Busy | UpstreamError::NoSocket) => {
                text = Some(error);
                Code::OTHER
            }
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
        let cause = ExtendedError { text, ..ExtendedError::bare(code) };
        let cached = no_answer.cached.then_some(ExtendedError::bare(Code::CACHED_ERROR));
        self.write(Rcode::ServFail, Body::Empty, iter::once(cause).chain(cached))
    }
}

/// Whom structured errors name, where this client gets such.
fn structured<'a>(audience: &'a Audience, echo: &Echo) -> Option<&'a Contact> {
    let is_wanted = echo.edns.is_some_and(|edns| edns.structured_errors);
    audience.structured_errors.as_deref().filter(|_| is_wanted)
}

/// What is told of a refusal.
struct Told<'r> {
    code: Code,
    text: Option<Text<'r>>,
    shorter_text: Option<Text<'r>>,
}

/// Why something is refused, for people or for programs.
enum Text<'r> {
    Plain(refusal::Told<'r>),
    Structured(StructuredError<'r, refusal::Told<'r>>),
}

impl<'r> Told<'r> {
    /// `None`: nothing. `code` is what its records ask for.
    fn of(
        refusal: &'r Refusal<'_>,
        code: Code,
        audience: &'r Audience,
        echo: &Echo,
    ) -> Option<Self> {
        let telling = audience.telling;
        let contact = structured(audience, echo);
        let code = match code {
            // Structured errors do not go with "forged", whatever the records.
            Code::FORGED if contact.is_some() => Code::BLOCKED,
            code => code,
        };
        let code = match code {
            Code::BLOCKED if refusal.is_legal() => Code::CENSORED,
            Code::BLOCKED if telling.on_request => Code::FILTERED,
            code => code,
        };
        let cause = refusal.cause.told(telling);
        let (text, shorter_text) = match contact {
            None => (cause.map(Text::Plain), None),
            Some(contact) => {
                let error = StructuredError {
                    contacts: &contact.uris,
                    justification: cause,
                    sub_error: Some(refusal.sub_error()).filter(|kind| kind.goes_with(code)),
                    organisation: contact.organisation.as_deref(),
                    // Without a language, categories are identifiers.
                    language: telling.language.map_or("und", Language::tag),
                };
                let shorter = error.without_prose();
                (Some(Text::Structured(error)), Some(Text::Structured(shorter)))
            }
        };
        (telling.detail != Detail::None).then_some(Self { code, text, shorter_text })
    }

    fn error(&self) -> ExtendedError<'_> {
        ExtendedError {
            code: self.code,
            text: self.text.as_ref().map(|text| text as &dyn fmt::Display),
            shorter_text: self.shorter_text.as_ref().map(|text| text as &dyn fmt::Display),
        }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => text.fmt(f),
            Self::Structured(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod generated;
#[cfg(test)]
mod tests;
