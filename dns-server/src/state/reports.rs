//! What visitors of the block page reported: a name, what is wrong with it, on which days, how often.
//! Never who, nor from where, nor in whose words.
//!
//! Pure: the day is an argument. However many reports come, they are a bounded number, and none
//! pushes out another.

use std::{fmt, time::Duration};

use filter_core::DomainName;
use jiff::{SignedDuration, civil::Date};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What may be wrong with what becomes of a name. A choice, not a text: what people write about
/// names holds names of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Complaint {
    /// It is refused, and there is nothing bad about it.
    Harmless,
    /// It is refused, and needed for a lesson or for work.
    Needed,
    /// It passes, and is bad for those who see it.
    Harmful,
}

impl Complaint {
    /// Every one.
    pub(crate) const ALL: [Self; 3] = [Self::Harmless, Self::Needed, Self::Harmful];

    /// Its word, in files and forms.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Needed => "needed",
            Self::Harmful => "harmful",
        }
    }

    /// The one of a word.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|complaint| complaint.word() == word)
    }
}

/// A complaint about a name, from as many people as there may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    #[serde(deserialize_with = "super::domain_name")]
    pub(crate) name: DomainName,
    pub(crate) complaint: Complaint,
    /// Whose policy it is about; absent for a group so small that it tells of persons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// For which category it was refused, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) category: Option<String>,
    /// By which list, or other authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) list: Option<String>,
    /// The day of the first report.
    pub(crate) first: Date,
    /// The day of the last.
    pub(crate) last: Date,
    /// How many there were.
    pub(crate) times: u32,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, complaint, group, category, list, first, last, times } = self;
        let says = match complaint {
            Complaint::Harmless => "refused, harmless",
            Complaint::Needed => "refused, needed",
            Complaint::Harmful => "passes, harmful",
        };
        write!(f, "{name}: {says}")?;
        if let Some(group) = group {
            write!(f, ", for {group}")?;
        }
        match (category, list) {
            (Some(category), Some(list)) => write!(f, ", {category} · {list}")?,
            (Some(one), None) | (None, Some(one)) => write!(f, ", {one}")?,
            (None, None) => {}
        }
        match times {
            1 => write!(f, ", once, {last}"),
            times if first == last => write!(f, ", {times} times, {last}"),
            times => write!(f, ", {times} times, {first} to {last}"),
        }
    }
}

/// All that were reported and not settled, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reports(Vec<Report>);

/// There is no room for another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "{} reports are waiting, {} at most of one group: settle some (preau reports)",
    Reports::MOST,
    Reports::MOST_OF_GROUP
)]
pub(crate) struct Full;

impl Reports {
    /// The most at once: more than anybody reads.
    pub(crate) const MOST: usize = 1000;
    /// The most about one group's policy, so that one school leaves room to the others.
    pub(crate) const MOST_OF_GROUP: usize = 250;

    /// Those that were kept, on the day that they are read again.
    pub(super) fn kept(mut reports: Vec<Report>, today: Date) -> Self {
        for report in &mut reports {
            // The clock may have been set back meanwhile.
            report.last = report.last.min(today);
            report.first = report.first.min(report.last);
        }
        reports.truncate(Self::MOST);
        Self(reports)
    }

    /// Adds one, or counts it to the same that is there.
    pub(crate) fn add(&mut self, report: Report) -> Result<(), Full> {
        let is_same = |one: &&mut Report| {
            one.name == report.name
                && one.complaint == report.complaint
                && one.group == report.group
        };
        if let Some(known) = self.0.iter_mut().find(is_same) {
            let (first, times) = (known.first, known.times.saturating_add(report.times));
            *known = Report { first, times, ..report };
            return Ok(());
        }
        let of_group = self.0.iter().filter(|one| one.group == report.group).count();
        if self.0.len() >= Self::MOST || of_group >= Self::MOST_OF_GROUP {
            return Err(Full);
        }
        self.0.push(report);
        Ok(())
    }

    /// Takes out what was reported about a name; how many reports that were.
    pub(crate) fn settle(&mut self, name: &DomainName) -> u64 {
        let settled = self.0.extract_if(.., |report| report.name == *name);
        settled.map(|report| u64::from(report.times)).sum()
    }

    /// Forgets what nobody has reported for so long; true if there was any.
    pub(crate) fn forget_old(&mut self, today: Date, keep: Duration) -> bool {
        let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
        let before = self.0.len();
        self.0.retain(|report| report.last.saturating_add(keep) >= today);
        self.0.len() < before
    }

    /// In the order in which they came.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Report> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests;
