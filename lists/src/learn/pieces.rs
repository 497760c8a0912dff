//! Pieces of a site's text, packed: six bits an octet, eight octets at most.

use filter_core::Learned;

/// Fewest octets of a piece that is mined.
const SHORTEST: usize = 3;
/// More equal octets in a row than this are not looked at: as the engine does.
const LONGEST_RUN: usize = 3;

const ALPHABET: &[u8] = b"?abcdefghijklmnopqrstuvwxyz0123456789-_.|";

/// Calls `found` with each piece of a site, once for each place.
pub(super) fn each_piece(site: &str, mut found: impl FnMut(u64)) {
    // The last octets, newest last.
    let mut window = [0_u64; Learned::MAX_PIECE];
    let mut filled = 0;
    let (mut last, mut run) = (0, 0);
    for octet in [b'.'].into_iter().chain(site.bytes()).chain([b'|']) {
        run = if octet == last { run + 1 } else { 1 };
        last = octet;
        if run > LONGEST_RUN {
            continue;
        }
        window.rotate_left(1);
        window[Learned::MAX_PIECE - 1] = code(octet);
        filled = (filled + 1).min(Learned::MAX_PIECE);
        for length in SHORTEST..=filled {
            let octets = &window[Learned::MAX_PIECE - length..];
            found(octets.iter().fold(0, |packed, code| packed << 6 | code));
        }
    }
}

/// The text of a packed piece.
pub(super) fn piece_text(mut packed: u64) -> String {
    let mut octets = Vec::new();
    while packed > 0 {
        octets.push(ALPHABET[(packed & 63) as usize]);
        packed >>= 6;
    }
    octets.iter().rev().copied().map(char::from).collect()
}

fn code(octet: u8) -> u64 {
    ALPHABET.iter().position(|&known| known == octet).unwrap_or_default() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_site() {
        let mut pieces = Vec::new();
        each_piece("aaaab.fr", |piece| pieces.push(piece_text(piece)));
        assert_eq!(pieces.len(), 7 + 6 + 5 + 4 + 3 + 2, "lengths 3 to 8 of `.aaab.fr|`");
        assert!(pieces.contains(&".aaab.fr".to_owned()) && pieces.contains(&"fr|".to_owned()));
        assert!(!pieces.iter().any(|piece| piece.contains("aaaa")));
    }
}
