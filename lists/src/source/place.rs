//! Where a list is: a path, or a URL and the conditions for fetching it.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use thiserror::Error;
use toml::Spanned;
use url::Url;

use super::Check;

/// Where a list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, or the directory of one UT1/squidGuard category.
    Path(PathBuf),
    /// Somewhere else: it is fetched first.
    Url(Remote),
}

/// A list that is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// `https:`, or `http:` where the source allows it.
    pub url: Url,
    /// Whether it may come unencrypted.
    pub allow_http: bool,
    /// Whether its server may be this machine or one of a private network.
    pub allow_private: bool,
    /// When it may be fetched; any time where there is none.
    pub window: Option<Window>,
}

/// Hours of the day, in UTC, from the first minute to the one before the last: `19:00-08:00` runs
/// over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: u16,
    to: u16,
}

/// Minutes of a day.
const DAY: u16 = 24 * 60;

impl Window {
    /// True at that minute of the day in UTC.
    pub fn contains(self, minute: u16) -> bool {
        match self.from <= self.to {
            true => (self.from..self.to).contains(&minute),
            false => minute >= self.from || minute < self.to,
        }
    }
}

/// Not `HH:MM-HH:MM`, or an empty stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not hours of a day in UTC, such as `19:00-08:00`")]
pub struct WindowError;

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let (from, to) = text.split_once('-').ok_or(WindowError)?;
        let (from, to) = (minute(from)?, minute(to)?);
        if from == to || from == DAY { Err(WindowError) } else { Ok(Self { from, to }) }
    }
}

/// `08:30`; `24:00` ends a day.
fn minute(text: &str) -> Result<u16, WindowError> {
    let number = |digits: &str| {
        let is_number = digits.len() == 2 && digits.bytes().all(|octet| octet.is_ascii_digit());
        if is_number { digits.parse::<u16>().map_err(|_| WindowError) } else { Err(WindowError) }
    };
    let (hours, minutes) = text.trim().split_once(':').ok_or(WindowError)?;
    match (number(hours)?, number(minutes)?) {
        (24, 0) => Ok(DAY),
        (hours @ ..24, minutes @ ..60) => Ok(hours * 60 + minutes),
        _ => Err(WindowError),
    }
}

/// `19:00-08:00`
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// What a `[[source]]` says of its place.
pub(super) struct PlaceKeys {
    pub(super) path: Option<Spanned<PathBuf>>,
    pub(super) url: Option<Spanned<String>>,
    pub(super) allow_http: Option<Spanned<bool>>,
    pub(super) allow_private: Option<Spanned<bool>>,
    pub(super) window: Option<Spanned<String>>,
}

impl PlaceKeys {
    /// A key that only makes sense beside `url`.
    fn of_url(&self) -> Option<(&'static str, std::ops::Range<usize>)> {
        let allow_http = self.allow_http.as_ref().map(|key| ("allow_http", key.span()));
        allow_http
            .or_else(|| self.allow_private.as_ref().map(|key| ("allow_private", key.span())))
            .or_else(|| self.window.as_ref().map(|key| ("window", key.span())))
    }
}

impl Check {
    pub(super) fn place(
        &mut self,
        name: &Spanned<String>,
        keys: PlaceKeys,
        folder: &Path,
    ) -> Option<Place> {
        let fault = match (&keys.path, &keys.url) {
            (Some(path), None) => {
                if let Some((key, span)) = keys.of_url() {
                    self.push(span, format!("`{key}` is about a url; this source has a path"));
                }
                return Some(Place::Path(folder.join(path.get_ref())));
            }
            (None, Some(url)) => return self.remote(url, &keys).map(Place::Url),
            (Some(path), Some(url)) => self
                .fault(url.span(), "a source has a path or a url, not both")
                .related(path.span(), "its path"),
            (None, None) => self
                .fault(name.span(), format!("source `{}` has no path", name.get_ref()))
                .help("path = \"FILE\", relative to this file's folder, or url = \"https://…\""),
        };
        self.faults.push(fault);
        None
    }

    fn remote(&mut self, text: &Spanned<String>, keys: &PlaceKeys) -> Option<Remote> {
        let url = match Url::parse(text.get_ref()) {
            Ok(url) => url,
            Err(error) => {
                self.push(text.span(), format!("not a URL: {error}"));
                return None;
            }
        };
        let says = |key: &Option<Spanned<bool>>| key.as_ref().is_some_and(|key| *key.get_ref());
        let allow_http = says(&keys.allow_http);
        match url.scheme() {
            "https" => {}
            "http" if allow_http => {}
            "http" => {
                let fault = self
                    .fault(text.span(), "this list would come unencrypted: anybody could alter it")
                    .help("use https, or say `allow_http = true` where there is no https");
                self.faults.push(fault);
            }
            other => {
                let fault = self.fault(text.span(), format!("lists are not fetched by `{other}:`"));
                self.faults.push(fault.help("https:, or a `path` on this machine"));
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            self.push(text.span(), "no passwords in URLs: they end up in bundles and reports");
        }
        let window = keys.window.as_ref().and_then(|window| self.window(window));
        let allow_private = says(&keys.allow_private);
        Some(Remote { url, allow_http, allow_private, window })
    }

    fn window(&mut self, text: &Spanned<String>) -> Option<Window> {
        match text.get_ref().parse() {
            Ok(window) => Some(window),
            Err(error) => {
                self.push(text.span(), WindowError::to_string(&error));
                None
            }
        }
    }

    /// A folder within an archive: `blacklists/adult`.
    pub(super) fn member(&mut self, member: Spanned<PathBuf>) -> Option<PathBuf> {
        let stays_inside = |part: Component<'_>| matches!(part, Component::Normal(_));
        let path = member.get_ref();
        if path.as_os_str().is_empty() || !path.components().all(stays_inside) {
            self.push(member.span(), "a folder within the archive, such as `blacklists/adult`");
            return None;
        }
        Some(member.into_inner())
    }

    /// A share of 0 to 100 percent.
    pub(super) fn percent(&mut self, share: Spanned<u8>) -> Option<u8> {
        if *share.get_ref() > 100 {
            self.push(share.span(), "a share is 0 to 100 percent");
            return None;
        }
        Some(share.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows() {
        let at = |text: &str, hour: u16, minute: u16| {
            text.parse::<Window>().unwrap().contains(hour * 60 + minute)
        };
        let cases = [
            ("19:00-08:00", 19, 0, true),
            ("19:00-08:00", 23, 59, true),
            ("19:00-08:00", 0, 0, true),
            ("19:00-08:00", 7, 59, true),
            ("19:00-08:00", 8, 0, false),
            ("19:00-08:00", 18, 59, false),
            ("01:30-02:00", 1, 29, false),
            ("01:30-02:00", 1, 30, true),
            ("01:30-02:00", 2, 0, false),
            ("20:00-24:00", 23, 59, true),
            ("20:00-24:00", 0, 0, false),
        ];
        for (text, hour, minute, expected) in cases {
            assert_eq!(at(text, hour, minute), expected, "{text} at {hour}:{minute}");
            assert_eq!(text.parse::<Window>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "19-08",
            "8:00-9:00",
            "08:00",
            "08:00-08:00",
            "25:00-01:00",
            "24:00-01:00",
            "+1:00-02:00",
        ] {
            assert_eq!(text.parse::<Window>(), Err(WindowError), "{text:?}");
        }
    }
}
