//! How a disguised word is read: `p0rn`, `s€xe`, `pоrn` with a Cyrillic о, `p.o.r.n`.
//!
//! A reading is an alternative to the text as it stands. It counts only where it is, from end to end,
//! a word of a term, so that what merely looks like a disguise stays what it is: a phone number, `4x4`,
//! `$ex` of a program, the A55.

/// Characters of one word that may be disguised, spelled out or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Disguised {
    characters: Vec<char>,
    is_too_long: bool,
}

/// Longest reading. The words that people disguise are short.
const MAX: usize = 32;

impl Disguised {
    pub(super) fn clear(&mut self) {
        self.characters.clear();
        self.is_too_long = false;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }

    pub(super) fn push(&mut self, folded: char) {
        match self.characters.len() {
            MAX => self.is_too_long = true,
            _ => self.characters.push(folded),
        }
    }

    /// Takes symbols from the end: they stand in for letters only within a word.
    pub(super) fn trim_symbols(&mut self) {
        let is_symbol = |character: &char| is_symbol(*character);
        while !self.is_too_long && self.characters.last().is_some_and(is_symbol) {
            self.characters.pop();
        }
    }

    pub(super) fn has_symbol(&self) -> bool {
        self.characters.iter().any(|&character| is_symbol(character))
    }

    /// Calls `each` with what a word is read as. Most of it must be letters.
    pub(super) fn read(&self, each: impl FnMut(&str)) {
        self.readings(
            |letters, replaced, mixed| {
                letters >= 2 && letters >= replaced && (replaced > 0 || mixed)
            },
            each,
        );
    }

    /// The same of single characters with the same between each: three letters at least, or a list of
    /// numbers would be read.
    pub(super) fn read_spelled_out(&self, mut each: impl FnMut(&str)) {
        if self.is_too_long || self.characters.len() < 3 {
            return;
        }
        if self.characters.iter().all(|character| character.is_alphabetic()) {
            let letters: String = self.characters.iter().collect();
            each(&letters);
        }
        self.readings(
            |letters, replaced, mixed| {
                letters >= 3 && letters >= replaced && (replaced > 0 || mixed)
            },
            each,
        );
    }

    fn readings(&self, counts: impl Fn(usize, usize, bool) -> bool, mut each: impl FnMut(&str)) {
        if self.is_too_long || self.characters.len() < 3 {
            return;
        }
        let (mut latin, mut alike, mut replaced) = (0, 0, 0);
        let mut reading = String::with_capacity(MAX);
        for &character in &self.characters {
            let letter = match character {
                'a'..='z' => {
                    latin += 1;
                    character
                }
                _ => match (look_alike(character), stand_in(character)) {
                    (Some(letter), _) => {
                        alike += 1;
                        letter
                    }
                    (None, Some(letter)) => {
                        replaced += 1;
                        letter
                    }
                    (None, None) => return,
                },
            };
            reading.push(letter);
        }
        if latin == 0 || !counts(latin + alike, replaced, alike > 0) {
            return;
        }
        each(&reading);
        // 1 and | are i or l.
        if self.characters.iter().any(|&character| is_i_or_l(character)) {
            let letters = self.characters.iter().zip(reading.chars());
            let reading: String = letters
                .map(|(&character, letter)| if is_i_or_l(character) { 'l' } else { letter })
                .collect();
            each(&reading);
        }
    }
}

/// True for the symbols that stand in for a letter within a word.
pub(super) fn is_symbol(folded: char) -> bool {
    matches!(folded, '@' | '$' | '!' | '|' | '€')
}

/// True for what makes a word worth reading otherwise: digits, letters that look like Latin ones.
pub(super) fn is_suspect(folded: char) -> bool {
    folded.is_ascii_digit() || look_alike(folded).is_some()
}

fn is_i_or_l(character: char) -> bool {
    matches!(character, '1' | '|')
}

/// The letter that a digit or symbol stands in for.
fn stand_in(character: char) -> Option<char> {
    Some(match character {
        '0' => 'o',
        '1' | '|' | '!' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        '9' => 'g',
        _ => return None,
    })
}

/// The Latin letter that a folded Cyrillic or Greek one looks like, in small or in capitals.
fn look_alike(folded: char) -> Option<char> {
    Some(match folded {
        'а' | 'α' => 'a',
        'в' | 'β' | 'ь' => 'b',
        'с' => 'c',
        'ԁ' => 'd',
        'е' | 'є' | 'ε' => 'e',
        'н' | 'һ' | 'η' => 'h',
        'і' | 'ι' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' | 'μ' => 'm',
        'п' => 'n',
        'о' | 'ο' | 'σ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' => 'u',
        'ν' => 'v',
        'ѡ' | 'ω' | 'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disguised(text: &str) -> Disguised {
        let mut disguised = Disguised::default();
        text.chars().for_each(|character| disguised.push(character));
        disguised.trim_symbols();
        disguised
    }

    #[test]
    fn words() {
        let cases: [(&str, &[&str]); 24] = [
            ("p0rn", &["porn"]),
            ("s3x", &["sex"]),
            ("5ex", &["sex"]),
            ("a55h0le", &["asshole"]),
            ("s€xe", &["sexe"]),
            ("b1te", &["bite", "blte"]),
            ("p@rn!", &["parn"]),
            ("v|0l", &["viol", "vlol"]),
            ("pоrn", &["porn"]),
            ("sехe", &["sexe"]),
            ("porn", &[]),
            ("порно", &[]),
            // Letters are too few, or too few beside digits.
            ("a55", &[]),
            ("4x4", &[]),
            ("s5", &[]),
            ("5m", &[]),
            ("455", &[]),
            ("1234567890", &[]),
            // 2 and 6 stand in for nothing; nor does an accent that was not folded away.
            ("h2o2h", &[]),
            ("сеx0", &["cexo"]),
            ("с0с", &[]),
            ("sexe!", &[]),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0", &["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaao"]),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0", &[]),
        ];
        for (text, expected) in cases {
            let mut read = Vec::new();
            disguised(text).read(|reading| read.push(reading.to_owned()));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn spelled_out() {
        let cases: [(&str, &[&str]); 7] = [
            ("porn", &["porn"]),
            ("sex", &["sex"]),
            ("порно", &["порно"]),
            ("p0rn", &["porn"]),
            // `a 4 s`
            ("a4s", &[]),
            ("ab", &[]),
            ("123", &[]),
        ];
        for (text, expected) in cases {
            let mut read = Vec::new();
            disguised(text).read_spelled_out(|reading| read.push(reading.to_owned()));
            assert_eq!(read, expected, "{text}");
        }
    }
}
