//! A fault in a text file that a person wrote: where it is, and what to write instead.

use std::{fmt, ops::Range, sync::Arc};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A text file, with the name it is called by in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFile {
    /// Path as the user gave it.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// One fault: `file:line:column`, the line with a caret, and help.
///
/// ```
/// # use lists::diagnostic::{Diagnostic, TextFile};
/// let file = TextFile { path: "sources.toml".into(), text: "name = 3\n".into() };
/// let fault = Diagnostic::new(file.into(), 7..8, "a name is text").label("this is a number");
/// assert_eq!(fault.location(), (1, 8));
/// assert_eq!(
///     fault.to_string(),
///     "error: a name is text\n --> sources.toml:1:8\n  |\n1 | name = 3\n  |        ^ this is a number"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    file: Arc<TextFile>,
    title: String,
    span: Range<usize>,
    label: Option<String>,
    related: Vec<(Range<usize>, String)>,
    help: Vec<String>,
}

impl Diagnostic {
    /// A fault at the octets `span` of the file; `title` says what is wrong. A span that is not
    /// within the text is cut to it.
    pub fn new(file: Arc<TextFile>, span: Range<usize>, title: impl Into<String>) -> Self {
        let span = within(&file.text, span);
        Self { file, title: title.into(), span, label: None, related: Vec::new(), help: Vec::new() }
    }

    /// A few words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Another place that has to do with it, such as a first definition.
    #[must_use]
    pub fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related.push((within(&self.file.text, span), label.into()));
        self
    }

    /// What to do about it; may be called several times.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Line and column of the fault, from 1; the column counts characters.
    pub fn location(&self) -> (usize, usize) {
        let before = &self.file.text[..self.span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The message, with terminal colours.
    pub fn colored(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut primary = AnnotationKind::Primary.span(self.span.clone());
        if let Some(label) = &self.label {
            primary = primary.label(label);
        }
        let related = self
            .related
            .iter()
            .map(|(span, label)| AnnotationKind::Context.span(span.clone()).label(label));
        let snippet = Snippet::source(&self.file.text)
            .path(&self.file.path)
            .annotation(primary)
            .annotations(related);
        let fault = Level::ERROR.primary_title(&self.title).element(snippet);
        let help =
            self.help.iter().map(|help| Group::with_title(Level::HELP.secondary_title(help)));
        renderer.render(&std::iter::once(fault).chain(help).collect::<Vec<_>>())
    }
}

/// The message as plain text.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl std::error::Error for Diagnostic {}

/// Cuts a span to the text and to character boundaries.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start);
    start..boundary(span.end).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Arc<TextFile> {
        Arc::new(TextFile { path: "a.toml".into(), text: text.into() })
    }

    #[test]
    fn locations_count_lines_and_characters() {
        let cases = [("x", 0, (1, 1)), ("a\nbé c", 5, (2, 3)), ("a\n", 2, (2, 1)), ("", 9, (1, 1))];
        for (text, at, expected) in cases {
            let fault = Diagnostic::new(file(text), at..at + 1, "t");
            assert_eq!(fault.location(), expected, "{text:?} at {at}");
        }
    }

    #[test]
    fn spans_never_split_a_character() {
        let fault = Diagnostic::new(file("é"), 1..99, "t");
        assert_eq!(fault.location(), (1, 1));
        assert!(fault.to_string().contains("a.toml:1:1"));
    }

    #[test]
    fn related_places_and_help_are_shown() {
        let fault = Diagnostic::new(file("a = 1\nb = 2\n"), 6..7, "twice")
            .label("again")
            .related(0..1, "first")
            .help("drop one");
        let expected = "\
error: twice
 --> a.toml:2:1
  |
1 | a = 1
  | - first
2 | b = 2
  | ^ again
  |
help: drop one";
        assert_eq!(fault.to_string(), expected);
        assert!(fault.colored().contains("\u{1b}["));
    }
}
