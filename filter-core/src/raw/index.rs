//! The hot index: names to rule sets by fingerprint, derived from the dictionary.
//!
//! A walk through the dictionary costs a cache miss every few octets; this is one table, asked for
//! the name and its ancestors. A name's key is hashed from the root label by label, so that one pass
//! gives the keys of all ancestors. A key chooses a *line* of 64 octets, which is one cache line where
//! the bundle is mapped: thirty tags of 16 bits, compared all together, so that a name that nobody
//! lists costs nothing more. A tag that is there leads to a row, which has the rest of the fingerprint
//! and the rule set.
//!
//! How deep to look, a bit map tells that is small enough to stay in the cache: a Bloom filter of the
//! names that have listed names below. Most names are done with at two labels.
//!
//! ```text
//! 0   BLAKE3 of the dictionary that it was derived from   32 octets
//! 32  attempt u32: which of the keys that follow from it
//! 36  homes u32: lines that keys choose among
//! 40  lines u32: these, and those behind them that take what is left over
//! 44  rows u32
//! 48  rule set of the root u32; all ones: none
//! 52  octets u32 of the bit map
//!     zeros up to 64
//! 64  bit map: a bit of each name that has listed names below
//!     zeros up to a multiple of 64
//!     lines × 64 octets: tags 30 × i16, in increasing order, then 32 767;
//!         first row u32, its highest bit set if the next line goes on with this one
//!     rows × 5 octets: 29 bits of fingerprint, above them 11 of rule set; all ones: one too rare
//!         for that many, which the dictionary tells
//!     3 zeros
//! ```
//!
//! **Fingerprints** have 45 bits beside the choice of the line. A name of at most [`MAX_DEPTH`] labels
//! (deeper ones are left to the dictionary) is compared with some 22 of them a label, so it is taken
//! for a listed one in fewer than 8 × 22 × 2⁻⁴⁵ = 5 × 10⁻¹² of all lookups, however many names are
//! listed; a usual one, of three or four labels, in half of that. Listed names are told apart exactly:
//! a build in which two are alike takes the next key. Where a hit would *open* a name the caller asks
//! the dictionary ([`Listed`](crate::bound)).
//!
//! **The key of the hash** follows from the dictionary's content, so that the same lists give the same
//! bytes, and anybody can compute it, but not before the list is closed. Who then makes up a name that
//! collides gets that name of his own refused, or looked up exactly. To have somebody else's refused
//! he would need a listed name that collides with it under a key that depends on all listed names.

use std::{iter, ops::Range};

use super::{bundle::u32_at, domains};
use crate::name::{DomainName, STARTS_KEPT};

/// Most labels of a name in the index; the dictionary is walked for deeper ones.
pub(crate) const MAX_DEPTH: usize = STARTS_KEPT;

const HEADER: usize = 64;
/// Octets of the bit map for each name that has names below: one in sixteen of all others is taken for
/// one, and looked below.
const INNER_OCTETS: usize = 2;
/// A row is read with what follows it, as a word.
const WORD: usize = 8;
const LINE: usize = 64;
/// Tags of a line.
const TAGS: usize = 30;
/// Names a line, on average: with more, too many lines overflow; with fewer, octets are wasted.
const AVERAGE: usize = 22;
/// Most lines on which a line's names go on: a builder takes more lines rather than exceed it.
const MAX_OVERFLOW: usize = 16;
/// In place of a tag where there is none. No key has it.
const NO_TAG: i16 = i16::MAX;
const OVERFLOWS: u32 = 1 << 31;

const ROW: usize = 5;
const ROW_FINGERPRINT_BITS: u32 = 29;
/// The rule set of a row whose own does not fit.
const RARE: u32 = (1 << (8 * ROW as u32 - ROW_FINGERPRINT_BITS)) - 1;
const NO_SET: u32 = u32::MAX;

/// What the index does not tell: ask the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AskDictionary;

/// An index that was opened; its section is read in place.
#[derive(Debug)]
pub(crate) struct Index {
    hasher: Hasher,
    homes: u32,
    root: Option<u32>,
    inner: Range<usize>,
    lines: Range<usize>,
    rows: Range<usize>,
}

