//! `[[code]]`: codes by which teachers let a name through for a while.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    ops::{Range, RangeInclusive},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Group, Spanned, schedule::SchoolYear, typed, validated::Check};
use crate::{
    code::{CodeDigest, CodeError},
    policy::schedule::Hours,
};

/// A code of teachers, and what it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its name in the audit log.
    pub id: String,
    /// What it is compared with.
    pub digest: CodeDigest,
    /// Names of the groups that it holds for.
    pub groups: BTreeSet<String>,
    /// The longest that it lets a name through.
    pub longest: Duration,
    /// Categories that stay refused.
    pub never: BTreeSet<String>,
    /// When it may be typed; none: at all times.
    pub hours: Vec<Hours>,
}

/// What nobody needs in a lesson, and what leads around the filter.
pub(super) const NEVER: [&str; 8] =
    ["porn", "violence", "hate", "malware", "phishing", "scam", "hacking", "bypass"];
/// How long a lesson is.
pub(super) const LONGEST: Duration = Duration::from_secs(60 * 60);
/// What `longest` may be.
const LONGEST_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(24 * 60 * 60);
/// Octets of a file with a code.
const FILE: u64 = 4096;
/// Characters of an id.
const ID: usize = 64;

impl typed::Code {
    /// Every category that the file names, and where.
    pub(super) fn categories(&self) -> impl Iterator<Item = (String, Range<usize>)> {
        self.never.iter().flatten().map(|name| (name.get_ref().clone(), name.span()))
    }
}

impl Check {
    /// Relative paths start from `folder`.
    pub(super) fn codes(
        &mut self,
        written: &[typed::Code],
        groups: &[Group],
        year: &SchoolYear,
        folder: &Path,
    ) -> Vec<Code> {
        let mut ids: BTreeMap<&str, Range<usize>> = BTreeMap::new();
        let mut digests: BTreeMap<String, Range<usize>> = BTreeMap::new();
        let mut checked = Vec::new();
        for code in written {
            let (id, at) = (code.id.get_ref(), code.id.span());
            let is_plain = |symbol: char| symbol.is_alphanumeric() || "-_.".contains(symbol);
            if id.is_empty() || id.chars().count() > ID || !id.chars().all(is_plain) {
                let help = "write letters, digits, -, _ and dots only, such as \"college-jaures\"";
                self.fault(at.clone(), format!("`{id}` is not the id of a code"), help);
            }
            if let Some(first) = ids.insert(id, at.clone()) {
                let title = format!("two codes are called `{id}`");
                self.repeated(first, at, title, "give each its own id");
            }
            let digest = self.code(&code.file, folder);
            if let Some(digest) = &digest
                && let Some(first) = digests.insert(digest.to_string(), code.file.span())
            {
                let title = "two codes are the same".to_owned();
                let help = "nobody could tell which was used: make another, preau code";
                self.repeated(first, code.file.span(), title, help);
            }
            let own = self.groups_of_code(&code.groups, groups);
            let mut hours = Vec::new();
            for typed::Hours { days, from, to, during } in &code.hours {
                hours.extend(self.hours(days.as_ref(), from, to, during.as_ref()));
                if let Some(during) = during {
                    let own = groups.iter().filter(|group| own.contains(&group.name));
                    self.needs_calendar(during, own, year);
                }
            }
            let longest = self.time(code.longest.as_ref(), &LONGEST_RANGE, "\"1m\" to \"1d\"");
            let never = match &code.never {
                Some(never) => never.iter().map(|name| name.get_ref().clone()).collect(),
                None => NEVER.map(str::to_owned).into(),
            };
            checked.extend(digest.map(|digest| Code {
                id: id.clone(),
                digest,
                groups: own,
                longest: longest.unwrap_or(LONGEST),
                never,
                hours,
            }));
        }
        checked
    }

    fn groups_of_code(
        &mut self,
        written: &Spanned<Vec<Spanned<String>>>,
        groups: &[Group],
    ) -> BTreeSet<String> {
        if written.get_ref().is_empty() {
            let help = "name at least one, such as groups = [\"pupils\"]";
            self.fault(written.span(), "a code for no group", help);
        }
        for name in written.get_ref() {
            if !groups.iter().any(|group| group.name == *name.get_ref()) {
                let known: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
                let title = format!("unknown group `{}`", name.get_ref());
                self.fault(name.span(), title, format!("the groups are {}", known.join(", ")));
            }
        }
        written.get_ref().iter().map(|name| name.get_ref().clone()).collect()
    }

    /// The code in a file that is not for everybody to read.
    fn code(&mut self, written: &Spanned<PathBuf>, folder: &Path) -> Option<CodeDigest> {
        let path = folder.join(written.get_ref());
        let shown = path.display();
        let (title, help) = match read(&path) {
            Ok((_, mode)) if mode & 0o007 != 0 => (
                format!("everybody on this machine may read {shown}"),
                format!(
                    "chmod 640 {shown}, and give it to the server's group: chgrp preau {shown}"
                ),
            ),
            Ok((text, _)) => match text.parse() {
                Ok(digest) => return Some(digest),
                Err(error @ CodeError::Weak) => (
                    format!("the code in {shown} is easily guessed"),
                    format!("{error}; have one made: preau code --out {shown}"),
                ),
                Err(error) => (
                    format!("{shown} holds no code: {error}"),
                    format!("have one made: preau code --out {shown}"),
                ),
            },
            Err(error) => (
                format!("cannot read {shown}: {error}"),
                "name a file with a code, or its digest, that the server's user may read; `preau \
                 code --out FILE` makes one"
                    .to_owned(),
            ),
        };
        self.fault(written.span(), title, help);
        None
    }
}

/// A file's text, and who may read it.
fn read(path: &Path) -> io::Result<(String, u32)> {
    let file = fs::metadata(path)?;
    if !file.is_file() || file.len() > FILE {
        return Err(io::Error::other("it is not a file of a line"));
    }
    Ok((fs::read_to_string(path)?, file.mode()))
}
