//! What an operator changes while a server runs, and the record of it.

use std::{
    collections::BTreeMap,
    mem,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use filter_core::{DomainName, NameError};
use jiff::{Timestamp, ToSpan as _};
use thiserror::Error;
use tokio::time::Instant;

use super::{Origin, Service, background::behind_answers};
use crate::{
    answer::Snapshot,
    bundle,
    config::Config,
    control::{
        Allowed, Reloaded,
        peer::{Author, Peer},
        status::{GroupStatus, LastReload, ListsStatus, Record, Status, humane_duration},
    },
    failure::Failure,
    notify,
    policy::{
        decide::{Asked, Decision},
        group::GroupId,
        refusal::{Authority, Detail, Refusal, Telling},
        unblock::{Unblock, Unblocks},
    },
    state::{
        self, State, StateError,
        allowances::{Allowance, Allowances},
        audit::{Entry, Event},
        reports::Reports,
    },
    wire::rr_type,
};

/// What a server knows of its own run.
pub(super) struct Run {
    started: Timestamp,
    instant: Instant,
    last_reload: Option<LastReload>,
    /// Where changes are recorded, or why nowhere.
    pub(super) state: Result<State, StateError>,
    /// What visitors of the block page reported.
    pub(super) reports: Reports,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            started: seconds(Timestamp::now()),
            instant: Instant::now(),
            last_reload: None,
            state: Err(StateError::NotAsked),
            reports: Reports::default(),
        }
    }
}

/// Why a change is refused; nothing has changed.
#[derive(Debug, Error)]
pub(crate) enum ChangeError {
    /// What should be a name is none.
    #[error("not a host name: {0}")]
    Name(#[from] NameError),
    /// A whole country or kind of organisation is not let through.
    #[error("{0} is a public suffix, under which anyone has names; name the site")]
    PublicSuffix(String),
    /// No such group.
    #[error("unknown group `{group}`; the groups are {known}")]
    UnknownGroup {
        /// As it was asked for.
        group: String,
        /// Those that there are.
        known: String,
    },
    /// The time is out of range.
    #[error(
        "a name is let through for a second at least, and for {0} at most ([control] longest_allow)"
    )]
    Time(String),
    /// Nobody can tell later why.
    #[error("say why, in at most {} characters on one line", MOST_REASON)]
    Reason,
    /// A higher authority refuses the name.
    #[error("the floor refuses {name}: {rule}; nobody here can let it through")]
    Floor {
        /// The name.
        name: String,
        /// By what rule.
        rule: String,
    },
    /// Something else than lists and rules on names refuses it.
    #[error("{name} would be refused all the same: {rule}")]
    Refused {
        /// The name.
        name: String,
        /// By what.
        rule: String,
    },
    /// Every question is compared with each.
    #[error("{} names are let through already; end one first", Unblocks::MOST)]
    TooMany,
    /// There is nothing to end.
    #[error("{name} is not let through for {group}")]
    NotAllowed {
        /// The name.
        name: String,
        /// The group.
        group: String,
    },
    /// It cannot be recorded, and nothing is let through without a record.
    #[error("not let through, since it cannot be recorded: {0}")]
    Record(String),
    /// Re-locking needs no record.
    #[error("locked again, but that cannot be recorded: {0}")]
    EndedUnrecorded(String),
}

/// Characters of a reason.
const MOST_REASON: usize = 300;

/// A name to be let through.
pub(super) struct Wish {
    pub(super) name: DomainName,
    pub(super) group: String,
    pub(super) time: Duration,
    /// The longest that whoever wishes it may.
    pub(super) longest: Duration,
    pub(super) why: String,
    pub(super) by: Author,
}

impl Service {
    /// Takes up what the state folder remembers, and records changes there from now on; where that
    /// cannot be, tells why, and lets no name through.
    pub(crate) fn take_up(&self) {
        let (now, instant) = (seconds(Timestamp::now()), Instant::now());
        let mut origin = self.origin();
        let keep = origin.config.operations.audit_keep;
        let state = state::folder(&origin.config).and_then(|folder| State::open(folder, keep, now));
        if let Ok(state) = &state {
            let longest = origin.config.operations.longest_allow;
            for mut allowance in state.allowances() {
                // The clock may have been set back meanwhile.
                allowance.until = allowance.until.min(now.saturating_add(longest).unwrap_or(now));
                if origin.allowances.iter().len() < Unblocks::MOST {
                    origin.allowances.add(allowance, now, instant);
                }
            }
            origin.allowances.remove_ended(now, instant);
            let unblocks = origin.unblocks();
            self.serve_unblocks(unblocks);
        }
        match &state {
            Ok(_) | Err(StateError::NotAsked) => {}
            Err(error) => tracing::error!("CHANGES ARE NOT RECORDED, `allow` is refused: {error}"),
        }
        {
            let mut run = self.run();
            run.state = state;
            run.take_up_reports();
        }
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let (configuration, serial) = (origin.config.digest(), origin.lists.stamp().serial);
        let _ = self.note(Event::Start { version, configuration, serial }, None);
        self.forget_strangers(&mut origin);
    }

