//! One pass over a text: which terms are in it, and where.
//!
//! Texts repeat their words. What a token means to the terms depends on nothing but its octets, so it
//! is worked out when the token is first met, and remembered in a table: for most tokens, nothing at all.
//! A token that was met before costs one look into that table.
//! A term counts once a text, so that those of one word are found as their token is first met; what is
//! remembered is only what matters to terms of several words, and to words that are spelled out.
//!
//! The table forgets as it fills, and the rest has bounds too, so that memory is bounded and time is
//! linear in the text, whatever it holds.

use std::{mem, ops::Range};

use aho_corasick::automaton::OverlappingState;

use super::{
    PhraseIndex, Piece, Sequences, Symbol,
    fold::{Folded, Run},
    readings::Disguised,
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
    /// What would go on with a term of several words: an overlapping set of [`Symbol`]s. Most words are
    /// not in it.
    awaited: u64,
    /// Where terms begin with the word before.
    before: Before,
    /// Terms of which two words or more were found, up to here.
    begun: Vec<Begun>,
    begun_before: Vec<Begun>,
    spelled: Spelled,

    // Of the token that is looked at.
    word: Word,
    cluster: Cluster,
    meaning: WordMeaning,
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

/// The word before.
#[derive(Default)]
struct Before {
    start: usize,
    /// Among the numbers of the records: nodes.
    begins: Range<u32>,
}

/// The beginning of a term, as far as a node.
#[derive(Clone, Copy)]
struct Begun {
    node: u32,
    start: usize,
}

/// What a word is to terms of several words, and to spelled ones.
#[derive(Default)]
struct WordMeaning {
    goes_on: Vec<Symbol>,
    begins: Vec<u32>,
    letter: Option<char>,
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
            awaited: 0,
            before: Before::default(),
            begun: Vec::new(),
            begun_before: Vec::new(),
            spelled: Spelled::default(),
            word: Word::default(),
            cluster: Cluster::default(),
            meaning: WordMeaning::default(),
        }
    }

    #[inline]
    fn token(&mut self, start: usize, end: usize) {
        let length = end - start;
        if length > Key::MAX {
            self.parts(start, end);
            return;
        }
        let key = Key::read(self.text, start, length);
        match self.known.get(key) {
            Meaning::NO_WORD => {}
            Meaning::HARMLESS => self.harmless_word(),
            Meaning::UNKNOWN => self.parts(start, end),
            Meaning(word) if word & Meaning::SEVERAL == 0 => {
                self.next_word(self.known.records.words[word as usize], start);
            }
            Meaning(words) => self.recall(words, start),
        }
    }

    /// A token that is not known as a whole: what common punctuation beyond ASCII parts it into. Words
    /// with an apostrophe or a quotation mark are not to be worked out apart from those without.
    #[inline(never)]
    fn parts(&mut self, start: usize, end: usize) {
        let (mut from, mut at) = (start, start);
        while at < end {
            match punctuation(&self.text[at..end]) {
                0 => at += 1,
                length => {
                    self.part(from, at);
                    at += length;
                    from = at;
                }
            }
        }
        self.part(from, end);
    }

    fn part(&mut self, start: usize, end: usize) {
        let length = end - start;
        if length == 0 {
            return;
        }
        if length > Key::MAX {
            self.read_long(start, end);
            return;
        }
        let key = Key::read(self.text, start, length);
        match self.known.get(key) {
            Meaning::UNKNOWN => self.read_first(key, start, end),
            _ => self.token(start, end),
        }
    }

    /// A word that no term has ends everything that was begun.
    #[inline]
    fn harmless_word(&mut self) {
        self.awaited = 0;
        self.begun.clear();
        if !self.spelled.letters.is_empty() {
            self.spelled_out();
        }
    }

    /// Looks at a token, and remembers what it means.
    #[inline(never)]
    fn read_first(&mut self, key: Key, start: usize, end: usize) {
        self.forget_if_full();
        self.known.begin(start);
        self.read(start, end);
        self.known.remember(key);
    }

    /// Looks at a token that is not remembered.
    #[inline(never)]
    fn read_long(&mut self, start: usize, end: usize) {
        self.known.recording = None;
        self.read(start, end);
    }

    /// Does again what a token of several words did.
    #[inline(never)]
    fn recall(&mut self, words: u32, start: usize) {
        let words = self.known.records.tokens[(words & !Meaning::SEVERAL) as usize].clone();
        for word in words {
            self.next_word(self.known.records.words[word as usize], start);
        }
    }

    fn forget_if_full(&mut self) {
        let records = &self.known.records;
        if records.numbers.len().max(records.words.len()) > Known::MOST_RECORDED {
            let begins = self.known.forget(&self.before.begins);
            self.before.begins = begins;
        }
    }

    /// Looks at a token: its words as they stand, and as they may be read.
    fn read(&mut self, start: usize, end: usize) {
        let (index, text) = (self.index, self.text);
        let mut at = start;
        for chunk in text[start..end].utf8_chunks() {
            for (offset, character) in chunk.valid().char_indices() {
                let from = at + offset;
                let to = from + character.len_utf8();
                index.folder.fold(character, |folded| self.character(folded, from, to));
            }
            at += chunk.valid().len() + chunk.invalid().len();
            if !chunk.invalid().is_empty() {
                self.end_cluster();
            }
        }
        self.end_cluster();
    }

    #[inline]
    fn character(&mut self, folded: Folded, from: usize, to: usize) {
        let Some(run) = folded.run() else {
            return match folded.is_symbol() {
                true => self.symbol(folded.character()),
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
        self.word.is_suspect |= folded.is_suspect();
        self.word.folded.push(folded.character());
        if self.word.folded.len() >= self.index.part {
            self.pass_on();
        }
        if self.cluster.characters.is_empty() {
            self.cluster.start = from;
        }
        self.cluster.characters.push(folded.character());
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
        self.pieces(&word.folded, &at, !word.is_long, true);
        if !word.is_long {
            self.whole(&word, &at);
            let mut characters = word.folded.chars();
            if let (Some(Run::Letters), Some(first), None) =
                (word.run, characters.next(), characters.next())
            {
                self.meaning.letter = Some(first);
            }
        }
        if self.known.recording.is_none() {
            self.forget_if_full();
        }
        let from = self.known.recording.unwrap_or(at.start);
        match self.known.record(&at, from, &self.index.sequences, &self.meaning) {
            Some(recorded) => self.next_word(recorded, from),
            None => self.harmless_word(),
        }
        self.meaning.goes_on.clear();
        self.meaning.begins.clear();
        self.meaning.letter = None;
        self.word = Word { folded: cleared(word.folded), ..Word::default() };
    }

    /// The word as it stands, and as it may be read.
    fn whole(&mut self, word: &Word, at: &Range<usize>) {
        let index = self.index;
        if let Some((number, uses)) = index.word(&word.folded) {
            uses.whole.iter().for_each(|&term| self.found.add(term, at.clone(), false));
            self.meaning.begins.extend(uses.begins);
            if uses.goes_on {
                self.meaning.goes_on.push(Symbol::whole(number));
            }
        }
        if word.is_suspect {
            let mut characters = Disguised::default();
            word.folded.chars().for_each(|character| characters.push(character));
            let (found, meaning) = (&mut self.found, &mut self.meaning);
            characters.read(|reading| {
                found_whole(index, found, reading, at);
                if let Some((number, uses)) = index.word(reading) {
                    meaning.begins.extend(uses.begins);
                    meaning.begins.extend(uses.end_begins);
                    if uses.goes_on {
                        meaning.goes_on.push(Symbol::whole(number));
                    }
                    if uses.start_goes_on {
                        meaning.goes_on.push(Symbol::begins_with(number));
                    }
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
            if ends {
                self.meaning.begins.extend(uses.end_begins);
            }
            if starts && uses.start_goes_on {
                self.meaning.goes_on.push(Symbol::begins_with(number));
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

    /// A word that terms have: of a token that begins at `from`.
    #[inline]
    fn next_word(&mut self, word: RecordedWord, from: usize) {
        let start = from + word.start as usize;
        if word.goes_on_mask & self.awaited != 0 {
            self.go_on(word, from);
        } else {
            self.begun.clear();
            self.awaited = 0;
        }
        self.awaited |= word.begins_mask;
        self.before = Before { start, begins: word.begins..word.end_of_begins };
        match word.letter {
            Some(letter) => self.spell(letter, &(start..from + word.end as usize)),
            None if self.spelled.letters.is_empty() => {}
            None => self.spelled_out(),
        }
    }

    /// Goes on with terms of several words that were begun.
    #[inline(never)]
    fn go_on(&mut self, word: RecordedWord, from: usize) {
        let end = from + word.end as usize;
        let sequences = &self.index.sequences;
        mem::swap(&mut self.begun, &mut self.begun_before);
        self.begun.clear();
        self.awaited = 0;
        let numbers = &self.known.records.numbers;
        let first = self.before.start;
        let begins =
            numbers[self.before.begins.start as usize..self.before.begins.end as usize].iter();
        let begins = begins.map(|&node| Begun { node, start: first });
        for Begun { node, start } in begins.chain(self.begun_before.iter().copied()) {
            for &symbol in &numbers[word.goes_on as usize..word.begins as usize] {
                let Some(node) = sequences.child(node, Symbol(symbol)) else { continue };
                let reached = &sequences.nodes[node as usize];
                for &term in &reached.terms {
                    self.found.add(term, start..end, false);
                }
                if reached.mask != 0 {
                    self.begun.push(Begun { node, start });
                    self.awaited |= reached.mask;
                }
            }
        }
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

/// Octets of the punctuation mark that a text begins with, of those that often touch words.
fn punctuation(text: &[u8]) -> usize {
    match text {
        // No-break space, guillemets.
        [0xc2, 0xa0 | 0xab | 0xbb, ..] => 2,
        // Dashes, quotation marks, the apostrophe, the ellipsis.
        [0xe2, 0x80, 0x93 | 0x94 | 0x98 | 0x99 | 0x9c | 0x9d | 0xa6, ..] => 3,
        _ => 0,
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
    /// Where the token begins whose words are recorded to be remembered.
    recording: Option<usize>,
    recorded: Recorded,
}

/// Of the token whose words are recorded.
#[derive(Clone, Copy, Default)]
struct Recorded {
    first: u32,
    words: u32,
    /// One of its words is something to terms.
    is_of_terms: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    key: Key,
    meaning: Meaning,
}

/// What a token is to terms: one of the constants; the number of a word; with [`Self::SEVERAL`], the number
/// of a token of several.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Meaning(u32);

impl Meaning {
    const UNKNOWN: Self = Self(u32::MAX);
    /// It has no word: as if it were not there.
    const NO_WORD: Self = Self(u32::MAX - 1);
    /// None of its words is in a term of several words, or a letter by itself.
    const HARMLESS: Self = Self(u32::MAX - 2);
    const SEVERAL: u32 = 1 << 31;
}

/// What words are to terms of several words, and to spelled ones.
#[derive(Default)]
struct Records {
    words: Vec<RecordedWord>,
    /// Symbols and nodes.
    numbers: Vec<u32>,
    /// Tokens of several words.
    tokens: Vec<Range<u32>>,
}

#[derive(Clone, Copy)]
struct RecordedWord {
    /// Where its numbers are: first the symbols that it goes on with, then the nodes that it begins with.
    goes_on: u32,
    begins: u32,
    end_of_begins: u32,
    letter: Option<char>,
    /// Masks of the symbols that go on with a term here, and behind it.
    goes_on_mask: u64,
    begins_mask: u64,
    /// Octets from the token's start.
    start: u32,
    end: u32,
}

impl Known {
    /// Most entries: 3 MB. What texts say most often stays in the processor's caches by itself.
    const MOST: usize = 1 << 17;
    /// Numbers of records beyond which all is forgotten.
    const MOST_RECORDED: usize = 1 << 16;

    fn new(text: usize) -> Self {
        let entries = (text / 16).next_power_of_two().clamp(16, Self::MOST);
        Self {
            entries: vec![Entry::EMPTY; entries],
            records: Records::default(),
            recording: None,
            recorded: Recorded::default(),
        }
    }

    #[inline]
    fn get(&self, key: Key) -> Meaning {
        let entry = &self.entries[key.hash() as usize & (self.entries.len() - 1)];
        if entry.key == key { entry.meaning } else { Meaning::UNKNOWN }
    }

    /// The words that follow are those of one token.
    fn begin(&mut self, start: usize) {
        self.recording = Some(start);
        self.recorded = Recorded { first: self.records.words.len() as u32, ..Recorded::default() };
    }

    /// Records a word. `None` where it is nothing to anything.
    fn record(
        &mut self,
        at: &Range<usize>,
        from: usize,
        sequences: &Sequences,
        meaning: &WordMeaning,
    ) -> Option<RecordedWord> {
        let WordMeaning { goes_on, begins, letter } = meaning;
        self.recorded.words += 1;
        let is_harmless = goes_on.is_empty() && begins.is_empty() && letter.is_none();
        self.recorded.is_of_terms |= !is_harmless;
        // Within a token of several words it stands between the others.
        if is_harmless && self.recording.is_none() {
            return None;
        }
        let numbers = &mut self.records.numbers;
        let goes_on_from = numbers.len() as u32;
        numbers.extend(goes_on.iter().map(|symbol| symbol.0));
        let begins_from = numbers.len() as u32;
        numbers.extend(begins);
        let word = RecordedWord {
            goes_on: goes_on_from,
            begins: begins_from,
            end_of_begins: numbers.len() as u32,
            letter: *letter,
            goes_on_mask: goes_on.iter().fold(0, |mask, symbol| mask | symbol.mask()),
            begins_mask: begins
                .iter()
                .fold(0, |mask, &node| mask | sequences.nodes[node as usize].mask),
            start: u32::try_from(at.start - from).unwrap_or(u32::MAX),
            end: u32::try_from(at.end - from).unwrap_or(u32::MAX),
        };
        if self.recording.is_some() {
            self.records.words.push(word);
        }
        Some(word)
    }

    /// There are no more words in the token.
    fn remember(&mut self, key: Key) {
        let Recorded { first, words, is_of_terms } = self.recorded;
        let meaning = match words {
            0 => Meaning::NO_WORD,
            _ if !is_of_terms => {
                self.records.words.truncate(first as usize);
                Meaning::HARMLESS
            }
            1 => Meaning(first),
            _ => {
                self.records.tokens.push(first..first + words);
                Meaning((self.records.tokens.len() as u32 - 1) | Meaning::SEVERAL)
            }
        };
        self.recording = None;
        let place = key.hash() as usize & (self.entries.len() - 1);
        self.entries[place] = Entry { key, meaning };
    }

    /// Forgets everything but some numbers, and says where they are then.
    #[cold]
    fn forget(&mut self, keep: &Range<u32>) -> Range<u32> {
        let Records { words, numbers, tokens } = &mut self.records;
        words.clear();
        tokens.clear();
        numbers.truncate(keep.end as usize);
        numbers.drain(..keep.start as usize);
        self.entries.fill(Entry::EMPTY);
        0..numbers.len() as u32
    }
}

impl Entry {
    const EMPTY: Self = Self { key: Key::NONE, meaning: Meaning::UNKNOWN };
}