impl Index {
    /// Checks sizes, and that the index is of this dictionary. Lines and rows are not looked at: a
    /// lookup takes whatever they hold.
    pub(crate) fn open(section: &[u8], dictionary: &[u8; 32]) -> Result<Self, &'static str> {
        let word = |at| u32_at(section, at).ok_or("cut short");
        if !section.starts_with(dictionary) {
            return Err("it is another dictionary's");
        }
        let [homes, lines, rows, inner] = [word(36)?, word(40)?, word(44)?, word(52)?];
        if inner == 0 {
            return Err("it is an earlier version's: compile the lists again");
        }
        let behind = |start: usize, count: u32, size: usize| {
            start.checked_add((count as usize).checked_mul(size)?)
        };
        let ends = || {
            let inner = behind(HEADER, inner, 1)?;
            let lines_start = inner.checked_next_multiple_of(LINE)?;
            let lines = behind(lines_start, lines, LINE)?;
            Some((inner, lines_start, lines, behind(lines, rows, ROW)?))
        };
        let Some((inner_end, lines_start, lines_end, rows_end)) = ends() else {
            return Err("sizes beyond all bounds");
        };
        if rows_end + (WORD - ROW) != section.len() || homes == 0 || homes > lines {
            return Err("sizes that do not fit each other");
        }
        Ok(Self {
            hasher: Hasher::new(dictionary, word(32)?),
            homes,
            root: Some(word(48)?).filter(|&set| set != NO_SET),
            inner: HEADER..inner_end,
            lines: lines_start..lines_end,
            rows: lines_end..rows_end,
        })
    }

    /// Calls `found(labels, is the name itself, rule set)` for the name and each ancestor that is listed,
    /// root first, as the dictionary's walk does. `section` is the one that was opened.
    ///
    /// # Errors
    /// [`AskDictionary`]; what was found so far does not count.
    #[inline]
    pub(crate) fn find(
        &self,
        section: &[u8],
        name: &DomainName,
        mut found: impl FnMut(usize, bool, u32),
    ) -> Result<(), AskDictionary> {
        let starts = name.label_starts().ok_or(AskDictionary)?;
        if let Some(set) = self.root {
            found(0, starts.is_empty(), set);
        }
        let table = Table { index: self, section };
        let mut state = self.hasher.start;
        for (at, &start) in starts.iter().enumerate().rev() {
            state = self.hasher.extend(state, name.padded_wire(), usize::from(start));
            let key = Key(state);
            match table.get(key) {
                Some(RARE) => return Err(AskDictionary),
                Some(set) => found(starts.len() - at, at == 0, set),
                None => {}
            }
            if !table.may_have_below(key) {
                break;
            }
        }
        Ok(())
    }
}

/// A name's hash: the line, the tag in it, and what else the row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u64);

impl Key {
    /// Its line of so many: keys in order have lines in order.
    #[inline]
    fn home(self, homes: u32) -> usize {
        ((u128::from(self.0) * u128::from(homes)) >> 64) as usize
    }

    #[inline]
    fn tag(self) -> i16 {
        (self.0 as i16).min(NO_TAG - 1)
    }

    #[inline]
    fn row_fingerprint(self) -> u32 {
        (self.0 >> 16) as u32 & ((1 << ROW_FINGERPRINT_BITS) - 1)
    }

    /// Its bit of so many octets of the bit map: not by what chooses the line.
    #[inline]
    fn bit(self, octets: usize) -> (usize, u8) {
        let bit = (u64::from(self.0 as u32) * (8 * octets as u64)) >> 32;
        ((bit >> 3) as usize, 1 << (bit & 7))
    }
}

/// What an index looks into. Offsets are checked wherever something is read, and only there.
#[derive(Clone, Copy)]
struct Table<'s> {
    index: &'s Index,
    section: &'s [u8],
}

impl<'s> Table<'s> {
    /// False when nothing below the key's name is listed.
    #[inline(always)]
    fn may_have_below(&self, key: Key) -> bool {
        let (octet, bit) = key.bit(self.index.inner.len());
        self.section.get(self.index.inner.start + octet).is_some_and(|octet| octet & bit != 0)
    }

