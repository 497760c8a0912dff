//! Who may see what. Pure: no I/O, no clock, no bytes of messages.

pub mod calendar;
pub mod decide;
pub mod group;
pub mod schedule;
pub mod search;
pub mod table;
