//! Replies, written over the query that asked for them: header and question stay where they are,
//! so the question comes back octet for octet (0x20) and every owner name is a pointer to it.

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
    ops::Range,
};

use filter_core::DomainName;

use super::{
    CLASS_IN, HEADER, Rcode, UDP_PAYLOAD,
    ede::{self, ExtendedError},
    edns_option,
    extract::{ReceivedError, Response},
    question::{AD, CD, Echo, OPCODE, QR, RA, RD, TC, Transport},
    rr_type, u16_at,
};

/// TTL of the answer to ANY, in seconds.
const HINFO_TTL: u32 = 300;
/// Room that a query's buffer needs so that any datagram fits, and nearly any reply of [`write()`] over
/// other transports, padding included.
pub const REPLY_CAPACITY: usize = 2048;

/// The records of a reply that this server makes up itself; TTLs are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// None.
    Empty,
    /// An SOA in the authority section, so that the "no" is cached (RFC 2308).
    Negative {
        /// TTL and negative TTL.
        ttl: u32,
    },
    /// An A or AAAA record for each address.
    Addresses {
        /// The addresses.
        addresses: &'a [IpAddr],
        /// Their TTL.
        ttl: u32,
    },
    /// A CNAME record, and the addresses of where it leads.
    StandIn {
        /// The name that stands in.
        target: &'a DomainName,
        /// Its addresses, of the type asked for.
        addresses: &'a [IpAddr],
        /// The TTL of all of them.
        ttl: u32,
    },
    /// A PTR record.
    Pointer {
        /// The name pointed to.
        target: &'a DomainName,
        /// Its TTL.
        ttl: u32,
    },
    /// SVCB records (RFC 9460).
    Services {
        /// Their data, without compression.
        records: &'a [Vec<u8>],
        /// Their TTL.
        ttl: u32,
    },
    /// `HINFO "RFC8482" ""`: all there is to ANY (RFC 8482 §4.2).
    Any,
}

/// Writes the reply to the query that `buffer` starts with over it; returns its length.
///
/// `buffer` should be [`REPLY_CAPACITY`] octets or more. What does not fit `transport` is left out,
/// in this order: padding, the extended errors' text (for their shorter one), the extended errors, the
/// records (and TC is set).
pub fn write<'e>(
    buffer: &mut [u8],
    echo: &Echo,
    transport: Transport,
    rcode: Rcode,
    body: Body<'_>,
    errors: impl IntoIterator<Item = ExtendedError<'e>>,
) -> usize {
    let limit = echo.limit(transport).min(buffer.len());
    let mut reply =
        Reply { buffer, end: echo.length, limit, rcode: rcode as u16, echo, opt_at: None };
    reply.header(false);
    if reply.records(body).and_then(|()| reply.opt()).is_none() {
        reply.truncate();
    } else if echo.edns.is_some() {
        errors.into_iter().for_each(|error| reply.extended_error(error));
    }
    reply.pad(transport);
    reply.end
}

/// What becomes of the TTLs of an answer that is forwarded, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Time since it was received, which is taken off.
    pub age: u32,
    /// No TTL is less: what is served stale has some time left too (RFC 8767 §4).
    pub at_least: u32,
    /// No TTL is more: what policy may change soon is asked for again soon.
    pub at_most: u32,
}

impl Lifetime {
    /// What becomes of a TTL.
    pub fn left(self, ttl: u32) -> u32 {
        ttl.saturating_sub(self.age).max(self.at_least).min(self.at_most)
    }
}

/// Octets that a buffer needs so that [`forward`] writes the whole of a response that `transport`
/// carries.
pub fn forward_capacity(response: &Response, transport: Transport) -> usize {
    match transport {
        Transport::Datagram => usize::from(UDP_PAYLOAD),
        Transport::Stream => response.octets().len() + OPT_LENGTH + ERRORS_LENGTH,
        Transport::Encrypted => {
            forward_capacity(response, Transport::Stream) + OPTION_HEADER + PADDING_BLOCK
        }
    }
}

/// Writes an upstream's response over the query that `buffer` starts with; returns its length.
///
/// ID, flags, the question as the client spelt it and the OPT are ours; so is `error`, which goes
/// before the extended errors of upstream. The name that was asked must be that of the response,
/// the type may differ where the name does not exist (`None` otherwise). What does not fit
/// `transport` is left out: extended errors, or else every record (and TC is set).
pub fn forward(
    buffer: &mut [u8],
    echo: &Echo,
    transport: Transport,
    response: &Response,
    lifetime: Lifetime,
    error: Option<ExtendedError<'_>>,
) -> Option<usize> {
    let message = response.octets();
    let name = HEADER..echo.length.checked_sub(TYPE_AND_CLASS)?;
    if !buffer.get(name.clone())?.eq_ignore_ascii_case(message.get(name)?) {
        return None;
    }
    let limit = echo.limit(transport).min(buffer.len());
    let (start, rcode) = (echo.length, response.rcode());
    let wants_ad = buffer[3] & AD != 0 || echo.edns.is_some_and(|edns| edns.dnssec_ok);
    let mut reply = Reply { buffer, end: start, limit, rcode, echo, opt_at: None };
    reply.header(false);
    let records = message.get(start..).and_then(|records| reply.push(records));
    if records.is_none() {
        reply.truncate();
        return Some(reply.end);
    }
    reply.buffer[ANSWER..ADDITIONAL].copy_from_slice(&message[ANSWER..ADDITIONAL]);
    for at in response.ttl_offsets() {
        if let Some(ttl) = reply.buffer[at..].first_chunk_mut() {
            *ttl = lifetime.left(u32::from_be_bytes(*ttl)).to_be_bytes();
        }
    }
    if response.is_authentic() && wants_ad {
        reply.buffer[3] |= AD;
    }
    if reply.opt().is_none() {
        reply.truncate();
    } else if echo.edns.is_some() {
        let received = response.errors().iter().map(ReceivedError::as_error);
        error.into_iter().chain(received).for_each(|error| reply.extended_error(error));
    }
    reply.pad(transport);
    Some(reply.end)
}

