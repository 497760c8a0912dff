//! Domain names: from text, and from the wire.

use std::{cmp::Ordering, fmt, iter, net::Ipv6Addr, str::FromStr};

use psl::Psl;
use serde::{Serialize, Serializer};
use thiserror::Error;

/// Longest wire form in octets, root label included (RFC 1035 §3.1).
const MAX_WIRE: usize = 255;
/// Octets that are looked at together, which a processor has instructions for.
const CHUNK: usize = 16;
/// Octets of a word, in which dots are looked for together.
const WORD: usize = size_of::<u64>();
/// Octets of a name's buffer: whole chunks. What is behind the name is zero.
const BUFFER: usize = MAX_WIRE.next_multiple_of(CHUNK);
/// Longest label in octets (RFC 1035 §3.1).
const MAX_LABEL: usize = 63;
/// Most labels that fit in [`MAX_WIRE`] octets: one octet each, its length octet, and the root.
pub(crate) const MAX_LABELS: usize = 127;
/// Most labels of a name that keeps in mind where they start.
pub(crate) const STARTS_KEPT: usize = 8;

/// A domain name: lower-case, uncompressed wire form (RFC 1035 §3.1), held inline.
///
/// Comparison is by octets, so case-insensitive for ASCII (RFC 4343). Any octet may stand inside a
/// label, as on the wire; [`Display`](fmt::Display) escapes the unusual ones (RFC 1035 §5.1).
///
/// ```
/// # use filter_core::DomainName;
/// let name: DomainName = "Élysée.Example.".parse()?;
/// assert_eq!(name.to_string(), "xn--lyse-9oad.example");
/// assert_eq!(name.label_count(), 2);
/// # Ok::<(), filter_core::NameError>(())
/// ```
#[derive(Clone)]
pub struct DomainName {
    len: u8,
    labels: u8,
    /// Where the first labels' length octets are in the wire form, leftmost first.
    starts: [u8; STARTS_KEPT],
    wire: [u8; BUFFER],
}

