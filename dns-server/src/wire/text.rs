//! Messages for people: what `preau query` sends, and how it shows what came back.

use std::fmt::Write as _;

use filter_core::DomainName;
use hickory_server::proto::{
    op::Message,
    rr::{RecordType, rdata::opt::EdnsOption},
};

use super::{CLASS_IN, UDP_PAYLOAD, ede, rr_type, u16_at};

/// Mnemonic of a response code (IANA DNS RCODEs).
pub fn rcode(code: u16) -> String {
    const NAMES: [&str; 11] = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
        "NXRRSET", "NOTAUTH", "NOTZONE",
    ];
    match NAMES.get(usize::from(code)) {
        Some(name) => (*name).to_owned(),
        None if code == super::Rcode::BadVers as u16 => "BADVERS".to_owned(),
        None => format!("RCODE{code}"),
    }
}

/// Type code of a mnemonic such as `AAAA` or `TYPE65534` (RFC 3597 §5), in any case.
pub fn record_type(text: &str) -> Option<u16> {
    let upper = text.to_ascii_uppercase();
    match upper.strip_prefix("TYPE") {
        Some(number) => number.parse().ok(),
        None => upper.parse::<RecordType>().ok().map(u16::from),
    }
}

/// A query with RD and OPT.
pub fn query(id: u16, name: &DomainName, record_type: u16) -> Vec<u8> {
    let mut packet = Vec::with_capacity(300);
    for field in [id, 0x0100, 1, 0, 0, 1] {
        packet.extend(field.to_be_bytes());
    }
    packet.extend(name.as_wire());
    for field in [record_type, CLASS_IN] {
        packet.extend(field.to_be_bytes());
    }
    packet.push(0);
    for field in [rr_type::OPT, UDP_PAYLOAD, 0, 0, 0] {
        packet.extend(field.to_be_bytes());
    }
    packet
}

/// True when a reply says TC: the whole answer is to be had over TCP.
pub fn is_truncated(reply: &[u8]) -> bool {
    reply.get(2).is_some_and(|flags| flags & super::question::TC != 0)
}

/// True when a message is the response with that ID.
pub fn is_reply(reply: &[u8], id: u16) -> bool {
    u16_at(reply, 0) == Some(id)
        && reply.get(2).is_some_and(|flags| flags & super::question::QR != 0)
}

/// Response code, records and extended errors of a reply, a line each; `None` when it is none.
pub fn describe(reply: &[u8]) -> Option<String> {
    let message = Message::from_vec(reply).ok()?;
    let mut text = rcode(message.metadata.response_code.into());
    let sections = [("answer", &message.answers), ("authority", &message.authorities)];
    for (section, records) in sections {
        for record in records {
            let _ = write!(text, "\n{section}: {record}");
        }
    }
    for (_, option) in message.edns.iter().flat_map(|edns| edns.options().as_ref()) {
        let EdnsOption::Unknown(ede::OPTION, data) = option else { continue };
        let Some(code) = u16_at(data, 0) else { continue };
        let _ = write!(text, "\nextended error: {}", ede::Code(code));
        match String::from_utf8_lossy(&data[2..]) {
            extra if extra.is_empty() => {}
            extra => text.extend([": ", &extra]),
        }
    }
    Some(text)
}
