//! Phrases as an index over words, and the one pass that finds their terms in a text.
//!
//! The bundle has the phrases as text; the index is built on first use. A term is a sequence of folded
//! words, the first and the last of which may be pieces of a word of the text:
//!
//! * a term of one whole word is an entry of a dictionary of words;
//! * one of one piece is a pattern of an Aho-Corasick automaton that is only shown single words, once
//!   each (see [`search`]);
//! * one of several words is a path in a trie whose edges are words.

mod fold;
mod readings;
pub(crate) mod search;
mod tokens;

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use self::fold::{Folder, Run, fold};
use super::patterns::Patterns;
use crate::{Phrase, Weight};

/// Most octets of a bundle's phrases: twenty times what is in use. It bounds the index.
pub(crate) const MAX_SECTION: usize = 16 << 20;

/// Most octets of pieces for which an automaton of the fastest kind is built: a quarter of a kilobyte
/// each.
const MAX_DENSE: usize = 128 << 10;

/// A bundle's phrases, ready to be looked for.
pub(crate) struct PhraseIndex {
    folder: Folder,
    phrases: Vec<IndexedPhrase>,
    /// By term: the phrases that have it.
    phrases_of: Lists,
    words: HashMap<Box<str>, u32, WordHash>,
    /// By word of a term.
    uses: Vec<Uses>,
    /// Pieces of words, and the word of a term that each is.
    pieces: Option<AhoCorasick>,
    piece_words: Vec<u32>,
    /// Octets of the longest word of a term.
    longest_word: usize,
    /// A word of the text is looked at in parts of so many octets, if it is longer than that.
    part: usize,
    sequences: Sequences,
}

/// A phrase that can be found.
pub(crate) struct IndexedPhrase {
    /// Its number among the phrases of the bundle.
    pub(crate) number: u32,
    pub(crate) rule_set: u32,
    pub(crate) weight: Weight,
    /// Distinct terms, as folded.
    pub(crate) terms: u32,
}

/// What a word of a term is to terms.
#[derive(Default)]
struct Uses {
    /// Terms that are this word.
    whole: Vec<u32>,
    /// Terms that are this piece of a word.
    pieces: Vec<Piece>,
    /// Terms of several words begin with it: where their path has got to.
    begins: Option<u32>,
    /// Or with a word of the text that ends with it.
    end_begins: Option<u32>,
    /// Terms go on with it.
    goes_on: bool,
    /// Terms end with what a word of the text begins with.
    start_goes_on: bool,
}

#[derive(Clone, Copy)]
struct Piece {
    term: u32,
    /// It is at the beginning of its word.
    at_start: bool,
    at_end: bool,
}

/// What a word of the text is to terms of several words that were begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Symbol(u32);

impl Symbol {
    /// It is the word of a term.
    fn whole(word: u32) -> Self {
        Self(2 * word)
    }

    /// It begins with the last word of a term.
    fn begins_with(word: u32) -> Self {
        Self(2 * word + 1)
    }

