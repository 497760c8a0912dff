//! Names that mean something of themselves: special-use names, which are answered here and never
//! asked of anyone, and canaries, which ask whether the network filters.

use filter_core::DomainName;

use super::names::{NameMap, Reach};

/// Special-use names and canaries, ready to be asked.
#[derive(Clone, Debug)]
pub struct SpecialNames {
    special: NameMap<Special>,
    canaries: NameMap<Canary>,
}

/// A special-use name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Special {
    /// The name; what lies under it is special too.
    pub zone: DomainName,
    /// What it answers.
    pub answer: SpecialAnswer,
    /// Why.
    pub reference: &'static str,
}

/// What a special-use name answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialAnswer {
    /// Neither it nor any name under it exists.
    NxDomain,
    /// An empty zone, which exists: it has no data, and no name under it exists (RFC 6303 §3).
    EmptyZone,
    /// Every name has no data.
    NoData,
    /// Every name has the loopback addresses 127.0.0.1 and ::1, and nothing else.
    Loopback,
}

/// A name by which a program asks whether the network filters. It does not exist, whatever refusals
/// look like otherwise: an address would be taken for "no".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The name; what lies under it does not exist either.
    pub name: DomainName,
    /// What its not existing does.
    pub effect: &'static str,
}

/// IANA, "Special-Use Domain Names" and "Locally-Served DNS Zones", but for networks.
///
/// Not there: `example`, `example.com` and their like, which resolvers treat as any other
/// (RFC 6761 §6.5), and `ipv4only.arpa`, which only the resolver that does DNS64 can answer
/// (RFC 8880 §7.1): upstream may be it.
const SPECIAL: [(&str, SpecialAnswer, &str); 8] = [
    ("localhost", SpecialAnswer::Loopback, "RFC 6761 §6.3"),
    ("invalid", SpecialAnswer::NxDomain, "RFC 6761 §6.4"),
    ("test", SpecialAnswer::NxDomain, "RFC 6761 §6.2"),
    ("onion", SpecialAnswer::NxDomain, "RFC 7686 §2"),
    ("local", SpecialAnswer::NxDomain, "RFC 6762 §22.1"),
    ("alt", SpecialAnswer::NxDomain, "RFC 9476 §2"),
    ("home.arpa", SpecialAnswer::EmptyZone, "RFC 8375 §4"),
    ("resolver.arpa", SpecialAnswer::NoData, "RFC 9462 §6.4"),
];

/// IANA, "Locally-Served DNS Zones": addresses that mean nothing beyond a site.
const REVERSE_ZONES: [(&str, &str); 19] = [
    ("0.in-addr.arpa", "RFC 6303 §4.2"),
    ("127.in-addr.arpa", "RFC 6303 §4.2"),
    ("254.169.in-addr.arpa", "RFC 6303 §4.2"),
    ("2.0.192.in-addr.arpa", "RFC 6303 §4.2"),
    ("100.51.198.in-addr.arpa", "RFC 6303 §4.2"),
    ("113.0.203.in-addr.arpa", "RFC 6303 §4.2"),
    ("255.255.255.255.in-addr.arpa", "RFC 6303 §4.2"),
    ("10.in-addr.arpa", "RFC 6303 §4.1"),
    ("168.192.in-addr.arpa", "RFC 6303 §4.1"),
    ("0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", "RFC 6303 §4.3"),
    ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", "RFC 6303 §4.3"),
    ("d.f.ip6.arpa", "RFC 6303 §4.4"),
    ("8.e.f.ip6.arpa", "RFC 6303 §4.5"),
    ("9.e.f.ip6.arpa", "RFC 6303 §4.5"),
    ("a.e.f.ip6.arpa", "RFC 6303 §4.5"),
    ("b.e.f.ip6.arpa", "RFC 6303 §4.5"),
    ("8.b.d.0.1.0.0.2.ip6.arpa", "RFC 6303 §4.6"),
    // The two parents of a range of zones each, below.
    ("{16..31}.172.in-addr.arpa", "RFC 6303 §4.1"),
    ("{64..127}.100.in-addr.arpa", "RFC 7793 §2"),
];

