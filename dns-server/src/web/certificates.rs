//! Certificates of the block page over HTTPS.
//!
//! The operator's own one, which is for the page's own name alone, and one for each refused name,
//! made on demand by an authority of the operator's that the posts trust. Such an authority could
//! sign for any site: so the policy is asked each time, and for a name that is not refused somebody
//! by this page there is none, whatever was made before.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use filter_core::DomainName;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::CertificateDer,
    server::{ClientHello, ResolvesServerCert},
    sign::{CertifiedKey, SigningKey},
};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::{
    policy::{
        Policy,
        decide::{Asked, Decision},
        refusal::RefusalForm,
    },
    service::Service,
    wire::rr_type,
};

/// Days that a certificate for a name is valid: it is of use to nobody else for long.
const DAYS: i64 = 7;
/// The most certificates that are kept at once.
const MOST: usize = 1024;
/// Days that a new authority is valid.
const AUTHORITY_DAYS: i64 = 2 * 365;
/// What a new authority is called, in the settings of the posts.
const AUTHORITY_NAME: &str = "Préau block page";
/// What a certificate is called; browsers go by the name that it is for.
const NAME: &str = "Préau";

/// Who certifies the page; nobody: it is not to be had over HTTPS.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certifiers {
    /// The operator's certificate, shown wherever there is no other.
    pub(crate) identity: Option<Arc<CertifiedKey>>,
    /// The operator's own authority, for refused names.
    pub(crate) authority: Option<Arc<Authority>>,
}

/// An authority of the operator's.
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// Why something is no authority, or none can be made.
#[derive(Debug, Error)]
#[error(transparent)]
pub(crate) struct AuthorityError(#[from] rcgen::Error);

/// A new authority, as PEM: its certificate, and its key.
pub(crate) struct NewAuthority {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// Makes a new one, which certifies neither addresses nor names within `excluded`, nor other
    /// authorities. Names are excluded, not permitted: what is refused may be any.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub(crate) fn generate(excluded: &[DomainName]) -> Result<NewAuthority, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut parameters = valid(-1, AUTHORITY_DAYS)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        parameters.distinguished_name.push(DnType::CommonName, AUTHORITY_NAME);
        let addresses = [
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([0; 4], 0)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix([0; 16], 0)),
        ];
        let names = excluded.iter().map(|name| GeneralSubtree::DnsName(name.to_string()));
        parameters.name_constraints = Some(NameConstraints {
            permitted_subtrees: Vec::new(),
            excluded_subtrees: addresses.into_iter().chain(names).collect(),
        });
        let certificate = parameters.self_signed(&key)?.pem();
        Ok(NewAuthority { certificate, key: key.serialize_pem() })
    }

    /// One that was made before.
    ///
    /// # Errors
    /// [`AuthorityError`]: the key is none, or the certificate.
    pub(crate) fn new(
        certificate: CertificateDer<'static>,
        key: &str,
    ) -> Result<Self, AuthorityError> {
        let issuer = Issuer::from_ca_cert_der(&certificate, KeyPair::from_pem(key)?)?;
        Ok(Self { certificate, issuer })
    }

    /// The public key of its private key.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.issuer.key().public_key_raw()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

/// Parameters of a certificate that is valid from a day to another, counted from today.
fn valid(from: i64, to: i64) -> Result<CertificateParams, AuthorityError> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    let day = |days: i64| {
        let date = today().saturating_add(SignedDuration::from_hours(24 * days));
        date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8)
    };
    (parameters.not_before, parameters.not_after) = (day(from), day(to));
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    Ok(parameters)
}

fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// TLS for the page, with whatever certifies it when a client comes.
///
/// # Errors
/// [`AuthorityError`]: there is no randomness.
pub(crate) fn acceptor(service: &Arc<Service>) -> Result<TlsAcceptor, AuthorityError> {
    let certificates = Certificates::new(Arc::clone(service))?;
    let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for every version")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each connection is looked at anew: the name may be let through by then.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Certificates for names that are refused, in memory alone.
struct Certificates {
    service: Arc<Service>,
    /// Of all of them; another at each start.
    key: KeyPair,
    signs: Arc<dyn SigningKey>,
    made: Mutex<HashMap<DomainName, Made>>,
}

struct Made {
    by: Arc<Authority>,
    /// The day.
    at: Date,
    certified: Arc<CertifiedKey>,
}

impl Certificates {
    fn new(service: Arc<Service>) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let der = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
        let signs = ring::sign::any_ecdsa_type(&der.into())
            .map_err(|_| rcgen::Error::KeyGenerationUnavailable)?;
        Ok(Self { service, key, signs, made: Mutex::default() })
    }

    /// A certificate for a name that may have one.
    fn of(&self, name: &DomainName, authority: &Arc<Authority>) -> Option<Arc<CertifiedKey>> {
        let today = today();
        // Each change of it is one operation.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = |made: &Made| Arc::ptr_eq(&made.by, authority) && made.at == today;
        if let Some(known) = made.get(name).filter(|made| is_good(made)) {
            return Some(known.certified.clone());
        }
        if made.len() >= MOST {
            made.retain(|_, made| is_good(made));
            if made.len() >= MOST {
                made.clear();
            }
        }
        let certified = match self.make(name, authority) {
            Ok(certified) => Arc::new(certified),
            Err(error) => {
                tracing::error!("no certificate for the block page: {error}");
                return None;
            }
        };
        let one = Made { by: authority.clone(), at: today, certified: certified.clone() };
        made.insert(name.clone(), one);
        Some(certified)
    }

    fn make(
        &self,
        name: &DomainName,
        authority: &Authority,
    ) -> Result<CertifiedKey, AuthorityError> {
        let mut parameters = valid(-1, DAYS)?;
        let name = name.to_string();
        parameters.subject_alt_names = CertificateParams::new(vec![name])?.subject_alt_names;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.distinguished_name.push(DnType::CommonName, NAME);
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters.signed_by(&self.key, &authority.issuer)?;
        let chain = vec![certificate.der().clone(), authority.certificate.clone()];
        Ok(CertifiedKey::new(chain, self.signs.clone()))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let snapshot = self.service.snapshot();
        let certifiers = &snapshot.terms.page()?.certifiers;
        let of_authority = || {
            let authority = certifiers.authority.as_ref()?;
            let name = hello.server_name()?.parse().ok()?;
            let may = is_refused_here(&snapshot.policy, &name, Timestamp::now());
            if may { self.of(&name, authority) } else { None }
        };
        of_authority().or_else(|| certifiers.identity.clone())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

/// Whether a name leads some group to the page, for what it is itself.
fn is_refused_here(policy: &Policy, name: &DomainName, now: Timestamp) -> bool {
    let (record_type, internet, recursion_desired) = (rr_type::A, true, true);
    let asked = Asked { name, record_type, internet, recursion_desired };
    policy.groups.ids().any(|group| match policy.decide(asked, group, now) {
        Some(ruling) => match ruling.decision {
            Decision::Refuse(refusal) => matches!(refusal.form, RefusalForm::Page(_)),
            _ => false,
        },
        None => false,
    })
}

#[cfg(test)]
mod tests;
