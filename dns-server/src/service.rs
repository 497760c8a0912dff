//! What is being served: configuration, lists and upstream, replaced as one.

mod attempts;
pub(crate) mod background;
pub(crate) mod changes;
pub(crate) mod codes;
pub(crate) mod reports;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    io, iter, mem,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use filter_core::{Filter, Stamp};
use jiff::Timestamp;
use lists::{
    digest::Sha256Digest, pointer::Pointer, pull::Url, shared_cdn::SharedCdn, signature::PublicKeys,
};
use tokio::sync::Notify;

use self::background::behind_answers;
use crate::{
    answer::Snapshot,
    bundle::{self, BundleError, Kept, Staged, Store},
    config::{Config, Group, ListSource, Profile, Tls, Upstream, Zone, is_loop},
    control::Reloaded,
    failure::Failure,
    listen::terms::Terms,
    policy::{
        Policy,
        audience::{Audience, Level},
        group::Groups,
        inspect::Inspector,
        local::LocalRecords,
        plan::Plan,
        unblock::Unblocks,
    },
    resolve::{
        Resolver,
        upstream::{Failover, Server, Zones},
    },
    state::{allowances::Allowances, audit::Event},
    stats::Stats,
};

/// A running server's state. Listeners take snapshots of it; reloading replaces the snapshot.
pub struct Service {
    snapshot: ArcSwap<Snapshot>,
    /// What the snapshot was made of; held while another is being made.
    origin: Mutex<Origin>,
    /// Told when the publisher should be asked at once.
    poll_now: Notify,
    /// Locked after `origin`, where both are.
    run: Mutex<changes::Run>,
    /// Who reported mistakes lately.
    reporters: Mutex<reports::Reporters>,
    /// Who typed wrong codes lately.
    code_tries: Mutex<codes::CodeTries>,
    /// Snapshots that were replaced, of which some answer may still be under way.
    replaced: Mutex<Vec<Arc<Snapshot>>>,
}

/// What a snapshot was made of.
struct Origin {
    config: Config,
    servers: Vec<Server>,
    resolver: Arc<Resolver>,
    /// Where bundles are kept; absent: the starter list needs no keeping.
    store: Option<Arc<Store>>,
    lists: Served,
    /// Names that are let through for a while.
    allowances: Allowances,
    /// What has been counted so far.
    stats: Arc<Stats>,
}

/// Lists that are served.
#[derive(Clone)]
struct Served {
    origin: bundle::Origin,
    filter: Filter,
    /// Of the bundle that the store keeps of them.
    digest: Option<Sha256Digest>,
}

/// What polling goes by, as the configuration is now.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) url: Url,
    pub(crate) keys: PublicKeys,
    pub(crate) poll: Duration,
    pub(crate) store: Arc<Store>,
    /// The bundle that is kept and served.
    pub(crate) digest: Option<Sha256Digest>,
    /// Serial and expiry of what is served.
    pub(crate) served: Stamp,
    /// Nothing of the publisher's is served yet.
    pub(crate) is_starter: bool,
}

impl Service {
    /// Builds everything that a configuration asks for; where its bundle cannot be used, with the
    /// last good one. The network is not asked: published lists are the newest that were kept, or
    /// else the starter list.
    ///
    /// # Errors
    /// [`Failure`], when that cannot be served.
    pub fn start(config: Config) -> Result<Self, Failure> {
        let servers = servers(&config)?;
        let resolver = connect(&config, &servers)?;
        let store = store(&config, None)?;
        let lists = Lists::at_start(&config, store.as_deref())?;
        let served = &lists.served;
        tracing::info!("{}", summary(&served.origin, &served.filter));
        tell_expiry(served);
        tell_certificate(&config);
        tell_page(&config);
        let allowances = Allowances::default();
        let (lists, plans) = (lists.served, lists.plans);
        let stats = Arc::default();
        let mut origin = Origin { config, servers, resolver, store, lists, allowances, stats };
        Ok(Self {
            snapshot: ArcSwap::new(origin.snapshot(plans)),
            origin: Mutex::new(origin),
            poll_now: Notify::new(),
            run: Mutex::default(),
            reporters: Mutex::default(),
            code_tries: Mutex::default(),
            replaced: Mutex::default(),
        })
    }

