//! What all clients of web servers share.

use std::{error::Error, io};

use rustls::CertificateError;

/// Chooses the one TLS provider of the tree. Done by whoever makes a client, since libraries may be
/// used in any order.
pub(crate) fn use_ring() {
    // An error says that there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What went wrong at the bottom: the errors around it only say that a request failed, and repeat
/// the URL.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    match causes(error).last() {
        None => error.to_string(),
        Some(cause) => match cause.downcast_ref() {
            Some(rustls::Error::InvalidCertificate(fault)) => {
                format!("the server's certificate {}", certificate_fault(fault))
            }
            _ => cause.to_string(),
        },
    }
}

/// What is wrong with a certificate, and what to do.
fn certificate_fault(fault: &CertificateError) -> String {
    use CertificateError as Fault;
    match fault {
        Fault::UnknownIssuer => "is of an authority that is not known here: add that to the \
             system's certificates, or name its file in SSL_CERT_FILE"
            .to_owned(),
        Fault::Expired | Fault::ExpiredContext { .. } => {
            "has expired, unless this machine's clock is wrong".to_owned()
        }
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
            "is not valid yet, unless this machine's clock is wrong".to_owned()
        }
        Fault::NotValidForNameContext { expected, .. } => {
            format!("is for other names than {}", expected.to_str())
        }
        fault => format!("cannot be used: {fault}"),
    }
}

/// What caused an error, from the nearest to the innermost.
pub(crate) fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        // An I/O error is what it wraps, and does not name it as its source.
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        }
    })
}
