//! Plain and wildcard domain lists: one name a line.
//!
//! In a plain list `example.com` and `*.example.com` both mean the name and everything under it,
//! unless the source gives another scope. In a wildcard list only `*.example.com` does, and
//! `example.com` is that name alone.
//!
//! Comments begin with `#`, `!` or `;`; a `#` may also follow a name. An address is a host written as
//! that address; what has a path or a port of its own is a URL.

use filter_core::Scope;

use super::{Kind, Out, ReadOptions, Rule, Sink, Skip, host};

/// A line of a plain list.
pub(super) fn line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let scope = options.scope.unwrap_or(Scope::Subtree);
    entry(text, Scopes { plain: scope, starred: scope }, out)
}

/// A line of a wildcard list.
pub(super) fn wildcard_line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let starred = options.scope.unwrap_or(Scope::Subtree);
    entry(text, Scopes { plain: Scope::Exact, starred }, out)
}

/// What is meant by `example.com`, and by `*.example.com`.
#[derive(Clone, Copy)]
struct Scopes {
    plain: Scope,
    starred: Scope,
}

fn entry<S: Sink>(text: &str, scopes: Scopes, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    if is_bare(text) {
        return name(text, scopes.plain, out);
    }
    let entry = without_surroundings(text)?;
    if host::is_url(entry) {
        if let Some(host) = host::host_of_bare_url(entry) {
            return name(host, scopes.plain, out);
        }
        return out.url(entry);
    }
    let (text, scope) = match entry.strip_prefix("*.") {
        Some(text) => (text, scopes.starred),
        None => (entry, scopes.plain),
    };
    if text.contains('*') {
        return Err(Skip::Wildcard);
    }
    name(text, scope, out)
}

fn name<S: Sink>(text: &str, scope: Scope, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    let name = host::name(text)?;
    out.plain(Rule::Domain { name: &name, scope: host::scope(text, scope) })
}

/// True for the nine lines in ten that are a name and nothing else.
fn is_bare(text: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_');
    !text.is_empty() && text.bytes().all(plain)
}

/// The entry of a line, without spaces and comments around it.
fn without_surroundings(text: &str) -> Result<&str, Skip> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Skip::Blank);
    }
    if text.starts_with(['#', '!', ';']) || (text.starts_with('[') && !host::is_address(text)) {
        return Err(Skip::Comment);
    }
    let entry = without_comment(text);
    if entry.contains(char::is_whitespace) { Err(Skip::SeveralWords) } else { Ok(entry) }
}

/// A `#` begins a comment after a space; without one, unless it is a URL's fragment.
fn without_comment(text: &str) -> &str {
    let begins = |&(at, _): &(usize, &str)| {
        let before = &text[..at];
        before.ends_with(char::is_whitespace) || !before.contains('/')
    };
    match text.match_indices('#').find(begins) {
        Some((at, _)) => text[..at].trim_end(),
        None => text,
    }
}
