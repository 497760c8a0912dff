//! Where a search engine takes what is searched for.

use lists::pull::Url;
use thiserror::Error;

/// An HTML form (GET) that leads to an engine's results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchForm {
    /// Where it leads: an HTTPS URL without a query.
    pub action: String,
    /// Name of the field that takes the words.
    pub parameter: String,
    /// Other fields, with their values.
    pub fixed: Vec<(String, String)>,
}

/// What stands for the words, as in OpenSearch and in browsers' policies.
const WORDS: &str = "{searchTerms}";

impl SearchForm {
    /// From a URL in which `{searchTerms}` is the value of one parameter.
    ///
    /// # Errors
    /// [`FormError`], when it is not such a URL.
    pub fn parse(template: &str) -> Result<Self, FormError> {
        let mut url = Url::parse(template).map_err(|_| FormError::NotAUrl)?;
        if url.scheme() != "https" || url.host().is_none() || url.fragment().is_some() {
            return Err(FormError::NotAUrl);
        }
        let (words, fixed): (Vec<_>, Vec<_>) =
            url.query_pairs().into_owned().partition(|(_, value)| value == WORDS);
        url.set_query(None);
        match <[_; 1]>::try_from(words) {
            Ok([(parameter, _)]) => Ok(Self { action: url.into(), parameter, fixed }),
            Err(_) => Err(FormError::Words),
        }
    }

    /// The origin of its action (RFC 6454), for a Content Security Policy.
    pub fn origin(&self) -> String {
        let after_scheme = "https://".len();
        let end = self.action[after_scheme..].find('/').map(|slash| after_scheme + slash);
        self.action[..end.unwrap_or(self.action.len())].to_owned()
    }
}

/// Why a text is no search form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormError {
    /// It is not a URL of HTTPS.
    #[error("not an https:// URL")]
    NotAUrl,
    /// The words have no place, or several.
    #[error("`{WORDS}` is not the value of one parameter")]
    Words,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let form = SearchForm::parse("https://www.qwantjunior.com/?t=web&q={searchTerms}").unwrap();
        assert_eq!(form.action, "https://www.qwantjunior.com/");
        assert_eq!(form.origin(), "https://www.qwantjunior.com");
        assert_eq!(form.parameter, "q");
        assert_eq!(form.fixed, [("t".to_owned(), "web".to_owned())]);
        let form = SearchForm::parse("https://kids.example:8443/a/b.php?q={searchTerms}").unwrap();
        assert_eq!(form.action, "https://kids.example:8443/a/b.php");
        assert_eq!(form.origin(), "https://kids.example:8443");
        let faults = [
            ("kids.example", FormError::NotAUrl),
            ("http://kids.example/?q={searchTerms}", FormError::NotAUrl),
            ("https://kids.example/?q={searchTerms}#x", FormError::NotAUrl),
            ("https://kids.example/", FormError::Words),
            ("https://kids.example/{searchTerms}", FormError::Words),
            ("https://kids.example/?q={searchTerms}&p={searchTerms}", FormError::Words),
        ];
        for (text, fault) in faults {
            assert_eq!(SearchForm::parse(text), Err(fault), "{text}");
        }
    }
}
