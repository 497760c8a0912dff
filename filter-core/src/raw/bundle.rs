//! The container: a header, and sections with a digest each.
//!
//! ```text
//! 0   magic            8 octets  "PREAUBDL"
//! 8   format version   u32
//! 12  section count    u32
//! 16  file length      u64
//! 24  header digest    32 octets BLAKE3 of octets 0..24 and of the table
//! 56  table            56 octets a section: kind [u8; 8], offset u64, length u64, BLAKE3 [u8; 32]
//!     sections         each at a multiple of 64 octets, zeros between
//! ```
//! Integers are little-endian. Sections of a kind that a reader does not know are left alone, so
//! that a later version can add one.

use std::{ops::Range, thread};

use thiserror::Error;

use crate::manifest::{Manifest, Stamp};

/// Raised whenever the meaning of existing bytes changes; a line in CHANGELOG.md each time.
pub const FORMAT_VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"PREAUBDL";
const HEADER: usize = 56;
const TABLE_ROW: usize = 56;
const ALIGNMENT: usize = 64;
const MAX_SECTIONS: usize = 64;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SectionKind {
    /// JSON: [`Manifest`](crate::Manifest).
    Manifest,
    /// The dictionary: an FST from label-reversed names to rule sets.
    Domains,
    /// The hot index: the dictionary by fingerprint, which verdicts are looked up in. Bundles made
    /// before there was one do without.
    Index,
    /// Which sources list a name, and how.
    RuleSets,
    /// Host-name fragments.
    Fragments,
    /// Regular expressions on host names.
    Expressions,
    /// Networks, which answers are compared with. Absent where there are none, as the next three.
    Networks,
    /// URL prefixes.
    Urls,
    /// Regular expressions on URLs.
    UrlExpressions,
    /// Weighted phrases.
    Phrases,
    /// Weighted pieces of names, for names that no list knows: [`Learned`](crate::Learned).
    Learned,
    /// Sites that impostors imitate. Absent where there are none.
    Protected,
}

impl SectionKind {
    const ALL: [Self; 12] = [
        Self::Manifest,
        Self::Domains,
        Self::Index,
        Self::RuleSets,
        Self::Fragments,
        Self::Expressions,
        Self::Networks,
        Self::Urls,
        Self::UrlExpressions,
        Self::Phrases,
        Self::Learned,
        Self::Protected,
    ];

    fn tag(self) -> [u8; 8] {
        *match self {
            Self::Manifest => b"manifest",
            Self::Domains => b"domains\0",
            Self::Index => b"hotindex",
            Self::RuleSets => b"rulesets",
            Self::Fragments => b"fragment",
            Self::Expressions => b"expressn",
            Self::Networks => b"networks",
            Self::Urls => b"urls\0\0\0\0",
            Self::UrlExpressions => b"urlexprs",
            Self::Phrases => b"phrases\0",
            Self::Learned => b"learned\0",
            Self::Protected => b"protect\0",
        }
    }
}

/// Why bytes are not a bundle that can be served. Keep the one that was served before.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file does not begin as a bundle does.
    #[error("not a Préau bundle (it does not begin with PREAUBDL)")]
    NotABundle,
    /// Made by another version of the compiler.
    #[error("bundle format {got}, this program reads {expected}: compile it again, or update")]
    Version {
        /// [`FORMAT_VERSION`].
        expected: u32,
        /// What the file says.
        got: u32,
    },
    /// Shorter than it says, as after an interrupted copy.
    #[error("the bundle is cut short: {got} octets of {expected}: fetch it again")]
    Truncated {
        /// Octets the file should have, as far as is known.
        expected: u64,
        /// Octets it has.
        got: u64,
    },
    /// The header's digest differs.
    #[error("the bundle's header is corrupt: fetch it again")]
    CorruptHeader,
    /// A section's digest differs.
    #[error("the bundle's {section:?} section is corrupt: fetch it again")]
    Corrupt {
        /// Which.
        section: SectionKind,
    },
    /// A section that every bundle has is not there.
    #[error("the bundle has no {section:?} section: compile it again")]
    Missing {
        /// Which.
        section: SectionKind,
    },
    /// Digests are right and the content is not: a faulty or hostile compiler.
    #[error("the bundle's {section:?} section makes no sense: {what}")]
    Malformed {
        /// Which.
        section: SectionKind,
        /// What is wrong, in words.
        what: String,
    },
    /// The table of sections makes no sense though its digest is right.
    #[error("the bundle's table of sections makes no sense: {what}")]
    MalformedTable {
        /// What is wrong, in words.
        what: &'static str,
    },
}

