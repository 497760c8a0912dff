//! What is being served: configuration, lists and upstream, replaced as one.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::{ArcSwap, Guard};
use filter_core::Filter;

use crate::{
    answer::Snapshot,
    bundle,
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
}

impl Service {
    /// Builds everything that a configuration asks for; where its bundle cannot be used, with the
    /// last good one.
    ///
    /// # Errors
    /// [`Failure`], when that cannot be served.
    pub fn start(config: Config) -> Result<Self, Failure> {
        let loaded = bundle::load(&config)?;
        if let Some(error) = &loaded.instead_of {
            tracing::error!(
                "{error}. SERVING THE LAST GOOD BUNDLE instead, serial {}",
                loaded.filter.manifest().stamp.serial
            );
        }
        let audiences = audiences(&config, &loaded.filter)?;
        let servers = servers(&config)?;
        let upstream = connect(&servers)?;
        let snapshot = snapshot(&config, audiences, upstream.clone());
        report(&loaded.filter);
        Ok(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            origin: Mutex::new(Origin { config, servers, upstream }),
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
    pub fn replace(&self, config: Config) -> Result<(), Failure> {
        let mut origin = self.origin();
        let filter = bundle::load_new(&config)?;
        let audiences = audiences(&config, &filter)?;
        let servers = servers(&config)?;
        // The same servers keep their connections and their cache.
        let upstream = match servers == origin.servers {
            true => origin.upstream.clone(),
            false => connect(&servers)?,
        };
        if config.listen != origin.config.listen {
            tracing::warn!("[listen] has changed: it takes a restart to take effect");
        }
        self.snapshot.store(Arc::new(snapshot(&config, audiences, upstream.clone())));
        *origin = Origin { config, servers, upstream };
        report(&filter);
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

fn snapshot(config: &Config, audiences: Vec<Audience>, upstream: Arc<dyn Upstream>) -> Snapshot {
    let groups = Groups::new(config.groups.iter().map(|group| group.networks.as_slice()));
    Snapshot { groups, audiences, upstream }
}

/// Each group's profile, bound to the lists.
pub(crate) fn audiences(config: &Config, filter: &Filter) -> Result<Vec<Audience>, Failure> {
    config.check_categories(&filter.manifest().categories)?;
    let audience = |name: &String| {
        let profile = &config.profiles[name];
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

/// Says which lists are in force.
fn report(filter: &Filter) {
    tracing::info!("{}", summary(filter));
}

/// Serial, date and counts of a bundle, in a line.
pub(crate) fn summary(filter: &Filter) -> String {
    let manifest = filter.manifest();
    let mut counts: Vec<_> = manifest.counts.by_category.iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), (*name).clone()));
    let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    format!(
        "lists of {}, serial {}: {} names; {}",
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
        let origin = Origin { config: Config::default(), servers: Vec::new(), upstream };
        Self { snapshot: ArcSwap::from_pointee(snapshot), origin: Mutex::new(origin) }
    }
}
