//! An upstream that knows every name, and has everything happen that happens to answers: what it
//! says follows from the name, so that it says it again.

use async_trait::async_trait;
use filter_core::DomainName;
use hickory_resolver::proto::{
    op::{Edns, Message, MessageType, OpCode, Query as Question, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{NULL, opt::EdnsOption},
    },
};

use crate::{
    resolve::{
        Query,
        upstream::{Upstream, UpstreamError},
    },
    wire::{
        ede::Code,
        extract::{ReceivedError, Response},
    },
};

/// It. It says in hickory's words what hickory then reads in replies.
pub(super) struct World;

/// What it says to a query.
pub(super) struct Says {
    pub(super) nxdomain: bool,
    /// AD, from somebody who is trusted.
    pub(super) authentic: bool,
    /// What answers the question.
    pub(super) answers: Vec<Record>,
    pub(super) authorities: Vec<Record>,
    /// Extended errors.
    pub(super) errors: Vec<(u16, String)>,
    /// What nobody asked for: for the answer, authority and additional section.
    unasked: [Vec<Record>; 3],
}

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;

#[async_trait]
impl Upstream for World {
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
        let says = says(query)?;
        let octets = says.message(query).to_vec().unwrap();
        let read = Response::read(&octets, &query.name, query.record_type, query.dnssec_ok);
        let mut response = read.unwrap_or_else(|error| panic!("{query:?}: {error}"));
        if !says.authentic {
            response.distrust();
        }
        Ok(response)
    }
}

/// What upstream says, in so many kinds of ways.
pub(super) fn says(query: &Query) -> Result<Says, UpstreamError> {
    let Query { name, record_type, dnssec_ok, .. } = query;
    let own = name_of(name);
    let mut says = Says {
        nxdomain: false,
        authentic: false,
        answers: Vec::new(),
        authorities: Vec::new(),
        errors: Vec::new(),
        unasked: Default::default(),
    };
    let kind = hash(name.as_wire()) % 24;
    let ttl = [60, 300, 3600, 86_400, 100_000][hash(name.as_wire()) as usize / 24 % 5];
    match kind {
        0 | 1 => says.nxdomain = true,
        2 => {}
        3 => return Err(UpstreamError::Unreachable),
        4 => return Err(UpstreamError::Garbled),
        5 => {
            let rcode = 2 + 3 * (ttl as u16 & 1);
            return Err(UpstreamError::Failed { rcode, errors: [].into() });
        }
        6 => {
            let error = |code, text: &str| ReceivedError { code: Code(code), text: text.into() };
            let errors = [error(6, "no signature holds"), error(9, "")].into();
            return Err(UpstreamError::Failed { rcode: 2, errors });
        }
        7 => return Err(UpstreamError::OutOfTime),
        8 => return Err(UpstreamError::Busy),
        // So many that they do not fit a datagram, or hardly.
        9 => {
            says.errors.push((3, "kept for longer than it should be".into()));
            says.data(&own, *record_type, ttl, 18 + hash(name.as_wire()) as usize % 60);
        }
        10..=13 => {
            let target = match kind {
                10 => "porn.example.",
                11 => "www.elsewhere.example.",
                12 => "gone.elsewhere.example.",
                _ => "d7.akamaiedge.net.",
            };
            let target = Name::from_ascii(target).unwrap();
            says.answers.push(record(&own, CNAME, ttl, &wire(&target)));
            says.nxdomain = kind == 12;
            if !says.nxdomain && *record_type != CNAME {
                says.data(&target, *record_type, 120, 1);
            }
        }
        14 => match *record_type {
            A => says.answers.push(record(&own, A, ttl, &[10, 0, 0, 5])),
            AAAA => says.answers.push(record(
                &own,
                AAAA,
                ttl,
                &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5],
            )),
            _ => {}
        },
        // Verified, with its signature, and with errors that are none.
        15 | 16 => {
            says.authentic = true;
            says.errors.push((0, "from far away".into()));
            says.data(&own, *record_type, ttl, 2);
            if !says.answers.is_empty() {
                let signature = record(&own, RRSIG, ttl, &signature(*record_type));
                match dnssec_ok {
                    true => says.answers.push(signature),
                    false => says.unasked[0].push(signature),
                }
            }
        }
        // Not to be kept.
        17 => says.data(&own, *record_type, 0, 1),
        // More than anybody asked for.
        18 => {
            says.data(&own, *record_type, ttl, 2);
            let other = Name::from_ascii("other.elsewhere.example.").unwrap();
            says.unasked[0].push(record(&other, A, 60, &[192, 0, 2, 66]));
            says.unasked[1].push(record(&Name::root(), NS, 60, &wire(&other)));
            says.unasked[2].push(record(&other, A, 60, &[192, 0, 2, 67]));
        }
        _ => says.data(&own, *record_type, ttl, 1 + kind as usize % 3),
    }
    let has_data =
        says.answers.iter().any(|record| u16::from(record.record_type()) == *record_type);
    // One denial in so many has no SOA.
    if !has_data && !hash(name.as_wire()).is_multiple_of(7) {
        let owner = Name::root();
        says.authorities.push(record(&owner, SOA, 600, &soa(45)));
        if *dnssec_ok && says.nxdomain {
            says.authorities.push(record(&owner, NSEC, 600, b"\x01a\0\0\x01\x40"));
            says.authorities.push(record(&owner, RRSIG, 600, &signature(NSEC)));
            says.authorities.push(record(&owner, RRSIG, 600, &signature(SOA)));
        }
    }
    Ok(says)
}

