//! What is published where: one small pointer, and the objects that it names.
//!
//! ```text
//! current.json                      the pointer, written last, polled by readers
//! objects/<sha256>.bundle           bundles, named by their content: never altered
//! objects/<sha256>.bundle.minisig   their signatures
//! ```
//! The pointer is not signed. It only says what to fetch: serial, creation and expiry are in the
//! bundle, under its signature, and must be the same there.

use filter_core::Stamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Sha256Digest;

/// Name of the pointer.
pub const POINTER_NAME: &str = "current.json";
/// Octets of the longest pointer that is read.
pub const MAX_POINTER: u64 = 16 * 1024;
/// Octets of the longest bundle that is fetched: 20 million names take a third of it.
pub const MAX_BUNDLE: u64 = 1 << 30;
/// Raised when the meaning of what is there changes; keys may be added without.
const FORMAT: u32 = 1;

/// Which bundle is the present one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// Of the pointer: 1.
    pub format: u32,
    /// What the bundle says of itself.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Of the bundle.
    pub sha256: Sha256Digest,
    /// Length of the bundle.
    pub octets: u64,
    /// Name of the bundle, from the pointer's folder.
    pub object: String,
    /// Name of its signature.
    pub signature: String,
}

impl Pointer {
    /// The pointer to a bundle.
    pub fn to(bundle: &[u8], stamp: Stamp) -> Self {
        let sha256 = Sha256Digest::of(bundle);
        let object = format!("objects/{sha256}.bundle");
        let signature = format!("{object}.minisig");
        let octets = bundle.len() as u64;
        Self { format: FORMAT, stamp, sha256, octets, object, signature }
    }

    /// Reads what a server gave for a pointer.
    ///
    /// # Errors
    /// [`PointerError`].
    pub fn parse(octets: &[u8]) -> Result<Self, PointerError> {
        #[derive(Deserialize)]
        struct Versioned {
            format: u32,
        }
        let not_a_pointer = |error: serde_json::Error| PointerError::NotAPointer {
            start: String::from_utf8_lossy(octets).trim_start().chars().take(20).collect(),
            why: error.to_string(),
        };
        let Versioned { format } = serde_json::from_slice(octets).map_err(not_a_pointer)?;
        if format != FORMAT {
            return Err(PointerError::Version { expected: FORMAT, got: format });
        }
        let pointer: Self = serde_json::from_slice(octets).map_err(not_a_pointer)?;
        if let Some(name) =
            [&pointer.object, &pointer.signature].into_iter().find(|name| !is_plain(name))
        {
            return Err(PointerError::Name { name: name.chars().take(80).collect() });
        }
        match pointer.octets {
            0..=MAX_BUNDLE => Ok(pointer),
            octets => Err(PointerError::TooLong { octets }),
        }
    }

    /// As it is published.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self);
        json.expect("numbers and texts, under names that are texts") + "\n"
    }
}

/// Whether a name stays below the folder that it starts from, and means the same in a URL, a path
/// and an object store.
fn is_plain(name: &str) -> bool {
    let is_plain_segment = |segment: &str| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        !segment.is_empty() && !segment.starts_with('.') && segment.chars().all(is_allowed)
    };
    name.len() <= 255 && name.split('/').all(is_plain_segment)
}

/// Why something is not a pointer that can be followed.
#[derive(Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PointerError {
    /// It is something else: a portal's page, an error in HTML.
    #[error(
        "it is no pointer ({why}): it begins with {start:?}; is there a portal or a proxy between?"
    )]
    NotAPointer {
        /// Its first characters.
        start: String,
        /// What the reader says.
        why: String,
    },
    /// Written by another version.
    #[error("it is of format {got}, and this program reads {expected}: update")]
    Version {
        /// What this program reads.
        expected: u32,
        /// What it says.
        got: u32,
    },
    /// It names something outside its folder.
    #[error(
        "it names {name:?}, and a name is letters, digits, `-`, `_`, `.` and `/` below its folder"
    )]
    Name {
        /// What it names.
        name: String,
    },
    /// The bundle is too long.
    #[error("its bundle has {octets} octets, more than {MAX_BUNDLE}")]
    TooLong {
        /// What it says.
        octets: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer() -> Pointer {
        let created = "2026-11-22T00:00:00Z".into();
        Pointer::to(b"abc", Stamp { serial: 7, created, expires: None })
    }

    #[test]
    fn what_is_written_is_read() {
        let json = pointer().to_json();
        assert_eq!(Pointer::parse(json.as_bytes()), Ok(pointer()));
        let expected = r#"{
  "format": 1,
  "serial": 7,
  "created": "2026-11-22T00:00:00Z",
  "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  "octets": 3,
  "object": "objects/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.bundle",
  "signature": "objects/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.bundle.minisig"
}
"#;
        assert_eq!(json, expected);
        // A key that a later version adds.
        let more = json.replace("\"octets\"", "\"mirror\": \"x\",\n  \"octets\"");
        assert_eq!(Pointer::parse(more.as_bytes()), Ok(pointer()));
    }

    #[test]
    fn anything_else_is_refused() {
        let json = pointer().to_json();
        let cases = [
            ("".to_owned(), "it is no pointer (EOF"),
            ("<!DOCTYPE html><title>Welcome".to_owned(), "begins with \"<!DOCTYPE html><titl\""),
            ("\u{1b}[2Jowned".to_owned(), r"\u{1b}[2J"),
            ("[]".to_owned(), "it is no pointer"),
            ("{}".to_owned(), "missing field `format`"),
            (json.replace("\"format\": 1", "\"format\": 2"), "format 2, and this program reads 1"),
            (json.replace("\"octets\": 3", "\"octets\": -3"), "it is no pointer"),
            (json.replace("\"octets\": 3", "\"octets\": 9999999999"), "more than 1073741824"),
            (json.replace("ba78", "BA78"), "64 hexadecimal digits"),
            (json[..json.len() - 3].to_owned(), "it is no pointer (EOF"),
        ];
        for (text, expected) in cases {
            let error = Pointer::parse(text.as_bytes()).expect_err(&text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn names_stay_below_the_folder() {
        let names = [
            "../secret",
            "objects/../../x",
            "/etc/passwd",
            "objects//x",
            "",
            ".",
            "..",
            "a/",
            "/",
            "https://evil.example/x",
            "a\\b",
            "%2e%2e/x",
            "objects/.hidden",
            "é",
            "a b",
            "a?b",
            "a#b",
        ];
        for name in names {
            let json = Pointer { object: name.to_owned(), ..pointer() }.to_json();
            let error = Pointer::parse(json.as_bytes()).expect_err(name);
            assert!(matches!(error, PointerError::Name { .. }), "{name}: {error}");
            let json = Pointer { signature: name.to_owned(), ..pointer() }.to_json();
            assert!(Pointer::parse(json.as_bytes()).is_err(), "{name}");
        }
        let long = Pointer { object: "a".repeat(256), ..pointer() }.to_json();
        assert!(Pointer::parse(long.as_bytes()).is_err());
    }
}