    /// Notes that the server stops.
    pub(crate) fn stopped(&self) {
        let _ = self.note(Event::Stop, None);
    }

    /// [`Service::reload`], on behalf of somebody.
    ///
    /// # Errors
    /// [`Failure`]; everything goes on as before.
    pub(crate) fn reload_for(&self, by: Option<Peer>) -> Result<Reloaded, Failure> {
        notify::reloading();
        let mut outcome = behind_answers(|| {
            let outcome = self.reload_unrecorded();
            self.let_go();
            outcome
        });
        notify::ready();
        let at = seconds(Timestamp::now());
        if let Ok(reloaded) = &mut outcome {
            let (configuration, serial) = {
                let origin = self.origin();
                (origin.config.digest(), origin.lists.stamp().serial)
            };
            if let Err(error) = self.note(Event::Reload { configuration, serial }, by) {
                reloaded.notes.push(format!("not recorded: {error}"));
            }
        }
        self.run().last_reload = Some(LastReload {
            at,
            error: outcome.as_ref().err().map(Failure::to_string),
            not_applied: outcome.as_ref().map(|done| done.not_applied.clone()).unwrap_or_default(),
        });
        outcome
    }

    /// Forgets what upstream said about a name and all below it; without a name, everything.
    pub(crate) fn flush(&self, name: Option<&DomainName>, by: Peer) -> Result<(), ChangeError> {
        self.snapshot().resolver.flush(name);
        // It changes no policy: an unwritable record is no obstacle.
        let _ = self.note(Event::Flush { name: name.map(DomainName::to_string) }, Some(by));
        Ok(())
    }

    /// Lets a name and all below it through, for one group and a while; never against the floor.
    pub(crate) fn allow(
        &self,
        name: DomainName,
        group: String,
        time: Duration,
        why: String,
        by: Peer,
    ) -> Result<Allowed, ChangeError> {
        let why = why.trim().to_owned();
        if why.is_empty() || why.chars().count() > MOST_REASON || why.contains(char::is_control) {
            return Err(ChangeError::Reason);
        }
        let mut origin = self.origin();
        let longest = origin.config.operations.longest_allow;
        let by = Author::Peer(by);
        self.let_through(&mut origin, Wish { name, group, time, longest, why, by })
    }

    /// Lets a name through as somebody wishes who may: on the record first.
    pub(super) fn let_through(
        &self,
        origin: &mut Origin,
        Wish { name, group, time, longest, why, by }: Wish,
    ) -> Result<Allowed, ChangeError> {
        let (now, instant) = (seconds(Timestamp::now()), Instant::now());
        if is_public_suffix(&name) {
            return Err(ChangeError::PublicSuffix(name.to_string()));
        }
        if time < Duration::from_secs(1) || time > longest {
            return Err(ChangeError::Time(humane_duration(longest)));
        }
        let id = origin.group(&group).ok_or_else(|| origin.unknown_group(&group))?;
        let until = now + (time.as_secs() as i64).seconds(); // at most a week
        let allowance = Allowance { name, group, since: now, until, by, why };

        let lifts = self.refusal(&allowance.name, id, now, &Unblocks::default());
        let lifts = lifts.map(|(_, rule)| rule);
        let mut after = origin.allowances.clone();
        after.remove_ended(now, instant);
        after.add(allowance.clone(), now, instant);
        if after.iter().len() > Unblocks::MOST {
            return Err(ChangeError::TooMany);
        }
        let Allowance { name, group, by, why, .. } = allowance;
        match self.refusal(&name, id, now, &origin.unblocks_of(&after)) {
            None => {}
            Some((Authority::Floor, rule)) => {
                return Err(ChangeError::Floor { name: name.to_string(), rule });
            }
            Some((Authority::Profile, rule)) => {
                return Err(ChangeError::Refused { name: name.to_string(), rule });
            }
        }

        let allowed = Allowed { name: name.to_string(), group, until, lifts };
        let Allowed { name, group, until, lifts } = allowed.clone();
        let entry = Entry {
            at: now,
            event: Event::Allow { name: name.clone(), group: group.clone(), until, lifts },
            by: Some(by),
            why: Some(why),
        };
        let record = |error: StateError| ChangeError::Record(error.to_string());
        {
            let mut run = self.run();
            let state =
                run.state.as_mut().map_err(|error| ChangeError::Record(error.to_string()))?;
            state.record(&entry).map_err(record)?;
            if let Err(error) = state.keep(&after.iter().collect::<Vec<_>>()) {
                let event = Event::End { name, group };
                let why = Some("could not be kept".to_owned());
                let _ = state.record(&Entry { at: now, event, by: None, why });
                return Err(record(error));
            }
        }
        origin.allowances = after;
        self.serve_unblocks(origin.unblocks());
        Ok(allowed)
    }

