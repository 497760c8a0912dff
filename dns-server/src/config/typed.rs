//! The configuration file as it is written: every key that there is, nothing checked but its type.
//!
//! The comments are what operators read: `preau default-config` prints each key with its comment and
//! its default, or, where there is none to print, an example (`reference.rs`).

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CHILD, Spanned,
    lists::POLL,
    profiles::built_in,
    reference::{size, time},
    schedule::PARIS,
};
use crate::{resolve::CacheSettings, web::block_page::colour::Colour};

/// The configuration of preau, a DNS content filter for schools: every key that there is.
///
/// A line that begins with `#` and no space is a key at its default, or one that waits for a value of
/// yours: those end in `# example`. To set a key, take the `#` away, and that of its [table] too.
/// An absent table is as one without keys.
///
/// Times are a number and a unit, s, m, h or d; sizes are in MiB or GiB. Relative paths start from
/// the folder of this file. The files of the folder conf.d beside it, *.toml, are read after it.
///
/// What a network needs first: dns of [listen], servers of [upstream], url and keys of [lists], and
/// a [[group]] for each kind of clients. Then: preau --config FILE check-config
#[derive(Debug, Default, Deserialize, JsonSchema)]
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
    pub(super) reports: Reports,
    pub(super) metrics: Metrics,
    pub(super) check: CheckApi,
    pub(super) group: Vec<Group>,
    pub(super) floor: Option<Floor>,
    pub(super) local: Vec<Local>,
    pub(super) page: Option<Page>,
    pub(super) code: Vec<Code>,
    pub(super) contact: Option<Contact>,
    pub(super) search: Search,
    pub(super) services: Services,
    pub(super) rebinding: Rebinding,
    pub(super) calendar: Calendar,
    #[schemars(extend("propertyNames" = {"examples": [CHILD]}))]
    pub(super) profile: BTreeMap<Spanned<String>, Profile>,
}

/// Where to listen: addresses and ports. Changing them takes a restart.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Listen {
    /// For DNS over UDP and TCP.
    #[schemars(extend("default" = super::Config::default().listen.dns))]
    pub(super) dns: Option<Spanned<Vec<Spanned<String>>>>,
    /// For DNS over TLS (RFC 7858). Absent: not served.
    #[schemars(example = ["192.0.2.53:853"])]
    pub(super) tls: Option<Spanned<Vec<Spanned<String>>>>,
    /// For DNS over HTTPS (RFC 8484), at the path /dns-query. Absent: not served.
    #[schemars(example = ["192.0.2.53:443"])]
    pub(super) https: Option<Spanned<Vec<Spanned<String>>>>,
    /// For DNS over QUIC (RFC 9250). Absent: not served.
    #[schemars(example = ["192.0.2.53:853"])]
    pub(super) quic: Option<Spanned<Vec<Spanned<String>>>>,
    /// Networks or addresses of balancers that say by the PROXY protocol, version 2, who asks. What
    /// comes from there without its header is dropped. Absent: none; clients are seen themselves.
    #[schemars(example = ["10.0.0.2", "2001:db8:2::/64"])]
    pub(super) proxies: Vec<Spanned<String>>,
}

/// The certificate of tls, https and quic of [listen], for which it is needed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// PEM file of the certificate, followed by those of its authorities. Read again on reload.
    #[schemars(example = &"fullchain.pem")]
    pub(super) certificate: Spanned<PathBuf>,
    /// PEM file of its private key, not encrypted.
    #[schemars(example = &"privkey.pem")]
    pub(super) key: Spanned<PathBuf>,
    /// The name that clients know this server by, which the certificate must be for. With it,
    /// clients are told of the encrypted transports (RFC 9462). Absent: they are not told.
    #[schemars(example = &"dns.school.example")]
    pub(super) name: Option<Spanned<String>>,
}

