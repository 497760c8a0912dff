//! Homographs: internationalised names that read like others.
//!
//! Of a name, the label that its owner chose is looked at: the first of its site. If it is an A-label
//! (RFC 5890), its letters are taken for those that they look like (UTS #39).

mod letters;
mod punycode;

use std::fmt;

use serde::{Serialize, Serializer};

use self::{
    letters::{Likeness, likeness},
    punycode::{Characters, decode},
};
use crate::DomainName;

/// Longest label in octets (RFC 1035 §3.1).
const MAX_LABEL: usize = 63;

/// What an internationalised name is read as.
#[derive(Clone)]
pub(crate) struct Reading {
    /// The name with the plain label in place of the other.
    pub(crate) plain: DomainName,
    /// Some letter is not merely one with marks, as languages write them.
    pub(crate) is_disguised: bool,
}

impl Reading {
    /// Reads a name whose site has so many labels; none where its label holds plain letters only, or
    /// one that looks like none of them. Allocates nothing.
    pub(crate) fn of(name: &DomainName, site: usize) -> Option<Self> {
        let characters = chosen(name, site)?;
        let mut label = Label { octets: [0; MAX_LABEL], length: 0 };
        let (mut is_disguised, mut is_plain) = (false, true);
        for &character in characters.as_slice() {
            if character.is_ascii() {
                label.push(character as u8)?;
                continue;
            }
            is_plain = false;
            if is_mark(character) {
                continue;
            }
            let Likeness { plain, disguises } = likeness(character)?;
            is_disguised |= disguises;
            plain.bytes().try_for_each(|octet| label.push(octet))?;
        }
        if is_plain {
            return None;
        }
        Some(Self { plain: name.with_label(site, label.as_slice())?, is_disguised })
    }
}

/// A letter of a homograph.
///
/// Displays as `і (U+0456, Cyrillic) for i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The letter.
    pub letter: char,
    /// What it is read as; nothing for a mark of its own.
    pub plain: &'static str,
}

impl Letter {
    /// Where it is from, as Unicode names scripts; none for those that names hardly come in.
    pub fn script(&self) -> Option<&'static str> {
        Some(match self.letter {
            'ª'..='ɏ' | 'ɐ'..='ʯ' | 'ᴀ'..='ᴥ' | 'Ḁ'..='ỿ' | 'Ⱡ'..='Ɀ' | 'Ꜣ'..='ꟿ' | 'ꬰ'..='ꭤ' => {
                "Latin"
            }
            'Ͱ'..='Ͽ' | 'ἀ'..='῾' => "Greek",
            'Ѐ'..='ԯ' | 'Ꙁ'..='ꚟ' => "Cyrillic",
            'Ա'..='֏' => "Armenian",
            'Ⴀ'..='ჿ' | 'ⴀ'..='ⴭ' => "Georgian",
            'Ꭰ'..='ᏽ' => "Cherokee",
            'Ⲁ'..='⳿' => "Coptic",
            _ => return None,
        })
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.plain.is_empty() {
            return write!(f, "a mark (U+{:04X})", u32::from(self.letter));
        }
        write!(f, "{} (U+{:04X}", self.letter, u32::from(self.letter))?;
        if let Some(script) = self.script() {
            write!(f, ", {script}")?;
        }
        write!(f, ") for {}", self.plain)
    }
}

impl Serialize for Letter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The letters of a homograph that are not what they seem, each once, in the order of the name.
pub(crate) fn letters(name: &DomainName) -> Vec<Letter> {
    let characters = name.site_labels().and_then(|site| chosen(name, site));
    let mut letters = Vec::new();
    for &letter in characters.iter().flat_map(Characters::as_slice) {
        let plain = if is_mark(letter) { Some("") } else { likeness(letter).map(|l| l.plain) };
        let told = plain.map(|plain| Letter { letter, plain });
        letters.extend(told.filter(|told| !letters.contains(told)));
    }
    letters
}

