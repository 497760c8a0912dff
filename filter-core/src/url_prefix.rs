//! The beginning of a URL, as lists of pages name it.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{DomainName, NameError};

/// A host and the beginning of a path on it: every URL that begins so, whatever its scheme.
///
/// ```
/// # use filter_core::UrlPrefix;
/// let prefix: UrlPrefix = "http://WWW.Example.com/~user".parse()?;
/// assert_eq!(prefix.to_string(), "www.example.com/~user");
/// # Ok::<(), filter_core::UrlPrefixError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UrlPrefix {
    text: Box<str>,
    /// Where the path begins, at its `/` or `?`.
    path: usize,
}

/// Why text is not the beginning of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlPrefixError {
    /// Its host is none.
    #[error("the host of the URL: {0}")]
    Host(#[from] NameError),
    /// It has no path or query: it is a host.
    #[error("a URL without a path is a host")]
    NoPath,
    /// The port is no number of 1 to 65535.
    #[error("the port of the URL is no port")]
    Port,
    /// A space, a control character, or a user name.
    #[error("a URL holds no spaces, control characters or user names")]
    Character,
    /// More than [`UrlPrefix::MAX`] octets.
    #[error("a URL of a list has at most {} octets", UrlPrefix::MAX)]
    TooLong,
}

impl UrlPrefix {
    /// Longest in octets.
    pub const MAX: usize = 2048;

    /// `host`, or `host:port`.
    pub fn authority(&self) -> &str {
        &self.text[..self.path]
    }

    /// From its first `/` or `?`, as written.
    pub fn path(&self) -> &str {
        &self.text[self.path..]
    }
}

impl FromStr for UrlPrefix {
    type Err = UrlPrefixError;

    /// Reads `[scheme://]host[:port]/path`; a fragment (`#…`) is dropped, the ports 80 and 443 too.
    fn from_str(text: &str) -> Result<Self, UrlPrefixError> {
        if text.len() > Self::MAX {
            return Err(UrlPrefixError::TooLong);
        }
        let text = text.split('#').next().unwrap_or_default();
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|octet| octet.is_ascii_alphanumeric()) => {
                rest
            }
            _ => text,
        };
        let (written, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if path.is_empty() || path == "/" {
            return Err(UrlPrefixError::NoPath);
        }
        if written.contains('@') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(UrlPrefixError::Character);
        }
        let (host, port) = match written.rsplit_once(':') {
            // An IPv6 address ends with its bracket, or is nothing but colons and digits.
            Some((host, port))
                if !port.ends_with(']') && (!host.contains(':') || host.ends_with(']')) =>
            {
                (host, Some(port.parse::<u16>().map_err(|_| UrlPrefixError::Port)?))
            }
            _ => (written, None),
        };
        let host: DomainName = host.parse()?;
        let authority = match port {
            Some(0) => return Err(UrlPrefixError::Port),
            port => authority(&host, port.filter(|&port| port != 80 && port != 443)),
        };
        let path_start = authority.len();
        Ok(Self { text: (authority + path).into_boxed_str(), path: path_start })
    }
}

/// `host` or `host:port`, as in a list's rules.
pub(crate) fn authority(host: &DomainName, port: Option<u16>) -> String {
    let host = match host.labels().flatten().any(|&octet| octet == b':') {
        true => format!("[{host}]"),
        false => host.to_string(),
    };
    match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

/// `host[:port]/path`
impl fmt::Display for UrlPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading() {
        use UrlPrefixError::*;
        let cases = [
            ("example.com/a?b=c#d", Ok("example.com/a?b=c")),
            ("HTTPS://Example.COM/A", Ok("example.com/A")),
            ("example.com?a", Ok("example.com?a")),
            ("example.com:443/a", Ok("example.com/a")),
            ("example.com:8080/a:b", Ok("example.com:8080/a:b")),
            ("192.0.2.1/a", Ok("192.0.2.1/a")),
            ("https://[2001:DB8::1]:8443/a", Ok("[2001:db8::1]:8443/a")),
            ("[2001:db8::1]/a", Ok("[2001:db8::1]/a")),
            ("école.fr/été", Ok("xn--cole-9oa.fr/été")),
            ("example.com", Err(NoPath)),
            ("http://example.com/", Err(NoPath)),
            ("example.com/#top", Err(NoPath)),
            ("/a", Err(Host(NameError::Empty))),
            ("me@example.com/a", Err(Character)),
            ("example.com/a b", Err(Character)),
            ("example.com:port/a", Err(Port)),
            ("example.com:0/a", Err(Port)),
            ("example.com:70000/a", Err(Port)),
        ];
        for (text, expected) in cases {
            let read = text.parse::<UrlPrefix>().map(|prefix| prefix.to_string());
            assert_eq!(read, expected.map(str::to_owned), "{text:?}");
            if let Ok(text) = read {
                let again: UrlPrefix = text.parse().unwrap();
                assert_eq!(again.to_string(), text);
                assert_eq!(format!("{}{}", again.authority(), again.path()), text);
            }
        }
        // The length octet of such a label is a colon.
        let label58 = format!("{}.example/a", "a".repeat(58));
        assert_eq!(label58.parse::<UrlPrefix>().unwrap().to_string(), label58);
        let long = format!("example.com/{}", "a".repeat(UrlPrefix::MAX));
        assert_eq!(long.parse::<UrlPrefix>(), Err(TooLong));
    }
}
