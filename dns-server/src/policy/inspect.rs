//! What an upstream answer leads to, and whether a client may follow: aliases, targets of services,
//! addresses.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use filter_core::{BoundFilter, DomainName, Reason, Verdict};
use lists::shared_cdn::SharedCdn;

use super::names::{NameMap, Reach};

/// Something that an answer leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// What a CNAME is an alias of (RFC 1034 §3.6.2).
    Alias(DomainName),
    /// Where an SVCB or HTTPS record leads (RFC 9460).
    Target(DomainName),
    /// An address of an A or AAAA record.
    Address(IpAddr),
    /// An address that an SVCB or HTTPS record hints at (RFC 9460 §7.3).
    Hint(IpAddr),
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alias(name) | Self::Target(name) => write!(f, "{name}"),
            Self::Address(address) | Self::Hint(address) => write!(f, "{address}"),
        }
    }
}

/// Why an answer is kept from a client. It says nothing of names below the one that was asked for:
/// a refusal must be NODATA, not NXDOMAIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection<'f> {
    /// What the answer leads to.
    pub element: Element,
    /// Why nobody is to be led there.
    pub reason: Reason<'f>,
}

/// The judge of upstream answers.
#[derive(Clone, Debug, Default)]
pub struct Inspector {
    shared: SharedCdn,
    /// Zones whose names may have private addresses.
    private: NameMap<()>,
}

impl Inspector {
    /// Rules on networks of `shared` do not count; names of and below `private_zones` may have
    /// private addresses, such as those of zones that a server of the operator's answers for.
    pub fn new<'z>(
        shared: SharedCdn,
        private_zones: impl IntoIterator<Item = &'z DomainName>,
    ) -> Self {
        let mut private = NameMap::default();
        for zone in private_zones {
            private.insert(zone, Reach::Subtree, ());
        }
        Self { shared, private }
    }

    /// The first element that a filter refuses.
    ///
    /// A rule on a public suffix or a shared delivery network does not count, or one line of a list
    /// would put out thousands of sites together; what is lifted from `asked` is lifted from all
    /// that it leads to; the operator's allow of `asked` lets everything through; what a closed
    /// profile merely does not know passes ([`filter_core::Answers`]).
    pub fn objection<'f>(
        &self,
        filter: &'f BoundFilter,
        asked: &DomainName,
        elements: impl IntoIterator<Item = Element>,
    ) -> Option<Objection<'f>> {
        let mut answers = None;
        let is_shared = |name: &DomainName| name.is_public_suffix() || self.shared.holds(name);
        elements.into_iter().find_map(|element| {
            // Whatever is lifted from `asked`, what nothing refuses is not refused. Addresses hardly ever
            // are, and this costs less than to look up what is lifted.
            if let Element::Address(address) | Element::Hint(address) = &element
                && !filter.address(*address).is_blocked()
            {
                return None;
            }
            let answers = answers.get_or_insert_with(|| filter.answers(asked));
            let verdict = match &element {
                Element::Alias(name) | Element::Target(name) => answers.name(name, is_shared),
                Element::Address(address) | Element::Hint(address) => answers.address(*address),
            };
            match verdict {
                Verdict::Blocked(reason) => Some(Objection { element, reason }),
                Verdict::Allowed | Verdict::Invalid(_) => None,
            }
        })
    }

    /// The first address that no public name is to have: with it, a page of the outside would reach
    /// the inside through its visitors (DNS rebinding). Whether a name is public goes by the one that
    /// was asked for, since whoever answers for that chooses what it is an alias of.
    pub fn rebinding(
        &self,
        asked: &DomainName,
        elements: impl IntoIterator<Item = Element>,
    ) -> Option<Element> {
        let element = elements.into_iter().find(|element| match element {
            Element::Address(address) | Element::Hint(address) => is_private(*address),
            Element::Alias(_) | Element::Target(_) => false,
        })?;
        self.private.get(asked).is_none().then_some(element)
    }
}

