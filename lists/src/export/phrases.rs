//! e2guardian's weighted phrases.

use std::io::{self, Write};

use filter_core::{Phrase, Weight};

/// Writes a phrase in the notation of the bundle, which is e2guardian's. Phrases that ban or except
/// by themselves belong in other files of e2guardian.
pub(super) fn write(out: &mut impl Write, text: &str) -> io::Result<bool> {
    let weighted =
        text.parse().is_ok_and(|phrase: Phrase| matches!(phrase.weight(), Weight::Score(_)));
    if weighted {
        writeln!(out, "{text}")?;
    }
    Ok(weighted)
}
