//! What the gate and the benches share: names to list and to ask about, the engine as it is asked, a
//! counting allocator; and what was recorded of them.
//!
//! `benches/README.md` says what the gate holds to and how to record it anew.

pub mod allocations;
pub mod corpus;
pub mod engine;
pub mod recorded;
