//! Fetching a published bundle: the pointer, then what it names, and nothing that is not signed.
//!
//! What the other side sends is bounded in size and in time. Plain HTTP is accepted: the bundle's
//! signature is what protects it, and an old one is told by its serial.

use std::{io, path::Path, time::Duration};

use reqwest::{
    Client, Response, StatusCode,
    header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH},
    redirect,
};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::{fs::File, io::AsyncWriteExt as _};
pub use url::Url;

use crate::{
    digest::Sha256Digest,
    http,
    pointer::{MAX_POINTER, POINTER_NAME, Pointer, PointerError},
    signature::{MAX_SIGNATURE, PublicKeys, SignatureError},
};

/// How long the other side may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long it may be silent.
const SILENCE: Duration = Duration::from_secs(20);
/// How long a pointer or a signature may take as a whole, and a bundle beyond its share.
const PATIENCE: Duration = Duration::from_secs(30);
/// Octets a second that a bundle must come at, over the whole.
const LEAST_RATE: u64 = 16 * 1024;
/// Redirections followed, one after another.
const REDIRECTS: usize = 5;

/// Where bundles are published: the folder of a [pointer](crate::pointer), on a web server.
#[derive(Clone, Debug)]
pub struct Origin {
    folder: Url,
    client: Client,
}

/// What the pointer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Nothing has changed since the entity tag that was given.
    Unchanged,
    /// The pointer as it is now, and its entity tag (RFC 9110 §8.8.3).
    Pointer(Pointer, Option<String>),
}

impl Origin {
    /// The folder at a URL; see [`check_url`].
    ///
    /// # Errors
    /// [`PullError::Client`]: the system has no usable certificates.
    pub fn new(folder: Url) -> Result<Self, PullError> {
        http::use_ring();
        let redirects = redirect::Policy::custom(|attempt| {
            let from = attempt.previous().last().map(Url::scheme);
            if attempt.previous().len() > REDIRECTS {
                attempt.error("too many redirections")
            } else if from == Some("https") && attempt.url().scheme() != "https" {
                attempt.error("redirected from https to http")
            } else {
                attempt.follow()
            }
        });
        let client = Client::builder()
            .user_agent(concat!("preau/", env!("CARGO_PKG_VERSION")))
            .redirect(redirects)
            .referer(false)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            // Digest and length are of the bundle as it is.
            .no_gzip()
            .no_zstd()
            // One request an hour: nothing to keep open.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(PullError::Client)?;
        Ok(Self { folder, client })
    }

    /// Asks for the pointer, unless it still has this entity tag.
    ///
    /// # Errors
    /// [`PullError`].
    pub async fn poll(&self, etag: Option<&str>) -> Result<Polled, PullError> {
        let mut request = self
            .client
            .get(self.url(POINTER_NAME))
            .timeout(PATIENCE)
            .header(CACHE_CONTROL, "no-cache"); // proxies of schools like to keep things
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = request.send().await.map_err(|error| self.failed(POINTER_NAME, &error))?;
        if response.status() == StatusCode::NOT_MODIFIED && etag.is_some() {
            return Ok(Polled::Unchanged);
        }
        let etag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
        let etag = etag.map(str::to_owned);
        let octets = self.read(POINTER_NAME, response, MAX_POINTER).await?;
        let pointer = Pointer::parse(&octets)
            .map_err(|error| PullError::Pointer { url: self.shown(POINTER_NAME), error })?;
        Ok(Polled::Pointer(pointer, etag))
    }

    /// Fetches the bundle of a pointer into a file, down to the disk, and returns its signature,
    /// which has been verified. On any error there is no such file.
    ///
    /// # Errors
    /// [`PullError`].
    pub async fn fetch(
        &self,
        pointer: &Pointer,
        keys: &PublicKeys,
        into: &Path,
    ) -> Result<String, PullError> {
        let outcome = self.fetch_and_verify(pointer, keys, into).await;
        if outcome.is_err() {
            // The first error is the one that tells.
            let _ = tokio::fs::remove_file(into).await;
        }
        outcome
    }

