//! What clients are held to.

/// A key of `[limits]` that a question or a connection met, so that nobody heard from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    QueriesPerSecond,
    Connections,
    ConnectionsPerClient,
    Waiting,
    WaitingPerClient,
}

impl Limit {
    pub(crate) const ALL: [Self; 5] = [
        Self::QueriesPerSecond,
        Self::Connections,
        Self::ConnectionsPerClient,
        Self::Waiting,
        Self::WaitingPerClient,
    ];

    /// The key.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::QueriesPerSecond => "queries_per_second",
            Self::Connections => "connections",
            Self::ConnectionsPerClient => "connections_per_client",
            Self::Waiting => "waiting",
            Self::WaitingPerClient => "waiting_per_client",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn labels_are_keys() {
        for limit in Limit::ALL {
            let limits = format!("[limits]\n{} = 99\n", limit.label());
            testing::snapshot(&format!("[upstream]\nservers = [\"192.0.2.53\"]\n{limits}"));
        }
    }
}
