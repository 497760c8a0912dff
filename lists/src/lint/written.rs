//! What a line that gave no rule was meant to be, from how it is written.

use crate::{
    formats::{detect, excerpt},
    source::Format,
};

/// Characters of a line that a message shows.
const SHOWN: usize = 60;

/// A line as a message shows it.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = text.trim().chars().take(SHOWN).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    format!("`{}`", excerpt(&short))
}

/// True for a tag or a document type. Phrase lists write `<` too; they are asked about elsewhere.
pub(super) fn is_html(text: &str) -> bool {
    let Some(rest) = text.trim_start().strip_prefix('<') else { return false };
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') && rest.contains('>')
}

/// True when the first line with text is one of HTML.
pub(super) fn begins_a_web_page(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}');
    text.lines().find(|line| !line.trim().is_empty()).is_some_and(is_html)
}

/// The format that the line is in, if it is certainly another than the list's.
pub(super) fn foreign(text: &str, list: Option<Format>) -> Option<Format> {
    // Whole lines only are looked at.
    let found = detect(format!("{text}\n").as_bytes()).ok()?;
    (!list.is_some_and(|list| alike(found, list))).then_some(found)
}

/// True for formats that one line, or a plain list, can be in at once.
pub(super) fn alike(a: Format, b: Format) -> bool {
    use Format::{Adblock, Domains, E2guardian, Squidguard, Ut1, Wildcard};
    let plain = |format| matches!(format, Domains | Wildcard | E2guardian | Squidguard | Ut1);
    let of_names = |format| plain(format) || format == Adblock;
    a == b || (plain(a) && plain(b)) || (of_names(a) && of_names(b) && (a, b) != (Adblock, Domains))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html() {
        for text in ["<html>", " <!DOCTYPE html>", "</div>", "<a href=\"x\">y</a>"] {
            assert!(is_html(text), "{text}");
        }
        for text in ["example.com", "< casino ><50>", "<", "a <b>", "<b"] {
            assert!(!is_html(text), "{text}");
        }
        assert!(begins_a_web_page("\u{feff}\n\n<!doctype html>\n".as_bytes()));
        assert!(!begins_a_web_page(b"# <html>\n"));
    }

    #[test]
    fn lines_in_other_formats() {
        let cases = [
            ("0.0.0.0 example.com", Format::Domains, Some(Format::Hosts)),
            ("0.0.0.0 example.com", Format::Hosts, None),
            ("||example.com^", Format::Domains, Some(Format::Adblock)),
            ("||example.com^", Format::Hosts, Some(Format::Adblock)),
            ("example.com", Format::Hosts, Some(Format::Domains)),
            ("example.com", Format::Adblock, None),
            ("hello world", Format::Domains, None),
        ];
        for (text, list, expected) in cases {
            assert_eq!(foreign(text, Some(list)), expected, "{text} in {list}");
        }
    }

    #[test]
    fn long_lines_are_cut_and_escaped() {
        assert_eq!(quoted(" a\u{1b}b "), "`a\\u{1b}b`");
        assert_eq!(quoted(&"x".repeat(99)), format!("`{}…`", "x".repeat(60)));
    }
}
