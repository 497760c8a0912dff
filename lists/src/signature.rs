//! Signatures: minisign's, detached, beside the file that they sign.
//!
//! The stock [`minisign`](https://jedisct1.github.io/minisign/) program makes and verifies the same
//! keys and signatures. A publisher's key changes by accepting the old and the new one for a while.

#[cfg(feature = "cli")]
mod secret_key;

use std::{
    ffi::OsString,
    fmt,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

use minisign_verify::Signature;
use thiserror::Error;

#[cfg(feature = "cli")]
pub use self::secret_key::{Password, SecretKey, SecretKeyError, trusted_comment};

/// Octets of the longest signature that is read.
pub const MAX_SIGNATURE: u64 = 8 * 1024;

/// The keys that a signature may be made with; any of them will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicKeys(Vec<PublicKey>);

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The key that made it.
    pub key: KeyId,
    /// What the signer says about the file, signed with it.
    pub trusted_comment: String,
}

impl PublicKeys {
    /// Whether there is none: then nothing can be verified.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }

    /// Checks that a signature is one, made with one of the keys, and can be verified in little
    /// memory, whatever it signs.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`], [`SignatureError::WrongKey`], [`SignatureError::Legacy`].
    pub fn check_signer(&self, signature: &str) -> Result<(), SignatureError> {
        let (decoded, _, signers) = self.signers(signature)?;
        match signers.iter().any(|key| key.key.verify_stream(&decoded).is_ok()) {
            true => Ok(()),
            false => Err(SignatureError::Legacy),
        }
    }

    /// Checks a file against the signature that lies [beside](signature_path) it.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_file(&self, path: &Path) -> Result<Verified, SignatureError> {
        let signature = read_signature(path)?;
        let file = File::open(path).map_err(SignatureError::Read)?;
        self.verify(file, &signature)
    }

    /// Checks what `signed` reads against a signature. Both of minisign's kinds are accepted:
    /// prehashed, which streams, and legacy, which reads everything into memory.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&self, signed: impl Read, signature: &str) -> Result<Verified, SignatureError> {
        let (decoded, signed_by, candidates) = self.signers(signature)?;
        match is_by_any(&candidates, &decoded, signed).map_err(SignatureError::Read)? {
            true => {
                let trusted_comment = decoded.trusted_comment().to_owned();
                Ok(Verified { key: signed_by, trusted_comment })
            }
            false => Err(SignatureError::Altered { key: signed_by }),
        }
    }

    /// A signature's content, the identifier of its key, and the keys that have it: identifiers are
    /// not unique.
    fn signers(&self, text: &str) -> Result<(Signature, KeyId, Vec<&PublicKey>), SignatureError> {
        let decoded = Signature::decode(text).map_err(|_| SignatureError::Malformed)?;
        let signed_by = text.lines().nth(1).and_then(key_id).ok_or(SignatureError::Malformed)?;
        let candidates: Vec<_> = self.0.iter().filter(|key| key.id == signed_by).collect();
        if candidates.is_empty() {
            let accepted = self.0.iter().map(|key| key.id).collect();
            return Err(SignatureError::WrongKey { signed_by, accepted });
        }
        Ok((decoded, signed_by, candidates))
    }
}

impl FromIterator<PublicKey> for PublicKeys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// Whether one of these keys, all of the signature's identifier, made it.
fn is_by_any(
    keys: &[&PublicKey],
    signature: &Signature,
    mut signed: impl Read,
) -> io::Result<bool> {
    let streams: Result<Vec<_>, _> =
        keys.iter().map(|key| key.key.verify_stream(signature)).collect();
    let Ok(mut streams) = streams else {
        // A legacy signature is one of the content, not of its hash.
        let mut content = Vec::new();
        signed.read_to_end(&mut content)?;
        return Ok(keys.iter().any(|key| key.key.verify(&content, signature, true).is_ok()));
    };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match signed.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => streams.iter_mut().for_each(|stream| stream.update(&buffer[..length])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(streams.iter_mut().any(|stream| stream.finalize().is_ok()))
}

/// Where the signature of a file lies: `FILE.minisig`, as minisign has it.
pub fn signature_path(file: &Path) -> PathBuf {
    let mut path = OsString::from(file);
    path.push(".minisig");
    path.into()
}

/// Reads the signature that lies [beside](signature_path) a file, without checking it.
///
/// # Errors
/// [`SignatureError::Unsigned`], [`SignatureError::Malformed`], [`SignatureError::Read`].
pub fn read_signature(file: &Path) -> Result<String, SignatureError> {
    let path = signature_path(file);
    let opened = match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => File::open(&path),
        // Reading a pipe would wait for whoever writes to it.
        Ok(_) => return Err(SignatureError::Malformed),
        Err(error) => Err(error),
    };
    let opened = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SignatureError::Unsigned { path });
        }
        opened => opened.map_err(SignatureError::Read)?,
    };
    let mut text = String::new();
    match opened.take(MAX_SIGNATURE).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(SignatureError::Malformed),
        Err(error) => Err(SignatureError::Read(error)),
    }
}

