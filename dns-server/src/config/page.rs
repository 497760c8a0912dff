//! `[page]`: the web page that refused names lead to.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
};

use lists::{diagnostic::Diagnostic, pull::Url};

use super::{Spanned, typed, validated::Check};
use crate::{
    policy::{
        refusal::Contact,
        search::{Engine, SearchTable},
    },
    web::{
        block_page::{
            colour::Colour,
            template::{Template, TemplateError},
        },
        certificates::Certifiers,
    },
};

/// The engine that children are sent to.
pub(super) const SEARCH: &str = "qwant-junior";
/// Characters of a town's name.
const MOST_TOWN: usize = 100;

/// The web page that refused names lead to.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is shown: what profiles that refuse so answer. IPv4 first.
    pub addresses: Arc<[IpAddr]>,
    /// Where this server shows it over HTTP; none: another one does. Changing it takes a restart.
    pub listen: Vec<SocketAddr>,
    /// Where it does over HTTPS. Changing it takes a restart.
    pub https: Vec<SocketAddr>,
    /// Who certifies it there.
    pub(crate) certifiers: Certifiers,
    /// Who protects its schools.
    pub town: Option<String>,
    /// The way back.
    pub home: Option<String>,
    /// Where its search box leads; it has none where that takes no searches.
    pub search: Option<Engine>,
    /// Whom it names.
    pub contact: Arc<Contact>,
    /// What it is made of.
    pub(crate) template: Template,
    /// Why it is not made of the operator's own files.
    pub(super) fault: Option<Diagnostic>,
}

impl Check {
    /// The block page. Relative paths start from `folder`.
    pub(super) fn page(
        &mut self,
        written: &typed::Page,
        contact: &Arc<Contact>,
        engines: &SearchTable,
        folder: &Path,
    ) -> Page {
        let mut addresses = self.addresses(&written.addresses);
        addresses.sort_unstable(); // IPv4 first
        let colour = match &written.colour {
            Some(written) => self.colour(written),
            None => Colour::default(),
        };
        let built_in = Template::built_in(colour);
        let (template, fault) = match &written.template {
            None => (built_in, None),
            Some(own) => match Template::of_folder(&folder.join(own.get_ref()), colour) {
                Ok(template) => (template, None),
                Err(TemplateError::Fault(fault)) => (built_in, Some(fault)),
                Err(error) => {
                    let help = "name a folder of your own page.html, page.css or drawing.svg";
                    let fault = self.diagnostic(own.span(), error.to_string()).help(help);
                    (built_in, Some(fault))
                }
            },
        };
        Page {
            addresses: addresses.into(),
            listen: written.listen.as_ref().map(|listen| self.page_at(listen)).unwrap_or_default(),
            https: written.https.as_ref().map(|https| self.page_at(https)).unwrap_or_default(),
            certifiers: self.certifiers(written, folder),
            town: written.town.as_ref().map(|town| self.town(town)),
            home: written.home.as_ref().map(|home| self.home(home)),
            search: self.engine(written.search.as_ref(), engines),
            contact: contact.clone(),
            template,
            fault,
        }
    }

    fn page_at(&mut self, written: &Spanned<Vec<Spanned<String>>>) -> Vec<SocketAddr> {
        let mut addresses = Vec::new();
        for text in written.get_ref() {
            match text.get_ref().parse() {
                Ok(address) => addresses.push(address),
                Err(_) => {
                    let title = format!("`{}` is not an address and a port", text.get_ref());
                    self.fault(
                        text.span(),
                        title,
                        "write \"10.0.0.80:80\" or \"[2001:db8::80]:80\"",
                    );
                }
            }
        }
        addresses
    }

    fn town(&mut self, written: &Spanned<String>) -> String {
        let town = written.get_ref();
        if town.trim().is_empty() || town.chars().count() > MOST_TOWN {
            let help = "write a short name, such as \"Villeneuve\", or leave it out";
            let title = format!("a name of 1 to {MOST_TOWN} characters is expected");
            self.fault(written.span(), title, help);
        }
        town.clone()
    }

    fn home(&mut self, written: &Spanned<String>) -> String {
        let url = Url::parse(written.get_ref()).ok();
        let url = url.filter(|url| matches!(url.scheme(), "https" | "http"));
        if url.is_none() {
            let title = format!("`{}` is not the URL of a page", written.get_ref());
            self.fault(written.span(), title, "write \"https://ent.example.org/\"");
        }
        url.map(String::from).unwrap_or_default()
    }

    /// Its engine must take searches.
    fn engine(
        &mut self,
        written: Option<&Spanned<String>>,
        engines: &SearchTable,
    ) -> Option<Engine> {
        let id = written.map_or(SEARCH, |id| id.get_ref());
        let found = engines.engine(id);
        if let (Some(written), true) = (written, found.is_none_or(|engine| engine.form.is_none())) {
            let title = match found {
                Some(_) => format!("it is not known where `{id}` takes searches"),
                None => format!("there is no search engine `{id}` in the table"),
            };
            let with_form = engines.all().iter().filter(|engine| engine.form.is_some());
            let known: Vec<_> = with_form.map(|engine| engine.id.as_str()).collect();
            let help = format!(
                "write one of {}; another one needs a row with `search_url` in a file of yours: \
                 [search] engines_file",
                known.join(", ")
            );
            self.fault(written.span(), title, help);
        }
        found.cloned()
    }

    fn colour(&mut self, written: &Spanned<String>) -> Colour {
        written.get_ref().parse().unwrap_or_else(|error| {
            let help = format!(
                "write two hexadecimal digits each of red, green and blue: \"{}\"",
                Colour::default()
            );
            self.fault(written.span(), format!("`{}` {error}", written.get_ref()), help);
            Colour::default()
        })
    }
}