    /// Reads the configuration file and the bundle again, and serves them from now on. Published
    /// lists stay what they are until their publisher, who is asked at once, has others.
    ///
    /// # Errors
    /// [`Failure`]; everything goes on as before.
    pub fn reload(&self) -> Result<Reloaded, Failure> {
        self.reload_for(None)
    }

    fn reload_unrecorded(&self) -> Result<Reloaded, Failure> {
        let config = self.origin().config.reload();
        let outcome = config.map_err(Failure::from).and_then(|config| self.replace(config));
        self.poll_now.notify_one();
        outcome
    }

    /// Serves another configuration from now on. Its listening addresses are not taken over.
    ///
    /// # Errors
    /// [`Failure`]; everything goes on as before.
    pub fn replace(&self, mut config: Config) -> Result<Reloaded, Failure> {
        let mut reloaded = Reloaded::default();
        let mut origin = self.origin();
        self.let_go();
        let servers = servers(&config)?;
        // The same servers keep their connections and their cache.
        let is_same = servers == origin.servers
            && config.upstream == origin.config.upstream
            && config.cache == origin.config.cache;
        let resolver = match is_same {
            true => origin.resolver.clone(),
            false => connect(&config, &servers)?,
        };
        // Before profiles are bound, which it has a say in.
        if config.check.place != origin.config.check.place {
            reloaded.not_applied.push("[check] listen and socket".to_owned());
            config.check.clone_from(&origin.config.check);
            config.tls = config.tls.or_else(|| origin.config.tls.clone());
        }
        let store = store(&config, origin.store.as_ref())?;
        // Last of what may fail: from here on, this bundle is the last good one.
        let lists = Lists::at_reload(&config, store.as_ref(), &origin)?;
        if config.listen != origin.config.listen {
            reloaded.not_applied.push("[listen]".to_owned());
            config.listen.clone_from(&origin.config.listen);
            // What goes on listening goes on having a certificate.
            config.tls = config.tls.or_else(|| origin.config.tls.clone());
        }
        if config.limits.waiting != origin.config.limits.waiting {
            reloaded.not_applied.push("[limits] waiting".to_owned());
            config.limits.waiting = origin.config.limits.waiting;
        }
        if config.operations.socket != origin.config.operations.socket {
            reloaded.not_applied.push("[control] socket".to_owned());
            config.operations.socket.clone_from(&origin.config.operations.socket);
        }
        if config.operations.metrics != origin.config.operations.metrics {
            reloaded.not_applied.push("[metrics] listen".to_owned());
            config.operations.metrics = origin.config.operations.metrics;
        }
        let page_at = |config: &Config| {
            config.page.as_ref().map(|page| (page.listen.clone(), page.https.clone()))
        };
        if page_at(&config).unwrap_or_default() != page_at(&origin.config).unwrap_or_default() {
            reloaded.not_applied.push("[page] listen".to_owned());
            // What goes on listening goes on having a page.
            match (&mut config.page, &origin.config.page) {
                (Some(page), before) => {
                    let before = before.as_ref();
                    let before = before.map(|page| (page.listen.clone(), page.https.clone()));
                    let page = Arc::make_mut(page);
                    (page.listen, page.https) = before.unwrap_or_default();
                }
                (page, before) => page.clone_from(before),
            }
        }
        if self.keeps_record_elsewhere(&config) {
            // Lists are kept in the new folder from now on.
            reloaded.not_applied.push("[lists] cache, as the folder of records,".to_owned());
        }
        for key in &reloaded.not_applied {
            tracing::warn!("{key} has changed: it takes a restart to take effect");
        }
        tell_certificate(&config);
        tell_page(&config);
        tracing::info!("{}", summary(&lists.served.origin, &lists.served.filter));
        let allowances = mem::take(&mut origin.allowances);
        let stats = origin.stats.clone();
        let (lists, plans) = (lists.served, lists.plans);
        *origin = Origin { config, servers, resolver, store, lists, allowances, stats };
        self.serve(origin.snapshot(plans));
        self.keep_records_for(origin.config.operations.audit_keep);
        self.forget_strangers(&mut origin);
        Ok(reloaded)
    }