/// Joins sections into one file.
pub(crate) fn write(sections: &[(SectionKind, &[u8])]) -> Vec<u8> {
    let table_end = HEADER + TABLE_ROW * sections.len();
    let mut table = Vec::with_capacity(TABLE_ROW * sections.len());
    let mut end = table_end;
    for (kind, content) in sections {
        let offset = end.next_multiple_of(ALIGNMENT);
        table.extend_from_slice(&kind.tag());
        table.extend_from_slice(&(offset as u64).to_le_bytes());
        table.extend_from_slice(&(content.len() as u64).to_le_bytes());
        table.extend_from_slice(blake3::hash(content).as_bytes());
        end = offset + content.len();
    }
    let mut file = Vec::with_capacity(end);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    file.extend_from_slice(&(sections.len() as u32).to_le_bytes());
    file.extend_from_slice(&(end as u64).to_le_bytes());
    let digest = header_digest(&file, &table);
    file.extend_from_slice(&digest);
    file.extend_from_slice(&table);
    for (_, content) in sections {
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        file.extend_from_slice(content);
    }
    file
}

/// The same bundle with another stamp, octet for octet as if it had been built with that: for
/// publishing old content again under a new serial.
///
/// # Errors
/// [`RestampError`].
pub fn restamp(file: &[u8], stamp: Stamp) -> Result<Vec<u8>, RestampError> {
    let sections = Sections::read(file)?;
    let content = |range: &Range<usize>| file.get(range.clone()).unwrap_or_default();
    let json = content(&sections.range(SectionKind::Manifest)?);
    let mut manifest: Manifest = serde_json::from_slice(json).map_err(|error| {
        let section = SectionKind::Manifest;
        OpenError::Malformed { section, what: error.to_string() }
    })?;
    let with = |manifest: &Manifest| {
        let json = serde_json::to_vec(manifest).expect("a manifest has string keys only");
        let written: Vec<_> = sections
            .0
            .iter()
            .map(|section| match section.kind {
                SectionKind::Manifest => (section.kind, json.as_slice()),
                kind => (kind, content(&section.range)),
            })
            .collect();
        write(&written)
    };
    // Whatever this version does not know would be lost.
    if with(&manifest) != file {
        return Err(RestampError::OtherVersion);
    }
    manifest.stamp = stamp;
    Ok(with(&manifest))
}

/// Why a bundle cannot be stamped anew.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestampError {
    /// It is no bundle.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It holds something that this version would not write.
    #[error("the bundle was made by another version: stamp it anew with that, or compile it again")]
    OtherVersion,
}

/// Where each known section lies, after every digest was checked.
#[derive(Clone, Debug)]
pub(crate) struct Sections(Vec<Section>);

#[derive(Clone, Debug)]
struct Section {
    kind: SectionKind,
    range: Range<usize>,
    digest: [u8; 32],
}

impl Sections {
    /// Checks header and digests.
    pub(crate) fn read(file: &[u8]) -> Result<Self, OpenError> {
        let got = file.len() as u64;
        if !file.starts_with(MAGIC) {
            return Err(match !file.is_empty() && MAGIC.starts_with(file) {
                true => OpenError::Truncated { expected: HEADER as u64, got },
                false => OpenError::NotABundle,
            });
        }
        // The version comes first: another version may lay out the rest otherwise.
        let header_cut = OpenError::Truncated { expected: HEADER as u64, got };
        let version = u32_at(file, 8).ok_or_else(|| header_cut.clone())?;
        if version != FORMAT_VERSION {
            return Err(OpenError::Version { expected: FORMAT_VERSION, got: version });
        }
        let header = file.get(..HEADER).ok_or(header_cut)?;
        let count = u32_at(file, 12).map_or(0, |count| count as usize);
        let expected = u64_at(file, 16).unwrap_or_default();
        if count > MAX_SECTIONS {
            return Err(OpenError::CorruptHeader);
        }
        let table_end = HEADER + TABLE_ROW * count;
        let Some(table) = file.get(HEADER..table_end) else {
            return Err(OpenError::Truncated { expected: table_end as u64, got });
        };
        if header_digest(&header[..24], table) != header[24..HEADER] {
            return Err(OpenError::CorruptHeader);
        }
        if got < expected {
            return Err(OpenError::Truncated { expected, got });
        }
        if got > expected {
            return Err(OpenError::MalformedTable { what: "octets after the last section" });
        }
        let mut sections: Vec<Section> = Vec::with_capacity(count);
        for row in table.chunks_exact(TABLE_ROW) {
            let Some(kind) = SectionKind::ALL.into_iter().find(|kind| row[..8] == kind.tag())
            else {
                continue;
            };
            let range = section_range(row).filter(|range| range.start >= table_end);
            let Some((range, content)) = range.and_then(|r| Some((r.clone(), file.get(r)?))) else {
                return Err(OpenError::MalformedTable { what: "a section outside the file" });
            };
            if sections.iter().any(|other| other.kind == kind) {
                return Err(OpenError::MalformedTable { what: "two sections of one kind" });
            }
            let digest = digest_in_turns(content);
            if digest != row[24..] {
                return Err(OpenError::Corrupt { section: kind });
            }
            sections.push(Section { kind, range, digest });
        }
        Ok(Self(sections))
    }