    #[inline(always)]
    fn line(&self, number: usize) -> Option<Line<'s>> {
        let line = self.section.get(self.index.lines.start + number * LINE..)?;
        line.first_chunk().map(Line)
    }

    #[inline(always)]
    fn get(&self, key: Key) -> Option<u32> {
        let home = key.home(self.index.homes);
        let line = self.line(home)?;
        // Without a branch on either by itself.
        if !(line.may_hold(key.tag()) | line.overflows()) {
            return None;
        }
        match self.get_in(line, key) {
            None if line.overflows() => self.get_beyond(home, key),
            set => set,
        }
    }

    /// Looks in the lines that go on with an overflowing one.
    #[cold]
    fn get_beyond(&self, home: usize, key: Key) -> Option<u32> {
        for line in (home + 1..=home + MAX_OVERFLOW).map_while(|number| self.line(number)) {
            let set = self.get_in(line, key);
            if set.is_some() || !line.overflows() {
                return set;
            }
        }
        None
    }

    #[inline(always)]
    fn get_in(&self, line: Line<'_>, key: Key) -> Option<u32> {
        let tag = key.tag();
        let mut place = line.rank(tag);
        while place < TAGS && line.tag(place) == tag {
            let row = self.row(line.first_row() + place)?;
            if row & ((1 << ROW_FINGERPRINT_BITS) - 1) == u64::from(key.row_fingerprint()) {
                return Some((row >> ROW_FINGERPRINT_BITS) as u32);
            }
            place += 1;
        }
        None
    }

    #[inline]
    fn row(&self, number: usize) -> Option<u64> {
        let octets = self.section.get(self.index.rows.start + number * ROW..)?.first_chunk()?;
        Some(u64::from_le_bytes(*octets) & ((1 << (8 * ROW)) - 1))
    }
}

#[derive(Clone, Copy)]
struct Line<'s>(&'s [u8; LINE]);

impl Line<'_> {
    #[inline]
    fn tag(self, place: usize) -> i16 {
        i16::from_le_bytes([self.0[2 * place], self.0[2 * place + 1]])
    }

    /// Compares all 32 words of the line, the number of its first row among them: a multiple of the
    /// processor's vectors, which is worth a few hits that are none.
    #[inline]
    fn may_hold(self, tag: i16) -> bool {
        let mut holds = false;
        for place in 0..LINE / 2 {
            holds |= self.tag(place) == tag;
        }
        holds
    }

    /// How many tags are below this one: the place of the first that is not.
    #[inline(always)]
    fn rank(self, tag: i16) -> usize {
        let below = |place| i16::from(self.tag(place) < tag);
        // As above; what is no tag is taken off again.
        let mut all = 0;
        for place in 0..LINE / 2 {
            all += below(place);
        }
        (all - below(TAGS) - below(TAGS + 1)) as usize
    }

    #[inline]
    fn tail(self) -> u32 {
        u32::from_le_bytes([self.0[60], self.0[61], self.0[62], self.0[63]])
    }

    #[inline]
    fn first_row(self) -> usize {
        (self.tail() & !OVERFLOWS) as usize
    }

    #[inline]
    fn overflows(self) -> bool {
        self.tail() & OVERFLOWS != 0
    }
}

/// Hashes names from the root.
///
/// A label takes a multiplication for each 16 octets of its wire form, length octet included; the
/// halves of the product are folded. No two names give the same octets, since lengths tell labels
/// apart.
#[derive(Debug)]
struct Hasher {
    start: u64,
    spread: u64,
}

impl Hasher {
    fn new(dictionary: &[u8; 32], attempt: u32) -> Self {
        let mut derive = blake3::Hasher::new_derive_key("preau hot index, version 1");
        derive.update(dictionary).update(&attempt.to_le_bytes());
        let mut words = [0; 16];
        derive.finalize_xof().fill(&mut words);
        let words = u128::from_le_bytes(words);
        Self { start: words as u64, spread: (words >> 64) as u64 }
    }

    /// The state of a parent's child: `octets` have its label, in wire form, at `start`.
    #[inline(always)]
    fn extend(&self, mut state: u64, octets: &[u8], start: usize) -> u64 {
        let mut left = 1 + octets.get(start).map_or(0, |&length| usize::from(length));
        let mut at = start;
        loop {
            let [low, high] = words_at(octets, at);
            let [low_mask, high_mask] = MASKS[left.min(16)];
            let product =
                u128::from(low & low_mask ^ state) * u128::from(high & high_mask ^ self.spread);
            state = product as u64 ^ (product >> 64) as u64;
            if left <= 16 {
                return state;
            }
            (at, left) = (at + 16, left - 16);
        }
    }

