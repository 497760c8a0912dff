//! `preau firewall`: what DNS alone cannot do. Whoever asks another resolver by its address is not
//! filtered; the router has to stop that.

use std::{
    fmt::{self, Write as _},
    io,
    net::IpAddr,
};

use ipnet::IpNet;

use crate::{config::Config, failure::Failure};

/// Public resolvers that offer DNS over HTTPS under addresses of their own, by the pages of their
/// operators; November 2026. Port 443 of these serves nothing else of use to a school.
const DOH_RESOLVERS: &[(&str, &[&str])] = &[
    ("AdGuard DNS", &["94.140.14.14", "94.140.15.15", "2a10:50c0::ad1:ff", "2a10:50c0::ad2:ff"]),
    ("Cloudflare", &["1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "2606:4700:4700::1001"]),
    ("Google", &["8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"]),
    ("OpenDNS", &["208.67.222.222", "208.67.220.220", "2620:119:35::35", "2620:119:53::53"]),
    ("Quad9", &["9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9"]),
];

/// Rules for nftables, for the router between the clients and the Internet: DNS, DNS over TLS and
/// over QUIC go to this server alone, and known resolvers are not reached over HTTPS.
///
/// `servers` are the addresses of this server as the router sees them; where there are none, those
/// that it listens on.
///
/// # Errors
/// It listens on no address that a router sees, and none is given.
pub(crate) fn nftables(config: &Config, servers: &[IpAddr]) -> Result<String, Failure> {
    let is_seen = |address: &IpAddr| !address.is_unspecified() && !address.is_loopback();
    let mut servers: Vec<IpNet> = match servers {
        [] => {
            config.listen.dns.iter().map(|own| own.ip()).filter(is_seen).map(IpNet::from).collect()
        }
        given => given.iter().copied().map(IpNet::from).collect(),
    };
    servers.sort_unstable();
    servers.dedup();
    if servers.is_empty() {
        let error = io::Error::other("this server listens on no address that a router sees");
        return Err(Failure::Firewall { error });
    }
    let clients: Vec<IpNet> =
        config.groups.iter().flat_map(|group| group.networks.iter().copied()).collect();
    let resolvers = DOH_RESOLVERS.iter().flat_map(|(_, addresses)| addresses.iter());
    let resolvers: Vec<IpNet> = resolvers
        .map(|address| IpNet::from(address.parse::<IpAddr>().expect("the table is tested")))
        .collect();
    Ok(ruleset(&IpNet::aggregate(&clients), &servers, &resolvers).expect("a text takes any text"))
}

fn ruleset(
    clients: &[IpNet],
    servers: &[IpNet],
    resolvers: &[IpNet],
) -> Result<String, fmt::Error> {
    let mut text = String::from(
        "\
# For the router between the clients and the Internet. Try it first: nft -c -f FILE
#
# What this does not stop: a resolver that shares its addresses with other sites, a VPN, a phone on its
# own network. For machines that you manage, turn DNS over HTTPS off in the browsers' policies too.
table inet preau {
",
    );
    for (name, comment, networks) in [
        ("clients", "who is filtered", clients),
        ("servers", "whom they may ask: preau", servers),
        ("resolvers", "who would answer unfiltered, over HTTPS", resolvers),
    ] {
        set(&mut text, name, comment, networks)?;
    }
    text.push_str(
        "\
\tchain forward {
\t\ttype filter hook forward priority filter; policy accept;
\t\t# preau itself asks whom it wants.
",
    );
    for (family, suffix, networks) in [("ip", "4", servers), ("ip6", "6", servers)] {
        if has(networks, suffix) {
            writeln!(text, "\t\t{family} saddr @servers{suffix} accept")?;
            writeln!(text, "\t\t{family} daddr @servers{suffix} accept")?;
        }
    }
    text.push_str(
        "\t\t# DNS; DNS over TLS and over QUIC; known resolvers over HTTPS and HTTP/3.\n",
    );
    const PROTOCOLS: &str = "meta l4proto { tcp, udp } th dport";
    for (family, suffix) in [("ip", "4"), ("ip6", "6")] {
        if !has(clients, suffix) {
            continue;
        }
        let from = format!("{family} saddr @clients{suffix}");
        writeln!(text, "\t\t{from} {PROTOCOLS} {{ 53, 853 }} reject")?;
        if has(resolvers, suffix) {
            writeln!(text, "\t\t{from} {family} daddr @resolvers{suffix} {PROTOCOLS} 443 reject")?;
        }
    }
    text.push_str("\t}\n}\n");
    Ok(text)
}

/// One set an address family that it has elements of.
fn set(text: &mut String, name: &str, comment: &str, networks: &[IpNet]) -> fmt::Result {
    for (suffix, kind) in [("4", "ipv4_addr"), ("6", "ipv6_addr")] {
        if !has(networks, suffix) {
            continue;
        }
        let elements: Vec<_> = of_family(networks, suffix).map(IpNet::to_string).collect();
        writeln!(text, "\t# {comment}")?;
        writeln!(text, "\tset {name}{suffix} {{")?;
        writeln!(text, "\t\ttype {kind}")?;
        writeln!(text, "\t\tflags interval")?;
        writeln!(text, "\t\telements = {{ {} }}", elements.join(", "))?;
        writeln!(text, "\t}}")?;
    }
    Ok(())
}

fn has(networks: &[IpNet], suffix: &str) -> bool {
    of_family(networks, suffix).next().is_some()
}

fn of_family<'n>(networks: &'n [IpNet], suffix: &str) -> impl Iterator<Item = &'n IpNet> {
    let is_ipv4 = suffix == "4";
    networks.iter().filter(move |network| network.addr().is_ipv4() == is_ipv4)
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, process::Command};

    use super::*;

    fn config(listen: &str, networks: &str) -> Config {
        let text = format!(
            "[listen]\ndns = [{listen}]\n[upstream]\nservers = [\"192.0.2.1\"]\n\
             [[group]]\nname = \"a\"\nnetworks = [{networks}]\nprofile = \"child\"\n"
        );
        Config::parse("test.toml", text).unwrap_or_else(|error| panic!("{error}"))
    }

    const BOTH: (&str, &str) = (
        "\"10.0.0.1:53\", \"[2001:db8::1]:53\"",
        "\"10.1.0.0/17\", \"10.1.128.0/17\", \"2001:db8:1::/48\"",
    );

    #[test]
    fn rules() {
        let rules = nftables(&config(BOTH.0, BOTH.1), &[]).unwrap();
        for line in [
            "\t\telements = { 10.1.0.0/16 }",
            "\t\telements = { 10.0.0.1/32 }",
            "\t\telements = { 2001:db8:1::/48 }",
            "\t\tip6 daddr @servers6 accept",
            "\t\tip saddr @clients4 meta l4proto { tcp, udp } th dport { 53, 853 } reject",
            "\t\tip6 saddr @clients6 ip6 daddr @resolvers6 meta l4proto { tcp, udp } th dport 443 \
             reject",
        ] {
            assert!(rules.lines().any(|own| own == line), "{line}\n{rules}");
        }
        // No set without elements, no rule without its sets.
        let rules = nftables(&config("\"10.0.0.1:53\"", "\"10.1.0.0/16\""), &[]).unwrap();
        assert!(!rules.contains("servers6") && !rules.contains("clients6"), "{rules}");
        assert_eq!(rules.matches("reject").count(), 2);
    }

    #[test]
    fn somebody_has_to_be_asked() {
        let loopback = config("\"127.0.0.1:5300\", \"0.0.0.0:53\"", "\"10.1.0.0/16\"");
        let error = nftables(&loopback, &[]).unwrap_err().to_string();
        assert!(error.contains("--server"), "{error}");
        let rules = nftables(&loopback, &["10.0.0.9".parse().unwrap()]).unwrap();
        assert!(rules.contains("elements = { 10.0.0.9/32 }"));
    }

    /// nftables itself reads every shape of them; it needs the right to ask the kernel.
    #[test]
    #[ignore = "needs nft and root"]
    fn nft_takes_them() {
        for (listen, networks) in
            [BOTH, ("\"10.0.0.1:53\"", "\"10.1.0.0/16\""), ("\"[2001:db8::1]:53\"", "\"::1/128\"")]
        {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            let rules = nftables(&config(listen, networks), &[]).unwrap();
            file.write_all(rules.as_bytes()).unwrap();
            let checked =
                Command::new("nft").arg("-c").arg("-f").arg(file.path()).output().unwrap();
            let told = String::from_utf8_lossy(&checked.stderr);
            assert!(checked.status.success(), "{told}\n{rules}");
        }
    }
}
