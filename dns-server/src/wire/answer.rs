//! Replies, written over the query that asked for them: header and question stay where they are,
//! so the question comes back octet for octet (0x20) and every owner name is a pointer to it.

use std::fmt::{self, Write as _};

use super::{
    CLASS_IN, HEADER, Rcode, UDP_PAYLOAD,
    ede::{self, ExtendedError},
    question::{CD, Echo, OPCODE, QR, RA, RD, TC, Transport},
    rr_type, u16_at,
};

/// TTL and negative TTL of refusals, in seconds: what is unblocked is soon seen again.
pub const REFUSAL_TTL: u32 = 30;
/// TTL of the answer to ANY, in seconds.
const HINFO_TTL: u32 = 300;
/// Room that a query's buffer needs so that any reply of [`write()`] fits.
pub const REPLY_CAPACITY: usize = UDP_PAYLOAD as usize;

/// The records of a reply that this server makes up itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// None.
    Empty,
    /// An SOA in the authority section, so that the "no" is cached (RFC 2308), for
    /// [`REFUSAL_TTL`].
    Negative,
    /// `0.0.0.0`.
    NullIpv4,
    /// `::`.
    NullIpv6,
    /// `HINFO "RFC8482" ""`: all there is to ANY (RFC 8482 §4.2).
    Any,
}

/// Writes the reply to the query that `buffer` starts with over it; returns its length.
///
/// `buffer` should be [`REPLY_CAPACITY`] octets or more. What does not fit `transport` is left out,
/// in this order: the extended error's text, the extended error, the records (and TC is set).
pub fn write(
    buffer: &mut [u8],
    echo: &Echo,
    transport: Transport,
    rcode: Rcode,
    body: Body,
    error: Option<ExtendedError<'_>>,
) -> usize {
    let limit = echo.limit(transport).min(buffer.len());
    let mut reply = Reply { buffer, end: echo.length, limit, rcode: rcode as u16, echo };
    reply.header(false);
    if reply.records(body).and_then(|()| reply.opt()).is_none() {
        reply.truncate();
    } else if let (Some(error), Some(_)) = (error, echo.edns) {
        reply.extended_error(error);
    }
    reply.end
}

/// Turns an upstream's message into the reply to `query`, which must ask the same question.
///
/// The message's records and response code stay; ID, flags, the question as the client spelt it
/// and the OPT are ours. What `transport` does not carry becomes an empty reply with TC.
/// `None`: the message is not an answer to this question.
pub fn forward(
    query: &[u8],
    echo: &Echo,
    transport: Transport,
    mut message: Vec<u8>,
) -> Option<Vec<u8>> {
    let question = query.get(HEADER..echo.length)?;
    let asked = message.get_mut(HEADER..echo.length)?;
    if !asked.eq_ignore_ascii_case(question) {
        return None;
    }
    asked.copy_from_slice(question);
    let rcode = message[3] & 0x0f;
    message[..2].copy_from_slice(&query[..2]);
    message[2] = QR | (query[2] & RD);
    message[3] = RA | (query[3] & CD) | rcode;

    let end = message.len();
    message.resize(end + OPT_LENGTH, 0);
    let limit = message.len();
    let mut reply = Reply { buffer: &mut message, end, limit, rcode: rcode.into(), echo };
    reply.opt();
    if reply.end > echo.limit(transport) {
        reply.truncate();
    }
    let end = reply.end;
    message.truncate(end);
    Some(message)
}

/// Pointer to the question's name.
const OWNER: [u8; 2] = [0xc0, HEADER as u8];
/// MNAME and RNAME of our SOA, a name that never resolves (RFC 6761 §6.4).
const MNAME: &[u8] = b"\x05preau\x07invalid\0";
/// Octets of an OPT without options.
const OPT_LENGTH: usize = 11;

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

    fn records(&mut self, body: Body) -> Option<()> {
        match body {
            Body::Empty => Some(()),
            Body::Negative => self.record(AUTHORITY, rr_type::SOA, REFUSAL_TTL, Self::soa),
            Body::NullIpv4 => {
                self.record(ANSWER, rr_type::A, REFUSAL_TTL, |reply| reply.push(&[0; 4]))
            }
            Body::NullIpv6 => {
                self.record(ANSWER, rr_type::AAAA, REFUSAL_TTL, |reply| reply.push(&[0; 16]))
            }
            Body::Any => {
                self.record(ANSWER, rr_type::HINFO, HINFO_TTL, |reply| reply.push(b"\x07RFC8482\0"))
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
        self.push(&OWNER)?;
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

    /// SOA data. Nobody transfers this zone: only MINIMUM matters.
    fn soa(&mut self) -> Option<()> {
        let mname = 0xc000 | self.end as u16; // behind a question of at most 271 octets
        self.push(MNAME)?;
        self.push(&mname.to_be_bytes())?;
        [1, 3600, 600, 86_400, REFUSAL_TTL]
            .into_iter()
            .try_for_each(|n| self.push(&n.to_be_bytes()))
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
        self.push(&opt)?;
        self.count(ADDITIONAL);
        Some(())
    }

    /// Adds an option to the OPT just written; leaves it out where it does not fit.
    fn extended_error(&mut self, error: ExtendedError<'_>) {
        let start = self.end;
        let [code_high, code_low] = error.code.0.to_be_bytes();
        let [option_high, option_low] = ede::OPTION.to_be_bytes();
        if self.push(&[option_high, option_low, 0, 0, code_high, code_low]).is_none() {
            return;
        }
        let text = self.end;
        if error.text.is_some_and(|text| write!(self, "{text}").is_err()) {
            self.end = text;
        }
        let length = (self.end - start) as u16; // within a message
        self.buffer[start - 2..start].copy_from_slice(&length.to_be_bytes());
        self.buffer[start + 2..start + 4].copy_from_slice(&(length - 4).to_be_bytes());
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
