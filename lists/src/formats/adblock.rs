//! AdBlock-style lists: the subset that a DNS filter can honour.
//!
//! These lists are mostly written for browsers, which see whole URLs. A rule is taken only when it
//! is certain to be about a host; blocking more than a list says is worse than leaving a rule out.
//!
//! | rule | taken as |
//! |---|---|
//! | `\|\|d^`, `\|\|d^\|`, `\|\|d` | `d` and everything under it |
//! | `\|d^`, a bare `d` | `d` only |
//! | `.d^`, `\|\|*.d^` | what is below `d` |
//! | `\|\|ads.` | fragment `.ads.`: a label at least, with others after it |
//! | `-ads.d^` | fragment `-ads.d.\|` |
//! | `\|\|ad*.d^`, `/regex/` | expression |
//! | `@@` before a name | exception within this list |
//! | `\|\|d/path`, `://d^` | URL |
//! | `-ad-banner.`, `/ads/*`, `&ad_box_` | nothing: it is about paths |
//!
//! Of the modifiers, `important` and `badfilter` are known; any other leaves the rule out.

use std::{borrow::Cow, collections::HashSet, io::BufRead};

use filter_core::{Options, Scope};

use super::{
    Kind, Out, ReadError, ReadOptions, Rule, Sink, Skip, expression, host,
    lines::{Line, Lines},
};

/// Most `$badfilter` rules that one list may hold. EasyPrivacy, a large one, holds two.
const MAX_BADFILTERS: usize = 10_000;

/// What begins or parts a rule on the content of pages.
const COSMETIC: [&str; 10] =
    ["##", "#@#", "#?#", "#$#", "#%#", "#@?#", "#@$#", "#@%#", "#$?#", "$$"];

/// The texts of the rules that a list takes back with `$badfilter`.
#[derive(Clone, Debug, Default)]
pub struct Badfilters(HashSet<Box<str>>);

impl Badfilters {
    /// Looks through a list for them: they may come after the rule that they take back. Beyond ten
    /// thousand, the rest is ignored.
    ///
    /// # Errors
    /// [`ReadError`], when the input fails or is no text.
    pub fn scan(input: impl BufRead) -> Result<Self, ReadError> {
        let mut lines = Lines::new(input)?;
        let mut texts = HashSet::new();
        while let Some(line) = lines.next()? {
            let Line::Whole(text) = line else { continue };
            if text.contains("badfilter") && texts.len() < MAX_BADFILTERS {
                texts.extend(taken_back(&text));
            }
        }
        Ok(Self(texts))
    }

    fn contains(&self, rule: &str) -> bool {
        !self.0.is_empty() && self.0.contains(rule)
    }
}

/// The rule that a `$badfilter` rule takes back: itself without that modifier.
pub(crate) fn taken_back(text: &str) -> Option<Box<str>> {
    let text = text.trim();
    if is_comment(text) {
        return None;
    }
    let (pattern, modifiers) = split_modifiers(text);
    let modifiers = modifiers?.split(',').map(str::trim);
    let others: Vec<&str> = modifiers.clone().filter(|&name| name != "badfilter").collect();
    match others.len() {
        n if n == modifiers.count() => None,
        0 => Some(pattern.into()),
        _ => Some(format!("{pattern}${}", others.join(",")).into()),
    }
}

pub(super) fn line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Skip::Blank);
    }
    if is_comment(text) {
        return Err(Skip::Comment);
    }
    if COSMETIC.iter().any(|mark| text.contains(mark)) {
        return Err(Skip::Cosmetic);
    }
    if options.badfilters.contains(text) {
        return Err(Skip::TakenBack);
    }
    let (rule, modifiers) = split_modifiers(text);
    let (pattern, exception) = match rule.strip_prefix("@@") {
        Some(pattern) => (pattern, true),
        None => (rule, false),
    };
    let important = modifiers.map_or(Ok(false), known_modifiers)?;
    let flags = Options { important, exception, narrow: false };
    match expression_body(pattern) {
        Some(body) => expression::rule(body, flags, out),
        None => Pattern::read(&lower(pattern))?.emit(pattern, flags, options.scope, out),
    }
}

