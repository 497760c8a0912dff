//! One pass over a text: which terms are in it, and where.
//!
//! Texts repeat their words. What a token means to the terms depends on nothing but its octets, so it
//! is worked out when the token is first met and remembered in a table that fits the processor's second
//! cache: for most tokens, nothing at all. A token that was met before costs one look into that table.
//! A term counts once a text, so that those of one word are found as their token is first met; what is
//! remembered is only what matters to terms of several words, and to words that are spelled out.
//!
//! The table forgets as it fills, and the rest has bounds too, so that memory is bounded and time is
//! linear in the text, whatever it holds.

use std::{mem, ops::Range};

use aho_corasick::automaton::OverlappingState;

use super::{
    PhraseIndex, Piece, Sequences, Symbol,
    fold::Run,
    readings::{Disguised, is_suspect, is_symbol},
    tokens::{Key, each_token},
};

/// A term that a text has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) term: u32,
    /// Where it was first found: octets of the text, whole words.
    pub(crate) at: Range<usize>,
    /// It was not there as it stands, but read so.
    pub(crate) disguised: bool,
}

/// Finds every term of the index in a text, each once.
pub(crate) fn search(index: &PhraseIndex, text: &[u8]) -> Vec<Hit> {
    let mut search = Search::new(index, text);
    each_token(text, |start, end| search.token(start, end));
    search.spelled_out();
    search.found.hits
}

struct Search<'s> {
    index: &'s PhraseIndex,
    text: &'s [u8],
    found: Found,
    known: Known,
    /// Something was begun that the next word goes on with, or ends.
    is_open: bool,
    /// Beginnings of terms of several words, that reach up to here.
    begun: Vec<Begun>,
    /// Of the word before.
    begun_before: Vec<Begun>,
    spelled: Spelled,

    // Of the token that is looked at.
    word: Word,
    cluster: Cluster,
    symbols: Vec<Symbol>,
    /// Its words are kept for the next time.
    records: bool,
}

/// Terms that were found.
struct Found {
    /// A bit for each term.
    seen: Vec<u64>,
    hits: Vec<Hit>,
}

impl Found {
    #[inline]
    fn add(&mut self, term: u32, at: Range<usize>, disguised: bool) {
        let Some(seen) = self.seen.get_mut(term as usize / 64) else { return };
        let bit = 1 << (term % 64);
        if *seen & bit == 0 {
            *seen |= bit;
            self.hits.push(Hit { term, at, disguised });
        }
    }
}

/// The beginning of a term, as far as a node.
#[derive(Clone, Copy)]
struct Begun {
    node: u32,
    start: usize,
}

/// Letters that stand alone, with the same between each.
#[derive(Default)]
struct Spelled {
    letters: Disguised,
    start: usize,
    end: usize,
    gap: Range<usize>,
}

/// The word that is being read.
#[derive(Default)]
struct Word {
    folded: String,
    start: usize,
    end: usize,
    run: Option<Run>,
    /// It may be read otherwise than it stands.
    is_suspect: bool,
    /// Its beginning was looked at and left: it is longer than any of a term.
    is_long: bool,
}

/// Words and symbols with nothing between.
#[derive(Default)]
struct Cluster {
    characters: Disguised,
    start: usize,
    end: usize,
    has_symbol: bool,
}

impl<'s> Search<'s> {
    fn new(index: &'s PhraseIndex, text: &'s [u8]) -> Self {
        Self {
            index,
            text,
            found: Found { seen: vec![0; index.terms().div_ceil(64)], hits: Vec::new() },
            known: Known::new(text.len()),
            is_open: false,
            begun: Vec::new(),
            begun_before: Vec::new(),
            spelled: Spelled::default(),
            word: Word::default(),
            cluster: Cluster::default(),
            symbols: Vec::new(),
            records: false,
        }
    }

    #[inline]
    fn token(&mut self, start: usize, end: usize) {
        let length = end - start;
        if length > Key::MAX {
            self.read(start, end);
            return;
        }
        let key = Key::read(self.text, start, length);
        match self.known.get(key) {
            Meaning::NO_WORD => {}
            Meaning::HARMLESS => {
                if self.is_open {
                    self.harmless_word();
                }
            }
            Meaning::UNKNOWN => self.read_first(key, start, end),
            Meaning(record) => self.recall(record, start),
        }
    }

