//! What the benches share: names to list and to ask about, the engines that are compared, and
//! clocks and counters that mean something on a busy machine.
//!
//! `benches/README.md` says what each bench measures and how to run it.

pub mod allocations;
pub mod contender;
pub mod corpus;
pub mod cpu_time;
