//! Opening bundles.

use std::path::Path;

use filter_core::Filter;

use crate::failure::Failure;

/// Reads a bundle into memory and checks it whole. It is not mapped: its owner may overwrite it.
pub(crate) fn open(path: &Path) -> Result<Filter, Failure> {
    let shown = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::Failed(format!("cannot read {shown}: {error}")))?;
    Filter::open(bytes).map_err(|error| Failure::Bundle(format!("{shown}: {error}")))
}