/// Where none is said to be elsewhere: hagezi's list of Private Relay, and AdGuard Home's.
const CANARIES: [(&str, &str); 10] = [
    // support.mozilla.org, "Canary domain - use-application-dns.net"
    ("use-application-dns.net", "Firefox does not turn on DNS over HTTPS by itself"),
    // developer.apple.com, "Prepare your network or web server for iCloud Private Relay"
    ("mask.icloud.com", PRIVATE_RELAY),
    ("mask-h2.icloud.com", PRIVATE_RELAY),
    ("mask-canary.icloud.com", PRIVATE_RELAY),
    ("mask-api.icloud.com", PRIVATE_RELAY),
    ("mask.apple-dns.net", PRIVATE_RELAY),
    ("mask-t.apple-dns.net", PRIVATE_RELAY),
    ("doh.dns.apple.com", PRIVATE_RELAY),
    ("doh.dns.apple.com.v.aaplimg.com", PRIVATE_RELAY),
    // Chromium, prefetch canary checker
    ("dns-tunnel-check.googlezip.net", "Chrome does not prefetch through Google's proxy"),
];

const PRIVATE_RELAY: &str = "iCloud Private Relay is off, and its user is told";

const DS: u16 = 43;

impl SpecialNames {
    /// All of them.
    pub fn new() -> Self {
        let mut names = Self { special: NameMap::default(), canaries: NameMap::default() };
        for (zone, answer, reference) in SPECIAL {
            names.add(zone, answer, reference);
        }
        for (zone, reference) in REVERSE_ZONES {
            for zone in expanded(zone) {
                names.add(&zone, SpecialAnswer::EmptyZone, reference);
            }
        }
        for (name, effect) in CANARIES {
            let name = parse(name);
            names.canaries.insert(&name.clone(), Reach::Subtree, Canary { name, effect });
        }
        names
    }

    /// What is special about a name, asked for records of a type. Local records and zones that are
    /// forwarded elsewhere come before it.
    pub fn special(&self, name: &DomainName, record_type: u16) -> Option<&Special> {
        if !has_special_parent(name) {
            return None;
        }
        let special = self.special.get(name)?;
        // The parent's, who says that there is no DS: a validating client needs to hear it
        // (RFC 4035 §3.1.4.1).
        let is_parents = record_type == DS
            && special.answer == SpecialAnswer::EmptyZone
            && *name == special.zone;
        (!is_parents).then_some(special)
    }

    /// The canary that a name is, for profiles that block ways around the filter.
    pub fn canary(&self, name: &DomainName) -> Option<&Canary> {
        self.canaries.get(name)
    }

    /// Every special-use name.
    pub fn all(&self) -> impl Iterator<Item = &Special> {
        self.special.iter().map(|(_, _, special)| special)
    }

    fn add(&mut self, zone: &str, answer: SpecialAnswer, reference: &'static str) {
        let zone = parse(zone);
        let special = Special { zone: zone.clone(), answer, reference };
        self.special.insert(&zone, Reach::Subtree, special);
    }
}

impl Default for SpecialNames {
    fn default() -> Self {
        Self::new()
    }
}

/// False for nearly every name that is asked for.
fn has_special_parent(name: &DomainName) -> bool {
    const PARENTS: [&[u8]; 7] = [
        b"\x04arpa\0",
        b"\x05local\0",
        b"\x09localhost\0",
        b"\x07invalid\0",
        b"\x04test\0",
        b"\x05onion\0",
        b"\x03alt\0",
    ];
    PARENTS.iter().any(|parent| name.as_wire().ends_with(parent))
}

/// `{16..31}.x` as `16.x`, `17.x`…; any other text as it is.
fn expanded(zone: &str) -> Vec<String> {
    let range = || {
        let (range, parent) = zone.strip_prefix('{')?.split_once('}')?;
        let (first, last) = range.split_once("..")?;
        Some((first.parse::<u8>().ok()?..=last.parse().ok()?, parent))
    };
    match range() {
        Some((range, parent)) => range.map(|number| format!("{number}{parent}")).collect(),
        None => vec![zone.to_owned()],
    }
}

