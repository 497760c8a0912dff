//! Publishing a bundle: its content first, then its signature, each read back, and last the one
//! small [pointer](crate::pointer) that readers poll. A reader never sees half.
//!
//! Of two that publish at once, the second is told: what the guards compared its bundle with is no
//! longer what it would replace.

mod destination;

use std::{cmp::Reverse, collections::BTreeSet};

use filter_core::{Filter, OpenError, Profile, Stamp};
use jiff::Timestamp;
use object_store::path;
use thiserror::Error;

pub use self::destination::Destination;
use self::destination::Object;
use crate::{
    digest::Sha256Digest,
    pointer::{MAX_BUNDLE, POINTER_NAME, Pointer, PointerError},
    signature::{MAX_SIGNATURE, PublicKeys, SignatureError},
};

/// Folder of the bundles and their signatures.
const OBJECTS: &str = "objects";
const BUNDLE: &str = ".bundle";
const SIGNATURE: &str = ".minisig";
/// How long, in milliseconds, a bundle may take to be followed by its signature.
const UPLOAD: i64 = 60 * 60 * 1000;

/// A bundle that a server could serve.
#[derive(Debug)]
pub struct Candidate {
    bytes: Vec<u8>,
    filter: Filter,
}

impl Candidate {
    /// Opens a bundle and binds every built-in profile to it, as a server would.
    ///
    /// # Errors
    /// [`PublishError::Unusable`], [`PublishError::DoesNotBind`].
    pub fn open(bytes: Vec<u8>) -> Result<Self, PublishError> {
        let filter = Filter::open(bytes.clone()).map_err(PublishError::Unusable)?;
        for profile in Profile::BUILTIN {
            let profile = Profile::named(profile).expect("a built-in name");
            filter.bind(&profile).map_err(|error| PublishError::DoesNotBind {
                profile: profile.name.clone(),
                error: error.to_string(),
            })?;
        }
        Ok(Self { bytes, filter })
    }

    /// Its octets.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it holds.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What it holds, and no more than that.
    pub fn into_filter(self) -> Filter {
        self.filter
    }

    /// Serial, creation, expiry.
    pub fn stamp(&self) -> &Stamp {
        &self.filter.manifest().stamp
    }

    /// The pointer to it.
    pub fn pointer(&self) -> Pointer {
        Pointer::to(&self.bytes, self.stamp().clone())
    }

    /// Checks that readers who follow `current` would take it.
    ///
    /// # Errors
    /// [`PublishError::Expired`], [`PublishError::Older`], [`PublishError::SameSerial`].
    pub fn check_replaces(&self, current: Option<&Pointer>) -> Result<(), PublishError> {
        if let Some(expires) = &self.stamp().expires {
            let is_ahead = expires.parse().is_ok_and(|at: Timestamp| at > Timestamp::now());
            if !is_ahead {
                return Err(PublishError::Expired { expires: expires.clone() });
            }
        }
        let Some(current) = current else { return Ok(()) };
        let (serial, published) = (self.stamp().serial, current.stamp.serial);
        if serial < published {
            return Err(PublishError::Older { serial, published });
        }
        if serial == published && Sha256Digest::of(&self.bytes) != current.sha256 {
            return Err(PublishError::SameSerial { serial });
        }
        Ok(())
    }
}

/// What is published now.
#[derive(Debug)]
pub struct Current {
    /// What readers are told to fetch; `None` where nothing is published.
    pub pointer: Option<Pointer>,
    /// The file that says so, as it was read.
    octets: Option<Vec<u8>>,
}

/// Which bundle to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The one of this serial.
    Serial(u64),
    /// The newest of a lower serial.
    Before(u64),
    /// The newest.
    Newest,
}

impl Wanted {
    fn accepts(self, serial: u64) -> bool {
        match self {
            Self::Serial(wanted) => serial == wanted,
            Self::Before(limit) => serial < limit,
            Self::Newest => true,
        }
    }
}

/// Published before, verified again.
#[derive(Debug)]
pub struct Kept {
    /// The bundle, where there is one.
    pub candidate: Option<Candidate>,
    /// What was passed over on the way to it: damaged, or not signed with one of the keys.
    pub passed_over: Vec<PublishError>,
    /// Serials of all that is there, ascending, as far as their signatures can be believed.
    pub serials: Vec<u64>,
}

impl Destination {
    /// What is published now.
    ///
    /// # Errors
    /// [`PublishError::Storage`], [`PublishError::Pointer`].
    pub async fn current(&self) -> Result<Current, PublishError> {
        let Current { octets, .. } = self.unreadable().await?;
        let parsed = octets.as_deref().map(Pointer::parse).transpose();
        let pointer = parsed
            .map_err(|error| PublishError::Pointer { name: self.shown(POINTER_NAME), error })?;
        Ok(Current { pointer, octets })
    }

