//! `[tls]`: the certificate that encrypted transports show.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::Spanned;
use filter_core::DomainName;
use rustls::{
    client::verify_server_name,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject as _},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use x509_parser::parse_x509_certificate;

use super::{Tls, typed, validated::Check};

impl Check {
    /// Relative paths start from `folder`. Without a fault there is a certificate wherever
    /// `listen` needs one, or the check API, which is `checked` over TLS there.
    pub(super) fn tls(
        &mut self,
        written: Option<&Spanned<typed::Tls>>,
        listen: &typed::Listen,
        checked: Option<&Spanned<String>>,
        folder: &Path,
    ) -> Option<Tls> {
        let encrypted = [("tls", &listen.tls), ("https", &listen.https), ("quic", &listen.quic)];
        let used = encrypted.into_iter().find_map(|(key, at)| Some((key, at.as_ref()?.span())));
        match (written, used) {
            (None, None) => {
                if let Some(checked) = checked {
                    let help = "others than this machine reach it, and its token would be read on \
                                the way: add [tls], or write \"127.0.0.1:9380\"";
                    self.fault(checked.span(), "the check API without a certificate", help);
                }
                None
            }
            (None, Some((key, at))) => {
                let help = "add [tls] certificate = \"fullchain.pem\", key = \"privkey.pem\"";
                self.fault(at, format!("`{key}` without a certificate"), help);
                None
            }
            (Some(written), None) if checked.is_none() => {
                let help = "add `tls`, `https` or `quic` to [listen], such as \
                            tls = [\"10.0.0.1:853\"]";
                self.fault(written.span(), "[tls] without anything that uses it", help);
                None
            }
            (Some(written), _) => self.identity(written.get_ref(), folder),
        }
    }

    pub(super) fn identity(&mut self, written: &typed::Tls, folder: &Path) -> Option<Tls> {
        let chain = self.certificates(&written.certificate, folder, CHAIN);
        let key = self.private_key(&written.key, folder);
        let (chain, key) = (chain?, key?);
        let Ok((_, certificate)) = parse_x509_certificate(&chain[0]) else {
            let title = "the first certificate of the file is no X.509 certificate";
            self.fault(written.certificate.span(), title, CHAIN);
            return None;
        };
        let validity = certificate.validity();
        let valid = validity.not_before.timestamp()..=validity.not_after.timestamp();
        let name = match &written.name {
            Some(name) => Some(self.server_name(name, &chain[0])?),
            None => None,
        };
        match CertifiedKey::from_der(chain, key, &ring::default_provider()) {
            Ok(identity) => Some(Tls { identity: Arc::new(identity), name, valid }),
            Err(rustls::Error::InconsistentKeys(_)) => {
                let help = "name the key that the certificate was made for";
                self.fault(written.key.span(), "the key is not the certificate's", help);
                None
            }
            Err(error) => {
                let title = format!("the private key cannot be used: {error}");
                self.fault(written.key.span(), title, KEY);
                None
            }
        }
    }

    /// The certificates of a file; there is one at least. `help` says which they should be.
    pub(super) fn certificates(
        &mut self,
        written: &Spanned<PathBuf>,
        folder: &Path,
        help: &str,
    ) -> Option<Vec<CertificateDer<'static>>> {
        let path = folder.join(written.get_ref());
        let chain =
            CertificateDer::pem_file_iter(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let title = match chain {
            Ok(chain) if !chain.is_empty() => return Some(chain),
            Ok(_) => format!("{} holds no certificate", path.display()),
            Err(error) => unreadable(&path, &error),
        };
        self.fault(written.span(), title, help);
        None
    }

    fn private_key(
        &mut self,
        written: &Spanned<PathBuf>,
        folder: &Path,
    ) -> Option<PrivateKeyDer<'static>> {
        let path = folder.join(written.get_ref());
        let title = match PrivateKeyDer::from_pem_file(&path) {
            Ok(key) => return Some(key),
            Err(pem::Error::NoItemsFound) => {
                format!("{} holds no private key that is not encrypted", path.display())
            }
            Err(error) => unreadable(&path, &error),
        };
        self.fault(written.span(), title, KEY);
        None
    }

    /// The name that clients know this server by, for which the certificate must be.
    fn server_name(
        &mut self,
        written: &Spanned<String>,
        certificate: &CertificateDer<'_>,
    ) -> Option<DomainName> {
        let Ok(name) = written.get_ref().parse::<DomainName>() else {
            let title = format!("`{}` is not a host name", written.get_ref());
            self.fault(written.span(), title, "write a name such as \"dns.school.example\"");
            return None;
        };
        if !is_for(certificate, &name) {
            let title = format!("the certificate is not for `{name}`");
            let help = "clients would refuse it: write the name that the certificate is for";
            self.fault(written.span(), title, help);
        }
        Some(name)
    }
}

fn is_for(certificate: &CertificateDer<'_>, name: &DomainName) -> bool {
    let Ok(name) = ServerName::try_from(name.to_string()) else { return false };
    ParsedCertificate::try_from(certificate)
        .is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
}

fn unreadable(path: &Path, error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => format!("cannot read {}: {error}", path.display()),
        error => format!("{} is not a PEM file: {error}", path.display()),
    }
}

/// What the files must hold.
const CHAIN: &str = "name a PEM file of the server's certificate followed by those of its \
                     authorities, such as fullchain.pem";
const KEY: &str = "name a PEM file of the certificate's private key, not encrypted, that this \
                   server's user may read";

#[cfg(test)]
mod tests;
