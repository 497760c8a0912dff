//! What pieces add up to at most: most names are done with before the automaton is asked.
//!
//! Of 10 000 harmless names the automaton refuses one, and its way through memory is the dear part of all
//! 10 000 verdicts: each step waits for the one before. So a table says of any four octets what all pieces
//! that begin at the first of them may add, whatever follows. Added up over a site, that is at least its
//! score; where it is too little, the score is not needed. Lookups do not wait for each other.
//!
//! ```text
//! 2¹⁸ × i32      trigrams, by three codes of six bits, the first octet's highest: the bound where no slot
//!                has the four octets
//! 2¹⁵ × 8 octets slots, by a hash of four codes: these, u32, all ones in an empty one; their bound, i32
//! ```
//!
//! A bound is of the first two categories, in steps of some hundredths each: the second's times 2¹⁶, and
//! the first's added, so that one addition adds up both. A label has too few octets for them to run into
//! each other. What finds its slot taken adds to its trigram's bound, if it is more.
//!
//! The sum goes from the end of the name, label by label, and needs not know the site, of which the
//! public suffix list is asked only where some ancestor's sum is enough.
//!
//! **Of more than three equal octets in a row** the automaton looks at three, the screen at all: the bound of
//! four alike is zero, or more, and any other four octets that the automaton sees, the screen does too.

use std::{cmp::Reverse, hint::select_unpredictable};

use super::{Scores, Trie};
use crate::{
    DomainName,
    learned::{CODE_BITS, END, Learned, code},
};

/// Categories that have bounds.
const LANES: usize = 2;
const TRIGRAM_BITS: u32 = 3 * CODE_BITS;
const SLOT_BITS: u32 = 15;
const TRIGRAMS: usize = 1 << TRIGRAM_BITS;
const SLOTS: usize = 1 << SLOT_BITS;
const TRIGRAM: usize = 4;
const SLOT: usize = 8;
pub(super) const OCTETS: usize = TRIGRAMS * TRIGRAM + SLOTS * SLOT;

/// Sums of so many, either way, fit 16 bits for all octets of a label and the dot before it.
const MOST: i32 = 500;
const NO_FOUR: u32 = u32::MAX;
/// The code of octets that no piece has.
const NO_CODE: u32 = (1 << CODE_BITS) - 1;
/// A site has a label, and below a public suffix.
const LEAST_SITE: usize = 2;

/// A section's screen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Screen<'s> {
    trigrams: &'s [[u8; TRIGRAM]; TRIGRAMS],
    slots: &'s [[u8; SLOT]; SLOTS],
    unit: u32,
}

/// What has to be added to the base of each category, in steps of the bounds.
#[derive(Clone, Copy)]
pub(crate) struct Needs([i32; LANES]);

impl<'s> Screen<'s> {
    /// None for another number of octets than a screen has.
    #[inline]
    pub(super) fn open(octets: &'s [u8], unit: u32) -> Option<Self> {
        let (trigrams, slots) = octets.split_at_checked(TRIGRAMS * TRIGRAM)?;
        let trigrams = trigrams.as_chunks().0.try_into().ok()?;
        let slots = slots.as_chunks().0.try_into().ok()?;
        Some(Self { trigrams, slots, unit })
    }

