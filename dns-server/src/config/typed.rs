//! The configuration file as it is written: every key that there is, nothing checked but its type.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) listen: Listen,
    pub(super) tls: Option<Spanned<Tls>>,
    pub(super) limits: Limits,
    pub(super) upstream: Upstream,
    pub(super) forward: Vec<Forward>,
    pub(super) cache: Cache,
    pub(super) lists: Lists,
    pub(super) control: Control,
    pub(super) audit: Audit,
    pub(super) metrics: Metrics,
    pub(super) group: Vec<Group>,
    pub(super) floor: Option<Floor>,
    pub(super) local: Vec<Local>,
    pub(super) page: Option<Page>,
    pub(super) contact: Option<Contact>,
    pub(super) search: Search,
    pub(super) services: Services,
    pub(super) rebinding: Rebinding,
    pub(super) calendar: Calendar,
    pub(super) profile: BTreeMap<Spanned<String>, Profile>,
}

/// `[listen]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Listen {
    /// Addresses and ports for DNS over UDP and TCP.
    pub(super) dns: Option<Spanned<Vec<Spanned<String>>>>,
    /// For DNS over TLS.
    pub(super) tls: Option<Spanned<Vec<Spanned<String>>>>,
    /// For DNS over HTTPS.
    pub(super) https: Option<Spanned<Vec<Spanned<String>>>>,
    /// For DNS over QUIC.
    pub(super) quic: Option<Spanned<Vec<Spanned<String>>>>,
    /// Networks of balancers that say with the PROXY protocol who asks.
    pub(super) proxies: Vec<Spanned<String>>,
}

/// `[limits]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    /// Of a client, over all transports.
    pub(super) queries_per_second: Option<Spanned<u32>>,
    /// At once, over TCP, TLS, HTTPS and QUIC.
    pub(super) connections: Option<Spanned<u32>>,
    pub(super) connections_per_client: Option<Spanned<u32>>,
    /// Questions that wait for upstream.
    pub(super) waiting: Option<Spanned<u32>>,
    pub(super) waiting_per_client: Option<Spanned<u32>>,
}

/// `[tls]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// PEM file of the certificate, with those that lead to its root.
    pub(super) certificate: Spanned<PathBuf>,
    /// PEM file of its private key.
    pub(super) key: Spanned<PathBuf>,
    /// The name that clients know this server by, which the certificate is for.
    pub(super) name: Option<Spanned<String>>,
}

/// `[upstream]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Upstream {
    /// Resolvers to ask.
    pub(super) servers: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) order: Option<Order>,
    pub(super) dnssec: Option<Spanned<Dnssec>>,
}

/// Which of several resolvers is asked first.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    Given,
    Fastest,
}

/// Who verifies signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Dnssec {
    /// Nobody that clients could rely on.
    Off,
    /// The resolvers.
    Trust,
}

/// `[[forward]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forward {
    /// The zone: its names, and those below.
    pub(super) zone: Spanned<String>,
    /// Who knows it.
    pub(super) servers: Spanned<Vec<Spanned<String>>>,
}

/// `[cache]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Cache {
    /// Memory.
    pub(super) size: Option<Spanned<String>>,
    pub(super) min_ttl: Option<Spanned<String>>,
    pub(super) max_ttl: Option<Spanned<String>>,
    /// How long failures are kept.
    pub(super) failures: Option<Spanned<String>>,
    /// How long answers are kept beyond their time.
    pub(super) stale: Option<Spanned<String>>,
    /// Whether what is much asked for is asked for anew before its time is over.
    pub(super) prefetch: Option<bool>,
}

/// `[lists]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Lists {
    /// A bundle that `list-compile` made; not with `url`.
    pub(super) bundle: Option<Spanned<PathBuf>>,
    /// The folder that bundles are published to.
    pub(super) url: Option<Spanned<String>>,
    /// Public keys of whom a bundle must be signed by, or paths of their files.
    pub(super) keys: Option<Spanned<Vec<Spanned<String>>>>,
    /// How often to ask for a new bundle.
    pub(super) poll: Option<Spanned<String>>,
    /// Where the server keeps its verified copies.
    pub(super) cache: Option<PathBuf>,
}

/// `[control]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Control {
    /// Path of the control socket.
    pub(super) socket: Option<Spanned<PathBuf>>,
    /// The longest that `preau allow` lets a name through.
    pub(super) longest_allow: Option<Spanned<String>>,
}

/// `[metrics]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Metrics {
    /// Address and port to serve them at.
    pub(super) listen: Option<Spanned<String>>,
}

/// `[audit]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Audit {
    /// How long records of changes are kept.
    pub(super) keep: Option<Spanned<String>>,
}

/// `[[group]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: Spanned<String>,
    /// Networks or single addresses of its clients.
    pub(super) networks: Spanned<Vec<Spanned<String>>>,
    pub(super) profile: Spanned<String>,
    /// A path of its own for DNS over HTTPS: whoever knows it is in the group.
    pub(super) doh_path: Option<Spanned<String>>,
    /// Whose school holidays, where they are not those of `[calendar]`.
    pub(super) zone: Option<Spanned<String>>,
}