fn parse(name: &str) -> DomainName {
    name.parse().expect("the names of this module are read by its tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u16 = 1;
    const PTR: u16 = 12;

    fn special(name: &str, record_type: u16) -> Option<SpecialAnswer> {
        SpecialNames::new().special(&name.parse().unwrap(), record_type).map(|s| s.answer)
    }

    #[test]
    fn special_use_names() {
        use SpecialAnswer::{EmptyZone, Loopback, NoData, NxDomain};
        let cases = [
            ("localhost", A, Some(Loopback)),
            ("printer.localhost", A, Some(Loopback)),
            ("localhost.example", A, None),
            ("notlocalhost", A, None),
            ("invalid", A, Some(NxDomain)),
            ("a.invalid", A, Some(NxDomain)),
            ("test", A, Some(NxDomain)),
            ("doh.test", A, Some(NxDomain)),
            ("contest", A, None),
            ("a.onion", A, Some(NxDomain)),
            ("printer.local", A, Some(NxDomain)),
            ("a.alt", A, Some(NxDomain)),
            ("example", A, None),
            ("example.com", A, None),
            ("internal", A, None),
            ("arpa", A, None),
            ("ipv4only.arpa", A, None),
            ("home.arpa", A, Some(EmptyZone)),
            ("nas.home.arpa", A, Some(EmptyZone)),
            ("home.arpa", DS, None),
            ("nas.home.arpa", DS, Some(EmptyZone)),
            ("resolver.arpa", A, Some(NoData)),
            ("_dns.resolver.arpa", 64, Some(NoData)),
            ("_dns.resolver.arpa", DS, Some(NoData)),
            ("1.1.1.10.in-addr.arpa", PTR, Some(EmptyZone)),
            ("10.in-addr.arpa", DS, None),
            ("1.1.15.172.in-addr.arpa", PTR, None),
            ("1.1.16.172.in-addr.arpa", PTR, Some(EmptyZone)),
            ("1.1.31.172.in-addr.arpa", PTR, Some(EmptyZone)),
            ("1.1.32.172.in-addr.arpa", PTR, None),
            ("172.in-addr.arpa", PTR, None),
            ("1.1.63.100.in-addr.arpa", PTR, None),
            ("1.1.64.100.in-addr.arpa", PTR, Some(EmptyZone)),
            ("1.1.127.100.in-addr.arpa", PTR, Some(EmptyZone)),
            ("1.1.128.100.in-addr.arpa", PTR, None),
            ("1.2.168.192.in-addr.arpa", PTR, Some(EmptyZone)),
            ("1.0.0.127.in-addr.arpa", PTR, Some(EmptyZone)),
            ("8.8.8.8.in-addr.arpa", PTR, None),
            ("1.0.0.0.d.f.ip6.arpa", PTR, Some(EmptyZone)),
            ("0.8.e.f.ip6.arpa", PTR, Some(EmptyZone)),
            ("0.c.e.f.ip6.arpa", PTR, None),
            ("0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", PTR, Some(EmptyZone)),
            ("0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", PTR, None),
            (
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
                PTR,
                Some(EmptyZone),
            ),
            (".", A, None),
        ];
        for (name, record_type, expected) in cases {
            assert_eq!(special(name, record_type), expected, "{name} {record_type}");
        }
    }

    #[test]
    fn every_zone_is_found_by_its_parent() {
        let names = SpecialNames::new();
        // 8, 17 reverse zones, 172.16/12 and 100.64/10.
        assert_eq!(names.all().count(), 8 + 17 + 16 + 64);
        for special in names.all() {
            assert_eq!(names.special(&special.zone, A), Some(special));
            assert!(special.reference.starts_with("RFC "));
        }
    }

    #[test]
    fn canaries() {
        let names = SpecialNames::new();
        let is_canary = |name: &str| names.canary(&name.parse().unwrap()).is_some();
        for (name, _) in CANARIES {
            assert!(is_canary(name), "{name}");
            assert!(is_canary(&format!("a.{name}")), "{name}");
        }
        for name in
            ["icloud.com", "www.icloud.com", "net", "apple-dns.net", "example.com", "googlezip.net"]
        {
            assert!(!is_canary(name), "{name}");
        }
    }
}
