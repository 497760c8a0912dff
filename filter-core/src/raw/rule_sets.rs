//! Rule sets: everything that sources say of one name.
//!
//! A dictionary's value is the number of a rule set; names that the same sources list the same way
//! share one. A set is a sorted list of entries, so category *and* source of every rule are kept.
//!
//! ```text
//! u32          number of sets n
//! u32 × (n+1)  first entry of each set, and the end
//! u32 × …      entries
//! ```

use super::bundle::u32_at;
use crate::rule::{Options, Scope};

/// One source's rule on a name, packed so that order and equality are those of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Entry(u32);

const SOURCE_SHIFT: u32 = 8;
const SCOPE_MASK: u32 = 0b11;
const IMPORTANT: u32 = 1 << 2;
const EXCEPTION: u32 = 1 << 3;
const ALLOW_BELOW: u32 = 1 << 4;
const NARROW: u32 = 1 << 5;
/// With [`EXCEPTION`] only. A reader that does not know it refuses the bundle, as it does any bit that
/// it does not know: it must not take the exception for one that cancels more.
const NEAREST: u32 = 1 << 6;
const KNOWN_BITS: u32 = SCOPE_MASK | IMPORTANT | EXCEPTION | ALLOW_BELOW | NARROW | NEAREST;

impl Entry {
    /// Most sources of one bundle.
    pub(crate) const MAX_SOURCES: usize = 1 << 14;

    pub(crate) fn new(source: u16, scope: Scope, options: Options) -> Self {
        let scope = match scope {
            Scope::Exact => 0,
            Scope::Subtree => 1,
            Scope::SubdomainsOnly => 2,
        };
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        let flags = flag(options.important, IMPORTANT)
            | flag(options.exception, EXCEPTION)
            | flag(options.narrow, NARROW)
            | flag(options.exception && options.nearest, NEAREST);
        Self(u32::from(source) << SOURCE_SHIFT | scope | flags)
    }

    /// Not a rule: says that an allow rule or exception of `source` lies below this name.
    pub(crate) fn allow_below(source: u16) -> Self {
        Self(u32::from(source) << SOURCE_SHIFT | ALLOW_BELOW)
    }

    pub(crate) fn source(self) -> u16 {
        (self.0 >> SOURCE_SHIFT) as u16
    }

    pub(crate) fn scope(self) -> Scope {
        match self.0 & SCOPE_MASK {
            0 => Scope::Exact,
            1 => Scope::Subtree,
            _ => Scope::SubdomainsOnly,
        }
    }

    pub(crate) fn is_important(self) -> bool {
        self.0 & IMPORTANT != 0
    }

    pub(crate) fn is_exception(self) -> bool {
        self.0 & EXCEPTION != 0
    }

    pub(crate) fn is_narrow(self) -> bool {
        self.0 & NARROW != 0
    }

    pub(crate) fn is_nearest(self) -> bool {
        self.0 & NEAREST != 0
    }

    pub(crate) fn options(self) -> Options {
        Options {
            important: self.is_important(),
            exception: self.is_exception(),
            narrow: self.is_narrow(),
            nearest: self.is_nearest(),
        }
    }

    pub(crate) fn is_allow_below(self) -> bool {
        self.0 & ALLOW_BELOW != 0
    }

    /// True when this entry of an ancestor makes `other` redundant, sources being block sources.
    pub(crate) fn covers(self, other: Self) -> bool {
        let rank = |entry: Self| entry.0 & !SCOPE_MASK;
        rank(self) == rank(other)
            && self.scope().covers_descendants()
            // An exact rule is answered NODATA, which a covering rule would not be.
            && other.scope().covers_descendants()
    }

    fn from_bits(bits: u32, sources: usize) -> Option<Self> {
        let entry = Self(bits);
        let known = bits & ((1 << SOURCE_SHIFT) - 1) & !KNOWN_BITS == 0 && bits >> 24 == 0;
        let scoped = bits & SCOPE_MASK != SCOPE_MASK;
        let nearest = !entry.is_nearest() || entry.is_exception();
        (known && scoped && nearest && usize::from(entry.source()) < sources).then_some(entry)
    }
}

/// All rule sets of a bundle.
#[derive(Debug, Default)]
pub(crate) struct RuleSets {
    entries: Vec<Entry>,
    /// First entry of each set, and the end.
    starts: Vec<u32>,
}

