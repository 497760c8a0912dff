//! Beginnings of URLs: which of them a URL has.
//!
//! The section's texts are in order and read in place; where each of them is, is found out on first use.

use std::iter;

use super::patterns::Patterns;

/// Where the beginnings of URLs are in their section, in order of text.
#[derive(Debug, Default)]
pub(crate) struct Pages(Vec<Row>);

#[derive(Debug)]
struct Row {
    start: u32,
    length: u32,
    rule_set: u32,
}

/// Octets of a URL that are compared: more than the longest of a list has.
const MAX_COMPARED: usize = 4096;

impl Pages {
    /// Of a section that was checked.
    pub(crate) fn build(section: &[u8]) -> Self {
        let rows = Patterns::each(section).map_while(Result::ok).map(|(rule_set, text)| Row {
            start: (text.as_ptr() as usize - section.as_ptr() as usize) as u32,
            length: text.len() as u32,
            rule_set,
        });
        Self(rows.collect())
    }

    /// The texts that `url` begins with, the longest first, with the rule set of each.
    pub(crate) fn beginnings<'s>(
        &self,
        section: &'s [u8],
        url: &str,
    ) -> impl Iterator<Item = (&'s str, u32)> {
        let text = move |row: &Row| {
            section.get(row.start as usize..(row.start + row.length) as usize).unwrap_or_default()
        };
        let url = url.as_bytes();
        let mut left = &url[..url.len().min(MAX_COMPARED)];
        iter::from_fn(move || {
            loop {
                // Of those that do not come after it, the last: nothing between it and what is left
                // can be a beginning.
                let after = self.0.partition_point(|row| text(row) <= left);
                let row = &self.0[after.checked_sub(1)?];
                let found = text(row);
                let common = found.iter().zip(left).take_while(|(a, b)| a == b).count();
                left = &left[..common];
                if common == found.len() {
                    left = &left[..common.saturating_sub(1)];
                    return Some((std::str::from_utf8(found).unwrap_or_default(), row.rule_set));
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_found_whatever_stands_between() {
        let texts = ["a.b/", "a.b/c", "a.b/c/d", "a.b/c/dd", "a.b/cc", "a.b/é", "a.c/"];
        let section = Patterns::write(texts.iter().enumerate().map(|(n, text)| (*text, n as u32)));
        let pages = Pages::build(&section);
        let cases: [(&str, &[&str]); 8] = [
            ("a.b/c/d/e", &["a.b/c/d", "a.b/c", "a.b/"]),
            ("a.b/c/dd", &["a.b/c/dd", "a.b/c/d", "a.b/c", "a.b/"]),
            ("a.b/cb", &["a.b/c", "a.b/"]),
            ("a.b/zzz", &["a.b/"]),
            ("a.b/\u{eb}", &["a.b/"]),
            ("a.a/", &[]),
            ("", &[]),
            ("a.c/x", &["a.c/"]),
        ];
        for (url, expected) in cases {
            let found: Vec<_> = pages.beginnings(&section, url).map(|found| found.0).collect();
            assert_eq!(found, expected, "{url}");
        }
        assert_eq!(Pages::default().beginnings(&[], "a").count(), 0);
    }
}
