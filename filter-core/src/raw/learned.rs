//! Learned pieces of names: an automaton that adds them up, and a screen before it.
//!
//! ```text
//! 0   octets of the screen u32; 0 for none
//! 4   what one step of its bounds stands for u32
//!     zeros up to 64
//! 64  screen
//!     states of the automaton
//! ```

mod automaton;
mod screen;

use std::collections::BTreeMap;

pub(crate) use self::{
    automaton::Automaton,
    screen::{Needs, Screen},
};
use super::bundle::u32_at;
use crate::learned::{Learned, code};

const HEADER: usize = 64;

/// Tables of fewer nodes do without a screen, which would be larger than they are.
const SCREENED: usize = 4_096;

/// A score for each category of the table.
pub(crate) type Scores = [i32; Learned::MAX_CATEGORIES];

/// A section, as read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pieces<'s> {
    pub(crate) screen: Option<Screen<'s>>,
    pub(crate) automaton: Automaton<'s>,
}

impl<'s> Pieces<'s> {
    /// Checks sizes; what is in there, a lookup takes as it is.
    #[inline]
    pub(crate) fn open(section: &'s [u8]) -> Result<Self, &'static str> {
        const CUT_SHORT: &str = "cut short";
        let screened = u32_at(section, 0).ok_or(CUT_SHORT)? as usize;
        let unit = u32_at(section, 4).ok_or(CUT_SHORT)?;
        if screened != 0 && screened != screen::OCTETS {
            return Err("it is an earlier version's: compile the lists again");
        }
        let parts = section.get(HEADER..).and_then(|parts| parts.split_at_checked(screened));
        let (screen, states) = parts.ok_or(CUT_SHORT)?;
        Ok(Self { screen: Screen::open(screen, unit), automaton: Automaton::open(states)? })
    }
}

/// The section of a table.
pub(crate) fn write(learned: &Learned) -> Vec<u8> {
    let trie = Trie::new(learned);
    write_with(&trie, trie.nodes.len() >= SCREENED)
}

fn write_with(trie: &Trie, is_screened: bool) -> Vec<u8> {
    let mut section = vec![0; HEADER];
    if is_screened {
        let unit = screen::write(trie, &mut section);
        section[0..4].copy_from_slice(&(screen::OCTETS as u32).to_le_bytes());
        section[4..8].copy_from_slice(&unit.to_le_bytes());
    }
    automaton::write(trie, &mut section);
    section
}

/// All pieces by their octets, first to last.
struct Trie {
    /// The first is the beginning; a node comes before those that it leads to.
    nodes: Vec<Node>,
}

#[derive(Clone, Default)]
struct Node {
    /// By code.
    next: BTreeMap<u8, usize>,
    /// Of the piece that ends here, for each category.
    weights: Scores,
}

impl Trie {
    fn new(learned: &Learned) -> Self {
        let mut nodes = vec![Node::default()];
        for (lane, category) in learned.categories.iter().enumerate() {
            for (piece, weight) in &category.weights {
                let mut node = 0;
                for code in piece.bytes().filter_map(code) {
                    let new = nodes.len();
                    let next = *nodes[node].next.entry(code).or_insert(new);
                    if next == new {
                        nodes.push(Node::default());
                    }
                    node = next;
                }
                nodes[node].weights[lane] += i32::from(*weight);
            }
        }
        Self { nodes }
    }
}
