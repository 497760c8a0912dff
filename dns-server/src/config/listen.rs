//! `[listen]`: where, and over what.

use std::{collections::HashMap, net::SocketAddr, ops::Range};

use super::Spanned;
use ipnet::IpNet;

use super::{Config, Listen, typed, validated::Check};

type Addresses = Spanned<Vec<Spanned<String>>>;

impl Check {
    pub(super) fn listen(&mut self, written: &typed::Listen) -> Listen {
        let mut taken = Taken::default();
        let mut addresses = |key: &Option<Addresses>, example, protocols: &[_]| {
            key.as_ref().map(|list| self.listen_at(list, example, protocols, &mut taken))
        };
        let dns = addresses(&written.dns, DNS, &[Protocol::Udp, Protocol::Tcp]);
        let tls = addresses(&written.tls, TLS, &[Protocol::Tcp]);
        let https = addresses(&written.https, HTTPS, &[Protocol::Tcp]);
        let quic = addresses(&written.quic, TLS, &[Protocol::Udp]);
        Listen {
            dns: dns.unwrap_or_else(|| Config::default().listen.dns),
            tls: tls.unwrap_or_default(),
            https: https.unwrap_or_default(),
            quic: quic.unwrap_or_default(),
        }
    }

    /// Balancers that are believed.
    pub(super) fn proxies(&mut self, written: &typed::Listen) -> Vec<IpNet> {
        written.proxies.iter().filter_map(|text| self.network(text)).collect()
    }

    /// Checks the groups' own paths for DNS over HTTPS.
    pub(super) fn doh_paths(&mut self, groups: &[typed::Group], listen: &Listen) {
        let mut paths: HashMap<&str, Range<usize>> = HashMap::new();
        for path in groups.iter().filter_map(|group| group.doh_path.as_ref()) {
            self.doh_path(path, listen);
            if let Some(first) = paths.insert(path.get_ref(), path.span()) {
                let title = format!("two groups have the path `{}`", path.get_ref());
                self.repeated(first, path.span(), title, "give each its own");
            }
        }
    }

    fn doh_path(&mut self, written: &Spanned<String>, listen: &Listen) {
        let (path, at) = (written.get_ref(), written.span());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        if !path.starts_with('/') || !path.bytes().all(is_plain) {
            let title = format!("`{path}` is not a path");
            self.fault(at, title, "write a slash, then letters, digits, -, _ and slashes only");
        } else if path.rsplit('/').next().is_none_or(|token| token.len() < SECRET) {
            let help = format!(
                "whoever knows it is in the group: end it with {SECRET} random characters or more, \
                 such as those of: openssl rand -hex 16"
            );
            self.fault(at, format!("`{path}` is easily guessed"), help);
        } else if listen.https.is_empty() {
            let help = "add `https` to [listen], or leave it out";
            self.fault(at, "`doh_path` without DNS over HTTPS", help);
        }
    }

    /// One key's addresses, in the order of the file; `taken` are those before it.
    fn listen_at(
        &mut self,
        written: &Addresses,
        [ipv4, ipv6]: [&str; 2],
        protocols: &[Protocol],
        taken: &mut Taken,
    ) -> Vec<SocketAddr> {
        if written.get_ref().is_empty() {
            let help = format!("name at least one, such as \"{ipv4}\"");
            self.fault(written.span(), "no address to listen on", help);
        }
        let mut checked = Vec::new();
        for text in written.get_ref() {
            let Ok(address) = text.get_ref().parse::<SocketAddr>() else {
                let title = format!("`{}` is not an address and a port", text.get_ref());
                self.fault(text.span(), title, format!("write \"{ipv4}\" or \"{ipv6}\""));
                continue;
            };
            let first = protocols
                .iter()
                .find_map(|protocol| taken.insert((address, *protocol), text.span()));
            // Port 0 is another one each time.
            if let Some(first) = first.filter(|_| address.port() != 0 || checked.contains(&address))
            {
                let title = format!("{address} stands twice");
                self.repeated(first, text.span(), title, "drop one of them");
            }
            checked.push(address);
        }
        checked
    }
}

/// Characters of a path that nobody guesses.
const SECRET: usize = 16;

/// Whose port an address has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Protocol {
    Tcp,
    Udp,
}

/// Where in the file each address stands.
type Taken = HashMap<(SocketAddr, Protocol), Range<usize>>;

/// What to write, IPv4 and IPv6.
const DNS: [&str; 2] = ["127.0.0.1:53", "[::1]:53"];
const TLS: [&str; 2] = ["10.0.0.1:853", "[2001:db8::1]:853"];
const HTTPS: [&str; 2] = ["10.0.0.1:443", "[2001:db8::1]:443"];