    /// What a name needs to reach any of these thresholds; none where one of them is of a category that has
    /// no bounds.
    pub(crate) fn needs(
        self,
        bases: Scores,
        thresholds: [Option<i32>; Learned::MAX_CATEGORIES],
    ) -> Option<Needs> {
        if thresholds[LANES..].iter().any(Option::is_some) {
            return None;
        }
        let unit = i64::from(self.unit).max(1);
        let need = |lane: usize| {
            let missing =
                thresholds[lane].map(|threshold| i64::from(threshold) - i64::from(bases[lane]));
            let steps = missing.map(|missing| -(-missing).div_euclid(unit));
            // Out of reach what is not asked for.
            steps.map_or(i32::MAX, |steps| steps.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
        };
        Some(Needs([need(0), need(1)]))
    }

    /// How many labels the name's site has, if its pieces may add up to what is needed; none for the rest,
    /// and for what is in no site.
    #[inline]
    pub(crate) fn site_in_reach(self, name: &DomainName, Needs(needs): Needs) -> Option<usize> {
        let Some(starts) = name.label_starts() else { return name.site_labels() };
        let (wire, mut end) = (name.padded_wire(), name.as_wire().len().saturating_sub(1));
        let (mut site, mut sums) = (None, [0; LANES]);
        let mut three = AT_END;
        for (labels, start) in (1..).zip(starts.iter().rev().map(|&start| usize::from(start))) {
            let mut both = 0_i32;
            for &octet in wire.get(start + 1..end).unwrap_or_default().iter().rev() {
                both = both.wrapping_add(self.bound(FOURTH[usize::from(octet)], &mut three));
            }
            both = both.wrapping_add(self.bound(FOURTH[usize::from(b'.')], &mut three));
            end = start;
            let first = i32::from(both as i16);
            sums[0] += first;
            sums[1] += both.wrapping_sub(first) >> 16;
            let in_reach = labels >= LEAST_SITE && (sums[0] >= needs[0] || sums[1] >= needs[1]);
            if in_reach && site.is_none() {
                site = Some(name.site_labels()?);
            }
            if let Some(site) = site.filter(|&site| labels >= site) {
                return (in_reach && labels == site).then_some(site);
            }
        }
        None
    }

    /// The bound of one more octet, to the left of three, and those that are then the leftmost.
    #[inline]
    fn bound(self, fourth: u32, three: &mut u32) -> i32 {
        let four = fourth | *three;
        *three = four >> CODE_BITS;
        let otherwise = i32::from_le_bytes(self.trigrams[*three as usize % TRIGRAMS]);
        let slot = u64::from_le_bytes(self.slots[slot_of(four)]);
        // One octet in three has its slot, and nothing foretells which.
        select_unpredictable(slot as u32 == four, (slot >> 32) as i32, otherwise)
    }
}

/// Three ends of a name.
const AT_END: u32 = {
    let end = END as u32;
    end << (2 * CODE_BITS) | end << CODE_BITS | end
};

/// The code of each octet, where the leftmost of four has it.
const FOURTH: [u32; 256] = {
    let mut codes = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let code = match code(octet as u8) {
            Some(code) => code as u32,
            None => NO_CODE,
        };
        codes[octet] = code << TRIGRAM_BITS;
        octet += 1;
    }
    codes
};

#[inline]
fn slot_of(four: u32) -> usize {
    (four.wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOT_BITS)) as usize
}

/// What pieces may add for each category.
type Bound = [i32; LANES];

/// Appends the screen of a trie; says what one step stands for.
pub(super) fn write(trie: &Trie, section: &mut Vec<u8>) -> u32 {
    let (mut trigrams, mut fours) = exact(trie);
    let widest = fours.iter().map(|(_, bound)| bound).chain(&trigrams).flatten().max();
    let unit = widest.map_or(1, |&widest| steps(widest, MOST)).max(1);

    // What a slot saves most on comes first; of equal ones, in order of code.
    let trigram = |four: u32| (four >> CODE_BITS) as usize;
    fours.sort_by_cached_key(|&(four, bound)| {
        let other = trigrams[trigram(four)];
        let saved: i32 = bound.iter().zip(other).map(|(bound, other)| (bound - other).abs()).sum();
        (Reverse(saved), four)
    });
    let mut slots = vec![(NO_FOUR, Bound::default()); SLOTS];
    for (four, bound) in fours {
        let slot = &mut slots[slot_of(four)];
        match slot.0 {
            NO_FOUR => *slot = (four, bound),
            _ => raise(&mut trigrams[trigram(four)], bound),
        }
    }

    let packed = |bound: Bound| {
        let [first, second] = bound.map(|bound| steps(bound, unit).max(-MOST));
        (first + (second << 16)).to_le_bytes()
    };
    trigrams.iter().for_each(|&bound| section.extend_from_slice(&packed(bound)));
    for (four, bound) in slots {
        section.extend_from_slice(&four.to_le_bytes());
        section.extend_from_slice(&packed(bound));
    }
    unit.unsigned_abs()
}