    /// Lets a name through no longer, before its time.
    pub(crate) fn end(&self, name: &DomainName, group: &str, by: Peer) -> Result<(), ChangeError> {
        let mut origin = self.origin();
        if origin.allowances.remove(name, group).is_none() {
            let (name, group) = (name.to_string(), group.to_owned());
            return Err(ChangeError::NotAllowed { name, group });
        }
        // Locked first, whatever becomes of the record.
        self.serve_unblocks(origin.unblocks());
        let kept = self.keep(&origin.allowances);
        let event = Event::End { name: name.to_string(), group: group.to_owned() };
        let noted = self.note(event, Some(by));
        kept.and(noted).map_err(ChangeError::EndedUnrecorded)
    }

    /// Forgets allowances and records whose time is over.
    pub(crate) fn tidy(&self) {
        let (now, instant) = (Timestamp::now(), Instant::now());
        self.let_go();
        let mut origin = self.origin();
        self.forget_reports(origin.config.operations.reports_keep);
        self.code_tries().forget_old(instant);
        if origin.allowances.remove_ended(now, instant) {
            self.serve_unblocks(origin.unblocks());
            // What is kept beyond its time is passed over when it is read.
            let _ = self.keep(&origin.allowances);
        }
        if let Ok(state) = &mut self.run().state
            && let Err(error) = state.drop_old_records(now)
        {
            tracing::error!("{error}");
        }
    }

