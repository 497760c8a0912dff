//! Text screening by the book: every term is looked for at every word, every disguise is undone where it
//! stands. Shares nothing with the engine but the notation of phrases, and folds with another crate.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use filter_core::Phrase;
use unicode_normalization::{
    UnicodeNormalization,
    char::{canonical_combining_class, is_combining_mark},
};

/// The phrases, of those given, that the text has.
pub(crate) fn found<'p>(phrases: &'p [Phrase], text: &str) -> Vec<&'p Phrase> {
    let text = Text::new(text);
    let has = |phrase: &&Phrase| {
        phrase.terms().all(|term| Term::new(term).is_some_and(|term| text.has(&term)))
    };
    phrases.iter().filter(has).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Letter,
    Katakana,
    Alone,
    Mark,
    Symbol,
    Other,
}

fn kind(folded: char) -> Kind {
    let code = folded as u32;
    let within = |ranges: &[(u32, u32)]| ranges.iter().any(|&(a, b)| (a..=b).contains(&code));
    if "@$!|€".contains(folded) {
        Kind::Symbol
    } else if code >= 0x300 && canonical_combining_class(folded) != 0 {
        Kind::Mark
    } else if !folded.is_alphanumeric() {
        Kind::Other
    } else if within(&[(0x30a1, 0x30ff)]) {
        Kind::Katakana
    } else if within(&[
        (0xe00, 0xeff),
        (0x1000, 0x109f),
        (0x1780, 0x17ff),
        (0x3005, 0x3007),
        (0x3041, 0x309f),
        (0x3400, 0x4dbf),
        (0x4e00, 0x9fff),
        (0xf900, 0xfaff),
        (0x20000, 0x3ffff),
    ]) {
        Kind::Alone
    } else {
        Kind::Letter
    }
}

/// What a character folds to.
fn fold(character: char) -> Vec<char> {
    let mut folded = Vec::new();
    for part in character.nfkd() {
        let code = part as u32;
        let diacritic = is_combining_mark(part)
            && (code < 0x500
                || (0x590..0x700).contains(&code)
                || (0x890..0x900).contains(&code)
                || (0x1ab0..0x1b00).contains(&code)
                || (0x1dc0..0x1e00).contains(&code)
                || (0x20d0..0x2100).contains(&code)
                || (0xfe00..0xfe30).contains(&code));
        let invisible = matches!(code, 0xad | 0x61c | 0x640 | 0x115f | 0x1160 | 0x17b4 | 0x17b5
            | 0x180b..=0x180f | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfeff
            | 0xffa0 | 0xfff0..=0xfff8 | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff);
        if diacritic || invisible {
            continue;
        }
        for lower in part.to_lowercase() {
            let pairs = "ß=ss æ=ae œ=oe ø=o đ=d ð=d þ=th ħ=h ı=i ł=l ŧ=t ς=σ ٱ=ا ى=ي ی=ي ة=ه ک=ك";
            let pair =
                pairs.split(' ').find_map(|pair| pair.strip_prefix(lower)?.strip_prefix('='));
            match (pair, lower) {
                (Some(letters), _) => folded.extend(letters.chars()),
                (None, '٠'..='٩') => folded.push((b'0' + (lower as u32 - 0x660) as u8) as char),
                (None, '۰'..='۹') => folded.push((b'0' + (lower as u32 - 0x6f0) as u8) as char),
                (None, _) => folded.push(lower),
            }
        }
    }
    folded
}

#[derive(Clone, Debug)]
struct Word {
    text: String,
    start: usize,
    end: usize,
    is_letters: bool,
}

/// A text in words.
struct Text {
    words: Vec<Word>,
    /// What each may be read as.
    readings: Vec<Vec<String>>,
    /// Readings of more than a word, or of letters by themselves.
    joined: Vec<String>,
}

impl Text {
    fn new(text: &str) -> Self {
        let words = words(text);
        let readings = words.iter().map(|word| read(&word.text, 2)).collect();
        let mut joined = clusters(text);
        joined.extend(spelled_out(text, &words));
        Self { words, readings, joined }
    }

    fn has(&self, term: &Term) -> bool {
        let is_joined = matches!(&*term.words, [word] if self.joined.contains(word));
        is_joined || (0..self.words.len()).any(|at| self.has_at(term, at))
    }

    fn has_at(&self, term: &Term, at: usize) -> bool {
        let last = term.words.len() - 1;
        term.words.iter().enumerate().all(|(place, wanted)| {
            let Some(word) = self.words.get(at + place) else { return false };
            let (starts, ends) = (place > 0 || term.starts_word, place < last || term.ends_word);
            let stands = match (starts, ends) {
                (true, true) => word.text == *wanted,
                (true, false) => word.text.starts_with(wanted),
                (false, true) => word.text.ends_with(wanted),
                (false, false) => word.text.contains(wanted),
            };
            stands || self.readings[at + place].contains(wanted)
        })
    }
}

fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut before = None;
    for (start, character) in text.char_indices() {
        for folded in fold(character) {
            let kind = kind(folded);
            if matches!(kind, Kind::Other | Kind::Symbol) {
                before = None;
                continue;
            }
            let goes_on = before
                .is_some_and(|before| kind == Kind::Mark || kind == before && kind != Kind::Alone);
            if !goes_on {
                before = Some(if kind == Kind::Mark { Kind::Letter } else { kind });
                let is_letters = before == Some(Kind::Letter);
                words.push(Word { text: String::new(), start, end: start, is_letters });
            }
            let word = words.last_mut().unwrap();
            word.text.push(folded);
            word.end = start + character.len_utf8();
        }
    }
    words
}

/// Words that symbols join, read.
fn clusters(text: &str) -> Vec<String> {
    let folded: String = text.chars().flat_map(fold).collect();
    let clusters = folded.split(|character| kind(character) == Kind::Other);
    let trimmed = clusters.map(|cluster| cluster.trim_matches(|c| kind(c) == Kind::Symbol));
    let with_symbol = trimmed.filter(|cluster| cluster.contains(|c| kind(c) == Kind::Symbol));
    with_symbol.flat_map(|cluster| read(cluster, 2)).collect()
}

/// Letters by themselves with the same between each, read.
fn spelled_out(text: &str, words: &[Word]) -> Vec<String> {
    let mut runs: Vec<(String, Option<&str>, usize)> = Vec::new();
    for (number, word) in words.iter().enumerate() {
        if !word.is_letters || word.text.chars().count() != 1 {
            continue;
        }
        let follows = number > 0 && runs.last().is_some_and(|run| run.2 == number - 1);
        // One character may be two words: `½`.
        let between = |before: &Word| text.get(before.end..word.start).unwrap_or_default();
        let gap = if follows { between(&words[number - 1]) } else { "" };
        match runs.last_mut() {
            Some((letters, same, last))
                if (1..=8).contains(&gap.len()) && same.is_none_or(|same| same == gap) =>
            {
                letters.push_str(&word.text);
                (*same, *last) = (Some(gap), number);
            }
            _ => runs.push((word.text.clone(), None, number)),
        }
    }
    let runs = runs.into_iter().map(|run| run.0).filter(|run| run.chars().count() >= 3);
    let fit = |run: String| {
        let mut all = read(&run, 3);
        if run.chars().count() <= 32 && run.chars().all(char::is_alphabetic) {
            all.push(run);
        }
        all
    };
    runs.flat_map(fit).collect()
}

/// What a word may be read as, if it has so many letters.
fn read(word: &str, least: usize) -> Vec<String> {
    let instead = "0o 1i |i !i 3e €e 4a @a 5s $s 7t 8b 9g";
    let alike = "аa αa вb βb ьb сc ԁd еe єe εe нh һh ηh іi ιi јj кk κk мm μm пn оo οo σo рp ρp ԛq \
                 гr ѕs тt τt υu νv ѡw ωw ԝw хx χx уy γy";
    let look = |table: &str, c: char| {
        table.split_whitespace().find_map(|pair| pair.strip_prefix(c).map(str::to_owned))
    };
    let length = word.chars().count();
    let latin = word.chars().filter(char::is_ascii_lowercase).count();
    let alikes = word.chars().filter(|&c| look(alike, c).is_some()).count();
    let stand_ins = word.chars().filter(|&c| look(instead, c).is_some()).count();
    let known = latin + alikes + stand_ins == length;
    let letters = latin + alikes;
    let disguised = stand_ins > 0 || alikes > 0;
    if !known
        || !(3..=32).contains(&length)
        || latin == 0
        || letters < least
        || !disguised
        || letters < stand_ins
    {
        return Vec::new();
    }
    let undo = |word: &str| -> String {
        let letter = |c| look(alike, c).or_else(|| look(instead, c)).unwrap_or(String::from(c));
        word.chars().map(letter).collect()
    };
    vec![undo(word), undo(&word.replace(['1', '|'], "l"))]
}

struct Term {
    words: Vec<String>,
    starts_word: bool,
    ends_word: bool,
}

impl Term {
    fn new(term: &str) -> Option<Self> {
        let found = words(term);
        let (first, last) = (found.first()?, found.last()?);
        let (before, after) = (&term[..first.start], &term[last.end..]);
        let has_symbols =
            |edge: &str| edge.chars().flat_map(fold).any(|folded| !folded.is_whitespace());
        let symbols = has_symbols(before) || has_symbols(after);
        let length: usize = found.iter().map(|word| word.text.chars().count()).sum();
        if symbols && length < 3 {
            return None;
        }
        // An accent by itself (`´`) is one on a space.
        let has_space = |edge: &str| edge.chars().flat_map(fold).any(char::is_whitespace);
        let alone = |word: &Word| word.text.chars().next().map(kind) == Some(Kind::Alone);
        Some(Self {
            starts_word: symbols || has_space(before) || alone(first),
            ends_word: symbols || has_space(after) || alone(last),
            words: found.iter().map(|word| word.text.clone()).collect(),
        })
    }
}
