//! What a cache folder holds of lists, read without asking their servers, and without changing it.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::cache::{Good, Page};
use crate::{
    digest::Sha256Digest,
    source::{ListSource, Place},
};

/// The copies of a cache folder, only to be read: an update may use the folder meanwhile.
#[derive(Clone, Debug)]
pub struct Copies {
    folder: PathBuf,
}

impl Copies {
    /// Those of this folder, which need not be there.
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    /// A source that is elsewhere, at its last good copy: the one in the bundle that was last made
    /// with it. None where there is no copy. A source that is at a path stays there.
    pub fn local(&self, source: &ListSource) -> Option<ListSource> {
        let Place::Url(remote) = &source.place else { return Some(source.clone()) };
        let good = self.good(remote.url.as_str(), source.member.as_deref())?;
        // An archive is read like one at a path.
        let path = self.content(good.copy.sha256);
        path.exists().then(|| ListSource { place: Place::Path(path), ..source.clone() })
    }

    /// The cache folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the server of `url` last sent, if it was ever accepted and is still there.
    pub(super) fn page(&self, url: &str) -> Option<Page> {
        let page: Page = read(&self.page_path(url))?;
        (page.url == url).then_some(page)
    }

    /// The last good copy of the list at `url` and `member`.
    pub(super) fn good(&self, url: &str, member: Option<&Path>) -> Option<Good> {
        let good: Good = read(&self.good_path(url, member))?;
        (good.url == url && good.member.as_deref() == member).then_some(good)
    }

    /// The file of a content.
    pub(super) fn content(&self, sha256: Sha256Digest) -> PathBuf {
        self.folder.join("content").join(sha256.to_string())
    }

    /// The folder of an archive's files, if it was unpacked.
    pub(super) fn unpacked(&self, sha256: Sha256Digest) -> PathBuf {
        self.folder.join("unpacked").join(sha256.to_string())
    }

    pub(super) fn page_path(&self, url: &str) -> PathBuf {
        self.record_path("pages", url)
    }

    pub(super) fn good_path(&self, url: &str, member: Option<&Path>) -> PathBuf {
        let member = member.unwrap_or(Path::new("")).to_string_lossy();
        self.record_path("good", &format!("{url}\n{member}"))
    }

    pub(super) fn record_path(&self, part: &str, key: &str) -> PathBuf {
        self.folder.join(part).join(format!("{}.json", Sha256Digest::of(key.as_bytes())))
    }
}

/// A record; none where it is missing or damaged: it is made anew then.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
