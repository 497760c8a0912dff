//! Hosts files: `ADDRESS NAME [ALIAS…] [# comment]`, those names only (not what is below them).
//!
//! An address that leads nowhere means refusal; any other is a rewrite, which lists may not do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use filter_core::Scope;

use super::{Kind, Out, ReadOptions, Rule, Sink, Skip, each_name, host};

pub(super) fn line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let (entry, comment) = text.split_once('#').map_or((text, None), |(a, b)| (a, Some(b)));
    let mut words = entry.split_ascii_whitespace();
    let address =
        words.next().ok_or(if comment.is_some() { Skip::Comment } else { Skip::Blank })?;
    let refuses = refuses(address)?;
    if words.clone().next().is_none() {
        return Err(Skip::NoName);
    }
    if words.clone().all(is_local) {
        return Err(Skip::LocalName);
    }
    if !refuses {
        return Err(Skip::Rewrite);
    }
    each_name(words, out, |word, out| name(word, options, out))
}

fn name<S: Sink>(word: &str, options: &ReadOptions, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    if is_local(word) {
        return Err(Skip::LocalName);
    }
    let name = host::name(word)?;
    let scope = host::scope(word, options.scope.unwrap_or(Scope::Exact));
    out.plain(Rule::Domain { name: &name, scope })
}

/// True when the address leads nowhere: unspecified or loopback.
pub(super) fn refuses(text: &str) -> Result<bool, Skip> {
    match text {
        "0.0.0.0" | "127.0.0.1" => return Ok(true), // nearly all lines
        _ => {}
    }
    // `fe80::1%lo0 localhost` stands in the hosts file of macOS.
    let bare = text.split_once('%').map_or(text, |(address, _zone)| address);
    match bare.parse::<IpAddr>().map_err(|_| Skip::NoAddress)? {
        IpAddr::V4(address) => Ok(address == Ipv4Addr::UNSPECIFIED || address.is_loopback()),
        IpAddr::V6(address) => Ok(address == Ipv6Addr::UNSPECIFIED || address.is_loopback()),
    }
}

/// The machine's own names.
fn is_local(word: &str) -> bool {
    let local = ["localhost", "localhost.localdomain", "local", "broadcasthost", "0.0.0.0"];
    local.iter().any(|name| name.eq_ignore_ascii_case(word))
        // `ip6-allnodes`, and no name that somebody could own.
        || (!word.contains('.')
            && word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("ip6-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_machine() {
        for name in ["localhost", "LOCALHOST", "ip6-localhost", "IP6-allnodes", "ip6-", "0.0.0.0"] {
            assert!(is_local(name), "{name}");
        }
        for name in ["ip6-x.example.com", "ip6-ads.example", "ip6", "localhost.example", "é"] {
            assert!(!is_local(name), "{name}");
        }
    }
}