/// What clients may take. A client is an IPv4 address or an IPv6 /56; many machines may stand behind
/// it. Each is a number from 1 to 1000000.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    /// Questions a second of a client, after a burst of as many.
    #[schemars(extend("default" = super::Limits::default().queries_per_second))]
    pub(super) queries_per_second: Option<Spanned<u32>>,
    /// Connections at once of all clients, over TCP, TLS, HTTPS and QUIC together.
    #[schemars(extend("default" = super::Limits::default().connections))]
    pub(super) connections: Option<Spanned<u32>>,
    /// Connections at once of a client.
    #[schemars(extend("default" = super::Limits::default().connections_per_client))]
    pub(super) connections_per_client: Option<Spanned<u32>>,
    /// Questions at once that wait for upstream, of all clients. Changing it takes a restart.
    #[schemars(extend("default" = super::Limits::default().waiting))]
    pub(super) waiting: Option<Spanned<u32>>,
    /// Questions at once that wait for upstream, of a client.
    #[schemars(extend("default" = super::Limits::default().waiting_per_client))]
    pub(super) waiting_per_client: Option<Spanned<u32>>,
}

/// Who is asked what nobody here knows.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Upstream {
    /// Resolvers: "ADDRESS", "ADDRESS:PORT", "tls://ADDRESS#NAME", "https://ADDRESS/PATH#NAME" or
    /// "quic://ADDRESS#NAME", where the certificate must be for NAME. Absent: the system's.
    #[schemars(example = ["127.0.0.1:5335", "tls://9.9.9.9#dns.quad9.net"])]
    pub(super) servers: Option<Spanned<Vec<Spanned<String>>>>,
    /// Which of them is asked first.
    #[schemars(extend("default" = Order::Given))]
    pub(super) order: Option<Order>,
    /// PEM file of authorities, such as a town's own, that certify encrypted servers beside those
    /// that browsers trust. Absent: none.
    #[schemars(example = "town.pem")]
    pub(super) ca: Option<Spanned<PathBuf>>,
    /// Who verifies signatures (DNSSEC).
    #[schemars(extend("default" = Dnssec::Off))]
    pub(super) dnssec: Option<Spanned<Dnssec>>,
}

/// Which of several resolvers is asked first.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    /// The first that answers, as they are written.
    Given,
    /// The one that has answered fastest lately.
    Fastest,
}

/// Who verifies signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Dnssec {
    /// Nobody that clients could rely on.
    Off,
    /// The resolvers, and clients are told. Each of them must be on this machine, or encrypted.
    Trust,
}

/// A zone that other resolvers know, such as the school's own. Any number of these tables.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Forward {
    /// The zone: this name, and all below it. The most specific zone decides.
    #[schemars(example = &"school.example")]
    pub(super) zone: Spanned<String>,
    /// Who knows it, written as servers of [upstream].
    #[schemars(example = ["10.0.0.2"])]
    pub(super) servers: Spanned<Vec<Spanned<String>>>,
}

/// How long answers are kept, and how many.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Cache {
    /// Memory, from 1MiB; what has not been asked for longest goes first.
    #[schemars(extend("default" = size(CacheSettings::default().octets)))]
    pub(super) size: Option<Spanned<String>>,
    /// The least TTL, 0s to 1h: answers of less are kept for as long.
    #[schemars(extend("default" = time(u64::from(*CacheSettings::default().ttl.start()))))]
    pub(super) min_ttl: Option<Spanned<String>>,
    /// The greatest TTL, 1s to 7d. Denials are never kept for longer than an hour.
    #[schemars(extend("default" = time(u64::from(*CacheSettings::default().ttl.end()))))]
    pub(super) max_ttl: Option<Spanned<String>>,
    /// How long a failure is not asked about again (RFC 9520), 1s to 5m.
    #[schemars(extend("default" = time(CacheSettings::default().failures.as_secs())))]
    pub(super) failures: Option<Spanned<String>>,
    /// How long after its time an answer may be served while upstream is silent (RFC 8767), 0s
    /// (never) to 3d.
    #[schemars(extend("default" = time(CacheSettings::default().stale.as_secs())))]
    pub(super) stale: Option<Spanned<String>>,
    /// Whether what is asked for in the last tenth of its time is asked for anew.
    #[schemars(extend("default" = CacheSettings::default().prefetch))]
    pub(super) prefetch: Option<bool>,
}

