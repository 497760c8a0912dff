//! The pattern of a rule: what it is certain to say of hosts.

use filter_core::{Options, Scope};

use crate::formats::{Kind, Out, Rule, Sink, Skip, expression, host};

/// What is certain to be said of hosts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// A name; the scope is the source's to replace unless the pattern states it.
    Domain {
        name: String,
        scope: Scope,
        stated: bool,
    },
    Fragment(String),
    Expression(String),
    Url,
}

/// Where a pattern begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// `||`: at a label of the host.
    Label,
    /// `|`: at the beginning, which for a DNS filter is that of the host.
    Name,
    /// Anywhere in the URL.
    Anywhere,
}

impl Pattern {
    /// Reads a pattern in lower case.
    pub(super) fn read(pattern: &str) -> Result<Self, Skip> {
        if pattern.contains(char::is_whitespace) {
            return Err(Skip::SeveralWords);
        }
        let (start, body) = match pattern.strip_prefix("||") {
            Some(body) => (Start::Label, body),
            None => match pattern.strip_prefix('|') {
                Some(body) => (Start::Name, body),
                None => (Start::Anywhere, pattern),
            },
        };
        let open = body.strip_suffix('|').unwrap_or(body);
        // Anything may follow a separator: `||d^*` says no more than `||d^`.
        let open = if open.ends_with("^*") { open.trim_end_matches('*') } else { open };
        let bounded = open.strip_suffix('^').unwrap_or(open);
        let ends = bounded.len() < body.len();

        if host::is_address(bounded) {
            return Ok(Self::domain(bounded, Scope::Exact, true));
        }
        if bounded.contains(|c: char| !is_host_or_wildcard(c)) {
            return if begins_with_a_host(start, body) {
                Ok(Self::Url)
            } else {
                Err(Skip::UrlPattern)
            };
        }
        if start != Start::Anywhere && !bounded.contains(char::is_alphabetic) {
            return Err(Skip::AddressPrefix);
        }
        match start {
            Start::Label | Start::Name if bounded.contains('*') => {
                Self::wildcard(start, bounded, ends)
            }
            Start::Label => Self::at_label(bounded, ends),
            Start::Name if ends => Ok(Self::domain(bounded, Scope::Exact, true)),
            Start::Name => Ok(Self::Fragment(format!("|.{bounded}"))),
            Start::Anywhere => Self::floating(bounded.trim_start_matches('*'), ends),
        }
    }

    fn domain(name: &str, scope: Scope, stated: bool) -> Self {
        Self::Domain { name: name.into(), scope, stated }
    }

    /// `||body`, without wildcards.
    fn at_label(body: &str, ends: bool) -> Result<Self, Skip> {
        if let Some(apex) = body.strip_prefix('.') {
            return Ok(Self::domain(apex, Scope::SubdomainsOnly, true));
        }
        // Nobody who writes `||example.com` means `example.com.evil.example` or `example.community`.
        if ends || has_known_suffix(body) {
            return Ok(Self::domain(body, Scope::Subtree, false));
        }
        if is_public_suffix(body.trim_end_matches('.')) {
            return Err(Skip::PublicSuffix);
        }
        Ok(Self::Fragment(format!(".{body}")))
    }

    /// A pattern that could begin anywhere in a URL: about hosts only if it ends one, or is one.
    fn floating(body: &str, ends: bool) -> Result<Self, Skip> {
        if body.contains('*') || !has_known_suffix(body) {
            return Err(Skip::UrlPattern);
        }
        match (body.strip_prefix('.'), ends) {
            (Some(apex), true) if apex.contains('.') => {
                Ok(Self::domain(apex, Scope::SubdomainsOnly, true))
            }
            (None, false) if has_registrable(body) => Ok(Self::domain(body, Scope::Exact, false)),
            (None, true) if body.contains('.') && body.starts_with(char::is_alphanumeric) => {
                Ok(Self::domain(body, Scope::Subtree, false))
            }
            // What follows the cut label must be a name of its own: `-ad.pl^` is a Perl script.
            (None, true) if body.split_once('.').is_some_and(|(_, name)| has_registrable(name)) => {
                Ok(Self::Fragment(format!("{body}.|")))
            }
            _ => Err(Skip::UrlPattern),
        }
    }

