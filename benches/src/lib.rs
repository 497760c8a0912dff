//! What the benches share: the engines that are compared, texts to screen, a clock that means something on
//! a busy machine, the server and what a process uses, and what is kept of a run for the report. Names, our
//! engine's forms of question and the counting allocator come from the gate.
//!
//! `benches/README.md` says what each bench measures and how to run it.

pub mod contender;
pub mod cpu_time;
pub mod preau;
pub mod process;
pub mod record;
pub mod spread;
pub mod text;

pub use gate::{allocations, corpus, engine};