    /// A set of one, among sets that may overlap by accident.
    fn mask(self) -> u64 {
        1 << (u64::from(self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
    }
}

/// Terms of several words, from the second word on: tries, whose roots [`Uses`] has.
#[derive(Default)]
struct Sequences {
    edges: HashMap<(u32, u32), u32, WordHash>,
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    terms: Vec<u32>,
    /// The symbols that lead on.
    mask: u64,
}

impl Sequences {
    fn child(&self, node: u32, symbol: Symbol) -> Option<u32> {
        self.edges.get(&(node, symbol.0)).copied()
    }

    fn node(&mut self) -> u32 {
        self.nodes.push(Node::default());
        self.nodes.len() as u32 - 1
    }

    fn insert(&mut self, mut node: u32, path: impl Iterator<Item = Symbol>, term: u32) {
        for symbol in path {
            self.nodes[node as usize].mask |= symbol.mask();
            node = match self.child(node, symbol) {
                Some(child) => child,
                None => {
                    let child = self.node();
                    self.edges.insert((node, symbol.0), child);
                    child
                }
            };
        }
        self.nodes[node as usize].terms.push(term);
    }
}

/// A term as it is looked for.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Term {
    words: Vec<String>,
    /// The first word is a whole one.
    starts_word: bool,
    ends_word: bool,
}

impl Term {
    /// Folds a term. `None` where too little is left of it: `a+`, of which only the `a` is a word, would
    /// be found in most texts.
    pub(super) fn fold(text: &str) -> Option<Self> {
        let (mut words, mut last): (Vec<String>, _) = (Vec::new(), None);
        let (mut before, mut after) = (Edge::Piece, Edge::Piece);
        for character in text.chars() {
            fold(character, |folded| {
                let Some(run) = Run::of(folded) else {
                    let edge = if folded.is_whitespace() { Edge::Space } else { Edge::Symbol };
                    let side = if words.is_empty() { &mut before } else { &mut after };
                    *side = (*side).max(edge);
                    last = None;
                    return;
                };
                after = Edge::Piece;
                let (run, continues) = run.after(last);
                last = Some(run);
                match words.last_mut() {
                    Some(word) if continues => word.push(folded),
                    _ => words.push(folded.into()),
                }
            });
        }
        let symbols = before == Edge::Symbol || after == Edge::Symbol;
        let letters: usize = words.iter().map(|word| word.chars().count()).sum();
        if words.is_empty() || symbols && letters < 3 {
            return None;
        }
        let alone = |word: Option<&String>| {
            word.and_then(|word| word.chars().next()).and_then(Run::of) == Some(Run::Alone)
        };
        Some(Self {
            starts_word: symbols || before == Edge::Space || alone(words.first()),
            ends_word: symbols || after == Edge::Space || alone(words.last()),
            words,
        })
    }
}

/// What stands at an end of a term.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    /// A letter: the word may go on.
    Piece,
    Space,
    /// Something that no word has: what is left is words.
    Symbol,
}

impl PhraseIndex {
    /// Builds the index of a section that was checked.
    pub(crate) fn build(section: &[u8]) -> Self {
        let mut building = Building::default();
        for (number, phrase) in Patterns::each(section).map_while(Result::ok).enumerate() {
            let (rule_set, text) = phrase;
            if let Ok(phrase) = text.parse::<Phrase>() {
                building.add(number as u32, rule_set, &phrase);
            }
        }
        building.finish()
    }

    /// A phrase by its index.
    pub(crate) fn phrase(&self, index: u32) -> &IndexedPhrase {
        &self.phrases[index as usize]
    }

    /// Indices of the phrases that have all their terms among those found, in order.
    pub(crate) fn complete(&self, found: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut with_a_term: Vec<u32> =
            found.flat_map(|term| self.phrases_of.get(term)).copied().collect();
        with_a_term.sort_unstable();
        let same = with_a_term.chunk_by(|a, b| a == b);
        let complete = same.filter(|same| self.phrase(same[0]).terms as usize == same.len());
        complete.map(|same| same[0]).collect()
    }

    /// True when the phrase of that index has the term.
    pub(crate) fn has_term(&self, index: u32, term: u32) -> bool {
        self.phrases_of.get(term).binary_search(&index).is_ok()
    }

    /// Octets of heap, about.
    pub(crate) fn memory(&self) -> usize {
        let words = self.words.keys().map(|word| word.len()).sum::<usize>()
            + self.words.capacity() * (size_of::<(Box<str>, u32)>() + 1);
        let uses = self.uses.capacity() * size_of::<Uses>();
        let used = self
            .uses
            .iter()
            .map(|uses| 4 * uses.whole.capacity() + size_of::<Piece>() * uses.pieces.capacity());
        let edges = self.sequences.edges.capacity() * (size_of::<((u32, u32), u32)>() + 1);
        let nodes = self.sequences.nodes.capacity() * size_of::<Node>();
        let ends = self.sequences.nodes.iter().map(|node| 4 * node.terms.capacity()).sum::<usize>();
        let pieces = self.pieces.as_ref().map_or(0, AhoCorasick::memory_usage);
        let phrases = self.phrases.capacity() * size_of::<IndexedPhrase>();
        self.folder.memory()
            + words
            + uses
            + used.sum::<usize>()
            + edges
            + nodes
            + ends
            + pieces
            + 4 * self.piece_words.capacity()
            + phrases
            + self.phrases_of.memory()
    }

