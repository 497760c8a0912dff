//! What a record of a response policy zone is about: the owner, without the zone's own name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use filter_core::{DomainName, Network};

use crate::formats::Skip;

/// A trigger that a rule can stand for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    /// `d`: that name.
    Name(DomainName),
    /// `*.d`: what is below that name.
    Below(DomainName),
    /// `24.0.2.0.192.rpz-ip`: answers with an address in that network.
    Network(Network),
}

impl Trigger {
    /// Reads an owner, relative to the zone. With the trigger comes the name that a rule in the old
    /// form of `rpz-passthru` leads to, the owner itself; a wildcard has no such form.
    pub(super) fn read(owner: &DomainName) -> Result<(Self, Option<DomainName>), Skip> {
        let mut labels = owner.labels();
        let last = labels.next_back().ok_or(Skip::ZoneRecord)?;
        match last {
            b"rpz-ip" => {
                let labels: Vec<_> = labels.collect();
                let trigger = Self::Network(network(&labels)?);
                Ok((trigger, Some(without_last(owner, last.len()))))
            }
            b"rpz-client-ip" => Err(Skip::ClientIp),
            b"rpz-nsdname" => Err(Skip::NsName),
            b"rpz-nsip" => Err(Skip::NsIp),
            b"*" if labels.len() == 0 => Err(Skip::TooBroad),
            _ if owner.labels().next() == Some(b"*") => {
                let apex = host_name(owner.suffix(owner.label_count() - 1))?;
                Ok((Self::Below(apex), None))
            }
            _ => Ok((Self::Name(host_name(owner.clone())?), Some(owner.clone()))),
        }
    }
}

fn host_name(name: DomainName) -> Result<DomainName, Skip> {
    if name.is_host_name() { Ok(name) } else { Err(Skip::Character) }
}

/// A name without its last label, of so many octets.
fn without_last(name: &DomainName, length: usize) -> DomainName {
    let wire = name.as_wire();
    let mut shorter = wire[..wire.len() - length - 2].to_vec();
    shorter.push(0);
    DomainName::from_wire(&shorter).expect("a name without its last label is one").0
}

/// `LENGTH.D.C.B.A`, or `LENGTH` and up to eight hexadecimal groups, last first, `zz` for `::`.
fn network(labels: &[&[u8]]) -> Result<Network, Skip> {
    let labels: Option<Vec<&str>> =
        labels.iter().map(|label| std::str::from_utf8(label).ok()).collect();
    let labels = labels.ok_or(Skip::BadNetwork)?;
    let (length, groups) = labels.split_first().ok_or(Skip::BadNetwork)?;
    let address = address(groups).ok_or(Skip::BadNetwork)?;
    let length: u8 = decimal(length).ok_or(Skip::BadNetwork)?;
    let network = Network::new(address, length).map_err(|_| Skip::BadNetwork)?;
    match length {
        0 => Err(Skip::TooBroad),
        // A length that is too short by mistake would refuse half of the Internet; BIND refuses it
        // as well.
        _ if network.network() != address => Err(Skip::BadNetwork),
        _ => Ok(network),
    }
}

/// An address from its groups, last first.
fn address(groups: &[&str]) -> Option<IpAddr> {
    if let &[d, c, b, a] = groups
        && !groups.contains(&"zz")
    {
        return Some(Ipv4Addr::new(decimal(a)?, decimal(b)?, decimal(c)?, decimal(d)?).into());
    }
    let mut address = [0; 8];
    let mut at = 0;
    let mut gap = None;
    for group in groups.iter().rev() {
        if *group == "zz" {
            if gap.replace(at).is_some() {
                return None;
            }
            continue;
        }
        *address.get_mut(at)? = hexadecimal(group)?;
        at += 1;
    }
    match gap {
        Some(gap) if at < 8 => address[gap..].rotate_right(8 - at),
        None if at == 8 => {}
        _ => return None,
    }
    Some(Ipv6Addr::from(address).into())
}

