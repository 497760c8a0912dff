//! What a reply has to say, written down a second time, as plainly as can be: hickory's types in
//! place of octets, no cache, no buffer.

use std::net::IpAddr;

use filter_core::DomainName;
use hickory_resolver::proto::{
    op::{Message, MessageType, OpCode, Query as Question},
    rr::{
        Name, RData, Record,
        rdata::{SVCB, svcb::SvcParamValue},
    },
};
use jiff::Timestamp;

use super::{
    questions::{AD, CD, ClientQuery, Fault, RD},
    world::{self, Says, name_of, record, wire},
};
use crate::{
    answer::Snapshot,
    policy::{
        audience::Audience,
        decide::{Asked, Decision, Decline, Ruling},
        inspect::Element,
        local::LocalRecord,
        refusal::{Contact, Detail, Language, Refusal, RefusalForm},
    },
    resolve::{Query, upstream::UpstreamError},
    wire::question::Transport,
};

/// When a question is asked, and what of it was asked before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// On the clock on the wall.
    pub(super) now: Timestamp,
    /// Seconds since the same was asked; `None`: it was not.
    pub(super) since: Option<u32>,
}

/// Where an answer comes from, and what the cache knows of it when it is asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// From here: nobody else is asked.
    Here,
    /// From upstream, and it is kept.
    Kept,
    /// From upstream, and nothing says for how long it may be kept.
    NotKept,
    /// Upstream fails.
    Failed,
    /// It is kept, and something is removed from it each time.
    Rewritten,
}

/// What a reply says, whatever the transport leaves of it.
#[derive(Clone, Debug)]
pub(super) struct Naive {
    pub(super) origin: Origin,
    pub(super) rcode: u16,
    /// Question, answer and authority section; no OPT.
    pub(super) message: Message,
    pub(super) authentic: bool,
    /// Extended errors: codes, and the texts to choose from, the best first.
    pub(super) errors: Vec<(u16, Vec<String>)>,
    pub(super) has_edns: bool,
}

/// What stands in a reply as it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) rcode: u16,
    /// `qr aa tc rd ra ad cd`, and what else is unusual.
    pub(super) flags: Vec<&'static str>,
    /// Records in presentation format, in order of that.
    pub(super) answers: Vec<String>,
    pub(super) authorities: Vec<String>,
    pub(super) additionals: usize,
    /// Size, version and DO.
    pub(super) edns: Option<(u16, u8, bool)>,
    /// Codes and data, in order.
    pub(super) options: Vec<(u16, Vec<u8>)>,
}

const NOERROR: u16 = 0;
const FORMERR: u16 = 1;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const NOTIMP: u16 = 4;
const REFUSED: u16 = 5;
const BADVERS: u16 = 16;

const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const HINFO: u16 = 13;
const AAAA: u16 = 28;
const RRSIG: u16 = 46;
const SVCB_TYPE: u16 = 64;

const PADDING: u16 = 12;
const EXTENDED_ERROR: u16 = 15;
/// Octets of an option without data.
const OPTION: usize = 4;

/// The reply to a query; `None` is silence.
pub(super) fn reply(snapshot: &Snapshot, query: &ClientQuery, moment: Moment) -> Option<Naive> {
    let (rcode, is_whole) = match query.fault {
        Some(Fault::Response) => return None,
        Some(Fault::Opcode) => (NOTIMP, false),
        Some(Fault::Count) => (FORMERR, false),
        Some(Fault::Truncated | Fault::Trailing) => (FORMERR, true),
        None if query.edns.as_ref().is_some_and(|edns| edns.version > 0) => (BADVERS, true),
        None => return Some(answer(snapshot, query, moment)),
    };
    let mut naive = Naive::of(query, rcode);
    if !is_whole {
        naive.message.queries.clear();
        naive.has_edns = false;
    }
    Some(naive)
}