/// Where lists come from. Without url and bundle, a small list within the program: for trying only.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Lists {
    /// The folder that `list-compile publish` publishes bundles to. Needs keys; not with bundle.
    #[schemars(example = &"https://lists.example.org/lists/")]
    pub(super) url: Option<Spanned<String>>,
    /// Public keys, one of which must have signed a bundle: paths of .pub files, or what stands in
    /// them ("RW…"). Absent: bundle is believed unsigned.
    #[schemars(example = ["school.key.pub"])]
    pub(super) keys: Option<Spanned<Vec<Spanned<String>>>>,
    /// How often to ask the url for a new bundle, 1s to 7d. Only with url.
    #[schemars(extend("default" = time(POLL.as_secs())))]
    pub(super) poll: Option<Spanned<String>>,
    /// A bundle that `list-compile` made, read again on reload. Not with url.
    #[schemars(example = &"/var/lib/preau/lists.bundle")]
    pub(super) bundle: Option<Spanned<PathBuf>>,
    /// The folder of verified bundles. Absent: $STATE_DIRECTORY, $XDG_STATE_HOME/preau or
    /// ~/.local/state/preau.
    #[schemars(example = &"/var/lib/preau")]
    pub(super) cache: Option<PathBuf>,
}

/// How whoever runs the server talks to it: preau status, reload, allow, flush, audit.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Control {
    /// Path of the control socket. Absent: control.sock in $RUNTIME_DIRECTORY (systemd), or none.
    /// Changing it takes a restart.
    #[schemars(example = &"/run/preau/control.sock")]
    pub(super) socket: Option<Spanned<PathBuf>>,
    /// The longest that `preau allow` lets a name through, 1m to 7d.
    #[schemars(extend("default" = time(super::Operations::default().longest_allow.as_secs())))]
    pub(super) longest_allow: Option<Spanned<String>>,
}

/// The record of who changed what. It never holds who asked what.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Audit {
    /// How long records are kept, 1d to 3650d.
    #[schemars(extend("default" = time(super::Operations::default().audit_keep.as_secs())))]
    pub(super) keep: Option<Spanned<String>>,
}

/// What visitors of the block page report: names that are refused, or pass, by mistake. Never who.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Reports {
    /// How long a report is kept after the last of its kind, 1d to 365d.
    #[schemars(extend("default" = time(super::Operations::default().reports_keep.as_secs())))]
    pub(super) keep: Option<Spanned<String>>,
}

/// Counters for Prometheus, without names and clients.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Metrics {
    /// Address and port to serve them at, by HTTP at the path /metrics, to whoever reaches it.
    /// Absent: nowhere. Changing it takes a restart.
    #[schemars(example = &"127.0.0.1:9353")]
    pub(super) listen: Option<Spanned<String>>,
}

/// The check API: other programs ask by HTTP whether hosts, URLs, texts and results of searches are
/// fit for a profile or a group. Nothing of what they ask is logged or kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CheckApi {
    /// Address and port to serve it at: HTTP at an address of this machine's own, HTTPS with the
    /// certificate of [tls] at any other. Needs token_file; not with socket. Absent: nowhere.
    /// Changing it takes a restart.
    #[schemars(example = &"127.0.0.1:9380")]
    pub(super) listen: Option<Spanned<String>>,
    /// A file of the token that askers show, 32 characters or more that nobody guesses, and that
    /// not every user of this machine may read. Read again on reload.
    #[schemars(example = &"/etc/preau/check.token")]
    pub(super) token_file: Option<Spanned<PathBuf>>,
    /// Path of a socket to serve it at instead, for users of the server's own group, without a
    /// token. Changing it takes a restart.
    #[schemars(example = &"/run/preau/check.sock")]
    pub(super) socket: Option<Spanned<PathBuf>>,
    /// The longest body of a request, 1MiB to 64MiB.
    #[schemars(extend("default" = size(super::CheckApi::default().body as u64)))]
    pub(super) body: Option<Spanned<String>>,
    /// The longest text, URL or result in it, 1MiB to 64MiB.
    #[schemars(extend("default" = size(super::CheckApi::default().text as u64)))]
    pub(super) text: Option<Spanned<String>>,
    /// The most items of a request, 1 to 100000.
    #[schemars(extend("default" = super::CheckApi::default().items))]
    pub(super) items: Option<Spanned<u32>>,
    /// The most requests at once, 1 to 1000; others are told to come again (503).
    #[schemars(extend("default" = super::CheckApi::default().requests))]
    pub(super) requests: Option<Spanned<u32>>,
    /// How long a request may take, 1s to 1m.
    #[schemars(extend("default" = time(super::CheckApi::default().timeout.as_secs())))]
    pub(super) timeout: Option<Spanned<String>>,
}

