//! Names that a teacher lets through with a code, on the block page.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use filter_core::{BoundFilter, DomainName};
use jiff::Timestamp;
use thiserror::Error;
use tokio::time::Instant;

use super::{
    Origin, Service,
    attempts::Attempts,
    changes::{ChangeError, Wish},
};
use crate::{
    config::Code,
    control::{Allowed, peer::Author, status::humane_duration},
    policy::group::GroupId,
    stats::CodeOutcome,
};

/// Why a code lets nothing through; nothing has changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum UnlockError {
    /// There is no code for them.
    #[error("no code holds for this group")]
    NoCode,
    /// It is not the code.
    #[error("that is not the code; {left} more may be tried")]
    WrongCode {
        /// Before the next must wait.
        left: u32,
    },
    /// Too many wrong ones from there.
    #[error("too many wrong codes; the next may be tried in {}", humane_duration(*.0))]
    TooManyTries(Duration),
    /// It is the code, at another time of the day or year.
    #[error("the code does not hold at this hour")]
    OutOfHours,
    /// The time is out of range.
    #[error("the code lets a name through for a second at least, and for {} at most",
        humane_duration(*.longest))]
    Time {
        /// The longest that this code may.
        longest: Duration,
    },
    /// The operator left it to no code.
    #[error("no code lets {name} through: {rule}")]
    NotLiftable {
        /// The name.
        name: String,
        /// What refuses it.
        rule: String,
    },
    /// A higher authority refuses it.
    #[error("the floor refuses {name}: {rule}")]
    Floor {
        /// The name.
        name: String,
        /// By what rule.
        rule: String,
    },
    /// As for anybody who lets a name through; without a record, nobody does.
    #[error(transparent)]
    Change(ChangeError),
}

/// The time that wrong codes are counted in.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Within it, of an address.
const OF_CLIENT: u32 = 5;
/// Within it, of a group: beyond, somebody tries from many addresses, and each network has one.
const OF_GROUP: u32 = 100;

/// Who typed wrong codes lately.
#[derive(Debug)]
pub(super) struct CodeTries {
    clients: Attempts,
    networks: Attempts,
    groups: Attempts,
}

impl Default for CodeTries {
    fn default() -> Self {
        let [clients, networks, groups] = [(); 3].map(|()| Attempts::within(WINDOW));
        Self { clients, networks, groups }
    }
}

impl CodeTries {
    /// Counts a try, where there may be one, as a wrong one; how many are left.
    fn admit(&mut self, client: IpAddr, group: GroupId, now: Instant) -> Result<u32, Duration> {
        let tried = self.clients.check(client, OF_CLIENT, now)?;
        if self.groups.check(group.index(), OF_GROUP, now).is_err() {
            // Whoever has not tried may, so that teachers elsewhere are not locked out.
            self.networks.check(network(client), 1, now)?;
        }
        self.clients.count(client, now);
        self.networks.count(network(client), now);
        if self.groups.count(group.index(), now) == OF_GROUP {
            tracing::warn!("WRONG CODES, {OF_GROUP} of one group in {} s", WINDOW.as_secs());
        }
        Ok(OF_CLIENT - 1 - tried)
    }

    /// Takes a try back, which was not wrong.
    fn acquit(&mut self, client: IpAddr, group: GroupId) {
        self.clients.forget(client);
        self.networks.forget(network(client));
        self.groups.take_back(group.index());
    }

    pub(super) fn forget_old(&mut self, now: Instant) {
        for attempts in [&mut self.clients, &mut self.networks, &mut self.groups] {
            attempts.forget_old(now);
        }
    }
}

/// An IPv4 address, or the /64 in which a machine has as many IPv6 addresses as it likes.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

impl Service {
    /// Lets a name and all below it through for a group and a while, where the code is right; what
    /// the code may not lift stays refused, below the name as well. `client` is counted, for
    /// minutes, and linked to nothing. Writes to the disk.
    ///
    /// # Errors
    /// [`UnlockError`]; nothing is let through.
    pub(crate) fn unlock_with_code(
        &self,
        name: DomainName,
        group: GroupId,
        client: IpAddr,
        code: &str,
        time: Duration,
    ) -> Result<Allowed, UnlockError> {
        let unlocked = self.try_code(name, group, client, code, time);
        let outcome = match &unlocked {
            Ok(_) => CodeOutcome::Accepted,
            Err(UnlockError::WrongCode { .. } | UnlockError::NoCode) => CodeOutcome::Wrong,
            Err(UnlockError::TooManyTries(_)) => CodeOutcome::Limited,
            Err(_) => CodeOutcome::Refused,
        };
        self.snapshot().stats.codes().count(outcome);
        unlocked
    }

    fn try_code(
        &self,
        name: DomainName,
        group: GroupId,
        client: IpAddr,
        code: &str,
        time: Duration,
    ) -> Result<Allowed, UnlockError> {
        let client = client.to_canonical();
        if !self.snapshot().terms.has_code(group) {
            return Err(UnlockError::NoCode);
        }
        let left = self
            .code_tries()
            .admit(client, group, Instant::now())
            .map_err(UnlockError::TooManyTries)?;
        let mut origin = self.origin();
        let config = &origin.config;
        let of = config.groups.get(group.index()).ok_or(UnlockError::NoCode)?;
        // All of them, whichever it is.
        let right: Vec<&Code> = config.codes.iter().filter(|one| one.digest.is(code)).collect();
        let holds = right.into_iter().find(|code| code.groups.contains(&of.name));
        let Some(Code { id, longest, hours, .. }) = holds else {
            return Err(UnlockError::WrongCode { left });
        };
        self.code_tries().acquit(client, group);
        if !hours.is_empty() && !config.school_year.is_within(hours, of, Timestamp::now()) {
            return Err(UnlockError::OutOfHours);
        }
        let longest = *longest.min(&config.operations.longest_allow);
        let wish = Wish {
            name,
            group: of.name.clone(),
            time,
            longest,
            why: "on the block page".to_owned(),
            by: Author::Code { code: id.clone() },
        };
        self.let_through(&mut origin, wish).map_err(|error| match error {
            ChangeError::Time(_) => UnlockError::Time { longest },
            ChangeError::Refused { name, rule } => UnlockError::NotLiftable { name, rule },
            ChangeError::Floor { name, rule } => UnlockError::Floor { name, rule },
            other => UnlockError::Change(other),
        })
    }

    pub(super) fn code_tries(&self) -> MutexGuard<'_, CodeTries> {
        // Whatever was half done is but a count.
        self.code_tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    /// A code that holds for a group.
    pub(super) fn code(&self, id: &str, group: &str) -> Option<&Code> {
        let codes = self.config.codes.iter();
        codes.into_iter().find(|code| code.id == id && code.groups.contains(group))
    }

    /// What stays refused though a code lets a name through; `None` where there is no telling.
    pub(super) fn limit_of(&self, id: &str, group: &str) -> Option<BoundFilter> {
        let code = self.code(id, group)?;
        let profile = filter_core::Profile {
            block: code.never.clone(),
            ..filter_core::Profile::custom(&format!("code {id}"))
        };
        match self.lists.filter.bind(&profile) {
            Ok(limit) => Some(limit),
            Err(error) => {
                tracing::error!("what code {id} let through is refused again: {error}");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
