//! An upstream's message: checked, cut down to what answers the question, and what it names.
//!
//! Nothing of the message is taken over octet for octet. What answers the question is read strictly
//! and written anew: records of the question's name and of the aliases from there, in that order,
//! and the proof of a denial. Whatever else a server adds (glue, other names, name servers) would
//! be believed, or shown to people who are not to see it.

mod ech;

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::{Range, RangeInclusive},
};

use filter_core::DomainName;
use thiserror::Error;

use super::{
    CLASS_IN, HEADER, STREAM_PAYLOAD,
    ede::{self, Code, ExtendedError},
    question::{AD, OPCODE, QR, TC},
    rr_type, u16_at,
};

/// What an upstream server answered, ready to be forwarded and inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Header, the question in lower case, answer and authority sections; no OPT.
    octets: Box<[u8]>,
    /// Where TTLs stand.
    ttl_offsets: Box<[u16]>,
    rcode: u16,
    authentic: bool,
    has_data: bool,
    lifetime: Option<u32>,
    /// Wire names, one after another: `alias_octets` of aliases, then service targets.
    names: Box<[u8]>,
    alias_octets: usize,
    /// `address_count` addresses, then hints.
    addresses: Box<[IpAddr]>,
    address_count: usize,
    errors: Box<[ReceivedError]>,
    has_ech: bool,
}

/// An extended error (RFC 8914) that came with a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedError {
    /// INFO-CODE.
    pub code: Code,
    /// EXTRA-TEXT; empty where it was not UTF-8.
    pub text: Box<str>,
}

impl ReceivedError {
    /// The same, to be sent on.
    pub fn as_error(&self) -> ExtendedError<'_> {
        let text: &dyn fmt::Display = &self.text;
        ExtendedError {
            text: (!self.text.is_empty()).then_some(text),
            ..ExtendedError::bare(self.code)
        }
    }
}

/// Why octets are not an answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unusable {
    /// A query, or the response to another kind of query.
    #[error("not a response")]
    NotAResponse,
    /// The response to another question.
    #[error("an answer to another question")]
    OtherQuestion,
    /// TC is set: there is more over TCP.
    #[error("truncated")]
    Truncated,
    /// It cannot be read, or is longer than any message once written again.
    #[error("malformed")]
    Malformed,
    /// Aliases lead in circles, or on and on.
    #[error("aliases without end")]
    AliasLoop,
}

/// Aliases that are followed; Unbound gives up after 11, BIND after 16.
const MAX_ALIASES: usize = 16;
/// Extended errors that are kept of a response, and octets of the text of each.
const MAX_ERRORS: usize = 3;
const MAX_ERROR_TEXT: usize = 200;
/// Longer TTLs count as 0 (RFC 2181 §8).
const MAX_TTL: u32 = i32::MAX as u32;
/// Records share owner names by pointers to this one (RFC 1035 §4.1.4).
const POINTER: u16 = 0xc000;