    /// Kinds and sizes in octets, in the file's order.
    pub(crate) fn sizes(&self) -> Vec<(SectionKind, usize)> {
        self.0.iter().map(|section| (section.kind, section.range.len())).collect()
    }

    /// Where a section lies.
    pub(crate) fn range(&self, kind: SectionKind) -> Result<Range<usize>, OpenError> {
        self.find(kind).map(|section| section.range.clone())
    }

    /// A section's digest.
    pub(crate) fn digest(&self, kind: SectionKind) -> Result<&[u8; 32], OpenError> {
        self.find(kind).map(|section| &section.digest)
    }

    fn find(&self, kind: SectionKind) -> Result<&Section, OpenError> {
        let mut sections = self.0.iter();
        sections.find(|section| section.kind == kind).ok_or(OpenError::Missing { section: kind })
    }
}

fn section_range(row: &[u8]) -> Option<Range<usize>> {
    let start = usize::try_from(u64_at(row, 8)?).ok()?;
    let length = usize::try_from(u64_at(row, 16)?).ok()?;
    Some(start..start.checked_add(length)?)
}

/// Octets digested before others have a turn: a hundredth of a millisecond's work.
const TURN: usize = 64 * 1024;

/// The digest of a section, which may be long: a server checks bundles while it answers, perhaps on
/// the same core.
fn digest_in_turns(content: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for turn in content.chunks(TURN) {
        hasher.update(turn);
        thread::yield_now();
    }
    *hasher.finalize().as_bytes()
}

fn header_digest(fixed: &[u8], table: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new().update(fixed).update(table).finalize().as_bytes()
}

/// The little-endian `u32` at `offset`, if it is there.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let octets = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(octets.try_into().ok()?))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let octets = bytes.get(offset..offset.checked_add(8)?)?;
    Some(u64::from_le_bytes(octets.try_into().ok()?))
}