/// Whether records were left out of a reply for want of room.
pub fn is_truncated(reply: &[u8]) -> bool {
    reply.get(2).is_some_and(|flags| flags & TC != 0)
}

/// Pointer to the question's name.
const OWNER: [u8; 2] = [0xc0, HEADER as u8];
/// Octets of a record before its data, its owner being a pointer.
const DATA_OFFSET: usize = 12;
/// Our SOA, but for its TTL, RNAME and MINIMUM: owner, type, class, length; MNAME, a name that never
/// resolves (RFC 6761 §6.4), which RNAME points to; serial 1, refresh 3600 s, retry 600 s, expire a day.
const SOA_RECORD: [u8; 49] = *b"\xc0\x0c\0\x06\0\x01\0\0\0\0\0\x25\x05preau\x07invalid\0\0\0\
    \0\0\0\x01\0\0\x0e\x10\0\0\x02\x58\0\x01\x51\x80\0\0\0\0";
/// Where in it those are.
const TTL: Range<usize> = 6..10;
const RNAME: Range<usize> = 27..29;
const MINIMUM: Range<usize> = 45..49;
/// Octets of an OPT without options.
const OPT_LENGTH: usize = 11;
/// Octets that the extended errors of an answer may take together.
const ERRORS_LENGTH: usize = 1024;
/// Octets of a question after its name.
const TYPE_AND_CLASS: usize = 4;
/// Octets of an EDNS option before its data.
const OPTION_HEADER: usize = 4;
/// Padded replies are a multiple of so many octets (RFC 8467 §4.1).
const PADDING_BLOCK: usize = 468;

/// Offsets of the record counts in the header.
const ANSWER: usize = 6;
const AUTHORITY: usize = 8;
const ADDITIONAL: usize = 10;

/// A reply as far as it is written.
struct Reply<'b> {
    buffer: &'b mut [u8],
    end: usize,
    limit: usize,
    rcode: u16,
    echo: &'b Echo,
    /// Where our OPT starts, once it is written.
    opt_at: Option<usize>,
}

