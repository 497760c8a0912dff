//! What the page is made of: `page.html`, `page.css` and `drawing.svg`, ours or an operator's.

use std::{fs, io, ops::Range, path::Path, sync::Arc};

use data_encoding::BASE64;
use lists::{
    diagnostic::{Diagnostic, TextFile},
    digest::Sha256Digest,
};
use minijinja::{
    AutoEscape, Environment, UndefinedBehavior, Value, syntax::SyntaxConfig, value::Serde,
};
use thiserror::Error;

use super::{colour::Colour, view::View};

const HTML: &str = include_str!("page.html");
const CSS: &str = include_str!("page.css");
const DRAWING: &str = include_str!("drawing.svg");

/// Steps of a template that the engine takes at most; ours takes a few hundred.
const FUEL: u64 = 100_000;

/// The page, but for what it says.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    environment: Arc<Environment<'static>>,
    /// The digest of its style sheet, as a Content Security Policy writes it.
    style: Arc<str>,
    /// What is shown where this cannot be.
    spare: Option<Arc<Template>>,
}

/// A page, ready to be sent.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) html: String,
    /// The digest of its style sheet, as a Content Security Policy writes it.
    pub(super) style: Arc<str>,
}

impl Template {
    /// The page within the program.
    pub(crate) fn built_in(colour: Colour) -> Self {
        Self::of(Parts::default(), colour).expect("tests show it in every state")
    }

    /// The page with those of its files that are in a folder, each in the place of ours.
    ///
    /// # Errors
    /// [`TemplateError`]: one of them cannot be used.
    pub(crate) fn of_folder(folder: &Path, colour: Colour) -> Result<Self, TemplateError> {
        let read = |name: &str| {
            let path = folder.join(name);
            match fs::read_to_string(&path) {
                Ok(text) => Ok(Some(TextFile { path: path.to_string_lossy().into_owned(), text })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(TemplateError::Read { path: path.display().to_string(), error }),
            }
        };
        let [html, css, drawing] = [read("page.html")?, read("page.css")?, read("drawing.svg")?];
        if let (None, None, None) = (&html, &css, &drawing) {
            return Err(TemplateError::Nothing(folder.display().to_string()));
        }
        let ours = Parts::default();
        let parts = Parts {
            html: html.unwrap_or(ours.html),
            css: css.unwrap_or(ours.css),
            drawing: drawing.unwrap_or(ours.drawing),
        };
        let own = Self::of(parts, colour).map_err(TemplateError::Fault)?;
        Ok(Self { spare: Some(Self::built_in(colour).into()), ..own })
    }

    fn of(parts: Parts, colour: Colour) -> Result<Self, Diagnostic> {
        parts.check()?;
        // Browsers read line ends so, too, and then compare digests.
        let css = parts.css.text.replace("\r\n", "\n").replace('\r', "\n");
        let css = format!(":root {{ --main: {colour}; }}\n{css}");
        let html = Arc::new(parts.html);
        let fault = |error: &minijinja::Error| fault(&html, error);
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true);
        environment.set_syntax(syntax.build().expect("delimiters are as by default"));
        environment.set_debug(true); // tells places
        let digest = Sha256Digest::of(css.as_bytes());
        environment.add_global("css", Value::from_safe_string(css));
        environment.add_global("drawing", Value::from_safe_string(parts.drawing.text));
        environment.add_template_owned(NAME, html.text.clone()).map_err(|error| fault(&error))?;
        let style = format!("'sha256-{}'", BASE64.encode(digest.octets())).into();
        let template = Self { environment: environment.into(), style, spare: None };
        for view in View::samples() {
            template.html(&view).map_err(|error| fault(&error))?;
        }
        Ok(template)
    }

    /// The page that says this; the built-in one, where an operator's fails though it took every
    /// sample.
    pub(super) fn render(&self, view: &View<'_>) -> Shown {
        match (self.html(view), &self.spare) {
            (Ok(html), _) => Shown { html, style: self.style.clone() },
            (Err(error), Some(spare)) => {
                // No more of it: the error may hold the name that was asked for.
                let (kind, line) = (error.kind(), error.line().unwrap_or_default());
                tracing::error!("the built-in block page is shown: page.html, line {line}: {kind}");
                spare.render(view)
            }
            (Err(_), None) => Shown { html: String::new(), style: self.style.clone() },
        }
    }

    fn html(&self, view: &View<'_>) -> Result<String, minijinja::Error> {
        self.environment.get_template(NAME)?.render(Serde(view))
    }
}

/// The template's name in its environment.
const NAME: &str = "page.html";

/// The files.
struct Parts {
    html: TextFile,
    css: TextFile,
    drawing: TextFile,
}

/// Those within the program.
impl Default for Parts {
    fn default() -> Self {
        let [html, css, drawing] =
            [("page.html", HTML), ("page.css", CSS), ("drawing.svg", DRAWING)]
                .map(|(path, text)| TextFile { path: path.into(), text: text.into() });
        Self { html, css, drawing }
    }
}

impl Parts {
    /// Whether style sheet and drawing can stand in the page.
    fn check(&self) -> Result<(), Diagnostic> {
        if let Some(at) = self.css.text.find("</") {
            let title = "`</` ends a style sheet that stands in a page";
            return Err(Diagnostic::new(self.css.clone().into(), at..at + 2, title)
                .help("leave it out, or write it as \"<\\/\" within a string"));
        }
        if !self.drawing.text.contains("<svg") {
            return Err(Diagnostic::new(self.drawing.clone().into(), 0..1, "not an SVG drawing")
                .help("save it as plain SVG"));
        }
        Ok(())
    }
}

/// What is wrong with a template, and where.
fn fault(html: &Arc<TextFile>, error: &minijinja::Error) -> Diagnostic {
    let title = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let place = error.range().unwrap_or_else(|| line(&html.text, error.line().unwrap_or(1)));
    Diagnostic::new(html.clone(), place, title)
        .help("docs/block-page.md says what a page can name; the built-in page is shown meanwhile")
}

/// Where a line is, counted from 1.
fn line(text: &str, number: usize) -> Range<usize> {
    let before = text.split_inclusive('\n').take(number.saturating_sub(1)).map(str::len).sum();
    let length = text[before..].lines().next().map_or(0, str::len);
    before..before + length
}

/// Why an operator's own page cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum TemplateError {
    /// There is none.
    #[error("there is no page.html, page.css or drawing.svg in {0}")]
    Nothing(String),
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// A file says what cannot be done.
    #[error("{0}")]
    Fault(Diagnostic),
}