    /// How the server does.
    pub(crate) fn status(&self) -> Status {
        let now = Timestamp::now();
        let origin = self.origin();
        let snapshot = self.snapshot();
        let plans = &snapshot.policy.plans;
        let groups = origin.config.groups.iter().zip(plans).map(|(group, plan)| {
            let in_force = plan.at(now);
            GroupStatus {
                name: group.name.clone(),
                profile: in_force.audience.own.filter.profile().to_owned(),
                until: in_force.until,
                floor: group.floor.clone(),
            }
        });
        let manifest = origin.lists.filter.manifest();
        let stamp = &manifest.stamp;
        let created: Option<Timestamp> = stamp.created.parse().ok();
        let age = created.map(|created| now.as_second() - created.as_second());
        let allowed = origin.allowances.iter().filter(|allowance| now < allowance.until);
        let run = self.run();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: run.started,
            uptime_seconds: run.instant.elapsed().as_secs(),
            lists: ListsStatus {
                origin: origin.lists.origin.to_string(),
                serial: stamp.serial,
                created: stamp.created.clone(),
                age_seconds: age.map(|seconds| seconds.try_into().unwrap_or(0)),
                expires: stamp.expires.clone(),
                expired: bundle::expired(stamp).is_some(),
                names: manifest.counts.names,
            },
            groups: groups.collect(),
            upstream: origin.servers.iter().map(ToString::to_string).collect(),
            resolver: snapshot.resolver.statistics(),
            last_reload: run.last_reload.clone(),
            allowed: allowed.cloned().collect(),
            reports: run.reports.iter().len(),
            record: match &run.state {
                Ok(state) => Record::Kept {
                    folder: state.folder().display().to_string(),
                    head: state.audit_head().to_string(),
                },
                Err(error) => Record::NotKept(error.to_string()),
            },
        }
    }

    /// Drops what is for groups that there are no longer, or by codes that no longer hold for them.
    pub(super) fn forget_strangers(&self, origin: &mut Origin) {
        let mut allowances = mem::take(&mut origin.allowances);
        let gone = allowances.remove_strangers(|Allowance { group, by, .. }| match by {
            Author::Peer(_) => origin.group(group).is_some(),
            Author::Code { code } => {
                origin.group(group).is_some() && origin.code(code, group).is_some()
            }
        });
        origin.allowances = allowances;
        if gone.is_empty() {
            return;
        }
        let _ = self.keep(&origin.allowances);
        for Allowance { name, group, by, .. } in gone {
            match by {
                Author::Code { code } if origin.group(&group).is_some() => {
                    tracing::warn!("no code {code} for {group} any more: {name} is locked again");
                }
                _ => tracing::warn!("there is no group {group} any more: {name} is locked again"),
            }
            let _ = self.note(Event::End { name: name.to_string(), group }, None);
        }
    }

    /// Whether a configuration names another folder than the one that records are kept in. A running
    /// server does not move them: names let through, and the chain of records, would be torn apart.
    pub(super) fn keeps_record_elsewhere(&self, config: &Config) -> bool {
        match &self.run().state {
            Ok(state) => state::folder(config).is_ok_and(|folder| folder != state.folder()),
            Err(_) => false, // nothing is kept
        }
    }

    /// Keeps records for so long from now on; older ones go when the server next tidies up.
    pub(super) fn keep_records_for(&self, time: Duration) {
        if let Ok(state) = &mut self.run().state {
            state.keep_records_for(time);
        }
    }

    /// Adds a record, where records are kept; the failure is told in the log.
    pub(super) fn note(&self, event: Event, by: Option<Peer>) -> Result<(), String> {
        let by = by.map(Author::Peer);
        let entry = Entry { at: seconds(Timestamp::now()), event, by, why: None };
        match &mut self.run().state {
            Ok(state) => state.record(&entry).map_err(|error| {
                tracing::error!("NOT RECORDED: {entry}: {error}");
                error.to_string()
            }),
            Err(_) => Ok(()), // told at the start
        }
    }

    fn keep(&self, allowances: &Allowances) -> Result<(), String> {
        match &self.run().state {
            Ok(state) => state.keep(&allowances.iter().collect::<Vec<_>>()).map_err(|error| {
                tracing::error!("A NAME THAT WAS LOCKED AGAIN IS OPEN AFTER A RESTART: {error}");
                error.to_string()
            }),
            Err(_) => Ok(()),
        }
    }

    /// What refuses a name to a group, in words, given these allowances.
    fn refusal(
        &self,
        name: &DomainName,
        group: GroupId,
        now: Timestamp,
        unblocks: &Unblocks,
    ) -> Option<(Authority, String)> {
        let mut policy = self.snapshot().policy.clone();
        policy.unblocks = unblocks.clone();
        let (record_type, internet, recursion_desired) = (rr_type::A, true, true);
        let asked = Asked { name, record_type, internet, recursion_desired };
        match policy.decide(asked, group, now)?.decision {
            Decision::Refuse(Refusal { authority, cause, .. }) => {
                let telling = Telling { detail: Detail::Full, ..Telling::default() };
                let rule = cause.told(telling).map(|told| told.to_string());
                Some((authority, rule.unwrap_or_default()))
            }
            Decision::NoData | Decision::NxDomain => {
                Some((Authority::Profile, "a special-use name or a canary".to_owned()))
            }
            _ => None,
        }
    }

    /// Answers by these from now on; all else stays as it is.
    fn serve_unblocks(&self, unblocks: Unblocks) {
        let mut snapshot = Snapshot::clone(&self.snapshot());
        snapshot.policy.unblocks = unblocks;
        self.serve(snapshot.into());
    }

    pub(super) fn run(&self) -> MutexGuard<'_, Run> {
        // Each part of it is replaced whole.
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    /// What policy goes by.
    pub(super) fn unblocks(&self) -> Unblocks {
        self.unblocks_of(&self.allowances)
    }

    /// The same, were these the allowances.
    fn unblocks_of(&self, allowances: &Allowances) -> Unblocks {
        let mut limits = BTreeMap::new();
        let unblock = |allowance: &Allowance| {
            let Allowance { name, group, until, by, .. } = allowance;
            let limit = match by {
                Author::Peer(_) => None,
                Author::Code { code } => {
                    let limit = limits.entry((code.clone(), group.clone()));
                    Some(limit.or_insert_with(|| self.limit_of(code, group)).clone()?)
                }
            };
            Some(Unblock { group: self.group(group)?, name: name.clone(), until: *until, limit })
        };
        allowances.iter().filter_map(unblock).collect()
    }

    fn group(&self, name: &str) -> Option<GroupId> {
        let index = self.config.groups.iter().position(|group| group.name == name);
        index.map(GroupId::at)
    }

    fn unknown_group(&self, group: &str) -> ChangeError {
        let known: Vec<_> = self.config.groups.iter().map(|group| group.name.as_str()).collect();
        ChangeError::UnknownGroup { group: group.to_owned(), known: known.join(", ") }
    }
}

/// Records are for people: to the second.
fn seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The root, a top-level domain, or another under which anyone may have a name.
pub(super) fn is_public_suffix(name: &DomainName) -> bool {
    // The root's text has no octet, and the list says as much of its suffix.
    let text_length = name.as_wire().len().saturating_sub(2);
    let suffix = psl::Psl::find(&psl::List, name.labels().rev());
    let is_suffix = suffix.len == text_length;
    is_suffix && suffix.typ != Some(psl::Type::Private)
}

#[cfg(test)]
mod tests;