    /// The state of a parent's child.
    fn child(&self, state: u64, label: &[u8]) -> u64 {
        // A label, and as much again as is read beyond it.
        let mut octets = [0; 128];
        octets[0] = label.len() as u8;
        octets[1..=label.len()].copy_from_slice(label);
        self.extend(state, &octets, 0)
    }
}

/// Which octets of two words count, by how many of them.
const MASKS: [[u64; 2]; 17] = {
    let mut masks = [[0; 2]; 17];
    let mut count = 1;
    while count <= 16 {
        let all = u128::MAX >> (128 - 8 * count);
        masks[count] = [all as u64, (all >> 64) as u64];
        count += 1;
    }
    masks
};

/// Sixteen octets from `at`; zeros behind the last.
#[inline(always)]
fn words_at(octets: &[u8], at: usize) -> [u64; 2] {
    let words = match octets.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(octets) => u128::from_le_bytes(*octets),
        None => last_words(octets, at),
    };
    [words as u64, (words >> 64) as u64]
}

/// The same where fewer are left.
#[cold]
fn last_words(octets: &[u8], at: usize) -> u128 {
    let rest = octets.get(at..).unwrap_or_default();
    rest.iter().take(16).rev().fold(0, |words, &octet| words << 8 | u128::from(octet))
}

/// Writes the index of a dictionary, given its digest, from its keys and their rule sets.
pub(crate) fn write<'k>(
    dictionary: &[u8; 32],
    names: impl ExactSizeIterator<Item = (&'k [u8], u32)> + Clone,
) -> Vec<u8> {
    let mut homes = names.len().div_ceil(AVERAGE).max(1) as u32;
    let mut attempt = 0;
    loop {
        let Keyed { mut rows, inner, root } =
            Keyed::new(&Hasher::new(dictionary, attempt), names.clone());
        match Layout::new(&mut rows, homes) {
            Ok(layout) => {
                let lines = layout.ends.len() as u32;
                let octets = (INNER_OCTETS * inner.len()).max(1);
                let mut section = dictionary.to_vec();
                for word in [attempt, homes, lines, rows.len() as u32, root, octets as u32] {
                    section.extend_from_slice(&word.to_le_bytes());
                }
                section.resize(HEADER, 0);
                write_inner(&inner, octets, &mut section);
                section.resize(section.len().next_multiple_of(LINE), 0);
                layout.write(&rows, &mut section);
                section.resize(section.len() + WORD - ROW, 0);
                return section;
            }
            Err(NoLayout::Alike) => attempt += 1,
            Err(NoLayout::Crowded) => homes += homes.div_ceil(16),
        }
    }
}

/// The names of a dictionary by their keys.
struct Keyed {
    /// Keys of names with their rule sets, in order.
    rows: Vec<(Key, u32)>,
    /// Keys of names that have listed names below.
    inner: Vec<Key>,
    /// The root's rule set.
    root: u32,
}

/// An ancestor of the name at hand, or the name itself.
struct Step {
    /// Where its last label ends in the dictionary's key.
    end: usize,
    key: Key,
    /// It is among the inner ones already.
    is_inner: bool,
}

impl Keyed {
    /// From the dictionary's keys, an ancestor just before its descendants.
    fn new<'k>(hasher: &Hasher, names: impl ExactSizeIterator<Item = (&'k [u8], u32)>) -> Self {
        let mut rows = Vec::with_capacity(names.len());
        let (mut inner, mut root) = (Vec::new(), NO_SET);
        // What a name shares with the one before is not hashed again.
        let (mut path, mut previous) = (Vec::<Step>::new(), &b""[..]);
        for (name, set) in names {
            let depth = domains::labels_of_key(name).count();
            if depth == 0 {
                root = set;
                continue;
            }
            if depth > MAX_DEPTH {
                continue;
            }
            let common = iter::zip(name, previous).take_while(|(own, other)| own == other).count();
            let is_shared =
                |step: &Step| step.end <= common && domains::is_below(name, &name[..step.end]);
            path.truncate(path.iter().take_while(|step| is_shared(step)).count());
            for label in domains::labels_of_key(name).skip(path.len()) {
                let (state, end) = match path.last_mut() {
                    None => (hasher.start, label.len()),
                    Some(parent) => {
                        if !parent.is_inner {
                            parent.is_inner = true;
                            inner.push(parent.key);
                        }
                        (parent.key.0, parent.end + 1 + label.len())
                    }
                };
                let key = Key(hasher.child(state, label));
                path.push(Step { end, key, is_inner: false });
            }
            rows.extend(path.last().map(|step| (step.key, set)));
            previous = name;
        }
        rows.sort_unstable();
        Self { rows, inner, root }
    }
}

