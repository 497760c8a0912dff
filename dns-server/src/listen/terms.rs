//! What listeners go by, as the configuration is now: part of a [`Snapshot`].
//!
//! [`Snapshot`]: crate::answer::Snapshot

use std::{collections::HashMap, sync::Arc};

use rustls::sign::CertifiedKey;

use crate::{config::Config, policy::group::GroupId};

/// On what terms clients are received.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    /// Shown over encrypted transports.
    pub(super) certificate: Option<Arc<CertifiedKey>>,
    /// Groups with a path of their own, over HTTPS.
    paths: HashMap<Arc<str>, GroupId>,
}

impl Terms {
    /// Those of a configuration.
    pub(crate) fn of(config: &Config) -> Self {
        let paths = config.groups.iter().enumerate().filter_map(|(index, group)| {
            let path = group.doh_path.as_ref()?;
            Some((path.clone(), GroupId::at(index)))
        });
        Self {
            certificate: config.tls.as_ref().map(|tls| tls.identity.clone()),
            paths: paths.collect(),
        }
    }

    /// The group that a path of an HTTPS request is of.
    pub(super) fn group_at(&self, path: &str) -> Option<GroupId> {
        self.paths.get(path).copied()
    }
}
