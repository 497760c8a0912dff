//! The configuration: one TOML file, or the defaults.

pub(crate) mod check;
mod codes;
mod contact;
mod files;
mod groups;
mod limits;
mod listen;
mod lists;
mod local;
mod operations;
mod page;
mod page_certificates;
mod profiles;
mod reference;
mod schedule;
mod search;
mod services;
mod spanned;
#[cfg(test)]
mod tests;
mod tls;
mod typed;
mod upstream;
mod validated;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ::lists::{diagnostic::Diagnostic, digest::Sha256Digest, pull::Url, signature::PublicKeys};
use filter_core::{Categories, DomainName};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use jiff::Timestamp;
use rustls::sign::CertifiedKey;
use thiserror::Error;

use self::spanned::Spanned;
pub use self::{
    check::{CheckApi, CheckPlace},
    codes::Code,
    operations::Operations,
    page::Page,
    schedule::{Exception, SchoolYear, Slot, Timetable},
    upstream::{Upstream, Zone},
};
pub(crate) use self::{
    files::Files,
    lists::duration,
    page_certificates::{CERTIFICATE as AUTHORITY_CERTIFICATE, KEY as AUTHORITY_KEY},
    reference::{default_config, schema},
    validated::is_loop,
};
use crate::{
    policy::{
        calendar::Calendar,
        local::LocalRecords,
        refusal::{Contact, RefusalForm, Telling},
        search::{SearchMode, SearchTable, YouTube},
    },
    resolve::CacheSettings,
    wire::designation::{self, DOH_PATH, Designation, Endpoint},
};

/// Everything that an operator can set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens. Changing that takes a restart.
    pub listen: Listen,
    /// The certificate of encrypted transports; there is one where any is listened for.
    pub tls: Option<Tls>,
    /// Balancers that say with the PROXY protocol who asks.
    pub proxies: Vec<IpNet>,
    /// What clients may take at once.
    pub limits: Limits,
    /// Who is asked.
    pub upstream: Upstream,
    /// How long the answers are kept, and how many.
    pub cache: CacheSettings,
    /// Where lists come from, and who vouches for them.
    pub lists: Lists,
    /// Who is who, by network. No network stands twice.
    pub groups: Vec<Group>,
    /// The profile of each name that a group uses, and any other that the file defines.
    pub profiles: BTreeMap<String, Profile>,
    /// Search engines, and what can be done about them.
    pub engines: Arc<SearchTable>,
    /// The block page, where there is one.
    pub page: Option<Arc<Page>>,
    /// The clock and the school year that schedules go by.
    pub school_year: SchoolYear,
    /// Zones whose names may have private addresses, beside those with servers of their own.
    pub private: Vec<DomainName>,
    /// Names of the operator's own network.
    pub local: LocalRecords,
    /// Codes by which teachers let a name through.
    pub codes: Vec<Code>,
    /// How whoever runs it talks to it, and what it remembers.
    pub operations: Operations,
    /// What other programs may ask.
    pub check: CheckApi,
    /// The files, to read them again on reload and to point into them.
    files: Option<Arc<Files>>,
    /// Where the file names categories: only a bundle knows which there are.
    category_names: Vec<(String, Range<usize>)>,
}

/// Addresses to listen at, by what is spoken there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// DNS over UDP and TCP; at least one.
    pub dns: Vec<SocketAddr>,
    /// DNS over TLS (RFC 7858).
    pub tls: Vec<SocketAddr>,
    /// DNS over HTTPS (RFC 8484).
    pub https: Vec<SocketAddr>,
    /// DNS over QUIC (RFC 9250).
    pub quic: Vec<SocketAddr>,
}

impl Listen {
    /// Every address.
    pub fn all(&self) -> impl Iterator<Item = SocketAddr> {
        [&self.dns, &self.tls, &self.https, &self.quic].into_iter().flatten().copied()
    }

    /// The addresses of encrypted transports, and what is spoken there.
    pub(crate) fn encrypted(&self) -> impl Iterator<Item = (SocketAddr, &'static str)> {
        let named = [
            (&self.tls, "DNS over TLS"),
            (&self.https, "DNS over HTTPS"),
            (&self.quic, "DNS over QUIC"),
        ];
        named.into_iter().flat_map(|(at, name)| at.iter().map(move |&at| (at, name)))
    }
}

/// What clients may take; a client is an IPv4 address or an IPv6 /56, and several machines may stand
/// behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Questions a second of a client, after a burst of as many; from this machine itself, any
    /// number.
    pub queries_per_second: u32,
    /// Connections at once, of everybody.
    pub connections: usize,
    /// Connections at once, of a client.
    pub connections_per_client: usize,
    /// Questions that wait for upstream, of everybody: each may take a socket. Changing it takes a
    /// restart.
    pub waiting: usize,
    /// Questions that wait for upstream, of a client.
    pub waiting_per_client: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queries_per_second: 2000,
            connections: 1024,
            connections_per_client: 64,
            waiting: 1024,
            waiting_per_client: 256,
        }
    }
}

