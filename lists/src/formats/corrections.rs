//! What a list says further down that changes how its earlier lines are read.

use std::{io::BufRead, path::Path};

use super::{
    Part, ReadError, adblock::Badfilters, protected::Known, squidguard::Changes,
    unbound::RewrittenZones,
};
use crate::source::Format;

/// What a list takes back of its own lines. A reader sees each line once, so the lists that can do
/// so are looked through beforehand; what is kept of them is bounded.
#[derive(Clone, Debug, Default)]
pub struct Corrections {
    /// AdBlock: rules that a `$badfilter` rule names.
    pub(super) badfilters: Badfilters,
    /// Unbound: `redirect` zones whose data leads somewhere.
    pub(super) rewritten: RewrittenZones,
    /// squidGuard: what the `.diff` beside the list says.
    pub(super) changes: Changes,
    /// Protected sites: what is not to be taken for one of them.
    pub(super) known: Known,
}

impl Corrections {
    /// Looks through a list; there is nothing to find in most formats.
    ///
    /// # Errors
    /// [`ReadError`], when the input fails or is no text.
    pub fn scan(format: Format, input: impl BufRead) -> Result<Self, ReadError> {
        Part::of(format, Path::new(""))
            .map_or_else(|_| Ok(Self::default()), |part| Self::of(part, input))
    }

    /// True when a file of this kind must be looked through.
    pub(crate) fn concern(part: Part) -> bool {
        matches!(part, Part::Adblock | Part::Unbound | Part::Protected)
    }

    pub(crate) fn of(part: Part, input: impl BufRead) -> Result<Self, ReadError> {
        let mut corrections = Self::default();
        match part {
            Part::Adblock => corrections.badfilters = Badfilters::scan(input)?,
            Part::Unbound => corrections.rewritten = RewrittenZones::scan(input)?,
            Part::Protected => corrections.known = Known::scan(input)?,
            _ => {}
        }
        Ok(corrections)
    }

    /// Takes the sites of a list of names for known ones: none of them is a typing error.
    pub(crate) fn add_known(&mut self, input: impl BufRead) -> Result<(), ReadError> {
        self.known.add(input)
    }

    /// Looks through the `.diff` beside a list.
    pub(crate) fn of_changes(part: Part, input: impl BufRead) -> Result<Self, ReadError> {
        Ok(Self { changes: Changes::scan(input, part)?, ..Self::default() })
    }
}
