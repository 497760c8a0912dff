//! The audit log: a line of JSON for each change of policy, each holding the digest of the line
//! before it. About those who administer, never about those who ask.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use lists::digest::Sha256Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::control::peer::Author;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    #[serde(flatten)]
    pub(crate) event: Event,
    /// Who asked for it over the control socket, or with which code; absent: the server itself, or a
    /// signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<Author>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// The server started with this configuration and these lists.
    Start { version: String, configuration: Option<Sha256Digest>, serial: u64 },
    /// The server stopped.
    Stop,
    /// Configuration and lists were read again.
    Reload { configuration: Option<Sha256Digest>, serial: u64 },
    /// The publisher of lists gave new ones.
    Lists { serial: u64 },
    /// A name is let through for a while.
    Allow {
        name: String,
        group: String,
        until: Timestamp,
        /// What refused it, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lifts: Option<String>,
    },
    /// A name is no longer let through, before its time.
    End { name: String, group: String },
    /// Answers were forgotten; without a name, all.
    Flush { name: Option<String> },
    /// Reports about a name are settled: so many.
    Settled { name: String, reports: u64 },
    /// Records were dropped when their time was over; `last` is the digest of the last of them.
    Dropped { records: u64, last: Sha256Digest },
    /// A record that was never finished was removed: the power failed, or the disk.
    Unfinished { octets: u64 },
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configuration = |digest: &Option<Sha256Digest>| match digest {
            Some(digest) => format!("configuration {digest}"),
            None => "no configuration".to_owned(),
        };
        match &self.event {
            Event::Start { version, configuration: digest, serial } => {
                write!(f, "start of {version}, {}, lists {serial}", configuration(digest))?;
            }
            Event::Stop => f.write_str("stop")?,
            Event::Reload { configuration: digest, serial } => {
                write!(f, "reload, {}, lists {serial}", configuration(digest))?;
            }
            Event::Lists { serial } => write!(f, "lists {serial}")?,
            Event::Allow { name, group, until, lifts } => {
                write!(f, "allow {name} for {group} until {until}")?;
                if let Some(lifts) = lifts {
                    write!(f, ", which {lifts} refused")?;
                }
            }
            Event::End { name, group } => write!(f, "end of {name} for {group}")?,
            Event::Flush { name: Some(name) } => write!(f, "flush of {name}")?,
            Event::Flush { name: None } => f.write_str("flush")?,
            Event::Settled { name, reports } => write!(f, "{reports} reports of {name} settled")?,
            Event::Dropped { records, .. } => write!(f, "{records} old records dropped")?,
            Event::Unfinished { octets } => write!(f, "{octets} octets of a record removed")?,
        }
        if let Some(by) = &self.by {
            write!(f, ", by {by}")?;
        }
        match &self.why {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

/// A record as it is written.
#[derive(Serialize, Deserialize)]
struct Line {
    previous: Sha256Digest,
    #[serde(flatten)]
    entry: Entry,
}

/// The log of a running server, which alone writes to it.
#[derive(Debug)]
pub(crate) struct AuditLog {
    path: PathBuf,
    file: File,
    length: u64,
    head: Sha256Digest,
    keep: Duration,
}

/// What stands in place of a digest before the first record.
fn before_all() -> Sha256Digest {
    "0".repeat(64).parse().expect("64 digits are a digest")
}

impl AuditLog {
    /// Opens a log, and makes one where there is none. A chain that is broken is told, and goes on.
    pub(super) fn open(path: &Path, keep: Duration, now: Timestamp) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = super::private(options.read(true).append(true).create(true)).open(path)?;
        // A device or a pipe may never end.
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut octets = Vec::new();
        file.read_to_end(&mut octets)?;
        let whole = octets.iter().rposition(|&octet| octet == b'\n').map_or(0, |at| at + 1);
        let unfinished = (octets.len() - whole) as u64;
        file.set_len(whole as u64)?;
        octets.truncate(whole);
        let head = lines(&octets).last().map_or_else(before_all, Sha256Digest::of);
        let length = whole as u64;
        let mut log = Self { path: path.to_owned(), file, length, head, keep };
        if let Err(broken) = verify(&octets) {
            tracing::error!("THE AUDIT LOG {} WAS CHANGED: {broken}", path.display());
        }
        if unfinished > 0 {
            let event = Event::Unfinished { octets: unfinished };
            log.append(&Entry { at: now, event, by: None, why: None })?;
        }
        log.drop_old(now)?;
        Ok(log)
    }

    /// The digest of the last record.
    pub(super) fn head(&self) -> Sha256Digest {
        self.head
    }

    /// Adds a record, down to the disk, or leaves the log as it was.
    pub(super) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let line = written(self.head, entry)?;
        let appended = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(error) = appended {
            // Half a record is none; what cannot be cut now is cut when the log is opened.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += line.len() as u64;
        self.head = Sha256Digest::of(&line[..line.len() - 1]);
        Ok(())
    }

    /// Keeps records for so long from now on.
    pub(super) fn keep_for(&mut self, time: Duration) {
        self.keep = time;
    }

    /// Drops the records from before the time that they are kept for, and notes it.
    pub(super) fn drop_old(&mut self, now: Timestamp) -> io::Result<()> {
        let Ok(oldest) = now.checked_sub(self.keep) else { return Ok(()) };
        let mut octets = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut octets)?;
        let is_old = |line: &&[u8]| {
            serde_json::from_slice::<Line>(line).is_ok_and(|line| line.entry.at < oldest)
        };
        let old: Vec<_> = lines(&octets).take_while(is_old).collect();
        let Some(last) = old.last() else { return Ok(()) };
        let event = Event::Dropped { records: old.len() as u64, last: Sha256Digest::of(last) };
        let note = written(self.head, &Entry { at: now, event, by: None, why: None })?;
        let dropped: usize = old.iter().map(|line| line.len() + 1).sum();
        let mut kept = octets[dropped..].to_vec();
        kept.extend(&note);
        super::replace(&self.path, &kept)?;
        self.file = OpenOptions::new().read(true).append(true).open(&self.path)?;
        self.length = kept.len() as u64;
        self.head = Sha256Digest::of(&note[..note.len() - 1]);
        Ok(())
    }
}