fn decimal(text: &str) -> Option<u8> {
    text.bytes().all(|octet| octet.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn hexadecimal(text: &str) -> Option<u16> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|o| o.is_ascii_hexdigit());
    digits.then(|| u16::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An owner with labels that are no host name's.
    fn owner(text: &str) -> DomainName {
        let mut wire = Vec::new();
        for label in text.split('.').filter(|label| !label.is_empty()) {
            wire.push(u8::try_from(label.len()).unwrap());
            wire.extend_from_slice(label.as_bytes());
        }
        wire.push(0);
        DomainName::from_wire(&wire).unwrap().0
    }

    #[test]
    fn networks() {
        let cases = [
            ("32.1.0.168.192", Ok("192.168.0.1/32")),
            ("24.0.2.0.192", Ok("192.0.2.0/24")),
            ("8.0.0.0.10", Ok("10.0.0.0/8")),
            ("128.1.zz.cc.bb.aa.db8.2001", Ok("2001:db8:aa:bb:cc::1/128")),
            ("48.zz.aa.db8.2001", Ok("2001:db8:aa::/48")),
            ("32.zz.db8.2001", Ok("2001:db8::/32")),
            ("128.124.0.0.cc.bb.aa.db8.2001", Ok("2001:db8:aa:bb:cc::124/128")),
            ("128.1.zz", Ok("::1/128")),
            ("64.zz.bb.aa.2001", Ok("2001:aa:bb::/64")),
            ("0.0.0.0.0", Err(Skip::TooBroad)),
            ("0.zz", Err(Skip::TooBroad)),
            ("24.1.2.0.192", Err(Skip::BadNetwork)),
            ("33.1.2.0.192", Err(Skip::BadNetwork)),
            ("129.1.zz", Err(Skip::BadNetwork)),
            ("32.256.2.0.192", Err(Skip::BadNetwork)),
            ("32.+1.2.0.192", Err(Skip::BadNetwork)),
            ("32.2.0.192", Err(Skip::BadNetwork)),
            ("128.zz.1.zz", Err(Skip::BadNetwork)),
            ("128.1.2.3.4.5.6.7.8.9", Err(Skip::BadNetwork)),
            ("128.1.2.3.4.5.6.7.8.zz", Err(Skip::BadNetwork)),
            ("128.12345.zz", Err(Skip::BadNetwork)),
            ("32", Err(Skip::BadNetwork)),
            ("", Err(Skip::BadNetwork)),
            ("a.b", Err(Skip::BadNetwork)),
        ];
        for (text, expected) in cases {
            let read = Trigger::read(&owner(&format!("{text}.rpz-ip")));
            let expected = expected.map(|network: &str| {
                (Trigger::Network(network.parse().unwrap()), Some(owner(text)))
            });
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn names_and_what_is_not_taken() {
        let name = |text: &str| DomainName::parse(text).unwrap();
        let cases = [
            ("bad.example", Ok(Trigger::Name(name("bad.example")))),
            ("*.bad.example", Ok(Trigger::Below(name("bad.example")))),
            ("rpz-ip.example", Ok(Trigger::Name(name("rpz-ip.example")))),
            ("", Err(Skip::ZoneRecord)),
            ("*", Err(Skip::TooBroad)),
            ("a.*.example", Err(Skip::Character)),
            ("*.*.example", Err(Skip::Character)),
            ("a b.example", Err(Skip::Character)),
            ("24.0.0.0.127.rpz-client-ip", Err(Skip::ClientIp)),
            ("ns.example.rpz-nsdname", Err(Skip::NsName)),
            ("*.example.rpz-nsdname", Err(Skip::NsName)),
            ("32.1.0.0.127.rpz-nsip", Err(Skip::NsIp)),
        ];
        for (text, expected) in cases {
            let owner = owner(text);
            let own_name = (!text.starts_with('*')).then(|| owner.clone());
            let expected = expected.map(|trigger| (trigger, own_name));
            assert_eq!(Trigger::read(&owner), expected, "{text}");
        }
    }
}