    /// Serves a bundle from now on that was fetched into the store for this subscription, and
    /// whose `signature` holds.
    ///
    /// # Errors
    /// [`Failure`]; everything goes on as before, and nothing is left of the bundle.
    pub(crate) fn take_in(
        &self,
        subscription: &Subscription,
        pointer: &Pointer,
        signature: String,
    ) -> Result<(), Failure> {
        behind_answers(|| self.take_in_here(subscription, pointer, signature))
    }

    fn take_in_here(
        &self,
        subscription: &Subscription,
        pointer: &Pointer,
        signature: String,
    ) -> Result<(), Failure> {
        self.let_go();
        let store = &subscription.store;
        let from = subscription.url.to_string();
        let staged = store.adopt(from.clone(), pointer.sha256, signature)?;
        let stamp = &staged.filter.manifest().stamp;
        if *stamp != pointer.stamp {
            let (pointer, bundle) = (pointer.stamp.serial, stamp.serial);
            return Err(BundleError::Mislabelled { from, pointer, bundle }.into());
        }
        let mut origin = self.origin();
        if !origin.has(subscription) {
            return Err(Failure::Outdated);
        }
        let lists = &origin.lists;
        staged.check_expiry((!lists.is_starter()).then(|| lists.stamp()))?;
        let published = if lists.is_published() { lists.stamp().serial } else { 0 };
        staged.check_serial(published.max(store.highest_serial()?))?;
        let plans = plans(&origin.config, &staged.filter, Timestamp::now())?;
        let served = Served::kept(bundle::Origin::Published(from), store.commit(staged)?);
        tracing::info!("{}", summary(&served.origin, &served.filter));
        tell_expiry(&served);
        origin.lists = served;
        self.serve(origin.snapshot(plans));
        let _ = self.note(Event::Lists { serial: origin.lists.stamp().serial }, None);
        Ok(())
    }

    /// Works schedules out anew where that is due; what does not change is not touched.
    pub(crate) fn keep_plans(&self, now: Timestamp) {
        let _origin = self.origin(); // nobody else replaces the snapshot meanwhile
        let snapshot = self.snapshot();
        if snapshot.policy.plans.iter().any(|plan| plan.is_due(now)) {
            let plans = snapshot.policy.plans.iter().map(|plan| plan.worked_out(now)).collect();
            let policy = Policy { plans, ..snapshot.policy.clone() };
            let snapshot = Snapshot { policy, ..Snapshot::clone(&snapshot) };
            self.serve(Arc::new(snapshot));
        }
    }

    /// Where and how to ask for new lists; `None` where none are pulled.
    pub(crate) fn subscription(&self) -> Option<Subscription> {
        let origin = self.origin();
        let (ListSource::Published { url, poll }, Some(store)) =
            (&origin.config.lists.source, &origin.store)
        else {
            return None;
        };
        Some(Subscription {
            url: url.clone(),
            keys: origin.config.lists.keys.clone(),
            poll: *poll,
            store: store.clone(),
            digest: origin.lists.digest,
            served: origin.lists.filter.manifest().stamp.clone(),
            is_starter: origin.lists.is_starter(),
        })
    }

    /// Resolves when the publisher should be asked at once.
    pub(crate) async fn poll_is_due(&self) {
        self.poll_now.notified().await;
    }