/// What one letter beyond ASCII is read as, in one or two plain letters or digits: with marks taken off,
/// and of other scripts.
pub fn plain_letter(letter: char) -> Option<&'static str> {
    likeness(letter).map(|likeness| likeness.plain)
}

/// The characters of the label that the owner chose, if it is an A-label.
fn chosen(name: &DomainName, site: usize) -> Option<Characters> {
    let before = name.label_count().checked_sub(site)?;
    decode(name.labels().nth(before)?.strip_prefix(b"xn--")?)
}

/// Marks that stand over the letter before them, where Unicode has no letter for both.
fn is_mark(character: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&character)
}

/// A label as it is put together.
struct Label {
    octets: [u8; MAX_LABEL],
    length: usize,
}

impl Label {
    fn push(&mut self, octet: u8) -> Option<()> {
        *self.octets.get_mut(self.length)? = octet;
        self.length += 1;
        Some(())
    }

    fn as_slice(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(name: &str) -> Option<(String, bool)> {
        let name: DomainName = name.parse().unwrap();
        let reading = Reading::of(&name, name.site_labels()?)?;
        Some((reading.plain.to_string(), reading.is_disguised))
    }

    #[test]
    fn readings() {
        let cases = [
            ("lumnі.fr", Some(("lumni.fr", true))),
            ("www.lumnі.fr", Some(("www.lumni.fr", true))),
            ("аррӏе.com", Some(("apple.com", true))),
            ("ρronote.net", Some(("pronote.net", true))),
            ("lumnì.fr", Some(("lumni.fr", false))),
            ("cœur.fr", Some(("coeur.fr", false))),
            ("b\u{302}ut.fr", Some(("but.fr", false))),
            // What the owner did not choose says nothing, nor does what looks like no Latin letter.
            ("lumnі.example.fr", None),
            ("lumni.fr", None),
            ("lumni.рф", None),
            ("日本語.jp", None),
            ("жlumni.fr", None),
            ("lumnі.internal", None),
        ];
        for (name, expected) in cases {
            let read = read(name);
            let read = read.as_ref().map(|(name, disguised)| (name.as_str(), *disguised));
            assert_eq!(read, expected, "{name}");
        }
    }

    #[test]
    fn letters_are_told() {
        let told = |name: &str| {
            let letters = letters(&name.parse().unwrap());
            letters.iter().map(Letter::to_string).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(told("lumnі.fr"), "і (U+0456, Cyrillic) for i");
        assert_eq!(told("аррӏе.com").matches("Cyrillic").count(), 4);
        assert_eq!(told("ꓒisney.com"), "ꓒ (U+A4D2) for d");
        assert_eq!(told("b\u{302}ut.fr"), "a mark (U+0302)");
        assert_eq!(told("but.fr"), "");
    }

    /// The reading said again, with strings.
    fn naive(label: &str) -> String {
        label.chars().fold(String::new(), |read, c| {
            read + plain_letter(c).unwrap_or(c.encode_utf8(&mut [0; 4]))
        })
    }

    proptest! {
        #[test]
        fn a_label_is_read_letter_by_letter(label in "[a-zàéîœαορсеіѕԁոօ]{1,20}") {
            let Ok(name) = format!("{label}.fr").parse::<DomainName>() else { return Ok(()) };
            let reading = Reading::of(&name, 2);
            prop_assert_eq!(reading.is_some(), !label.is_ascii(), "{}", name);
            if let Some(reading) = reading {
                prop_assert_eq!(reading.plain.to_string(), naive(&label) + ".fr");
            }
        }

        /// Whatever comes off the wire.
        #[test]
        fn anything_may_be_asked(label in prop::collection::vec(any::<u8>(), 0..59)) {
            let mut wire = vec![4 + label.len() as u8];
            wire.extend(b"xn--");
            wire.extend(&label);
            wire.extend(b"\x02fr\0");
            let (name, _) = DomainName::from_wire(&wire).unwrap();
            if let Some(reading) = Reading::of(&name, 2) {
                prop_assert!(reading.plain.labels().next() != name.labels().next());
                prop_assert!(!letters(&name).is_empty());
            }
        }
    }
}