fn answer(snapshot: &Snapshot, query: &ClientQuery, moment: Moment) -> Naive {
    let Some(group) = snapshot.group_of(query.client) else {
        return Naive::of(query, REFUSED).with_error(18, "");
    };
    let name = query.name();
    let asked = Asked {
        name: &name,
        record_type: query.record_type,
        internet: query.class == 1,
        recursion_desired: query.has(RD),
    };
    let ruling = snapshot.policy.decide(asked, group, moment.now).unwrap();
    let made = ruling.ttl.min(300);
    match &ruling.decision {
        Decision::Refuse(refusal) => refused(query, refusal, &ruling),
        Decision::Local(local) => Naive::of(query, NOERROR).with_local(query, *local, made),
        Decision::NoData => Naive::of(query, NOERROR).denied(made),
        Decision::NxDomain => Naive::of(query, NXDOMAIN).denied(made),
        Decision::MinimalAny => Naive::of(query, NOERROR).with_own(HINFO, 300, b"\x07RFC8482\0"),
        Decision::Decline(decline) => {
            let (rcode, code) = match decline {
                Decline::Class | Decline::Transfer => (REFUSED, 21),
                Decline::NotAType => (FORMERR, 21),
                Decline::MetaType => (NOTIMP, 21),
                Decline::NotRecursive => (REFUSED, 20),
            };
            Naive::of(query, rcode).with_error(code, "")
        }
        Decision::Rewrite(targets) => rewritten(query, targets, &ruling, moment),
        Decision::Resolve => {
            let asked = Query {
                name: name.clone(),
                record_type: query.record_type,
                dnssec_ok: query.dnssec_ok(),
                checking_disabled: query.has(CD),
            };
            match world::says(&asked) {
                Err(error) => failed(query, &error, moment),
                Ok(says) => forwarded(snapshot, query, &says, &ruling, moment),
            }
        }
    }
}

fn refused(query: &ClientQuery, refusal: &Refusal<'_>, ruling: &Ruling<'_>) -> Naive {
    let ttl = ruling.ttl.min(30);
    let addresses: Vec<IpAddr> = match &refusal.form {
        RefusalForm::NxDomain | RefusalForm::NoData => Vec::new(),
        RefusalForm::Null => vec!["0.0.0.0".parse().unwrap(), "::".parse().unwrap()],
        RefusalForm::Page(addresses) => addresses.to_vec(),
    };
    let rcode = if refusal.form == RefusalForm::NxDomain { NXDOMAIN } else { NOERROR };
    let mut naive = Naive::of(query, rcode).with_addresses(query, &addresses, ttl);
    let is_forged = !naive.message.answers.is_empty();
    if !is_forged {
        naive = naive.denied(ttl);
    }
    let audience = ruling.audience;
    let contact = contact(query, audience);
    let code = match (is_forged && contact.is_none(), refusal.is_legal()) {
        (true, _) => 4,
        (false, true) => 16,
        (false, false) if audience.telling.on_request => 17,
        (false, false) => 15,
    };
    let cause = refusal.cause.told(audience.telling).map(|told| told.to_string());
    let texts = match contact {
        None => cause.into_iter().collect(),
        Some(contact) => {
            let sub_error = refusal.sub_error() as u8;
            // Malware and phishing go with 15 and 17, the others with 15.
            let has_one = code == 15 || code == 17 && sub_error < 5;
            let sub_error = has_one.then(|| format!("\"s\":{sub_error}"));
            let string = |text: &String| serde_json::to_string(text).unwrap();
            let uris = (!contact.uris.is_empty()).then(|| {
                let uris: Vec<_> = contact.uris.iter().map(string).collect();
                format!("\"c\":[{}]", uris.join(","))
            });
            let why = cause.as_ref().map(|cause| format!("\"j\":{}", string(cause)));
            let who = contact.organisation.as_ref().map(|who| format!("\"o\":{}", string(who)));
            let language = audience.telling.language.map_or("und", Language::tag);
            let language = why.as_ref().or(who.as_ref()).map(|_| format!("\"l\":\"{language}\""));
            let object = |members: &[&Option<String>]| {
                let members: Vec<_> =
                    members.iter().filter_map(|member| member.as_deref()).collect();
                format!("{{{}}}", members.join(","))
            };
            vec![object(&[&uris, &why, &sub_error, &who, &language]), object(&[&uris, &sub_error])]
        }
    };
    if audience.telling.detail != Detail::None {
        naive.errors.push((code, texts));
    }
    naive
}