fn is_comment(text: &str) -> bool {
    text.starts_with(['!', '['])
        || (text.starts_with('#') && !COSMETIC.iter().any(|mark| text.starts_with(mark)))
}

/// The body of `/regex/`.
fn expression_body(pattern: &str) -> Option<&str> {
    pattern.strip_prefix('/')?.strip_suffix('/').filter(|body| !body.is_empty())
}

/// The rule before its last `$`, and the modifiers after it. A `$` that ends a regular expression
/// or is escaped begins no modifiers.
fn split_modifiers(text: &str) -> (&str, Option<&str>) {
    if expression_body(text.strip_prefix("@@").unwrap_or(text)).is_some() {
        return (text, None);
    }
    let begins = |&(at, _): &(usize, &str)| {
        !text[..at].ends_with('\\') && !text[at + 1..].starts_with(['/', ')', '|'])
    };
    match text.rmatch_indices('$').find(begins) {
        Some((at, _)) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Whether the rule is important; fails on the first modifier that is not known.
fn known_modifiers(modifiers: &str) -> Result<bool, Skip> {
    let mut important = false;
    let mut badfilter = false;
    for modifier in modifiers.split(',').map(str::trim) {
        match modifier {
            "important" => important = true,
            "badfilter" => badfilter = true,
            other => return Err(Skip::Modifier(modifier_name(other))),
        }
    }
    if badfilter { Err(Skip::Badfilter) } else { Ok(important) }
}

/// `domain` of `domain=a|b`, `third-party` of `~third-party`.
fn modifier_name(modifier: &str) -> String {
    let name = modifier.split('=').next().unwrap_or_default().trim_start_matches('~');
    let readable = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 32 || !name.chars().all(readable) {
        return "(unreadable)".into();
    }
    name.to_ascii_lowercase()
}

/// What is certain to be said of hosts.
#[derive(Debug, PartialEq, Eq)]
enum Pattern {
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
    fn read(pattern: &str) -> Result<Self, Skip> {
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

    fn emit<S: Sink>(
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
            Self::Url => out.rule(Rule::Url(written), flags),
        }
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
    has_known_suffix(&rest[..end]) && host::url(&rest[..end]).is_ok()
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

/// Text in lower case, copied only where it is not already.
fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|octet| octet.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
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

    #[test]
    fn modifiers() {
        let cases = [
            ("||d^", ("||d^", None)),
            ("||d^$important", ("||d^", Some("important"))),
            ("||d/a$b$script,domain=x", ("||d/a$b", Some("script,domain=x"))),
            ("/ads$/", ("/ads$/", None)),
            ("@@/ads$/", ("@@/ads$/", None)),
            ("/ads$/$important", ("/ads$/", Some("important"))),
            (r"||d/\$a", (r"||d/\$a", None)),
            ("$0", ("", Some("0"))),
        ];
        for (text, expected) in cases {
            assert_eq!(split_modifiers(text), expected, "{text}");
        }
        let unknown = |name: &str| Err(Skip::Modifier(name.into()));
        let cases = [
            ("important", Ok(true)),
            ("important, badfilter", Err(Skip::Badfilter)),
            ("~third-party", unknown("third-party")),
            ("important,domain=a|b", unknown("domain")),
            ("", unknown("(unreadable)")),
            ("a b", unknown("(unreadable)")),
        ];
        for (text, expected) in cases {
            assert_eq!(known_modifiers(text), expected, "{text}");
        }
    }

    #[test]
    fn what_a_badfilter_takes_back() {
        let cases = [
            ("||d^$badfilter", Some("||d^")),
            (" ||d^$important,badfilter ", Some("||d^$important")),
            ("||d^$script,badfilter,image", Some("||d^$script,image")),
            ("! ||d^$badfilter", None),
            ("||badfilter.example^", None),
            ("||badfilter.example^$important", None),
        ];
        for (text, expected) in cases {
            assert_eq!(taken_back(text).as_deref(), expected, "{text}");
        }
    }
}
