//! AdBlock DNS syntax, as AdGuard Home and AdGuard DNS read it. There, a rule does not win by being
//! more specific but by its rank, of which there are four: `||d^`, `@@||d^`, `||d^$important`,
//! `@@||d^$important`. So can statements be four deep.

use std::io::{self, Write};

use filter_core::Scope;

use super::{
    Limit, expression,
    tree::{Said, Statement, Writer},
};

pub(super) struct Adblock<W>(pub(super) W);

impl<W: Write> Writer for Adblock<W> {
    /// AdGuard Home would look for them in answers, too.
    const ADDRESSES: bool = false;

    fn statement(&mut self, statement: &Statement<'_>) -> io::Result<Said> {
        let &Statement { name, scope, refuses, level } = statement;
        let rank = match level {
            1 | 2 => "",
            3 | 4 => "$important",
            _ => return Ok(Said::Not(if refuses { Limit::Refusal } else { Limit::Pass })),
        };
        let exception = if refuses { "" } else { "@@" };
        let anchor = match scope {
            Scope::Exact => "|",
            Scope::Subtree => "||",
            Scope::SubdomainsOnly => "||*.",
        };
        writeln!(self.0, "{exception}{anchor}{name}^{rank}")?;
        Ok(Said::As(scope))
    }
}

impl<W: Write> Adblock<W> {
    /// A fragment, in the notation of [`filter_core::Fragment`].
    pub(super) fn fragment(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.0, "/{}/", expression::of_host(text))
    }

    /// An expression on the host name. The syntax is that of the `regex` crate, which is RE2's, which
    /// is AdGuard Home's.
    pub(super) fn expression(&mut self, text: &str) -> io::Result<bool> {
        let one_line = !text.contains(char::is_control);
        if one_line {
            writeln!(self.0, "/{text}/")?;
        }
        Ok(one_line)
    }
}