/// Whom structured errors name, for a client that asks for them.
fn contact<'a>(query: &ClientQuery, audience: &'a Audience) -> Option<&'a Contact> {
    let options = query.edns.iter().flat_map(|edns| &edns.options);
    let is_asked = options.clone().any(|(code, data)| *code == EXTENDED_ERROR && data.is_empty());
    audience.structured_errors.as_deref().filter(|_| is_asked)
}

fn rewritten(
    query: &ClientQuery,
    targets: &[DomainName],
    ruling: &Ruling<'_>,
    moment: Moment,
) -> Naive {
    let (mut failure, mut origin) = (None, Origin::Kept);
    for target in targets {
        let asked = Query {
            name: target.clone(),
            record_type: query.record_type,
            dnssec_ok: false,
            checking_disabled: query.has(CD),
        };
        let says = world::says(&asked);
        origin = match &says {
            Err(_) => Origin::Failed,
            Ok(says) if !is_kept(says, asked.record_type) => Origin::NotKept,
            Ok(_) => origin,
        };
        match says {
            Err(error) => failure = Some(error),
            Ok(says) if says.nxdomain => {}
            Ok(says) => {
                let records = kept(&asked.name, asked.record_type, &says, u32::MAX, moment);
                let ttls = records.iter().flatten().map(|record| record.ttl);
                let ttl = ttls.min().filter(|_| is_kept(&says, asked.record_type));
                let ttl = ttl.unwrap_or(0).min(ruling.ttl.min(300));
                let elements = elements(&records[0], asked.record_type);
                let addresses = elements.into_iter().filter_map(|element| match element {
                    Element::Address(address) => Some(address),
                    _ => None,
                });
                let target = name_of(target);
                let mut naive = Naive::of(query, NOERROR).with_own(CNAME, ttl, &wire(&target));
                naive.origin = origin;
                for address in addresses {
                    naive.message.add_answer(address_record(&target, address, ttl));
                }
                return match contact(query, ruling.audience) {
                    None => naive.with_error(4, ""),
                    Some(_) => naive,
                };
            }
        }
    }
    match failure {
        Some(error) => failed(query, &error, moment),
        None => Naive::of(query, SERVFAIL)
            .from(Origin::Failed)
            .with_error(0, "no safe stand-in of this search engine exists"),
    }
}

fn failed(query: &ClientQuery, error: &UpstreamError, moment: Moment) -> Naive {
    let (code, text) = match error {
        UpstreamError::Unreachable | UpstreamError::OutOfTime => (22, String::new()),
        UpstreamError::Garbled => (23, String::new()),
        UpstreamError::Busy | UpstreamError::NoSocket => (0, error.to_string()),
        UpstreamError::Failed { rcode, errors } => match errors.first() {
            Some(error) => (error.code.0, error.text.to_string()),
            None if *rcode == SERVFAIL => (0, "upstream answered SERVFAIL".into()),
            None => (0, "upstream answered REFUSED".into()),
        },
    };
    let naive = Naive::of(query, SERVFAIL).from(Origin::Failed).with_error(code, &text);
    let is_remembered = !matches!(error, UpstreamError::Busy | UpstreamError::OutOfTime);
    match moment.since {
        Some(_) if is_remembered => naive.with_error(13, ""),
        _ => naive,
    }
}

