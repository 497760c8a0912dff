//! dnsmasq, 2.86 or later: `local=/d/` is NXDOMAIN for `d` and everything below it, `server=/d/#`
//! asks upstream as usual; `*.d` in place of `d` leaves `d` itself out; the most specific wins.

use std::io::{self, Write};

use filter_core::Scope;

use super::tree::{Said, Statement, Writer};

pub(super) struct Dnsmasq<W>(pub(super) W);

impl<W: Write> Writer for Dnsmasq<W> {
    const ADDRESSES: bool = false;

    fn statement(
        &mut self,
        &Statement { name, scope, refuses, .. }: &Statement<'_>,
    ) -> io::Result<Said> {
        let (before, after) = ends(refuses);
        match scope {
            Scope::Subtree => writeln!(self.0, "{before}{name}{after}")?,
            Scope::SubdomainsOnly => writeln!(self.0, "{before}*.{name}{after}")?,
            Scope::Exact => {
                writeln!(self.0, "{before}{name}{after}")?;
                let (before, after) = ends(!refuses);
                writeln!(self.0, "{before}*.{name}{after}")?;
            }
        }
        Ok(Said::As(scope))
    }
}

/// What stands before and after the name.
fn ends(refuses: bool) -> (&'static str, &'static str) {
    if refuses { ("local=/", "/") } else { ("server=/", "/#") }
}
