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
//! Of the modifiers, `important`, `badfilter` and, on a rule about a name, `denyallow` are known; any
//! other leaves the rule out.

mod badfilters;
mod pattern;

use std::borrow::Cow;

use filter_core::{DomainName, Options, Scope};

use super::{Kind, Out, ReadOptions, Rule, Sink, Skip, expression, host};

pub(super) use badfilters::Badfilters;
pub(crate) use badfilters::taken_back;
use pattern::Pattern;

/// What begins or parts a rule on the content of pages.
const COSMETIC: [&str; 10] =
    ["##", "#@#", "#?#", "#$#", "#%#", "#@?#", "#@$#", "#@%#", "#$?#", "$$"];

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
    if options.corrections.badfilters.contains(text) {
        return Err(Skip::TakenBack);
    }
    let (rule, modifiers) = split_modifiers(text);
    let (pattern, exception) = match rule.strip_prefix("@@") {
        Some(pattern) => (pattern, true),
        None => (rule, false),
    };
    let Modifiers { important, badfilter, denyallow } = Modifiers::read(modifiers)?;
    if badfilter {
        let honoured = options.corrections.badfilters.honours(text);
        return Err(if honoured { Skip::Badfilter } else { Skip::BadfilterLimit });
    }
    let flags = Options { important, exception, narrow: denyallow.is_some(), ..Options::default() };
    if let Some(spared) = denyallow {
        return narrow(pattern, spared, flags, options.scope, out);
    }
    match expression_body(pattern) {
        Some(body) => expression::rule(body, flags, out),
        None => Pattern::read(&lower(pattern))?.emit(pattern, flags, options.scope, out),
    }
}

/// `||d^$denyallow=a|b`: a rule on `d`, and exceptions from it for those of `a` and `b` that lie
/// within `d`. Left out where this is not all that it says.
fn narrow<S: Sink>(
    pattern: &str,
    spared: &str,
    flags: Options,
    scope: Option<Scope>,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let unusable = || Skip::Modifier("denyallow".into());
    let rule = Pattern::read(&lower(pattern))?;
    let Pattern::Domain { name, .. } = &rule else { return Err(unusable()) };
    let name = host::name(name)?;
    let spared = || spared.split('|').map(host::name);
    // Spared altogether, or by names that are none.
    let is_void = |other: Result<DomainName, Skip>| other.is_ok_and(|other| name.is_within(&other));
    if flags.exception || spared().any(|other| other.is_err()) || spared().any(is_void) {
        return Err(unusable());
    }
    // First, so that no rule is without them: one may be refused.
    for other in spared().flatten().filter(|other| other.is_within(&name)) {
        let flags = Options { exception: true, ..flags };
        out.rule(Rule::Domain { name: &other, scope: Scope::Subtree }, flags)?;
    }
    rule.emit(pattern, flags, scope, out)
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

/// What follows the `$` of a rule.
#[derive(Debug, Default, PartialEq, Eq)]
struct Modifiers<'t> {
    important: bool,
    badfilter: bool,
    /// Names, separated by `|`.
    denyallow: Option<&'t str>,
}

impl<'t> Modifiers<'t> {
    /// Fails on the first modifier that is not known.
    fn read(modifiers: Option<&'t str>) -> Result<Self, Skip> {
        let mut read = Self::default();
        for modifier in modifiers.into_iter().flat_map(|text| text.split(',')).map(str::trim) {
            match (modifier, modifier.strip_prefix("denyallow=")) {
                ("important", _) => read.important = true,
                ("badfilter", _) => read.badfilter = true,
                (_, Some(names)) if read.denyallow.is_none() => read.denyallow = Some(names),
                (other, _) => return Err(Skip::Modifier(modifier_name(other))),
            }
        }
        Ok(read)
    }
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
        let important = Modifiers { important: true, ..Modifiers::default() };
        let denyallow = Modifiers { denyallow: Some("a|b"), ..Modifiers::default() };
        let cases = [
            (None, Ok(Modifiers::default())),
            (Some("important"), Ok(important)),
            (
                Some("important, badfilter"),
                Ok(Modifiers { important: true, badfilter: true, denyallow: None }),
            ),
            (Some("denyallow=a|b"), Ok(denyallow)),
            (Some("denyallow=a,denyallow=b"), unknown("denyallow")),
            (Some("~third-party"), unknown("third-party")),
            (Some("important,domain=a|b"), unknown("domain")),
            (Some(""), unknown("(unreadable)")),
            (Some("a b"), unknown("(unreadable)")),
        ];
        for (text, expected) in cases {
            assert_eq!(Modifiers::read(text), expected, "{text:?}");
        }
    }
}
