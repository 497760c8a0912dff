//! Host-name fragments as regular expressions.

/// On the host name.
pub(super) fn of_host(fragment: &str) -> String {
    let Anchored { start, body, end } = Anchored::read(fragment);
    let start = match start {
        Anchor::None => "",
        Anchor::Label => r"(^|\.)",
        Anchor::Name => "^",
    };
    let end = match end {
        Anchor::None => "",
        Anchor::Label => r"(\.|$)",
        Anchor::Name => "$",
    };
    format!("{start}{}{end}", escaped(body))
}

/// On the URL, in POSIX extended syntax, as squidGuard has it: what is before the host and what is
/// after it must not match.
pub(super) fn of_url(fragment: &str) -> String {
    let Anchored { start, body, end } = Anchored::read(fragment);
    let start = match start {
        Anchor::None => "[^/]*",
        Anchor::Label => r"([^/]*\.)?",
        Anchor::Name => "",
    };
    let end = match end {
        Anchor::None => "",
        Anchor::Label => r"(\.|:|/|$)",
        Anchor::Name => "(:|/|$)",
    };
    format!("^(https?://)?{start}{}{end}", escaped(body))
}

/// A fragment in parts.
struct Anchored<'a> {
    start: Anchor,
    body: &'a str,
    end: Anchor,
}

enum Anchor {
    None,
    Label,
    Name,
}

impl<'a> Anchored<'a> {
    fn read(fragment: &'a str) -> Self {
        let (start, rest) = match (fragment.strip_prefix("|."), fragment.strip_prefix('.')) {
            (Some(rest), _) => (Anchor::Name, rest),
            (_, Some(rest)) => (Anchor::Label, rest),
            _ => (Anchor::None, fragment),
        };
        let (end, body) = match (rest.strip_suffix(".|"), rest.strip_suffix('.')) {
            (Some(body), _) => (Anchor::Name, body),
            (_, Some(body)) => (Anchor::Label, body),
            _ => (Anchor::None, rest),
        };
        Self { start, body, end }
    }
}

/// Letters, digits, `-` and `_` stand for themselves.
fn escaped(body: &str) -> String {
    body.replace('.', r"\.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments() {
        let cases = [
            ("casino", "casino", "^(https?://)?[^/]*casino"),
            (".casino", r"(^|\.)casino", r"^(https?://)?([^/]*\.)?casino"),
            (".a.casino.", r"(^|\.)a\.casino(\.|$)", r"^(https?://)?([^/]*\.)?a\.casino(\.|:|/|$)"),
            ("|.ads.", r"^ads(\.|$)", r"^(https?://)?ads(\.|:|/|$)"),
            ("-ads.example.|", r"-ads\.example$", r"^(https?://)?[^/]*-ads\.example(:|/|$)"),
            ("|.example.com.|", r"^example\.com$", r"^(https?://)?example\.com(:|/|$)"),
        ];
        for (fragment, host, url) in cases {
            assert_eq!(of_host(fragment), host);
            assert_eq!(of_url(fragment), url);
        }
    }
}