impl DomainName {
    /// Reads a host name as people and lists write it.
    ///
    /// One trailing dot is dropped; anything beyond ASCII is mapped to A-labels (UTS #46,
    /// non-transitional); labels hold letters, digits, `-` and `_`. An address (`192.0.2.1`,
    /// `2001:db8::1`, `[2001:db8::1]`) is the name *written as that address*: an IPv6 address is one
    /// label in its canonical text form (RFC 5952). `.` is the root.
    ///
    /// # Errors
    /// [`NameError`], when the text is not a host name.
    #[inline]
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut name = Self::root();
        match name.read_text(text.as_bytes()) {
            true => Ok(name),
            false => Self::parse_unusual(text),
        }
    }

    /// Reads a host name of letters, digits, `-` and `_` into a root name; false for any other text,
    /// which leaves the name in disorder.
    fn read_text(&mut self, text: &[u8]) -> bool {
        let text = text.strip_suffix(b".").unwrap_or(text);
        if text.len() > MAX_WIRE - 2 {
            return false;
        }
        // A dot stands where the next label's length octet will.
        self.wire[1..=text.len()].copy_from_slice(text);
        self.len = (text.len() + 2) as u8;
        self.make_lowercase();
        if !self.is_of_host_octets() {
            return false;
        }
        let mut start = 0;
        for index in 0..BUFFER / WORD {
            // The first length octet is zero still.
            let mask = if index == 0 { !0xff } else { !0 };
            let mut ends = dots_and_zeros(self.wire.as_chunks().0[index]) & mask;
            while ends != 0 {
                let end = index * WORD + ends.trailing_zeros() as usize / 8;
                let is_last = self.wire[end] == 0;
                if self.end_label(start, end - 1).is_err() {
                    return false;
                }
                if is_last {
                    return end - 1 == text.len(); // or the text has a zero
                }
                (start, ends) = (end, ends & (ends - 1));
            }
        }
        false
    }

    /// Reads what is no plain host name, or tells why it cannot be one.
    #[cold]
    fn parse_unusual(text: &str) -> Result<Self, NameError> {
        if !text.is_ascii() {
            return Self::from_unicode(text);
        }
        if text.contains(':') {
            return Self::from_ipv6(text);
        }
        Self::from_ascii(text)
    }

    /// Reads the uncompressed name at the start of `bytes`; returns it in lower case with the
    /// number of octets it took.
    ///
    /// # Errors
    /// [`NameError::Compressed`] on a compression pointer or an unknown label type (RFC 1035
    /// §4.1.4), [`NameError::Truncated`] when the root label is missing, [`NameError::NameTooLong`]
    /// beyond 255 octets.
    #[inline]
    pub fn from_wire(bytes: &[u8]) -> Result<(Self, usize), NameError> {
        let mut name = Self::root();
        let length = name.read_wire(bytes)?;
        Ok((name, length))
    }

    /// Reads the same into a root name.
    fn read_wire(&mut self, bytes: &[u8]) -> Result<usize, NameError> {
        let mut end = 0;
        loop {
            let length = usize::from(*bytes.get(end).ok_or(NameError::Truncated)?);
            if length > MAX_LABEL {
                return Err(NameError::Compressed);
            }
            let start = end;
            end += 1 + length;
            if end > MAX_WIRE {
                return Err(NameError::NameTooLong);
            }
            if length == 0 {
                break;
            }
            self.push_start(start);
        }
        self.wire[..end].copy_from_slice(&bytes[..end]);
        self.len = end as u8;
        // A length octet is at most 63, below `A`: lower-casing the whole form changes labels only.
        self.make_lowercase();
        Ok(end)
    }

    /// The lower-case wire form, root label included.
    pub fn as_wire(&self) -> &[u8] {
        &self.wire[..usize::from(self.len)]
    }

    /// The labels as written, leftmost first; `.rev()` goes from the root. The root label itself is
    /// not one of them.
    pub fn labels(&self) -> Labels<'_> {
        let mut labels = Labels { name: self, starts: [0; MAX_LABELS], front: 0, back: 0 };
        for start in self.starts() {
            labels.starts[labels.back] = start as u8;
            labels.back += 1;
        }
        labels
    }

    /// Where each label's length octet is in the wire form, leftmost first.
    #[inline]
    fn starts(&self) -> impl Iterator<Item = usize> {
        let mut at = 0;
        iter::from_fn(move || {
            let start = at;
            let length = self.wire.get(start).copied().filter(|&length| length != 0)?;
            at += 1 + usize::from(length);
            Some(start)
        })
    }

    /// The wire form and what its buffer has behind it.
    pub(crate) fn padded_wire(&self) -> &[u8; BUFFER] {
        &self.wire
    }

    /// Where each label's length octet is in the wire form, leftmost first; none for more than
    /// [`STARTS_KEPT`] labels.
    #[inline]
    pub(crate) fn label_starts(&self) -> Option<&[u8]> {
        self.starts.get(..usize::from(self.labels))
    }

    /// Number of labels; the root has none.
    pub fn label_count(&self) -> usize {
        usize::from(self.labels)
    }

    /// The ancestor (or self) of the last `labels` labels; the name itself if it has fewer.
    pub fn suffix(&self, labels: usize) -> Self {
        let skipped = self.label_count().saturating_sub(labels);
        if skipped == 0 {
            return self.clone();
        }
        let mut starts = self.starts().skip(skipped).peekable();
        let first = starts.peek().copied().unwrap_or(usize::from(self.len) - 1);
        let mut suffix = Self::root();
        starts.for_each(|start| suffix.push_start(start - first));
        let octets = &self.wire[first..usize::from(self.len)];
        suffix.wire[..octets.len()].copy_from_slice(octets);
        suffix.len = octets.len() as u8;
        suffix
    }

    /// The name with another first label of its ancestor of so many labels; none where it has none, or
    /// would be no name.
    pub(crate) fn with_label(&self, labels: usize, label: &[u8]) -> Option<Self> {
        let start = self.starts().nth(self.label_count().checked_sub(labels)?)?;
        let behind = start + 1 + usize::from(self.wire[start]);
        let length = u8::try_from(label.len()).ok().filter(|&length| length > 0)?;
        let mut wire = [0; MAX_WIRE + 1 + MAX_LABEL];
        let mut end = 0;
        for part in [&self.wire[..start], &[length], label, &self.as_wire()[behind..]] {
            wire.get_mut(end..end + part.len())?.copy_from_slice(part);
            end += part.len();
        }
        Self::from_wire(&wire[..end]).ok().map(|(name, _)| name)
    }

    /// True when [`parse`](Self::parse) could have read it: no octet but those of host names and
    /// addresses.
    pub fn is_host_name(&self) -> bool {
        self.labels().flatten().all(|&octet| is_host_octet(octet) || octet == b':')
    }

    /// True when `self` is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        self.suffix(ancestor.label_count()) == *ancestor
    }

    /// Canonical order (RFC 4034 §6.1): by labels from the root, so that an ancestor comes before
    /// what lies below it.
    pub fn canonical_cmp(&self, other: &Self) -> Ordering {
        self.labels().rev().cmp(other.labels().rev())
    }

    /// True for a public suffix, under which strangers register names: `fr`, `co.uk`, `github.io`.
    pub fn is_public_suffix(&self) -> bool {
        self.public_suffix().is_some()
    }

    /// The section of the public suffix list that names this very name; a top-level domain that the
    /// list does not know counts as ICANN's.
    pub(crate) fn public_suffix(&self) -> Option<psl::Type> {
        let written_as_ipv6 = self.labels().next_back().is_some_and(|label| label.contains(&b':'));
        if written_as_ipv6 {
            return None;
        }
        // The root's text has no octet, and the list says as much of its suffix.
        let text_length = self.as_wire().len().saturating_sub(2);
        let suffix = psl::List.find(self.labels().rev());
        (suffix.len == text_length).then_some(suffix.typ.unwrap_or(psl::Type::Icann))
    }

    /// The site that the name belongs to: what somebody registered below a public suffix. None for
    /// suffixes themselves, and below what is no public top-level domain.
    pub fn site(&self) -> Option<Self> {
        self.site_labels().map(|labels| self.suffix(labels))
    }

    /// How many labels that site has.
    pub(crate) fn site_labels(&self) -> Option<usize> {
        let suffix = psl::List.find(self.labels().rev());
        suffix.typ?;
        // The suffix begins where its text would, and the root's octet is behind it.
        let begins = (self.as_wire().len() - 2).checked_sub(suffix.len)?;
        let before = self.starts().take_while(|&start| start < begins).count();
        (before > 0).then(|| self.label_count() - before + 1)
    }

    fn root() -> Self {
        Self { len: 1, labels: 0, starts: [0; STARTS_KEPT], wire: [0; BUFFER] }
    }

    /// Maps its letters to lower case.
    #[inline]
    fn make_lowercase(&mut self) {
        let (chunks, _) = self.wire.as_chunks_mut::<CHUNK>();
        for chunk in chunks.iter_mut().take(usize::from(self.len).div_ceil(CHUNK)) {
            chunk.make_ascii_lowercase();
        }
    }

    /// Whether all octets are those of host names, but for dots and zeros.
    #[inline]
    fn is_of_host_octets(&self) -> bool {
        let (chunks, _) = self.wire.as_chunks::<CHUNK>();
        chunks.iter().take(usize::from(self.len).div_ceil(CHUNK)).all(|chunk| {
            // Without a branch, so that a chunk is a few instructions.
            chunk.iter().fold(true, |all, &octet| {
                let is_letter = octet.wrapping_sub(b'a') < 26;
                let is_digit = octet.wrapping_sub(b'0') < 10;
                let is_other = (octet == b'-') | (octet == b'_') | (octet == b'.') | (octet == 0);
                all & (is_letter | is_digit | is_other)
            })
        })
    }

    /// Takes note of one more label, to the right of those before.
    #[inline]
    fn push_start(&mut self, start: usize) {
        if let Some(kept) = self.starts.get_mut(usize::from(self.labels)) {
            *kept = start as u8;
        }
        self.labels += 1;
    }

    fn from_ascii(text: &str) -> Result<Self, NameError> {
        let text = match text {
            "" => return Err(NameError::Empty),
            "." => return Ok(Self::root()),
            text => text.strip_suffix('.').unwrap_or(text).as_bytes(),
        };
        if text.len() > MAX_WIRE - 2 {
            return Err(NameError::NameTooLong);
        }
        let mut name = Self::root();
        name.wire[1..=text.len()].copy_from_slice(text);
        name.len = (text.len() + 2) as u8;
        name.make_lowercase();
        let mut label_start = 0; // of the label's length octet
        for (position, &byte) in text.iter().enumerate() {
            match byte {
                b'.' => {
                    name.end_label(label_start, position)?;
                    label_start = position + 1;
                }
                _ if is_host_octet(byte.to_ascii_lowercase()) => {}
                _ => return Err(NameError::Character { found: char::from(byte), position }),
            }
        }
        name.end_label(label_start, text.len())?;
        Ok(name)
    }

    /// Writes the length octet of the label that text positions `start..end` hold.
    fn end_label(&mut self, start: usize, end: usize) -> Result<(), NameError> {
        match end - start {
            0 => Err(NameError::EmptyLabel),
            length if length > MAX_LABEL => Err(NameError::LabelTooLong),
            length => {
                self.wire[start] = length as u8;
                self.push_start(start);
                Ok(())
            }
        }
    }

    #[cold]
    fn from_unicode(text: &str) -> Result<Self, NameError> {
        use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
        // The deny list is ours (`is_host_octet`): UTS #46's own would refuse `_`.
        let ascii = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
            .map_err(|_| NameError::Idna)?;
        Self::from_ascii(&ascii)
    }

    #[cold]
    fn from_ipv6(text: &str) -> Result<Self, NameError> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        let address: Ipv6Addr = bare.parse().map_err(|_| NameError::Character {
            found: ':',
            position: text.find(':').unwrap_or_default(),
        })?;
        let canonical = address.to_string();
        let mut name = Self::root();
        name.push_start(0);
        name.wire[0] = canonical.len() as u8; // at most 45 octets
        name.wire[1..=canonical.len()].copy_from_slice(canonical.as_bytes());
        name.len = (canonical.len() + 2) as u8;
        Ok(name)
    }
}