impl Response {
    /// Reads the response to a question of class IN.
    ///
    /// Without `dnssec_ok`, signatures and proofs are left out, unless they are what was asked.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn read(
        message: &[u8],
        name: &DomainName,
        record_type: u16,
        dnssec_ok: bool,
    ) -> Result<Self, Unusable> {
        let Some(&[_, _, flags, flags_low, ..]) = message.first_chunk::<HEADER>() else {
            return Err(Unusable::NotAResponse);
        };
        if flags & QR == 0 || flags & OPCODE != 0 {
            return Err(Unusable::NotAResponse);
        }
        let question = question(name, record_type);
        let end = HEADER + question.len();
        let echoed = message.get(HEADER..end).ok_or(Unusable::OtherQuestion)?;
        if u16_at(message, 4) != Some(1) || !echoed.eq_ignore_ascii_case(&question) {
            return Err(Unusable::OtherQuestion);
        }
        if flags & TC != 0 {
            return Err(Unusable::Truncated);
        }
        // Names that point into the question get its lower case: how it was asked is nobody's business.
        let mut message = message.to_vec();
        message[HEADER..end].copy_from_slice(&question);
        let sections = Sections::read(&message, end).ok_or(Unusable::Malformed)?;
        let rcode = sections.rcode_high << 4 | u16::from(flags_low & 0x0f);

        let mut writer = Writer::new(name, &question);
        let mut facts = Facts::default();
        if matches!(rcode, NOERROR | NXDOMAIN) {
            let asked = Asked { message: &message, record_type, dnssec_ok };
            asked.answer(&sections, name, &mut writer, &mut facts)?;
        }
        let octets = writer.finish(rcode).ok_or(Unusable::Malformed)?;
        let alias_octets = facts.aliases.len();
        let address_count = facts.addresses.len();
        let mut response = Self {
            octets,
            ttl_offsets: writer.ttl_offsets.into(),
            rcode,
            authentic: flags_low & AD != 0,
            has_data: facts.has_data,
            lifetime: facts.lifetime,
            names: [facts.aliases, facts.targets].concat().into(),
            alias_octets,
            addresses: [facts.addresses, facts.hints].concat().into(),
            address_count,
            errors: sections.errors.into(),
            has_ech: false,
        };
        response.has_ech = response.rewritten().is_some();
        Ok(response)
    }

    /// Response code, with its upper bits (RFC 6891 §6.1.3).
    pub fn rcode(&self) -> u16 {
        self.rcode
    }

    /// True when the name, or what it is an alias of, does not exist.
    pub fn is_nxdomain(&self) -> bool {
        self.rcode == NXDOMAIN
    }

    /// True when there is a record of the type that was asked for.
    pub fn has_data(&self) -> bool {
        self.has_data
    }

    /// AD: whoever answered says that it has verified all of it. Worth as much as its word.
    pub fn is_authentic(&self) -> bool {
        self.authentic
    }

    /// Seconds that it may be kept: the least of its TTLs, and of a denial what its SOA allows (RFC
    /// 2308 §5). `None`: it may not be kept, since it is a failure, or a denial without SOA.
    pub fn lifetime(&self) -> Option<u32> {
        self.lifetime
    }

    /// What the name is an alias of, in order.
    pub fn aliases(&self) -> impl Iterator<Item = DomainName> + Clone {
        names(&self.names[..self.alias_octets])
    }

    /// Where SVCB and HTTPS records lead (RFC 9460), less those to their own owner.
    pub fn targets(&self) -> impl Iterator<Item = DomainName> + Clone {
        names(&self.names[self.alias_octets..])
    }

    /// Addresses of A and AAAA records.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses[..self.address_count]
    }

    /// Addresses that SVCB and HTTPS records hint at (RFC 9460 §7.3).
    pub fn hints(&self) -> &[IpAddr] {
        &self.addresses[self.address_count..]
    }

    /// Extended errors of whoever answered.
    pub fn errors(&self) -> &[ReceivedError] {
        &self.errors
    }

    /// The message: header (ID 0, QR, response code), question in lower case, answer and authority.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Where in [`octets`](Self::octets) TTLs stand.
    pub fn ttl_offsets(&self) -> impl Iterator<Item = usize> {
        self.ttl_offsets.iter().map(|&offset| usize::from(offset))
    }

    /// Octets of memory.
    pub fn size(&self) -> usize {
        let errors = self.errors.iter().map(|error| size_of_val(error) + error.text.len());
        size_of::<Self>()
            + self.octets.len()
            + size_of_val(&*self.ttl_offsets)
            + self.names.len()
            + size_of_val(&*self.addresses)
            + errors.sum::<usize>()
    }

    /// Brings every TTL, and the lifetime, within limits, in seconds.
    pub fn limit_ttls(&mut self, limits: &RangeInclusive<u32>) {
        let limited = |ttl: u32| ttl.clamp(*limits.start(), *limits.end());
        for offset in &self.ttl_offsets {
            let at = usize::from(*offset);
            if let Some(octets) = self.octets[at..].first_chunk_mut() {
                *octets = limited(u32::from_be_bytes(*octets)).to_be_bytes();
            }
        }
        self.lifetime = self.lifetime.map(limited);
    }

    /// The same denial, of a name below the one that it denies (RFC 8020): whatever proves that a
    /// name does not exist proves it of every name below.
    pub fn denial_of(&self, name: &DomainName, record_type: u16) -> Option<Self> {
        let (_, length) = DomainName::from_wire(self.octets.get(HEADER..)?).ok()?;
        let sections = Sections::read(&self.octets, HEADER + length + 4)?;
        let mut writer = Writer::new(name, &question(name, record_type));
        for record in &sections.authority {
            writer.record(Section::Authority, &self.octets, record, record.ttl)?;
        }
        let octets = writer.finish(self.rcode)?;
        Some(Self { octets, ttl_offsets: writer.ttl_offsets.into(), ..self.clone() })
    }

    /// Forgets that it was said to be verified.
    pub fn distrust(&mut self) {
        self.authentic = false;
    }
}

