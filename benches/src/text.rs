//! Texts to screen and phrases to look for, made up from a fixed seed with the statistics of real ones.
//!
//! A language's text is its hundred most frequent words, which half of a text consists of, among two
//! hundred thousand made-up ones. How often these come, [`Words`] says. `PREAU_BENCH_TEXT` and
//! `PREAU_BENCH_PHRASES` name real texts and phrases, the phrases one a line.

use std::{env, fs, path::Path};

use filter_core::{Phrase, Weight};
use unicode_normalization::UnicodeNormalization;

/// Phrases that texts are searched for, unless others are given.
pub const PHRASES: usize = 14_600;

/// How often a text's words come again, by Zipf's law with a bend (Mandelbrot's).
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// The word of rank `r` comes in proportion to `(r + bend)⁻ˢ`: the bend.
    bend: f64,
    /// The exponent `s`.
    exponent: f64,
}

impl Words {
    /// A thousand words are 81 hundredths of the text, ten thousand 94: Debian's handbook in French and
    /// English and its manual pages in French have 74 to 80, and 98 and more.
    pub const OF_MANUALS: Self = Self { bend: 26.0, exponent: 1.42 };
    /// A thousand words are three quarters of the text, ten thousand nine tenths: three to five times as
    /// many words are rare ones as in manuals.
    pub const RARE: Self = Self { bend: 9.0, exponent: 1.25 };
}

/// The text that the environment names.
///
/// # Panics
/// When it cannot be read.
pub fn given() -> Option<String> {
    let path = env::var_os("PREAU_BENCH_TEXT")?;
    let text = fs::read_to_string(&path).expect("PREAU_BENCH_TEXT names a text in UTF-8");
    assert!(!text.is_empty(), "a text of nothing");
    Some(text)
}

/// So many octets of a text, which is repeated if it has fewer.
pub fn repeated(mut text: String, octets: usize) -> String {
    while text.len() < octets {
        text.push_str(&text.clone());
    }
    let end = (0..=octets).rev().find(|&end| text.is_char_boundary(end));
    text.truncate(end.unwrap_or_default());
    text
}

/// The repository's lists and made-up phrases of one to three words, or those that the environment names.
///
/// # Panics
/// When they cannot be read.
pub fn phrases() -> Vec<Phrase> {
    if let Some(path) = env::var_os("PREAU_BENCH_PHRASES") {
        let lines = fs::read_to_string(&path).expect("PREAU_BENCH_PHRASES names phrases");
        return lines.lines().filter_map(|line| line.parse().ok()).collect();
    }
    let mut phrases = Vec::new();
    let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lists/data/phrases");
    for language in ["fr", "en"] {
        let mut files: Vec<_> = fs::read_dir(lists.join(language))
            .expect("the repository has phrase lists")
            .map(|entry| entry.expect("a folder that can be read").path())
            .collect();
        files.sort();
        for file in files {
            let lines = fs::read_to_string(file).expect("a list in UTF-8");
            phrases.extend(lines.lines().filter_map(|line| line.parse::<Phrase>().ok()));
        }
    }
    // Which words there are does not depend on how often they come.
    let languages = [&FRENCH, &ENGLISH].map(|spoken| Language::new(spoken, Words::RARE));
    let mut random = Random(2);
    while phrases.len() < PHRASES {
        let language = &languages[random.below(2)];
        let words: Vec<&str> = (0..1 + random.below(3))
            .map(|place| {
                language.words[random.below(if place == 1 { 2_000 } else { 100_000 })].as_str()
            })
            .collect();
        let term = words.join(" ");
        // Half of public lists' terms are pieces of words.
        let term = match random.below(4) {
            0 | 1 => format!(" {term} "),
            2 => format!(" {term}"),
            _ => term,
        };
        if let Ok(phrase) = Phrase::new([&*term], Weight::Score(1)) {
            phrases.push(phrase);
        }
    }
    phrases.sort();
    phrases.dedup();
    phrases
}

/// The text as a bare automaton needs it: lower case, without diacritics, one space between words.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 2);
    folded.push(' ');
    for part in text.nfkd().filter(|part| !matches!(part, '\u{300}'..='\u{36f}' | '\u{ad}')) {
        for lower in part.to_lowercase() {
            if lower.is_alphanumeric() {
                folded.push(lower);
            } else if !folded.ends_with(' ') {
                folded.push(' ');
            }
        }
    }
    if !folded.ends_with(' ') {
        folded.push(' ');
    }
    folded
}

/// A term as it is in a folded text.
pub fn folded_term(term: &str) -> String {
    let folded = folded(term);
    let start = usize::from(!term.starts_with(' '));
    folded[start..folded.len() - usize::from(!term.ends_with(' '))].to_owned()
}

/// French and English by turns, of so many octets or a little more.
pub fn made_up(octets: usize, words: Words) -> String {
    let languages = [Language::new(&FRENCH, words), Language::new(&ENGLISH, words)];
    let (mut text, mut random) = (String::with_capacity(octets + 1_000), Random(1));
    while text.len() < octets {
        // A few pages of one, then of the other.
        let language = &languages[random.below(2)];
        let end = text.len() + 20_000;
        while text.len() < end {
            language.sentence(&mut random, &mut text);
        }
    }
    text
}

/// Words by falling frequency.
struct Language {
    words: Vec<String>,
    /// Of each word, its frequency and those before it.
    up_to: Vec<f64>,
}

impl Language {
    const WORDS: usize = 200_000;