    /// `||body` or `|body` with wildcards: about hosts only if it ends one.
    fn wildcard(start: Start, body: &str, ends: bool) -> Result<Self, Skip> {
        if let (Start::Label, Some(apex)) = (start, body.strip_prefix("*."))
            && !apex.contains('*')
            && (ends || has_known_suffix(apex))
        {
            return Ok(Self::domain(apex, Scope::SubdomainsOnly, true));
        }
        let tail = body.rsplit('*').next().unwrap_or_default();
        if !ends || !tail.contains('.') || !has_known_suffix(tail) {
            return Err(Skip::UrlPattern);
        }
        let mut text = String::from(if start == Start::Label { r"(?:^|\.)" } else { "^" });
        for character in body.chars() {
            match character {
                '*' => text.push_str(".*"),
                '.' => text.push_str(r"\."),
                // The rest are letters, digits, `-` and `_`; beyond ASCII the engine refuses.
                other => text.push(other),
            }
        }
        text.push('$');
        Ok(Self::Expression(text))
    }

    pub(super) fn emit<S: Sink>(
        self,
        written: &str,
        flags: Options,
        scope: Option<Scope>,
        out: &mut Out<'_, S>,
    ) -> Result<Kind, Skip> {
        match self {
            Self::Domain { name: text, scope: own, stated } => {
                let name = host::name(&text)?;
                let scope = if stated { own } else { scope.unwrap_or(own) };
                out.rule(Rule::Domain { name: &name, scope }, flags)
            }
            Self::Fragment(text) => out.rule(Rule::Fragment(&text), flags),
            Self::Expression(text) => expression::rule(&text, flags, out),
            Self::Url => url(written, flags, out),
        }
    }
}

/// The rule of a pattern on a URL: a prefix, or the host alone where every URL of it is meant. What
/// ends with a separator or has wildcards within says less than a prefix does and is left out.
fn url<S: Sink>(pattern: &str, flags: Options, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    let start = pattern.trim_start_matches('|');
    let scope = if pattern.starts_with("||") { Scope::Subtree } else { Scope::Exact };
    let start = start.strip_prefix("://").unwrap_or(start).trim_end_matches('*');
    if start.contains(['*', '^', '|']) {
        return Err(Skip::UrlPattern);
    }
    match host::host_of_bare_url(start) {
        Some(host) => out.rule(Rule::Domain { name: &host::name(host)?, scope }, flags),
        None => out.rule(Rule::Url(&host::url(start)?), flags),
    }
}

fn is_host_or_wildcard(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '*')
}

/// True for `||host/path`, `|http://host/path` and `://host/path`, the host being spelt out.
fn begins_with_a_host(start: Start, body: &str) -> bool {
    let rest = match body.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|octet| octet.is_ascii_alphanumeric()) => rest,
        _ if start == Start::Label => body,
        _ => return false,
    };
    let end = rest.find(['/', '?', ':', '^', '|', '*']).unwrap_or(rest.len());
    has_known_suffix(&rest[..end]) && host::name(&rest[..end]).is_ok()
}

