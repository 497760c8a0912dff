//! Punycode (RFC 3492): what stands behind the `xn--` of an A-label, read without allocating.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 0x80;

/// Most characters of a label: each takes an octet of the A-label or more.
pub(super) const MAX_CHARACTERS: usize = 59;

/// The characters of a label.
#[derive(Clone, Copy)]
pub(super) struct Characters {
    buffer: [char; MAX_CHARACTERS],
    length: usize,
}

impl Characters {
    pub(super) fn as_slice(&self) -> &[char] {
        &self.buffer[..self.length]
    }

    fn insert(&mut self, at: usize, character: char) -> Option<()> {
        if self.length == MAX_CHARACTERS || at > self.length {
            return None;
        }
        self.buffer.copy_within(at..self.length, at + 1);
        self.buffer[at] = character;
        self.length += 1;
        Some(())
    }
}

/// Decodes what follows `xn--`, in lower case (RFC 3492 §6.2). None for what is no Punycode, and for
/// more characters than a label holds.
pub(super) fn decode(encoded: &[u8]) -> Option<Characters> {
    let mut characters = Characters { buffer: ['\0'; MAX_CHARACTERS], length: 0 };
    let (basic, deltas) = match encoded.iter().rposition(|&octet| octet == b'-') {
        // With nothing before it, it delimits nothing, and is no digit.
        None | Some(0) => (&encoded[..0], encoded),
        Some(delimiter) => (&encoded[..delimiter], &encoded[delimiter + 1..]),
    };
    for &octet in basic {
        let character = char::from(octet);
        character.is_ascii().then(|| characters.insert(characters.length, character))??;
    }
    let (mut n, mut i, mut bias) = (INITIAL_N, 0_u32, INITIAL_BIAS);
    let mut digits = deltas.iter();
    while !digits.as_slice().is_empty() {
        let before = i;
        let (mut weight, mut k) = (1_u32, BASE);
        loop {
            let digit = digit(*digits.next()?)?;
            i = i.checked_add(digit.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            k += BASE;
        }
        let count = characters.length as u32 + 1;
        bias = adapted(i - before, count, before == 0);
        n = n.checked_add(i / count)?;
        i %= count;
        characters.insert(i as usize, char::from_u32(n)?)?;
        i += 1;
    }
    Some(characters)
}

fn digit(octet: u8) -> Option<u32> {
    match octet {
        b'a'..=b'z' => Some(u32::from(octet - b'a')),
        b'0'..=b'9' => Some(u32::from(octet - b'0') + 26),
        _ => None,
    }
}

/// RFC 3492 §6.1.
fn adapted(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(encoded: &str) -> Option<String> {
        decode(encoded.as_bytes()).map(|characters| characters.as_slice().iter().collect())
    }

    #[test]
    fn samples() {
        // RFC 3492 §7.1, in lower case, of those that fit a label.
        let cases = [
            ("egbpdaj6bu4bxfgehfvwxn", "ليهمابتكلموشعربي؟"),
            ("ihqwcrb4cv8a8dqg056pqjye", "他们为什么不说中文"),
            ("proprostnemluvesky-uyb24dma41a", "pročprostěnemluvíčesky"),
            ("lumn-o9d", "lumnі"),
            ("cole-9oa", "école"),
            ("a-", "a"),
            ("", ""),
        ];
        for (encoded, expected) in cases {
            assert_eq!(decoded(encoded).as_deref(), Some(expected), "{encoded}");
        }
        for wrong in ["99999999", "é", "É", "-é", "zzzzzzzzzzzz", "ls8h=", "A-9"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }

    proptest! {
        /// What `idna` reads, but for labels that are too long for it to matter.
        #[test]
        fn as_another_decoder_has_it(encoded in "[a-z0-9-]{0,59}") {
            let expected = idna::punycode::decode_to_string(&encoded);
            let expected = expected.filter(|text| text.chars().count() <= MAX_CHARACTERS);
            prop_assert_eq!(decoded(&encoded), expected);
        }

        #[test]
        fn there_and_back(label in "[a-zа-яα-ωà-ÿ一-十]{1,12}") {
            let encoded = idna::punycode::encode_str(&label).unwrap();
            prop_assume!(encoded.len() <= 59);
            prop_assert_eq!(decoded(&encoded), Some(label));
        }
    }
}
