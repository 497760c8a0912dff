//! Where bundles are published to: a folder, a web server, or a store of objects.

use std::{
    fs::{self, File, TryLockError},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use object_store::{
    Attribute, ClientConfigKey, ClientOptions, ObjectStore, ObjectStoreExt as _, ObjectStoreScheme,
    PutMode, PutOptions, RetryConfig, UpdateVersion,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    http::HttpBuilder,
    local::LocalFileSystem,
    path::Path,
};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use url::{Position, Url};

use super::{BUNDLE, OBJECTS, PublishError, SIGNATURE};
use crate::{digest::Sha256Digest, http};

/// `Cache-Control` of what never changes under its name.
pub(super) const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// `Cache-Control` of what does.
pub(super) const ALWAYS_ASK: &str = "no-cache";
/// How long one transfer may take: bundles are large, and uplinks of schools are not.
const TRANSFER: &str = "1h";
const CONNECT: &str = "15s";
/// Storage that says "later" is asked again, but not for ever.
const RETRIES: usize = 3;
const RETRYING: Duration = Duration::from_secs(60);

/// Held by whoever publishes to a folder of this machine.
const LOCK: &str = ".publish.lock";

/// A folder to publish to.
#[derive(Debug)]
pub struct Destination {
    store: Arc<dyn ObjectStore>,
    folder: Path,
    /// As it was given, for messages.
    shown: String,
    /// Whether files can be told how long they may be cached.
    has_attributes: bool,
    /// The folder, if it is one of this machine, which nobody else publishes to meanwhile.
    local: Option<(PathBuf, File)>,
}

/// A file as it was read, which a [replacement](Destination::replace) must still find.
#[derive(Debug)]
struct Version {
    octets: Vec<u8>,
    update: UpdateVersion,
}

/// A bundle or a signature that is there.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) name: String,
    /// Of the bundle.
    pub(super) digest: Sha256Digest,
    /// When it was written, in milliseconds since 1970.
    pub(super) written: i64,
}

impl Object {
    pub(super) fn is_bundle(&self) -> bool {
        self.name.ends_with(BUNDLE)
    }
}

impl Destination {
    /// A folder of this machine (a path, or `file:`), of a web server that takes PUT (`https:`,
    /// `http:`), or of object storage: `s3://bucket/folder`, `gs://bucket/folder`,
    /// `az://container/folder`. Credentials, region and endpoint are those of the environment, as
    /// `object_store` reads it (`AWS_…`, `GOOGLE_…`, `AZURE_…`), and for a web server the user and
    /// password of the URL. `endpoint` is the URL of an S3-compatible store that is not Amazon's.
    ///
    /// # Errors
    /// [`PublishError::Destination`], [`PublishError::Busy`].
    pub fn open(to: &str, endpoint: Option<&str>) -> Result<Self, PublishError> {
        let failed = |why: String| PublishError::Destination { to: to.to_owned(), why };
        let url = match to.contains("://") {
            true => Url::parse(to).map_err(|error| failed(error.to_string()))?,
            false => return Self::folder(to, std::path::Path::new(to)),
        };
        if url.scheme() == "file" {
            let path = url.to_file_path().map_err(|()| failed("no path of this machine".into()))?;
            return Self::folder(to, &path);
        }
        http::use_ring();
        let (scheme, folder) =
            ObjectStoreScheme::parse(&url).map_err(|error| failed(error.to_string()))?;
        let store = remote(&scheme, &url, endpoint).map_err(|error| failed(error.to_string()))?;
        let store = store.ok_or_else(|| failed("its scheme is not supported".to_owned()))?;
        let has_attributes = scheme != ObjectStoreScheme::Http;
        Ok(Self { store, folder, shown: shown(&url), has_attributes, local: None })
    }