/// True when the last label is a real top-level domain, so that the text can end a host.
fn has_known_suffix(text: &str) -> bool {
    !text.ends_with('.') && psl::suffix(text.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// True when there is a registrable name: a label before a public suffix.
fn has_registrable(text: &str) -> bool {
    psl::domain(text.as_bytes()).is_some_and(|domain| domain.suffix().is_known())
        && !text.starts_with('.')
}

fn is_public_suffix(text: &str) -> bool {
    psl::suffix(text.as_bytes())
        .is_some_and(|suffix| suffix.is_known() && suffix.as_bytes() == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str, scope: Scope) -> Result<Pattern, Skip> {
        let stated = scope != Scope::Subtree;
        Ok(Pattern::Domain { name: name.into(), scope, stated })
    }

    fn fragment(text: &str) -> Result<Pattern, Skip> {
        Ok(Pattern::Fragment(text.into()))
    }

    fn expression(text: &str) -> Result<Pattern, Skip> {
        Ok(Pattern::Expression(text.into()))
    }

    #[test]
    fn patterns_about_hosts() {
        use Scope::{Exact, SubdomainsOnly, Subtree};
        let cases = [
            ("||example.com^", domain("example.com", Subtree)),
            ("||example.com", domain("example.com", Subtree)),
            ("||example.com|", domain("example.com", Subtree)),
            ("||example.com^|", domain("example.com", Subtree)),
            ("||example.com^*", domain("example.com", Subtree)),
            ("||example.lan^", domain("example.lan", Subtree)),
            ("||com^", domain("com", Subtree)), // the builder refuses it
            ("||банрек.рус^", domain("банрек.рус", Subtree)),
            ("example.com^", domain("example.com", Subtree)),
            ("|example.com^", domain("example.com", Exact)),
            (".example.com^", domain("example.com", SubdomainsOnly)),
            ("*.example.com^", domain("example.com", SubdomainsOnly)),
            ("||.example.com^", domain("example.com", SubdomainsOnly)),
            ("||*.example.com^", domain("example.com", SubdomainsOnly)),
            ("||*.example.com", domain("example.com", SubdomainsOnly)),
            ("||192.0.2.1^", domain("192.0.2.1", Exact)),
            ("192.0.2.1", domain("192.0.2.1", Exact)),
            ("||[2001:db8::1]^", domain("[2001:db8::1]", Exact)),
            ("||adservice.google.", fragment(".adservice.google.")),
            ("||admulti.", fragment(".admulti.")),
            ("||adsrv", fragment(".adsrv")),
            ("|ads.", fragment("|.ads.")),
            ("-logging.nextmedia.com^", fragment("-logging.nextmedia.com.|")),
            ("||real*traf.ru^", expression(r"(?:^|\.)real.*traf\.ru$")),
            ("||*ads.example.com^", expression(r"(?:^|\.).*ads\.example\.com$")),
            ("|ads*.example.com|", expression(r"^ads.*\.example\.com$")),
        ];
        for (text, expected) in cases {
            assert_eq!(Pattern::read(text), expected, "{text}");
        }
        let bare = Pattern::Domain { name: "example.com".into(), scope: Exact, stated: false };
        assert_eq!(Pattern::read("example.com"), Ok(bare));
    }

    #[test]
    fn patterns_about_urls() {
        let urls = [
            "||example.com/ads/",
            "||example.com/",
            "||example.com:8040",
            "||example.com^third-party",
            "||example.com^*_*.php",
            "||example.com*&partner=",
            "|http://example.com^",
            "://example.com^",
        ];
        for text in urls {
            assert_eq!(Pattern::read(text), Ok(Pattern::Url), "{text}");
        }
        let paths = [
            "-ad-banner.",
            "-120x600.",
            "-468-60.",
            "/ads/*",
            "&ad_box_",
            "_ad.gif",
            ".com/b.js|",
            ".ads.controller.js",
            ".n.2.1.js^",
            "-ad.pl^",
            "-ad-",
            "ads*.example.com^",
            "://*.example.com^",
            "||online.*/promoredirect?key=",
            "||ads*",
            "||example.com*entranceid",
            "com",
            "co.uk",
            "ads^",
            "*",
        ];
        for text in paths {
            assert_eq!(Pattern::read(text), Err(Skip::UrlPattern), "{text}");
        }
        assert_eq!(Pattern::read("||130.211."), Err(Skip::AddressPrefix));
        assert_eq!(Pattern::read("||com."), Err(Skip::PublicSuffix));
        assert_eq!(Pattern::read("||co.uk."), Err(Skip::PublicSuffix));
        assert_eq!(Pattern::read("0.0.0.0 example.com"), Err(Skip::SeveralWords));
    }
}
