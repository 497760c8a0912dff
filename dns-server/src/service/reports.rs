//! Mistakes that visitors of the block page report, for the network team.

use std::{
    net::IpAddr,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use filter_core::DomainName;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use thiserror::Error;
use tokio::time::Instant;

use super::{Service, attempts::Attempts, changes::is_public_suffix};
use crate::{
    control::peer::Peer,
    policy::{
        decide::{Asked, Decision},
        group::GroupId,
        refusal::Cause,
    },
    state::{
        StateError,
        audit::Event,
        reports::{Complaint, Full, Report, Reports},
    },
    stats,
    wire::rr_type,
};

/// Why a report is not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ReportError {
    /// This server keeps nothing.
    #[error("reports are not kept here: {0}")]
    NotKept(String),
    /// There is nothing to report about such a name.
    #[error("{0} is not the name of a site")]
    NotASite(String),
    /// It is refused already.
    #[error("{0} is refused already")]
    RefusedAlready(String),
    /// Too many from there, or from all of the group.
    #[error("too many reports; the next is taken in {} s", .0.as_secs() + 1)]
    TooMany(Duration),
    /// There is no room for another name.
    #[error(transparent)]
    Full(#[from] Full),
    /// It cannot be written.
    #[error("not taken, since it cannot be kept: {0}")]
    Unwritten(#[from] StateError),
}

/// Why reports are not settled; nothing has changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum SettleError {
    /// Nobody reported that name.
    #[error("nothing is reported about {0}")]
    NotReported(String),
    /// It cannot be written.
    #[error("not settled, since it cannot be kept: {0}")]
    Unwritten(String),
}

/// The time that reports are counted in.
const WINDOW: Duration = Duration::from_secs(600);
/// Within it, of an address, behind which a whole class may be.
const OF_CLIENT: u32 = 20;
/// Within it, of a group.
const OF_GROUP: u32 = 100;

/// Who reported lately.
#[derive(Debug)]
pub(super) struct Reporters {
    clients: Attempts,
    groups: Attempts,
}

impl Default for Reporters {
    fn default() -> Self {
        Self { clients: Attempts::within(WINDOW), groups: Attempts::within(WINDOW) }
    }
}

impl Reporters {
    /// Counts a report, where it may come.
    fn admit(&mut self, client: IpAddr, group: GroupId, now: Instant) -> Result<(), Duration> {
        let (client, group) = (client.to_canonical(), group.index());
        self.clients.check(client, OF_CLIENT, now)?;
        self.groups.check(group, OF_GROUP, now)?;
        self.clients.count(client, now);
        self.groups.count(group, now);
        Ok(())
    }
}

impl Service {
    /// Keeps a visitor's report about a name, as the visitor's group sees it. `client` is counted,
    /// for minutes, and linked to nothing. Writes to the disk.
    ///
    /// # Errors
    /// [`ReportError`]; nothing is kept.
    pub(crate) fn report(
        &self,
        name: &DomainName,
        complaint: Complaint,
        group: GroupId,
        client: IpAddr,
    ) -> Result<(), ReportError> {
        let now = Instant::now();
        self.reporters().admit(client, group, now).map_err(ReportError::TooMany)?;
        let today = today();
        let not_a_site = || ReportError::NotASite(name.to_string());
        if is_public_suffix(name) {
            return Err(not_a_site());
        }
        let (category, list) = match (complaint, self.standing(name, group)) {
            (_, Standing::NoSite) => return Err(not_a_site()),
            (Complaint::Harmful, Standing::Refused { .. }) => {
                return Err(ReportError::RefusedAlready(name.to_string()));
            }
            (_, Standing::Refused { category, list }) => (category, list),
            // Where it leads is refused, and not its name; or no longer.
            (_, Standing::Passes) => (None, None),
        };
        let group = {
            let origin = self.origin();
            let group = origin.config.groups.get(group.index()).ok_or_else(not_a_site)?;
            (!stats::is_small(group)).then(|| group.name.clone())
        };
        let (first, last, times, name) = (today, today, 1, name.clone());
        let report = Report { name, complaint, group, category, list, first, last, times };
        let mut run = self.run();
        let mut after = run.reports.clone();
        if let Err(full) = after.add(report) {
            tracing::warn!("A REPORT IS NOT TAKEN: {full}");
            return Err(full.into());
        }
        let state = run.state.as_ref().map_err(|no| ReportError::NotKept(no.to_string()))?;
        state.keep_reports(&after)?;
        run.reports = after;
        Ok(())
    }

    /// What was reported and not settled.
    pub(crate) fn reports(&self) -> Vec<Report> {
        self.run().reports.iter().cloned().collect()
    }

    /// Takes out what was reported about a name, since somebody has dealt with it; how many
    /// reports that were.
    ///
    /// # Errors
    /// [`SettleError`]; everything is as it was.
    pub(crate) fn settle(&self, name: &DomainName, by: Peer) -> Result<u64, SettleError> {
        let reports = {
            let mut run = self.run();
            let mut after = run.reports.clone();
            let reports = after.settle(name);
            if reports == 0 {
                return Err(SettleError::NotReported(name.to_string()));
            }
            if let Ok(state) = &run.state {
                let kept = state.keep_reports(&after);
                kept.map_err(|error| SettleError::Unwritten(error.to_string()))?;
            }
            run.reports = after;
            reports
        };
        // It changes no policy: an unwritable record is no obstacle.
        let _ = self.note(Event::Settled { name: name.to_string(), reports }, Some(by));
        Ok(reports)
    }

    /// Forgets reports that nobody made again for `keep`, and who reported lately.
    pub(super) fn forget_reports(&self, keep: Duration) {
        let now = Instant::now();
        {
            let mut reporters = self.reporters();
            reporters.clients.forget_old(now);
            reporters.groups.forget_old(now);
        }
        let mut run = self.run();
        if run.reports.forget_old(today(), keep)
            && let Ok(state) = &run.state
            && let Err(error) = state.keep_reports(&run.reports)
        {
            tracing::error!("old reports are still on the disk: {error}");
        }
    }

    /// What becomes of a name in a group at the moment.
    fn standing(&self, name: &DomainName, group: GroupId) -> Standing {
        let snapshot = self.snapshot();
        let (record_type, internet, recursion_desired) = (rr_type::A, true, true);
        let asked = Asked { name, record_type, internet, recursion_desired };
        let ruling = snapshot.policy.decide(asked, group, Timestamp::now());
        match ruling.map(|ruling| ruling.decision) {
            Some(Decision::Refuse(refusal)) => {
                let category = refusal.cause.category().map(|category| category.name.clone());
                let list = match &refusal.cause {
                    Cause::Rule(reason) => match reason.source {
                        Some(list) => Some(list.to_owned()),
                        None => Some(reason.to_string()),
                    },
                    Cause::Engine(engine) => Some(engine.id.to_string()),
                    Cause::Objection(_) | Cause::Rebinding(_) => None,
                };
                Standing::Refused { category, list }
            }
            Some(Decision::Resolve | Decision::Rewrite(_)) => Standing::Passes,
            _ => Standing::NoSite,
        }
    }

    fn reporters(&self) -> MutexGuard<'_, Reporters> {
        // Whatever was half done is but a count.
        self.reporters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a name.
enum Standing {
    /// It is refused, for a category and by a list where it is for one.
    Refused {
        category: Option<String>,
        list: Option<String>,
    },
    Passes,
    /// A name of the inside, or one that means something of itself.
    NoSite,
}

/// The day, for everybody.
pub(super) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

impl super::changes::Run {
    /// Takes up what was kept.
    pub(super) fn take_up_reports(&mut self) {
        self.reports = match &self.state {
            Ok(state) => state.reports(today()),
            Err(_) => Reports::default(),
        };
    }
}

#[cfg(test)]
mod tests;