    fn folder(to: &str, path: &std::path::Path) -> Result<Self, PublishError> {
        let failed = |why: String| PublishError::Destination { to: to.to_owned(), why };
        fs::create_dir_all(path).map_err(|error| failed(error.to_string()))?;
        let lock = File::options().write(true).create(true).truncate(false).open(path.join(LOCK));
        let lock = lock.map_err(|error| failed(error.to_string()))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => PublishError::Busy { to: to.to_owned() },
            TryLockError::Error(error) => failed(error.to_string()),
        })?;
        let store = LocalFileSystem::new_with_prefix(path)
            .map_err(|error| failed(error.to_string()))?
            .with_fsync(true);
        let shown = path.display().to_string();
        Ok(Self {
            store: Arc::new(store),
            folder: Path::default(),
            shown: shown.trim_end_matches('/').to_owned(),
            has_attributes: false,
            local: Some((path.to_owned(), lock)),
        })
    }

    /// What a name in it is called in messages.
    pub(super) fn shown(&self, name: &str) -> String {
        format!("{}/{name}", self.shown)
    }

    /// Writes a file, at once or not at all, and reads it back.
    pub(super) async fn put(
        &self,
        name: &str,
        octets: &[u8],
        cache_control: &'static str,
    ) -> Result<(), PublishError> {
        self.write(name, octets, cache_control, PutMode::Overwrite).await?;
        self.read_back(name, octets).await
    }

    /// Writes a file in the place of one that was read, or where there was none: whoever wrote it
    /// meanwhile stays. `false` if somebody did.
    ///
    /// Web servers, and stores that are told not to, do not look again as they write; then there is
    /// a moment in which two may write.
    pub(super) async fn replace(
        &self,
        name: &str,
        old: Option<&[u8]>,
        octets: &[u8],
        cache_control: &'static str,
    ) -> Result<bool, PublishError> {
        use object_store::Error;

        let there = self.version(name, u64::MAX).await?;
        if there.as_ref().map(|version| version.octets.as_slice()) != old {
            return Ok(false);
        }
        let mode = match there {
            _ if self.is_locked() => PutMode::Overwrite,
            Some(version) => PutMode::Update(version.update),
            None => PutMode::Create,
        };
        match self.write(name, octets, cache_control, mode).await {
            Err(PublishError::Storage { error, .. })
                if matches!(*error, Error::NotImplemented { .. }) =>
            {
                self.write(name, octets, cache_control, PutMode::Overwrite).await?;
            }
            Err(PublishError::Storage { error, .. })
                if matches!(*error, Error::Precondition { .. } | Error::AlreadyExists { .. }) =>
            {
                // It may have been this one, whose answer was lost.
                let there = self.get(name, octets.len() as u64).await?;
                return Ok(there.as_deref() == Some(octets));
            }
            written => written?,
        }
        self.read_back(name, octets).await.map(|()| true)
    }

    async fn write(
        &self,
        name: &str,
        octets: &[u8],
        cache_control: &'static str,
        mode: PutMode,
    ) -> Result<(), PublishError> {
        let mut options = PutOptions::from(mode);
        if self.has_attributes {
            options.attributes.insert(Attribute::CacheControl, cache_control.into());
        }
        let path = self.path(name)?;
        let failed = |error| self.failed(name, error);
        self.store.put_opts(&path, octets.to_vec().into(), options).await.map_err(failed)?;
        Ok(())
    }

    async fn read_back(&self, name: &str, octets: &[u8]) -> Result<(), PublishError> {
        match self.get(name, octets.len() as u64).await? {
            Some(there) if there == octets => Ok(()),
            _ => Err(PublishError::ReadBack { name: self.shown(name) }),
        }
    }

    /// Reads a file of at most so many octets; a longer one is as good as none. `None` where there
    /// is none.
    pub(super) async fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, PublishError> {
        Ok(self.version(name, most).await?.map(|version| version.octets))
    }

    async fn version(&self, name: &str, most: u64) -> Result<Option<Version>, PublishError> {
        let got = match self.store.get(&self.path(name)?).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            got => got.map_err(|error| self.failed(name, error))?,
        };
        if got.meta.size > most {
            return Ok(None);
        }
        let update =
            UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let octets = got.bytes().await.map_err(|error| self.failed(name, error))?;
        Ok(Some(Version { octets: octets.to_vec(), update }))
    }

    /// Removes a file, if it is there.
    pub(super) async fn delete(&self, name: &str) -> Result<(), PublishError> {
        match self.store.delete(&self.path(name)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(name, error)),
        }
    }

    /// The bundles and signatures that are there.
    pub(super) async fn files(&self) -> Result<Vec<Object>, PublishError> {
        let folder = self.path(OBJECTS)?;
        let listed = self.store.list_with_delimiter(Some(&folder)).await;
        let listed = listed.map_err(|error| self.failed(OBJECTS, error))?;
        let object = |meta: object_store::ObjectMeta| {
            let name = meta.location.filename()?;
            let digest = name.strip_suffix(SIGNATURE).unwrap_or(name).strip_suffix(BUNDLE)?;
            let (digest, name) = (digest.parse().ok()?, format!("{OBJECTS}/{name}"));
            Some(Object { name, digest, written: meta.last_modified.timestamp_millis() })
        };
        Ok(listed.objects.into_iter().filter_map(object).collect())
    }

    /// Whether nobody else can publish meanwhile.
    pub(super) fn is_locked(&self) -> bool {
        self.local.is_some()
    }

    /// Removes what a publisher that was killed has left half written in a folder of this machine:
    /// `object_store` writes to `NAME#1`, and does not list that.
    pub(super) fn remove_leftovers(&self) {
        let Some((folder, _lock)) = &self.local else { return };
        for folder in [folder.clone(), folder.join(OBJECTS)] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let number = name.to_str().and_then(|name| name.rsplit_once('#'));
                if number.is_some_and(|(_, number)| number.bytes().all(|b| b.is_ascii_digit())) {
                    let _ = fs::remove_file(entry.path()); // next time, then
                }
            }
        }
    }

    fn path(&self, name: &str) -> Result<Path, PublishError> {
        let named = |error| PublishError::Name { name: self.shown(name), error };
        Ok(self.folder.parts().chain(Path::parse(name).map_err(named)?.parts()).collect())
    }

    fn failed(&self, name: &str, error: object_store::Error) -> PublishError {
        PublishError::Storage { name: self.shown(name), error: Box::new(error) }
    }
}

