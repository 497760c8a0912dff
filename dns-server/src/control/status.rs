//! `preau status`: how a running server does.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{resolve::Statistics, state::allowances::Allowance};

/// How a running server does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) started: Timestamp,
    pub(crate) uptime_seconds: u64,
    pub(crate) lists: ListsStatus,
    pub(crate) groups: Vec<GroupStatus>,
    /// Upstream servers, in the order in which they are asked.
    pub(crate) upstream: Vec<String>,
    pub(crate) resolver: Statistics,
    /// Absent: there was none since the start.
    pub(crate) last_reload: Option<LastReload>,
    /// Names that are let through for a while.
    pub(crate) allowed: Vec<Allowance>,
    /// Names that visitors of the block page reported.
    #[serde(default)]
    pub(crate) reports: usize,
    pub(crate) record: Record,
}

/// The lists in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ListsStatus {
    pub(crate) origin: String,
    pub(crate) serial: u64,
    pub(crate) created: String,
    /// Absent where `created` is no instant.
    pub(crate) age_seconds: Option<u64>,
    pub(crate) expires: Option<String>,
    pub(crate) expired: bool,
    pub(crate) names: u64,
}

/// What holds for a group at the moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GroupStatus {
    pub(crate) name: String,
    /// In force at the moment.
    pub(crate) profile: String,
    /// Until when; absent: always.
    pub(crate) until: Option<Timestamp>,
    /// The profile that it does not loosen.
    pub(crate) floor: Option<String>,
}

/// What came of the last reload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LastReload {
    pub(crate) at: Timestamp,
    /// Why it failed; absent: it did not.
    pub(crate) error: Option<String>,
    /// What takes a restart to take effect.
    pub(crate) not_applied: Vec<String>,
}

/// Where changes are recorded.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Record {
    /// In this folder; the digest of the last record.
    Kept { folder: String, head: String },
    /// Nowhere, and why.
    NotKept(String),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = humane(self.uptime_seconds);
        writeln!(f, "preau {}, up {since} since {}", self.version, self.started)?;
        self.lists.fmt(f)?;
        for GroupStatus { name, profile, until, floor } in &self.groups {
            write!(f, "group {name}: profile {profile}")?;
            if let Some(until) = until {
                write!(f, " until {until}")?;
            }
            if let Some(floor) = floor {
                write!(f, ", floor {floor}")?;
            }
            writeln!(f)?;
        }
        for allowance in &self.allowed {
            let Allowance { name, group, until, by, why, .. } = allowance;
            writeln!(f, "allowed: {name} for {group} until {until}, by {by}: {why}")?;
        }
        match self.reports {
            0 => {}
            reports => writeln!(f, "reports: {reports}, see preau reports")?,
        }
        writeln!(f, "upstream: {}", self.upstream.join(", "))?;
        let figures = &self.resolver;
        writeln!(
            f,
            "cache: {} answers, {} KiB; {} hits, {} misses ({} joined another), {} stale, {} \
             refreshed, {} failed",
            figures.entries,
            figures.octets.div_ceil(1024),
            figures.hits,
            figures.misses,
            figures.joined,
            figures.stale,
            figures.refreshed,
            figures.failed
        )?;
        match &self.last_reload {
            None => writeln!(f, "reload: none since the start")?,
            Some(LastReload { at, error: Some(error), .. }) => {
                writeln!(f, "reload: FAILED at {at}, everything as before: {error}")?;
            }
            Some(LastReload { at, not_applied, .. }) => {
                writeln!(f, "reload: done at {at}")?;
                for key in not_applied {
                    writeln!(f, "  {key} takes a restart to take effect")?;
                }
            }
        }
        match &self.record {
            Record::Kept { folder, head } => writeln!(f, "record: {folder}, last {head}"),
            Record::NotKept(why) => writeln!(f, "record: NONE: {why}"),
        }
    }
}

impl fmt::Display for ListsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, serial, names, .. } = self;
        write!(f, "lists: {origin}, serial {serial}, {names} names")?;
        if let Some(age) = self.age_seconds {
            write!(f, ", made {} ago", humane(age))?;
        }
        match &self.expires {
            Some(expires) if self.expired => writeln!(f, ", EXPIRED at {expires}"),
            Some(expires) => writeln!(f, ", good until {expires}"),
            None => writeln!(f),
        }
    }
}

/// A length of time in its greatest unit.
pub(crate) fn humane(seconds: u64) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (length, unit) =
        units.into_iter().find(|(length, _)| seconds >= *length).unwrap_or(units[3]);
    match seconds / length {
        1 => format!("1 {unit}"),
        n => format!("{n} {unit}s"),
    }
}

/// The same of a time that is a key's.
pub(crate) fn humane_duration(time: Duration) -> String {
    humane(time.as_secs())
}
