//! What became of each source.

use std::fmt;

use serde::Serialize;

use crate::{
    digest::Sha256Digest,
    report::grouped,
    source::{ListSource, Place},
};

/// What became of every source, in their order. `Display` is for people, `Serialize` for machines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FetchReport {
    /// The sources.
    pub sources: Vec<SourceFetch>,
}

/// What became of one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceFetch {
    /// Its name.
    pub name: String,
    /// Where it is, if it has a URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where its content came from, after redirects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_url: Option<String>,
    /// How it went.
    pub status: Status,
    /// Seconds since its server last said that the content used is current.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
    /// Octets of the content used, of the whole archive where several sources share one.
    pub octets: u64,
    /// Octets sent now; 0 where nothing new came. Sources with one URL share them.
    pub transferred: u64,
    /// How long its download took, which sources with one URL share; waiting for its turn included.
    pub seconds: f64,
    /// SHA-256 of the content used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// Why the latest content is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How it went with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// It has a path: nothing was fetched.
    Local,
    /// A new content came.
    Fresh,
    /// Its server has what the cache has.
    Unchanged,
    /// This is not the hour to fetch it: what the cache has is used, of yesterday at the oldest.
    Outside,
    /// It did not come, or is no longer a list: the last good copy is used.
    Cached,
    /// There is nothing that can be used.
    Failed,
}

impl Status {
    /// True where the server was asked and what it has is used.
    pub fn is_current(self) -> bool {
        matches!(self, Self::Fresh | Self::Unchanged)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Local => "local",
            Self::Fresh => "fresh",
            Self::Unchanged => "unchanged",
            Self::Outside => "outside",
            Self::Cached => "cached",
            Self::Failed => "failed",
        })
    }
}

impl SourceFetch {
    pub(super) fn new(source: &ListSource, status: Status) -> Self {
        Self {
            name: source.definition.name.clone(),
            url: match &source.place {
                Place::Url(remote) => Some(remote.url.to_string()),
                Place::Path(_) => None,
            },
            final_url: None,
            status,
            age_seconds: None,
            octets: 0,
            transferred: 0,
            seconds: 0.0,
            sha256: None,
            error: None,
        }
    }

    /// One that has a path.
    pub(super) fn local(source: &ListSource) -> Self {
        Self::new(source, Status::Local)
    }
}

impl FetchReport {
    /// Sources of one status.
    pub fn with(&self, status: Status) -> impl Iterator<Item = &SourceFetch> {
        self.sources.iter().filter(move |source| source.status == status)
    }
}

impl fmt::Display for FetchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.sources.iter().map(|source| source.name.len()).max().unwrap_or(0).max(6);
        let (octets, sent) = ("octets", "sent");
        writeln!(f, "{:width$}  {:9}  {:>6} {octets:>12} {sent:>12}", "source", "status", "age")?;
        for source in &self.sources {
            let SourceFetch { name, status, age_seconds, octets, transferred, error, .. } = source;
            write!(f, "{name:width$}  {status:9}")?;
            if *status != Status::Local {
                let age = age_seconds.map(age).unwrap_or_default();
                let (octets, transferred) = (grouped(*octets), grouped(*transferred));
                write!(f, "  {age:>6} {octets:>12} {transferred:>12}")?;
            }
            writeln!(f)?;
            if let Some(error) = error {
                writeln!(f, "  {error}")?;
            }
        }
        Ok(())
    }
}

/// The largest unit of which there is at least one: `3 d`.
fn age(seconds: u64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "min")];
    match units.iter().find(|(length, _)| seconds >= *length) {
        Some((length, unit)) => format!("{} {unit}", seconds / length),
        None => "now".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let cases = [
            (0, "now"),
            (59, "now"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (86_399, "23 h"),
            (86_400 * 3 + 5, "3 d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(age(seconds), text);
        }
    }
}
