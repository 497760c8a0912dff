//! A progress bar, where standard error is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use lists::compile::Progress;

/// Octets of lists read, then a spinner while the bundle is built. Draws nothing where standard
/// error is no terminal.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new() -> Self {
        Self(ProgressBar::new(0))
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn begin(&self, octets: u64) {
        self.0.set_style(style("reading lists {wide_bar} {binary_bytes}/{binary_total_bytes}"));
        self.0.set_length(octets);
    }

    fn read(&self, octets: u64) {
        self.0.inc(octets);
    }

    fn building(&self) {
        self.0.set_style(style("{spinner} building the bundle"));
        self.0.enable_steady_tick(Duration::from_millis(100));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant, and well formed")
}
