//! URLs and results of searches: verdicts with their reasons.

use std::fmt;

use crate::{CategoryInfo, DomainName, NameError, Reason, TextReason};

/// The answer to "is this URL fit for this audience?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlVerdict<'a> {
    /// Nothing refuses it.
    Allowed,
    /// Its host is refused.
    BlockedHost(Reason<'a>),
    /// A list has the beginning of the URL, or an expression that it matches.
    BlockedPage(PageReason<'a>),
    /// What is searched for, or what a result says, is refused.
    BlockedText(TextReason<'a>),
    /// It has no host.
    Invalid(NameError),
}

impl UrlVerdict<'_> {
    /// True when refused.
    pub fn is_blocked(&self) -> bool {
        !matches!(self, Self::Allowed | Self::Invalid(_))
    }
}

/// `allowed`, or the reason.
impl fmt::Display for UrlVerdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowed => f.write_str("allowed"),
            Self::BlockedHost(reason) => reason.fmt(f),
            Self::BlockedPage(reason) => reason.fmt(f),
            Self::BlockedText(reason) => reason.fmt(f),
            Self::Invalid(error) => error.fmt(f),
        }
    }
}

/// Why a page of a host that is not refused is.
///
/// Displays as `porn · ut1-adult · matched example.com/~user`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageReason<'a> {
    /// The first category that the profile blocks and no allow rule lifted.
    pub category: Option<&'a CategoryInfo>,
    /// The list that holds the rule.
    pub source: &'a str,
    /// What the list has of it.
    pub matched: PageMatch<'a>,
}

/// What a list has of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageMatch<'a> {
    /// Its beginning.
    Beginning(&'a str),
    /// A regular expression.
    Expression(&'a str),
}

/// `example.com/~user`, `/[?&]q=casino/`
impl fmt::Display for PageMatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beginning(text) => f.write_str(text),
            Self::Expression(text) => write!(f, "/{text}/"),
        }
    }
}

impl fmt::Display for PageReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let category = self.category.map_or("", |category| &category.name);
        write!(f, "{category} · {} · matched {}", self.source, self.matched)
    }
}

/// A result of a search, as a search engine or portal has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchResult<'r> {
    /// Where it leads.
    pub url: &'r str,
    /// Its title.
    pub title: &'r str,
    /// What is shown of it.
    pub snippet: &'r str,
}

/// The host of a URL, which may be without its scheme.
///
/// # Errors
/// [`NameError`]: there is none.
pub fn host_of(url: &str) -> Result<DomainName, NameError> {
    DomainName::parse(Parts::of(url).host)
}

/// What is searched for by a URL: the words of its query, a line for each field.
pub fn query_of(url: &str) -> Vec<u8> {
    Parts::of(url).query()
}

/// A URL in the parts that are judged.
pub(crate) struct Parts<'u> {
    /// `https` where none is written.
    pub(crate) scheme: &'u str,
    pub(crate) host: &'u str,
    /// Where it is not the scheme's own.
    pub(crate) port: Option<u16>,
    /// From the first `/` or `?` on.
    pub(crate) path: &'u str,
}

impl<'u> Parts<'u> {
    /// Takes apart `[scheme://][user@]host[:port][/path][?query][#fragment]`.
    pub(crate) fn of(url: &'u str) -> Self {
        let url = url.trim().split('#').next().unwrap_or_default();
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|octet| octet.is_ascii_alphanumeric()) => {
                (scheme, rest)
            }
            _ => ("https", url.strip_prefix("//").unwrap_or(url)),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let port = |port: &str| match port.parse::<u16>() {
            Ok(80 | 443) => Some(None),
            Ok(port) => Some(Some(port)),
            // `host:` is `host`.
            Err(_) => port.is_empty().then_some(None),
        };
        // An IPv6 address ends with its bracket, or is nothing but colons and digits.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, digits)) if !host.contains(':') || host.ends_with(']') => {
                match port(digits) {
                    Some(port) => (host, port),
                    None => (authority, None),
                }
            }
            _ => (authority, None),
        };
        Self { scheme, host, port, path }
    }

    /// The words of the query, decoded. Names of its fields are left out.
    pub(crate) fn query(&self) -> Vec<u8> {
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        let mut words = Vec::with_capacity(query.len());
        for field in query.split(['&', ';']) {
            let value = field.split_once('=').map_or(field, |(_, value)| value);
            decode(value.as_bytes(), &mut words);
            words.push(b'\n');
        }
        words
    }
}

/// Undoes percent-encoding, and `+` for a space.
fn decode(encoded: &[u8], decoded: &mut Vec<u8>) {
    let digit = |octet: Option<&u8>| octet.and_then(|&octet| char::from(octet).to_digit(16));
    let mut at = 0;
    while let Some(&octet) = encoded.get(at) {
        let pair = (digit(encoded.get(at + 1)), digit(encoded.get(at + 2)));
        at += match (octet, pair) {
            (b'%', (Some(high), Some(low))) => {
                decoded.push((high << 4 | low) as u8);
                3
            }
            (b'+', _) => {
                decoded.push(b' ');
                1
            }
            _ => {
                decoded.push(octet);
                1
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let cases = [
            ("https://me:pw@Example.com:8080/a?b=c#d", ("Example.com", Some(8080), "/a?b=c")),
            ("http://example.com:443", ("example.com", None, "")),
            ("http://example.com:/", ("example.com", None, "/")),
            ("//example.com/a", ("example.com", None, "/a")),
            ("example.com?q=a/b", ("example.com", None, "?q=a/b")),
            ("https://[2001:db8::1]:8443/", ("[2001:db8::1]", Some(8443), "/")),
            ("https://[2001:db8::1]/", ("[2001:db8::1]", None, "/")),
            ("https://example.com:port/", ("example.com:port", None, "/")),
            ("mailto:me@example.com", ("example.com", None, "")),
            ("", ("", None, "")),
        ];
        for (url, expected) in cases {
            let Parts { host, port, path, .. } = Parts::of(url);
            assert_eq!((host, port, path), expected, "{url}");
        }
    }

    #[test]
    fn queries() {
        let cases = [
            ("e.fr/a", ""),
            ("e.fr/a?q=vid%C3%A9o+drole&t=all", "vidéo drole\nall\n"),
            ("e.fr/?mot", "mot\n"),
            ("e.fr/?q=100%&r=%zz%4", "100%\n%zz%4\n"),
        ];
        for (url, expected) in cases {
            let query = Parts::of(url).query();
            assert_eq!(String::from_utf8(query).unwrap().trim_start(), expected, "{url}");
        }
    }
}