/// Clients that share a profile. Any number of these tables; whoever is in none is refused. Without
/// any, this machine alone is served, as a child.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// Its name, for people and metrics.
    #[schemars(example = &"pupils")]
    pub(super) name: Spanned<String>,
    /// Networks or addresses of its clients. The longest network that holds a client decides.
    #[schemars(example = ["10.1.0.0/16", "2001:db8:1::/48"])]
    pub(super) networks: Spanned<Vec<Spanned<String>>>,
    /// What they may see: child, teen, staff, or a [profile.NAME] of yours.
    #[schemars(example = &"child")]
    pub(super) profile: Spanned<String>,
    /// A path of its own for DNS over HTTPS, which must end in 16 random characters or more: any
    /// client of any group that asks there is in this one. Absent: none.
    #[schemars(example = &"/pupils/2f9d1c0ab7e64e35")]
    pub(super) doh_path: Option<Spanned<String>>,
    /// Whose school holidays. Absent: those of [calendar].
    #[schemars(example = &"B")]
    pub(super) zone: Option<Spanned<String>>,
}

/// What a higher authority sets: what its profile refuses, no other opens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Floor {
    /// Its profile, one without slots and exceptions.
    #[schemars(example = &"teen")]
    pub(super) profile: Spanned<String>,
    /// The groups that it holds for. Absent: all.
    #[schemars(example = ["pupils"])]
    pub(super) groups: Option<Spanned<Vec<Spanned<String>>>>,
}

/// A name of your own network. Any number of these tables.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Local {
    /// The name.
    #[schemars(example = &"printer.school.example")]
    pub(super) name: Spanned<String>,
    /// Its addresses.
    #[schemars(example = ["10.0.0.9", "2001:db8:9::9"])]
    pub(super) addresses: Spanned<Vec<Spanned<String>>>,
}

/// The web page that profiles with refusal = "page" lead to. Whom it names is in [contact].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Addresses of the web server that shows it.
    #[schemars(example = ["10.0.0.80"])]
    pub(super) addresses: Spanned<Vec<Spanned<String>>>,
    /// Where preau itself shows it, over HTTP. Absent: it does not, another web server does.
    /// Changing it takes a restart.
    #[schemars(example = ["10.0.0.80:80"])]
    pub(super) listen: Option<Spanned<Vec<Spanned<String>>>>,
    /// Where preau itself shows it over HTTPS, with certificate or authority. Absent: nowhere.
    /// Changing it takes a restart.
    #[schemars(example = ["10.0.0.80:443"])]
    pub(super) https: Option<Spanned<Vec<Spanned<String>>>>,
    /// PEM file of a certificate for the page's own name, followed by those of its authorities. For
    /// refused names, browsers warn of it. Read again on reload.
    #[schemars(example = &"fullchain.pem")]
    pub(super) certificate: Option<Spanned<PathBuf>>,
    /// PEM file of its private key, not encrypted.
    #[schemars(example = &"privkey.pem")]
    pub(super) key: Option<Spanned<PathBuf>>,
    /// The folder of an authority that preau ca made and that your posts trust: it certifies each
    /// name that the page is shown for. Read docs/block-page-https.md before. Absent: none.
    #[schemars(example = &"authority")]
    pub(super) authority: Option<Spanned<PathBuf>>,
    /// Who protects its schools, such as a town: it is named on the page. Absent: nobody is.
    #[schemars(example = &"Villeneuve")]
    pub(super) town: Option<Spanned<String>>,
    /// The way back: the URL of a school portal. Absent: the page only tells how to go back.
    #[schemars(example = &"https://ent.example.org/")]
    pub(super) home: Option<Spanned<String>>,
    /// Where its search box leads: an engine with a search_url in the table of search engines.
    #[schemars(extend("default" = super::page::SEARCH))]
    pub(super) search: Option<Spanned<String>>,
    /// Colour of its buttons, on which white must be readable.
    #[schemars(extend("default" = Colour::default().to_string()))]
    pub(super) colour: Option<Spanned<String>>,
    /// A folder with page.html, page.css or drawing.svg of your own: each takes the place of that
    /// within the program. Read again on reload. Absent: none.
    #[schemars(example = &"page")]
    pub(super) template: Option<Spanned<PathBuf>>,
}

