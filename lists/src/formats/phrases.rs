//! e2guardian's phrase lists: `< word ><10>`, `<one>,<other><50>`, `<word><-20>`.
//!
//! A phrase without a weight is banned, or passed in a list that is named `exception…`. A space
//! within the brackets stands for the end of a word. Weights in percent are skipped.

use std::{fs, path::Path};

use filter_core::{Phrase, PhraseError, Weight};

use super::{Kind, ListFile, Out, Part, ReadError, ReadOptions, Rule, Sink, Skip};

/// What Debian and the e2guardian project begin the names of phrase lists with.
const LIST_NAMES: [&str; 3] = ["banned", "weighted", "exception"];
/// How deep a tree of phrase lists goes: real ones have two.
const MAX_DEPTH: usize = 4;

/// What a phrase without a weight does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unweighted {
    Banned,
    Exception,
}

impl Unweighted {
    /// By the name of the list: `exceptionphraselist`, `goodphrases/exception_email`.
    pub(crate) fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("exception") { Self::Exception } else { Self::Banned }
    }
}

/// The phrase lists of a tree, by their names: `banned`, `weighted_french`, `exception_email`.
pub(crate) fn phrase_lists(tree: &Path) -> Result<Vec<ListFile>, ReadError> {
    let mut lists = Vec::new();
    let mut folders = vec![(tree.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (name, kind, path) = (entry.file_name(), entry.file_type()?, entry.path());
            let name = name.to_string_lossy();
            if kind.is_dir() && depth < MAX_DEPTH {
                folders.push((path, depth + 1));
            } else if kind.is_file() && LIST_NAMES.iter().any(|start| name.starts_with(start)) {
                lists.push(ListFile::new(Part::Phrases(Unweighted::of(&path)), path));
            }
        }
    }
    lists.sort_by(|a, b| a.path.cmp(&b.path));
    if lists.is_empty() { Err(ReadError::NoPhraseLists) } else { Ok(lists) }
}

/// A line of a phrase list.
pub(super) fn banned_line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    line(text, Weight::Banned, options, out)
}

/// A line of a list of exceptions.
pub(super) fn exception_line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    line(text, Weight::Exception, options, out)
}

fn line<S: Sink>(
    text: &str,
    unweighted: Weight,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let entry = out.context.entry(text, options, |text| text)?;
    if !is_text(entry) {
        return Err(Skip::Encoding);
    }
    out.plain(Rule::Phrase(&phrase(entry, unweighted)?))
}

/// Reads a phrase; a comment may follow it.
fn phrase(entry: &str, unweighted: Weight) -> Result<Phrase, Skip> {
    let mut terms = Vec::new();
    let (first, mut rest) = bracketed(entry).ok_or(Skip::Syntax)?;
    terms.push(first);
    while let Some((term, after)) = rest.trim_start().strip_prefix(',').and_then(bracketed) {
        terms.push(term);
        rest = after;
    }
    let weight = match bracketed(rest) {
        Some((weight, after)) => {
            rest = after;
            self::weight(weight)?
        }
        None => unweighted,
    };
    if !matches!(rest.trim_start().chars().next(), None | Some('#')) {
        return Err(Skip::Syntax);
    }
    Ok(Phrase::new(terms, weight)?)
}

/// What stands between the angle brackets that `text` begins with, and what follows them.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    text.trim_start().strip_prefix('<')?.split_once('>')
}

fn weight(text: &str) -> Result<Weight, Skip> {
    let text = text.trim();
    if text.strip_suffix('%').is_some_and(|share| share.parse::<i32>().is_ok()) {
        return Err(Skip::PercentWeight);
    }
    text.parse().map(Weight::Score).map_err(|_| Skip::Syntax)
}

/// False for text in another encoding than UTF-8 and Latin-1, which was read as Latin-1: Windows-1251,
/// Big5 and others show as control characters, or as words of nothing but accented letters.
fn is_text(text: &str) -> bool {
    let mut accented = 0;
    text.chars().all(|character| {
        let in_latin_1 = ('\u{a0}'..='\u{ff}').contains(&character);
        accented = if in_latin_1 { accented + 1 } else { 0 };
        accented < 3 && !('\u{80}'..'\u{a0}').contains(&character)
    })
}

impl From<PhraseError> for Skip {
    fn from(error: PhraseError) -> Self {
        match error {
            PhraseError::EmptyTerm => Self::EmptyTerm,
            PhraseError::TooLong => Self::PhraseTooLong,
            PhraseError::Character => Self::Character,
            _ => Self::Syntax,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases() {
        let cases = [
            ("<sex><10>", Ok("<sex><10>")),
            ("< Sex ><-10>", Ok("< sex ><-10>")),
            ("<b>,<a><50>", Ok("<a>,<b><50>")),
            ("<b>,<a>,<c>", Ok("<a>,<b>,<c><ban>")),
            ("<a>, <b> ,<c> <5>", Ok("<a>,<b>,<c><5>")),
            ("<a><5> # why", Ok("<a><5>")),
            ("<a><5>#why", Ok("<a><5>")),
            ("<100% porn><80>", Ok("<100% porn><80>")),
            ("<a, b><5>", Ok("<a, b><5>")),
            ("<a><10%>", Err(Skip::PercentWeight)),
            ("<a><x>", Err(Skip::Syntax)),
            ("<a><99999999999>", Err(Skip::Syntax)),
            ("<a><5><6>", Err(Skip::Syntax)),
            ("<a>,b<5>", Err(Skip::Syntax)),
            ("<a", Err(Skip::Syntax)),
            ("a", Err(Skip::Syntax)),
            ("<a> b", Err(Skip::Syntax)),
            ("<><5>", Err(Skip::EmptyTerm)),
            ("<a>,< ><5>", Err(Skip::EmptyTerm)),
            ("<a<b><5>", Err(Skip::Character)),
        ];
        for (text, expected) in cases {
            let read = phrase(text, Weight::Banned).map(|phrase| phrase.to_string());
            assert_eq!(read, expected.map(str::to_owned), "{text}");
        }
        assert_eq!(phrase("<a>", Weight::Exception).unwrap().weight(), Weight::Exception);
    }

    #[test]
    fn other_encodings() {
        for text in ["<été>", "<tête moi>", "<naïveté><5>", "<порно><5>", "<色情><5>", "<plain>"]
        {
            assert!(is_text(text), "{text}");
        }
        // `порно` in Windows-1251, `色情` in Big5, read as Latin-1.
        for text in ["<ïîðíî><5>", "<\u{a6}\u{e2}\u{b1}\u{a1}><5>", "<\u{95}x>"] {
            assert!(!is_text(text), "{text}");
        }
    }
}