    async fn fetch_and_verify(
        &self,
        pointer: &Pointer,
        keys: &PublicKeys,
        into: &Path,
    ) -> Result<String, PullError> {
        let name = &pointer.object;
        let unverified = |error| PullError::Signature { url: self.shown(name), error };
        let signature = self.signature(pointer).await?;
        // Before a bundle is fetched in vain.
        keys.check_signer(&signature).map_err(unverified)?;
        self.bundle(pointer, into).await?;
        let (keys, path, text) = (keys.clone(), into.to_owned(), signature.clone());
        let verifying = tokio::task::spawn_blocking(move || {
            let file = std::fs::File::open(path).map_err(SignatureError::Read)?;
            keys.verify(file, &text)
        });
        let verified =
            verifying.await.map_err(|panic| PullError::Write(io::Error::other(panic)))?;
        verified.map_err(unverified)?;
        Ok(signature)
    }

    async fn signature(&self, pointer: &Pointer) -> Result<String, PullError> {
        let name = &pointer.signature;
        let request = self.client.get(self.url(name)).timeout(PATIENCE);
        let response = request.send().await.map_err(|error| self.failed(name, &error))?;
        let octets = self.read(name, response, MAX_SIGNATURE).await?;
        let malformed = |_| SignatureError::Malformed;
        String::from_utf8(octets)
            .map_err(malformed)
            .map_err(|error| PullError::Signature { url: self.shown(&pointer.object), error })
    }

    /// Fetches the octets that the pointer describes.
    async fn bundle(&self, pointer: &Pointer, into: &Path) -> Result<(), PullError> {
        let (name, expected) = (&pointer.object, pointer.octets);
        let patience = PATIENCE + Duration::from_secs(expected / LEAST_RATE);
        let request = self.client.get(self.url(name)).timeout(patience);
        let response = request.send().await.map_err(|error| self.failed(name, &error))?;
        let mut response = self.succeeded(name, response)?;
        let wrong_length = |got| PullError::Length { url: self.shown(name), expected, got };
        if let Some(got) = response.content_length().filter(|length| *length != expected) {
            return Err(wrong_length(got));
        }
        let mut file = File::create(into).await.map_err(PullError::Write)?;
        let mut hash = Sha256::new();
        let mut got = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(name, &error))? {
            got += chunk.len() as u64;
            if got > expected {
                return Err(wrong_length(got));
            }
            hash.update(&chunk);
            file.write_all(&chunk).await.map_err(PullError::Write)?;
        }
        file.sync_all().await.map_err(PullError::Write)?;
        if got != expected {
            return Err(wrong_length(got));
        }
        match Sha256Digest::finish(hash) {
            got if got == pointer.sha256 => Ok(()),
            got => Err(PullError::Digest { url: self.shown(name), expected: pointer.sha256, got }),
        }
    }

    /// Reads a short answer whole.
    async fn read(&self, name: &str, response: Response, most: u64) -> Result<Vec<u8>, PullError> {
        let mut response = self.succeeded(name, response)?;
        let mut octets = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(name, &error))? {
            octets.extend_from_slice(&chunk);
            if octets.len() as u64 > most {
                return Err(PullError::TooLong { url: self.shown(name), most });
            }
        }
        Ok(octets)
    }

    fn succeeded(&self, name: &str, response: Response) -> Result<Response, PullError> {
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(PullError::Status { url: self.shown(name), status: status.as_u16() }),
        }
    }

    /// The URL of a name below the folder.
    fn url(&self, name: &str) -> Url {
        let mut url = self.folder.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(name.split('/'));
        }
        url
    }

    fn shown(&self, name: &str) -> String {
        self.url(name).into()
    }

    fn failed(&self, name: &str, error: &reqwest::Error) -> PullError {
        let url = self.shown(name);
        match error.is_timeout() {
            true => PullError::Timeout { url },
            false => PullError::Connection { url, why: http::innermost(error) },
        }
    }
}

