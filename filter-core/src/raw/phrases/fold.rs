//! What phrases see of a text: folded characters, in words.
//!
//! A character is decomposed (NFKD), loses its diacritics and what is invisible, and is put in lower
//! case. Letters that do not decompose are written out (`œ`, `ß`), and those of Arabic that are written
//! one for the other are made one. Text and terms go through the same.

use std::iter;

use icu_normalizer::{
    DecomposingNormalizerBorrowed, properties::CanonicalCombiningClassMapBorrowed,
};

use super::readings::{is_suspect, is_symbol};

/// What a folded character does to the word before it. Anything else than these ends a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// A letter or digit of a script that is written with spaces.
    Letters,
    /// Katakana: loanwords, mostly, in a text that has no spaces.
    Katakana,
    /// A character of a script without spaces, and a word by itself: a term of several of them is
    /// found wherever they follow one another.
    Alone,
    /// A mark that changes its letter and is kept: it belongs to the word before it.
    Mark,
}

impl Run {
    /// What a folded character is; `None` for what separates words.
    pub(super) fn of(folded: char) -> Option<Self> {
        match folded {
            'a'..='z' | '0'..='9' => Some(Self::Letters),
            '\0'..='\x7f' => None,
            // Most of Han and Hangul, which are in no table.
            '\u{4e00}'..='\u{9fff}' => Some(Self::Alone),
            '\u{1100}'..='\u{11ff}' => Some(Self::Letters),
            _ if is_mark(folded) => Some(Self::Mark),
            _ if !folded.is_alphanumeric() => None,
            '\u{30a1}'..='\u{30ff}' => Some(Self::Katakana),
            // Thai and Lao, Myanmar, Khmer, hiragana, the rest of Han.
            '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3041}'..='\u{309f}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}' => Some(Self::Alone),
            _ => Some(Self::Letters),
        }
    }
}

impl Run {
    /// Puts a character behind what came before it, if a word did: the run of the word that it is in, and
    /// whether that word is the same one.
    #[inline]
    pub(super) fn after(self, last: Option<Self>) -> (Self, bool) {
        match (self, last) {
            (Self::Mark, Some(last)) => (last, true),
            (Self::Mark, None) => (Self::Letters, false),
            (run, Some(last)) => (run, run == last && run != Self::Alone),
            (run, None) => (run, false),
        }
    }
}

fn is_mark(folded: char) -> bool {
    const CLASSES: CanonicalCombiningClassMapBorrowed<'_> =
        CanonicalCombiningClassMapBorrowed::new();
    folded >= '\u{300}' && CLASSES.get_u8(folded) != 0
}

/// Calls `each` with what a character folds to: nothing, or one character, seldom more.
pub(super) fn fold(character: char, mut each: impl FnMut(char)) {
    const NFKD: DecomposingNormalizerBorrowed<'_> = DecomposingNormalizerBorrowed::new_nfkd();
    for part in NFKD.normalize_iter(iter::once(character)) {
        if is_dropped(part) {
            continue;
        }
        for lower in part.to_lowercase() {
            match written_out(lower) {
                "" => each(lower),
                letters => letters.chars().for_each(&mut each),
            }
        }
    }
}

/// What nobody sees (default-ignorable characters: zero widths, directions, variation selectors, tags),
/// and the diacritics of scripts that are read without them.
fn is_dropped(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
        // Latin, Greek, Cyrillic; Hebrew; Arabic, with the stroke that only lengthens.
        | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}'
        | '\u{897}'..='\u{89f}' | '\u{8ca}'..='\u{8e1}' | '\u{8e3}'..='\u{8ff}')
}

/// The letters for one that does not decompose; nothing for any other.
fn written_out(lower: char) -> &'static str {
    match lower {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŧ' => "t",
        'ς' => "σ",
        'ٱ' => "ا",
        'ى' | 'ی' => "ي",
        'ة' => "ه",
        'ک' => "ك",
        '٠' | '۰' => "0",
        '١' | '۱' => "1",
        '٢' | '۲' => "2",
        '٣' | '۳' => "3",
        '٤' | '۴' => "4",
        '٥' | '۵' => "5",
        '٦' | '۶' => "6",
        '٧' | '۷' => "7",
        '٨' | '۸' => "8",
        '٩' | '۹' => "9",
        _ => "",
    }
}

/// A folded character, and what it is in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Folded(u32);

impl Folded {
    const CHARACTER: u32 = (1 << 21) - 1;
    const RUN_SHIFT: u32 = 21;
    const SUSPECT: u32 = 1 << 24;
    const SYMBOL: u32 = 1 << 25;
    /// Of a row: it folds to nothing.
    const NOTHING: Self = Self(1 << 26);
    /// Of a row: it folds to more than one character.
    const SEVERAL: Self = Self(1 << 27);

    fn new(folded: char) -> Self {
        let run = match Run::of(folded) {
            None => 0,
            Some(Run::Letters) => 1,
            Some(Run::Katakana) => 2,
            Some(Run::Alone) => 3,
            Some(Run::Mark) => 4,
        };
        let suspect = if is_suspect(folded) { Self::SUSPECT } else { 0 };
        let symbol = if is_symbol(folded) { Self::SYMBOL } else { 0 };
        Self(folded as u32 | run << Self::RUN_SHIFT | suspect | symbol)
    }