/// The highest bit of each octet of a little-endian word that is a dot or zero.
#[inline]
fn dots_and_zeros(word: [u8; WORD]) -> u64 {
    const HIGHEST: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(word);
    // The sum sets the highest bit of all octets but zeros, without a carry.
    let others = |word: u64| ((word & !HIGHEST) + !HIGHEST) | word;
    !(others(word) & others(word ^ (u64::MAX / 255 * b'.' as u64))) & HIGHEST
}

/// Letters, digits, hyphen (RFC 952, RFC 1123 §2.1), and `_`, which real lists and hosts use.
pub(crate) fn is_host_octet(octet: u8) -> bool {
    matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')
}

/// The labels of a [`DomainName`], from either end.
#[derive(Clone)]
pub struct Labels<'a> {
    name: &'a DomainName,
    starts: [u8; MAX_LABELS],
    front: usize,
    back: usize,
}

impl<'a> Labels<'a> {
    fn label(&self, index: usize) -> &'a [u8] {
        let start = usize::from(self.starts[index]);
        let length = usize::from(self.name.wire[start]);
        &self.name.wire[start + 1..=start + length]
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        (self.front < self.back).then(|| {
            self.front += 1;
            self.label(self.front - 1)
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.back - self.front;
        (left, Some(left))
    }
}

impl DoubleEndedIterator for Labels<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        (self.front < self.back).then(|| {
            self.back -= 1;
            self.label(self.back)
        })
    }
}