const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;

/// Name, type, class IN.
fn question(name: &DomainName, record_type: u16) -> Vec<u8> {
    [name.as_wire(), &record_type.to_be_bytes(), &CLASS_IN.to_be_bytes()].concat()
}

fn names(mut wire: &[u8]) -> impl Iterator<Item = DomainName> + Clone {
    std::iter::from_fn(move || {
        let (name, length) = DomainName::from_wire(wire).ok()?;
        wire = &wire[length..];
        Some(name)
    })
}

/// One record as it was received.
struct Record {
    owner: DomainName,
    record_type: u16,
    ttl: u32,
    data: Range<usize>,
}

/// What follows the question.
struct Sections {
    answer: Vec<Record>,
    authority: Vec<Record>,
    rcode_high: u16,
    errors: Vec<ReceivedError>,
}

impl Sections {
    fn read(message: &[u8], mut at: usize) -> Option<Self> {
        let mut section = |count_at: usize| {
            let count = u16_at(message, count_at)?;
            let mut records = Vec::new();
            for _ in 0..count {
                let (record, class, end) = record(message, at)?;
                at = end;
                if class == CLASS_IN || record.record_type == rr_type::OPT {
                    records.push(record);
                }
            }
            Some(records)
        };
        let (answer, authority, additional) = (section(6)?, section(8)?, section(10)?);
        let mut sections = Self { answer, authority, rcode_high: 0, errors: Vec::new() };
        if let Some(opt) = additional.iter().find(|record| record.record_type == rr_type::OPT) {
            sections.rcode_high = (opt.ttl >> 24) as u16;
            sections.errors = extended_errors(&message[opt.data.clone()])?;
        }
        Some(sections)
    }
}

/// A record, its class, and where it ends.
fn record(message: &[u8], at: usize) -> Option<(Record, u16, usize)> {
    let (owner, at) = name_at(message, at)?;
    let (record_type, class) = (u16_at(message, at)?, u16_at(message, at + 2)?);
    let ttl = u32::from_be_bytes(*message.get(at + 4..)?.first_chunk()?);
    let start = at + 10;
    let end = start + usize::from(u16_at(message, at + 8)?);
    message.get(start..end)?;
    let (owner, _) = DomainName::from_wire(&owner).ok()?;
    Some((Record { owner, record_type, ttl, data: start..end }, class, end))
}

/// The name at `at` without its pointers, in the case that it has, and where it ends.
fn name_at(message: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    let mut wire = Vec::new();
    let mut end = None;
    // Pointers lead back, each further than the one before: there is no going round in circles.
    let mut start = at;
    loop {
        match *message.get(at)? {
            0 => {
                wire.push(0);
                return Some((wire, end.unwrap_or(at + 1)));
            }
            length @ 1..=63 => {
                let next = at + 1 + usize::from(length);
                wire.extend(message.get(at..next)?);
                if wire.len() > 254 {
                    return None;
                }
                at = next;
            }
            192.. => {
                let target = usize::from(u16_at(message, at)? & !POINTER);
                if !(HEADER..start).contains(&target) {
                    return None;
                }
                end.get_or_insert(at + 2);
                (start, at) = (target, target);
            }
            _ => return None,
        }
    }
}

