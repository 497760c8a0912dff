//! Messages for people: what `preau query` sends, and how it shows what came back.

use filter_core::DomainName;
use hickory_resolver::proto::{
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
    let mut lines = vec![rcode(message.metadata.response_code.into())];
    lines.extend(message.answers.iter().map(|record| format!("answer: {record}")));
    lines.extend(message.authorities.iter().map(|record| format!("authority: {record}")));
    for (_, option) in message.edns.iter().flat_map(|edns| edns.options().as_ref()) {
        let EdnsOption::Unknown(ede::OPTION, data) = option else { continue };
        let Some(code) = u16_at(data, 0) else { continue };
        let text = String::from_utf8_lossy(&data[2..]);
        let separator = if text.is_empty() { "" } else { ": " };
        lines.push(format!("extended error: {}{separator}{text}", ede::Code(code)));
    }
    // A record may hold anything, also what would command a terminal.
    let plain = lines.iter().map(|line| line.replace(char::is_control, "\u{fffd}"));
    Some(plain.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::question;

    #[test]
    fn types_and_codes() {
        let types = [
            ("A", Some(1)),
            ("aaaa", Some(28)),
            ("HTTPS", Some(65)),
            ("ANY", Some(255)),
            ("TYPE65534", Some(65534)),
            ("type1", Some(1)),
            ("TYPE65536", None),
            ("TYPE", None),
            ("NOSUCHTYPE", None),
            ("", None),
        ];
        for (text, expected) in types {
            assert_eq!(record_type(text), expected, "{text}");
        }
        let codes =
            [(0, "NOERROR"), (3, "NXDOMAIN"), (5, "REFUSED"), (16, "BADVERS"), (23, "RCODE23")];
        for (code, expected) in codes {
            assert_eq!(rcode(code), expected);
        }
    }

    #[test]
    fn our_query_is_a_question() {
        let name: DomainName = "www.example".parse().unwrap();
        let question = question::read(&query(7, &name, 65)).unwrap();
        assert!(question.is_internet() && question.recursion_desired);
        assert_eq!((question.name, question.record_type), (name, 65));
        assert_eq!(question.echo.edns.unwrap().udp_payload, UDP_PAYLOAD);
    }

    #[test]
    fn replies_in_words() {
        let reply = [
            b"\0\x07\x81\x80\0\x01\0\x01\0\0\0\x01\x01a\0\0\x10\0\x01".as_slice(),
            b"\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x06\x05\x1b[31m",
            b"\0\0\x29\x04\xd0\0\0\0\0\0\x10\0\x0f\0\x04\0\x0fhi\0\x0f\0\x04\xff\xff\n\n",
        ]
        .concat();
        let expected = "\
NOERROR
answer: a. 60 IN TXT \u{fffd}[31m
extended error: 15 (Blocked): hi
extended error: 65535: \u{fffd}\u{fffd}";
        assert_eq!(describe(&reply).as_deref(), Some(expected));
        assert!(is_reply(&reply, 7) && !is_reply(&reply, 8) && !is_truncated(&reply));
        assert_eq!(describe(b"nonsense"), None);
    }
}