/// The same file with the digests of its header and sections computed anew, and the one that says
/// which dictionary the hot index is of: what a hostile maker of bundles would do. For tests and
/// fuzzing.
#[doc(hidden)]
pub fn with_recomputed_digests(mut file: Vec<u8>) -> Vec<u8> {
    let count = u32_at(&file, 12).map_or(0, |count| (count as usize).min(MAX_SECTIONS));
    let mut sections: Vec<_> = (0..count)
        .map(|index| HEADER + TABLE_ROW * index)
        .filter_map(|row| Some((row, section_range(file.get(row..row + TABLE_ROW)?)?)))
        .collect();
    // The index holds the dictionary's digest: it comes last.
    let is_index = |file: &[u8], row: usize| file[row..].starts_with(&SectionKind::Index.tag());
    sections.sort_by_key(|(row, _)| is_index(&file, *row));
    let mut dictionary: Option<[u8; 32]> = None;
    for (row, range) in sections {
        if let (true, Some(digest)) = (is_index(&file, row), dictionary)
            && let Some(of) = file.get_mut(range.clone()).and_then(|index| index.get_mut(..32))
        {
            of.copy_from_slice(&digest);
        }
        let Some(digest) = file.get(range).map(blake3::hash) else { continue };
        file[row + 24..row + TABLE_ROW].copy_from_slice(digest.as_bytes());
        if file[row..].starts_with(&SectionKind::Domains.tag()) {
            dictionary = Some(*digest.as_bytes());
        }
    }
    if let Some(table) = file.get(HEADER..HEADER + TABLE_ROW * count) {
        let digest = header_digest(&file[..24], table);
        file[24..HEADER].copy_from_slice(&digest);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        write(&[(SectionKind::Manifest, b"{}"), (SectionKind::Domains, &[7; 100])])
    }

    #[test]
    fn what_was_written_is_read() {
        let file = sample();
        let sections = Sections::read(&file).unwrap();
        assert_eq!(&file[sections.range(SectionKind::Manifest).unwrap()], b"{}");
        assert_eq!(&file[sections.range(SectionKind::Domains).unwrap()], &[7; 100]);
        let missing = OpenError::Missing { section: SectionKind::RuleSets };
        assert_eq!(sections.range(SectionKind::RuleSets), Err(missing));
    }

    #[test]
    fn a_bundle_stamped_anew_is_the_bundle_built_with_that_stamp() {
        let stamp = |serial, expires: Option<&str>| Stamp {
            serial,
            created: "2026-11-22T00:00:00Z".into(),
            expires: expires.map(str::to_owned),
        };
        let built = |stamp| {
            let mut builder = crate::FilterBuilder::new();
            let id = builder.source(crate::Source::block("list", &["porn"])).unwrap();
            let mut batch = builder.batch(id);
            let options = crate::Options::default();
            batch.domain(&"porn.example".parse().unwrap(), crate::Scope::Exact, options).unwrap();
            builder.add(batch.finish());
            builder.build(stamp).bytes
        };
        // The manifest's length changes, so everything behind it moves.
        for (old, new) in [
            (stamp(1, None), stamp(2, None)),
            (stamp(9, None), stamp(u64::MAX, Some("2027-01-01T00:00:00Z"))),
            (stamp(u64::MAX, Some("2027-01-01T00:00:00Z")), stamp(0, None)),
        ] {
            assert_eq!(restamp(&built(old), new.clone()).unwrap(), built(new));
        }
    }

    #[test]
    fn what_another_version_wrote_is_not_stamped_anew() {
        let stamp = |serial| Stamp { serial, created: String::new(), expires: None };
        let with_unknown_key = br#"{"serial":1,"created":"","mirror":"x"}"#;
        let file = write(&[(SectionKind::Manifest, with_unknown_key)]);
        assert!(restamp(&file, stamp(2)).is_err());
        let mut unknown_section = crate::FilterBuilder::new().build(stamp(1)).bytes;
        let table = HEADER + TABLE_ROW;
        unknown_section[table..table + 8].copy_from_slice(b"tomorrow");
        let file = with_recomputed_digests(unknown_section);
        assert_eq!(restamp(&file, stamp(2)), Err(RestampError::OtherVersion));
        assert_eq!(restamp(b"GIF89a", stamp(2)), Err(OpenError::NotABundle.into()));
    }

    #[test]
    fn every_truncation_is_refused() {
        let file = sample();
        for length in 0..file.len() {
            match Sections::read(&file[..length]).unwrap_err() {
                OpenError::NotABundle => assert_eq!(length, 0),
                OpenError::Truncated { got, expected } => {
                    assert_eq!(got, length as u64);
                    assert!(expected > got);
                }
                other => panic!("{length}: {other}"),
            }
        }
    }

    #[test]
    fn every_flipped_bit_of_header_and_content_is_refused() {
        let file = sample();
        let sections = Sections::read(&file).unwrap();
        let padding = |at: usize| {
            at >= HEADER + 2 * TABLE_ROW
                && !sections.0.iter().any(|section| section.range.contains(&at))
        };
        for at in (0..file.len()).filter(|&at| !padding(at)) {
            for bit in 0..8 {
                let mut altered = file.clone();
                altered[at] ^= 1 << bit;
                assert!(Sections::read(&altered).is_err(), "octet {at} bit {bit}");
            }
        }
    }

    #[test]
    fn typed_refusals() {
        let mut other_version = sample();
        other_version[8] = 9;
        let expected = OpenError::Version { expected: FORMAT_VERSION, got: 9 };
        assert_eq!(Sections::read(&other_version).unwrap_err(), expected);
        assert_eq!(Sections::read(b"GIF89a").unwrap_err(), OpenError::NotABundle);
        let mut longer = sample();
        longer.push(0);
        assert!(matches!(Sections::read(&longer), Err(OpenError::MalformedTable { .. })));
        let twice = write(&[(SectionKind::Manifest, b""), (SectionKind::Manifest, b"")]);
        assert!(matches!(Sections::read(&twice), Err(OpenError::MalformedTable { .. })));
        let mut corrupt = sample();
        *corrupt.last_mut().unwrap() ^= 1;
        let expected = OpenError::Corrupt { section: SectionKind::Domains };
        assert_eq!(Sections::read(&corrupt).unwrap_err(), expected);
        assert!(Sections::read(&with_recomputed_digests(corrupt)).is_ok());
    }
}
