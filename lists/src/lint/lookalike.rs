//! Internationalised names that look like known ones.
//!
//! A *skeleton* is what a hurried reader sees: every letter that looks like a Latin one is taken for
//! it (UTS #39), by the table that the engine has for its own verdicts.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use filter_core::{DomainName, plain_letter};

/// Sites that impostors imitate, one a line, with comments; see the file for its date.
const PROTECTED: &str = include_str!("../../data/protected.txt");
/// Fewest letters of a part between hyphens that is compared: `m6` in `m6-x` says nothing.
const MIN_PART: usize = 4;

/// The first label, and the first name that has it.
static KNOWN: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    protected().rev().map(|name| (name.split('.').next().unwrap_or(name), name)).collect()
});

fn protected() -> impl DoubleEndedIterator<Item = &'static str> {
    let lines = PROTECTED.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('!'))
}

/// What is suspicious about an internationalised name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// It looks like this known name.
    LooksLike(&'static str),
    /// A label mixes these scripts.
    Mixes(&'static str),
}

/// The name with its A-labels decoded (RFC 5890 §2.3.2.1).
pub(super) fn shown(name: &DomainName) -> String {
    let labels = name.labels().map(|label| decoded(label).into_owned());
    labels.collect::<Vec<_>>().join(".")
}

/// Looks at every label but those of the public suffix.
pub(super) fn suspicion(name: &DomainName) -> Option<Suspicion> {
    if !name.labels().any(|label| label.starts_with(b"xn--")) {
        return None;
    }
    let labels: Vec<_> = name.labels().collect();
    let own = labels.len().saturating_sub(suffix_labels(name));
    let own = labels.get(..own).unwrap_or_default();
    let unicode: Vec<_> =
        own.iter().map(|label| decoded(label)).filter(|text| !text.is_ascii()).collect();
    let alike = unicode.iter().find_map(|label| looks_like(label)).map(Suspicion::LooksLike);
    alike.or_else(|| unicode.iter().find_map(|label| mixed(label)).map(Suspicion::Mixes))
}

fn suffix_labels(name: &DomainName) -> usize {
    let text = name.to_string();
    psl::suffix_str(&text).map_or(1, |suffix| suffix.split('.').count())
}

fn decoded(label: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(label);
    let unicode = text.strip_prefix("xn--").and_then(idna::punycode::decode_to_string);
    unicode.map_or(text, Cow::Owned)
}

/// The known name that a label is taken for, whole or in a part between hyphens.
fn looks_like(label: &str) -> Option<&'static str> {
    let skeleton = skeleton(label);
    if let Some(name) = KNOWN.get(skeleton.as_str()) {
        return Some(name);
    }
    // A part in plain letters is not the lookalike: `google-für-kinder` is.
    label.split('-').filter(|part| !part.is_ascii()).find_map(|part| {
        let part = self::skeleton(part);
        KNOWN.get(part.as_str()).copied().filter(|_| part.len() >= MIN_PART)
    })
}

fn skeleton(label: &str) -> String {
    let mut seen = String::with_capacity(label.len());
    for letter in label.chars() {
        match plain_letter(letter) {
            Some(plain) => seen.push_str(plain),
            // A combining mark stands over the letter before it.
            None if ('\u{300}'..='\u{36f}').contains(&letter) => {}
            None => seen.push(letter),
        }
    }
    seen
}

/// The scripts of a label that no language writes together.
fn mixed(label: &str) -> Option<&'static str> {
    let has = |ranges: &[(char, char)]| {
        label.chars().any(|c| ranges.iter().any(|&(first, last)| (first..=last).contains(&c)))
    };
    let latin = has(&[('a', 'z'), ('ß', 'ɏ'), ('ḁ', 'ỿ')]);
    let cyrillic = has(&[('\u{400}', '\u{52f}')]);
    let greek = has(&[('\u{370}', '\u{3ff}'), ('\u{1f00}', '\u{1fff}')]);
    match (latin, cyrillic, greek) {
        (true, true, true) => Some("Latin, Cyrillic and Greek"),
        (true, true, false) => Some("Latin and Cyrillic"),
        (true, false, true) => Some("Latin and Greek"),
        (false, true, true) => Some("Cyrillic and Greek"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let names: Vec<_> = protected().collect();
        assert!(names.len() >= 400, "{}", names.len());
        for name in &names {
            assert!(name.is_ascii() && name.parse::<DomainName>().is_ok(), "{name}");
        }
        assert!(PROTECTED.lines().any(|line| line.starts_with("# Date: 20")), "the table is dated");
    }

    #[test]
    fn suspicions() {
        use Suspicion::{LooksLike, Mixes};
        let cases = [
            ("facebook.com", None),
            ("école.fr", None),
            ("пример.рф", None),
            ("ψηφίο.gr", None),
            ("日本語.jp", None),
            // Cyrillic а, whole-script Cyrillic, a Latin letter with a dot below, Greek ο.
            ("fаcebook.com", Some(LooksLike("facebook.com"))),
            ("аррӏе.com", Some(LooksLike("apple.com"))),
            ("www.wikipedịa.example", Some(LooksLike("wikipedia.org"))),
            ("yοutube.co.uk", Some(LooksLike("youtube.com"))),
            ("röblox.com", Some(LooksLike("roblox.com"))),
            ("pronoté.fr", Some(LooksLike("pronote.net"))),
            ("login.pаypаl.com.evil.example", Some(LooksLike("paypal.com"))),
            ("secure-pаypal.example", Some(LooksLike("paypal.com"))),
            ("google-für-kinder.de", None),
            ("bаnk.example", Some(Mixes("Latin and Cyrillic"))),
            ("mαthe.example", Some(Mixes("Latin and Greek"))),
        ];
        for (text, expected) in cases {
            let name: DomainName = text.parse().unwrap();
            assert_eq!(suspicion(&name), expected, "{text}");
        }
    }

    #[test]
    fn names_are_shown_in_their_own_letters() {
        let name: DomainName = "xn--cole-9oa.fr".parse().unwrap();
        assert_eq!(shown(&name), "école.fr");
        assert_eq!(shown(&"xn--99999999.fr".parse().unwrap()), "xn--99999999.fr");
    }
}