    /// What a word is to terms, and its number, if it is of one.
    fn word(&self, folded: &str) -> Option<(u32, &Uses)> {
        let number = *self.words.get(folded)?;
        Some((number, &self.uses[number as usize]))
    }

    fn terms(&self) -> usize {
        self.phrases_of.len()
    }
}

/// An index in the making.
struct Building {
    index: PhraseIndex,
    terms: HashMap<Term, u32>,
    /// Term and phrase.
    memberships: Vec<(u32, u32)>,
}

impl Default for Building {
    fn default() -> Self {
        let index = PhraseIndex {
            folder: Folder::new(),
            phrases: Vec::new(),
            phrases_of: Lists::default(),
            words: HashMap::default(),
            uses: Vec::new(),
            pieces: None,
            piece_words: Vec::new(),
            longest_word: 0,
            part: 0,
            sequences: Sequences::default(),
        };
        Self { index, terms: HashMap::new(), memberships: Vec::new() }
    }
}

impl Building {
    fn add(&mut self, number: u32, rule_set: u32, phrase: &Phrase) {
        let folded: Option<Vec<Term>> = phrase.terms().map(Term::fold).collect();
        // One of its terms is never found: nor is the phrase.
        let Some(folded) = folded else { return };
        let mut terms: Vec<u32> = folded.into_iter().map(|term| self.term(term)).collect();
        terms.sort_unstable();
        terms.dedup();
        let index = self.index.phrases.len() as u32;
        self.memberships.extend(terms.iter().map(|&term| (term, index)));
        self.index.phrases.push(IndexedPhrase {
            number,
            rule_set,
            weight: phrase.weight(),
            terms: terms.len() as u32,
        });
    }

    fn term(&mut self, term: Term) -> u32 {
        if let Some(&number) = self.terms.get(&term) {
            return number;
        }
        let number = self.terms.len() as u32;
        match &*term.words {
            [word] => {
                let word = self.word(word);
                let uses = &mut self.index.uses[word as usize];
                let (at_start, at_end) = (term.starts_word, term.ends_word);
                match at_start && at_end {
                    true => uses.whole.push(number),
                    false => uses.pieces.push(Piece { term: number, at_start, at_end }),
                }
            }
            [first, rest @ ..] => {
                let first = self.word(first) as usize;
                let path: Vec<Symbol> = rest
                    .iter()
                    .enumerate()
                    .map(|(place, word)| {
                        let word = self.word(word);
                        let uses = &mut self.index.uses[word as usize];
                        if place + 1 == rest.len() && !term.ends_word {
                            uses.start_goes_on = true;
                            Symbol::begins_with(word)
                        } else {
                            uses.goes_on = true;
                            Symbol::whole(word)
                        }
                    })
                    .collect();
                let PhraseIndex { uses, sequences, .. } = &mut self.index;
                let root = match term.starts_word {
                    true => &mut uses[first].begins,
                    false => &mut uses[first].end_begins,
                };
                let root = *root.get_or_insert_with(|| sequences.node());
                sequences.insert(root, path.into_iter(), number);
            }
            [] => {}
        }
        self.terms.insert(term, number);
        number
    }

    fn word(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.index.words.get(word) {
            return number;
        }
        let number = self.index.uses.len() as u32;
        self.index.words.insert(word.into(), number);
        self.index.uses.push(Uses::default());
        number
    }