impl Limits {
    /// Open files that it takes to keep this promise.
    pub(crate) fn open_files(&self) -> u64 {
        const EVERYTHING_ELSE: usize = 256;
        (self.connections + self.waiting + EVERYTHING_ELSE) as u64
    }
}

/// Who this server is, to clients of encrypted transports.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate, those that lead to its root, and its key.
    pub identity: Arc<CertifiedKey>,
    /// The name that clients know this server by.
    pub name: Option<DomainName>,
    /// From when to when the certificate is valid, in seconds since 1970.
    valid: RangeInclusive<i64>,
}

impl Tls {
    /// What is wrong with the certificate today, if anything: it is served all the same, since
    /// clients that do not verify it are better off than without.
    pub fn complaint(&self) -> Option<String> {
        let now = Timestamp::now();
        let instant = |second| Timestamp::from_second(second).unwrap_or_default();
        if now.as_second() > *self.valid.end() {
            Some(format!("the certificate expired at {}: renew it", instant(*self.valid.end())))
        } else if now.as_second() < *self.valid.start() {
            let start = instant(*self.valid.start());
            Some(format!("the certificate is not valid before {start}: check the clock"))
        } else {
            None
        }
    }
}

/// Where lists come from, and who vouches for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Where they come from.
    pub source: ListSource,
    /// Who must have signed them; empty only for the operator's own bundle: whoever.
    pub keys: PublicKeys,
    /// Where verified bundles are kept; absent: see [`bundle::cache`](crate::bundle::cache).
    pub cache: Option<PathBuf>,
}

/// Where lists come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListSource {
    /// The list embedded in the program.
    #[default]
    Starter,
    /// A bundle of the operator's.
    Bundle(PathBuf),
    /// A folder that bundles are published to.
    Published {
        /// The folder.
        url: Url,
        /// How often to ask for a new one.
        poll: Duration,
    },
}

/// Clients that share a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Unique name.
    pub name: String,
    /// Its networks; at least one.
    pub networks: Vec<IpNet>,
    /// Name of its profile.
    pub profile: String,
    /// Name of the profile that a higher authority set for it, and that its own does not loosen.
    pub floor: Option<String>,
    /// A path of its own for DNS over HTTPS: any client of this server's groups that asks there is
    /// in this one.
    pub doh_path: Option<Arc<str>>,
    /// Its school holidays, where they are not [`SchoolYear::calendar`].
    pub calendar: Option<Calendar>,
}

/// What one audience may see, and how it is told no.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What the engine needs to know.
    pub filter: filter_core::Profile,
    /// Categories that are not refused, but counted as if they were.
    pub observe: BTreeSet<String>,
    /// What it makes of search engines.
    pub search: SearchMode,
    /// What it makes of YouTube.
    pub youtube: YouTube,
    /// When it gives way to others.
    pub timetable: Timetable,
    /// Whether programs that ask by a canary are told that the network filters; only where it blocks
    /// `bypass`.
    pub canaries: bool,
    /// What a refusal looks like.
    pub refusal: RefusalForm,
    /// What is told of its reason.
    pub telling: Telling,
    /// Whom structured errors name, where programs that ask for them get them. Experimental.
    pub structured_errors: Option<Arc<Contact>>,
    /// Whether keys of encrypted client hellos are taken out of answers (RFC 9848): what is visited
    /// stays visible to the network.
    pub remove_ech: bool,
}

impl Config {
    /// What clients are told who ask for encrypted transports: those that are listened for, once
    /// `[tls] name` says what this server is called. Wildcard addresses are no hints. Port 0 is
    /// another one at each start, for trying things out: nobody is sent there.
    pub fn designation(&self) -> Option<Designation> {
        let target = self.tls.as_ref()?.name.clone()?;
        let transports = [
            (&self.listen.quic, designation::QUIC, None),
            (&self.listen.tls, designation::TLS, None),
            (&self.listen.https, designation::HTTPS, Some(DOH_PATH)),
        ];
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for (addresses, alpn, doh_path) in transports {
            for address in addresses.iter().filter(|address| address.port() != 0) {
                let (ip, port) = (address.ip(), address.port());
                let hint = (!ip.is_unspecified()).then_some(ip);
                let same = |known: &&mut Endpoint| known.alpn == alpn && known.port == port;
                match endpoints.iter_mut().find(same) {
                    Some(known) => known.hints.extend(hint),
                    None => {
                        let hints = hint.into_iter().collect();
                        endpoints.push(Endpoint { alpn, port, hints, doh_path });
                    }
                }
            }
        }
        (!endpoints.is_empty()).then_some(Designation { target, endpoints })
    }

