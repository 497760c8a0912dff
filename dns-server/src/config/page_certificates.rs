//! `[page]` over HTTPS: the operator's certificate, or an authority that certifies refused names.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use x509_parser::parse_x509_certificate;

use super::{Spanned, typed, validated::Check};
use crate::web::certificates::{Authority, Certifiers};

/// What a folder of an authority holds.
pub(crate) const CERTIFICATE: &str = "authority.pem";
/// Its key.
pub(crate) const KEY: &str = "authority.key";

impl Check {
    /// Who certifies the page. Relative paths start from `folder`.
    pub(super) fn certifiers(&mut self, written: &typed::Page, folder: &Path) -> Certifiers {
        let typed::Page { https, certificate, key, authority, .. } = written;
        if let (Some(https), None, None) = (https, certificate, authority) {
            let help = "add `certificate` and `key`, or `authority`";
            self.fault(https.span(), "`https` without a certificate", help);
        }
        let unused = [certificate, key, authority].into_iter().flatten().next();
        if let (None, Some(unused)) = (https, unused) {
            let help = "add `https`, such as https = [\"10.0.0.80:443\"], or leave it out";
            self.fault(unused.span(), "a certificate without HTTPS", help);
        }
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => {
                let (certificate, key) = (certificate.clone(), key.clone());
                let tls = typed::Tls { certificate, key, name: None };
                self.identity(&tls, folder).map(|tls| tls.identity)
            }
            (Some(alone), None) | (None, Some(alone)) => {
                let help = "name both, `certificate` and `key`";
                self.fault(alone.span(), "one without the other", help);
                None
            }
            (None, None) => None,
        };
        let authority = authority.as_ref().and_then(|authority| self.authority(authority, folder));
        Certifiers { identity, authority }
    }

    /// The authority in a folder, whose key nobody else may read.
    fn authority(&mut self, written: &Spanned<PathBuf>, folder: &Path) -> Option<Arc<Authority>> {
        let folder = folder.join(written.get_ref());
        let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
        let shown = key.display();
        let read = fs::metadata(&key).and_then(|file| Ok((fs::read_to_string(&key)?, file.mode())));
        let (key, mode) = match read {
            Ok(read) => read,
            Err(error) => {
                let help = "name a folder that `preau ca --out FOLDER` made, and that the server's \
                            user may read";
                self.fault(written.span(), format!("cannot read {shown}: {error}"), help);
                return None;
            }
        };
        if mode & 0o077 != 0 {
            let help = format!(
                "whoever has it can pretend to be any site: chmod 600 {shown}, and give it to the \
                 server's user: chown preau {shown}"
            );
            self.fault(written.span(), format!("others may read {shown}"), help);
            return None;
        }
        let help = "name a folder that `preau ca --out FOLDER` made";
        let path = Spanned::clone(written).map(|_| certificate);
        let certificate = self.certificates(&path, &folder, help)?.remove(0);
        let is_of = |authority: &Authority| {
            parse_x509_certificate(&certificate).is_ok_and(|(_, read)| {
                read.is_ca()
                    && *read.public_key().subject_public_key.data == *authority.public_key()
            })
        };
        match Authority::new(certificate.clone(), &key) {
            Ok(authority) if is_of(&authority) => Some(Arc::new(authority)),
            Ok(_) => {
                let title = "the certificate is no authority's, or not that of the key";
                self.fault(written.span(), title, help);
                None
            }
            Err(error) => {
                let title = format!("the authority cannot be used: {error}");
                self.fault(written.span(), title, help);
                None
            }
        }
    }
}
