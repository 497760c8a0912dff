//! Plain and wildcard domain lists: one name a line.
//!
//! `example.com` and `*.example.com` both mean the name and everything under it, unless the source
//! gives another scope. Comments begin with `#`, `!` or `;`; a `#` may also follow a name. An
//! address is a host written as that address; what has a path or a port of its own is a URL.

use filter_core::Scope;

use super::{Kind, Out, ReadOptions, Rule, Sink, Skip, host};

pub(super) fn line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    if is_bare(text) {
        return name(text, options, out);
    }
    let entry = entry(text)?;
    if host::is_url(entry) {
        if let Some(host) = host::host_of_bare_url(entry) {
            return name(host, options, out);
        }
        host::url(entry)?;
        return out.plain(Rule::Url(entry));
    }
    let entry = entry.strip_prefix("*.").unwrap_or(entry);
    if entry.contains('*') {
        return Err(Skip::Wildcard);
    }
    name(entry, options, out)
}

fn name<S: Sink>(text: &str, options: &ReadOptions, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    let name = host::name(text)?;
    let scope = host::scope(text, options.scope.unwrap_or(Scope::Subtree));
    out.plain(Rule::Domain { name: &name, scope })
}

/// True for the nine lines in ten that are a name and nothing else.
fn is_bare(text: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_');
    !text.is_empty() && text.bytes().all(plain)
}

/// The entry of a line, without spaces and comments around it.
fn entry(text: &str) -> Result<&str, Skip> {
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