fn extended_errors(mut options: &[u8]) -> Option<Vec<ReceivedError>> {
    let mut errors = Vec::new();
    while !options.is_empty() {
        let length = usize::from(u16_at(options, 2)?);
        let data = options.get(4..4 + length)?;
        if u16_at(options, 0)? == ede::OPTION && errors.len() < MAX_ERRORS {
            let code = Code(u16_at(data, 0)?);
            let text = std::str::from_utf8(&data[2..]).unwrap_or_default();
            let text = if text.len() <= MAX_ERROR_TEXT { text } else { "" };
            errors.push(ReceivedError { code, text: text.into() });
        }
        options = &options[4 + length..];
    }
    Some(errors)
}

/// What is learnt on the way.
#[derive(Default)]
struct Facts {
    aliases: Vec<u8>,
    targets: Vec<u8>,
    addresses: Vec<IpAddr>,
    hints: Vec<IpAddr>,
    has_data: bool,
    lifetime: Option<u32>,
}

struct Asked<'m> {
    message: &'m [u8],
    record_type: u16,
    dnssec_ok: bool,
}

impl Asked<'_> {
    /// Writes the records that answer the question.
    fn answer(
        &self,
        sections: &Sections,
        name: &DomainName,
        writer: &mut Writer,
        facts: &mut Facts,
    ) -> Result<(), Unusable> {
        let mut shortest = MAX_TTL;
        let mut passed = vec![name.clone()];
        let mut current = name.clone();
        let mut write = |section, record: &Record, facts: &mut Facts| {
            let ttl = self.ttl(record).ok_or(Unusable::Malformed)?;
            shortest = shortest.min(ttl);
            self.learn(record, facts).ok_or(Unusable::Malformed)?;
            // An alias that was made up of the name as it was asked: in which case, is nobody's business.
            let lower = record.record_type == rr_type::CNAME
                && self.aliases_above(sections, &record.owner).next().is_some();
            writer
                .record_in_case(section, self.message, record, ttl, lower)
                .ok_or(Unusable::Malformed)
        };
        while let Some(alias) = self.alias_of(sections, &current) {
            for record in self.aliases_above(sections, &current) {
                write(Section::Answer, record, facts)?;
            }
            write(Section::Answer, alias, facts)?;
            let signs = |record: &&Record| {
                record.owner == current && self.is_signature_of(record, rr_type::CNAME)
            };
            for record in sections.answer.iter().filter(signs) {
                write(Section::Answer, record, facts)?;
            }
            let (target, _) = name_at(self.message, alias.data.start).ok_or(Unusable::Malformed)?;
            (current, _) = DomainName::from_wire(&target).map_err(|_| Unusable::Malformed)?;
            if passed.contains(&current) || passed.len() > MAX_ALIASES {
                return Err(Unusable::AliasLoop);
            }
            facts.aliases.extend(current.as_wire());
            passed.push(current.clone());
        }
        if self.record_type == rr_type::CNAME {
            for record in self.aliases_above(sections, &current) {
                write(Section::Answer, record, facts)?;
            }
        }
        for record in sections.answer.iter().filter(|record| record.owner == current) {
            if record.record_type == self.record_type {
                facts.has_data = true;
                write(Section::Answer, record, facts)?;
            } else if self.is_signature_of(record, self.record_type) {
                write(Section::Answer, record, facts)?;
            }
        }
        let mut denied_by_soa = false;
        for record in &sections.authority {
            let proves = match record.record_type {
                rr_type::SOA if !facts.has_data && !denied_by_soa => {
                    denied_by_soa = current.is_within(&record.owner);
                    denied_by_soa
                }
                rr_type::NSEC | rr_type::NSEC3 => self.dnssec_ok,
                rr_type::RRSIG => [rr_type::NSEC, rr_type::NSEC3]
                    .into_iter()
                    .chain((!facts.has_data).then_some(rr_type::SOA))
                    .any(|covered| self.is_signature_of(record, covered)),
                _ => false,
            };
            if proves {
                write(Section::Authority, record, facts)?;
            }
        }
        facts.lifetime = (facts.has_data || denied_by_soa).then_some(shortest);
        Ok(())
    }

    fn alias_of<'s>(&self, sections: &'s Sections, name: &DomainName) -> Option<&'s Record> {
        if self.record_type == rr_type::CNAME {
            return None;
        }
        let is_alias =
            |record: &&Record| record.record_type == rr_type::CNAME && record.owner == *name;
        sections.answer.iter().find(is_alias)
    }

    /// Aliases of everything below names above this one, and their signatures.
    fn aliases_above<'s>(
        &self,
        sections: &'s Sections,
        name: &DomainName,
    ) -> impl Iterator<Item = &'s Record> {
        sections.answer.iter().filter(|record| {
            (record.record_type == rr_type::DNAME || self.is_signature_of(record, rr_type::DNAME))
                && record.owner != *name
                && name.is_within(&record.owner)
        })
    }

    /// A signature that whoever asked wants.
    fn is_signature_of(&self, record: &Record, covered: u16) -> bool {
        self.dnssec_ok
            && record.record_type == rr_type::RRSIG
            && u16_at(&self.message[record.data.clone()], 0) == Some(covered)
    }

    /// Seconds; of an SOA those that a denial may be kept (RFC 2308 §5).
    fn ttl(&self, record: &Record) -> Option<u32> {
        let ttl = if record.ttl > MAX_TTL { 0 } else { record.ttl };
        if record.record_type != rr_type::SOA || self.record_type == rr_type::SOA {
            return Some(ttl);
        }
        let minimum = self.message[record.data.clone()].last_chunk()?;
        Some(ttl.min(u32::from_be_bytes(*minimum)))
    }

    /// `None`: its data is not what its type has.
    fn learn(&self, record: &Record, facts: &mut Facts) -> Option<()> {
        let data = &self.message[record.data.clone()];
        match record.record_type {
            rr_type::A => {
                facts.addresses.push(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into());
            }
            rr_type::AAAA => {
                facts.addresses.push(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into());
            }
            rr_type::SVCB | rr_type::HTTPS => {
                let (target, length) = DomainName::from_wire(data.get(2..)?).ok()?;
                if target.label_count() > 0 {
                    facts.targets.extend(target.as_wire());
                }
                hints(&data[2 + length..], &mut facts.hints)?;
            }
            _ => {}
        }
        Some(())
    }
}

