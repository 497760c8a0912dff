//! dnsmasq configuration: the settings by which lists refuse names (dnsmasq(8)).
//!
//! | line | taken as |
//! |---|---|
//! | `address=/d/`, `address=/d/#`, `address=/d/0.0.0.0` | `d` and everything under it |
//! | `local=/d/`, `server=/d/` | the same: never forwarded |
//! | `server=/d/#` | exception within this list: asked as if there were no such line |
//! | `/.d/`, `/*.d/`, `/*d/` in place of `/d/` | `d`; what is below `d`; fragment `d.\|` |
//! | `address=/d/192.0.2.1` | nothing: a rewrite |
//! | `server=/d/192.0.2.1` | nothing: where to ask |
//!
//! Several names may stand between the slashes. Every other setting is counted and left out.
//!
//! The most specific line decides: an exception leaves what the list refuses further down. Fragments
//! are an exception to that: every `server=/d/#` comes before them, where the program compares lengths.

use filter_core::{Options, Scope};

use super::{Kind, Out, ReadOptions, Rule, Sink, Skip, each_name, host, hosts};

pub(super) fn line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let (key, value) = setting(text)?;
    let target: fn(&str) -> Result<bool, Skip> = match key {
        "address" => address_excepts,
        "local" | "server" => server_excepts,
        _ => return Err(Skip::Setting),
    };
    // `server=192.0.2.1` is for every name.
    let Some(names) = value.strip_prefix('/') else {
        return Err(if key == "address" { Skip::NoName } else { Skip::Setting });
    };
    let (names, answer) = names.rsplit_once('/').ok_or(Skip::NoName)?;
    let exception = target(answer)?;
    let flags = Options { exception, nearest: exception, ..Options::default() };
    each_name(names.split('/'), out, |name, out| rule(name, flags, options, out))
}

/// `key=value`, spaces around either dropped.
fn setting(text: &str) -> Result<(&str, &str), Skip> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Skip::Blank);
    }
    if text.starts_with('#') {
        return Err(Skip::Comment);
    }
    let comment = |&(at, _): &(usize, &str)| text[..at].ends_with(char::is_whitespace);
    let entry = match text.match_indices('#').find(comment) {
        Some((at, _)) => text[..at].trim_end(),
        None => text,
    };
    match entry.split_once('=') {
        Some((key, value)) => Ok((key.trim_end(), value.trim_start())),
        // `bogus-priv` and the like.
        None if is_keyword(entry) => Err(Skip::Setting),
        None => Err(Skip::Syntax),
    }
}

fn is_keyword(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-')
}

/// Whether `address=/d/ANSWER` lets names through: never, but it may do something else than refuse.
fn address_excepts(answer: &str) -> Result<bool, Skip> {
    if answer.is_empty() || answer == "#" || hosts::refuses(answer)? {
        Ok(false)
    } else {
        Err(Skip::Rewrite)
    }
}

/// Whether `server=/d/UPSTREAM` lets names through.
fn server_excepts(upstream: &str) -> Result<bool, Skip> {
    match upstream {
        "" => Ok(false),
        "#" => Ok(true),
        _ => Err(Skip::Forward),
    }
}

fn rule<S: Sink>(
    text: &str,
    flags: Options,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    match text {
        "" => return Err(Skip::Unqualified),
        "#" | "*" => return Err(Skip::TooBroad),
        _ => {}
    }
    let Some(tail) = text.strip_prefix('*') else {
        let name = host::name(text)?;
        let scope = host::scope(text, options.scope.unwrap_or(Scope::Subtree));
        return out.rule(Rule::Domain { name: &name, scope }, flags);
    };
    match tail.strip_prefix('.') {
        Some(apex) => {
            let name = host::name(apex)?;
            out.rule(Rule::Domain { name: &name, scope: Scope::SubdomainsOnly }, flags)
        }
        None => out.rule(Rule::Fragment(&format!("{}.|", tail.trim_end_matches('.'))), flags),
    }
}
