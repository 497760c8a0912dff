//! Regular expressions of lists: which of them can match a host name at all, and which are for URLs.

use std::borrow::Cow;

use filter_core::RuleError;
use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind},
};

use super::{Kind, Out, Rule, Sink, Skip};

/// Nesting that the parser follows: real expressions nest three deep.
const NEST_LIMIT: u32 = 50;

/// Gives an expression in the syntax of `regex-automata` to the sink: for host names, unless it needs
/// something that none holds, such as the `/` of a URL. Then it is for URLs.
pub(super) fn rule<S: Sink>(
    text: &str,
    options: filter_core::Options,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let rule = match matches_a_host(&parse(text)?) {
        true => Rule::Expression(text),
        false => Rule::UrlExpression(text),
    };
    out.rule(rule, options)
}

/// Gives an expression to the sink that is meant for URLs, whatever it can match.
pub(super) fn url_rule<S: Sink>(text: &str, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    parse(text)?;
    out.plain(Rule::UrlExpression(text))
}

/// As the engine reads it, so that what is valid here is valid there.
fn parse(text: &str) -> Result<Hir, Skip> {
    let parsed = ParserBuilder::new()
        .nest_limit(NEST_LIMIT)
        .case_insensitive(true)
        .unicode(false)
        .utf8(false)
        .build()
        .parse(text);
    Ok(parsed.map_err(|error| RuleError::Expression(error.to_string()))?)
}

/// False when every match holds an octet that no host name has.
fn matches_a_host(hir: &Hir) -> bool {
    let in_host = |&octet: &u8| octet.is_ascii_alphanumeric() || b".-_:".contains(&octet);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => literal.0.iter().all(in_host),
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().any(|range| (range.start()..=range.end()).any(|octet| in_host(&octet)))
        }
        HirKind::Class(Class::Unicode(class)) => class.iter().any(|range| {
            (range.start()..=range.end().min('\x7f'))
                .any(|c| u8::try_from(c).is_ok_and(|o| in_host(&o)))
        }),
        HirKind::Repetition(repetition) => repetition.min == 0 || matches_a_host(&repetition.sub),
        HirKind::Capture(capture) => matches_a_host(&capture.sub),
        HirKind::Concat(parts) => parts.iter().all(matches_a_host),
        HirKind::Alternation(branches) => branches.iter().any(matches_a_host),
    }
}

/// A POSIX extended regular expression in the syntax of `regex-automata`. They differ in bracket
/// expressions, where POSIX knows neither nesting nor set operations.
pub(super) fn from_posix(text: &str) -> Cow<'_, str> {
    if !text.contains('[') {
        return Cow::Borrowed(text);
    }
    let mut translated = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        match character {
            '\\' => {
                let length = rest.chars().take(2).map(char::len_utf8).sum();
                translated.push_str(&rest[..length]);
                rest = &rest[length..];
            }
            '[' => rest = bracket(rest, &mut translated),
            _ => {
                translated.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    Cow::Owned(translated)
}

/// Translates the bracket expression that `text` begins with; returns what follows it.
fn bracket<'t>(text: &'t str, translated: &mut String) -> &'t str {
    // A `]` that comes first stands for itself.
    let opening = ["[^]", "[]", "[^", "["].into_iter().find(|start| text.starts_with(start));
    let opening = opening.unwrap_or_default();
    translated.push_str(opening);
    let mut rest = &text[opening.len()..];
    while let Some(character) = rest.chars().next() {
        let class_name = rest.strip_prefix("[:").and_then(|name| Some(name.find(":]")? + 4));
        let length = match (character, class_name) {
            (']', _) => {
                translated.push(']');
                return &rest[1..];
            }
            ('[', Some(length)) => length,
            // Nested sets and set operations in the other syntax.
            ('[' | '&' | '~', _) => {
                translated.push('\\');
                1
            }
            // People write `\?` and `\]` in brackets as in Perl, whatever POSIX says.
            ('\\', _) => rest.chars().take(2).map(char::len_utf8).sum(),
            (other, _) => other.len_utf8(),
        };
        translated.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_can_match_a_host() {
        let cases = [
            (r"(^|\.)ads?[0-9]*\.", true),
            (r"casino|/banner/", true),
            (r"(/banner/|/sponsor/|adverts/)", false),
            (r"^https?:\/\/.*\.xyz", false),
            (r"^(https?:\/\/)?ads\.", true),
            (r"\/x*ads", false),
            (r"[/?]ads", false),
            (r"[/.]ads", true),
            (r"[^/]+", true),
            (r".*", true),
            (r"a b", false),
            (r"ADS", true),
            // The real ones of UT1.
            (r"^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/search\?q=[0-9]+$", false),
            (r".*/ymsgr*\.exe", false),
            (r"((google\..*/search.q=cache)|(images.google.[a-z]+/images.q=tbn))", false),
        ];
        for (text, expected) in cases {
            let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
            assert_eq!(matches_a_host(&parser.parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn posix_brackets() {
        let cases = [
            ("abc", "abc"),
            (r"a\[b", r"a\[b"),
            ("[abc]d", "[abc]d"),
            ("[]a]b", "[]a]b"),
            ("[^]a]b", "[^]a]b"),
            ("[a[b]", r"[a\[b]"),
            ("[[:alpha:]&&x]", r"[[:alpha:]\&\&x]"),
            ("[a~~b]", r"[a\~\~b]"),
            (r"[-\?+=/_]", r"[-\?+=/_]"),
            (r"[\]]a", r"[\]]a"),
            ("[abc", "[abc"),
            ("[[:", r"[\[:"),
            ("é[é]é", "é[é]é"),
            (r"a\", r"a\"),
            (r"[\", r"[\"),
        ];
        for (text, expected) in cases {
            assert_eq!(from_posix(text), expected, "{text}");
        }
        // Every valid one is read by the parser.
        for (text, _) in cases.iter().take(10) {
            assert!(regex_syntax::Parser::new().parse(&from_posix(text)).is_ok(), "{text}");
        }
    }
}
