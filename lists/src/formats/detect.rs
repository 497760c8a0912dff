//! Which format a list is in, from its first lines.

use std::fmt;

use thiserror::Error;

use super::{ReadError, Skip, host, lines::byte_order_mark};
use crate::source::Format;

/// Why the format of a list is not known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DetectError {
    /// Neither half of its lines are in any known format.
    #[error(
        "no list format fits these lines, such as {}: say which one with \
         format = \"domains\", \"hosts\", \"adblock\" or another",
        Excerpt(.example)
    )]
    Nothing {
        /// The first line that is no comment.
        example: String,
    },
    /// No line but comments.
    #[error("there is no entry in this list")]
    Empty,
}

struct Excerpt<'a>(&'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.chars().take(60).collect::<String>())
    }
}

/// Finds the format that reads most of the lines in `head`, the beginning of a list. Where two read
/// as many, the plainer one is meant.
///
/// # Errors
/// [`ReadError::Detect`], when no format reads half of them; another [`ReadError`], when this is no
/// text.
pub fn detect(head: &[u8]) -> Result<Format, ReadError> {
    let head = &head[byte_order_mark(head)?..];
    let mut tally = Tally::default();
    let whole_lines =
        head.iter().rposition(|&octet| octet == b'\n').map_or(head, |end| &head[..end]);
    for line in whole_lines.split(|&octet| octet == b'\n') {
        let line = String::from_utf8_lossy(line);
        tally.line(line.trim());
    }
    Ok(tally.verdict()?)
}

/// Lines that each format reads.
#[derive(Default)]
struct Tally {
    lines: usize,
    example: Option<String>,
    hosts: usize,
    domains: usize,
    /// Those of `domains` that begin with `*.`.
    starred: usize,
    adblock: usize,
    dnsmasq: usize,
    unbound: usize,
    rpz: usize,
    /// The first line is `[Adblock Plus 2.0]` or the like.
    adblock_header: bool,
}

impl Tally {
    fn line(&mut self, line: &str) {
        if line.starts_with('[') && line.ends_with(']') && line.to_ascii_lowercase().contains("ad")
        {
            self.adblock_header = true;
        }
        let cosmetic = ["##", "#@#", "#?#"].iter().any(|mark| line.starts_with(mark));
        if line.is_empty()
            || line.starts_with(['!', ';', '['])
            || (line.starts_with('#') && !cosmetic)
        {
            return;
        }
        self.lines += 1;
        if self.example.is_none() {
            self.example = Some(line.to_owned());
        }
        let entry = line.split(" #").next().unwrap_or_default().trim_end();
        let mut words = entry.split_ascii_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        self.hosts += usize::from(host::is_address(first) && second.is_some());
        let is_starred = entry.starts_with("*.");
        let is_name = second.is_none() && is_host_or_url(entry.strip_prefix("*.").unwrap_or(entry));
        self.domains += usize::from(is_name);
        self.starred += usize::from(is_name && is_starred);
        self.adblock += usize::from((is_name && !is_starred) || is_adblock(line));
        self.dnsmasq += usize::from(is_dnsmasq(entry));
        self.unbound += usize::from(is_unbound(entry));
        self.rpz += usize::from(is_rpz(entry));
    }

    fn verdict(self) -> Result<Format, DetectError> {
        if self.adblock_header {
            return Ok(Format::Adblock);
        }
        let Some(example) = self.example else { return Err(DetectError::Empty) };
        // `max_by_key` takes the last of equals: plainest last.
        let (lines, format) = [
            (self.rpz, Format::Rpz),
            (self.unbound, Format::Unbound),
            (self.dnsmasq, Format::Dnsmasq),
            (self.adblock, Format::Adblock),
            // A list that stars most names means those that it does not star alone.
            (
                self.domains,
                if self.starred * 2 > self.domains { Format::Wildcard } else { Format::Domains },
            ),
            (self.hosts, Format::Hosts),
        ]
        .into_iter()
        .max_by_key(|(lines, _)| *lines)
        .expect("the array is not empty");
        if lines * 2 <= self.lines {
            return Err(DetectError::Nothing { example });
        }
        Ok(format)
    }
}

