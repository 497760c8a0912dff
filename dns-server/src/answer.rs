//! The one way from a question to an answer, whatever it came over.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use filter_core::DomainName;
use jiff::Timestamp;
use tokio::sync::Semaphore;

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
    resolve::{Query, Resolver, upstream::UpstreamError},
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
    /// Upstream must be asked: [`Snapshot::resolve`].
    Resolve(Pending),
}

/// A question that upstream must be asked about, and what its answer depends on beside that.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    question: Question,
    group: GroupId,
    /// When it was decided.
    now: Timestamp,
}

impl Pending {
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
        let decided = group
            .and_then(|group| Some((group, self.policy.decide(asked(&question), group, now)?)));
        let Some((group, ruling)) = decided else {
            let error = ExtendedError::bare(Code::PROHIBITED);
            return reply(echo, Rcode::Refused, Body::Empty, Some(error));
        };
        if !matches!(ruling.decision, Decision::Resolve) {
            self.stats.count(group, &ruling); // else once it is known where the answer leads
        }
        let made_negative = Body::Negative { ttl: ruling.ttl.min(MADE_TTL) };
        match &ruling.decision {
            Decision::Refuse(refusal) => {
                let (rcode, body, code) = refused(refusal, question.record_type, ruling.ttl);
                let told = Told::of(refusal, code, ruling.audience, echo);
                reply(echo, rcode, body, told.as_ref().map(Told::error))
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
            Decision::NoData => reply(echo, Rcode::NoError, made_negative, None),
            Decision::NxDomain => reply(echo, Rcode::NxDomain, made_negative, None),
            Decision::Resolve | Decision::Rewrite(_) => {
                Immediate::Resolve(Pending { question, group, now })
            }
        }
    }

    /// Answers a question that only upstream can. `query` is the packet, or its header and question
    /// at least.
    pub(crate) async fn resolve(
        &self,
        pending: &Pending,
        transport: Transport,
        query: Vec<u8>,
    ) -> Vec<u8> {
        let Pending { question, group, now } = pending;
        let _wait = self.stats.wait();
        let reply = Reply { echo: &question.echo, transport, query };
        // As it was decided before: same snapshot, same moment.
        let Some(mut ruling) = self.policy.decide(asked(question), *group, *now) else {
            return reply.failure(&UpstreamError::Unreachable);
        };
        match ruling.decision {
            Decision::Rewrite(targets) => self.stand_in(targets, question, &ruling, reply).await,
            _ => {
                let reply = self.forward(question, &mut ruling, reply).await;
                self.stats.count(*group, &ruling);
                reply
            }
        }
    }

    /// Asks upstream; where the answer leads may turn the ruling into a refusal.
    async fn forward<'p>(
        &'p self,
        question: &Question,
        ruling: &mut Ruling<'p>,
        mut reply: Reply<'_>,
    ) -> Vec<u8> {
        let answer = match self.resolver.resolve(&asked_of_upstream(question)).await {
            Ok(answer) => answer,
            Err(error) => return reply.failure(&error),
        };
        let ttl = ruling.ttl_at(Timestamp::now());
        let elements = elements(answer.response());
        if let Some(refusal) = self.policy.judge(&question.name, ruling, elements) {
            let (rcode, body, code) = refused(&refusal, question.record_type, ttl);
            let told = Told::of(&refusal, code, ruling.audience, reply.echo);
            let reply = reply.written(rcode, body, told.as_ref().map(Told::error));
            ruling.decision = Decision::Refuse(refusal);
            return reply;
        }
        let response = match ruling.audience.remove_ech {
            true => answer.response().without_ech(),
            false => Cow::Borrowed(answer.response()),
        };
        let (echo, transport) = (reply.echo, reply.transport);
        let capacity = answer::forward_capacity(&response, transport);
        reply.query.resize(reply.query.len().max(capacity), 0);
        let lifetime = answer.lifetime(ttl);
        let error = answer.error().map(ExtendedError::bare);
        match answer::forward(&mut reply.query, echo, transport, &response, lifetime, error) {
            Some(length) => reply.of(length),
            None => reply.failure(&UpstreamError::Garbled),
        }
    }

    /// Answers with the first of these names that exists.
    async fn stand_in(
        &self,
        targets: &[DomainName],
        question: &Question,
        ruling: &Ruling<'_>,
        reply: Reply<'_>,
    ) -> Vec<u8> {
        // Whoever is told of refusals in structured errors is not told of forged data.
        let is_told = structured(ruling.audience, reply.echo).is_none();
        let code = is_told.then_some(Code::FORGED);
        let mut failure = UpstreamError::Unreachable;
        for target in targets {
            let asked =
                Query { name: target.clone(), dnssec_ok: false, ..asked_of_upstream(question) };
            match self.resolver.resolve(&asked).await {
                Ok(answer) if answer.response().is_nxdomain() => {}
                Ok(answer) => {
                    let ttl = answer.ttl(ruling.ttl_at(Timestamp::now()).min(MADE_TTL));
                    let addresses = answer.response().addresses();
                    let body = Body::StandIn { target, addresses, ttl };
                    return reply.written(Rcode::NoError, body, code.map(ExtendedError::bare));
                }
                Err(error) => failure = error,
            }
        }
        reply.failure(&failure)
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
            Immediate::Resolve(pending) => {
                let _permit = waiting.acquire().await; // nobody closes it
                Some(self.resolve(&pending, transport, buffer).await)
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
    query: Vec<u8>,
}

impl Reply<'_> {
    fn written(
        mut self,
        rcode: Rcode,
        body: Body<'_>,
        error: Option<ExtendedError<'_>>,
    ) -> Vec<u8> {
        self.query.resize(self.query.len().max(REPLY_CAPACITY), 0);
        let length = answer::write(&mut self.query, self.echo, self.transport, rcode, body, error);
        self.of(length)
    }

    fn of(mut self, length: usize) -> Vec<u8> {
        self.query.truncate(length);
        self.query
    }

    /// SERVFAIL.
    fn failure(self, error: &UpstreamError) -> Vec<u8> {
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
        let error = ExtendedError { text, ..ExtendedError::bare(code) };
        self.written(Rcode::ServFail, Body::Empty, Some(error))
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
mod tests;