/// Bounds of all trigrams if no longer piece goes on with them, and of the four octets that do.
fn exact(Trie { nodes }: &Trie) -> (Vec<Bound>, Vec<(u32, Bound)>) {
    let own = |node: usize| -> Bound { [nodes[node].weights[0], nodes[node].weights[1]] };
    let plus = |a: Bound, b: Bound| [a[0] + b[0], a[1] + b[1]];
    // What a node's piece and those that it begins add at most. What a node leads to comes after it.
    let mut most = vec![Bound::default(); nodes.len()];
    for node in (0..nodes.len()).rev() {
        let mut further = Bound::default();
        nodes[node].next.values().for_each(|&next| raise(&mut further, most[next]));
        most[node] = plus(own(node), further);
    }

    let (mut trigrams, mut fours) = (vec![Bound::default(); TRIGRAMS], Vec::new());
    let next = |node: usize| nodes[node].next.iter().map(|(&code, &node)| (u32::from(code), node));
    for (a, node) in next(0) {
        for (b, node) in next(node) {
            let (begins, two) = ((a << CODE_BITS | b) << CODE_BITS, own(node));
            trigrams[begins as usize..][..1 << CODE_BITS].fill(two);
            for (c, node) in next(node) {
                let three = plus(two, own(node));
                trigrams[(begins | c) as usize] = three;
                let four = |d| (begins | c) << CODE_BITS | d;
                fours.extend(next(node).map(|(d, node)| (four(d), plus(three, most[node]))));
            }
        }
    }
    // The first of four alike is none that the automaton looks at.
    for code in 0..1 << CODE_BITS {
        let three = (code << CODE_BITS | code) << CODE_BITS | code;
        let four = three << CODE_BITS | code;
        fours.retain(|&(other, _)| other != four);
        if trigrams[three as usize] != Bound::default() {
            fours.push((four, Bound::default()));
        }
    }
    (trigrams, fours)
}

fn raise(bound: &mut Bound, to: Bound) {
    bound.iter_mut().zip(to).for_each(|(bound, to)| *bound = to.max(*bound));
}