    /// The character.
    #[inline]
    pub(super) fn character(self) -> char {
        char::from_u32(self.0 & Self::CHARACTER).unwrap_or_default()
    }

    /// As [`Run::of`].
    #[inline]
    pub(super) fn run(self) -> Option<Run> {
        match self.0 >> Self::RUN_SHIFT & 7 {
            1 => Some(Run::Letters),
            2 => Some(Run::Katakana),
            3 => Some(Run::Alone),
            4 => Some(Run::Mark),
            _ => None,
        }
    }

    /// As [`is_suspect`].
    #[inline]
    pub(super) fn is_suspect(self) -> bool {
        self.0 & Self::SUSPECT != 0
    }

    /// As [`is_symbol`].
    #[inline]
    pub(super) fn is_symbol(self) -> bool {
        self.0 & Self::SYMBOL != 0
    }
}

/// Folds from a table, as far as alphabets and punctuation go.
pub(super) struct Folder {
    /// By code point.
    table: Box<[Folded]>,
}

impl Folder {
    const SIZE: u32 = 0x3000;

    pub(super) fn new() -> Self {
        let row = |character| {
            let (mut row, mut length) = (Folded::NOTHING, 0);
            fold(character, |folded| {
                row = Folded::new(folded);
                length += 1;
            });
            if length > 1 { Folded::SEVERAL } else { row }
        };
        Self {
            table: (0..Self::SIZE)
                .map(|code| row(char::from_u32(code).unwrap_or_default()))
                .collect(),
        }
    }

    /// Calls `each` with what a character folds to.
    #[inline]
    pub(super) fn fold(&self, character: char, mut each: impl FnMut(Folded)) {
        match self.table.get(character as usize) {
            Some(&Folded::NOTHING) => {}
            Some(&folded) if folded != Folded::SEVERAL => each(folded),
            _ => fold(character, |folded| each(Folded::new(folded))),
        }
    }

    /// Octets of heap.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut folded = String::new();
        text.chars().for_each(|character| fold(character, |part| folded.push(part)));
        folded
    }

    #[test]
    fn folding() {
        let cases = [
            ("Été", "ete"),
            ("ÇA", "ca"),
            ("cœur", "coeur"),
            ("STRASSE straße", "strasse strasse"),
            ("Łódź", "lodz"),
            ("İIıi", "iiii"),
            ("ｐｏｒｎ", "porn"),
            ("𝓹𝓸𝓻𝓷 𝐩𝗼𝙧𝚗 ⓟⓞⓡⓝ", "porn porn porn"),
            ("ﬁn", "fin"),
            ("po\u{200b}r\u{ad}n\u{202e}", "porn"),
            ("p\u{301}o\u{336}", "po"),
            ("Ελλάς", "ελλασ"),
            ("ЁЖ", "еж"),
            ("أحمد إلى آية", "احمد الي ايه"),
            ("مُحَمَّد", "محمد"),
            ("ســكــس", "سكس"),
            ("٣١", "31"),
            ("가", "\u{1100}\u{1161}"),
            ("ﾎﾟﾙﾉ", "ホ\u{309a}ルノ"),
            ("हिन्दी", "हिन्दी"),
        ];
        for (text, expected) in cases {
            assert_eq!(folded(text), expected, "{text}");
        }
    }

    #[test]
    fn the_table_folds_as_the_book_does() {
        let folder = Folder::new();
        for character in (1..Folder::SIZE + 0x100).filter_map(char::from_u32) {
            let (mut fast, mut slow) = (Vec::new(), Vec::new());
            folder.fold(character, |part| fast.push(part));
            fold(character, |part| slow.push(Folded::new(part)));
            assert_eq!(fast, slow, "{character:?}");
            for folded in fast {
                assert_eq!(folded.run(), Run::of(folded.character()), "{character:?}");
                assert_eq!(folded.is_symbol(), is_symbol(folded.character()), "{character:?}");
                assert_eq!(folded.is_suspect(), is_suspect(folded.character()), "{character:?}");
            }
        }
    }

    #[test]
    fn runs() {
        let cases = [
            ('a', Some(Run::Letters)),
            ('7', Some(Run::Letters)),
            ('_', None),
            ('$', None),
            ('’', None),
            ('ф', Some(Run::Letters)),
            ('س', Some(Run::Letters)),
            ('色', Some(Run::Alone)),
            ('の', Some(Run::Alone)),
            ('ท', Some(Run::Alone)),
            ('ポ', Some(Run::Katakana)),
            ('ー', Some(Run::Katakana)),
            ('・', None),
            ('\u{309a}', Some(Run::Mark)),
            ('\u{94d}', Some(Run::Mark)),
            ('\u{fffd}', None),
        ];
        for (character, expected) in cases {
            assert_eq!(Run::of(character), expected, "{character:?}");
        }
    }
}