    /// A word that no term has ends everything that was begun.
    fn harmless_word(&mut self) {
        self.begun.clear();
        self.spelled_out();
        self.is_open = false;
    }

    /// Looks at a token, and remembers what it means.
    #[inline(never)]
    fn read_first(&mut self, key: Key, start: usize, end: usize) {
        self.records = true;
        self.known.begin(start);
        self.read(start, end);
        self.records = false;
        self.known.remember(key);
    }

    /// Does again what a token's words did.
    #[inline(never)]
    fn recall(&mut self, record: u32, start: usize) {
        let records = mem::take(&mut self.known.records);
        for word in records.words(record) {
            let at = start + usize::from(word.start)..start + usize::from(word.end);
            self.next_word(at, records.symbols(word), word.letter);
        }
        self.known.records = records;
    }

    /// Looks at a token: its words as they stand, and as they may be read.
    fn read(&mut self, start: usize, end: usize) {
        let (index, text) = (self.index, self.text);
        let mut at = start;
        for chunk in text[start..end].utf8_chunks() {
            for (offset, character) in chunk.valid().char_indices() {
                let from = at + offset;
                let to = from + character.len_utf8();
                if character.is_ascii() {
                    self.character(character.to_ascii_lowercase(), from, to);
                } else {
                    index.folder.fold(character, |folded| self.character(folded, from, to));
                }
            }
            at += chunk.valid().len() + chunk.invalid().len();
            if !chunk.invalid().is_empty() {
                self.end_cluster();
            }
        }
        self.end_cluster();
    }

    #[inline]
    fn character(&mut self, folded: char, from: usize, to: usize) {
        let Some(run) = Run::of(folded) else {
            return match is_symbol(folded) {
                true => self.symbol(folded),
                false => self.end_cluster(),
            };
        };
        let (run, continues) = run.after(self.word.run);
        if !continues {
            self.end_word();
            self.word.start = from;
        }
        self.word.run = Some(run);
        self.word.end = to;
        self.word.is_suspect |= is_suspect(folded);
        self.word.folded.push(folded);
        if self.word.folded.len() >= self.index.part {
            self.pass_on();
        }
        if self.cluster.characters.is_empty() {
            self.cluster.start = from;
        }
        self.cluster.characters.push(folded);
        self.cluster.end = to;
    }

    fn symbol(&mut self, folded: char) {
        self.end_word();
        if !self.cluster.characters.is_empty() {
            self.cluster.characters.push(folded);
            self.cluster.has_symbol = true;
        }
    }

    /// Past a word, and past what symbols joined to it.
    fn end_cluster(&mut self) {
        self.end_word();
        if self.cluster.has_symbol {
            self.cluster.characters.trim_symbols();
            if self.cluster.characters.has_symbol() {
                let at = self.cluster.start..self.cluster.end;
                let (index, found) = (self.index, &mut self.found);
                self.cluster.characters.read(|reading| found_whole(index, found, reading, &at));
            }
        }
        self.cluster.characters.clear();
        self.cluster.has_symbol = false;
    }

    fn end_word(&mut self) {
        if self.word.run.is_none() {
            return;
        }
        let word = mem::take(&mut self.word);
        let at = word.start..word.end;
        let mut letter = None;
        self.pieces(&word.folded, &at, !word.is_long, true);
        if !word.is_long {
            self.whole(&word, &at);
            let mut characters = word.folded.chars();
            if let (Some(Run::Letters), Some(first), None) =
                (word.run, characters.next(), characters.next())
            {
                letter = Some(first);
            }
        }
        let symbols = mem::take(&mut self.symbols);
        if self.records {
            self.known.word(&at, &symbols, letter);
        }
        self.next_word(at, &symbols, letter);
        self.symbols = symbols;
        self.symbols.clear();
        self.word = Word { folded: cleared(word.folded), ..Word::default() };
    }