fn write_inner(inner: &[Key], octets: usize, section: &mut Vec<u8>) {
    let start = section.len();
    section.resize(start + octets, 0);
    for key in inner {
        let (octet, bit) = key.bit(octets);
        section[start + octet] |= bit;
    }
}

/// Which rows each line has.
struct Layout {
    /// Behind the last row of each line, and whether the next line goes on with it.
    ends: Vec<(u32, bool)>,
}

/// Why rows cannot be laid out.
enum NoLayout {
    /// Two keys of one line are alike.
    Alike,
    /// Too few lines for so many keys.
    Crowded,
}

impl Layout {
    /// Fills line after line from keys in order, and sorts those of a line by tag.
    fn new(rows: &mut [(Key, u32)], homes: u32) -> Result<Self, NoLayout> {
        let mut ends = Vec::with_capacity(homes as usize + MAX_OVERFLOW);
        let mut start = 0;
        while ends.len() < homes as usize || start < rows.len() {
            let line = ends.len();
            let due = rows[start..].iter().take(TAGS).take_while(|row| row.0.home(homes) <= line);
            let end = start + due.count();
            if rows[start..end].iter().any(|row| row.0.home(homes) + MAX_OVERFLOW < line) {
                return Err(NoLayout::Crowded);
            }
            let fingerprint = |row: &(Key, u32)| (row.0.tag(), row.0.row_fingerprint());
            rows[start..end].sort_unstable_by_key(fingerprint);
            if rows[start..end].windows(2).any(|two| fingerprint(&two[0]) == fingerprint(&two[1])) {
                return Err(NoLayout::Alike);
            }
            let overflows = rows.get(end).is_some_and(|next| next.0.home(homes) <= line);
            ends.push((end as u32, overflows));
            start = end;
        }
        Ok(Self { ends })
    }

