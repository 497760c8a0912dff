//! What listeners go by, as the configuration is now: part of a [`Snapshot`].
//!
//! [`Snapshot`]: crate::answer::Snapshot

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use rustls::sign::CertifiedKey;

use crate::{
    config::{Config, Limits, Page},
    policy::group::GroupId,
    web::check::CheckTerms,
};

/// On what terms clients are received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    /// Shown over encrypted transports.
    pub(super) certificate: Option<Arc<CertifiedKey>>,
    /// Groups with a path of their own, over HTTPS.
    paths: HashMap<Arc<str>, GroupId>,
    /// Balancers that are believed.
    proxies: Vec<IpNet>,
    /// What is shown for refused names.
    page: Option<Arc<Page>>,
    /// Of each group, whether a teacher's code holds for it.
    codes: Box<[bool]>,
    pub(super) limits: Limits,
    /// Who may ask the check API for what; absent: there is none.
    pub(crate) check: Option<Arc<CheckTerms>>,
}

impl Terms {
    /// Those of a configuration.
    pub(crate) fn of(config: &Config) -> Self {
        let paths = config.groups.iter().enumerate().filter_map(|(index, group)| {
            let path = group.doh_path.as_ref()?;
            Some((path.clone(), GroupId::at(index)))
        });
        let codes = config
            .groups
            .iter()
            .map(|group| config.codes.iter().any(|code| code.groups.contains(&group.name)));
        Self {
            certificate: config.tls.as_ref().map(|tls| tls.identity.clone()),
            paths: paths.collect(),
            proxies: config.proxies.clone(),
            page: config.page.clone(),
            codes: codes.collect(),
            limits: config.limits.clone(),
            check: CheckTerms::of(config).map(Arc::new),
        }
    }

    /// Whether a teacher's code holds for a group.
    pub(crate) fn has_code(&self, group: GroupId) -> bool {
        self.codes.get(group.index()).is_some_and(|has_code| *has_code)
    }

    /// What clients may take.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What is shown for refused names, where anything is.
    pub(crate) fn page(&self) -> Option<&Page> {
        self.page.as_deref()
    }

    /// Whether whoever connects from there says with the PROXY protocol who asks, and is believed.
    pub(super) fn is_proxy(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.proxies.iter().any(|network| network.contains(&peer))
    }

    /// The group that a path of an HTTPS request is of.
    pub(super) fn group_at(&self, path: &str) -> Option<GroupId> {
        self.paths.get(path).copied()
    }
}