    /// Reads and checks a file, with those of `conf.d` beside it, in order of their names.
    ///
    /// # Errors
    /// [`ConfigError`]: the file cannot be read, or what it says cannot be done.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        validated::config(Arc::new(Files::read(path)?))
    }

    /// Checks a configuration; messages call it `path`, and its relative paths start from there.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`], with every fault.
    pub fn parse(path: &str, text: impl Into<String>) -> Result<Self, ConfigError> {
        validated::config(Arc::new(Files::one(path, text.into())))
    }

    /// Reads the same files again, as it is now. Defaults stay defaults.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn reload(&self) -> Result<Self, ConfigError> {
        match &self.files {
            Some(files) => Self::load(files.path()),
            None => Ok(Self::default()),
        }
    }

    /// The digest of what was read; `None` where nothing was.
    pub fn digest(&self) -> Option<Sha256Digest> {
        self.files.as_ref().map(|files| Sha256Digest::of(files.text().as_bytes()))
    }

    /// Checks the categories that profiles name against those of a bundle.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`], with every one that the bundle does not have.
    pub fn check_categories(&self, known: &Categories) -> Result<(), ConfigError> {
        let Some(files) = &self.files else { return Ok(()) };
        let names: Vec<_> = known.names().collect();
        let unknown = self.category_names.iter().filter(|(name, _)| !known.knows(name));
        let fault = |(name, span): &(String, Range<usize>)| {
            files
                .fault(span.clone(), format!("unknown category `{name}`"))
                .help(format!("the bundle's categories are {}", names.join(", ")))
        };
        ConfigError::unless_empty(unknown.map(fault).collect())
    }

    /// Checks the files that the block page is made of. Where one cannot be used, the page is shown
    /// without any of them.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`], with what is wrong with the first that cannot be used.
    pub fn check_page(&self) -> Result<(), ConfigError> {
        let fault = self.page.as_ref().and_then(|page| page.fault.clone());
        ConfigError::unless_empty(fault.into_iter().collect())
    }

    /// Zones whose names may have private addresses.
    pub(crate) fn private_zones(&self) -> impl Iterator<Item = &DomainName> {
        self.private.iter().chain(self.upstream.zones.iter().map(|zone| &zone.name))
    }

    /// The same configuration less the categories that a bundle does not have, and which those are.
    pub(crate) fn limited_to(&self, known: &Categories) -> (Self, Vec<String>) {
        let mut limited = self.clone();
        let is_known = |name: &String| known.get(name).is_some();
        for profile in limited.profiles.values_mut() {
            profile.filter.block.retain(is_known);
            profile.filter.allow.retain(is_known);
            profile.observe.retain(is_known);
        }
        for code in &mut limited.codes {
            code.never.retain(is_known);
        }
        let named = std::mem::take(&mut limited.category_names).into_iter();
        let (kept, unknown): (Vec<_>, Vec<_>) = named.partition(|(name, _)| is_known(name));
        limited.category_names = kept;
        (limited, unknown.into_iter().map(|(name, _)| name).collect())
    }
}

/// No file: everyone on this machine is a child, resolved by the system's resolvers, on port 5300.
impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Listen {
                dns: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 5300))],
                ..Listen::default()
            },
            tls: None,
            proxies: Vec::new(),
            limits: Limits::default(),
            upstream: Upstream::default(),
            cache: CacheSettings::default(),
            lists: Lists::default(),
            groups: vec![Group::default()],
            profiles: BTreeMap::from([(CHILD.to_owned(), profiles::built_in(CHILD))]),
            engines: Arc::new(SearchTable::shipped()),
            page: None,
            school_year: SchoolYear::default(),
            private: Vec::new(),
            local: LocalRecords::default(),
            codes: Vec::new(),
            operations: Operations::default(),
            check: CheckApi::default(),
            files: None,
            category_names: Vec::new(),
        }
    }
}

/// Profile of whoever is in no group of the operator's.
const CHILD: &str = "child";

/// This machine, as `child`.
impl Default for Group {
    fn default() -> Self {
        let loopback_v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
        let loopback_v6 = Ipv6Net::from(Ipv6Addr::LOCALHOST);
        Self {
            name: "this machine".into(),
            networks: vec![loopback_v4.into(), loopback_v6.into()],
            profile: CHILD.into(),
            floor: None,
            doh_path: None,
            calendar: None,
        }
    }
}

/// Why a configuration cannot be used. Nothing of it takes effect.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not there, not readable, or not UTF-8.
    #[error("cannot read the configuration {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// What the file says cannot be done: every fault, each pointing into the file.
    #[error("{}", paragraphs(.0))]
    Invalid(Vec<Diagnostic>),
}

impl ConfigError {
    fn unless_empty(faults: Vec<Diagnostic>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self::Invalid(faults)) }
    }
}

fn paragraphs(faults: &[Diagnostic]) -> String {
    faults.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n")
}
