//! French or English, by the `Accept-Language` of a request (RFC 9110 §12.5.4).

use crate::policy::refusal::Language;

/// The language that the header prefers; French where it prefers neither, or says nothing that can
/// be understood.
pub(crate) fn preferred(header: Option<&str>) -> Language {
    let (mut french, mut english, mut any) = (None, None, None);
    for range in header.unwrap_or_default().split(',') {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let Some(weight) = weight(parts) else { continue };
        let primary = tag.split('-').next().unwrap_or_default();
        let place = match primary.to_ascii_lowercase().as_str() {
            "fr" => &mut french,
            "en" => &mut english,
            "*" => &mut any,
            _ => continue,
        };
        // Of several ranges of a language, such as `en-GB, en;q=0.5`, the greatest weight.
        *place = (*place).max(Some(weight));
    }
    let weight = |own: Option<u16>| own.or(any).unwrap_or(0);
    if weight(english) > weight(french) { Language::English } else { Language::French }
}

/// The weight of a range in thousandths, from what follows its tag; `None` for one that is none.
fn weight<'p>(mut parameters: impl Iterator<Item = &'p str>) -> Option<u16> {
    let Some(parameter) = parameters.next() else { return Some(1000) };
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") || parameters.next().is_some() {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_number = fraction.len() <= 3 && fraction.bytes().all(|digit| digit.is_ascii_digit());
    match whole {
        "0" if is_number => format!("{fraction:0<3}").parse().ok(),
        "1" if is_number && fraction.bytes().all(|digit| digit == b'0') => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn french_unless_english_is_preferred() {
        let french = [
            "",
            "fr",
            "fr-FR,fr;q=0.9,en;q=0.8",
            "en;q=0.8, fr;q=0.8",
            "FR-ca",
            "de, ar;q=0.5",
            "*",
            "*;q=0.5, en;q=0.4",
            "en;q=0",
            "en;q=0.0, de",
            "fr;q=0.002, en;q=0.001",
            "english",
            "en;q=2",
            "en;q=1.001",
            "en;q=0.1234",
            "en;q=-1",
            "en;q=é",
            "en;level=1",
            "en;q=1;q=1",
            ",,;;,=;",
            "\"><script>alert(1)</script>",
        ];
        for header in french {
            assert_eq!(preferred(Some(header)), Language::French, "{header}");
        }
        assert_eq!(preferred(None), Language::French);
        let english = [
            "en",
            "en-GB,en;q=0.9",
            "de, en;q=0.1",
            "fr;q=0.8, en;q=0.9",
            "fr;q=0.8, EN-us ; Q=0.900",
            "fr;q=0, *",
            "fr;q=0.5, *;q=0.6",
            "en;q=1.000, fr;q=0.999",
            "en-GB;q=0.2, en;q=0.7, fr;q=0.5",
        ];
        for header in english {
            assert_eq!(preferred(Some(header)), Language::English, "{header}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_one_or_the_other(header in "[ -~é]{0,60}|([a-z*]{0,3};?q?=?[0-9.]{0,5},?){0,9}") {
            preferred(Some(&header));
        }
    }
}