/// A quotient, rounded up.
fn steps(of: i32, unit: i32) -> i32 {
    -(-of).div_euclid(unit)
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::super::{Pieces, write_with};
    use super::*;
    use crate::LearnedCategory;

    const BASES: Scores = [-100, 20, 0, 0];

    /// Pieces of few letters, so that many overlap, and every length.
    fn table() -> impl Strategy<Value = Learned> {
        let piece = ("[.ab-]{1,7}", prop_oneof![3 => Just(""), 1 => Just("|")])
            .prop_map(|(body, end)| body + end)
            .prop_filter("a piece has two octets", |piece| piece.len() >= 2);
        let weight = prop_oneof![8 => -300..300_i16, 1 => -2_000..2_000_i16]
            .prop_filter("a weight is not zero", |weight| *weight != 0);
        let weights = collection::btree_map(piece, weight, 1..60);
        collection::vec(weights, 1..=2).prop_map(|categories| Learned {
            from: Vec::new(),
            categories: categories
                .into_iter()
                .map(|weights| LearnedCategory { weights, ..LearnedCategory::default() })
                .collect(),
        })
    }

    /// Names with long runs, and with octets that only packets have.
    fn name() -> impl Strategy<Value = DomainName> {
        let octet = prop_oneof![12 => prop::sample::select(b"aab-".to_vec()), 1 => any::<u8>()];
        let label = prop_oneof![
            6 => collection::vec(octet, 1..9),
            1 => (1..63_usize, prop::sample::select(b"ab-.|!".to_vec()))
                .prop_map(|(length, octet)| vec![octet; length]),
        ];
        let suffix = prop::sample::select(vec!["com", "co.uk", "ck", "github.io", "internal"]);
        (collection::vec(label, 0..4), suffix).prop_map(|(mut labels, suffix)| {
            labels.extend(suffix.split('.').map(|label| label.as_bytes().to_vec()));
            let mut wire: Vec<u8> = labels
                .iter()
                .flat_map(|label| [&[label.len() as u8], label.as_slice()].concat())
                .collect();
            wire.push(0);
            DomainName::from_wire(&wire).expect("labels and names of no more octets than allowed").0
        })
    }

    fn screen(section: &[u8]) -> (Screen<'_>, Pieces<'_>) {
        let pieces = Pieces::open(section).unwrap();
        (pieces.screen.unwrap(), pieces)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Whatever reaches a threshold passes the screen, even if it has just enough.
        #[test]
        fn no_name_is_held_back_that_reaches_a_threshold(
            table in table(),
            names in collection::vec(name(), 20),
        ) {
            let section = write_with(&Trie::new(&table), true);
            let (screen, pieces) = screen(&section);
            for name in &names {
                let Some(site) = name.site_labels() else { continue };
                let scores = pieces.automaton.scores(name, site);
                for lane in 0..table.categories.len() {
                    let mut thresholds = [None; Learned::MAX_CATEGORIES];
                    thresholds[lane] = Some(BASES[lane] + scores[lane]);
                    let needs = screen.needs(BASES, thresholds).unwrap();
                    prop_assert_eq!(screen.site_in_reach(name, needs), Some(site), "{}", name);
                }
            }
        }
    }

    #[test]
    fn what_is_out_of_reach_is_held_back() {
        let table = "category porn\nbase -100\n300 porn\n80 xxx\n-200 hotel\n60 pornh\n90 .xx\n\
                     category gambling\nbase 0\n500 casino\n-40 grand";
        let section = write_with(&Trie::new(&table.parse().unwrap()), true);
        let (screen, _) = screen(&section);
        let bases = [-100, 0, 0, 0];
        let reaches = |porn, gambling, host: &str| {
            let needs = screen.needs(bases, [porn, gambling, None, None]).unwrap();
            screen.site_in_reach(&host.parse().unwrap(), needs)
        };
        // Thresholds, the name, the labels of its site if the screen lets it pass.
        let cases = [
            (Some(200), None, "porn.co.uk", Some(3)),
            (Some(261), None, "porn.fr", None),
            // Told by four octets: what follows may be `h`.
            (Some(260), None, "porn.fr", Some(2)),
            (Some(60), None, "pornhotel.fr", Some(2)),
            (Some(10), None, "grandhotel.fr", None),
            (Some(200), None, "porn.example.fr", None),
            (Some(200), None, "porn.internal", None),
            (Some(200), None, "fr", None),
            (Some(200), None, "casino.fr", None),
            (Some(200), Some(450), "casino.fr", Some(2)),
            (Some(200), Some(501), "grand-casino.fr", None),
            (None, Some(450), "porn.fr", None),
            (Some(1_000), None, "xxxxxxxxxxxxxxxxxxxxxxx.fr", None),
        ];
        for (porn, gambling, host, expected) in cases {
            assert_eq!(reaches(porn, gambling, host), expected, "{host}, {porn:?} {gambling:?}");
        }
        assert!(screen.needs(bases, [Some(1), None, Some(1), None]).is_none());
    }

    #[test]
    fn any_octets_are_a_screen() {
        let section = vec![0xa7; OCTETS];
        let screen = Screen::open(&section, 0).unwrap();
        let needs = screen.needs(BASES, [Some(i32::MIN), Some(i32::MAX), None, None]).unwrap();
        let longest = [("a", 63), ("b", 63), ("c", 63), ("d", 57), ("com", 1)];
        let longest = longest.map(|(text, times)| text.repeat(times)).join(".");
        for host in [&longest, "a.b.c.d.e.f.g.h.i.j.k.com", "a.fr", "."] {
            let _ = screen.site_in_reach(&host.parse().unwrap(), needs);
        }
        assert!(Screen::open(&section[1..], 1).is_none());
    }
}
