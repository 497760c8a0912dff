//! `[upstream]`, `[[forward]]` and `[cache]`: who is asked, and how long the answer is kept.

use std::{
    collections::HashMap,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
    time::Duration,
};

use super::Spanned;
use filter_core::DomainName;
use rustls::{RootCertStore, pki_types::CertificateDer};

use super::{Listen, lists::duration, typed, validated::Check, validated::is_loop};
use crate::resolve::{
    CacheSettings,
    upstream::{Order, Protocol, Server},
};

/// Who is asked what nobody here knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    /// Resolvers; empty: the system's.
    pub servers: Vec<Server>,
    /// Which of them first.
    pub order: Order,
    /// Whether they are trusted to verify (DNSSEC): then each is on this machine, or encrypted.
    pub trusted: bool,
    /// Authorities that certify encrypted servers, those of zones too, beside those that browsers
    /// trust.
    pub roots: Vec<CertificateDer<'static>>,
    /// Names that others are asked about. No zone stands twice.
    pub zones: Vec<Zone>,
}

/// Conditional forwarding: a zone that other resolvers know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its apex.
    pub name: DomainName,
    /// Who knows it; at least one.
    pub servers: Vec<Server>,
}

const SIZES: RangeInclusive<u64> = 1 << 20..=1 << 40;
const DAY: u64 = 24 * 60 * 60;
/// RFC 8767 §5, RFC 9520 §3.2.
const STALE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3 * DAY);
const FAILURES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(5 * 60);
const MIN_TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60 * 60);
const MAX_TTL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7 * DAY);

impl Check {
    /// `listen` is where this server itself is; relative paths start from `folder`.
    pub(super) fn upstream(
        &mut self,
        written: &typed::Upstream,
        forward: &[typed::Forward],
        listen: &Listen,
        folder: &Path,
    ) -> Upstream {
        const OR_SYSTEM: &str =
            "name at least one, or leave `servers` out to ask the system's resolvers";
        let order = match written.order {
            None | Some(typed::Order::Given) => Order::Given,
            Some(typed::Order::Fastest) => Order::Fastest,
        };
        let dnssec = written.dnssec.as_ref();
        let trust = dnssec.filter(|dnssec| *dnssec.get_ref() == typed::Dnssec::Trust);
        let servers = match &written.servers {
            Some(texts) => {
                if trust.is_some() {
                    self.trustworthy(texts);
                }
                self.servers(texts, listen, OR_SYSTEM)
            }
            None => {
                if let Some(trust) = trust {
                    let help = "name the `servers` that verify: the system's are anybody's";
                    self.fault(trust.span(), "nobody to trust", help);
                }
                Vec::new()
            }
        };
        let zones = self.zones(forward, listen);
        let encrypted = servers
            .iter()
            .chain(zones.iter().flat_map(|zone| &zone.servers))
            .any(|server| server.protocol != Protocol::Plain);
        let roots = match &written.ca {
            Some(path) if encrypted => self.authorities(path, folder),
            Some(path) => {
                let help = "it certifies servers written tls://, https:// or quic://";
                self.fault(path.span(), "`ca` without an encrypted server", help);
                Vec::new()
            }
            None => Vec::new(),
        };
        Upstream { servers, order, trusted: trust.is_some(), roots, zones }
    }

