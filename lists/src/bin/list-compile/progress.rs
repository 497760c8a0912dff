//! Progress bars, where standard error is a terminal.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use lists::{
    compile::Progress,
    fetch::{Meter, Watch},
};
use url::Url;

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

/// A bar for each download under way.
pub(crate) struct Downloads(MultiProgress);

impl Downloads {
    pub(crate) fn new() -> Self {
        Self(MultiProgress::new())
    }

    pub(crate) fn finish(&self) {
        // Where the terminal is gone, nothing is left to clear.
        let _ = self.0.clear();
    }
}

impl Watch for Downloads {
    fn begin(&self, url: &Url) -> Box<dyn Meter> {
        let bar = self.0.add(ProgressBar::new_spinner());
        bar.set_style(style("{spinner} {bytes:>12}  {wide_msg}"));
        bar.set_message(url.to_string());
        bar.enable_steady_tick(Duration::from_millis(100));
        Box::new(Download(bar))
    }
}

struct Download(ProgressBar);

impl Meter for Download {
    fn length(&self, octets: u64) {
        self.0.set_length(octets);
        self.0.set_style(style("{spinner} {bytes:>12} of {total_bytes:12} {wide_msg}"));
    }

    fn received(&self, octets: u64) {
        self.0.set_position(octets);
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant, and well formed")
}
