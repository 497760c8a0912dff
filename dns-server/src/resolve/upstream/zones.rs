//! Conditional forwarding: names of some zones are asked of servers of their own.

use async_trait::async_trait;
use filter_core::DomainName;

use super::{Query, Upstream, UpstreamError, failover::Failover};
use crate::wire::extract::Response;

/// The servers for every name.
pub(crate) struct Zones {
    /// Those of zones, the most specific zone first.
    zones: Vec<(DomainName, Failover)>,
    /// Those of all other names.
    rest: Failover,
}

impl Zones {
    /// Each zone stands once.
    pub(crate) fn new(mut zones: Vec<(DomainName, Failover)>, rest: Failover) -> Self {
        zones.sort_by_key(|(zone, _)| std::cmp::Reverse(zone.label_count()));
        Self { zones, rest }
    }

    fn zone(&self, name: &DomainName) -> Option<&(DomainName, Failover)> {
        self.zones.iter().find(|(zone, _)| name.is_within(zone))
    }
}

#[async_trait]
impl Upstream for Zones {
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
        let servers = self.zone(&query.name).map_or(&self.rest, |(_, servers)| servers);
        servers.lookup(query).await
    }

    fn zone_labels(&self, name: &DomainName) -> usize {
        self.zone(name).map_or(0, |(zone, _)| zone.label_count())
    }
}