/// A code by which teachers let a name through for a while, on the block page, as `preau allow` does:
/// never against the floor, and on the record. Any number of these tables, such as one a school.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    /// Its name in the audit log, which tells no person.
    #[schemars(example = &"college-jaures")]
    pub(super) id: Spanned<String>,
    /// A file that holds the code, or its digest: preau code --out FILE makes one. Not for everybody
    /// on the machine to read. Read again on reload.
    #[schemars(example = &"college-jaures.code")]
    pub(super) file: Spanned<PathBuf>,
    /// The groups that it lets names through for.
    #[schemars(example = ["pupils"])]
    pub(super) groups: Spanned<Vec<Spanned<String>>>,
    /// The longest that it does, 1m to 1d, and no longer than longest_allow of [control].
    #[schemars(extend("default" = time(super::codes::LONGEST.as_secs())))]
    pub(super) longest: Option<Spanned<String>>,
    /// Categories that stay refused all the same; search engines that the profile does not leave
    /// do, too.
    #[schemars(extend("default" = super::codes::NEVER))]
    pub(super) never: Option<Vec<Spanned<String>>>,
    /// When it may be typed. Absent: at all times.
    #[serde(default)]
    pub(super) hours: Vec<Hours>,
}

/// Some hours in which a code may be typed. Any number of these tables; without one, at all times.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hours {
    /// The days on which they begin, such as "mon", "lun" or "mon-fri". Absent: every day.
    #[schemars(example = ["mon-fri"])]
    pub(super) days: Option<Spanned<Vec<String>>>,
    /// When they begin, by the clock on the wall.
    #[schemars(example = &"08:00")]
    pub(super) from: Spanned<String>,
    /// When they have ended; on the next day, if that is not after from.
    #[schemars(example = &"18:00")]
    pub(super) to: Spanned<String>,
    /// In which part of the school year: "term", "holiday" (public holidays, too) or "any".
    #[schemars(extend("default" = "any"))]
    pub(super) during: Option<Spanned<String>>,
}

/// Whom structured errors (structured_errors of a profile) and the block page name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Contact {
    /// Who refuses. Absent: nobody is named.
    #[schemars(example = &"Académie")]
    pub(super) organisation: Option<String>,
    /// How to reach them: mailto: and tel:.
    #[schemars(example = ["mailto:filtrage@ecole.example", "tel:+33123456789"])]
    pub(super) uris: Spanned<Vec<Spanned<String>>>,
}

/// The table of search engines.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Search {
    /// A file of rows that are added, or replace those of the same id. Absent: only those within
    /// the program.
    #[schemars(example = &"search-engines.toml")]
    pub(super) engines_file: Option<Spanned<PathBuf>>,
}

/// The table of services.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Services {
    /// A file of rows that are added, or replace those of the same id. Absent: only those within
    /// the program.
    #[schemars(example = &"services.toml")]
    pub(super) file: Option<Spanned<PathBuf>>,
}

/// Private addresses in public names are refused: with them, pages of the outside would reach the
/// inside.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rebinding {
    /// Zones whose names may have private addresses, beside those of [[forward]]. Absent: none.
    #[schemars(example = ["intranet.example"])]
    pub(super) private_zones: Vec<Spanned<String>>,
}

