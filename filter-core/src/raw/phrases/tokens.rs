//! Tokens: where words may be, found 64 octets at a time.
//!
//! A token is a run of octets that are letters, digits, symbols that stand in for letters, or part of
//! a character beyond ASCII. What is in it, [`super::search`] looks at; most tokens it has seen before.

/// Symbols of ASCII that stand in for letters: see [`super::readings`].
const SYMBOLS: [u8; 4] = [b'@', b'$', b'!', b'|'];

const BLOCK: usize = 64;

/// Calls `each` with start and end of every token of a text, in order.
#[inline]
pub(super) fn each_token(text: &[u8], mut each: impl FnMut(usize, usize)) {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);

    let (mut base, mut start, mut inside) = (0, 0, false);
    for block in blocks.iter().chain([&last]) {
        let mask = token_octets(block);
        // A bit where the last octet was of the other kind.
        let mut edges = mask ^ (mask << 1 | u64::from(inside));
        while edges != 0 {
            let at = base + edges.trailing_zeros() as usize;
            edges &= edges - 1;
            if inside {
                each(start, at);
            } else {
                start = at;
            }
            inside = !inside;
        }
        base += BLOCK;
    }
    // With a full last block nothing came after it to end the token.
    if inside {
        each(start, text.len());
    }
}

/// A bit for each octet of a block: whether it is of a token.
#[inline]
fn token_octets(block: &[u8; BLOCK]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    words.iter().enumerate().fold(0, |mask, (index, word)| {
        let high_bits = token_octets_of(u64::from_le_bytes(*word));
        // Gathers bits 7, 15, 23… into the highest octet.
        let bits = (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask | bits << (8 * index)
    })
}

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * EACH;
/// The bit that small letters have and capitals do not.
const SMALL: u64 = 0x20 * EACH;

/// The highest bit of each octet that is of a token.
#[inline]
fn token_octets_of(word: u64) -> u64 {
    let seven = word & !HIGH;
    let symbols = SYMBOLS.into_iter().fold(0, |found, symbol| found | equal(seven, symbol));
    (word | between(seven | SMALL, b'a', b'z') | between(seven, b'0', b'9') | symbols) & HIGH
}

/// Of octets below 128: the highest bit of each that lies between two.
#[inline]
fn between(seven: u64, low: u8, high: u8) -> u64 {
    let at_least = seven + u64::from(0x80 - low) * EACH;
    let above = seven + u64::from(0x7f - high) * EACH;
    at_least & !above & HIGH
}

#[inline]
fn equal(seven: u64, octet: u8) -> u64 {
    !((seven ^ (u64::from(octet) * EACH)) + 0x7f * EACH) & HIGH
}

/// A token of at most 16 octets, in lower case as far as ASCII goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u64; 2]);

impl Key {
    /// Longest token that has one.
    pub(super) const MAX: usize = 16;
    /// No token's.
    pub(super) const NONE: Self = Self([0; 2]);

    /// The token that begins at `start`, of 1 to 16 octets.
    #[inline]
    pub(super) fn read(text: &[u8], start: usize, length: usize) -> Self {
        const MASKS: [[u64; 2]; Key::MAX + 1] = masks();
        let octets = match text.get(start..).and_then(<[u8]>::first_chunk) {
            Some(octets) => *octets,
            None => at_end(text, start),
        };
        let (words, _) = octets.as_chunks::<8>();
        let mask = MASKS[length.min(Self::MAX)];
        Self([0, 1].map(|word| lower_case(u64::from_le_bytes(words[word]) & mask[word])))
    }

    /// A number that depends on every octet.
    #[inline]
    pub(super) fn hash(self) -> u64 {
        let [low, high] = self.0;
        let product =
            u128::from(low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(high ^ 0xd6e8_feb8_6659_fd93);
        (product >> 64) as u64 ^ product as u64
    }
}

#[cold]
fn at_end(text: &[u8], start: usize) -> [u8; Key::MAX] {
    let mut octets = [0; Key::MAX];
    let rest = text.get(start..).unwrap_or_default();
    let length = rest.len().min(Key::MAX);
    octets[..length].copy_from_slice(&rest[..length]);
    octets
}

const fn masks() -> [[u64; 2]; Key::MAX + 1] {
    let mut masks = [[0; 2]; Key::MAX + 1];
    let mut length = 1;
    while length <= Key::MAX {
        let all = u128::MAX >> (128 - 8 * length);
        masks[length] = [all as u64, (all >> 64) as u64];
        length += 1;
    }
    masks
}

#[inline]
fn lower_case(word: u64) -> u64 {
    let capitals = between(word & !HIGH, b'A', b'Z') & !word;
    word | capitals >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_token_octet(octet: u8) -> bool {
        octet.is_ascii_alphanumeric() || octet >= 0x80 || SYMBOLS.contains(&octet)
    }

    #[test]
    fn every_octet_is_classified() {
        for octet in 0..=u8::MAX {
            for place in 0..BLOCK {
                for around in [b' ', b'a', 0, 0xff] {
                    let mut block = [around; BLOCK];
                    block[place] = octet;
                    let expected = block
                        .iter()
                        .rev()
                        .fold(0u64, |mask, &octet| mask << 1 | u64::from(is_token_octet(octet)));
                    assert_eq!(token_octets(&block), expected, "{octet:#x} at {place}");
                }
            }
        }
    }

    #[test]
    fn tokens_of_texts_of_every_length() {
        for pattern in ["a", " ", "ab ", "word, ", "é è", "a long_identifier-and so  on 12"] {
            for length in 0..200 {
                let text: Vec<u8> = pattern.bytes().cycle().take(length).collect();
                let mut tokens = Vec::new();
                each_token(&text, |start, end| tokens.push(&text[start..end]));
                let expected: Vec<_> = text
                    .split(|&octet| !is_token_octet(octet))
                    .filter(|token| !token.is_empty())
                    .collect();
                assert_eq!(tokens, expected, "{pattern:?} {length}");
            }
        }
    }

    #[test]
    fn keys() {
        let read = |text: &str| Key::read(text.as_bytes(), 0, text.len());
        assert!(read("Bonjour") == read("bonjour"));
        assert!(read("ABCDEFGHIJKLMNOP") == read("abcdefghijklmnop"));
        assert!(read("bonjour") != read("bonjous"));
        assert!(read("É") != read("é"));
        assert!(read("@[`{") == read("@[`{"));
        let within = b"some text with words in it, and more of it";
        assert!(Key::read(within, 5, 4) == read("text"));
        assert!(Key::read(within, 40, 2) == read("it"));
        for octet in 0..=u8::MAX {
            let lower = lower_case(u64::from(octet) * EACH);
            assert_eq!(lower, u64::from(octet.to_ascii_lowercase()) * EACH);
        }
    }
}