    fn new(spoken: &Spoken, frequency: Words) -> Self {
        let mut random = Random(3);
        let mut words: Vec<String> = spoken.frequent.split(' ').map(str::to_owned).collect();
        while words.len() < Self::WORDS {
            // Rare words are long ones.
            let syllables = 2 + random.below(2) + words.len().ilog10() as usize / 5;
            let mut word = String::new();
            for _ in 0..syllables {
                word.push_str(random.of(spoken.onsets));
                word.push_str(random.of(spoken.rhymes));
            }
            words.push(word);
        }
        let mut sum = 0.0;
        let up_to = (0..words.len())
            .map(|rank| {
                sum += (rank as f64 + frequency.bend).powf(-frequency.exponent);
                sum
            })
            .collect();
        Self { words, up_to }
    }

    fn word(&self, random: &mut Random) -> &str {
        let all = self.up_to.last().copied().unwrap_or_default();
        let at = random.share() * all;
        &self.words[self.up_to.partition_point(|&up_to| up_to < at).min(self.words.len() - 1)]
    }

    fn sentence(&self, random: &mut Random, text: &mut String) {
        let words = 4 + random.below(24);
        for number in 0..words {
            match random.below(40) {
                0 => text.push_str(&(random.below(2_100)).to_string()),
                1..=4 if number == 0 => text.push_str(self.word(random)),
                _ => {
                    let word = self.word(random);
                    match word.chars().next() {
                        Some(first) if number == 0 => {
                            text.extend(first.to_uppercase());
                            text.push_str(&word[first.len_utf8()..]);
                        }
                        _ => text.push_str(word),
                    }
                }
            }
            let elided = matches!(text.as_bytes(), [.., b' ', b'd' | b'l' | b's' | b'n' | b'j']);
            text.push_str(match random.below(12) {
                _ if number + 1 == words => ". ",
                _ if elided => "’",
                0 => ", ",
                _ => " ",
            });
        }
        if random.below(5) == 0 {
            text.push('\n');
        }
    }
}

/// What a language's words are made of.
struct Spoken {
    frequent: &'static str,
    onsets: &'static str,
    rhymes: &'static str,
}

const FRENCH: Spoken = Spoken {
    frequent: "de la le et à l les des d en un du une que est pour qui dans a par plus pas au sur ne se \
               ce il sont avec n ou s son aux cette été mais comme on y sa nous être ont même deux tout \
               fait aussi elle bien où peut leur sans ses ces entre après autres si ans c lui temps \
               avait leurs très première années était vous qu pays contre depuis peu dont fin j moins \
               trois faire non encore grand monde alors sous jour autre vie avant donc ainsi ville chez \
               premier toujours quand rien part travail dire lors pendant ça année",
    onsets: "b c ch d f g gr j l m n p pl pr qu r s t tr v br cl cr dr fl h st",
    rhymes: "a e é i o u ou on an in ai eau er ent eur ère ique ion ment age elle oir euse ê è ité oi et",
};

const ENGLISH: Spoken = Spoken {
    frequent: "the of and to in a is that for it was on as with be by at this are from or his have an \
               not he which you they but one were had their we can has been all will more if when who \
               would so no its about there out up them what than into only other some time could these \
               two may then do any first my now such like our over man me even most after also made did \
               many before must through years where much your way well down should because each just \
               those people mr how too little state good world very make still see own work long here",
    onsets: "b c ch d f g gr j l m n p pl pr r s t th v w br cl cr dr fl h st sh str sp k",
    rhymes: "a e i o u ea ee oo ou er ing ed ly tion ness ance ity ight and ell ick ar or en al ish y ow",
};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// From 0 up to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn of<'w>(&mut self, words: &'w str) -> &'w str {
        let count = words.split(' ').count();
        words.split(' ').nth(self.below(count)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    /// Figures of other machines and days are of the same text.
    #[test]
    fn made_up_texts_are_the_same_everywhere() {
        let text = made_up(100_000, Words::RARE);
        let words: Vec<&str> = text.split([' ', ',', '.', '\n', '’']).collect();
        let distinct: HashSet<_> = words.iter().collect();
        assert_eq!(&text[..30], &made_up(200_000, Words::RARE)[..30]);
        assert!(distinct.len() > 1_000, "{}", distinct.len());
        assert!(phrases().len() > 14_000);
    }

    #[test]
    fn words_are_as_frequent_as_is_said() {
        let share = |words: Words, most: usize| {
            let text = made_up(4_000_000, words);
            let mut counts: HashMap<&str, usize> = HashMap::new();
            for word in text.split([' ', ',', '.', '\n', '’']).filter(|word| !word.is_empty()) {
                *counts.entry(word).or_default() += 1;
            }
            let mut counts: Vec<usize> = counts.into_values().collect();
            counts.sort_unstable_by(|one, other| other.cmp(one));
            let (frequent, all) = (counts.iter().take(most), counts.iter());
            frequent.sum::<usize>() as f64 / all.sum::<usize>() as f64
        };
        let of_manuals = share(Words::OF_MANUALS, 10_000);
        let rare = share(Words::RARE, 10_000);
        // Two languages have twice the words.
        assert!((0.87..0.94).contains(&of_manuals), "{of_manuals}");
        assert!((0.75..0.87).contains(&rare), "{rare}");
    }

    #[test]
    fn folding() {
        assert_eq!(folded("L’Été — déjà !"), " l ete deja ");
        assert_eq!(folded_term(" Vidéo-x"), " video x");
    }
}
