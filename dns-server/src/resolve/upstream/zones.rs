//! Conditional forwarding: names of some zones are asked of servers of their own.

use async_trait::async_trait;
use filter_core::DomainName;

use super::{Query, ServerStatus, Upstream, UpstreamError, failover::Failover};
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

    fn servers(&self) -> Vec<ServerStatus> {
        let of_zone = |(zone, servers): &(DomainName, Failover)| {
            let of_zone = |status| ServerStatus { zone: Some(zone.clone()), ..status };
            servers.servers().into_iter().map(of_zone).collect::<Vec<_>>()
        };
        self.rest.servers().into_iter().chain(self.zones.iter().flat_map(of_zone)).collect()
    }

    fn zone_labels(&self, name: &DomainName) -> usize {
        self.zone(name).map_or(0, |(zone, _)| zone.label_count())
    }
}