    /// The word as it stands, and as it may be read.
    fn whole(&mut self, word: &Word, at: &Range<usize>) {
        let index = self.index;
        if let Some((number, uses)) = index.word(&word.folded) {
            uses.whole.iter().for_each(|&term| self.found.add(term, at.clone(), false));
            if uses.in_sequence {
                self.symbols.push(Symbol::whole(number));
            }
        }
        if word.is_suspect {
            let mut characters = Disguised::default();
            word.folded.chars().for_each(|character| characters.push(character));
            let (found, symbols) = (&mut self.found, &mut self.symbols);
            characters.read(|reading| {
                found_whole(index, found, reading, at);
                if let Some((number, uses)) = index.word(reading) {
                    let used = [
                        (uses.in_sequence, Symbol::whole(number)),
                        (uses.begins_sequence, Symbol::ends_with(number)),
                        (uses.ends_sequence, Symbol::begins_with(number)),
                    ];
                    symbols.extend(used.into_iter().filter(|used| used.0).map(|used| used.1));
                }
            });
        }
    }

    /// The pieces of words that are in a word, or in a part of a long one.
    fn pieces(&mut self, folded: &str, at: &Range<usize>, from_start: bool, to_end: bool) {
        let index = self.index;
        let Some(pieces) = &index.pieces else { return };
        let mut state = OverlappingState::start();
        while pieces.try_find_overlapping(folded, &mut state).is_ok() {
            let Some(place) = state.get_match() else { return };
            let starts = from_start && place.start() == 0;
            let ends = to_end && place.end() == folded.len();
            let number = index.piece_words[place.pattern().as_usize()];
            let uses = &index.uses[number as usize];
            for &Piece { term, at_start, at_end } in &uses.pieces {
                if (starts || !at_start) && (ends || !at_end) {
                    self.found.add(term, at.clone(), false);
                }
            }
            if ends && uses.begins_sequence {
                self.symbols.push(Symbol::ends_with(number));
            }
            if starts && uses.ends_sequence {
                self.symbols.push(Symbol::begins_with(number));
            }
        }
    }

    /// Looks at what there is of a very long word, and keeps its end, where a piece may have begun.
    fn pass_on(&mut self) {
        let mut folded = mem::take(&mut self.word.folded);
        let at = self.word.start..self.word.end;
        self.pieces(&folded, &at, !self.word.is_long, false);
        let cut = folded.len() - self.index.longest_word;
        let cut = (cut..folded.len()).find(|&cut| folded.is_char_boundary(cut));
        folded.drain(..cut.unwrap_or(folded.len()));
        self.word.folded = folded;
        self.word.is_long = true;
    }

    /// Goes on with the terms of several words that were begun, and begins others.
    fn next_word(&mut self, at: Range<usize>, symbols: &[Symbol], letter: Option<char>) {
        let sequences = &self.index.sequences;
        mem::swap(&mut self.begun, &mut self.begun_before);
        self.begun.clear();
        for &symbol in symbols {
            let root = Begun { node: Sequences::ROOT, start: at.start };
            for &Begun { node, start } in self.begun_before.iter().chain([&root]) {
                let Some(node) = sequences.child(node, symbol) else { continue };
                let reached = &sequences.nodes[node as usize];
                for &term in &reached.terms {
                    self.found.add(term, start..at.end, false);
                }
                if reached.goes_on {
                    self.begun.push(Begun { node, start });
                }
            }
        }
        match letter {
            Some(letter) => self.spell(letter, &at),
            None => self.spelled_out(),
        }
        self.is_open = !self.begun.is_empty() || !self.spelled.letters.is_empty();
    }

    /// A letter by itself.
    fn spell(&mut self, letter: char, at: &Range<usize>) {
        let spelled = &self.spelled;
        let gap = spelled.end..at.start;
        let same = spelled.gap.is_empty()
            || self.text.get(gap.clone()) == self.text.get(spelled.gap.clone());
        if spelled.letters.is_empty() || gap.is_empty() || gap.len() > LONGEST_GAP || !same {
            self.spelled_out();
            self.spelled.start = at.start;
        } else {
            self.spelled.gap = gap;
        }
        self.spelled.letters.push(letter);
        self.spelled.end = at.end;
    }

    /// Past the last of the letters by themselves.
    fn spelled_out(&mut self) {
        let Self { index, found, spelled, .. } = self;
        if spelled.letters.is_empty() {
            return;
        }
        let at = spelled.start..spelled.end;
        spelled.letters.read_spelled_out(|reading| found_whole(index, found, reading, &at));
        spelled.letters.clear();
        spelled.gap = 0..0;
    }
}

/// Most octets between letters that are read as one word.
const LONGEST_GAP: usize = 8;