    fn write(&self, rows: &[(Key, u32)], section: &mut Vec<u8>) {
        section.reserve_exact(self.ends.len() * LINE + rows.len() * ROW);
        let mut start = 0;
        for &(end, overflows) in &self.ends {
            let own = &rows[start as usize..end as usize];
            let tags = own.iter().map(|row| row.0.tag()).chain(iter::repeat(NO_TAG));
            section.extend(tags.take(TAGS).flat_map(i16::to_le_bytes));
            let tail = if overflows { start | OVERFLOWS } else { start };
            section.extend_from_slice(&tail.to_le_bytes());
            start = end;
        }
        for &(key, set) in rows {
            let row =
                u64::from(set.min(RARE)) << ROW_FINGERPRINT_BITS | u64::from(key.row_fingerprint());
            section.extend_from_slice(&row.to_le_bytes()[..ROW]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const DIGEST: [u8; 32] = [7; 32];

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    fn section(names: &BTreeMap<String, u32>) -> Vec<u8> {
        let key = |name: &String| {
            let mut key = Vec::new();
            domains::push_key(&name.parse().unwrap(), &mut key);
            key
        };
        let keys: Vec<_> = names.iter().map(|(name, &set)| (key(name), set)).collect();
        write(&DIGEST, keys.iter().map(|(key, set)| (key.as_slice(), *set)))
    }

    /// As a builder has it.
    fn key_of(hasher: &Hasher, name: &DomainName) -> Key {
        let child = |state, label| hasher.child(state, label);
        Key(name.labels().rev().fold(hasher.start, child))
    }

    fn found(section: &[u8], name: &DomainName) -> Result<Vec<(usize, u32)>, AskDictionary> {
        let mut found = Vec::new();
        let index = Index::open(section, &DIGEST).unwrap();
        index.find(section, name, |labels, is_asked, set| {
            assert_eq!(is_asked, labels == name.label_count());
            found.push((labels, set));
        })?;
        Ok(found)
    }

    /// What a map says of the name and its ancestors.
    fn expected(names: &BTreeMap<String, u32>, name: &DomainName) -> Vec<(usize, u32)> {
        let set = |labels| Some((labels, *names.get(&name.suffix(labels).to_string())?));
        (0..=name.label_count()).filter_map(set).collect()
    }

    /// Names enough that lines overflow.
    fn many() -> BTreeMap<String, u32> {
        let host = |n: u32| match n % 3 {
            0 => format!("n{n}.example"),
            1 => format!("a-rather-long-label-of-{n}.sub.n{}.example", n / 7),
            _ => format!("w{n}.x.y.z.n{}.co", n / 5),
        };
        (0..60_000).map(|n| (host(n), n % 2_000)).chain([(".".to_owned(), 3)]).collect()
    }

    #[test]
    fn many_names_their_parents_and_their_children() {
        let names = many();
        let section = section(&names);
        let index = Index::open(&section, &DIGEST).unwrap();
        let table = Table { index: &index, section: &section };
        let lines = index.lines.len() / LINE;
        let overflowing = (0..lines).filter(|line| table.line(*line).unwrap().overflows()).count();
        assert!(overflowing > lines / 100, "{overflowing} lines of {lines}");
        let mut asked = 0;
        for host in names.keys() {
            let child = name(&format!("www.{}", host.trim_start_matches('.')));
            let own = name(host);
            let parent = own.suffix(own.label_count().saturating_sub(1));
            for name in [child, own, parent] {
                assert_eq!(found(&section, &name).unwrap(), expected(&names, &name), "{name}");
                asked += 1;
            }
        }
        assert_eq!(asked, 3 * 60_001);
        let octets = (section.len() - index.inner.len()) as f64 / names.len() as f64;
        assert!(octets < 8.2, "{octets} octets a name");
    }

    /// Nobody is taken for another: shorter fingerprints would show here.
    #[test]
    fn no_unlisted_name_is_found() {
        let names: BTreeMap<_, _> = many().into_iter().filter(|(name, _)| name != ".").collect();
        let section = section(&names);
        let index = Index::open(&section, &DIGEST).unwrap();
        let table = Table { index: &index, section: &section };
        let (mut asked, mut same_tag) = (0, 0);
        for n in 0..300_000 {
            let unlisted = name(&format!("u{n}.of-nobody"));
            assert_eq!(found(&section, &unlisted).unwrap(), [], "{unlisted}");
            let key = key_of(&index.hasher, &unlisted);
            let line = table.line(key.home(index.homes)).unwrap();
            let tag = key.tag();
            same_tag += (0..TAGS).filter(|&place| line.tag(place) == tag).count();
            asked += 1;
        }
        // Tags alone collide as often as chance has it: the hash spreads.
        let by_chance = f64::from(asked) * names.len() as f64 / f64::from(index.homes) / 65_536.0;
        let excess = same_tag as f64 / by_chance;
        assert!((0.6..1.5).contains(&excess), "{same_tag} tags, {by_chance} by chance");
    }

    #[test]
    fn what_the_dictionary_has_to_tell() {
        let deep = |labels: usize| vec!["a"; labels].join(".");
        let names: BTreeMap<_, _> =
            [(deep(8), 1), (deep(9), 2), ("rare.b".to_owned(), RARE), ("b".to_owned(), RARE - 1)]
                .into();
        let section = section(&names);
        assert_eq!(found(&section, &name(&deep(8))), Ok(vec![(8, 1)]));
        assert_eq!(found(&section, &name(&deep(9))), Err(AskDictionary));
        assert_eq!(found(&section, &name("rare.b")), Err(AskDictionary));
        assert_eq!(found(&section, &name("www.rare.b")), Err(AskDictionary));
        assert_eq!(found(&section, &name("other.b")), Ok(vec![(1, RARE - 1)]));
    }

    #[test]
    fn an_empty_dictionary_has_an_index_too() {
        let section = section(&BTreeMap::new());
        assert_eq!(section.len(), HEADER + 2 * LINE + (WORD - ROW));
        assert_eq!(found(&section, &name("example.com")), Ok(vec![]));
        assert_eq!(found(&section, &name(".")), Ok(vec![]));
    }

    /// Lengths tell labels apart, and what stands behind a label does not count.
    #[test]
    fn the_hash_of_a_name_is_that_of_its_key() {
        let hasher = Hasher::new(&DIGEST, 0);
        let label = "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz";
        let mut seen = BTreeMap::new();
        for length in 1..=63 {
            for host in [label[..length].to_owned(), format!("{}.{label}", &label[..length])] {
                let name = name(&host);
                let starts = name.label_starts().unwrap();
                let of_name = starts.iter().rev().fold(hasher.start, |state, &start| {
                    hasher.extend(state, name.padded_wire(), usize::from(start))
                });
                assert_eq!(key_of(&hasher, &name), Key(of_name), "{host}");
                assert_eq!(seen.insert(of_name, host), None);
            }
        }
        // At the very end of the buffer there are no sixteen octets to read.
        let longest = [&label[..61], label, label, label].join(".");
        assert_eq!(name(&longest).label_starts().unwrap(), [0, 62, 126, 190]);
        let names = [(longest.clone(), 5)].into();
        assert_eq!(found(&section(&names), &name(&longest)), Ok(vec![(4, 5)]));
    }

    #[test]
    fn two_keys_that_are_alike_take_another_hash_and_a_crowd_more_lines() {
        let alike = |tag: u64, fingerprint: u64| (Key(fingerprint << 16 | tag), 0);
        let mut rows = [alike(5, 9), alike(5, 8), alike(4, 9)];
        rows.sort_unstable();
        assert!(Layout::new(&mut rows, 1).is_ok());
        // The lowest bits differ, and the tags do not.
        let mut rows = [alike(0x7fff, 9), alike(0x7ffe, 9)];
        rows.sort_unstable();
        assert!(matches!(Layout::new(&mut rows, 1), Err(NoLayout::Alike)));
        let crowd = TAGS * (MAX_OVERFLOW + 1);
        let mut rows: Vec<_> = (0..crowd as u64).map(|tag| alike(tag, 1)).collect();
        assert_eq!(Layout::new(&mut rows, 1).ok().map(|layout| layout.ends.len()), Some(17));
        rows.push(alike(crowd as u64, 1));
        assert!(matches!(Layout::new(&mut rows, 1), Err(NoLayout::Crowded)));
    }

    #[test]
    fn sections_that_make_no_sense() {
        let names: BTreeMap<_, _> = [("example.com".to_owned(), 1)].into();
        let section = section(&names);
        let fault = |bytes: &[u8], digest| Index::open(bytes, digest).unwrap_err();
        assert_eq!(fault(&section, &[8; 32]), "it is another dictionary's");
        for length in 32..section.len() {
            assert!(Index::open(&section[..length], &DIGEST).is_err(), "{length}");
        }
        let with = |at: usize, word: u32| {
            let mut altered = section.clone();
            altered[at..at + 4].copy_from_slice(&word.to_le_bytes());
            altered
        };
        let wrong = [(36, 0), (36, u32::MAX), (40, u32::MAX), (44, u32::MAX), (44, 0), (52, 99)];
        for (at, word) in wrong {
            assert_eq!(fault(&with(at, word), &DIGEST), "sizes that do not fit each other");
        }
        let earlier = "it is an earlier version's: compile the lists again";
        assert_eq!(fault(&with(52, 0), &DIGEST), earlier);
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(
            names in prop::collection::btree_map("([a-e0-9-]{1,3}\\.){0,3}[a-z]{1,2}", 0u32..1000, 0..300),
            asked in prop::collection::vec("([a-e0-9-]{1,3}\\.){0,3}[a-z]{1,2}", 0..50),
        ) {
            let section = section(&names);
            for asked in names.keys().chain(&asked) {
                let name = name(asked);
                prop_assert_eq!(found(&section, &name).unwrap(), expected(&names, &name));
            }
        }

        /// No alteration makes a lookup panic or run on; what it finds are ancestors of the name.
        #[test]
        fn altered_bytes_do_no_harm(
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
            all in proptest::option::of(any::<u8>()),
        ) {
            let names = (0..100u32).map(|n| (format!("w{n}.n{}.com", n % 40), n));
            let mut section = section(&names.collect());
            if let Some(octet) = all {
                section[HEADER..].fill(octet);
            }
            for (at, octet) in flips {
                let at = at.index(section.len());
                section[at] = octet;
            }
            if let Ok(index) = Index::open(&section, &DIGEST) {
                for n in 0..40 {
                    let name = name(&format!("x.w{n}.n{n}.com"));
                    let _ = index.find(&section, &name, |labels, _, _| assert!(labels <= 4));
                }
            }
        }
    }
}