/// Service parameters that hold addresses (RFC 9460 §14.3.2).
const IPV4_HINT: u16 = 4;
const IPV6_HINT: u16 = 6;

fn hints(mut parameters: &[u8], hints: &mut Vec<IpAddr>) -> Option<()> {
    while !parameters.is_empty() {
        let length = usize::from(u16_at(parameters, 2)?);
        let value = parameters.get(4..4 + length)?;
        match u16_at(parameters, 0)? {
            IPV4_HINT => {
                let (addresses, rest) = value.as_chunks::<4>();
                rest.is_empty().then_some(())?;
                hints.extend(addresses.iter().map(|&octets| IpAddr::from(octets)));
            }
            IPV6_HINT => {
                let (addresses, rest) = value.as_chunks::<16>();
                rest.is_empty().then_some(())?;
                hints.extend(addresses.iter().map(|&octets| IpAddr::from(octets)));
            }
            _ => {}
        }
        parameters = &parameters[4 + length..];
    }
    Some(())
}

#[derive(Clone, Copy)]
enum Section {
    Answer,
    Authority,
}

/// A message being written.
struct Writer {
    octets: Vec<u8>,
    counts: [u16; 2],
    ttl_offsets: Vec<u16>,
    /// Where names stand, and the ends of names.
    offsets: HashMap<Vec<u8>, u16>,
}

/// How the data of a type is put together, as far as names stand in it.
enum Part {
    Octets(usize),
    /// Texts that begin with their length.
    Text,
    Name,
    Rest,
}