    /// The same where the pointer cannot be read: nothing is known of what is published.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub async fn unreadable(&self) -> Result<Current, PublishError> {
        Ok(Current { pointer: None, octets: self.get(POINTER_NAME, MAX_BUNDLE).await? })
    }

    /// A published bundle.
    ///
    /// # Errors
    /// [`PublishError::Damaged`]: it is not there, or not what the pointer says.
    /// [`PublishError::Storage`].
    pub async fn filter(&self, pointer: &Pointer) -> Result<Filter, PublishError> {
        let bytes = self.bundle(&pointer.object, pointer.sha256).await?;
        Filter::open(bytes).map_err(|error| self.damaged(&pointer.object, error.to_string()))
    }

    /// Publishes a bundle that may [replace](Candidate::check_replaces) the present one, with its
    /// signature, which the caller has made or verified. On any error readers go on seeing what
    /// was published before.
    ///
    /// # Errors
    /// [`PublishError::Storage`], [`PublishError::ReadBack`], [`PublishError::Overtaken`].
    pub async fn publish(
        &self,
        candidate: &Candidate,
        signature: &str,
        current: &Current,
    ) -> Result<Pointer, PublishError> {
        let pointer = candidate.pointer();
        self.put(&pointer.object, candidate.bytes(), destination::FOR_EVER).await?;
        // A bundle that is signed anew keeps its name, so its signature may change.
        self.put(&pointer.signature, signature.as_bytes(), destination::ALWAYS_ASK).await?;
        let json = pointer.to_json();
        let (old, new) = (current.octets.as_deref(), json.as_bytes());
        match self.replace(POINTER_NAME, old, new, destination::ALWAYS_ASK).await? {
            true => Ok(pointer),
            false => Err(PublishError::Overtaken { name: self.shown(POINTER_NAME) }),
        }
    }

    /// Finds a bundle that was published before. Its signature is verified: whoever can write there
    /// must not choose what is signed again, nor stop anybody from going back.
    ///
    /// # Errors
    /// [`PublishError::Storage`].
    pub async fn kept(&self, wanted: Wanted, keys: &PublicKeys) -> Result<Kept, PublishError> {
        let mut claims = Vec::new();
        for object in self.files().await?.into_iter().filter(Object::is_bundle) {
            if let Some(serial) = self.claimed_serial(&object.name).await? {
                claims.push((serial, object));
            }
        }
        claims.sort_by_key(|(serial, _)| Reverse(*serial));
        let serials = claims.iter().map(|(serial, _)| *serial).rev().collect();
        let mut kept = Kept { candidate: None, passed_over: Vec::new(), serials };
        for (claimed, object) in claims.iter().filter(|(serial, _)| wanted.accepts(*serial)) {
            match self.verified(&object.name, object.digest, keys).await {
                Ok(candidate) if candidate.stamp().serial == *claimed => {
                    kept.candidate = Some(candidate);
                    break;
                }
                Ok(_) => kept.passed_over.push(
                    self.damaged(&object.name, "its signature is of another serial".to_owned()),
                ),
                Err(error @ PublishError::Storage { .. }) => return Err(error),
                Err(error) => kept.passed_over.push(error),
            }
        }
        Ok(kept)
    }

    /// Removes all bundles but the newest `keep`, and never the one that is pointed to. Returns how
    /// many were removed.
    ///
    /// # Errors
    /// [`PublishError::Storage`]; what was not removed may be removed next time.
    pub async fn prune(&self, keep: usize, current: &Pointer) -> Result<usize, PublishError> {
        let mut files = self.files().await?;
        // Signatures last: a bundle without one would look unsigned.
        files.sort_by_key(|file| (!file.is_bundle(), Reverse(file.written)));
        // What has none was never published.
        let signed: BTreeSet<_> =
            files.iter().filter(|file| !file.is_bundle()).map(|file| file.digest).collect();
        let bundles = files.iter().filter(|file| file.is_bundle()).map(|file| file.digest);
        let others = bundles.filter(|digest| *digest != current.sha256 && signed.contains(digest));
        let kept: BTreeSet<_> =
            others.take(keep.saturating_sub(1)).chain([current.sha256]).collect();
        // It may be about to be signed, by somebody who publishes at the same time.
        let is_coming = |file: &Object| {
            !self.is_locked()
                && !signed.contains(&file.digest)
                && file.written > Timestamp::now().as_millisecond() - UPLOAD
        };
        let is_old = |file: &&Object| !kept.contains(&file.digest) && !is_coming(file);
        let mut removed = 0;
        for file in files.iter().filter(is_old) {
            self.delete(&file.name).await?;
            removed += usize::from(file.is_bundle());
        }
        self.remove_leftovers();
        Ok(removed)
    }

    /// The serial that a bundle's signature claims, in the trusted comment that `list-compile`
    /// gives it; without one, that of the bundle. `None` for what is unsigned or no bundle.
    async fn claimed_serial(&self, object: &str) -> Result<Option<u64>, PublishError> {
        let Some(signature) = self.signature(object).await? else { return Ok(None) };
        let comment =
            signature.lines().nth(2).and_then(|line| line.strip_prefix("trusted comment: "));
        let claim = comment.and_then(|comment| comment.strip_prefix("serial:"));
        if let Some(serial) = claim.and_then(|claim| claim.split('\t').next()?.parse().ok()) {
            return Ok(Some(serial));
        }
        let bytes = self.get(object, MAX_BUNDLE).await?;
        let filter = bytes.and_then(|bytes| Filter::open(bytes).ok());
        Ok(filter.map(|filter| filter.manifest().stamp.serial))
    }

    async fn signature(&self, object: &str) -> Result<Option<String>, PublishError> {
        let octets = self.get(&format!("{object}{SIGNATURE}"), MAX_SIGNATURE).await?;
        Ok(octets.and_then(|octets| String::from_utf8(octets).ok()))
    }

    async fn verified(
        &self,
        object: &str,
        digest: Sha256Digest,
        keys: &PublicKeys,
    ) -> Result<Candidate, PublishError> {
        let bytes = self.bundle(object, digest).await?;
        let signature = self.signature(object).await?.unwrap_or_default();
        keys.verify(bytes.as_slice(), &signature)
            .map_err(|error| PublishError::Signature { name: self.shown(object), error })?;
        Candidate::open(bytes)
    }

    async fn bundle(&self, object: &str, digest: Sha256Digest) -> Result<Vec<u8>, PublishError> {
        let damaged = |why: &str| self.damaged(object, why.to_owned());
        let bytes =
            self.get(object, MAX_BUNDLE).await?.ok_or_else(|| damaged("it is not there"))?;
        match Sha256Digest::of(&bytes) == digest {
            true => Ok(bytes),
            false => Err(damaged("its SHA-256 is not the one in its name")),
        }
    }

    fn damaged(&self, object: &str, why: String) -> PublishError {
        PublishError::Damaged { name: self.shown(object), why }
    }
}