fn forwarded(
    snapshot: &Snapshot,
    query: &ClientQuery,
    says: &Says,
    ruling: &Ruling<'_>,
    moment: Moment,
) -> Naive {
    let name = query.name();
    let [mut answers, authorities] = kept(&name, query.record_type, says, ruling.ttl, moment);
    let elements = elements(&answers, query.record_type);
    let origin = match is_kept(says, query.record_type) {
        true => Origin::Kept,
        false => Origin::NotKept,
    };
    let mut rewritten = answers.clone();
    let mut has_keys = false;
    for record in &mut rewritten {
        has_keys |= remove_ech(record);
    }
    let origin = match ruling.audience.remove_ech && has_keys {
        true => Origin::Rewritten,
        false => origin,
    };
    if let Some(refusal) = snapshot.policy.judge(&name, ruling, elements.into_iter()) {
        return refused(query, &refusal, ruling).from(origin);
    }
    let mut naive = Naive::of(query, if says.nxdomain { NXDOMAIN } else { NOERROR }).from(origin);
    naive.authentic = says.authentic && (query.has(AD) || query.dnssec_ok());
    if origin == Origin::Rewritten {
        answers = rewritten;
        answers.retain(|record| !covers(record, query.record_type));
        naive.authentic = false;
    }
    naive.message.add_answers(answers);
    naive.message.add_authorities(authorities);
    naive.errors = says.errors.iter().map(|(code, text)| (*code, vec![text.clone()])).collect();
    naive
}

/// Answer and authority section as they are to be read, with what is left of their TTLs.
fn kept(
    name: &DomainName,
    record_type: u16,
    says: &Says,
    at_most: u32,
    moment: Moment,
) -> [Vec<Record>; 2] {
    let mut message = Message::new(0, MessageType::Response, OpCode::Query);
    message.add_query(Question::query(name_of(name), record_type.into()));
    message.add_answers(says.answers.iter().cloned());
    message.add_authorities(says.authorities.iter().cloned());
    let read = Message::from_vec(&message.to_vec().unwrap()).unwrap();
    let has_data = read.answers.iter().any(|one| u16::from(one.record_type()) == record_type);
    let most = if has_data { 86_400 } else { 3600 };
    // What is not kept is asked for anew.
    let age = moment.since.filter(|_| is_kept(says, record_type)).unwrap_or(0);
    [read.answers, read.authorities].map(|mut records| {
        for record in &mut records {
            if let RData::SOA(soa) = &record.data
                && record_type != SOA
            {
                record.ttl = record.ttl.min(soa.minimum);
            }
            record.ttl = record.ttl.min(most).saturating_sub(age).min(at_most);
        }
        records
    })
}

/// Whether a cache may keep it: there is data that has a TTL, or a denial that says for how long.
pub(super) fn is_kept(says: &Says, record_type: u16) -> bool {
    let all = says.answers.iter().chain(&says.authorities);
    let speaks = |record: &Record| [record_type, SOA].contains(&record.record_type().into());
    all.clone().any(speaks) && all.clone().all(|record| record.ttl > 0)
}

/// What records lead to: aliases first, then targets, addresses and hints.
fn elements(records: &[Record], record_type: u16) -> Vec<Element> {
    let domain = |name: &Name| DomainName::from_wire(&wire(name)).unwrap().0;
    let (mut aliases, mut targets) = (Vec::new(), Vec::new());
    let (mut addresses, mut hints) = (Vec::new(), Vec::new());
    for record in records {
        match &record.data {
            RData::CNAME(target) if record_type != CNAME => {
                aliases.push(Element::Alias(domain(target)));
            }
            RData::A(address) => addresses.push(Element::Address(address.0.into())),
            RData::AAAA(address) => addresses.push(Element::Address(address.0.into())),
            RData::SVCB(binding) => of_binding(binding, domain, &mut targets, &mut hints),
            RData::HTTPS(binding) => of_binding(&binding.0, domain, &mut targets, &mut hints),
            _ => {}
        }
    }
    [aliases, targets, addresses, hints].concat()
}

fn of_binding(
    binding: &SVCB,
    domain: impl Fn(&Name) -> DomainName,
    targets: &mut Vec<Element>,
    hints: &mut Vec<Element>,
) {
    if !binding.target_name.is_root() {
        targets.push(Element::Target(domain(&binding.target_name)));
    }
    for (_, value) in &binding.svc_params {
        match value {
            SvcParamValue::Ipv4Hint(list) => {
                hints.extend(list.0.iter().map(|address| Element::Hint(address.0.into())));
            }
            SvcParamValue::Ipv6Hint(list) => {
                hints.extend(list.0.iter().map(|address| Element::Hint(address.0.into())));
            }
            _ => {}
        }
    }
}