/// True for an address that means something else to everyone: of this host, this link, this site.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    const THIS_NETWORK: u8 = 0; // RFC 791 §3.2: 0.0.0.0 reaches this host
    let [first, second, ..] = address.octets();
    let is_shared_space = first == 100 && (64..128).contains(&second); // RFC 6598
    first == THIS_NETWORK
        || is_shared_space
        || address.is_loopback()
        || address.is_private() // RFC 1918
        || address.is_link_local() // RFC 3927
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let in_site_local = address.segments()[0] & 0xffc0 == 0xfec0; // RFC 3879: deprecated, in use
    // ::a.b.c.d, deprecated by RFC 4291 §2.5.5.1, and 64:ff9b::a.b.c.d, RFC 6052.
    let embedded = match address.segments() {
        [0, 0, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    };
    in_site_local
        || embedded.is_some_and(is_private_v4) // :: and ::1 among them
        || address.is_unique_local() // RFC 4193
        || address.is_unicast_link_local() // RFC 4291 §2.5.6
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use filter_core::{
        Filter, FilterBuilder, Network, Options, Profile, Scope, Source, Stamp, Suffixes,
    };

    use super::*;

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    fn alias(text: &str) -> Element {
        Element::Alias(name(text))
    }

    fn target(text: &str) -> Element {
        Element::Target(name(text))
    }

    fn address(text: &str) -> Element {
        Element::Address(text.parse().unwrap())
    }

    fn hint(text: &str) -> Element {
        Element::Hint(text.parse().unwrap())
    }

    fn inspector() -> Inspector {
        Inspector::new(SharedCdn::shipped(), [&name("ecole.example"), &name("home.arpa")])
    }

    /// A list of names and networks, for an audience that has no advertising.
    fn filter<'r>(rules: impl IntoIterator<Item = &'r str>, allow_names: &[&str]) -> BoundFilter {
        let mut builder = FilterBuilder::new();
        for network in SharedCdn::shipped().networks() {
            builder.shared(&network.name);
        }
        let source = Source { suffixes: Suffixes::Keep, ..Source::block("list", &["ads"]) };
        let id = builder.source(source).unwrap();
        let mut batch = builder.batch(id);
        for rule in rules {
            if let Ok(network) = rule.parse::<Network>() {
                batch.network(&network, Options::default()).unwrap();
            } else if let Ok(name) = rule.parse() {
                // What is no host name, or an ICANN suffix, is a line that the list's reader skips.
                let _ = batch.domain(&name, Scope::Subtree, Options::default());
            }
        }
        builder.add(batch.finish());
        let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
        let profile = Profile {
            allow_names: allow_names.iter().map(|name| name.parse().unwrap()).collect(),
            ..Profile::named("child").unwrap()
        };
        Filter::open(builder.build(stamp).bytes).unwrap().bind(&profile).unwrap()
    }

    /// Asked, what the answer leads to, what is objected to and by which rule.
    type Case<'c> = (&'c str, &'c [Element], Option<(Element, &'c str)>);

    #[test]
    fn each_kind_of_element() {
        let rules = [
            "tracker.example",
            "cloudfront.net",
            "bad.cloudfront.net",
            "github.io",
            "198.51.100.0/24",
            "2001:db8:bad::/48",
        ];
        let filter = filter(rules, &["mine.example"]);
        let news = "www.news.example";
        #[rustfmt::skip]
        let cases: &[Case] = &[
            (news, &[], None),
            (news, &[alias("cdn.example"), address("192.0.2.1")], None),
            (news, &[alias("cdn.example"), alias("a.tracker.example"), alias("other.example")],
                Some((alias("a.tracker.example"), "tracker.example"))),
            (news, &[target("a.tracker.example")],
                Some((target("a.tracker.example"), "tracker.example"))),
            (news, &[address("192.0.2.1"), address("198.51.100.9")],
                Some((address("198.51.100.9"), "198.51.100.0/24"))),
            (news, &[address("2001:db8:bad::1")],
                Some((address("2001:db8:bad::1"), "2001:db8:bad::/48"))),
            (news, &[hint("198.51.100.9")], Some((hint("198.51.100.9"), "198.51.100.0/24"))),
            (news, &[hint("::ffff:198.51.100.9")],
                Some((hint("::ffff:198.51.100.9"), "198.51.100.0/24"))),
            // The first of several.
            (news, &[alias("tracker.example"), address("198.51.100.9")],
                Some((alias("tracker.example"), "tracker.example"))),
            // Shared by strangers, but for what is listed by its own name.
            (news, &[alias("d111111abcdef8.cloudfront.net"), target("school.github.io")], None),
            (news, &[alias("x.bad.cloudfront.net")],
                Some((alias("x.bad.cloudfront.net"), "bad.cloudfront.net"))),
            // The operator's word on the name that was asked for.
            ("a.mine.example", &[alias("tracker.example"), address("198.51.100.9")], None),
        ];
        for (asked, elements, expected) in cases {
            let objection = inspector().objection(&filter, &name(asked), elements.to_vec());
            let got = objection.map(|objection| {
                assert!(objection.reason.spares_descendants);
                let to = match &objection.element {
                    Element::Alias(to) | Element::Target(to) => to.clone(),
                    Element::Address(_) | Element::Hint(_) => name(asked),
                };
                let rule = objection.reason.matched(&to).to_string();
                (objection.element, rule)
            });
            let expected =
                expected.as_ref().map(|(element, rule)| (element.clone(), (*rule).to_owned()));
            assert_eq!(got, expected, "{asked} → {elements:?}");
        }
    }

    #[test]
    fn private_addresses_of_public_names() {
        let private = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "127.0.0.1",
            "127.8.9.1",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "::",
            "::1",
            "::ffff:192.168.1.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
        ];
        let public = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.0.1",
            "192.169.0.1",
            "198.51.100.1",
            "255.255.255.255",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "fe00::1",
            "ff02::1",
            "2001:db8::1",
        ];
        let inspector = inspector();
        let rebinding = |asked: &str, elements: &[Element]| {
            inspector.rebinding(&name(asked), elements.to_vec())
        };
        for private in private {
            for element in [address(private), hint(private)] {
                let elements = [alias("a.example"), address("1.1.1.1"), element.clone()];
                assert_eq!(rebinding("evil.example", &elements), Some(element), "{private}");
                assert_eq!(rebinding("printer.ecole.example", &elements), None);
                assert_eq!(rebinding("ecole.example", &elements), None);
                assert_eq!(rebinding("notecole.example", &elements), Some(elements[2].clone()));
            }
        }
        for public in public {
            assert_eq!(
                rebinding("evil.example", &[address(public), hint(public)]),
                None,
                "{public}"
            );
        }
        // A public name that is an alias of an inner one.
        let elements = [alias("printer.ecole.example"), address("10.0.0.5")];
        assert_eq!(rebinding("evil.example", &elements), Some(address("10.0.0.5")));
    }

    /// One line of a real list would put out a town: `akamaiedge.net` is in one of pornography,
    /// `azureedge.net` and `vercel.app` are in one of trackers.
    #[test]
    #[expect(clippy::print_stdout, reason = "`.ci/run` looks for what was skipped")]
    fn real_lists_hold_shared_networks() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
        if !data.is_dir() {
            println!("skipped: no ../shared");
            return;
        }
        let files = [
            "lists/adult/bonappetit_block_20230226.txt",
            "lists/ads_trackers/adguard_dnr_domains.txt",
            "ut1_blacklists/webhosting/domains",
        ];
        let texts = files.map(|file| fs::read_to_string(data.join(file)).unwrap());
        let rules = || texts.iter().flat_map(|text| text.lines().map(str::trim));
        let filter = filter(rules(), &[]);
        let inspector = inspector();
        let refused = |element: &Element| {
            let asked = name("www.ville.example");
            inspector.objection(&filter, &asked, [element.clone()]).is_some()
        };
        let networks = [
            ("akamaiedge.net", "e1234.dsca.akamaiedge.net"),
            ("azureedge.net", "ecole-nantes.azureedge.net"),
            ("vercel.app", "cantine-scolaire.vercel.app"),
        ];
        for (network, customer) in networks {
            assert!(rules().any(|rule| rule == network), "{network} is in a list");
            assert!(filter.verdict(&name(customer)).is_blocked(), "{customer}, were it asked for");
            assert!(!refused(&alias(customer)), "{customer}, as an alias");
            assert!(!refused(&target(customer)), "{customer}, as a target");
        }
        // Customers that are listed by their own names are refused all the same.
        let listed: Vec<_> = rules()
            .filter(|rule| {
                networks.iter().any(|(network, _)| rule.ends_with(&format!(".{network}")))
            })
            .collect();
        assert!(listed.len() >= 300, "{}", listed.len());
        for customer in listed {
            assert!(refused(&alias(customer)), "{customer}");
        }
    }
}
