//! What is being served: configuration, lists and upstream, replaced as one.

use std::{
    cmp::Reverse,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::{ArcSwap, Guard};
use filter_core::{Filter, Stamp};

use crate::{
    answer::Snapshot,
    bundle::{self, Store},
    config::{Config, is_loop},
    failure::Failure,
    policy::{decide::Audience, group::Groups},
    resolve::upstream::{HickoryUpstream, Server, Upstream},
};

/// A running server's state. Listeners take snapshots of it; reloading replaces the snapshot.
pub struct Service {
    snapshot: ArcSwap<Snapshot>,
    /// What the snapshot was made of; held while another is being made.
    origin: Mutex<Origin>,
}

/// What a snapshot was made of.
struct Origin {
    config: Config,
    servers: Vec<Server>,
    upstream: Arc<dyn Upstream>,
    /// Where the bundle is kept; absent: the starter list needs no keeping.
    store: Option<Arc<Store>>,
    /// Which bundle is served; absent: the starter list.
    bundle: Option<Stamp>,
}

impl Service {
    /// Builds everything that a configuration asks for; where its bundle cannot be used, with the
    /// last good one.
    ///
    /// # Errors
    /// [`Failure`], when that cannot be served.
    pub fn start(config: Config) -> Result<Self, Failure> {
        let servers = servers(&config)?;
        let upstream = connect(&servers)?;
        let store = store(&config, None)?;
        let lists = match (Lists::new(&config, store.as_deref(), None), &store) {
            (Err(failure), Some(store)) => Lists::last_good(&config, store, failure)?,
            (lists, _) => lists?,
        };
        tracing::info!("{}", summary(&lists.origin, &lists.filter));
        if let Some(expires) = bundle::expired(&lists.filter.manifest().stamp) {
            tracing::error!("THE LISTS EXPIRED at {expires}: publish new ones");
        }
        let bundle = lists.stamp();
        let snapshot = snapshot(&config, lists.audiences, upstream.clone());
        Ok(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            origin: Mutex::new(Origin { config, servers, upstream, store, bundle }),
        })
    }

    /// Reads the configuration file and the bundle again, and serves them from now on.
    ///
    /// # Errors
    /// [`Failure`]; everything goes on as before.
    pub fn reload(&self) -> Result<(), Failure> {
        let config = self.origin().config.reload()?;
        self.replace(config)
    }

    /// Serves another configuration from now on. Its listening addresses are not taken over.
    ///
    /// # Errors
    /// [`Failure`]; everything goes on as before.
    pub fn replace(&self, mut config: Config) -> Result<(), Failure> {
        let mut origin = self.origin();
        let servers = servers(&config)?;
        // The same servers keep their connections and their cache.
        let upstream = match servers == origin.servers {
            true => origin.upstream.clone(),
            false => connect(&servers)?,
        };
        let store = store(&config, origin.store.as_ref())?;
        // Last of what may fail: from here on, this bundle is the last good one.
        let lists = Lists::new(&config, store.as_deref(), origin.bundle.as_ref())?;
        if config.listen != origin.config.listen {
            tracing::warn!("[listen] has changed: it takes a restart to take effect");
            config.listen.clone_from(&origin.config.listen);
        }
        tracing::info!("{}", summary(&lists.origin, &lists.filter));
        let bundle = lists.stamp();
        self.snapshot.store(Arc::new(snapshot(&config, lists.audiences, upstream.clone())));
        *origin = Origin { config, servers, upstream, store, bundle };
        Ok(())
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

/// The state directory of a configuration, which may be the one already open.
fn store(config: &Config, open: Option<&Arc<Store>>) -> Result<Option<Arc<Store>>, Failure> {
    if config.bundle.is_none() {
        return Ok(None);
    }
    let directory = bundle::state_dir(config)?;
    match open {
        Some(store) if store.directory() == directory => Ok(Some(store.clone())),
        _ => Ok(Some(Arc::new(Store::open(directory)?))),
    }
}

/// Lists that fit a configuration.
struct Lists {
    origin: bundle::Origin,
    filter: Filter,
    audiences: Vec<Audience>,
}

impl Lists {
    /// What the configuration asks for, if that may replace `served`; a bundle is the last good one
    /// from now on.
    fn new(
        config: &Config,
        store: Option<&Store>,
        served: Option<&Stamp>,
    ) -> Result<Self, Failure> {
        let origin = bundle::Origin::of(config);
        match (&config.bundle, store) {
            (Some(path), Some(store)) => {
                let staged = store.stage(path)?;
                served.map_or(Ok(()), |served| staged.check_replaces(served))?;
                // Before it replaces the last good one: an intact bundle may still be one that the
                // profiles cannot use.
                let audiences = audiences(config, &staged.filter)?;
                Ok(Self { origin, filter: store.commit(staged)?, audiences })
            }
            _ => {
                let filter = bundle::starter()?;
                Ok(Self { origin, audiences: audiences(config, &filter)?, filter })
            }
        }
    }

    /// What the next bundle is compared with.
    fn stamp(&self) -> Option<Stamp> {
        let is_bundle = self.origin != bundle::Origin::Starter;
        is_bundle.then(|| self.filter.manifest().stamp.clone())
    }

    /// The last good bundle, loudly; where that cannot be served either, the failure of the new one.
    fn last_good(config: &Config, store: &Store, failure: Failure) -> Result<Self, Failure> {
        let Ok(filter) = store.last_good() else { return Err(failure) };
        let Ok(audiences) = audiences(config, &filter) else { return Err(failure) };
        let serial = filter.manifest().stamp.serial;
        tracing::error!("{failure}. SERVING THE LAST GOOD BUNDLE instead, serial {serial}");
        let origin = bundle::Origin::LastGood(config.bundle.clone().unwrap_or_default());
        Ok(Self { origin, filter, audiences })
    }
}

fn snapshot(config: &Config, audiences: Vec<Audience>, upstream: Arc<dyn Upstream>) -> Snapshot {
    let groups = Groups::new(config.groups.iter().map(|group| group.networks.as_slice()));
    Snapshot { groups, audiences, upstream }
}

/// Each group's profile, bound to the lists.
pub(crate) fn audiences(config: &Config, filter: &Filter) -> Result<Vec<Audience>, Failure> {
    config.check_categories(&filter.manifest().categories)?;
    let audience = |name: &String| {
        let profile = &config.profiles[name]; // there is one for every group
        match filter.bind(&profile.filter) {
            Ok(bound) => Ok(Audience { filter: bound, refusal: profile.refusal }),
            Err(error) => Err(Failure::Bind { profile: name.clone(), error }),
        }
    };
    config.groups.iter().map(|group| audience(&group.profile)).collect()
}

/// The configured upstream servers, or the system's, less ourselves.
pub(crate) fn servers(config: &Config) -> Result<Vec<Server>, Failure> {
    if !config.upstream.is_empty() {
        return Ok(config.upstream.clone());
    }
    let mut servers = Server::of_system().map_err(|error| Failure::Upstream { error })?;
    servers.retain(|server| !is_loop(&config.listen, server));
    if servers.is_empty() {
        let error = io::Error::other("/etc/resolv.conf names only this server itself");
        return Err(Failure::Upstream { error });
    }
    Ok(servers)
}

fn connect(servers: &[Server]) -> Result<Arc<dyn Upstream>, Failure> {
    let upstream = HickoryUpstream::new(servers).map_err(|error| Failure::Upstream { error })?;
    Ok(Arc::new(upstream))
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
        let upstream = snapshot.upstream.clone();
        let origin = Origin {
            config: Config::default(),
            servers: Vec::new(),
            upstream,
            store: None,
            bundle: None,
        };
        Self { snapshot: ArcSwap::from_pointee(snapshot), origin: Mutex::new(origin) }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{answer::Immediate, testing, wire::question::Transport};

    const CONFIG: &str = r#"
[listen]
dns = ["127.0.0.1:0"]
[upstream]
servers = ["192.0.2.53"]
[lists]
bundle = "today.bundle"
state_dir = "state"
[[group]]
name = "everyone"
networks = ["0.0.0.0/0"]
profile = "child"
"#;

    /// Writes bundle and configuration into a folder, and starts serving them.
    fn site(folder: &Path) -> Service {
        fs::write(folder.join("today.bundle"), testing::bundle(1)).unwrap();
        fs::write(folder.join("preau.toml"), CONFIG).unwrap();
        Service::start(Config::load(&folder.join("preau.toml")).unwrap()).unwrap()
    }

    /// Response code of an immediate answer about a name of two labels below `example`.
    fn rcode(service: &Service, label: &str) -> Option<u8> {
        let mut buffer = [0; 1300];
        let query = [
            b"\0\0\x01\0\0\x01\0\0\0\0\0\0".as_slice(),
            &[label.len() as u8],
            label.as_bytes(),
            b"\x07example\0\0\x01\0\x01",
        ]
        .concat();
        buffer[..query.len()].copy_from_slice(&query);
        let snapshot = service.snapshot();
        let group = snapshot.group_of("10.0.0.1".parse().unwrap());
        match snapshot.answer_at_once(group, Transport::Datagram, &mut buffer, query.len()) {
            Immediate::Silence => None,
            Immediate::Reply(_) => Some(buffer[3] & 0x0f),
            Immediate::Resolve(_) => Some(0),
        }
    }

    const NXDOMAIN: Option<u8> = Some(3);
    const FORWARDED: Option<u8> = Some(0);

    #[test]
    fn reload_takes_the_new_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let service = site(folder.path());
        assert_eq!(rcode(&service, "porn"), NXDOMAIN);
        let upstream = service.origin().upstream.clone();
        let open = CONFIG.to_owned() + "[profile.child]\nallow_names = [\"porn.example\"]\n";
        fs::write(folder.path().join("preau.toml"), &open).unwrap();
        service.reload().unwrap();
        assert_eq!(rcode(&service, "porn"), FORWARDED);
        // The same servers: connections and cache are kept.
        assert!(Arc::ptr_eq(&upstream, &service.origin().upstream));
        fs::write(folder.path().join("preau.toml"), open.replace(".53", ".54")).unwrap();
        service.reload().unwrap();
        assert!(!Arc::ptr_eq(&upstream, &service.origin().upstream));
    }

    #[test]
    fn any_error_keeps_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let service = site(folder.path());
        // The new configuration would open `porn.example`, and it is never taken.
        let open = CONFIG.to_owned() + "[profile.child]\nallow_names = [\"porn.example\"]\n";
        let good = testing::bundle(2);
        type Expected = fn(&Failure) -> bool;
        let cases: [(&str, &str, &[u8], Expected); 5] = [
            ("unknown key", &(open.clone() + "x = 1\n"), &good, |f| f.exit_code() == 3),
            ("unknown category", &(open.clone() + "block = [\"pron\"]\n"), &good, |f| {
                f.exit_code() == 3
            }),
            ("not TOML", "\0", &good, |f| f.exit_code() == 3),
            ("broken bundle", &open, &good[..99], |f| f.exit_code() == 4),
            ("no bundle", &open.replace("today", "tomorrow"), &good, |f| f.exit_code() == 4),
        ];
        for (what, config, bundle, expected) in cases {
            fs::write(path("preau.toml"), config).unwrap();
            fs::write(path("today.bundle"), bundle).unwrap();
            let before = Arc::clone(&service.snapshot());
            let failure = service.reload().expect_err(what);
            assert!(expected(&failure), "{what}: {failure}");
            assert!(Arc::ptr_eq(&before, &service.snapshot()), "{what}");
            assert_eq!(rcode(&service, "porn"), NXDOMAIN, "{what}");
        }
        fs::remove_file(path("preau.toml")).unwrap();
        assert_eq!(service.reload().unwrap_err().exit_code(), 3);
    }

    #[test]
    fn a_start_without_the_bundle_serves_the_last_good_one() {
        let folder = tempfile::tempdir().unwrap();
        drop(site(folder.path()));
        fs::write(folder.path().join("today.bundle"), "garbage").unwrap();
        let config = Config::load(&folder.path().join("preau.toml")).unwrap();
        let service = Service::start(config).unwrap();
        assert_eq!(rcode(&service, "porn"), NXDOMAIN);
        assert_eq!(rcode(&service, "www"), FORWARDED);
    }

    /// Its digests are right; but the profiles ask for a category that it does not have.
    #[test]
    fn a_bundle_that_does_not_fit_is_never_the_last_good_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let config = CONFIG.to_owned() + "[profile.child]\nblock = [\"porn\", \"astrology\"]\n";
        drop(site(folder.path()));
        fs::write(path("preau.toml"), &config).unwrap();
        let load = || Config::load(&path("preau.toml")).unwrap();
        let service = Service::start(load()).unwrap();
        fs::write(path("today.bundle"), testing::bundle_without_astrology(2)).unwrap();
        let failure = service.reload().unwrap_err();
        assert!(failure.to_string().contains("unknown category `astrology`"), "{failure}");
        assert_eq!(rcode(&service, "porn"), NXDOMAIN);
        drop(service);

        let service = Service::start(load()).unwrap();
        assert_eq!(rcode(&service, "porn"), NXDOMAIN);
        let last_good = service.origin().store.as_ref().unwrap().last_good().unwrap();
        assert_eq!(last_good.manifest().stamp.serial, 1);
        drop(service);
        // What no bundle knows is a mistake in the configuration.
        fs::write(path("preau.toml"), config.replace("astrology", "astronomy")).unwrap();
        assert_eq!(Service::start(load()).err().unwrap().exit_code(), 3);
    }

    #[test]
    fn the_lists_served_are_called_by_their_name() {
        let filter = Filter::open(testing::bundle(1)).unwrap();
        for (origin, expected) in [
            (bundle::Origin::Starter, "lists: starter list of 2026-11-22T00:00:00Z, serial 1, "),
            (bundle::Origin::Bundle("a".into()), "lists: bundle a of 2026-"),
            (bundle::Origin::LastGood("a".into()), "lists: last good copy, not bundle a, of 2026-"),
        ] {
            let summary = summary(&origin, &filter);
            assert!(summary.starts_with(expected), "{summary}");
        }
    }

    #[test]
    fn only_a_newer_bundle_replaces_another() {
        const PAST: Option<&str> = Some("2020-01-01T00:00:00Z");
        const AHEAD: Option<&str> = Some("9999-01-01T00:00:00Z");
        let folder = tempfile::tempdir().unwrap();
        let publish = |serial, expires| {
            let bytes = testing::bundle_that_expires(serial, expires);
            fs::write(folder.path().join("today.bundle"), bytes).unwrap();
        };
        let service = site(folder.path());
        let served = |service: &Service| service.origin().bundle.as_ref().unwrap().serial;
        let cases = [
            (1, None, Ok(())),
            (1, AHEAD, Ok(())),
            (3, AHEAD, Ok(())),
            (2, AHEAD, Err("serial 2, older than 3")),
            (4, PAST, Err("expired at 2020")),
            (4, Some("some day"), Err("expired at some day")),
            (4, None, Ok(())),
        ];
        for (serial, expires, expected) in cases {
            publish(serial, expires);
            let before = served(&service);
            match (service.reload(), expected) {
                (Ok(()), Ok(())) => assert_eq!(served(&service), serial),
                (Err(failure), Err(text)) => {
                    assert_eq!(failure.exit_code(), 4);
                    assert!(failure.to_string().contains(text), "{failure}");
                    assert!(failure.to_string().contains("; publish a new"), "{failure}");
                    assert_eq!(served(&service), before);
                }
                (outcome, expected) => panic!("{serial} {expires:?}: {outcome:?}, {expected:?}"),
            }
        }
        drop(service);
        // A start serves it all the same; and may reload the rest of its configuration.
        publish(5, PAST);
        let config = Config::load(&folder.path().join("preau.toml")).unwrap();
        let service = Service::start(config).unwrap();
        assert_eq!((served(&service), rcode(&service, "porn")), (5, NXDOMAIN));
        service.reload().unwrap();
    }
}