/// Why a bundle was not published. What was published before still is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// It cannot be opened.
    #[error("no server could open it: {0}")]
    Unusable(OpenError),
    /// It cannot be served.
    #[error("no server could serve it: profile `{profile}`: {error}")]
    DoesNotBind {
        /// A built-in profile.
        profile: String,
        /// Why not.
        error: String,
    },
    /// Servers would refuse it.
    #[error("it expired at {expires}: no server would take it; build it again")]
    Expired {
        /// What it says.
        expires: String,
    },
    /// Servers would refuse it.
    #[error(
        "it has serial {serial}, and {published} is published: no server goes back; build it again, \
         or go back with publish --rollback"
    )]
    Older {
        /// Its serial.
        serial: u64,
        /// What is published.
        published: u64,
    },
    /// Servers would not tell them apart.
    #[error(
        "another bundle of serial {serial} is published: build it again with a higher --serial"
    )]
    SameSerial {
        /// Its serial.
        serial: u64,
    },
    /// Somebody else published.
    #[error(
        "{name} was replaced meanwhile: somebody else publishes there too; publish again, and the \
         guards look at what is there now"
    )]
    Overtaken {
        /// The pointer.
        name: String,
    },
    /// Somebody else is publishing.
    #[error("another `list-compile publish` is at work in {to}: wait for its end")]
    Busy {
        /// The folder, as it was given.
        to: String,
    },
    /// What should be a URL or a folder is none.
    #[error("cannot publish to {to}: {why}")]
    Destination {
        /// As it was given.
        to: String,
        /// Why not.
        why: String,
    },
    /// The storage failed.
    #[error("{name}: {error}")]
    Storage {
        /// What was read or written.
        name: String,
        /// Why it could not be.
        error: Box<object_store::Error>,
    },
    /// A name that the storage does not take.
    #[error("{name}: {error}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        error: path::Error,
    },
    /// What was written is not what is there.
    #[error(
        "{name} is not what was written to it: the storage, or something before it, alters files"
    )]
    ReadBack {
        /// What was written.
        name: String,
    },
    /// What was published is not a pointer.
    #[error("{name} is something else: {error}")]
    Pointer {
        /// The pointer.
        name: String,
        /// What is wrong with it.
        error: PointerError,
    },
    /// What was published is not what it should be.
    #[error("{name} is damaged: {why}")]
    Damaged {
        /// The bundle.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// What was published is not signed with one of the keys.
    #[error("{name}: {error}; give the key that signed it with --public-key")]
    Signature {
        /// The bundle.
        name: String,
        /// What is wrong with it.
        error: SignatureError,
    },
}
