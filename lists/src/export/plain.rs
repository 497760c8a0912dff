//! One name a line: plain domains, wildcard domains, hosts, e2guardian's site list.

use std::io::{self, Write};

use filter_core::Scope;

use super::{
    Limit,
    tree::{Said, Statement, Writer},
};

/// Plain domains: the name and everything below it.
pub(super) struct Domains<W>(pub(super) W);

impl<W: Write> Writer for Domains<W> {
    const ADDRESSES: bool = true;

    fn statement(&mut self, statement: &Statement<'_>) -> io::Result<Said> {
        if !statement.refuses {
            return Ok(Said::Not(Limit::Pass));
        }
        writeln!(self.0, "{}", statement.name)?;
        Ok(Said::As(Scope::Subtree))
    }
}

/// Wildcard domains: `*.d` is `d` and everything below it, `d` is `d` only.
pub(super) struct Wildcard<W>(pub(super) W);

impl<W: Write> Writer for Wildcard<W> {
    const ADDRESSES: bool = true;

    fn statement(&mut self, statement: &Statement<'_>) -> io::Result<Said> {
        if !statement.refuses {
            return Ok(Said::Not(Limit::Pass));
        }
        match statement.scope {
            Scope::Exact => {
                writeln!(self.0, "{}", statement.name)?;
                Ok(Said::As(Scope::Exact))
            }
            Scope::Subtree | Scope::SubdomainsOnly => {
                writeln!(self.0, "*.{}", statement.name)?;
                Ok(Said::As(Scope::Subtree))
            }
        }
    }
}

/// A hosts file: each line one name, and nothing below it.
pub(super) struct Hosts<W>(pub(super) W);

impl<W: Write> Writer for Hosts<W> {
    const ADDRESSES: bool = false;

    fn statement(&mut self, statement: &Statement<'_>) -> io::Result<Said> {
        match (statement.refuses, statement.scope) {
            (true, Scope::Exact | Scope::Subtree) => {
                writeln!(self.0, "0.0.0.0 {}", statement.name)?;
                Ok(Said::As(Scope::Exact))
            }
            (true, Scope::SubdomainsOnly) => Ok(Said::Not(Limit::Refusal)),
            (false, _) => Ok(Said::Not(Limit::Pass)),
        }
    }
}
