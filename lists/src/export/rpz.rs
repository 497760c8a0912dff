//! A response policy zone (draft-vixie-dnsop-dns-rpz-00), as BIND, Unbound, PowerDNS and Knot load it.
//!
//! Owners are relative to whatever name the zone is loaded under. The owner `d` is about `d`, `*.d`
//! about what is below it. The wildcards are DNS wildcards (RFC 4592) to BIND and Unbound: an owner
//! anywhere below `*.p` takes itself and all names between out of it. So inside of a refused tree
//! each statement is made with both owners, and the names between get their own.

use std::{
    io::{self, Write},
    net::IpAddr,
};

use filter_core::{DomainName, Network, Scope};

use super::{
    Limit,
    tree::{Said, Statement, Writer},
};

/// Longest owner name in octets, on the wire (RFC 1035 §3.1).
const MAX_WIRE: usize = 255;
/// Time to live of refusals in seconds, as Préau's own.
const TTL: u32 = 30;

const REFUSE: &str = ".";
const PASS: &str = "rpz-passthru.";

pub(super) struct Rpz<W> {
    out: W,
    /// Octets of the zone's name on the wire, root included.
    zone: usize,
    /// Owners that were written with their wildcard, each below the one before.
    owners: Vec<Owner>,
}

struct Owner {
    name: DomainName,
    refused_below: bool,
}

impl<W: Write> Rpz<W> {
    pub(super) fn new(mut out: W, zone: &DomainName, serial: u64) -> io::Result<Self> {
        // Zone serials are compared modulo 2³² (RFC 1982), so the low half of a growing number grows.
        let serial = serial as u32;
        writeln!(out, "$TTL {TTL}")?;
        writeln!(out, "@ SOA localhost. root.localhost. {serial} 3600 600 604800 {TTL}")?;
        writeln!(out, "@ NS localhost.")?;
        Ok(Self { out, zone: zone.as_wire().len(), owners: Vec::new() })
    }

    /// An address or network in answers.
    pub(super) fn network(&mut self, network: &Network, refuses: bool) -> io::Result<()> {
        let target = if refuses { REFUSE } else { PASS };
        writeln!(self.out, "{} CNAME {target}", trigger(network))
    }

    fn owner(&mut self, name: &DomainName, refuses: bool) -> io::Result<()> {
        writeln!(self.out, "{name} CNAME {}", if refuses { REFUSE } else { PASS })
    }

    fn wildcard(&mut self, name: &DomainName, refuses: bool) -> io::Result<()> {
        writeln!(self.out, "*.{name} CNAME {}", if refuses { REFUSE } else { PASS })
    }

    /// Gives the names between the enclosing wildcard, if it refuses, and `name` owners of their own.
    fn fill(&mut self, name: &DomainName) -> io::Result<()> {
        while self.owners.last().is_some_and(|owner| !name.is_within(&owner.name)) {
            self.owners.pop();
        }
        let Some(enclosing) = self.owners.last().filter(|owner| owner.refused_below) else {
            return Ok(());
        };
        for labels in enclosing.name.label_count() + 1..name.label_count() {
            let between = name.suffix(labels);
            self.owner(&between, true)?;
            self.wildcard(&between, true)?;
            self.owners.push(Owner { name: between, refused_below: true });
        }
        Ok(())
    }

    /// Room for an owner name before the zone's.
    fn fits(&self, octets: usize) -> bool {
        octets + self.zone <= MAX_WIRE
    }
}

impl<W: Write> Writer for Rpz<W> {
    const ADDRESSES: bool = false;

    fn statement(
        &mut self,
        &Statement { name, scope, refuses, level }: &Statement<'_>,
    ) -> io::Result<Said> {
        let itself = if scope == Scope::SubdomainsOnly { !refuses } else { refuses };
        let below = if scope == Scope::Exact { !refuses } else { refuses };
        // Where nothing is refused, nothing needs to be passed.
        let inside = level > 1;
        let (names_itself, names_below) = (itself || inside, below || inside);

        let octets = name.as_wire().len() - 1;
        let wildcard = b"\x01*".len();
        if !self.fits(octets + if names_below { wildcard } else { 0 }) || is_trigger(name) {
            return Ok(Said::Not(Limit::Name));
        }
        self.fill(name)?;
        if names_itself {
            self.owner(name, itself)?;
        }
        if names_below {
            self.wildcard(name, below)?;
            self.owners.push(Owner { name: name.clone(), refused_below: below });
        }
        Ok(Said::As(scope))
    }
}

/// True for names that would be read as another kind of trigger: `32.1.2.0.192.rpz-ip`.
fn is_trigger(name: &DomainName) -> bool {
    name.labels().next_back().is_some_and(|label| label.starts_with(b"rpz-"))
}

/// The owner of a network: its length and octets or 16-bit groups, reversed; `zz` stands for the
/// longest run of zero groups, as BIND wants it.
fn trigger(network: &Network) -> String {
    let length = network.prefix_len();
    match network.network() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{length}.{d}.{c}.{b}.{a}.rpz-ip")
        }
        IpAddr::V6(address) => {
            let groups = address.segments();
            let run =
                |start: usize| groups[start..].iter().take_while(|&&group| group == 0).count();
            // The first of the longest runs.
            let zeros =
                (0..8).rev().max_by_key(|&start| run(start)).map(|start| (start, run(start)));
            let mut parts = Vec::new();
            let mut index = 0;
            while index < 8 {
                match zeros {
                    Some((start, length)) if start == index && length > 1 => {
                        parts.push("zz".to_owned());
                        index += length;
                    }
                    _ => {
                        parts.push(format!("{:x}", groups[index]));
                        index += 1;
                    }
                }
            }
            parts.reverse();
            format!("{length}.{}.rpz-ip", parts.join("."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_of_networks() {
        let cases = [
            ("192.0.2.1/32", "32.1.2.0.192.rpz-ip"),
            ("192.0.2.0/24", "24.0.2.0.192.rpz-ip"),
            ("2001:db8::1/128", "128.1.zz.db8.2001.rpz-ip"),
            ("2001:db8::/32", "32.zz.db8.2001.rpz-ip"),
            ("2001:db8:0:1::/64", "64.zz.1.0.db8.2001.rpz-ip"),
            ("2001:0:0:1:0:0:0:1/128", "128.1.zz.1.0.0.2001.rpz-ip"),
            ("2001:0:0:1:1:0:0:1/128", "128.1.0.0.1.1.zz.2001.rpz-ip"),
            ("1:2:3:4:5:6:7:8/128", "128.8.7.6.5.4.3.2.1.rpz-ip"),
            ("::/0", "0.zz.rpz-ip"),
        ];
        for (network, owner) in cases {
            assert_eq!(trigger(&network.parse().unwrap()), owner, "{network}");
        }
    }
}