/// Types whose data holds names that servers may compress (RFC 3597 §4), and whether we may.
fn layout(record_type: u16) -> (&'static [Part], bool) {
    use Part::{Name, Octets, Rest, Text};
    match record_type {
        // NS, MD, MF, CNAME, MB, MG, MR, PTR
        2..=5 | 7..=9 | 12 => (&[Name], true),
        rr_type::SOA => (&[Name, Name, Octets(20)], true),
        // MINFO
        14 => (&[Name, Name], true),
        // MX
        15 => (&[Octets(2), Name], true),
        // RP
        17 => (&[Name, Name], false),
        // AFSDB, RT, KX
        18 | 21 | 36 => (&[Octets(2), Name], false),
        // PX
        26 => (&[Octets(2), Name, Name], false),
        // SRV
        33 => (&[Octets(6), Name], false),
        // NAPTR
        35 => (&[Octets(4), Text, Text, Text, Name], false),
        rr_type::DNAME => (&[Name], false),
        _ => (&[Rest], false),
    }
}

impl Writer {
    fn new(name: &DomainName, question: &[u8]) -> Self {
        let mut writer = Self {
            octets: vec![0; HEADER],
            counts: [0; 2],
            ttl_offsets: Vec::new(),
            offsets: HashMap::new(),
        };
        writer.name(name.as_wire(), true);
        writer.octets.extend(&question[name.as_wire().len()..]);
        writer
    }

    /// `None`: its data does not have the form that its type has.
    fn record(
        &mut self,
        section: Section,
        message: &[u8],
        record: &Record,
        ttl: u32,
    ) -> Option<()> {
        self.record_in_case(section, message, record, ttl, false)
    }

    /// The same; with `lower`, names in its data are written in lower case.
    fn record_in_case(
        &mut self,
        section: Section,
        message: &[u8],
        record: &Record,
        ttl: u32,
        lower: bool,
    ) -> Option<()> {
        self.name(record.owner.as_wire(), true);
        self.octets.extend(record.record_type.to_be_bytes());
        self.octets.extend(CLASS_IN.to_be_bytes());
        // Beyond 64 KiB the message fails as a whole.
        self.ttl_offsets.push(self.octets.len() as u16);
        self.octets.extend(ttl.to_be_bytes());
        let length_at = self.octets.len();
        self.octets.extend([0; 2]);
        self.data(message, record, lower)?;
        let length = u16::try_from(self.octets.len() - length_at - 2).ok()?;
        self.octets[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        self.counts[section as usize] += 1;
        Some(())
    }

    fn data(&mut self, message: &[u8], record: &Record, lower: bool) -> Option<()> {
        let (mut at, end) = (record.data.start, record.data.end);
        let (parts, compress) = layout(record.record_type);
        for part in parts {
            let next = match part {
                Part::Name => {
                    let (mut name, next) = name_at(message, at)?;
                    if lower {
                        name.make_ascii_lowercase(); // a length octet is below any letter
                    }
                    self.name(&name, compress);
                    at = next;
                    continue;
                }
                Part::Octets(length) => at + length,
                Part::Text => at + 1 + usize::from(*message.get(at)?),
                Part::Rest => end,
            };
            self.octets.extend(message.get(at..next)?);
            at = next;
        }
        (at == end).then_some(())
    }

    /// Writes a name; with `compress`, its end as a pointer to where it stands already.
    fn name(&mut self, wire: &[u8], compress: bool) {
        let mut at = 0;
        while wire[at] != 0 {
            let rest = &wire[at..];
            if let Some(offset) = self.offsets.get(rest).filter(|_| compress) {
                self.octets.extend((POINTER | offset).to_be_bytes());
                return;
            }
            if let Ok(offset) = u16::try_from(self.octets.len())
                && offset < !POINTER
            {
                self.offsets.entry(rest.to_vec()).or_insert(offset);
            }
            let next = at + 1 + usize::from(wire[at]);
            self.octets.extend(&wire[at..next]);
            at = next;
        }
        self.octets.push(0);
    }

    /// `None`: too long for a message.
    fn finish(&mut self, rcode: u16) -> Option<Box<[u8]>> {
        let mut octets = std::mem::take(&mut self.octets);
        if octets.len() > usize::from(STREAM_PAYLOAD) {
            return None;
        }
        octets[2] = QR;
        octets[3] = rcode as u8 & 0x0f;
        octets[5] = 1;
        octets[6..8].copy_from_slice(&self.counts[0].to_be_bytes());
        octets[8..10].copy_from_slice(&self.counts[1].to_be_bytes());
        Some(octets.into())
    }
}

#[cfg(test)]
mod tests;
