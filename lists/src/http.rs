//! What all clients of web servers share.

use std::error::Error;

/// Chooses the one TLS provider of the tree. Done by whoever makes a client, since libraries may be
/// used in any order.
pub(crate) fn use_ring() {
    // An error says that there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What went wrong at the bottom: the errors around it only say that a request failed, and repeat
/// the URL.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// What caused an error, from the nearest to the innermost.
pub(crate) fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
