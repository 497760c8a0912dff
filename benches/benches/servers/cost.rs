//! What a load has cost.

use std::collections::BTreeMap;

/// What a server used to answer a load.
#[derive(Debug)]
pub(crate) struct Cost {
    /// Microseconds of CPU an answer, in the server and in the kernel on its behalf.
    pub(crate) user: f64,
    pub(crate) system: f64,
    pub(crate) completed: u64,
    pub(crate) lost: u64,
    /// Answers by response code.
    pub(crate) codes: BTreeMap<String, u64>,
}

impl Cost {
    /// Microseconds of CPU an answer, all of them.
    pub(crate) fn total(&self) -> f64 {
        self.user + self.system
    }
}
