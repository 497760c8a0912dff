//! Folders of categories, as UT1 publishes and squidGuard reads them: `domains`, `urls`,
//! `expressions`.
//!
//! squidGuard takes the first category of its list that matches, not the most specific name. So a
//! name refused inside of what is passed inside of what is refused needs a category of its own.

use std::io::{self, Write};

use filter_core::Scope;

use super::{
    Folder, Limit, expression,
    tree::{Said, Statement, Writer},
};

/// Categories by the level of their statements, last the one that is to be asked first.
const CATEGORIES: [&str; 3] = ["refused", "passed", "refused-again"];

/// Who is to read it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    Ut1,
    Squidguard,
}

pub(super) struct Categories<F: Folder> {
    domains: [F::File; 3],
    urls: F::File,
    expressions: F::File,
}

impl<F: Folder> Categories<F> {
    /// Begins the lists, and writes what stands beside them.
    pub(super) fn create(folder: &mut F, reader: Reader, comment: &[String]) -> io::Result<Self> {
        let mut readme = folder.create("README")?;
        for line in comment {
            writeln!(readme, "{line}")?;
        }
        folder.keep(readme)?;
        match reader {
            Reader::Ut1 => usage(folder)?,
            Reader::Squidguard => configuration(folder)?,
        }
        let mut domains = |category| folder.create(&format!("{category}/domains"));
        Ok(Self {
            domains: [domains(CATEGORIES[0])?, domains(CATEGORIES[1])?, domains(CATEGORIES[2])?],
            urls: folder.create("refused/urls")?,
            expressions: folder.create("refused/expressions")?,
        })
    }

    /// A URL prefix, without its scheme.
    pub(super) fn url(&mut self, prefix: &str) -> io::Result<()> {
        writeln!(self.urls, "{prefix}")
    }

    /// A fragment, in the notation of [`filter_core::Fragment`].
    pub(super) fn fragment(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.expressions, "{}", expression::of_url(text))
    }

    pub(super) fn keep(self, folder: &mut F) -> io::Result<()> {
        let files = self.domains.into_iter().chain([self.urls, self.expressions]);
        files.into_iter().try_for_each(|file| folder.keep(file))
    }
}

impl<F: Folder> Writer for Categories<F> {
    const ADDRESSES: bool = true;

    fn statement(&mut self, statement: &Statement<'_>) -> io::Result<Said> {
        let &Statement { name, scope, refuses, level } = statement;
        let limit = if refuses { Limit::Refusal } else { Limit::Pass };
        let Some(domains) = self.domains.get_mut(level - 1) else { return Ok(Said::Not(limit)) };
        // A wider pass would open what is to be refused; a wider refusal refuses more.
        if !refuses && scope != Scope::Subtree {
            return Ok(Said::Not(limit));
        }
        writeln!(domains, "{name}")?;
        Ok(Said::As(Scope::Subtree))
    }
}

/// The colours of the categories, in UT1's two places.
fn usage(folder: &mut impl Folder) -> io::Result<()> {
    let mut all = folder.create("global_usage")?;
    for category in CATEGORIES {
        let colour = if category == "passed" { "white" } else { "black" };
        let mut usage = folder.create(&format!("{category}/usage"))?;
        writeln!(usage, "{colour}")?;
        folder.keep(usage)?;
        writeln!(all, "NAME: {category}\nDEFAULT_TYPE: {colour}\nSOURCE: Préau\n")?;
    }
    folder.keep(all)
}

/// What `squidGuard.conf` must say: the categories, and the order of their questions.
fn configuration(folder: &mut impl Folder) -> io::Result<()> {
    let mut file = folder.create("squidGuard.conf.example")?;
    writeln!(file, "# `dbhome` is the folder of this file.")?;
    for category in CATEGORIES {
        writeln!(file, "dest {category} {{\n    domainlist {category}/domains")?;
        if category == "refused" {
            writeln!(
                file,
                "    urllist {category}/urls\n    expressionlist {category}/expressions"
            )?;
        }
        writeln!(file, "}}")?;
    }
    writeln!(file, "acl {{\n    default {{\n        pass !refused-again passed !refused any")?;
    writeln!(file, "        redirect http://filter.example/refused\n    }}\n}}")?;
    folder.keep(file)
}