/// A key that verifies.
///
/// ```
/// use lists::signature::PublicKey;
/// let key: PublicKey = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".parse()?;
/// assert_eq!(key.id().to_string(), "E7620F1842B4E81F");
/// # Ok::<(), lists::signature::KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    base64: String,
    key: minisign_verify::PublicKey,
    id: KeyId,
}

/// In base64, on one line.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base64)
    }
}

impl PublicKey {
    /// Its identifier.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// A key that is given as itself, in base64, or else as the path of its file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_text_or_file(text: &str) -> Result<Self, KeyError> {
        text.parse().or_else(|_| Self::load(Path::new(text)))
    }

    /// Reads the file that `keygen` (minisign's `-G`) wrote: a comment, and the key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let read = |error| KeyError::Read { path: path.to_owned(), error };
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(MAX_SIGNATURE).read_to_string(&mut text))
            .map_err(read)?;
        text.parse()
    }
}

/// One line of base64, or a file's two lines.
impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let is_file = first.starts_with("untrusted comment:");
        let base64 = if is_file { lines.next().unwrap_or_default() } else { first };
        if is_file && base64.len() > 100 {
            return Err(KeyError::Secret);
        }
        let (Ok(key), Some(id)) = (minisign_verify::PublicKey::from_base64(base64), key_id(base64))
        else {
            return Err(KeyError::NotAKey);
        };
        Ok(Self { base64: base64.to_owned(), key, id })
    }
}

/// A key's identifier, which its signatures carry; random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(u64);

/// As minisign prints it.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

/// The identifier in a line of base64, be it a public key or a signature: after two octets for the
/// algorithm.
fn key_id(base64: &str) -> Option<KeyId> {
    let octets = first_octets(base64)?;
    let id = octets[2..10].try_into().expect("eight octets of twelve");
    Some(KeyId(u64::from_le_bytes(id)))
}

/// The first twelve octets of base64 (RFC 4648 §4).
fn first_octets(base64: &str) -> Option<[u8; 12]> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets = base64.as_bytes().get(..16)?.iter();
    let mut bits = 0_u128;
    for character in sextets {
        let sextet = ALPHABET.iter().position(|known| known == character)?;
        bits = bits << 6 | sextet as u128;
    }
    bits.to_be_bytes()[4..].try_into().ok()
}

/// Why a file is not taken for its signer's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no signature.
    #[error("it is not signed: there is no {}; sign it (list-compile sign)", path.display())]
    Unsigned {
        /// Where the signature should be.
        path: PathBuf,
    },
    /// The signature is of somebody else.
    #[error(
        "it is signed with key {signed_by}, and {}; if its publisher changed keys, add the new one",
        accepted_keys(accepted)
    )]
    WrongKey {
        /// The key that made the signature.
        signed_by: KeyId,
        /// Those that may.
        accepted: Vec<KeyId>,
    },
    /// The file is not the one that was signed, or its signature was forged.
    #[error(
        "it is not what key {key} signed: altered, or another file's signature; fetch both again"
    )]
    Altered {
        /// The key that the signature names.
        key: KeyId,
    },
    /// It signs the file itself, not its hash: verifying it would take as much memory as the file.
    #[error("its signature is of minisign's legacy kind: sign it without -l")]
    Legacy,
    /// The signature is none.
    #[error("its signature is not one of minisign's: cut short, or another file; fetch it again")]
    Malformed,
    /// The file or its signature cannot be read.
    #[error("it cannot be read to verify its signature: {0}")]
    Read(io::Error),
}

fn accepted_keys(accepted: &[KeyId]) -> String {
    let ids: Vec<_> = accepted.iter().map(KeyId::to_string).collect();
    match ids.as_slice() {
        [] => "no key is accepted".to_owned(),
        [id] => format!("only key {id} is accepted"),
        ids => format!("only the keys {} are accepted", ids.join(", ")),
    }
}

/// Why a text is not a public key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Neither a key nor the content of a key file.
    #[error("not a minisign public key: 56 characters of base64 that begin with RW")]
    NotAKey,
    /// The secret half, which must not leave its owner.
    #[error("this is a secret key: give the public one, the file that ends in .pub")]
    Secret,
    /// The file cannot be read.
    #[error("neither a minisign public key nor the file of one: {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with minisign 0.12.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    /// Of `test`; from the documentation of minisign-verify.
    const PREHASHED: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1633700835\tfile:test\tprehashed
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==";
    /// Of `test`, too.
    const LEGACY: &str = "untrusted comment: signature from minisign secret key
RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=
trusted comment: timestamp:1555779966\tfile:test
QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==";
    const OTHER_KEY: &str = "RWQh6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    fn keys(texts: &[&str]) -> PublicKeys {
        texts.iter().map(|text| text.parse::<PublicKey>().unwrap()).collect()
    }

    #[test]
    fn prehashed_and_legacy_signatures_hold() {
        for (signature, comment) in [
            (PREHASHED, "timestamp:1633700835\tfile:test\tprehashed"),
            (LEGACY, "timestamp:1555779966\tfile:test"),
        ] {
            let verified = keys(&[OTHER_KEY, KEY]).verify(&b"test"[..], signature).unwrap();
            assert_eq!(verified.key.to_string(), "E7620F1842B4E81F");
            assert_eq!(verified.trusted_comment, comment);
        }
    }

    #[test]
    fn every_altered_character_is_refused() {
        for signature in [PREHASHED, LEGACY] {
            // The first line is not signed.
            let start = signature.find('\n').unwrap() + 1;
            for at in start..signature.len() {
                let mut altered = signature.as_bytes().to_vec();
                altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
                let altered = String::from_utf8(altered).unwrap();
                let outcome = keys(&[KEY]).verify(&b"test"[..], &altered);
                assert!(outcome.is_err(), "character {at} of {signature}");
            }
        }
    }

    #[test]
    fn every_cut_is_refused() {
        for signature in [PREHASHED, LEGACY] {
            for length in 0..signature.len() {
                let outcome = keys(&[KEY]).verify(&b"test"[..], &signature[..length]);
                assert!(outcome.is_err(), "{length} characters of {signature}");
            }
        }
    }

    #[test]
    fn refusals_tell_what_to_do() {
        let two_lines = "untrusted comment: a\nRUQf\n".to_owned();
        let other = OTHER_KEY;
        let cases: [(&[&str], &[u8], &str, &str); 6] = [
            (&[KEY], b"tess", PREHASHED, "not what key E7620F1842B4E81F signed"),
            (&[KEY], b"tess", LEGACY, "not what key E7620F1842B4E81F signed"),
            (
                &[other],
                b"test",
                PREHASHED,
                "signed with key E7620F1842B4E81F, and only key E7620F1842B4E821",
            ),
            (
                &[other, other],
                b"test",
                PREHASHED,
                "the keys E7620F1842B4E821, E7620F1842B4E821 are",
            ),
            (&[], b"test", PREHASHED, "no key is accepted"),
            (&[KEY], b"test", &two_lines, "not one of minisign's"),
        ];
        for (accepted, content, signature, expected) in cases {
            let error = keys(accepted).verify(content, signature).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn public_keys_are_read_as_text_and_as_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.pub");
        let file = format!("untrusted comment: minisign public key E7620F1842B4E81F\n{KEY}\n");
        fs::write(&path, &file).unwrap();
        let expected: PublicKey = KEY.parse().unwrap();
        for text in [KEY, &file, &file.replace('\n', "\r\n"), path.to_str().unwrap()] {
            assert_eq!(PublicKey::from_text_or_file(text).unwrap(), expected, "{text}");
        }
        let absent = PublicKey::from_text_or_file("absent.pub").unwrap_err().to_string();
        assert!(absent.contains("absent.pub: No such file"), "{absent}");
        let secret = format!("untrusted comment: minisign secret key\n{}\n", "A".repeat(212));
        assert!(matches!(secret.parse::<PublicKey>(), Err(KeyError::Secret)));
        for text in ["", "RW", &KEY[1..], "untrusted comment: x", &KEY.replace('R', "!")] {
            assert!(matches!(text.parse::<PublicKey>(), Err(KeyError::NotAKey)), "{text}");
        }
    }

    #[test]
    fn a_file_without_its_signature_is_unsigned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lists.bundle");
        fs::write(&path, "test").unwrap();
        let error = keys(&[KEY]).verify_file(&path).unwrap_err();
        assert!(matches!(error, SignatureError::Unsigned { .. }), "{error}");
        assert!(error.to_string().contains("lists.bundle.minisig; sign it"), "{error}");
        fs::write(signature_path(&path), PREHASHED).unwrap();
        keys(&[KEY]).verify_file(&path).unwrap();
        fs::write(signature_path(&path), b"\xff\xfe").unwrap();
        let error = keys(&[KEY]).verify_file(&path).unwrap_err();
        assert!(matches!(error, SignatureError::Malformed), "{error}");
    }
}
