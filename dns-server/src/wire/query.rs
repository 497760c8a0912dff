//! Queries to upstream servers.

use rand::random;

use super::{
    CLASS_IN, HEADER, UDP_PAYLOAD,
    question::{AD, CD, QR, RD},
    rr_type,
};

/// A query of class IN, recursion desired.
///
/// It says nothing about who asks: no client subnet, no cookie.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingQuery<'n> {
    /// QNAME, uncompressed, in the case to ask in.
    pub name: &'n [u8],
    /// QTYPE.
    pub record_type: u16,
    /// Whether it has an OPT record, without which there is neither DO nor padding.
    pub edns: bool,
    /// DO.
    pub dnssec_ok: bool,
    /// CD.
    pub checking_disabled: bool,
    /// AD: the answer should tell whether it is verified (RFC 6840 §5.7).
    pub wants_authentic: bool,
    /// Whether an observer should not see how long the name is (RFC 8467).
    pub padded: bool,
}

/// Response codes (RFC 1035 §4.1.1).
const FORMERR: u8 = 1;
const NOTIMP: u8 = 4;
/// EDNS option code (RFC 7830).
const PADDING: u16 = 12;
/// Queries are padded to multiples of so many octets (RFC 8467 §4.1).
const PADDING_BLOCK: usize = 128;
/// Octets of an option's code and length.
const OPTION_HEADER: usize = 4;

impl OutgoingQuery<'_> {
    /// The message.
    pub fn octets(&self, id: u16) -> Vec<u8> {
        let low =
            if self.checking_disabled { CD } else { 0 } | if self.wants_authentic { AD } else { 0 };
        let mut octets = Vec::with_capacity(PADDING_BLOCK);
        octets.extend(id.to_be_bytes());
        octets.extend([RD, low, 0, 1, 0, 0, 0, 0, 0, u8::from(self.edns)]);
        octets.extend(self.name);
        octets.extend(self.record_type.to_be_bytes());
        octets.extend(CLASS_IN.to_be_bytes());
        if !self.edns {
            return octets;
        }
        octets.push(0);
        octets.extend(rr_type::OPT.to_be_bytes());
        octets.extend(UDP_PAYLOAD.to_be_bytes());
        octets.extend([0, 0, if self.dnssec_ok { 0x80 } else { 0 }, 0]);
        if self.padded {
            let length = octets.len() + 2 + OPTION_HEADER;
            let padding = length.next_multiple_of(PADDING_BLOCK) - length; // less than a block
            octets.extend(((OPTION_HEADER + padding) as u16).to_be_bytes());
            octets.extend(PADDING.to_be_bytes());
            octets.extend((padding as u16).to_be_bytes());
            octets.resize(octets.len() + padding, 0);
        } else {
            octets.extend([0, 0]);
        }
        octets
    }
}

/// A wire name with each letter in a random case, which a forger would have to guess (0x20).
pub fn in_random_case(name: &[u8]) -> Vec<u8> {
    // A length octet is at most 63, below any letter.
    let spell = |octet: &u8| if random() { octet.to_ascii_uppercase() } else { *octet };
    name.iter().map(spell).collect()
}

/// True for a message of that ID.
pub fn has_id(message: &[u8], id: u16) -> bool {
    message.starts_with(&id.to_be_bytes())
}

/// True for a message whose question spells the name so.
pub fn spells_alike(message: &[u8], name: &[u8]) -> bool {
    message.get(HEADER..).is_some_and(|question| question.starts_with(name))
}

/// True for a reply to a query with an OPT record from somebody who does not know what that is: FORMERR
/// or NOTIMP, without an OPT, and perhaps without the question (RFC 6891 §7).
pub fn knows_no_edns(message: &[u8]) -> bool {
    let Some([_, _, high, low, _, _, _, _, _, _, additional @ ..]) =
        message.first_chunk::<HEADER>()
    else {
        return false;
    };
    high & QR != 0 && matches!(low & 0x0f, FORMERR | NOTIMP) && *additional == [0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets() {
        let plain = OutgoingQuery {
            name: b"\x03wWw\x07example\0",
            record_type: 28,
            edns: true,
            dnssec_ok: false,
            checking_disabled: false,
            wants_authentic: false,
            padded: false,
        };
        let question = b"\x03wWw\x07example\0\0\x1c\0\x01";
        let expected = [
            b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\x01".as_slice(),
            question,
            b"\0\0\x29\x04\xd0\0\0\0\0\0\0",
        ];
        assert_eq!(plain.octets(0xabcd), expected.concat());
        let bare = OutgoingQuery { edns: false, dnssec_ok: true, padded: true, ..plain };
        assert_eq!(bare.octets(1), [b"\0\x01\x01\0\0\x01\0\0\0\0\0\0", &question[..]].concat());
        let all = OutgoingQuery {
            dnssec_ok: true,
            checking_disabled: true,
            wants_authentic: true,
            padded: true,
            ..plain
        };
        let expected = [
            b"\0\0\x01\x30\0\x01\0\0\0\0\0\x01".as_slice(),
            question,
            b"\0\0\x29\x04\xd0\0\0\x80\0\0\x58\0\x0c\0\x54",
            &[0; 84],
        ];
        assert_eq!(all.octets(0), expected.concat());
        assert_eq!(all.octets(0).len(), 128);
    }

    #[test]
    fn who_knows_no_edns() {
        let question = b"\x03wWw\x07example\0\0\x1c\0\x01".as_slice();
        let opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0".as_slice();
        #[rustfmt::skip]
        let cases = [
            ("FORMERR", [0x81, 0x81, 0, 1, 0], question, true),
            ("NOTIMP", [0x81, 0x84, 0, 1, 0], question, true),
            ("the header alone", [0x81, 0x81, 0, 0, 0], b"", true),
            ("with an OPT", [0x81, 0x81, 0, 1, 1], &[question, opt].concat(), false),
            ("SERVFAIL", [0x81, 0x82, 0, 1, 0], question, false),
            ("an answer", [0x81, 0x80, 0, 1, 0], question, false),
            ("no response", [0x01, 0x01, 0, 1, 0], question, false),
        ];
        for (what, [high, low, q1, q2, additional], rest, expected) in cases {
            let header = [7, 7, high, low, q1, q2, 0, 0, 0, 0, 0, additional];
            assert_eq!(knows_no_edns(&[&header, rest].concat()), expected, "{what}");
        }
        assert!(!knows_no_edns(&[7, 7, 0x81, 0x81]));
    }

    #[test]
    fn random_case_changes_letters_only() {
        let name = b"\x3fabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789-\0";
        let spelt = in_random_case(name);
        assert_ne!(spelt, name, "52 letters in one case by chance");
        assert!(spelt.eq_ignore_ascii_case(name));
    }
}
