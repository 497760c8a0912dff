//! One host or URL, as lists write them.

use std::net::IpAddr;

use filter_core::{DomainName, Scope, UrlPrefix, UrlPrefixError};

use super::Skip;

/// A host name or address; dots around it are dropped.
pub(super) fn name(text: &str) -> Result<DomainName, Skip> {
    if is_glued(text) {
        return Err(Skip::GluedAddress);
    }
    // Two real lists write `.example.com`; a name cut off in the middle would be `example.com..`.
    Ok(DomainName::parse(text.trim_start_matches('.'))?)
}

/// True for a name with the address of a hosts line before it, such as `0.0.0.0example.com`. A name
/// that begins with a whole address, such as `127.0.0.1.nip.io`, is one.
///
/// No such name is repaired. In UT1's `cryptojacking` of 2023-02-07, 4 790 of 4 804 stand in the
/// same list unharmed; the fourteen that do not, `www.fr`, `bitcoin.com` and `binance.com` among
/// them, are those that somebody meant to take out.
fn is_glued(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("0.0.0.0").or_else(|| text.strip_prefix("127.0.0.1")) else {
        return false;
    };
    let label = rest.split('.').next().unwrap_or_default();
    label.starts_with(char::is_alphanumeric) && !label.bytes().all(|octet| octet.is_ascii_digit())
}

/// The scope of a rule on this host: an address has nothing below it.
pub(super) fn scope(text: &str, scope: Scope) -> Scope {
    if is_address(text) { Scope::Exact } else { scope }
}

/// True for `192.0.2.1`, `2001:db8::1` and `[2001:db8::1]`.
pub(super) fn is_address(text: &str) -> bool {
    let may_be = text.ends_with(|last: char| last.is_ascii_digit()) || text.contains(':');
    may_be && unbracketed(text).parse::<IpAddr>().is_ok()
}

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text)
}

/// True for what has a scheme, a port, a path or a query, so is more than a host.
pub(super) fn is_url(text: &str) -> bool {
    let has_port =
        || text.rsplit_once(':').is_some_and(|(host, port)| is_port(port) && !host.is_empty());
    text.contains(['/', '?']) || (has_port() && !is_address(text))
}

/// The host of a URL that says nothing else: `https://example.com/`, `example.com:443`.
pub(super) fn host_of_bare_url(text: &str) -> Option<&str> {
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => text,
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let host = match authority.rsplit_once(':') {
        Some((host, "80" | "443")) if !is_address(authority) => host,
        _ => authority,
    };
    let bare = !host.is_empty() && (is_address(host) || !host.contains(['/', '?', '#', ':', '@']));
    bare.then_some(host)
}

/// Reads `[scheme://]host[:port]/path`.
pub(super) fn url(text: &str) -> Result<UrlPrefix, Skip> {
    if is_network(text) {
        return Err(Skip::Network);
    }
    text.parse().map_err(|error| match error {
        UrlPrefixError::NoPath if has_host(text) => Skip::PortOfHost,
        _ => Skip::InvalidUrl,
    })
}

/// True for `[scheme://]host[:port][/]`.
fn has_host(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.trim_end_matches('/').rsplit_once(':').map_or(rest, |(host, _)| host);
    DomainName::parse(host.trim_end_matches('/')).is_ok()
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet))
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.len() <= 5 && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// An address and the length of a prefix: `192.0.2.0/24`.
pub(super) fn is_network(text: &str) -> bool {
    let is_length = |text: &str| text.parse::<u8>().is_ok_and(|bits| bits <= 128);
    text.split_once('/').is_some_and(|(host, rest)| is_address(host) && is_length(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in ["192.0.2.1", "2001:db8::1", "[2001:db8::1]", "::"] {
            assert!(is_address(text), "{text}");
        }
        for text in ["example.com", "192.0.2", "1.2.3.4.5", "192.0.2.1:80", "a:1", ""] {
            assert!(!is_address(text), "{text}");
        }
    }

    #[test]
    fn addresses_glued_to_names() {
        for text in ["0.0.0.0example.com", "0.0.0.0123movies.example", "127.0.0.1example.com"] {
            assert_eq!(name(text).unwrap_err(), Skip::GluedAddress, "{text}");
        }
        let whole =
            ["0.0.0.0", "127.0.0.1.nip.io", "127.0.0.100.nip.io", "10.0.0.1x.example", "0.0.0.a"];
        for text in whole {
            assert!(name(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn urls() {
        let cases = [
            ("example.com/a?b=c#d", Ok("example.com/a?b=c")),
            ("https://[2001:db8::1]:8443/a", Ok("[2001:db8::1]:8443/a")),
            ("192.0.2.1/a", Ok("192.0.2.1/a")),
            ("Example.com:8080/a:B", Ok("example.com:8080/a:B")),
            ("école.fr/été", Ok("xn--cole-9oa.fr/été")),
            ("http://example.com", Err(Skip::PortOfHost)),
            ("192.0.2.1:8080", Err(Skip::PortOfHost)),
            ("192.0.2.0/24", Err(Skip::Network)),
            ("2001:db8::/32", Err(Skip::Network)),
            ("$0/", Err(Skip::InvalidUrl)),
            ("/path/only", Err(Skip::InvalidUrl)),
            ("http:///path", Err(Skip::InvalidUrl)),
            ("user@example.com/a", Err(Skip::InvalidUrl)),
            ("example.com:port/a", Err(Skip::InvalidUrl)),
            ("example.com/a b", Err(Skip::InvalidUrl)),
        ];
        for (text, expected) in cases {
            assert!(is_url(text), "{text}");
            let read = url(text).map(|prefix| prefix.to_string());
            assert_eq!(read, expected.map(str::to_owned), "{text}");
        }
        for text in ["example.com", "192.0.2.1", "2001:db8::1", "a b", "a:b"] {
            assert!(!is_url(text), "{text}");
        }
    }
}
