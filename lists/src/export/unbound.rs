//! Unbound: `local-zone` is about a name and everything below it, and the most specific wins. Of one
//! name alone, `local-data` in a transparent zone can say that it is refused, not that it is passed.

use std::io::{self, Write};

use filter_core::Scope;

use super::{
    Limit,
    tree::{Said, Statement, Writer},
};

pub(super) struct Unbound<W>(W);

impl<W: Write> Unbound<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        writeln!(out, "server:")?;
        Ok(Self(out))
    }
}

impl<W: Write> Writer for Unbound<W> {
    const ADDRESSES: bool = false;

    fn statement(
        &mut self,
        &Statement { name, scope, refuses, level }: &Statement<'_>,
    ) -> io::Result<Said> {
        match (refuses, scope) {
            (true, Scope::Exact) | (false, Scope::SubdomainsOnly) => {
                // Data in no zone, as where nothing is refused around it, is in a transparent one.
                if level > 1 {
                    writeln!(self.0, "local-zone: \"{name}.\" transparent")?;
                }
                writeln!(self.0, "local-data: \"{name}. A 0.0.0.0\"")?;
                Ok(Said::As(scope))
            }
            (true, Scope::Subtree | Scope::SubdomainsOnly) => {
                writeln!(self.0, "local-zone: \"{name}.\" always_nxdomain")?;
                Ok(Said::As(Scope::Subtree))
            }
            (false, Scope::Subtree) => {
                writeln!(self.0, "local-zone: \"{name}.\" always_transparent")?;
                Ok(Said::As(scope))
            }
            (false, Scope::Exact) => Ok(Said::Not(Limit::Pass)),
        }
    }
}