/// A store that is not of this machine; `None` for a scheme that none is for.
fn remote(
    scheme: &ObjectStoreScheme,
    url: &Url,
    endpoint: Option<&str>,
) -> Result<Option<Arc<dyn ObjectStore>>, object_store::Error> {
    let retry =
        RetryConfig { max_retries: RETRIES, retry_timeout: RETRYING, ..RetryConfig::default() };
    let (timeout, connect) = (ClientConfigKey::Timeout, ClientConfigKey::ConnectTimeout);
    Ok(Some(match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let mut builder = AmazonS3Builder::from_env()
                .with_url(url.as_str())
                .with_retry(retry)
                .with_config(AmazonS3ConfigKey::Client(timeout), TRANSFER)
                .with_config(AmazonS3ConfigKey::Client(connect), CONNECT);
            if let Some(endpoint) = endpoint {
                builder =
                    builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http:"));
            }
            Arc::new(builder.build()?)
        }
        ObjectStoreScheme::GoogleCloudStorage => Arc::new(
            GoogleCloudStorageBuilder::from_env()
                .with_url(url.as_str())
                .with_retry(retry)
                .with_config(GoogleConfigKey::Client(timeout), TRANSFER)
                .with_config(GoogleConfigKey::Client(connect), CONNECT)
                .build()?,
        ),
        ObjectStoreScheme::MicrosoftAzure => Arc::new(
            MicrosoftAzureBuilder::from_env()
                .with_url(url.as_str())
                .with_retry(retry)
                .with_config(AzureConfigKey::Client(timeout), TRANSFER)
                .with_config(AzureConfigKey::Client(connect), CONNECT)
                .build()?,
        ),
        ObjectStoreScheme::Http => {
            let options =
                ClientOptions::new().with_allow_http(true).with_default_headers(authorization(url));
            Arc::new(
                HttpBuilder::new()
                    .with_url(origin(url))
                    .with_client_options(options)
                    .with_retry(retry)
                    .with_config(timeout, TRANSFER)
                    .with_config(connect, CONNECT)
                    .build()?,
            )
        }
        _ => return Ok(None),
    }))
}

/// Scheme, host and port, without a user.
fn origin(url: &Url) -> String {
    format!("{}://{}", url.scheme(), &url[Position::BeforeHost..Position::BeforePath])
}

/// What a URL's user and password make (RFC 7617).
fn authorization(url: &Url) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !url.username().is_empty() {
        // reqwest knows how to write it.
        let request = reqwest::Client::new().get(url.clone()).build();
        let header = request.ok().and_then(|request| request.headers().get(AUTHORIZATION).cloned());
        headers.extend(header.map(|header| (AUTHORIZATION, header)));
    }
    headers
}

/// A URL as messages show it: without its user and password.
fn shown(url: &Url) -> String {
    let path = url.path().trim_end_matches('/');
    format!("{}{path}", origin(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_sent_and_never_shown() {
        let url: Url = "https://me:s%20cret@lists.example:8443/a/".parse().unwrap();
        http::use_ring();
        assert_eq!(authorization(&url)[AUTHORIZATION], "Basic bWU6cyBjcmV0");
        assert_eq!(origin(&url), "https://lists.example:8443");
        assert_eq!(shown(&url), "https://lists.example:8443/a");
        let open: Url = "s3://bucket/a/b/".parse().unwrap();
        assert!(authorization(&open).is_empty());
        assert_eq!(shown(&open), "s3://bucket/a/b");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for (to, expected) in [
            ("ftp://lists.example/a", "Unable to recognise URL"),
            ("https://", "empty host"),
            ("memory:///a", "not supported"),
            ("memory://localhost/a", "Unable to recognise URL"),
            ("file://elsewhere.example/a", "no path of this machine"),
            ("/dev/null/a", "Not a directory"),
        ] {
            let error = Destination::open(to, None).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
    }
}
