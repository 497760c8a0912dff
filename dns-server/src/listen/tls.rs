//! TLS, for the transports that run over it.

use std::{fmt, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::service::Service;

/// What may be spoken over it (ALPN, RFC 7301).
pub(super) const DNS: &[&[u8]] = &[b"dot"];
pub(super) const HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];
pub(crate) const HTTP_1: &[&[u8]] = &[b"http/1.1"];
pub(super) const DNS_OVER_QUIC: &[&[u8]] = &[b"doq"];

/// TLS 1.2 and 1.3, with the certificate of the service as it is when a client comes: reloading
/// touches no connection.
pub(crate) fn server_config(service: &Arc<Service>, alpn: &[&[u8]]) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for every version")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(InForce(Arc::clone(service))));
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// The certificate of the configuration in force.
struct InForce(Arc<Service>);

impl ResolvesServerCert for InForce {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.snapshot().terms.certificate.clone()
    }
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InForce")
    }
}
