//! `[lists]`: where they come from, and who vouches for them.

use std::{path::Path, time::Duration};

use super::Spanned;
use lists::{
    pull::check_url,
    signature::{PublicKey, PublicKeys},
};

use super::{ListSource, Lists, typed, validated::Check};

/// How often the pointer is asked for.
pub(super) const POLL: Duration = Duration::from_secs(60 * 60);
/// The longest that makes sense: bundles expire.
const LONGEST_POLL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Check {
    /// Relative paths start from `folder`.
    pub(super) fn lists(&mut self, written: &typed::Lists, folder: &Path) -> Lists {
        let keys = written.keys.as_ref().map(|keys| self.keys(keys, folder));
        let poll = written.poll.as_ref().map(|poll| self.poll(poll));
        let source = match (&written.url, &written.bundle) {
            (Some(url), bundle) => {
                if let Some(bundle) = bundle {
                    let title = "`url` and `bundle` exclude each other".to_owned();
                    let help = "name the lists' publisher, or a file of yours";
                    self.repeated(url.span(), bundle.span(), title, help);
                }
                if keys.is_none() {
                    let help = "add keys = [\"RW…\"], the publisher's public key: whatever comes \
                                over a network must be signed";
                    self.fault(url.span(), "`url` without `keys`", help);
                }
                match check_url(url.get_ref()) {
                    Ok(url) => ListSource::Published { url, poll: poll.unwrap_or(POLL) },
                    Err(error) => {
                        let help = "write the folder that bundles are published to, such as \
                                    \"https://lists.example/preau\"";
                        self.fault(url.span(), error.to_string(), help);
                        ListSource::Starter
                    }
                }
            }
            (None, Some(bundle)) => ListSource::Bundle(folder.join(bundle.get_ref())),
            (None, None) => {
                if let Some(keys) = &written.keys {
                    let help = "add the `url` or the `bundle` that they sign";
                    self.fault(keys.span(), "`keys` without lists to verify", help);
                }
                ListSource::Starter
            }
        };
        if let (Some(poll), None) = (&written.poll, &written.url) {
            let help = "only a `url` is polled; a `bundle` is read again on SIGHUP";
            self.fault(poll.span(), "`poll` without `url`", help);
        }
        let cache = written.cache.as_ref().map(|path| folder.join(path));
        Lists { source, keys: keys.unwrap_or_default(), cache }
    }

    fn keys(&mut self, written: &Spanned<Vec<Spanned<String>>>, folder: &Path) -> PublicKeys {
        const HELP: &str = "write what stands in the publisher's .pub file, \"RW…\", or its path";
        if written.get_ref().is_empty() {
            self.fault(written.span(), "no key", HELP);
        }
        let mut known: Vec<(PublicKey, &Spanned<String>)> = Vec::new();
        for text in written.get_ref() {
            let key = text.get_ref().parse().or_else(|_| {
                let path = folder.join(text.get_ref());
                PublicKey::load(&path)
            });
            match key {
                Ok(key) => {
                    if let Some((_, first)) = known.iter().find(|(other, _)| *other == key) {
                        let title = format!("key {} stands twice", key.id());
                        self.repeated(first.span(), text.span(), title, "drop one of them");
                    }
                    known.push((key, text));
                }
                Err(error) => self.fault(text.span(), error.to_string(), HELP),
            }
        }
        known.into_iter().map(|(key, _)| key).collect()
    }

    fn poll(&mut self, written: &Spanned<String>) -> Duration {
        match duration(written.get_ref()) {
            Some(poll) if (Duration::from_secs(1)..=LONGEST_POLL).contains(&poll) => poll,
            Some(_) => {
                let help = "write a time from \"1s\" to \"7d\", such as \"1h\"";
                self.fault(written.span(), "out of range", help);
                POLL
            }
            None => {
                let title = format!("`{}` is not a length of time", written.get_ref());
                let help = "write a number and a unit, s, m, h or d, such as \"1h\" or \"30m\"";
                self.fault(written.span(), title, help);
                POLL
            }
        }
    }
}

/// A whole number and a unit.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}