    /// Answers with this from now on.
    fn serve(&self, snapshot: Arc<Snapshot>) {
        let before = self.snapshot.swap(snapshot);
        self.replaced().push(before);
    }

    /// Lets go of what was replaced, once no answer is made from it: whoever answers must not be the
    /// last to hold lists, since unmapping them takes milliseconds.
    fn let_go(&self) {
        // What only this holds, nobody else can get hold of.
        self.replaced().retain(|snapshot| Arc::strong_count(snapshot) > 1);
    }

    fn replaced(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Snapshot>>> {
        // Each change of it is one operation.
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to answer with now. Takes no lock; let go of it soon.
    pub(crate) fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    fn origin(&self) -> std::sync::MutexGuard<'_, Origin> {
        // It is replaced whole or not at all: a panic while it was held left it as it was.
        self.origin.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    /// What to answer with.
    fn snapshot(&mut self, plans: Vec<Plan>) -> Arc<Snapshot> {
        let categories = &self.lists.filter.manifest().categories;
        self.stats = Arc::new(Stats::after(&self.stats, &self.config.groups, categories));
        let mut policy = policy(&self.config, plans);
        policy.unblocks = self.unblocks();
        let resolver = self.resolver.clone();
        let (terms, stats) = (Terms::of(&self.config), self.stats.clone());
        Arc::new(Snapshot { policy, resolver, terms, stats })
    }

    /// Whether the configuration is still the one that a bundle was fetched for.
    fn has(&self, subscription: &Subscription) -> bool {
        let lists = &self.config.lists;
        let is_url =
            matches!(&lists.source, ListSource::Published { url, .. } if *url == subscription.url);
        let is_store =
            self.store.as_ref().is_some_and(|store| Arc::ptr_eq(store, &subscription.store));
        is_url && is_store && lists.keys == subscription.keys
    }
}

/// The store of a configuration, which may be the one already open.
fn store(config: &Config, open: Option<&Arc<Store>>) -> Result<Option<Arc<Store>>, Failure> {
    if config.lists.source == ListSource::Starter {
        return Ok(None);
    }
    let folder = bundle::cache(config)?;
    match open {
        Some(store) if store.folder() == folder => Ok(Some(store.clone())),
        _ => Ok(Some(Arc::new(Store::open(folder)?))),
    }
}

/// Lists that fit a configuration.
struct Lists {
    served: Served,
    plans: Vec<Plan>,
}

impl Lists {
    fn at_start(config: &Config, store: Option<&Store>) -> Result<Self, Failure> {
        let lists = &config.lists;
        match (&lists.source, store) {
            (ListSource::Bundle(path), Some(store)) => {
                let newer = |staged: &Staged| match lists.keys.is_empty() {
                    // A serial that nobody vouches for is good for one run of the server.
                    true => Ok(()),
                    false => staged.check_serial(store.highest_serial()?),
                };
                Self::of_bundle(config, store, path, newer)
                    .or_else(|failure| Self::last_good(config, store, path, failure))
            }
            (ListSource::Published { url, .. }, Some(store)) => {
                Self::of_publisher(config, store, url)
            }
            _ => Self::of_starter(config, bundle::Origin::Starter),
        }
    }

    /// `origin` is what is served.
    fn at_reload(
        config: &Config,
        store: Option<&Arc<Store>>,
        origin: &Origin,
    ) -> Result<Self, Failure> {
        let (lists, served) = (&config.lists, &origin.lists);
        match (&lists.source, store) {
            (ListSource::Bundle(path), Some(store)) => {
                let newer = |staged: &Staged| {
                    if !served.is_starter() {
                        staged.check_expiry(Some(served.stamp()))?;
                        staged.check_serial(served.stamp().serial)?;
                    }
                    match lists.keys.is_empty() {
                        true => Ok(()),
                        false => staged.check_serial(store.highest_serial()?),
                    }
                };
                Self::of_bundle(config, store, path, newer)
            }
            (ListSource::Published { url, .. }, Some(store)) if served.is_starter() => {
                Self::of_publisher(config, store, url)
            }
            // Until the publisher gives others.
            (ListSource::Published { .. }, Some(store)) => {
                let is_same = origin.store.as_ref().is_some_and(|open| Arc::ptr_eq(open, store));
                let digest = served.digest.filter(|_| is_same);
                let plans = plans(config, &served.filter, Timestamp::now())?;
                Ok(Self { served: Served { digest, ..served.clone() }, plans })
            }
            _ => Self::of_starter(config, bundle::Origin::Starter),
        }
    }

    /// The operator's bundle, which is the last good one from now on.
    fn of_bundle(
        config: &Config,
        store: &Store,
        path: &Path,
        may_replace: impl Fn(&Staged) -> Result<(), BundleError>,
    ) -> Result<Self, Failure> {
        let staged = store.stage(path, &config.lists.keys)?;
        may_replace(&staged)?;
        // Before it replaces the last good one: an intact bundle may still be one that the
        // profiles cannot use.
        let plans = plans(config, &staged.filter, Timestamp::now())?;
        let origin = bundle::Origin::Bundle(path.to_owned());
        Ok(Self { served: Served::kept(origin, store.commit(staged)?), plans })
    }

    /// What was kept instead of it, loudly; where that cannot be served either, the failure of the
    /// new one.
    fn last_good(
        config: &Config,
        store: &Store,
        path: &Path,
        failure: Failure,
    ) -> Result<Self, Failure> {
        for kept in store.kept(&config.lists.keys) {
            let Ok(plans) = plans(config, &kept.filter, Timestamp::now()) else { continue };
            let serial = kept.filter.manifest().stamp.serial;
            tracing::error!("{failure}. SERVING THE LAST GOOD BUNDLE instead, serial {serial}");
            let origin = bundle::Origin::LastGood(path.to_owned());
            return Ok(Self { served: Served::kept(origin, kept), plans });
        }
        Err(failure)
    }

    /// The newest that was kept of what is published; before the first, the starter list, loudly.
    fn of_publisher(config: &Config, store: &Store, url: &Url) -> Result<Self, Failure> {
        for kept in store.kept(&config.lists.keys) {
            let origin = bundle::Origin::Kept(url.to_string());
            match plans(config, &kept.filter, Timestamp::now()) {
                Ok(plans) => {
                    return Ok(Self { served: Served::kept(origin, kept), plans });
                }
                Err(failure) if failure.exit_code() == Failure::CONFIG => return Err(failure),
                Err(failure) => tracing::error!("cannot serve {origin}: {failure}"),
            }
        }
        tracing::error!(
            "NO PUBLISHED LISTS YET: serving the small starter list until {url} gives some"
        );
        Self::of_starter(config, bundle::Origin::StarterInsteadOf(url.to_string()))
    }

    fn of_starter(config: &Config, origin: bundle::Origin) -> Result<Self, Failure> {
        let filter = bundle::starter()?;
        let plans = plans_of(&origin, config, &filter)?;
        Ok(Self { served: Served { origin, filter, digest: None }, plans })
    }
}

impl Served {
    fn kept(origin: bundle::Origin, kept: Kept) -> Self {
        Self { origin, filter: kept.filter, digest: Some(kept.digest) }
    }

    fn stamp(&self) -> &Stamp {
        &self.filter.manifest().stamp
    }

    fn is_starter(&self) -> bool {
        matches!(self.origin, bundle::Origin::Starter | bundle::Origin::StarterInsteadOf(_))
    }

    /// Whether a key that may sign the next lists signed these: only then their serials compare.
    fn is_published(&self) -> bool {
        matches!(self.origin, bundle::Origin::Published(_) | bundle::Origin::Kept(_))
    }
}

fn tell_expiry(served: &Served) {
    if let Some(expires) = bundle::expired(served.stamp()) {
        tracing::error!("THE LISTS EXPIRED at {expires}: publish new ones");
    }
}

fn tell_certificate(config: &Config) {
    if let Some(complaint) = config.tls.as_ref().and_then(Tls::complaint) {
        tracing::error!("{complaint}");
    }
}

fn tell_page(config: &Config) {
    if let Err(error) = config.check_page() {
        tracing::error!("the built-in block page is shown: {error}");
    }
}

/// What a configuration decides by.
pub(crate) fn policy(config: &Config, plans: Vec<Plan>) -> Policy {
    Policy {
        groups: Groups::new(config.groups.iter().map(|group| group.networks.as_slice())),
        plans,
        special: Arc::default(),
        forwarded: config.upstream.zones.iter().map(|zone| zone.name.clone()).collect(),
        engines: config.engines.clone(),
        local: local_records(config),
        inspector: Inspector::new(SharedCdn::shipped(), config.private_zones()),
        unblocks: Unblocks::default(),
    }
}

/// Names of the operator's network, and how this server is reached over encrypted transports
/// (RFC 9462 §4).
fn local_records(config: &Config) -> LocalRecords {
    let mut local = config.local.clone();
    if let Some(designation) = config.designation() {
        let name = "_dns.resolver.arpa".parse().expect("a name");
        local.insert_services(name, designation.records());
    }
    local
}

/// Each group's profile, bound to these lists; the starter list, which stands in for others, may
/// lack categories that they have.
pub(crate) fn plans_of(
    origin: &bundle::Origin,
    config: &Config,
    filter: &Filter,
) -> Result<Vec<Plan>, Failure> {
    if !matches!(origin, bundle::Origin::StarterInsteadOf(_)) {
        return plans(config, filter, Timestamp::now());
    }
    let (limited, unknown) = config.limited_to(&filter.manifest().categories);
    for category in unknown {
        tracing::warn!("the starter list has no category `{category}`: not in force yet");
    }
    plans(&limited, filter, Timestamp::now())
}

/// What each group may see, by these lists, worked out for some days around `now`; where the check
/// API is served, then what each profile lets see, in order of their names.
pub(crate) fn plans(
    config: &Config,
    filter: &Filter,
    now: Timestamp,
) -> Result<Vec<Plan>, Failure> {
    config.check_categories(&filter.manifest().categories)?;
    let mut levels = BTreeMap::new();
    for name in config.profiles_in_use() {
        if !levels.contains_key(name) {
            levels.insert(name, level(&config.profiles[name], filter)?);
        }
    }
    // What protects is the floor's, too; how a refusal is told, the group's own alone.
    let audience = |group: &Group, name: &String| {
        let profile = &config.profiles[name]; // checked to exist
        let floor = group.floor.as_ref().map(|floor| levels[floor].clone());
        let own = match &floor {
            Some(floor) => levels[name].within(floor),
            None => levels[name].clone(),
        };
        let of_floor = group.floor.as_ref().map(|floor| &config.profiles[floor]);
        let mut both = iter::once(profile).chain(of_floor);
        Audience {
            floor,
            own,
            canaries: both.clone().any(Profile::answers_canaries),
            refusal: profile.refusal.clone(),
            telling: profile.telling,
            structured_errors: profile.structured_errors.clone(),
            remove_ech: both.any(|profile| profile.remove_ech),
        }
    };
    let plan = |group: &Group| {
        let timetable = &config.profiles[&group.profile].timetable;
        if timetable.is_empty() {
            return Plan::always(audience(group, &group.profile));
        }
        let names: Vec<_> = iter::once(&group.profile).chain(timetable.profiles()).collect();
        let audiences = names.iter().map(|name| audience(group, name)).collect();
        let (schedule, calendar) = config.schedule_of(group);
        Plan::scheduled(schedule, calendar, audiences, now)
    };
    let mut plans: Vec<_> = config.groups.iter().map(plan).collect();
    if config.check.place.is_some() {
        // Texts are screened from the first request on, and no request waits for that.
        filter.prepare_text();
        for (name, profile) in &config.profiles {
            let own = match levels.remove(name) {
                Some(level) => level,
                None => level(profile, filter)?,
            };
            let canaries = profile.answers_canaries();
            plans.push(Plan::always(Audience { canaries, ..Audience::plain(own) }));
        }
    }
    Ok(plans)
}

/// A profile, bound to the lists.
fn level(profile: &Profile, filter: &Filter) -> Result<Level, Failure> {
    let bind = |profile: &filter_core::Profile| {
        filter.bind(profile).map_err(|error| Failure::Bind { profile: profile.name.clone(), error })
    };
    let observed = match profile.observe.is_empty() {
        true => None,
        false => {
            let mut observing = profile.filter.clone();
            observing.block.extend(profile.observe.iter().cloned());
            Some(bind(&observing)?)
        }
    };
    Ok(Level {
        filter: bind(&profile.filter)?,
        observed,
        search: profile.search.clone(),
        youtube: profile.youtube,
    })
}

/// The configured upstream servers, or the system's, less ourselves.
pub(crate) fn servers(config: &Config) -> Result<Vec<Server>, Failure> {
    if !config.upstream.servers.is_empty() {
        return Ok(config.upstream.servers.clone());
    }
    let mut servers = Server::of_system().map_err(|error| Failure::Upstream { error })?;
    servers.retain(|server| !is_loop(&config.listen, server));
    if servers.is_empty() {
        let error = io::Error::other("/etc/resolv.conf names only this server itself");
        return Err(Failure::Upstream { error });
    }
    Ok(servers)
}

/// A resolver with an empty cache, that asks those servers and the configured ones of zones.
pub(crate) fn connect(config: &Config, servers: &[Server]) -> Result<Arc<Resolver>, Failure> {
    let Upstream { order, trusted, zones, roots, .. } = &config.upstream;
    let failover = |servers: &[Server], trusted| {
        Failover::new(servers, *order, trusted, roots).map_err(|error| Failure::Upstream { error })
    };
    let zone = |zone: &Zone| Ok((zone.name.clone(), failover(&zone.servers, false)?));
    let zones = zones.iter().map(zone).collect::<Result<_, Failure>>()?;
    let upstream = Zones::new(zones, failover(servers, *trusted)?);
    Ok(Arc::new(Resolver::new(Arc::new(upstream), config.cache.clone(), config.limits.waiting)))
}

/// Which lists are in force, in a line: origin, date, serial and counts.
pub(crate) fn summary(origin: &bundle::Origin, filter: &Filter) -> String {
    let manifest = filter.manifest();
    let mut counts: Vec<_> = manifest.counts.by_category.iter().collect();
    counts.sort_by_key(|&(name, count)| (Reverse(count), name));
    let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    format!(
        "lists: {origin} of {}, serial {}, {} names: {}",
        manifest.stamp.created,
        manifest.stamp.serial,
        manifest.counts.names,
        counts.join(", ")
    )
}

#[cfg(test)]
impl Service {
    /// Serves that snapshot.
    pub(crate) fn of_snapshot(snapshot: Snapshot) -> Self {
        let origin = Origin {
            config: Config::default(),
            servers: Vec::new(),
            resolver: snapshot.resolver.clone(),
            store: None,
            lists: Lists::of_starter(&Config::default(), bundle::Origin::Starter).unwrap().served,
            allowances: Allowances::default(),
            stats: snapshot.stats.clone(),
        };
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            origin: Mutex::new(origin),
            poll_now: Notify::new(),
            run: Mutex::default(),
            reporters: Mutex::default(),
            code_tries: Mutex::default(),
            replaced: Mutex::default(),
        }
    }
}