/// Takes the keys of encrypted client hellos out of a record; false where there are none.
fn remove_ech(record: &mut Record) -> bool {
    let binding = match &mut record.data {
        RData::SVCB(binding) => binding,
        RData::HTTPS(binding) => &mut binding.0,
        _ => return false,
    };
    let before = binding.svc_params.len();
    binding.svc_params.retain(|(_, value)| !matches!(value, SvcParamValue::EchConfigList(_)));
    binding.svc_params.len() < before
}

/// Whether it is a signature on records of a type.
fn covers(record: &Record, record_type: u16) -> bool {
    let RData::Unknown { code, rdata } = &record.data else { return false };
    u16::from(*code) == RRSIG && rdata.anything.starts_with(&record_type.to_be_bytes())
}

fn address_record(owner: &Name, address: IpAddr, ttl: u32) -> Record {
    match address {
        IpAddr::V4(address) => record(owner, A, ttl, &address.octets()),
        IpAddr::V6(address) => record(owner, AAAA, ttl, &address.octets()),
    }
}

impl Naive {
    fn of(query: &ClientQuery, rcode: u16) -> Self {
        let mut message = Message::new(query.id, MessageType::Response, OpCode::Query);
        let name = Name::from_labels(query.labels.iter().map(Vec::as_slice)).unwrap();
        let mut question = Question::query(name, query.record_type.into());
        question.set_query_class(query.class.into());
        message.add_query(question);
        let has_edns = query.edns.is_some();
        let (origin, errors) = (Origin::Here, Vec::new());
        Self { origin, rcode, message, authentic: false, errors, has_edns }
    }

    fn owner(&self) -> Name {
        self.message.queries[0].name().clone()
    }