impl Reply<'_> {
    /// QR and RA; ID, opcode, RD and CD as the query has them; never AA or AD.
    fn header(&mut self, truncated: bool) {
        let tc = if truncated { TC } else { 0 };
        self.buffer[2] = QR | (self.buffer[2] & (OPCODE | RD)) | tc;
        self.buffer[3] = RA | (self.buffer[3] & CD) | (self.rcode as u8 & 0x0f);
        let questions = u8::from(self.echo.length > HEADER);
        self.buffer[4..HEADER].copy_from_slice(&[0, questions, 0, 0, 0, 0, 0, 0]);
    }

    /// Leaves header, question and OPT, with TC: the client comes back over TCP.
    fn truncate(&mut self) {
        self.end = self.echo.length;
        self.header(true);
        self.opt();
    }

    fn records(&mut self, body: Body<'_>) -> Option<()> {
        match body {
            Body::Empty => Some(()),
            Body::Negative { ttl } => self.soa(ttl),
            Body::Addresses { addresses, ttl } => {
                addresses.iter().try_for_each(|address| self.address(OWNER, *address, ttl))
            }
            Body::StandIn { target, addresses, ttl } => {
                let owner = 0xc000 | (self.end + DATA_OFFSET) as u16; // behind a question
                self.record(ANSWER, rr_type::CNAME, ttl, |reply| reply.push(target.as_wire()))?;
                let owner = owner.to_be_bytes();
                addresses.iter().try_for_each(|address| self.address(owner, *address, ttl))
            }
            Body::Pointer { target, ttl } => {
                self.record(ANSWER, rr_type::PTR, ttl, |reply| reply.push(target.as_wire()))
            }
            Body::Services { records, ttl } => records.iter().try_for_each(|data| {
                self.record(ANSWER, rr_type::SVCB, ttl, |reply| reply.push(data))
            }),
            Body::Any => {
                self.record(ANSWER, rr_type::HINFO, HINFO_TTL, |reply| reply.push(b"\x07RFC8482\0"))
            }
        }
    }

    fn address(&mut self, owner: [u8; 2], address: IpAddr, ttl: u32) -> Option<()> {
        match address {
            IpAddr::V4(v4) => {
                self.record_of(owner, ANSWER, rr_type::A, ttl, |reply| reply.push(&v4.octets()))
            }
            IpAddr::V6(v6) => {
                self.record_of(owner, ANSWER, rr_type::AAAA, ttl, |reply| reply.push(&v6.octets()))
            }
        }
    }

    /// One record of class IN, owned by the question's name.
    fn record(
        &mut self,
        section: usize,
        record_type: u16,
        ttl: u32,
        data: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.record_of(OWNER, section, record_type, ttl, data)
    }

    /// One record of class IN; `owner` is a pointer to its name.
    fn record_of(
        &mut self,
        owner: [u8; 2],
        section: usize,
        record_type: u16,
        ttl: u32,
        data: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.push(&owner)?;
        self.push(&record_type.to_be_bytes())?;
        self.push(&CLASS_IN.to_be_bytes())?;
        self.push(&ttl.to_be_bytes())?;
        let length_at = self.end;
        self.push(&[0, 0])?;
        data(self)?;
        let length = (self.end - length_at - 2) as u16; // a few dozen octets
        self.buffer[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        self.count(section);
        Some(())
    }

    /// Our SOA, owned by the question's name. Nobody transfers this zone: only MINIMUM matters.
    fn soa(&mut self, negative_ttl: u32) -> Option<()> {
        let mname = 0xc000 | (self.end + DATA_OFFSET) as u16; // behind a question of at most 271 octets
        let mut record = SOA_RECORD;
        record[TTL].copy_from_slice(&negative_ttl.to_be_bytes());
        record[RNAME].copy_from_slice(&mname.to_be_bytes());
        record[MINIMUM].copy_from_slice(&negative_ttl.to_be_bytes());
        self.push(&record)?;
        self.count(AUTHORITY);
        Some(())
    }

    /// OPT of version 0 without options, if the query had one: our size, the client's DO, the upper
    /// bits of the response code.
    fn opt(&mut self) -> Option<()> {
        let Some(edns) = self.echo.edns else { return Some(()) };
        let [size_high, size_low] = UDP_PAYLOAD.to_be_bytes();
        let flags = if edns.dnssec_ok { 0x80 } else { 0 };
        let rcode_high = (self.rcode >> 4) as u8;
        let opt: [u8; OPT_LENGTH] =
            [0, 0, rr_type::OPT as u8, size_high, size_low, rcode_high, 0, flags, 0, 0, 0];
        let at = self.end;
        self.push(&opt)?;
        self.opt_at = Some(at);
        self.count(ADDITIONAL);
        Some(())
    }

    /// Adds an option to the OPT; leaves out of its text what does not fit, or all of it.
    fn extended_error(&mut self, error: ExtendedError<'_>) {
        self.option(ede::OPTION, |reply| {
            reply.push(&error.code.0.to_be_bytes())?;
            let start = reply.end;
            for text in error.text.into_iter().chain(error.shorter_text) {
                if write!(reply, "{text}").is_ok() {
                    break;
                }
                reply.end = start;
            }
            Some(())
        });
    }

    /// Hides the length of what nobody else can read, for a client that hides its own.
    fn pad(&mut self, transport: Transport) {
        let is_wanted = self.echo.edns.is_some_and(|edns| edns.padding);
        if transport != Transport::Encrypted || !is_wanted {
            return;
        }
        let bare = self.end + OPTION_HEADER;
        let padding = bare.next_multiple_of(PADDING_BLOCK) - bare;
        self.option(edns_option::PADDING, |reply| reply.push(&[0; PADDING_BLOCK][..padding]));
    }

    /// Adds an option to the OPT, which is the last record; leaves it out where it does not fit.
    fn option(&mut self, code: u16, data: impl FnOnce(&mut Self) -> Option<()>) {
        let Some(options) = self.opt_at.map(|at| at + OPT_LENGTH) else { return };
        let start = self.end;
        let [code_high, code_low] = code.to_be_bytes();
        if self.push(&[code_high, code_low, 0, 0]).and_then(|()| data(self)).is_none() {
            self.end = start;
            return;
        }
        let length = |from: usize| ((self.end - from) as u16).to_be_bytes(); // within a message
        let (all, own) = (length(options), length(start + OPTION_HEADER));
        self.buffer[options - 2..options].copy_from_slice(&all);
        self.buffer[start + 2..start + 4].copy_from_slice(&own);
    }

    /// One more record in a section.
    fn count(&mut self, section: usize) {
        let count = u16_at(self.buffer, section).unwrap_or_default().saturating_add(1);
        self.buffer[section..section + 2].copy_from_slice(&count.to_be_bytes());
    }

    /// `None`, and nothing written, beyond the limit.
    fn push(&mut self, octets: &[u8]) -> Option<()> {
        let end = self.end + octets.len();
        if end > self.limit {
            return None;
        }
        self.buffer[self.end..end].copy_from_slice(octets);
        self.end = end;
        Some(())
    }
}

impl fmt::Write for Reply<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes()).ok_or(fmt::Error)
    }
}