/// The clock and the school year that the slots of profiles go by.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Calendar {
    /// Whose school holidays: A, B, C, corse, reunion, nouvelle-caledonie, or one of file. Needed
    /// where slots say during = "term" or "holiday".
    #[schemars(example = &"C")]
    pub(super) zone: Option<Spanned<String>>,
    /// Whether the public holidays of Alsace and Moselle are holidays, too.
    #[schemars(extend("default" = false))]
    pub(super) alsace_moselle: Option<bool>,
    /// Of the clock on the wall, as the IANA database names it.
    #[schemars(extend("default" = PARIS))]
    pub(super) time_zone: Option<Spanned<String>>,
    /// A file of calendars that are added, or replace those of the same id. Absent: only those
    /// within the program.
    #[schemars(example = &"calendars.toml")]
    pub(super) file: Option<Spanned<PathBuf>>,
}

/// What an audience may see. child (6 to 12), teen and staff are built in, and a table of such a name
/// replaces only the keys that it gives: printed here are the defaults of child. A profile of another
/// name blocks nothing by default, and leaves search engines and YouTube as they are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    /// Categories that are refused.
    #[schemars(extend("default" = built_in(CHILD).filter.block))]
    pub(super) block: Option<Vec<Spanned<String>>>,
    /// Categories that are not refused though they are in the block of the built-in profile; in a
    /// closed profile, those that are open. Absent: none.
    #[schemars(example = ["education"])]
    pub(super) allow: Option<Vec<Spanned<String>>>,
    /// Categories that pass, and are counted as if they were refused: for a trial. Absent: none.
    #[schemars(example = ["games"])]
    pub(super) observe: Option<Vec<Spanned<String>>>,
    /// Names that are refused, with all below; "*.NAME": all below only. Absent: none.
    #[schemars(example = ["*.games.example"])]
    pub(super) block_names: Option<Vec<Spanned<String>>>,
    /// Names that are not refused, written alike. Of both, the most specific decides.
    #[schemars(example = ["a-shop-we-need.example"])]
    pub(super) allow_names: Option<Vec<Spanned<String>>>,
    /// Networks or addresses: an answer that holds one, or hints at one, is refused, unless
    /// allow_names holds the name. Absent: none.
    #[schemars(example = ["198.51.100.0/24", "2001:db8:66::/48"])]
    pub(super) block_networks: Option<Vec<Spanned<String>>>,
    /// Services whose names are refused, by their id in the table of services. Absent: none.
    #[schemars(example = ["roblox"])]
    pub(super) block_services: Option<Vec<Spanned<String>>>,
    /// Services whose names are not refused. Absent: none.
    #[schemars(example = ["whatsapp"])]
    pub(super) allow_services: Option<Vec<Spanned<String>>>,
    /// Whether browsers that ask are told that the network filters, where bypass is blocked.
    #[schemars(extend("default" = built_in(CHILD).canaries))]
    pub(super) canaries: Option<bool>,
    /// What becomes of names that no list knows.
    #[schemars(extend("default" = Mode::Open))]
    pub(super) mode: Option<Mode>,
    /// How many of 10 000 harmless names that no list knows may be refused by mistake, so that bad
    /// ones are: by pieces of names that the bundle has learned, if it has. 0: no name is.
    #[schemars(extend("default" = built_in(CHILD).filter.unlisted))]
    pub(super) unlisted: Option<Spanned<u32>>,
    /// Whether names are refused that look like known ones: typing errors, letters of other scripts.
    /// It is the same as the category lookalikes in block.
    #[schemars(extend("default" = built_in(CHILD).filter.block.contains(filter_core::Profile::LOOKALIKES)))]
    pub(super) lookalikes: Option<bool>,
    /// What a refusal looks like to the client.
    #[schemars(extend("default" = Refusal::Nxdomain))]
    pub(super) refusal: Option<Spanned<Refusal>>,
    /// What is told of a refusal's reason (extended DNS errors, RFC 8914).
    #[schemars(extend("default" = Reasons::Full))]
    pub(super) reasons: Option<Reasons>,
    /// The language that it is told in. Absent: the categories' ids, in no language.
    #[schemars(example = Language::Fr)]
    pub(super) language: Option<Language>,
    /// Whether the clients asked for the filter themselves: they are told so (17 in place of 15).
    #[schemars(extend("default" = false))]
    pub(super) on_request: Option<bool>,
    /// Whether programs that ask for structured errors are told [contact] and reason: experimental.
    #[schemars(extend("default" = built_in(CHILD).structured_errors.is_some()))]
    pub(super) structured_errors: Option<bool>,
    /// Whether keys of encrypted client hellos are taken out of answers (ECH, RFC 9848), so that
    /// firewalls go on seeing the names of sites.
    #[schemars(extend("default" = built_in(CHILD).remove_ech))]
    pub(super) remove_ech: Option<bool>,
    /// What becomes of search engines.
    #[schemars(extend("default" = SearchMode::Forced))]
    pub(super) search: Option<Spanned<SearchMode>>,
    /// Those that are left, by their id in the table of search engines. Only with search = "only".
    #[schemars(example = ["qwant-junior"])]
    pub(super) engines: Option<Spanned<Vec<Spanned<String>>>>,
    /// What becomes of YouTube.
    #[schemars(extend("default" = YouTube::Strict))]
    pub(super) youtube: Option<YouTube>,
    #[serde(default)]
    pub(super) slot: Vec<Slot>,
    #[serde(default)]
    pub(super) exception: Vec<Exception>,
}