/// A record's line, with its end.
fn written(previous: Sha256Digest, entry: &Entry) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Line { previous, entry: entry.clone() })?;
    line.push(b'\n');
    Ok(line)
}

fn lines(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = octets.split_inclusive(|&octet| octet == b'\n');
    lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

/// A log whose chain holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Its records.
    pub(crate) entries: Vec<Entry>,
    /// The digest of the last.
    pub(crate) head: Sha256Digest,
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Broken {
    #[error("line {line} is no record: {error}")]
    NoRecord { line: usize, error: String },
    #[error("line {line} was changed, or lines after it were removed")]
    Changed { line: usize },
    #[error("lines before line 1 were removed")]
    Beheaded,
}

/// Checks every link of a log's chain.
pub(crate) fn verify(octets: &[u8]) -> Result<Verified, Broken> {
    let mut entries = Vec::new();
    let (mut head, mut first) = (before_all(), None);
    for (index, line) in lines(octets).enumerate() {
        let read: Line = serde_json::from_slice(line)
            .map_err(|error| Broken::NoRecord { line: index + 1, error: error.to_string() })?;
        if index == 0 {
            first = Some(read.previous);
        } else if read.previous != head {
            return Err(Broken::Changed { line: index });
        }
        head = Sha256Digest::of(line);
        entries.push(read.entry);
    }
    let is_noted = |first: Sha256Digest| {
        entries
            .iter()
            .any(|entry| matches!(entry.event, Event::Dropped { last, .. } if last == first))
    };
    match first {
        Some(first) if first != before_all() && !is_noted(first) => Err(Broken::Beheaded),
        _ => Ok(Verified { entries, head }),
    }
}

/// A log for people: a line a record. What this version does not know is left as it is written.
pub(crate) fn told(octets: &[u8]) -> String {
    let told = |line: &[u8]| match serde_json::from_slice::<Line>(line) {
        Ok(Line { entry, .. }) => format!("{} {entry}\n", entry.at),
        Err(_) => format!("{}\n", String::from_utf8_lossy(line)),
    };
    lines(octets).map(told).collect()
}

#[cfg(test)]
mod tests;
