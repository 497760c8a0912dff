//! The configuration, as typed and then checked.

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, ops::Range, path::Path, sync::Arc};

use lists::diagnostic::{Diagnostic, TextFile};
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use crate::{
    Audience, Choice, Doh, Extensions, NewTab, Rollout, RolloutError, YouTube,
    authority::Authority,
    engine::{SearchEngine, TABLE, TERMS},
};

/// The file as typed. `data/example.toml` says what each key is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    audience: Vec<TypedAudience>,
    #[serde(default)]
    engine: Vec<TypedEngine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedEngine {
    id: Spanned<String>,
    label: Spanned<String>,
    keyword: Option<Spanned<String>>,
    url: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedAudience {
    name: Spanned<String>,
    search: Option<Spanned<String>>,
    search_locked: Option<Spanned<bool>>,
    doh: Option<Spanned<String>>,
    #[serde(default)]
    safe_search: bool,
    youtube: Option<Spanned<String>>,
    #[serde(default = "yes")]
    private_browsing: bool,
    #[serde(default = "yes")]
    guest: bool,
    home_page: Option<Spanned<String>>,
    home_page_locked: Option<Spanned<bool>>,
    new_tab: Option<Spanned<String>>,
    extensions: Option<TypedExtensions>,
    #[serde(default = "yes")]
    prefetch: bool,
    #[serde(default = "yes")]
    quic: bool,
    authority: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedExtensions {
    #[serde(default)]
    chrome: Vec<Spanned<String>>,
    #[serde(default)]
    edge: Vec<Spanned<String>>,
    #[serde(default)]
    firefox: Vec<Spanned<String>>,
}

fn yes() -> bool {
    true
}

/// Reads and checks a file.
pub(crate) fn parse(path: &str, text: &str, folder: &Path) -> Result<Rollout, RolloutError> {
    let file = Arc::new(TextFile { path: path.to_owned(), text: text.to_owned() });
    let typed: Typed = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        RolloutError::Invalid(vec![Diagnostic::new(file.clone(), span, error.message())])
    })?;
    let mut check = Check { file, faults: Vec::new() };
    let engines = check.engines(&typed.engine);
    let audiences = check.audiences(&typed.audience, &engines, folder);
    match check.faults.is_empty() {
        true => Ok(Rollout { audiences }),
        false => Err(RolloutError::Invalid(check.faults)),
    }
}

/// A file being checked, and what is wrong with it so far.
struct Check {
    file: Arc<TextFile>,
    faults: Vec<Diagnostic>,
}

