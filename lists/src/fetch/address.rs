//! Which hosts lists may come from: an address that was checked is the address that is connected to.

use std::{
    collections::BTreeSet,
    env,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use url::{Host, Url};

/// A host that only a source with `allow_private = true` may name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{host} is {address}, on this machine or a private network: say `allow_private = true` in the \
     source if that is meant"
)]
pub(super) struct PrivateHost {
    /// As the URL or the redirect writes it.
    pub(super) host: String,
    /// What it is: an address, or words.
    pub(super) address: String,
}

/// Names that never lead to the public Internet: RFC 6761, RFC 6762, RFC 8375, and ICANN's reserve.
const PRIVATE_NAMES: [&str; 4] = ["localhost", "local", "home.arpa", "internal"];

/// Refuses a URL whose host is a private address, or a name that can only be private. What other
/// names lead to shows when they are resolved: see [`PublicNames`]. Behind a proxy, which resolves
/// names by itself, this is the only check, and the rest is the proxy's policy.
pub(super) fn check(url: &Url, proxies: &Proxies) -> Result<(), PrivateHost> {
    let private = |host: String, address: &str| Err(PrivateHost { host, address: address.into() });
    let address: IpAddr = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(name)) => {
            let plain = name.trim_end_matches('.');
            let within = |parent: &str| {
                plain
                    .strip_suffix(parent)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            return if PRIVATE_NAMES.into_iter().any(within) {
                private(name.into(), "a private name")
            } else if proxies.0.contains(plain) {
                private(name.into(), "the proxy")
            } else {
                Ok(())
            };
        }
        None => return private(url.to_string(), "no host"),
    };
    if is_public(address) { Ok(()) } else { private(address.to_string(), "a private address") }
}

/// True for an address of the public Internet, by the registries of special-purpose addresses (RFC
/// 6890). One that carries an IPv4 address is what that is.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b)) // carriers' NAT, RFC 6598
        || (a == 192 && b == 0 && c == 0) // protocol assignments
        || (a == 198 && (18..20).contains(&b)) // benchmarks, RFC 2544
        || a >= 224; // multicast, reserved, broadcast
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let carried = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] // IPv4-mapped
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] // NAT64, RFC 6052: how IPv6-only networks see IPv4
        | [0x2002, high, low, ..] // 6to4
        => is_public_v4(carried(high, low)),
        [0x2001, 0..0x200, ..] // Teredo, benchmarks, ORCHID
        | [0x2001, 0xdb8, ..] // documentation
        | [0x3fff, 0..0x1000, ..] // documentation, RFC 9637
        => false,
        // All that is given out; loopback, ULA, link-local, multicast are elsewhere.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Hosts of the proxies that the environment names. They may be private: they are the operator's.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies(BTreeSet<String>);

impl Proxies {
    /// The variables that `reqwest` obeys.
    pub(super) fn from_env() -> Self {
        let names =
            ["all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"];
        Self(names.iter().filter_map(|name| proxy_host(&env::var(name).ok()?)).collect())
    }
}

/// `proxy.example` of `http://proxy.example:3128` or `proxy.example:3128`.
fn proxy_host(text: &str) -> Option<String> {
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&full).ok()?;
    Some(url.host_str()?.trim_end_matches('.').to_owned())
}

/// Resolves names as the system does, and gives only public addresses, and those of proxies.
pub(super) struct PublicNames {
    pub(super) proxies: Proxies,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let is_proxy = self.proxies.0.contains(host.trim_end_matches('.'));
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((&*host, 0)).await?.collect();
            let public: Vec<_> =
                found.iter().copied().filter(|at| is_proxy || is_public(at.ip())).collect();
            match (public.is_empty(), found.first()) {
                (true, Some(first)) => {
                    Err(PrivateHost { host, address: first.ip().to_string() }.into())
                }
                _ => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

/// A client for hosts of the public Internet, and one for sources that say `allow_private`.
pub(super) struct Clients {
    public: reqwest::Client,
    any: reqwest::Client,
    proxies: Proxies,
}

impl Clients {
    pub(super) fn new(connect: std::time::Duration) -> reqwest::Result<Self> {
        let proxies = Proxies::from_env();
        let builder = || {
            reqwest::Client::builder()
                .user_agent(super::USER_AGENT)
                .connect_timeout(connect)
                // Redirects are followed by hand, each step checked.
                .redirect(reqwest::redirect::Policy::none())
                // Bodies are taken as sent: what is limited and checked is what came.
                .no_gzip()
                .no_zstd()
                .referer(false)
        };
        let resolver = Arc::new(PublicNames { proxies: proxies.clone() });
        Ok(Self {
            public: builder().dns_resolver(resolver).build()?,
            any: builder().build()?,
            proxies,
        })
    }

    /// The client for a URL; `private` says whether its host may be one of a private network.
    pub(super) fn client(&self, url: &Url, private: bool) -> Result<&reqwest::Client, PrivateHost> {
        if private {
            return Ok(&self.any);
        }
        check(url, &self.proxies)?;
        Ok(&self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let cases = [
            ("9.9.9.9", true),
            ("193.49.48.249", true),
            ("172.15.255.255", true),
            ("100.63.255.255", true),
            ("2620:fe::fe", true),
            ("2001:660::1", true),
            ("64:ff9b::9.9.9.9", true),
            ("::ffff:9.9.9.9", true),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("192.0.0.8", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("224.0.0.251", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b:1::9.9.9.9", false),
            ("2002:a00:1::1", false),
            ("2001:0:1::1", false),
            ("2001:db8::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_public(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn hosts_of_urls() {
        let proxies = Proxies(["proxy.school.example".to_owned()].into());
        let cases = [
            ("https://lists.example/a", true),
            ("https://9.9.9.9/", true),
            ("https://localhosts.example/", true),
            ("https://localhost/", false),
            ("https://LOCALHOST./", false),
            ("https://a.localhost/", false),
            ("https://printer.local/", false),
            ("https://metadata.google.internal/", false),
            ("https://127.0.0.1/", false),
            ("https://0x7f.1/", false),
            ("https://2130706433/", false),
            ("https://017700000001/", false),
            ("https://[::1]/", false),
            ("https://[::ffff:7f00:1]/", false),
            ("https://[fe80::1]/", false),
            ("https://proxy.school.example/", false),
        ];
        for (url, expected) in cases {
            let url = Url::parse(url).unwrap();
            assert_eq!(check(&url, &proxies).is_ok(), expected, "{url}");
        }
    }

    #[test]
    fn proxies_are_read_as_they_are_written() {
        let cases = [
            ("http://proxy.example:3128", Some("proxy.example")),
            ("proxy.example:3128", Some("proxy.example")),
            ("http://user:secret@10.0.0.1:8080/", Some("10.0.0.1")),
            ("socks5h://proxy.example:1080", Some("proxy.example")),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(proxy_host(text).as_deref(), expected, "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_here_is_refused_as_it_is_resolved() {
        let resolve =
            |proxies: Proxies| PublicNames { proxies }.resolve("localhost".parse().unwrap());
        let Err(refused) = resolve(Proxies::default()).await else { panic!("it was resolved") };
        let text = refused.to_string();
        assert!(text.starts_with("localhost is ") && text.contains("allow_private"), "{text}");
        let mut proxy = resolve(Proxies(["localhost".to_owned()].into())).await.ok().unwrap();
        assert!(proxy.next().unwrap().ip().is_loopback());
    }
}
