//! Internationalised names that look like known ones.
//!
//! A *skeleton* is what a hurried reader sees: every letter that looks like a Latin one is taken for
//! it. The table is a small part of what UTS #39 does with tens of thousands of characters: Latin
//! letters with marks, and the Cyrillic, Greek and Armenian letters that stand in known homographs.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use filter_core::DomainName;

/// Names that children and schools use and that impostors like, one a line, with comments; see the
/// file for its date.
const BRANDS: &str = include_str!("../../data/lint/brands.txt");
/// Fewest letters of a part between hyphens that is compared: `m6` in `m6-x` says nothing.
const MIN_PART: usize = 4;

/// What each character is taken for. Both cases of non-Latin letters are in lower case already: a
/// name is mapped before it is encoded (UTS #46).
const TAKEN_FOR: [(&str, &str); 34] = [
    ("a", "àáâãäåāăąǎǟǡǻȁȃȧạảấầẩẫậắằẳẵặɑаαάӓӑ"),
    ("ae", "æӕ"),
    ("b", "ƀɓḃḅḇьβƅ"),
    ("c", "çćĉċčƈḉсϲ"),
    ("d", "ďđɖɗḋḍḏḑḓԁժ"),
    ("e", "èéêëēĕėęěȅȇȩẹẻẽếềểễệеєёεέҽ"),
    ("f", "ƒḟϝ"),
    ("g", "ĝğġģǥǧǵɠɡցԍ"),
    ("h", "ĥħȟḣḥḧḩḫһհнћ"),
    ("i", "ìíîïĩīĭįıǐȉȋɨịỉіїιίϊ"),
    ("j", "ĵǰɉјϳյ"),
    ("k", "ķƙǩḱḳḵкκқҝ"),
    ("l", "ĺļľŀłƚḷḹḻḽӏǀ"),
    ("m", "ḿṁṃмɱ"),
    ("n", "ñńņňŉŋƞǹṅṇṉṋηήпոռ"),
    ("o", "òóôõöøōŏőơǒǫǭǿȍȏȫȭȯọỏốồổỗộớờởỡợоοόӧօσ"),
    ("oe", "œ"),
    ("p", "ṕṗрρƿ"),
    ("q", "ɋԛզ"),
    ("r", "ŕŗřȑȓṙṛṝṟгɍ"),
    ("s", "śŝşšșṡṣṥṧṩѕʂ"),
    ("ss", "ß"),
    ("t", "ţťŧțṫṭṯṱтτ"),
    ("u", "ùúûüũūŭůűųưǔǖǘǚǜȕȗụủứừửữựυύսμ"),
    ("v", "ṽṿνѵ"),
    ("w", "ŵẁẃẅẇẉẘԝѡωώա"),
    ("x", "ẋẍхχҳ"),
    ("y", "ýÿŷƴȳẏẙỳỵỷỹуγўү"),
    ("z", "źżžƶẑẓẕʐᴢ"),
    ("3", "зӡ"),
    ("4", "ч"),
    ("6", "б"),
    ("th", "þ"),
    ("bl", "ы"),
];

static LETTERS: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
    let rows = TAKEN_FOR.iter();
    rows.flat_map(|(plain, alike)| alike.chars().map(move |letter| (letter, *plain))).collect()
});

/// The first label, and the whole name.
static KNOWN: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| brands().map(|name| (name.split('.').next().unwrap_or(name), name)).collect());

fn brands() -> impl Iterator<Item = &'static str> {
    let lines = BRANDS.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty())
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
        match LETTERS.get(&letter) {
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
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_tables_are_sound() {
        let names: Vec<_> = brands().collect();
        assert!(names.len() >= 60, "{}", names.len());
        for name in &names {
            assert!(name.is_ascii() && name.parse::<DomainName>().is_ok(), "{name}");
            assert!(psl::domain_str(name).is_some(), "{name} is below a public suffix");
        }
        assert_eq!(KNOWN.len(), names.len(), "a label twice");
        assert!(BRANDS.lines().any(|line| line.starts_with("# As of 20")), "the table is dated");
        let mut letters = HashSet::new();
        for (plain, alike) in TAKEN_FOR {
            for letter in alike.chars() {
                assert!(plain.is_ascii() && !letter.is_ascii(), "{plain}: {letter}");
                assert!(letters.insert(letter), "{letter} is taken for two");
            }
        }
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