/// What is read differently from how it stands has to be the whole of a term's word.
fn found_whole(index: &PhraseIndex, found: &mut Found, reading: &str, at: &Range<usize>) {
    if let Some((_, uses)) = index.word(reading) {
        let pieces = uses.pieces.iter().map(|piece| piece.term);
        let terms = uses.whole.iter().copied().chain(pieces);
        terms.for_each(|term| found.add(term, at.clone(), true));
    }
}

fn cleared(mut text: String) -> String {
    text.clear();
    text
}

/// What tokens mean, as far as it is remembered.
struct Known {
    /// By a token's hash: the one that was seen last.
    entries: Vec<Entry>,
    records: Records,
    recording: Recording,
}

#[derive(Clone, Copy)]
struct Entry {
    key: Key,
    meaning: Meaning,
}

/// What a token is to terms: one of the constants, or the number of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Meaning(u32);

impl Meaning {
    const UNKNOWN: Self = Self(u32::MAX);
    /// It has no word: as if it were not there.
    const NO_WORD: Self = Self(u32::MAX - 1);
    /// None of its words is in a term of several words, or a letter by itself.
    const HARMLESS: Self = Self(u32::MAX - 2);
}

/// What the others did, word by word.
#[derive(Default)]
struct Records {
    /// By record: its words.
    tokens: Vec<Range<u32>>,
    words: Vec<RecordedWord>,
    symbols: Vec<Symbol>,
}

struct RecordedWord {
    /// Octets from the token's start.
    start: u8,
    end: u8,
    letter: Option<char>,
    symbols: Range<u32>,
}

impl Records {
    fn words(&self, record: u32) -> &[RecordedWord] {
        let Range { start, end } = self.tokens[record as usize];
        &self.words[start as usize..end as usize]
    }

    fn symbols(&self, word: &RecordedWord) -> &[Symbol] {
        &self.symbols[word.symbols.start as usize..word.symbols.end as usize]
    }
}

/// A token whose words are being kept.
#[derive(Default)]
struct Recording {
    start: usize,
    /// Recorded before it.
    words: usize,
    is_harmless: bool,
}

impl Known {
    /// As many octets as the second cache of most processors may spare.
    const MOST: usize = 1 << 14;
    /// Words of records, and their symbols, beyond which all is forgotten.
    const MOST_RECORDED: usize = 1 << 15;

    fn new(text: usize) -> Self {
        let entries = (text / 8).next_power_of_two().clamp(16, Self::MOST);
        Self {
            entries: vec![Entry::EMPTY; entries],
            records: Records::default(),
            recording: Recording::default(),
        }
    }

    #[inline]
    fn get(&self, key: Key) -> Meaning {
        let entry = &self.entries[key.hash() as usize & (self.entries.len() - 1)];
        if entry.key == key { entry.meaning } else { Meaning::UNKNOWN }
    }

    /// The words that follow are those of one token.
    fn begin(&mut self, start: usize) {
        self.recording = Recording { start, words: self.records.words.len(), is_harmless: true };
    }

    fn word(&mut self, at: &Range<usize>, symbols: &[Symbol], letter: Option<char>) {
        let from = self.records.symbols.len() as u32;
        self.records.symbols.extend_from_slice(symbols);
        self.records.words.push(RecordedWord {
            start: (at.start - self.recording.start) as u8,
            end: (at.end - self.recording.start) as u8,
            letter,
            symbols: from..self.records.symbols.len() as u32,
        });
        self.recording.is_harmless &= symbols.is_empty() && letter.is_none();
    }

    /// There are no more words in it.
    fn remember(&mut self, key: Key) {
        let Recording { words, is_harmless, .. } = self.recording;
        let records = &mut self.records;
        let meaning = if records.words.len() == words {
            Meaning::NO_WORD
        } else if is_harmless {
            records.words.truncate(words);
            Meaning::HARMLESS
        } else if records.words.len().max(records.symbols.len()) > Self::MOST_RECORDED {
            *records = Records::default();
            self.entries.fill(Entry::EMPTY);
            return;
        } else {
            records.tokens.push(words as u32..records.words.len() as u32);
            Meaning(records.tokens.len() as u32 - 1)
        };
        let place = key.hash() as usize & (self.entries.len() - 1);
        self.entries[place] = Entry { key, meaning };
    }
}

impl Entry {
    const EMPTY: Self = Self { key: Key::NONE, meaning: Meaning::UNKNOWN };
}