    /// Certificates of authorities.
    fn authorities(
        &mut self,
        written: &Spanned<PathBuf>,
        folder: &Path,
    ) -> Vec<CertificateDer<'static>> {
        const HELP: &str = "name a PEM file of the authority's own certificate, which ends the chain of \
                            those that it certifies";
        let Some(roots) = self.certificates(written, folder, HELP) else { return Vec::new() };
        let mut store = RootCertStore::empty();
        for (number, root) in (1..).zip(&roots) {
            if let Err(error) = store.add(root.clone()) {
                let title = format!("certificate {number} of the file cannot be used: {error}");
                self.fault(written.span(), title, HELP);
            }
        }
        roots
    }

    /// A verdict that anybody on the way can change is none.
    fn trustworthy(&mut self, servers: &Spanned<Vec<Spanned<String>>>) {
        for text in servers.get_ref() {
            if text.get_ref().parse().is_ok_and(|server: Server| !server.is_secure()) {
                let title = format!("`{}` cannot be trusted to verify", text.get_ref());
                let help = "anybody on the way can change what it says: ask a resolver on this \
                            machine, or by tls://, https:// or quic://, or drop `dnssec`";
                self.fault(text.span(), title, help);
            }
        }
    }

    fn zones(&mut self, forward: &[typed::Forward], listen: &Listen) -> Vec<Zone> {
        let mut seen = HashMap::new();
        let mut zones = Vec::new();
        for written in forward {
            let text = written.zone.get_ref();
            let servers = self.servers(&written.servers, listen, "name at least one");
            let name = match text.parse::<DomainName>() {
                Ok(name) if name.label_count() > 0 => name,
                _ => {
                    let title = format!("`{text}` is not a zone");
                    let help = "write a domain name such as \"school.example\", or \
                                \"168.192.in-addr.arpa\" for the names of 192.168.0.0/16";
                    self.fault(written.zone.span(), title, help);
                    continue;
                }
            };
            if let Some(first) = seen.insert(name.clone(), written.zone.span()) {
                let title = format!("the zone {name} stands twice");
                let help = "put the servers of both into one";
                self.repeated(first, written.zone.span(), title, help);
            }
            zones.push(Zone { name, servers });
        }
        zones
    }

    fn servers(
        &mut self,
        servers: &Spanned<Vec<Spanned<String>>>,
        listen: &Listen,
        if_none: &str,
    ) -> Vec<Server> {
        if servers.get_ref().is_empty() {
            self.fault(servers.span(), "no upstream server", if_none);
        }
        let mut known = Vec::new();
        let mut seen: Vec<(Server, Range<usize>)> = Vec::new();
        for text in servers.get_ref() {
            match text.get_ref().parse::<Server>() {
                Ok(server) if is_loop(listen, &server) => {
                    let title = format!("upstream server {server} is this server itself");
                    self.fault(text.span(), title, "name a resolver that asks somebody else");
                }
                Ok(server) => {
                    if let Some((_, first)) = seen.iter().find(|(other, _)| *other == server) {
                        let title = format!("upstream server {server} stands twice");
                        self.repeated(first.clone(), text.span(), title, "drop one of them");
                    }
                    seen.push((server.clone(), text.span()));
                    known.push(server);
                }
                Err(error) => {
                    let title = format!("`{}` is no upstream server: {error}", text.get_ref());
                    let help = "write \"192.0.2.1\", \"192.0.2.1:5353\" or \
                                \"tls://192.0.2.1#resolver.example\"";
                    self.fault(text.span(), title, help);
                }
            }
        }
        known
    }

    pub(super) fn cache(&mut self, written: &typed::Cache) -> CacheSettings {
        let default = CacheSettings::default();
        let octets = written.size.as_ref().and_then(|text| {
            let octets = size(text.get_ref()).filter(|octets| SIZES.contains(octets));
            if octets.is_none() {
                let title = format!("`{}` is not a size for a cache", text.get_ref());
                let help =
                    "write a number and a unit, MiB or GiB, from \"1MiB\", such as \"64MiB\"";
                self.fault(text.span(), title, help);
            }
            octets
        });
        let min = self.time(written.min_ttl.as_ref(), &MIN_TTL, "\"0s\" to \"1h\"");
        let max = self.time(written.max_ttl.as_ref(), &MAX_TTL, "\"1s\" to \"7d\"");
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs() as u32); // within a week
        let ttl = seconds(min).unwrap_or(*default.ttl.start())
            ..=seconds(max).unwrap_or(*default.ttl.end());
        if let (Some(min), true) = (&written.min_ttl, ttl.is_empty()) {
            let title = format!("`min_ttl` is more than the {} s of `max_ttl`", ttl.end());
            self.fault(min.span(), title, "lower it");
        }
        let failures = self.time(written.failures.as_ref(), &FAILURES, "\"1s\" to \"5m\"");
        let stale = self.time(written.stale.as_ref(), &STALE, "\"0s\" (never) to \"3d\"");
        CacheSettings {
            octets: octets.unwrap_or(default.octets),
            ttl,
            failures: failures.unwrap_or(default.failures),
            stale: stale.unwrap_or(default.stale),
            prefetch: written.prefetch.unwrap_or(default.prefetch),
        }
    }

    /// A length of time within a range, which `shown` tells.
    pub(super) fn time(
        &mut self,
        text: Option<&Spanned<String>>,
        range: &RangeInclusive<Duration>,
        shown: &str,
    ) -> Option<Duration> {
        let text = text?;
        let time = duration(text.get_ref()).filter(|time| range.contains(time));
        if time.is_none() {
            let title =
                format!("`{}` is not a length of time that makes sense here", text.get_ref());
            let help = format!("write a number and a unit, s, m, h or d, from {shown}");
            self.fault(text.span(), title, help);
        }
        time
    }
}

/// A whole number and a unit.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, shift) = match (text.strip_suffix("MiB"), text.strip_suffix("GiB")) {
        (Some(number), _) => (number, 20),
        (_, Some(number)) => (number, 30),
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}