/// A part of the week in which another profile applies. Any number of these tables: the last that
/// matches decides.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Slot {
    /// The days on which it begins, such as "mon", "lun" or "mon-fri". Absent: every day.
    #[schemars(example = ["mon-fri"])]
    pub(super) days: Option<Spanned<Vec<String>>>,
    /// When it begins, by the clock on the wall.
    #[schemars(example = &"16:30")]
    pub(super) from: Spanned<String>,
    /// When it has ended; on the next day, if that is not after from.
    #[schemars(example = &"08:00")]
    pub(super) to: Spanned<String>,
    /// In which part of the school year: "term", "holiday" (public holidays, too) or "any".
    #[schemars(extend("default" = "any"))]
    pub(super) during: Option<Spanned<String>>,
    /// The profile that applies.
    #[schemars(example = &"teen")]
    #[serde(rename = "use")]
    pub(super) profile: Spanned<String>,
}

/// Whole days on which another profile applies, whatever slots say. Any number of these tables.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    /// The day, or the first.
    #[schemars(example = &"2027-06-25")]
    pub(super) date: Spanned<String>,
    /// The last day. Absent: the same.
    #[schemars(example = &"2027-06-27")]
    pub(super) to: Option<Spanned<String>>,
    /// The profile that applies.
    #[schemars(example = &"teen")]
    #[serde(rename = "use")]
    pub(super) profile: Spanned<String>,
}

/// What becomes of search engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SearchMode {
    /// All are open.
    Off,
    /// Those that can be made safe are; all others are open.
    Safe,
    /// Those that can be made safe are; of the others, those for children alone are open.
    Forced,
    /// Nothing but engines is left, made safe where possible.
    Only,
}

/// What becomes of YouTube.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum YouTube {
    /// It is open, as far as categories leave it so.
    Off,
    /// Its moderate restricted mode.
    Moderate,
    /// Its strict restricted mode.
    Strict,
}

/// What becomes of names that no list knows.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// They are open.
    Open,
    /// They are refused: only what is allowed, by name or by category, is open.
    Closed,
}

/// How much of a refusal's reason is told.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reasons {
    /// Nothing.
    None,
    /// The code: that it is blocked.
    Code,
    /// The code and the category.
    Category,
    /// The code, the category and the list.
    Full,
}

/// A language of pupils and teachers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    /// French.
    Fr,
    /// English.
    En,
}

/// What a refusal looks like to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Refusal {
    /// The name does not exist.
    Nxdomain,
    /// The name exists, and has no address.
    Nodata,
    /// The addresses 0.0.0.0 and ::.
    Null,
    /// The addresses of [page].
    Page,
}