/// `[floor]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Floor {
    /// The profile that no other loosens.
    pub(super) profile: Spanned<String>,
    /// Whom it holds for; absent: every group.
    pub(super) groups: Option<Spanned<Vec<Spanned<String>>>>,
}

/// `[[local]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Local {
    pub(super) name: Spanned<String>,
    /// Its addresses.
    pub(super) addresses: Spanned<Vec<Spanned<String>>>,
}

/// `[page]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Where the block page is served.
    pub(super) addresses: Spanned<Vec<Spanned<String>>>,
}

/// `[contact]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contact {
    /// Who refuses.
    pub(super) organisation: Option<String>,
    /// How to reach them.
    pub(super) uris: Spanned<Vec<Spanned<String>>>,
}

/// `[search]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Search {
    /// More rows for the table of search engines.
    pub(super) engines_file: Option<Spanned<PathBuf>>,
}

/// `[services]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Services {
    /// More rows for the table of services.
    pub(super) file: Option<Spanned<PathBuf>>,
}

/// `[rebinding]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rebinding {
    /// Zones whose names may have private addresses.
    pub(super) private_zones: Vec<Spanned<String>>,
}

/// `[calendar]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Calendar {
    /// Whose school holidays.
    pub(super) zone: Option<Spanned<String>>,
    /// Public holidays of Alsace and Moselle, too.
    pub(super) alsace_moselle: Option<bool>,
    /// Of the wall clock, as the IANA database names it.
    pub(super) time_zone: Option<Spanned<String>>,
    /// More calendars.
    pub(super) file: Option<Spanned<PathBuf>>,
}

/// `[profile.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    /// Categories that are refused.
    pub(super) block: Option<Vec<Spanned<String>>>,
    /// Categories that a closed profile lets through.
    pub(super) allow: Option<Vec<Spanned<String>>>,
    /// Categories that are not refused yet, but counted as if they were.
    pub(super) observe: Option<Vec<Spanned<String>>>,
    /// Names that are refused, whatever the lists say.
    pub(super) block_names: Option<Vec<Spanned<String>>>,
    /// Names that are never refused.
    pub(super) allow_names: Option<Vec<Spanned<String>>>,
    /// Services whose names are refused.
    pub(super) block_services: Option<Vec<Spanned<String>>>,
    /// Services whose names are never refused.
    pub(super) allow_services: Option<Vec<Spanned<String>>>,
    /// Whether canaries are answered, where `bypass` is blocked.
    pub(super) canaries: Option<bool>,
    pub(super) mode: Option<Mode>,
    pub(super) refusal: Option<Spanned<Refusal>>,
    /// How much of a refusal's reason is told.
    pub(super) reasons: Option<Reasons>,
    /// The language that it is told in.
    pub(super) language: Option<Language>,
    /// The clients asked for the filter themselves.
    pub(super) on_request: Option<bool>,
    /// Whether programs that ask for structured errors get them. Experimental.
    pub(super) structured_errors: Option<bool>,
    /// Whether keys of encrypted client hellos are taken out of answers.
    pub(super) remove_ech: Option<bool>,
    /// What becomes of search engines.
    pub(super) search: Option<Spanned<SearchMode>>,
    /// Those that are left.
    pub(super) engines: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) youtube: Option<YouTube>,
    /// When other profiles apply.
    #[serde(default)]
    pub(super) slot: Vec<Slot>,
    /// Days that go otherwise.
    #[serde(default)]
    pub(super) exception: Vec<Exception>,
}

/// `[[profile.NAME.slot]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slot {
    /// Absent: every day.
    pub(super) days: Option<Spanned<Vec<String>>>,
    pub(super) from: Spanned<String>,
    pub(super) to: Spanned<String>,
    pub(super) during: Option<Spanned<String>>,
    /// The profile that applies.
    #[serde(rename = "use")]
    pub(super) profile: Spanned<String>,
}

/// `[[profile.NAME.exception]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    /// The day, or the first.
    pub(super) date: Spanned<String>,
    /// The last day.
    pub(super) to: Option<Spanned<String>>,
    /// The profile that applies.
    #[serde(rename = "use")]
    pub(super) profile: Spanned<String>,
}

/// What becomes of search engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SearchMode {
    Off,
    Safe,
    Forced,
    Only,
}

/// What becomes of YouTube.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum YouTube {
    Off,
    Moderate,
    Strict,
}

/// What becomes of names that no list knows.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    Open,
    Closed,
}

/// How much of a refusal's reason is told.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reasons {
    None,
    Code,
    Category,
    Full,
}

/// A language of pupils and teachers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    Fr,
    En,
}

/// What a refusal looks like to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Refusal {
    Nxdomain,
    Nodata,
    Null,
    Page,
}