impl RuleSets {
    /// Writes sets in the order of their numbers.
    pub(crate) fn write<'s>(sets: impl ExactSizeIterator<Item = &'s [Entry]>) -> Vec<u8> {
        let mut section = (sets.len() as u32).to_le_bytes().to_vec();
        let mut entries = Vec::new();
        let mut end = 0u32;
        section.extend_from_slice(&end.to_le_bytes());
        for set in sets {
            end += set.len() as u32;
            section.extend_from_slice(&end.to_le_bytes());
            entries.extend(set.iter().flat_map(|entry| entry.0.to_le_bytes()));
        }
        section.extend_from_slice(&entries);
        section
    }

    /// Reads a section, every number checked.
    pub(crate) fn read(section: &[u8], sources: usize) -> Result<Self, &'static str> {
        let count = u32_at(section, 0).ok_or("no length")? as usize;
        let words = section.len() / 4;
        if !section.len().is_multiple_of(4) || count + 2 > words {
            return Err("shorter than its length says");
        }
        let word = |index: usize| u32_at(section, 4 * index).ok_or("cut short");
        let starts = (1..=count + 1).map(word).collect::<Result<Vec<_>, _>>()?;
        let entries = (count + 2..words)
            .map(|index| Entry::from_bits(word(index)?, sources).ok_or("an unknown kind of entry"))
            .collect::<Result<Vec<_>, _>>()?;
        let in_order = starts.windows(2).all(|pair| pair[0] <= pair[1]);
        if !in_order || starts.first() != Some(&0) || starts.last() != Some(&(entries.len() as u32))
        {
            return Err("sets that do not follow each other");
        }
        Ok(Self { entries, starts })
    }

    /// The numbers of all sets.
    pub(crate) fn numbers(&self) -> std::ops::Range<u32> {
        0..self.starts.len().saturating_sub(1) as u32
    }

    /// The entries of a set, in increasing order; none for a number that no set has.
    #[inline]
    pub(crate) fn get(&self, set: u32) -> &[Entry] {
        let range = (self.starts.get(set as usize), self.starts.get(set as usize + 1));
        let (Some(&start), Some(&end)) = range else { return &[] };
        self.entries.get(start as usize..end as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(source: u16, scope: Scope) -> Entry {
        Entry::new(source, scope, Options::default())
    }

    #[test]
    fn what_was_written_is_read() {
        let all = Options { important: true, exception: true, narrow: true, nearest: true };
        let sets = [
            vec![block(0, Scope::Exact)],
            vec![],
            vec![block(1, Scope::SubdomainsOnly), Entry::new(2, Scope::Subtree, all)],
            vec![Entry::allow_below(2)],
        ];
        let section = RuleSets::write(sets.iter().map(Vec::as_slice));
        let read = RuleSets::read(&section, 3).unwrap();
        for (number, set) in sets.iter().enumerate() {
            assert_eq!(read.get(number as u32), set);
        }
        assert_eq!(read.get(4), []);
        assert_eq!(read.get(u32::MAX), []);
        assert_eq!(read.get(2)[1].options(), all);
        assert_eq!(RuleSets::read(&section, 2).unwrap_err(), "an unknown kind of entry");
        for length in 0..section.len() {
            assert!(RuleSets::read(&section[..length], 3).is_err(), "{length}");
        }
    }

    /// What a reader does not know it must not take for something else: it keeps the bundle before.
    #[test]
    fn unknown_flags_are_refused() {
        let read =
            |bits: u32| RuleSets::read(&RuleSets::write([&[Entry(bits)][..]].into_iter()), 1);
        for flags in [0, EXCEPTION, EXCEPTION | NEAREST] {
            assert!(read(flags).is_ok(), "{flags:#b}");
        }
        for flags in [1 << 7, SCOPE_MASK, NEAREST, EXCEPTION | 1 << 24] {
            assert_eq!(read(flags).unwrap_err(), "an unknown kind of entry", "{flags:#b}");
        }
        let options = Options { nearest: true, ..Options::default() };
        assert_eq!(Entry::new(0, Scope::Subtree, options), block(0, Scope::Subtree));
    }

    #[test]
    fn covering() {
        use Scope::*;
        let cases = [
            (block(1, Subtree), block(1, Subtree), true),
            (block(1, SubdomainsOnly), block(1, Subtree), true),
            (block(1, Subtree), block(1, SubdomainsOnly), true),
            (block(1, Exact), block(1, Subtree), false),
            (block(1, Subtree), block(1, Exact), false),
            (block(1, Subtree), block(2, Subtree), false),
            (
                block(1, Subtree),
                Entry::new(1, Subtree, Options { important: true, ..Options::default() }),
                false,
            ),
        ];
        for (ancestor, entry, expected) in cases {
            assert_eq!(ancestor.covers(entry), expected, "{ancestor:?} {entry:?}");
        }
    }
}