impl ExactSizeIterator for Labels<'_> {}

impl FromStr for DomainName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.len == 1 {
            return f.write_str(".");
        }
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            for &octet in label {
                match octet {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(octet))?,
                    0x21..=0x7e => write!(f, "{}", char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainName({self})")
    }
}

impl PartialEq for DomainName {
    fn eq(&self, other: &Self) -> bool {
        self.as_wire() == other.as_wire()
    }
}

impl Eq for DomainName {}

impl std::hash::Hash for DomainName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_wire().hash(state);
    }
}

impl Serialize for DomainName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why something is not a domain name. The fault is the name's author's, never the engine's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is no text at all.
    #[error("the name is empty")]
    Empty,
    /// Two dots in a row, or a leading dot.
    #[error("the name has an empty label (two dots in a row, or a leading dot)")]
    EmptyLabel,
    /// A label of more than 63 octets.
    #[error("a label is longer than 63 octets")]
    LabelTooLong,
    /// More than 255 octets on the wire, 253 characters as text.
    #[error("the name is longer than 255 octets")]
    NameTooLong,
    /// A character that no host name holds.
    #[error("{found:?} at position {position} cannot stand in a host name")]
    Character {
        /// The character.
        found: char,
        /// Its offset in octets.
        position: usize,
    },
    /// Not valid under UTS #46.
    #[error("not a valid internationalised name (UTS #46)")]
    Idna,
    /// A compression pointer or unknown label type where a plain name is due.
    #[error("a compression pointer or unknown label type")]
    Compressed,
    /// The bytes end inside the name.
    #[error("the bytes end inside the name")]
    Truncated,
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    proptest! {
        /// What reads octets together and what reads them one by one agree.
        #[test]
        fn plain_host_names(text in "[a-cA-C0._ +\\x00-]{0,24}|([a-z]{1,70}\\.?){0,6}") {
            let mut name = DomainName::root();
            match (name.read_text(text.as_bytes()), DomainName::parse_unusual(&text)) {
                (true, read) => {
                    let starts = name.label_starts().map(<[u8]>::to_vec);
                    prop_assert_eq!(Ok((name, starts)), read.map(|name| {
                        let starts = name.label_starts().map(<[u8]>::to_vec);
                        (name, starts)
                    }));
                }
                (false, read) => prop_assert_eq!(read.ok(), (text == ".").then(DomainName::root)),
            }
        }
    }

    #[test]
    fn sites() {
        let cases = [
            ("www.example.com", Some("example.com")),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("example.fr", Some("example.fr")),
            ("blog.somebody.github.io", Some("somebody.github.io")),
            ("a.b.c.d.e.f.g.h.i.example.org", Some("example.org")),
            ("co.uk", None),
            ("fr", None),
            (".", None),
            ("printer.internal", None),
            ("192.0.2.1", None),
            ("2001:db8::1", None),
        ];
        for (text, expected) in cases {
            let site = DomainName::parse(text).unwrap().site().map(|site| site.to_string());
            assert_eq!(site.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn text() {
        let label63 = "a".repeat(63);
        let cases: &[(&str, Result<&str, NameError>)] = &[
            ("example.com", Ok("example.com")),
            ("Example.COM.", Ok("example.com")),
            (".", Ok(".")),
            ("com", Ok("com")),
            ("_dmarc.exa_mple.com", Ok("_dmarc.exa_mple.com")),
            ("-a-.tumblr.com", Ok("-a-.tumblr.com")),
            ("école.fr", Ok("xn--cole-9oa.fr")),
            ("XN--Cole-9oa.FR", Ok("xn--cole-9oa.fr")),
            ("faß.de", Ok("xn--fa-hia.de")),
            ("日本。jp", Ok("xn--wgv71a.jp")),
            ("192.0.2.1", Ok("192.0.2.1")),
            ("2001:DB8:0:0::1", Ok("2001:db8::1")),
            ("[2001:db8::1]", Ok("2001:db8::1")),
            ("", Err(NameError::Empty)),
            ("..", Err(NameError::EmptyLabel)),
            (".com", Err(NameError::EmptyLabel)),
            ("a..b", Err(NameError::EmptyLabel)),
            ("a b", Err(NameError::Character { found: ' ', position: 1 })),
            ("a+b.com", Err(NameError::Character { found: '+', position: 1 })),
            ("http://a", Err(NameError::Character { found: ':', position: 4 })),
            ("\u{200b}.com", Err(NameError::EmptyLabel)),
            (&format!("{label63}a.com"), Err(NameError::LabelTooLong)),
            (&format!("{label63}.com"), Ok(&format!("{label63}.com"))),
        ];
        for (input, expected) in cases {
            let got = DomainName::parse(input).map(|name| name.to_string());
            assert_eq!(got, expected.clone().map(str::to_owned), "{input:?}");
        }
    }

    #[test]
    fn length_limit_is_253_characters() {
        let long =
            |n: usize| ["a".repeat(63), "a".repeat(63), "a".repeat(63), "a".repeat(n)].join(".");
        assert_eq!(long(61).len(), 253);
        assert_eq!(DomainName::parse(&long(61)).unwrap().as_wire().len(), 255);
        assert_eq!(DomainName::parse(&long(62)), Err(NameError::NameTooLong));
        assert_eq!(DomainName::parse(&"a".repeat(300)), Err(NameError::NameTooLong));
    }

    #[test]
    fn wire() {
        type Case = (&'static [u8], Result<(&'static str, usize), NameError>);
        let cases: &[Case] = &[
            (b"\x03WwW\x07eXample\x03com\0rest", Ok(("www.example.com", 17))),
            (b"\0", Ok((".", 1))),
            (b"\x03a.b\x00", Ok(("a\\.b", 5))),
            (b"\x03a\0\xff\x00", Ok(("a\\000\\255", 5))),
            (b"", Err(NameError::Truncated)),
            (b"\x03ab", Err(NameError::Truncated)),
            (b"\xc0\x0c", Err(NameError::Compressed)),
            (b"\x40a", Err(NameError::Compressed)),
        ];
        for (input, expected) in cases {
            let got = DomainName::from_wire(input).map(|(name, used)| (name.to_string(), used));
            let expected = expected.clone().map(|(name, used)| (name.to_owned(), used));
            assert_eq!(got, expected, "{input:?}");
        }
        let too_long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(4);
        assert_eq!(
            DomainName::from_wire(&[&too_long, &b"\0"[..]].concat()),
            Err(NameError::NameTooLong)
        );
    }

    #[test]
    fn suffixes() {
        let name = DomainName::parse("a.b.example.com").unwrap();
        let suffix = |labels| name.suffix(labels).to_string();
        assert_eq!(suffix(0), ".");
        assert_eq!(suffix(1), "com");
        assert_eq!(suffix(2), "example.com");
        assert_eq!(suffix(4), "a.b.example.com");
        assert_eq!(suffix(9), "a.b.example.com");
        assert!(name.is_within(&DomainName::parse("example.com").unwrap()));
        assert!(!DomainName::parse("badexample.com").unwrap().is_within(&name.suffix(2)));
        let from_root: Vec<_> = name.labels().rev().collect();
        assert_eq!(from_root, [b"com".as_slice(), b"example", b"b", b"a"]);
    }

    #[test]
    fn public_suffixes() {
        use psl::Type::{Icann, Private};
        let cases = [
            (".", Some(Icann)),
            ("com", Some(Icann)),
            ("co.uk", Some(Icann)),
            ("gouv.fr", Some(Icann)),
            ("anything.ck", Some(Icann)),
            ("www.ck", None),
            ("xn--p1ai", Some(Icann)),
            ("xn--55qx5d.cn", Some(Icann)),
            ("no-such-tld", Some(Icann)),
            ("github.io", Some(Private)),
            ("s3.amazonaws.com", Some(Private)),
            ("example.com", None),
            ("example.github.io", None),
            ("192.0.2.1", None),
            // Its first label has 58 octets, and 58 is a colon.
            ("a123456789b123456789c123456789d123456789e123456789f1234567.ck", Some(Icann)),
            ("2001:db8::1", None),
        ];
        for (name, expected) in cases {
            assert_eq!(DomainName::parse(name).unwrap().public_suffix(), expected, "{name}");
        }
    }
}
