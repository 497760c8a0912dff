//! DNS messages as bytes (RFC 1035, RFC 6891). The only room that knows them.

pub mod answer;
pub mod designation;
pub mod ede;
pub mod extract;
pub mod lifetime;
pub mod query;
pub mod question;
pub mod structured;
pub mod text;

/// Octets before the question section (RFC 1035 §4.1.1).
pub const HEADER: usize = 12;
/// The largest datagram that we take, and the size that we say so in OPT (DNS flag day 2020: no
/// fragments).
pub const UDP_PAYLOAD: u16 = 1232;
/// The largest datagram to a client that sent no OPT (RFC 1035 §4.2.1).
pub const UDP_PAYLOAD_PLAIN: u16 = 512;
/// The largest message of a stream (RFC 1035 §4.2.2).
pub const STREAM_PAYLOAD: u16 = u16::MAX;

/// RR type codes that this crate treats apart.
pub mod rr_type {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Alias.
    pub const CNAME: u16 = 5;
    /// Start of authority.
    pub const SOA: u16 = 6;
    /// A name for an address.
    pub const PTR: u16 = 12;
    /// Host information, which stands in for ANY (RFC 8482).
    pub const HINFO: u16 = 13;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// Alias of everything below a name (RFC 6672).
    pub const DNAME: u16 = 39;
    /// EDNS pseudo-record (RFC 6891).
    pub const OPT: u16 = 41;
    /// Signature (RFC 4034).
    pub const RRSIG: u16 = 46;
    /// Proof of absence (RFC 4034).
    pub const NSEC: u16 = 47;
    /// Proof of absence by hashes (RFC 5155).
    pub const NSEC3: u16 = 50;
    /// Service binding (RFC 9460).
    pub const SVCB: u16 = 64;
    /// Service binding of HTTPS (RFC 9460).
    pub const HTTPS: u16 = 65;
}

/// EDNS option codes that this crate treats apart; see also [`ede::OPTION`] and
/// [`structured::REQUEST`].
pub mod edns_option {
    /// How long a TCP connection may stay idle (RFC 7828).
    pub const TCP_KEEPALIVE: u16 = 11;
    /// Octets that hide a message's length (RFC 7830).
    pub const PADDING: u16 = 12;
}

/// Class IN, the Internet.
pub const CLASS_IN: u16 = 1;

/// Response codes that this server gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rcode {
    /// No error.
    NoError = 0,
    /// The query is malformed.
    FormErr = 1,
    /// No answer could be had.
    ServFail = 2,
    /// The name does not exist.
    NxDomain = 3,
    /// Not a kind of query that this server answers.
    NotImp = 4,
    /// Not for this client.
    Refused = 5,
    /// EDNS version not supported; its upper bits travel in OPT (RFC 6891 §6.1.3).
    BadVers = 16,
}

/// Reads the big-endian `u16` at `at`, if it is there.
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|&octets| u16::from_be_bytes(octets))
}

/// Reads the big-endian `u32` at `at`, if it is there.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|&octets| u32::from_be_bytes(octets))
}
