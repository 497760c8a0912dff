//! Who may ask for what, and when. Pure: no socket, no file, no clock; time is an argument.

pub mod audience;
pub mod calendar;
pub mod check;
pub mod decide;
pub mod explain;
pub mod group;
pub mod inspect;
pub mod local;
pub mod lookalikes;
mod names;
pub mod plan;
pub mod refusal;
pub mod schedule;
pub mod search;
pub mod services;
pub mod special;
pub mod table;
pub mod unblock;

use std::sync::Arc;

use filter_core::DomainName;

use self::{
    group::Groups, inspect::Inspector, local::LocalRecords, plan::Plan, search::SearchTable,
    special::SpecialNames, unblock::Unblocks,
};

/// Everything that decides about questions: what [`decide`](Policy::decide) goes by.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Who is who.
    pub groups: Groups,
    /// What each group may see, and when, by [`GroupId::index`](group::GroupId::index); after those of
    /// the groups, those of profiles that are asked about by name.
    pub plans: Vec<Plan>,
    /// Names of the operator's own network.
    pub local: LocalRecords,
    /// Names that mean something of themselves.
    pub special: Arc<SpecialNames>,
    /// Zones that have servers of their own: nothing in them is special.
    pub forwarded: Vec<DomainName>,
    /// Search engines, and what can be done about them.
    pub engines: Arc<SearchTable>,
    /// Who judges what upstream answers.
    pub inspector: Inspector,
    /// Names that are let through for a while.
    pub unblocks: Unblocks,
}