/// A name with at least two labels, damaged or not, an address, or a URL on one.
fn is_host_or_url(entry: &str) -> bool {
    if host::is_url(entry) {
        return !matches!(host::url(entry), Err(Skip::InvalidUrl));
    }
    entry.contains(['.', ':']) && matches!(host::name(entry), Ok(_) | Err(Skip::GluedAddress))
}

fn is_adblock(line: &str) -> bool {
    let modifiers = [
        "important",
        "badfilter",
        "third-party",
        "script",
        "image",
        "popup",
        "document",
        "domain=",
        "denyallow=",
        "all",
    ];
    let modifier = |(_, text): (&str, &str)| {
        let text = text.trim_start_matches('~');
        modifiers.iter().any(|name| text.starts_with(name))
    };
    line.starts_with('|')
        || line.starts_with("@@")
        || line.ends_with('^')
        || ["##", "#@#", "#?#"].iter().any(|mark| line.contains(mark))
        || line.rsplit_once('$').is_some_and(modifier)
}

fn is_dnsmasq(entry: &str) -> bool {
    let options =
        ["address=/", "server=/", "local=/", "cname=", "host-record=", "ipset=/", "nftset=/"];
    options.iter().any(|option| entry.starts_with(option))
}

fn is_unbound(entry: &str) -> bool {
    let clauses = ["server:", "local-zone:", "local-data:", "local-data-ptr:"];
    clauses.iter().any(|clause| entry.starts_with(clause))
}

/// A directive or a record of a zone file.
fn is_rpz(entry: &str) -> bool {
    let types = ["SOA", "NS", "CNAME", "A", "AAAA", "TXT", "MX"];
    let mut words = entry.split_ascii_whitespace();
    entry.starts_with("$TTL")
        || entry.starts_with("$ORIGIN")
        || (words.clone().count() > 1
            && words.any(|word| types.iter().any(|name| name.eq_ignore_ascii_case(word))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_majority() {
        use Format::{Adblock, Dnsmasq, Domains, Hosts, Rpz, Unbound, Wildcard};
        let cases = [
            ("a.com\nb.com\n", Domains),
            ("# c\r\na.com # ad\r\n*.b.com\r\n", Domains),
            ("\u{feff}a.com\n192.0.2.1\nb.com/path\n", Domains),
            ("a.com", Domains),
            ("*.a.com\n*.b.com\nc.com\n", Wildcard),
            ("0.0.0.0 a.com\n::1 localhost\n", Hosts),
            ("a.com\n||b.com^\n||c.com^\n", Adblock),
            ("192.0.2.1\n192.0.2.2\n||c.com/x$all\n", Adblock),
            ("[Adblock Plus 2.0]\n! t\n-ad-banner.\n", Adblock),
            ("||a.com^\n##.ad\n/ads/*$script\n", Adblock),
            ("||a.com^$denyallow=b.a.com\n*$denyallow=com\n", Adblock),
            ("local=/a.com/\naddress=/b.com/#\n", Dnsmasq),
            ("# c\nserver=/a.com/\n", Dnsmasq),
            ("server:\nlocal-zone: \"a.com\" refuse\n", Unbound),
            ("  local-zone: a.com always_null # c\n  local-data: 'a.com A 0.0.0.0'\n", Unbound),
            ("$TTL 300\na.com CNAME .\n*.a.com CNAME .\n", Rpz),
            (
                "; c\n@ 1h IN SOA a. b. (\n 1 ; serial\n 2 3 4 5 )\n  NS a.\na CNAME .\nb CNAME .\n",
                Rpz,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(detect(text.as_bytes()).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_fits() {
        for text in ["$0/\n$0/\n", "hello world\nhow are you\n", "a\nb\nc\na.com\n"] {
            let error = detect(text.as_bytes()).unwrap_err();
            assert!(
                matches!(error, ReadError::Detect(DetectError::Nothing { .. })),
                "{text:?}: {error}"
            );
        }
        for text in ["", "\n\n", "# only\n! comments\n"] {
            let error = detect(text.as_bytes()).unwrap_err();
            assert!(matches!(error, ReadError::Detect(DetectError::Empty)), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_line_cut_at_the_end_of_the_head_does_not_count() {
        assert_eq!(detect(b"a.com\nb.c").unwrap(), Format::Domains);
        assert_eq!(detect(b"0.0.0.0 a.com\n0.0").unwrap(), Format::Hosts);
    }
}
