//! What the comments at the head of a list claim: how many entries, in which format.

use crate::source::Format;

/// A claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// `# Entries: 108,685`
    Entries(u64),
    /// `# Format: domains`
    Format(Format),
}

/// The claim of a comment line, if it makes one.
pub(super) fn claim(line: &str) -> Option<Claim> {
    let comment = line.trim().strip_prefix(['#', '!', ';'])?;
    let (key, value) = comment.trim_start_matches(['#', '!', ';', '-', ' ']).split_once(':')?;
    let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
    if key == "format" || key == "syntax" {
        return Format::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(value))
            .map(Claim::Format);
    }
    let counts = ["entries", "number of", "domain count", "unique domains", "total domains"];
    if !counts.iter().any(|words| key.contains(words)) {
        return None;
    }
    let digits: String = value.chars().filter(|c| !matches!(c, ',' | '.' | ' ' | '_')).collect();
    digits.parse().ok().map(Claim::Entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_real_headers() {
        let cases = [
            ("# Entries: 108,685", Some(Claim::Entries(108_685))),
            ("# Total number of network filters: 181664", Some(Claim::Entries(181_664))),
            ("# Number of unique domains: 55,983", Some(Claim::Entries(55_983))),
            ("! Number of entries: 12 345", Some(Claim::Entries(12_345))),
            ("#------[Entries: 7", Some(Claim::Entries(7))),
            ("# Format: domains", Some(Claim::Format(Format::Domains))),
            ("! Syntax: AdBlock", Some(Claim::Format(Format::Adblock))),
            ("# Format: one name a line", None),
            ("# Expires: 1 day", None),
            ("# Version: 20200612", None),
            ("# Entries: many", None),
            ("entries.example.com", None),
            ("#", None),
        ];
        for (line, expected) in cases {
            assert_eq!(claim(line), expected, "{line}");
        }
    }
}