    fn from(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    fn with_error(mut self, code: u16, text: &str) -> Self {
        self.errors.push((code, vec![text.to_owned()]));
        self
    }

    /// Adds a record of the name that was asked for.
    fn with_own(mut self, record_type: u16, ttl: u32, data: &[u8]) -> Self {
        let owner = self.owner();
        self.message.add_answer(record(&owner, record_type, ttl, data));
        self
    }

    fn with_addresses(mut self, query: &ClientQuery, addresses: &[IpAddr], ttl: u32) -> Self {
        let owner = self.owner();
        for &address in addresses {
            if query.record_type == if address.is_ipv4() { A } else { AAAA } {
                self.message.add_answer(address_record(&owner, address, ttl));
            }
        }
        self
    }

    fn with_local(self, query: &ClientQuery, local: LocalRecord<'_>, ttl: u32) -> Self {
        let naive = match (local, query.record_type) {
            (LocalRecord::Host(addresses), _) => self.with_addresses(query, addresses, ttl),
            (LocalRecord::Address(name), PTR) => self.with_own(PTR, ttl, name.as_wire()),
            (LocalRecord::Services(records), SVCB_TYPE) => {
                records.iter().fold(self, |naive, data| naive.with_own(SVCB_TYPE, ttl, data))
            }
            _ => self,
        };
        match naive.message.answers.is_empty() {
            true => naive.denied(ttl),
            false => naive,
        }
    }

    /// The SOA that lets a denial be kept (RFC 2308).
    fn denied(mut self, ttl: u32) -> Self {
        let numbers = [1, 3600, 600, 86_400, ttl].map(u32::to_be_bytes).concat();
        let name = b"\x05preau\x07invalid\0";
        let data = [&name[..], name, &numbers].concat();
        let owner = self.owner();
        self.message.add_authority(record(&owner, SOA, ttl, &data));
        self
    }

    /// What stands in the reply: all of it, or no record with TC; `bare` is how long that is without
    /// options.
    pub(super) fn said(&self, query: &ClientQuery, is_whole: bool, bare: usize) -> Said {
        let limit = self.limit(query);
        let edns = query.edns.as_ref().filter(|_| self.has_edns);
        let mut flags = vec!["qr"];
        let flag = |set: bool, flag| set.then_some(flag);
        flags.extend(flag(!is_whole, "tc"));
        flags.extend(flag(query.has(RD), "rd"));
        flags.push("ra");
        flags.extend(flag(self.authentic && is_whole, "ad"));
        flags.extend(flag(query.has(CD), "cd"));
        flags.extend(flag(self.message.queries.is_empty(), "no question"));
        let read = Message::from_vec(&self.message.to_vec().unwrap()).unwrap();
        let mut said = Said {
            rcode: self.rcode,
            flags,
            edns: edns.map(|edns| (1232, 0, edns.dnssec_ok)),
            ..Said::default()
        };
        if is_whole {
            said.answers = shown(&read.answers);
            said.authorities = shown(&read.authorities);
        }
        let Some(edns) = edns else { return said };
        let mut length = bare;
        for (code, texts) in self.errors.iter().filter(|_| is_whole) {
            let texts = texts.iter().map(String::as_str).chain([""]);
            let data = texts.map(|text| [&code.to_be_bytes()[..], text.as_bytes()].concat());
            if let Some(data) = data.into_iter().find(|data| length + OPTION + data.len() <= limit)
            {
                length += OPTION + data.len();
                said.options.push((EXTENDED_ERROR, data));
            }
        }
        let pads = edns.options.iter().any(|(code, _)| *code == PADDING);
        if pads && query.transport == Transport::Encrypted {
            let bare = length + OPTION;
            said.options.push((PADDING, vec![0; bare.next_multiple_of(468) - bare]));
        }
        said
    }

    /// Octets that a reply may take.
    pub(super) fn limit(&self, query: &ClientQuery) -> usize {
        match (query.transport, &query.edns) {
            (Transport::Stream | Transport::Encrypted, _) => 65_535,
            (Transport::Datagram, Some(edns)) if self.has_edns => {
                usize::from(edns.udp_payload).clamp(512, 1232)
            }
            (Transport::Datagram, _) => 512,
        }
    }
}

/// What stands in a reply, as hickory reads it.
pub(super) fn read(reply: &[u8]) -> Said {
    let message = Message::from_vec(reply).unwrap();
    let header = message.metadata;
    let flags = [
        (header.message_type == MessageType::Response, "qr"),
        (header.authoritative, "aa"),
        (header.truncation, "tc"),
        (header.recursion_desired, "rd"),
        (header.recursion_available, "ra"),
        (header.authentic_data, "ad"),
        (header.checking_disabled, "cd"),
        (message.queries.is_empty(), "no question"),
        (reply[3] & 0x40 != 0, "z"),
    ];
    let edns = message.edns.as_ref();
    let options = edns.map(|edns| {
        let options = edns.options().as_ref().iter();
        options
            .map(|(code, option)| (u16::from(*code), Vec::<u8>::try_from(option).unwrap()))
            .collect()
    });
    Said {
        rcode: header.response_code.into(),
        flags: flags.into_iter().filter_map(|(set, flag)| set.then_some(flag)).collect(),
        answers: shown(&message.answers),
        authorities: shown(&message.authorities),
        additionals: message.additionals.len(),
        edns: edns.map(|edns| (edns.max_payload(), edns.version(), edns.flags().dnssec_ok)),
        options: options.unwrap_or_default(),
    }
}

/// Records as sets, whatever the case of their names.
fn shown(records: &[Record]) -> Vec<String> {
    let shown = |record: &Record| {
        let Record { name, ttl, dns_class, data, .. } = record;
        let text = format!("{} {ttl} {dns_class} {} {data}", name.to_ascii(), record.record_type());
        text.to_lowercase()
    };
    let mut shown: Vec<_> = records.iter().map(shown).collect();
    shown.sort_unstable();
    shown
}
