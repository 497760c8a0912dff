//! A master file cut into its records, in bounded memory (RFC 1035 §5.1).

use std::io::{self, BufRead};

use crate::formats::{
    Skip,
    lines::{Line, Lines},
};

/// Longest record of several lines, in octets. A SOA with a comment beside each number takes 400; a
/// parenthesis that is never closed costs the list no more than this.
const MAX_RECORD: usize = 8 * 1024;

/// A record, directive, comment or blank line.
pub(super) struct Record<'a> {
    /// Number of its first line, from 1.
    pub(super) line: u64,
    /// Its lines, one or more, each with its end.
    pub(super) text: &'a str,
    /// Why it is not whole.
    pub(super) fault: Option<Skip>,
}

/// Cuts at the ends of lines that stand outside of parentheses.
pub(super) struct Records<R> {
    lines: Lines<R>,
    text: String,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(lines: Lines<R>) -> Self {
        Self { lines, text: String::new() }
    }

    /// The next record; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        self.text.clear();
        let before = self.lines.number;
        let mut depth = 0;
        let fault = loop {
            match self.lines.next()? {
                None if self.text.is_empty() => return Ok(None),
                None => break Some(Skip::Unclosed),
                Some(Line::TooLong(start)) => {
                    self.text.push_str(&start);
                    break Some(Skip::LineTooLong);
                }
                Some(Line::Whole(line)) => {
                    depth = depth_after(&line, depth);
                    self.text.push_str(&line);
                    self.text.push('\n');
                }
            }
            if depth == 0 {
                break None;
            }
            if self.text.len() > MAX_RECORD {
                break Some(Skip::Unclosed);
            }
        };
        Ok(Some(Record { line: before + 1, text: &self.text, fault }))
    }
}

/// How many parentheses are open after a line. A quoted string ends with its line at the latest.
fn depth_after(line: &str, mut depth: usize) -> usize {
    let mut octets = line.bytes();
    let mut quoted = false;
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => _ = octets.next(),
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b';' => break,
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read, repeat};

    use super::*;

    /// Number of the first line, number of lines, text, fault.
    fn all(text: &str) -> Vec<(u64, u64, String, Option<Skip>)> {
        let mut records = Records::new(Lines::new(text.as_bytes()).unwrap());
        let mut seen = Vec::new();
        while let Some(record) = records.next().unwrap() {
            let lines = record.text.lines().count() as u64;
            seen.push((record.line, lines, record.text.to_owned(), record.fault));
        }
        seen
    }

    #[test]
    fn records_of_one_line_and_of_several() {
        let whole = |line, lines, text: &str| (line, lines, text.to_owned(), None);
        let cases = [
            ("", vec![]),
            ("a\n\nb", vec![whole(1, 1, "a\n"), whole(2, 1, "\n"), whole(3, 1, "b\n")]),
            (
                "@ SOA a b ( 1 ; (\n 2\n )\nb\n",
                vec![whole(1, 3, "@ SOA a b ( 1 ; (\n 2\n )\n"), whole(4, 1, "b\n")],
            ),
            ("a ((\n)\n) b\nc", vec![whole(1, 3, "a ((\n)\n) b\n"), whole(4, 1, "c\n")]),
            ("a \"(\" b\nc", vec![whole(1, 1, "a \"(\" b\n"), whole(2, 1, "c\n")]),
            ("a \"\\\"(\nc", vec![whole(1, 1, "a \"\\\"(\n"), whole(2, 1, "c\n")]),
            ("a \\( )\nc", vec![whole(1, 1, "a \\( )\n"), whole(2, 1, "c\n")]),
            ("a\\", vec![whole(1, 1, "a\\\n")]),
        ];
        for (text, expected) in cases {
            assert_eq!(all(text), expected, "{text}");
        }
    }

    #[test]
    fn a_parenthesis_that_stays_open_costs_little() {
        let text = format!("a (\n{}", "b CNAME .\n".repeat(10_000));
        let seen = all(&text);
        assert_eq!((seen[0].0, &seen[0].3), (1, &Some(Skip::Unclosed)));
        assert!(seen[0].1 <= MAX_RECORD as u64 / 10 + 2, "{} lines lost", seen[0].1);
        assert_eq!(seen.iter().map(|record| record.1).sum::<u64>(), 10_001);
        assert!(seen[1..].iter().all(|record| record.3.is_none()));
        assert_eq!(all("a (\nb\n"), [(1, 2, "a (\nb\n".to_owned(), Some(Skip::Unclosed))]);
    }

    #[test]
    fn a_gigabyte_in_parentheses_takes_no_memory() {
        let input = repeat(b'a').take(1 << 30);
        let input = b"x (\n".as_slice().chain(input).chain(b"\ny\n".as_slice());
        let mut records = Records::new(Lines::new(BufReader::new(input)).unwrap());
        let record = records.next().unwrap().unwrap();
        assert_eq!((record.text.lines().count(), record.fault), (2, Some(Skip::LineTooLong)));
        assert_eq!(records.next().unwrap().unwrap().text, "y\n");
        assert!(records.text.capacity() <= 256 * 1024, "{}", records.text.capacity());
    }
}