    fn finish(mut self) -> PhraseIndex {
        let is_piece = |uses: &Uses| {
            !uses.pieces.is_empty() || uses.end_begins.is_some() || uses.start_goes_on
        };
        let mut pieces: Vec<(&str, u32)> =
            self.index.words.iter().map(|(word, &n)| (&**word, n)).collect();
        pieces.retain(|&(_, word)| is_piece(&self.index.uses[word as usize]));
        pieces.sort_unstable();
        self.index.longest_word = self.index.words.keys().map(|word| word.len()).max().unwrap_or(0);
        self.index.part = 2 * self.index.longest_word.max(512);
        self.index.piece_words = pieces.iter().map(|&(_, word)| word).collect();
        if !pieces.is_empty() {
            let octets: usize = pieces.iter().map(|(word, _)| word.len()).sum();
            let kind = match octets <= MAX_DENSE {
                true => AhoCorasickKind::DFA,
                false => AhoCorasickKind::ContiguousNFA,
            };
            let automaton = AhoCorasick::builder()
                .kind(Some(kind))
                .build(pieces.iter().map(|(word, _)| word))
                .expect("phrases of 16 MiB have fewer states than an automaton may");
            self.index.pieces = Some(automaton);
        }
        self.index.phrases_of = Lists::new(self.terms.len(), &mut self.memberships);
        self.index
    }
}

/// A list of numbers for each number.
#[derive(Default)]
struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    fn new(count: usize, pairs: &mut [(u32, u32)]) -> Self {
        pairs.sort_unstable();
        let start = |number: usize| pairs.partition_point(|pair| (pair.0 as usize) < number) as u32;
        let starts = (0..=count).map(start).collect();
        Self { starts, items: pairs.iter().map(|pair| pair.1).collect() }
    }

    fn get(&self, number: u32) -> &[u32] {
        let number = number as usize;
        let (Some(&start), Some(&end)) = (self.starts.get(number), self.starts.get(number + 1))
        else {
            return &[];
        };
        &self.items[start as usize..end as usize]
    }

    fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    fn memory(&self) -> usize {
        4 * (self.starts.capacity() + self.items.capacity())
    }
}

type WordHash = BuildHasherDefault<WordHasher>;

/// A fast hash of words. The tables are filled from lists and only read for texts, so that whoever
/// writes a text cannot make them slow.
#[derive(Default)]
struct WordHasher(u64);

impl WordHasher {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl Hasher for WordHasher {
    fn write(&mut self, octets: &[u8]) {
        let (words, rest) = octets.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        let rest = rest.iter().rev().fold(0, |word, &octet| word << 8 | u64::from(octet));
        self.mix(rest);
    }

    fn write_u8(&mut self, octet: u8) {
        self.0 ^= u64::from(octet);
    }

    fn write_u32(&mut self, word: u32) {
        self.mix(u64::from(word));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms() {
        let term = |words: &[&str], starts_word, ends_word| {
            let words = words.iter().map(|&word| word.to_owned()).collect();
            Some(Term { words, starts_word, ends_word })
        };
        let cases = [
            (" sex ", term(&["sex"], true, true)),
            ("Sexe", term(&["sexe"], false, false)),
            (" porno", term(&["porno"], true, false)),
            ("porno ", term(&["porno"], false, true)),
            (" vidéo  de sexe ", term(&["video", "de", "sexe"], true, true)),
            (" cul-de-sac ", term(&["cul", "de", "sac"], true, true)),
            (" l'anus ", term(&["l", "anus"], true, true)),
            ("pois\u{ad}son", term(&["poisson"], false, false)),
            // What is not of words is where they end.
            ("?q=sex&", term(&["q", "sex"], true, true)),
            ("100% porn", term(&["100", "porn"], false, false)),
            ("c++", None),
            ("a$$", None),
            (" x! ", None),
            ("色情", term(&["色", "情"], true, true)),
            ("ポルノ", term(&["ホ\u{309a}ルノ"], false, false)),
            ("無料セックス", term(&["無", "料", "セックス"], true, false)),
            ("ﾎﾟﾙﾉ", term(&["ホ\u{309a}ルノ"], false, false)),
        ];
        for (text, expected) in cases {
            assert_eq!(Term::fold(text), expected, "{text:?}");
        }
    }
}
