//! What the cache holds of a list, without asking its server.

use std::fs;

use super::cache::Cache;
use crate::{
    archive::{self, Content},
    source::{ListSource, Place},
};

impl Cache {
    /// A source that is elsewhere, at the copy of it that an update last used; none where there is
    /// no copy, or it cannot be read. A source that is at a path stays there.
    pub fn local(&self, source: &ListSource) -> Option<ListSource> {
        let Place::Url(remote) = &source.place else { return Some(source.clone()) };
        let good = self.good(remote.url.as_str(), source.member.as_deref())?;
        let file = self.content(good.copy.sha256);
        let mut path = match archive::content(&file).ok()? {
            Content::Archive => {
                let limits =
                    archive::Limits { octets: remote.max_octets, ..archive::Limits::default() };
                self.unpacked(good.copy.sha256, &limits).ok()?
            }
            _ => file,
        };
        if let Some(member) = &source.member {
            path.push(member);
        }
        fs::metadata(&path).ok()?;
        Some(ListSource { place: Place::Path(path), member: None, ..source.clone() })
    }
}