/// Checks the URL of a folder that bundles are pulled from.
///
/// ```
/// # use lists::pull::check_url;
/// assert!(check_url("https://lists.example.fr/preau").is_ok());
/// assert!(check_url("ftp://lists.example.fr/preau").is_err());
/// ```
///
/// # Errors
/// [`UrlError`].
pub fn check_url(text: &str) -> Result<Url, UrlError> {
    let url = Url::parse(text).map_err(UrlError::NotAUrl)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(UrlError::Scheme { scheme: url.scheme().to_owned() });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::Query);
    }
    Ok(url)
}

/// Why bundles cannot be pulled from a URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not one.
    #[error("not a URL ({0})")]
    NotAUrl(url::ParseError),
    /// Its scheme is another.
    #[error("{scheme} is not supported, only https and http")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// It carries a name or a password, which would end in logs.
    #[error("a URL must not hold a user name or a password")]
    Credentials,
    /// It is not that of a folder.
    #[error("it must be the URL of a folder, without ? or #")]
    Query,
}

/// Why nothing new was fetched. What was there before is as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PullError {
    /// No client can be made.
    #[error(
        "cannot make a HTTPS client: {0}; are the system's certificates (ca-certificates) there?"
    )]
    Client(reqwest::Error),
    /// No answer came, or not all of it.
    #[error("{url}: {why}")]
    Connection {
        /// What was asked for.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// It took too long.
    #[error("{url}: no answer, or not all of it, in time")]
    Timeout {
        /// What was asked for.
        url: String,
    },
    /// The server says no.
    #[error("{url}: the server answered with status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// RFC 9110 §15.
        status: u16,
    },
    /// A short file is long.
    #[error("{url}: more than {most} octets")]
    TooLong {
        /// What was asked for.
        url: String,
        /// Octets that are read.
        most: u64,
    },
    /// The pointer cannot be followed.
    #[error("{url}: {error}")]
    Pointer {
        /// The pointer.
        url: String,
        /// Why not.
        error: PointerError,
    },
    /// The bundle is shorter or longer than the pointer says.
    #[error("{url}: {got} octets, and the pointer says {expected}")]
    Length {
        /// The bundle.
        url: String,
        /// What the pointer says.
        expected: u64,
        /// What came, or was about to.
        got: u64,
    },
    /// The bundle is not the one that the pointer names.
    #[error("{url}: its SHA-256 is {got}, and the pointer says {expected}")]
    Digest {
        /// The bundle.
        url: String,
        /// What the pointer says.
        expected: Sha256Digest,
        /// What came.
        got: Sha256Digest,
    },
    /// The bundle is not its publisher's.
    #[error("{url}: {error}")]
    Signature {
        /// The bundle.
        url: String,
        /// Why not.
        error: SignatureError,
    },
    /// The bundle cannot be kept.
    #[error("cannot write the bundle: {0}")]
    Write(io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let cases = [
            ("https://lists.example/preau", Ok(())),
            ("http://10.0.0.1:8080", Ok(())),
            ("lists.example", Err("not a URL (relative URL without a base)")),
            ("file:///srv/lists", Err("file is not supported, only https and http")),
            ("https://me:secret@lists.example/", Err("must not hold a user name")),
            ("https://lists.example/?a=b", Err("the URL of a folder")),
            ("https://lists.example/#a", Err("the URL of a folder")),
        ];
        for (text, expected) in cases {
            match (check_url(text), expected) {
                (Ok(_), Ok(())) => {}
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{text}: {error}");
                    assert!(!error.to_string().contains("secret"));
                }
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn names_are_below_the_folder() {
        for folder in ["https://lists.example/preau", "https://lists.example/preau/"] {
            let origin = Origin::new(folder.parse().unwrap()).unwrap();
            assert_eq!(
                origin.url("objects/a.bundle").as_str(),
                "https://lists.example/preau/objects/a.bundle"
            );
        }
        let origin = Origin::new("http://lists.example".parse().unwrap()).unwrap();
        assert_eq!(origin.url(POINTER_NAME).as_str(), "http://lists.example/current.json");
    }
}
