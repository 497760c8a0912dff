//! Making keys and signatures.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Read, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use filter_core::Stamp;
use minisign::{KeyPair, PError, SecretKeyBox};
use thiserror::Error;

use super::{PublicKey, first_octets};
use crate::digest::Sha256Digest;

/// What protects a secret key's file.
#[derive(Clone)]
pub enum Password {
    /// Asked for, on the terminal.
    Prompt,
    /// This one.
    Given(String),
    /// Nothing: whoever reads the file can sign.
    None,
}

/// A key that signs.
pub struct SecretKey(minisign::SecretKey);

impl SecretKey {
    /// Makes a key and writes it to `path`, for its owner's eyes only, and its public half to the
    /// path of the same name with `.pub` added, which is returned.
    ///
    /// # Errors
    /// [`SecretKeyError::Exists`]: no key is ever overwritten; [`SecretKeyError::Password`],
    /// [`SecretKeyError::Write`].
    pub fn generate(
        path: &Path,
        password: Password,
    ) -> Result<(PublicKey, PathBuf), SecretKeyError> {
        let public_path = PathBuf::from(format!("{}.pub", path.display()));
        for path in [path, &public_path] {
            if path.try_exists().unwrap_or(true) {
                return Err(SecretKeyError::Exists { path: path.to_owned() });
            }
        }
        let pair = match password {
            Password::Prompt => KeyPair::generate_encrypted_keypair(None),
            Password::Given(password) => KeyPair::generate_encrypted_keypair(Some(password)),
            Password::None => KeyPair::generate_unencrypted_keypair(),
        };
        let pair = pair.map_err(SecretKeyError::Password)?;
        let secret = pair.sk.to_box(None).map_err(SecretKeyError::Password)?.into_string();
        let public = pair.pk.to_box().map_err(SecretKeyError::Password)?.into_string();
        create(path, 0o600, &secret)?;
        create(&public_path, 0o644, &public)?;
        let key = public.parse().expect("minisign reads what it wrote");
        Ok((key, public_path))
    }

    /// Reads a key from its file. The password is asked for, or used, only where there is one.
    ///
    /// # Errors
    /// [`SecretKeyError::Read`], [`SecretKeyError::NotAKey`], [`SecretKeyError::Password`].
    pub fn load(path: &Path, password: Password) -> Result<Self, SecretKeyError> {
        let text = fs::read_to_string(path)
            .map_err(|error| SecretKeyError::Read { path: path.to_owned(), error })?;
        let not_a_key = || SecretKeyError::NotAKey { path: path.to_owned() };
        // After two octets for the algorithm come two for how the key is encrypted.
        let start = text.lines().nth(1).and_then(first_octets).ok_or_else(not_a_key)?;
        let boxed = SecretKeyBox::from(text);
        let key = match (&start[2..4], password) {
            ([0, 0], _) => boxed.into_unencrypted_secret_key().map_err(|_| not_a_key())?,
            (b"Sc", Password::Given(password)) => {
                boxed.into_secret_key(Some(password)).map_err(SecretKeyError::Password)?
            }
            (b"Sc", Password::Prompt) => {
                boxed.into_secret_key(None).map_err(SecretKeyError::Password)?
            }
            (b"Sc", Password::None) => {
                return Err(SecretKeyError::PasswordNeeded { path: path.to_owned() });
            }
            _ => return Err(not_a_key()),
        };
        Ok(Self(key))
    }

    /// The half that others may know.
    pub fn public_key(&self) -> PublicKey {
        let public = minisign::PublicKey::from_secret_key(&self.0);
        let public = public.expect("a secret key holds its public half");
        public.to_base64().parse().expect("minisign reads what it wrote")
    }

    /// Signs what `content` reads: the text of its signature file, of minisign's prehashed kind.
    /// `trusted_comment` is signed with it; one line.
    ///
    /// # Errors
    /// [`SecretKeyError::Sign`]: `content` cannot be read, or the system gives no random octets.
    pub fn sign(
        &self,
        content: impl Read,
        trusted_comment: &str,
    ) -> Result<String, SecretKeyError> {
        let untrusted_comment =
            format!("signature from minisign secret key {}", self.public_key().id());
        minisign::sign(None, &self.0, content, Some(trusted_comment), Some(&untrusted_comment))
            .map(|signature| signature.into_string())
            .map_err(SecretKeyError::Sign)
    }
}

/// Without the key.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretKey").field(&self.public_key().id()).finish()
    }
}

/// What is signed along with a bundle, in minisign's style.
pub fn trusted_comment(bundle: &[u8], stamp: &Stamp) -> String {
    let Stamp { serial, created, .. } = stamp;
    format!("serial:{serial}\tcreated:{created}\tsha256:{}", Sha256Digest::of(bundle))
}

fn create(path: &Path, mode: u32, text: &str) -> Result<(), SecretKeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| SecretKeyError::Write { path: path.to_owned(), error })
}

/// Why there is no key, or no signature.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecretKeyError {
    /// There is a file already.
    #[error("{} is there already: choose another name, keys are never overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A new key cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The key cannot be read.
    #[error("cannot read the secret key {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is not one.
    #[error("{} is not a minisign secret key (list-compile keygen makes one)", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// It is encrypted.
    #[error("{} has a password: give it with --password-file", path.display())]
    PasswordNeeded {
        /// The file.
        path: PathBuf,
    },
    /// The password is wrong, or none could be asked for.
    #[error("the secret key's password: {0}; without a terminal, give it with --password-file")]
    Password(PError),
    /// Signing failed.
    #[error("cannot sign: {0}")]
    Sign(PError),
}