impl Says {
    /// Records of the type that was asked for, where there are such.
    fn data(&mut self, owner: &Name, record_type: u16, ttl: u32, count: usize) {
        let target = |number: usize| {
            wire(&Name::from_ascii(format!("t{number}.elsewhere.example.")).unwrap())
        };
        for number in 1..=count {
            let last = number as u8;
            let data = match record_type {
                A => vec![203, 0, 113, last],
                AAAA => vec![0x26, 0x06, 0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last],
                // NS, CNAME, PTR
                2 | 12 => target(number),
                CNAME if number == 1 => target(number),
                SOA if number == 1 => soa(3600),
                15 => [vec![0, last], target(number)].concat(),
                16 => [vec![40], vec![b'a' + last % 26; 40]].concat(),
                33 => [vec![0, last, 0, 1, 1, 0xbb], target(number)].concat(),
                SVCB | HTTPS => binding(number, &target(number)),
                10 | 29 | 43 | 48 | 1000 | 65_280 => vec![last, 2, 3, 4, 5],
                _ => continue,
            };
            self.answers.push(record(owner, record_type, ttl, &data));
        }
    }

    fn message(&self, query: &Query) -> Message {
        let mut message = Message::new(0, MessageType::Response, OpCode::Query);
        message.metadata.authentic_data = true;
        if self.nxdomain {
            message.metadata.response_code = ResponseCode::NXDomain;
        }
        message.add_query(Question::query(name_of(&query.name), query.record_type.into()));
        let [answers, authorities, additionals] = &self.unasked;
        message.add_answers(answers.iter().chain(&self.answers).cloned());
        message.add_authorities(authorities.iter().chain(&self.authorities).cloned());
        message.add_additionals(additionals.iter().cloned());
        if !self.errors.is_empty() {
            let mut edns = Edns::new();
            for (code, text) in &self.errors {
                let data = [&code.to_be_bytes()[..], text.as_bytes()].concat();
                edns.options_mut().insert(EdnsOption::Unknown(15, data));
            }
            message.set_edns(edns);
        }
        message
    }
}

/// A record whose data is these octets.
pub(super) fn record(owner: &Name, record_type: u16, ttl: u32, data: &[u8]) -> Record {
    let (code, rdata) = (RecordType::from(record_type), NULL::with(data.to_vec()));
    Record::from_rdata(owner.clone(), ttl, RData::Unknown { code, rdata })
}

/// A name, in lower case.
pub(super) fn name_of(name: &DomainName) -> Name {
    Name::from_labels(name.labels()).unwrap()
}

pub(super) fn wire(name: &Name) -> Vec<u8> {
    name.iter().flat_map(|label| [&[label.len() as u8], label].concat()).chain([0]).collect()
}

fn soa(minimum: u32) -> Vec<u8> {
    let numbers = [7, 3600, 600, 86_400, minimum].map(u32::to_be_bytes).concat();
    [b"\x02ns\0\x04root\0".as_slice(), &numbers].concat()
}

/// The first leads to its owner, has hints and keys; others have a target.
fn binding(number: usize, target: &[u8]) -> Vec<u8> {
    let alpn = b"\0\x01\0\x03\x02h2";
    match number {
        1 => {
            let hints = b"\0\x04\0\x04\xcb\0\x71\x09\0\x05\0\x04\xfe\x0d\0\0";
            [b"\0\x01\0".as_slice(), alpn, hints].concat()
        }
        2 => [&[0, 2], target, alpn].concat(),
        _ => [&[0, 3], target].concat(),
    }
}

/// The data of a signature on records of a type, which nobody here verifies.
fn signature(covered: u16) -> Vec<u8> {
    [&covered.to_be_bytes()[..], &[13, 2], &[0, 0, 1, 44], &[9; 8], &[1, 2, 0], &[7; 64]].concat()
}

/// FNV-1a.
fn hash(octets: &[u8]) -> u64 {
    let step = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
    octets.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
