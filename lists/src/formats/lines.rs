//! Lines of a list: bounded memory whatever the file holds, and the encodings that lists come in.

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

use super::ReadError;

/// Longest line in octets, its end included; longer ones are skipped whole. The longest real rule
/// seen is 16 KiB (an EasyList rule with a `domain=` list).
pub(super) const MAX_LINE: usize = 64 * 1024;

/// One line, without its end.
pub(super) enum Line<'a> {
    /// A line that fits.
    Whole(Cow<'a, str>),
    /// The start of a line longer than [`MAX_LINE`].
    TooLong(Cow<'a, str>),
}

/// Reads lines one at a time into one buffer.
pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// Number of the last line read, from 1.
    pub(super) number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Takes a byte order mark off the input and refuses what cannot be a text list.
    pub(super) fn new(mut input: R) -> Result<Self, ReadError> {
        let mark = byte_order_mark(input.fill_buf()?)?;
        input.consume(mark);
        Ok(Self { input, buffer: Vec::new(), number: 0 })
    }

    /// The next line; `None` at the end. LF or CRLF ends a line, as it does for `sed -n 12p`.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let limit = MAX_LINE as u64;
        if self.input.by_ref().take(limit).read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let ended = self.buffer.last() == Some(&b'\n');
        if !ended && self.buffer.len() == MAX_LINE && self.input.skip_until(b'\n')? > 0 {
            return Ok(Some(Line::TooLong(decode(&self.buffer))));
        }
        Ok(Some(Line::Whole(decode(self.buffer.trim_ascii_end()))))
    }
}

/// UTF-8, or Latin-1 for a line that is not: any bytes are some text.
fn decode(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(line.iter().copied().map(char::from).collect()),
    }
}

/// Length of the UTF-8 byte order mark that the file begins with; refuses what cannot be a list.
pub(super) fn byte_order_mark(head: &[u8]) -> Result<usize, ReadError> {
    const COMPRESSED: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ];
    if let Some((_, name)) = COMPRESSED.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(ReadError::Compressed(name));
    }
    match head {
        [0xef, 0xbb, 0xbf, ..] => Ok(3),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(ReadError::Utf16),
        // ASCII text in UTF-16 without a mark: every other octet is zero.
        [0, b, 0, d, ..] | [b, 0, d, 0, ..] if *b != 0 && *d != 0 => Err(ReadError::Utf16),
        head if head.contains(&0) => Err(ReadError::Binary),
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, repeat};

    use super::*;

    fn all(input: impl BufRead) -> Vec<String> {
        let mut lines = Lines::new(input).unwrap();
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push(match line {
                Line::Whole(text) => text.into_owned(),
                Line::TooLong(start) => format!("<too long, {}>", start.len()),
            });
        }
        assert_eq!(seen.len() as u64, lines.number);
        seen
    }

    #[test]
    fn encodings_and_line_ends() {
        let cases: &[(&[u8], &[&str])] = &[
            (b"", &[]),
            (b"a", &["a"]),
            (b"a\nb\n", &["a", "b"]),
            (b"a\r\nb \r\r\n\n", &["a", "b", ""]),
            (b"a\rb\n", &["a\rb"]),
            (b"\xef\xbb\xbfa\n", &["a"]),
            ("é.fr\n".as_bytes(), &["é.fr"]),
            (b"caf\xe9.fr\nb\n", &["café.fr", "b"]),
        ];
        for (input, expected) in cases {
            assert_eq!(all(*input), *expected, "{input:?}");
        }
    }

    #[test]
    fn what_is_not_text_is_refused() {
        let cases: &[(&[u8], &str)] = &[
            (b"\xff\xfea\0", "UTF-16"),
            (b"\xfe\xff\0a", "UTF-16"),
            (b"a\0.\0c\0", "UTF-16"),
            (b"\0a\0.", "UTF-16"),
            (b"\x7fELF\x02\x01\x01\0\0\0", "binary"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"PK\x03\x04", "zip"),
        ];
        for (input, expected) in cases {
            let error = Lines::new(*input).err().expect("not text").to_string();
            assert!(error.contains(expected), "{input:?}: {error}");
        }
    }

    #[test]
    fn length_limit() {
        let line = |n: usize| [vec![b'a'; n], b"\nb\n".to_vec()].concat();
        let fits = "a".repeat(MAX_LINE - 1);
        let too_long = format!("<too long, {MAX_LINE}>");
        assert_eq!(all(line(MAX_LINE - 1).as_slice()), [fits.as_str(), "b"]);
        assert_eq!(all(line(MAX_LINE).as_slice()), [too_long.as_str(), "b"]);
        assert_eq!(all(line(MAX_LINE + 1).as_slice()), [too_long.as_str(), "b"]);
        // At the end of the file nothing is left to skip.
        assert_eq!(all(vec![b'a'; MAX_LINE].as_slice()).len(), 1);
    }

    #[test]
    fn a_gigabyte_on_one_line_takes_no_memory() {
        let input = repeat(b'a').take(1 << 30).chain(b"\nexample.com\n".as_slice());
        let mut lines = Lines::new(BufReader::new(input)).unwrap();
        assert!(matches!(lines.next().unwrap(), Some(Line::TooLong(_))));
        assert!(matches!(lines.next().unwrap(), Some(Line::Whole(text)) if text == "example.com"));
        assert!(lines.next().unwrap().is_none());
        assert!(lines.buffer.capacity() <= 2 * MAX_LINE, "{}", lines.buffer.capacity());
    }
}
