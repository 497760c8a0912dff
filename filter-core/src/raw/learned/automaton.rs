//! The automaton of learned pieces (Aho-Corasick), used in place: nothing is built.
//!
//! ```text
//! states, 24 octets each, in breadth-first order; state 0 is the beginning
//!     u64      bits 0–39: the codes that lead on; bits 56–63: how many octets lead here
//!     u32      the first state that is led to; the others follow, in order of code
//!     u32      the longest proper suffix that is a state: a lower number
//!     4 × i16  for each category, the weights of all pieces that end here
//! ```
//!
//! One step an octet: while the code does not lead on, go to the suffix. Any bytes can be read: what is
//! out of bounds is the beginning, and no more steps are taken back than a piece has octets.

use std::collections::{BTreeMap, VecDeque};

use super::{Scores, Trie};
use crate::{
    DomainName,
    learned::{Learned, code},
    raw::bundle::u32_at,
};

const STATE: usize = 24;
const DEPTH_SHIFT: u32 = 56;
/// More equal octets in a row than this are not looked at.
const LONGEST_RUN: u32 = 3;

/// The states of a section.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Automaton<'s> {
    states: &'s [[u8; STATE]],
}

/// A state, as read.
#[derive(Clone, Copy, Default)]
struct State {
    codes: u64,
    suffix: u32,
    sums: Scores,
}

impl<'s> Automaton<'s> {
    /// The states of a section of whole states; without any, every score is zero.
    pub(crate) fn open(section: &'s [u8]) -> Result<Self, &'static str> {
        match section.as_chunks() {
            (states, []) => Ok(Self { states }),
            _ => Err("cut short"),
        }
    }

    /// Adds up the weights of all pieces in the site of a name, the ancestor of so many labels.
    #[inline]
    pub(crate) fn scores(self, name: &DomainName, site: usize) -> Scores {
        let mut scores = Scores::default();
        self.walk(name, site, |_, state| {
            for (score, sum) in scores.iter_mut().zip(state.sums) {
                *score += sum;
            }
        });
        scores
    }

    /// The pieces in the site of a name and what they add for one category, all places together.
    pub(crate) fn found(
        self,
        name: &DomainName,
        site: usize,
        lane: usize,
    ) -> BTreeMap<String, i32> {
        let mut found = BTreeMap::new();
        let mut read = Vec::new();
        self.walk(name, site, |octet, state| {
            read.push(octet);
            let mut state = state;
            for _ in 0..Learned::MAX_PIECE {
                let suffix = self.state(state.suffix);
                let weight = state.sums[lane] - suffix.sums[lane];
                let depth = (state.codes >> DEPTH_SHIFT) as usize;
                if weight != 0 {
                    let piece = &read[read.len().saturating_sub(depth)..];
                    *found.entry(String::from_utf8_lossy(piece).into_owned()).or_default() +=
                        weight;
                }
                if state.suffix == 0 {
                    break;
                }
                state = suffix;
            }
        });
        found
    }

    /// Calls `at` with each octet that is looked at and the state after it.
    #[inline]
    fn walk(self, name: &DomainName, site: usize, mut at: impl FnMut(u8, State)) {
        let mut number = 0;
        let (mut last, mut run) = (0, 0);
        let mut step = |octet: u8| {
            run = if octet == last { run + 1 } else { 1 };
            last = octet;
            if run > LONGEST_RUN {
                return;
            }
            let state;
            (number, state) = match CODE[usize::from(octet)] {
                NO_CODE => (0, State::default()),
                code => self.next(number, code),
            };
            at(octet, state);
        };
        let skipped = name.label_count().saturating_sub(site);
        for label in name.labels().skip(skipped) {
            step(b'.');
            label.iter().for_each(|&octet| step(octet));
        }
        step(b'|');
    }

    /// The state after one more octet.
    #[inline]
    fn next(self, mut number: u32, code: u8) -> (u32, State) {
        for _ in 0..=Learned::MAX_PIECE {
            let Some(state) = self.states.get(number as usize) else { break };
            let codes = u64_of(state, 0);
            if codes >> code & 1 == 1 {
                let before = (codes & ((1 << code) - 1)).count_ones();
                let next = u32_of(state, 8).wrapping_add(before);
                return (next, self.state(next));
            }
            if number == 0 {
                break;
            }
            number = u32_of(state, 12);
        }
        (0, State::default())
    }

    #[inline]
    fn state(self, number: u32) -> State {
        let Some(state) = self.states.get(number as usize) else { return State::default() };
        let sum = |lane: usize| {
            i32::from(i16::from_le_bytes([state[16 + 2 * lane], state[17 + 2 * lane]]))
        };
        State {
            codes: u64_of(state, 0),
            suffix: u32_of(state, 12),
            sums: [sum(0), sum(1), sum(2), sum(3)],
        }
    }
}

#[inline]
fn u64_of(state: &[u8; STATE], at: usize) -> u64 {
    u64::from(u32_of(state, at)) | u64::from(u32_of(state, at + 4)) << 32
}

#[inline]
fn u32_of(state: &[u8; STATE], at: usize) -> u32 {
    u32_at(state, at).unwrap_or_default()
}

const NO_CODE: u8 = u8::MAX;
/// The code of each octet.
const CODE: [u8; 256] = {
    let mut codes = [NO_CODE; 256];
    let mut octet = 0;
    while octet < 256 {
        if let Some(code) = code(octet as u8) {
            codes[octet] = code;
        }
        octet += 1;
    }
    codes
};

/// The states of a trie.
pub(super) fn write(Trie { nodes }: &Trie, section: &mut Vec<u8>) {
    // Breadth first: a state's suffix, which is shorter, is done before it.
    let mut sums: Vec<Scores> = nodes.iter().map(|node| node.weights).collect();
    let mut suffix = vec![0; nodes.len()];
    let mut number = vec![0; nodes.len()];
    let mut waiting = VecDeque::from([(0, 0_u64)]);
    let mut numbered = 1_u32;
    while let Some((at, depth)) = waiting.pop_front() {
        let mut codes = depth << DEPTH_SHIFT;
        let first = numbered;
        for (&code, &child) in &nodes[at].next {
            codes |= 1 << code;
            number[child] = numbered;
            numbered += 1;
            let mut shorter = suffix[at];
            suffix[child] = loop {
                match nodes[shorter].next.get(&code) {
                    Some(&found) if found != child => break found,
                    _ if shorter == 0 => break 0,
                    _ => shorter = suffix[shorter],
                }
            };
            waiting.push_back((child, depth + 1));
        }
        if at != 0 {
            let inherited = sums[suffix[at]];
            sums[at].iter_mut().zip(inherited).for_each(|(sum, inherited)| *sum += inherited);
        }
        section.extend_from_slice(&codes.to_le_bytes());
        section.extend_from_slice(&first.to_le_bytes());
        section.extend_from_slice(&u32::to_le_bytes(number[suffix[at]]));
        for sum in sums[at] {
            // Seven pieces at most end at one place, of at most 2 000 each.
            section.extend_from_slice(&i16::try_from(sum).unwrap_or(i16::MAX).to_le_bytes());
        }
    }
}