impl Check {
    fn fault(&mut self, at: Range<usize>, title: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Diagnostic::new(self.file.clone(), at, title).help(help));
    }

    /// Notes that `again` repeats what stands at `first`.
    fn repeated(&mut self, first: Range<usize>, again: Range<usize>, title: String, help: &str) {
        let fault = Diagnostic::new(self.file.clone(), again, title);
        self.faults.push(fault.label("again").related(first, "first here").help(help));
    }

    /// The engines of the table, and those of the file.
    fn engines(&mut self, typed: &[TypedEngine]) -> Vec<SearchEngine> {
        let mut engines = TABLE.engines.clone();
        let mut seen: Vec<&Spanned<String>> = Vec::new();
        for TypedEngine { id, label, keyword, url } in typed {
            let help = "call it otherwise: each engine is named once";
            if let Some(first) = seen.iter().find(|first| first.get_ref() == id.get_ref()) {
                self.repeated(
                    first.span(),
                    id.span(),
                    format!("engine `{}` twice", id.get_ref()),
                    help,
                );
            } else if TABLE.engines.iter().any(|engine| engine.id == *id.get_ref()) {
                let title = format!("there is an engine `{}` already", id.get_ref());
                self.fault(id.span(), title, help);
            }
            seen.push(id);
            for text in [id, label].into_iter().chain(keyword) {
                if text.get_ref().trim().is_empty() || text.get_ref().contains(char::is_control) {
                    self.fault(text.span(), "a name is a line of text", "write a few letters");
                }
            }
            let keyword = keyword.as_ref().unwrap_or(id);
            if keyword.get_ref().contains(char::is_whitespace) {
                let help = "write one word, such as \"ent\"";
                self.fault(keyword.span(), "a keyword has no spaces", help);
            }
            if !url.get_ref().contains(TERMS) {
                let help = "write {searchTerms} where the search goes, such as \
                            \"https://ent.example/search?q={searchTerms}\"";
                self.fault(url.span(), "nothing stands for the search", help);
            } else {
                self.url(url, &["https"], "https://ent.example/search?q={searchTerms}");
            }
            engines.push(SearchEngine::new(
                id.get_ref().clone(),
                label.get_ref().clone(),
                keyword.get_ref().clone(),
                url.get_ref().clone(),
            ));
        }
        engines
    }

    fn audiences(
        &mut self,
        typed: &[TypedAudience],
        engines: &[SearchEngine],
        folder: &Path,
    ) -> Vec<Audience> {
        if typed.is_empty() {
            let help = "add [[audience]] with a name; `preau rollout --example` prints one";
            self.fault(0..0, "no audience", help);
        }
        let mut seen: Vec<&Spanned<String>> = Vec::new();
        let mut audiences = Vec::new();
        for audience in typed {
            let name = &audience.name;
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let text = name.get_ref();
            if text.is_empty() || text.len() > 40 || !text.chars().all(is_plain) {
                let help = "write 1 to 40 of a-z, 0-9 and hyphens, such as \"pupils\"";
                self.fault(name.span(), "not the name of an audience, nor of its folder", help);
            }
            if let Some(first) = seen.iter().find(|first| first.get_ref() == text) {
                let title = format!("audience `{text}` twice");
                self.repeated(first.span(), name.span(), title, "call one of them otherwise");
            }
            seen.push(name);
            audiences.push(self.audience(audience, engines, folder));
        }
        audiences
    }

    fn audience(
        &mut self,
        typed: &TypedAudience,
        engines: &[SearchEngine],
        folder: &Path,
    ) -> Audience {
        let search = typed.search.as_ref().and_then(|id| {
            let engine = engines.iter().find(|engine| engine.id == *id.get_ref()).cloned();
            if engine.is_none() {
                let known: Vec<_> = engines.iter().map(|engine| engine.id.as_str()).collect();
                let title = format!("no engine `{}`", id.get_ref());
                let help = format!("name one of {}, or add an [[engine]]", known.join(", "));
                self.fault(id.span(), title, help);
            }
            engine
        });
        let search = search.map(|value| Choice { value, locked: locked(&typed.search_locked) });
        self.needs("search", typed.search.is_some(), "search_locked", &typed.search_locked);
        if let Some(home_page) = &typed.home_page {
            self.url(home_page, &["https", "http"], "https://ent.example/");
        }
        self.needs(
            "home_page",
            typed.home_page.is_some(),
            "home_page_locked",
            &typed.home_page_locked,
        );
        let home_page = typed.home_page.as_ref().map(|url| Choice {
            value: url.get_ref().clone(),
            locked: locked(&typed.home_page_locked),
        });
        let new_tab = typed.new_tab.as_ref().map(|written| match written.get_ref().as_str() {
            "blank" => NewTab::Blank,
            url => {
                self.url(written, &["https", "http"], "https://ent.example/\", or \"blank");
                NewTab::Url(url.to_owned())
            }
        });
        Audience {
            name: typed.name.get_ref().clone(),
            search,
            doh: typed.doh.as_ref().map_or(Doh::Off, |doh| self.doh(doh)),
            safe_search: typed.safe_search,
            youtube: typed.youtube.as_ref().map_or(YouTube::Off, |mode| self.youtube(mode)),
            private_browsing: typed.private_browsing,
            guest: typed.guest,
            home_page,
            new_tab,
            extensions: typed.extensions.as_ref().map(|extensions| self.extensions(extensions)),
            prefetch: typed.prefetch,
            quic: typed.quic,
            authority: typed.authority.as_ref().and_then(|path| self.authority(path, folder)),
        }
    }

    /// A key that says how firm another is, without that other.
    fn needs(&mut self, of: &str, is_there: bool, key: &str, written: &Option<Spanned<bool>>) {
        if let (false, Some(written)) = (is_there, written) {
            let help = format!("add `{of}`, or drop `{key}`");
            self.fault(written.span(), format!("`{key}` without `{of}`"), help);
        }
    }

    fn doh(&mut self, written: &Spanned<String>) -> Doh {
        const EXAMPLE: &str = "https://dns.school.example/dns-query\", or \"off";
        match written.get_ref().as_str() {
            "off" => return Doh::Off,
            url if url.contains(['{', '}']) => {
                let help = "drop what is in braces: without it browsers ask by POST, which Firefox \
                            does in any case";
                self.fault(written.span(), "a template, where Firefox takes an address", help);
            }
            _ => self.url(written, &["https"], EXAMPLE),
        }
        Doh::Url(written.get_ref().clone())
    }

    fn youtube(&mut self, written: &Spanned<String>) -> YouTube {
        match written.get_ref().as_str() {
            "strict" => YouTube::Strict,
            "moderate" => YouTube::Moderate,
            "off" => YouTube::Off,
            other => {
                let help = "write \"strict\", \"moderate\" or \"off\"";
                self.fault(written.span(), format!("no restricted mode `{other}`"), help);
                YouTube::Off
            }
        }
    }

    fn extensions(&mut self, written: &TypedExtensions) -> Extensions {
        const STORE: &str = "write the 32 letters, a to p, that end its address in the store";
        const ADD_ON: &str = "write what about:debugging shows as its ID, such as \
                              \"uBlock0@raymondhill.net\" or \"{…}\" with a UUID";
        let is_store_id =
            |id: &str| id.len() == 32 && id.bytes().all(|octet| (b'a'..=b'p').contains(&octet));
        Extensions {
            chrome: self.ids(&written.chrome, is_store_id, STORE),
            edge: self.ids(&written.edge, is_store_id, STORE),
            firefox: self.ids(&written.firefox, is_add_on_id, ADD_ON),
        }
    }

    fn ids(
        &mut self,
        written: &[Spanned<String>],
        is_id: impl Fn(&str) -> bool,
        help: &str,
    ) -> BTreeSet<String> {
        for id in written {
            if !is_id(id.get_ref()) {
                let title = format!("`{}` is no extension's id", id.get_ref());
                self.fault(id.span(), title, help);
            }
        }
        written.iter().map(|id| id.get_ref().clone()).collect()
    }

    fn authority(&mut self, written: &Spanned<String>, folder: &Path) -> Option<Authority> {
        const HELP: &str = "name a PEM file with one certificate, that of the authority";
        let path = folder.join(written.get_ref());
        let parsed = std::fs::read(&path)
            .map_err(|error| error.to_string())
            .and_then(|text| Authority::parse(&text));
        match parsed {
            Ok(authority) => Some(authority),
            Err(error) => {
                let title = format!("`{}` cannot be rolled out: {error}", written.get_ref());
                self.fault(written.span(), title, HELP);
                None
            }
        }
    }

    /// Notes what is wrong with a URL; `example` is a right one.
    fn url(&mut self, written: &Spanned<String>, schemes: &[&str], example: &str) {
        let wrong = match Url::parse(written.get_ref()) {
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                format!("it does not begin with {}://", schemes.join(":// or "))
            }
            Err(error) => error.to_string(),
            Ok(url) if !schemes.contains(&url.scheme()) => {
                format!("its scheme is not {}", schemes.join(" or "))
            }
            // A password in a policy file is everybody's.
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "there is a user's name in it".to_owned()
            }
            Ok(_) if written.get_ref().contains(is_foreign) => {
                "there are characters in it that a URL does not have".to_owned()
            }
            Ok(_) => return,
        };
        let title = format!("`{}` cannot be used: {wrong}", written.get_ref().escape_default());
        self.fault(written.span(), title, format!("write a URL such as \"{example}\""));
    }
}

/// No URL has these, and some file that it goes into would take them for its own.
fn is_foreign(c: char) -> bool {
    c.is_control() || c.is_whitespace() || "\"\\<>".contains(c)
}

/// Firm, unless the file says otherwise.
fn locked(written: &Option<Spanned<bool>>) -> bool {
    written.as_ref().is_none_or(|locked| *locked.get_ref())
}

/// An add-on is named by something like an address, or by a UUID in braces (addons.mozilla.org).
fn is_add_on_id(id: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match id.strip_prefix('{').and_then(|id| id.strip_suffix('}')) {
        Some(uuid) => {
            let parts: Vec<_> = uuid.split('-').map(str::len).collect();
            parts == [8, 4, 4, 4, 12] && uuid.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
        }
        None => id.split_once('@').is_some_and(|(name, at)| {
            name.chars().all(is_plain) && !at.is_empty() && at.chars().all(is_plain)
        }),
    }
}
