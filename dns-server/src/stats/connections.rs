//! How many connections there are.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// What a connection is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Tcp,
    Tls,
    Https,
    Quic,
}

impl Carrier {
    pub(crate) const ALL: [Self; 4] = [Self::Tcp, Self::Tls, Self::Https, Self::Quic];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
        }
    }
}

/// Connections by [`Carrier`].
#[derive(Debug, Default)]
pub(super) struct Connections([AtomicU64; Carrier::ALL.len()]);

impl Connections {
    pub(super) fn open(self: &Arc<Self>, carrier: Carrier) -> Connection {
        self.0[carrier as usize].fetch_add(1, Ordering::Relaxed);
        Connection { among: Arc::clone(self), carrier }
    }

    pub(super) fn count(&self, carrier: Carrier) -> u64 {
        self.0[carrier as usize].load(Ordering::Relaxed)
    }
}

/// A connection that is open until this is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    among: Arc<Connections>,
    carrier: Carrier,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.among.0[self.carrier as usize].fetch_sub(1, Ordering::Relaxed);
    }
}
