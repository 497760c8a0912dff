//! The name tree of a bundle as one profile sees it: only where the verdict changes.
//!
//! Names come in canonical order (RFC 4034 §6.1), an ancestor before what is below it, so the tree
//! is walked with a stack of the regions that the file has opened. Of each listed name the engine
//! itself is asked twice, about the name and about an unlisted one below it: the precedence of
//! rules, whatever it is, is not told a second time here.

use std::io;

use filter_core::{BoundFilter, DomainName, Filter, Scope, Step, Verdict};

use super::{Exported, Limit};

/// Says the opposite of what the file says around the name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement<'a> {
    pub(super) name: &'a DomainName,
    /// Which names it is about.
    pub(super) scope: Scope,
    /// Whether they are refused.
    pub(super) refuses: bool,
    /// How many statements deep: 1 refuses in what nothing is said of, 2 passes inside of that, 3
    /// refuses inside of the passed…
    pub(super) level: usize,
}

/// What a format made of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It stands in the file, of this scope.
    As(Scope),
    /// It does not.
    Not(Limit),
}

/// A format, as the walk sees it. Statements come in canonical order.
pub(super) trait Writer {
    /// Whether addresses in place of names can stand in the format.
    const ADDRESSES: bool;

    fn statement(&mut self, statement: &Statement<'_>) -> io::Result<Said>;
}

/// A name below which the file says otherwise than around it.
struct Region {
    apex: DomainName,
    refused: bool,
    level: usize,
}

/// Writes what the profile refuses of the bundle's names.
pub(super) fn write<W: Writer>(
    filter: &Filter,
    bound: &BoundFilter,
    writer: &mut W,
    exported: &mut Exported,
) -> io::Result<()> {
    let mut regions: Vec<Region> = Vec::new();
    for listed in filter.names() {
        let name = &listed.name;
        if is_address(name) {
            if is_refused(bound, name) {
                address(name, writer, exported)?;
            }
            continue;
        }
        while regions.last().is_some_and(|region| !name.is_within(&region.apex)) {
            regions.pop();
        }
        let (refused, level) = regions.last().map_or((false, 0), |last| (last.refused, last.level));
        let itself = is_refused(bound, name);
        // A name so long that nothing fits below it says nothing of what is below.
        let below = below(name).map_or(refused, |below| is_refused_by_rules(bound, &below));
        let scope = match (itself != refused, below != refused) {
            (false, false) => continue,
            (true, false) => Scope::Exact,
            (true, true) => Scope::Subtree,
            (false, true) => Scope::SubdomainsOnly,
        };
        let statement = Statement { name, scope, refuses: !refused, level: level + 1 };
        match writer.statement(&statement)? {
            Said::As(written) => {
                exported.count(&statement, written);
                if written != Scope::Exact {
                    let (refused, level) = (statement.refuses, statement.level);
                    regions.push(Region { apex: name.clone(), refused, level });
                }
            }
            Said::Not(limit) => exported.limit(limit),
        }
    }
    Ok(())
}

fn address<W: Writer>(
    name: &DomainName,
    writer: &mut W,
    exported: &mut Exported,
) -> io::Result<()> {
    if W::ADDRESSES {
        writer.statement(&Statement { name, scope: Scope::Exact, refuses: true, level: 1 })?;
        exported.refusals += 1;
    } else {
        exported.limit(Limit::Address);
    }
    Ok(())
}

/// True for the names of addresses, which only proxies ask about: `192.0.2.1`, `2001:db8::1`. No
/// other name is without a letter.
pub(super) fn is_address(name: &DomainName) -> bool {
    // Of the labels: the octet before one of 58 octets is a colon, too.
    let octets = || name.labels().flatten();
    octets().any(|&octet| octet == b':') || !octets().any(u8::is_ascii_alphabetic)
}

fn is_refused(bound: &BoundFilter, name: &DomainName) -> bool {
    bound.verdict(name).is_blocked()
}

/// Patterns left aside: what they say of one name below is not what they say of all.
fn is_refused_by_rules(bound: &BoundFilter, name: &DomainName) -> bool {
    matches!(bound.verdict(name), Verdict::Blocked(reason) if reason.step < Step::Patterns)
}

/// A name below this one that no list can hold, its label being none of a host.
fn below(name: &DomainName) -> Option<DomainName> {
    let mut wire = [0; 2 + 255];
    wire[0] = 1;
    let parent = name.as_wire();
    wire[2..2 + parent.len()].copy_from_slice(parent);
    DomainName::from_wire(&wire[..2 + parent.len()]).ok().map(|(name, _)| name)
}
