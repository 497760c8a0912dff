//! What a request asks for: of which site, in which language, and whether it is a page at all.

use std::net::IpAddr;

use axum::http::{HeaderMap, header, request::Parts};
use filter_core::DomainName;

use crate::policy::refusal::Language;
use crate::web::language;

/// What a request asks for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The site; `None` for what is no name, such as an address.
    pub(super) name: Option<DomainName>,
    pub(super) language: Language,
}

impl Asked {
    pub(super) fn read(request: &Parts) -> Self {
        let accepted = request.headers.get(header::ACCEPT_LANGUAGE);
        Self {
            name: authority(request).and_then(name_of),
            language: language::preferred(accepted.and_then(|value| value.to_str().ok())),
        }
    }
}

/// The authority that a request is for: of its target, where that has one, or else its only `Host`
/// (RFC 9112 §3.2.2, §3.2.3).
pub(super) fn authority(request: &Parts) -> Option<&str> {
    if let Some(authority) = request.uri.authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

/// The name of an authority, less its port; none of an address, nor of anything else.
fn name_of(authority: &str) -> Option<DomainName> {
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    if !port.bytes().all(|digit| digit.is_ascii_digit()) || host.parse::<IpAddr>().is_ok() {
        return None;
    }
    DomainName::parse(host).ok().filter(|name| name.labels().next().is_some())
}

/// Whether the answer will be looked at: an image, a script or a frame of an allowed page gets
/// nothing. Browsers say what they want it for where they trust the origin, which over HTTP they do
/// not, and in `Accept` always; other programs in neither, or nothing in particular.
pub(super) fn wants_document(headers: &HeaderMap) -> bool {
    if let Some(destination) = headers.get("sec-fetch-dest") {
        return destination == "document";
    }
    match headers.get(header::ACCEPT) {
        None => true,
        Some(accept) => accept.to_str().is_ok_and(|accept| accept.contains("text/html")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn request(target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn names() {
        let cases = [
            ("porn.example", "porn.example"),
            ("PORN.example.:8080", "porn.example"),
            ("a_b.example:80", "a_b.example"),
            ("porn.example:", "porn.example"),
            ("xn--caf-dma.example", "xn--caf-dma.example"),
            ("", "-"),
            (".", "-"),
            ("192.0.2.1", "-"),
            ("192.0.2.1:80", "-"),
            ("[2001:db8::1]", "-"),
            ("[2001:db8::1]:80", "-"),
            ("2001:db8::1", "-"),
            ("porn.example:80:80", "-"),
            ("porn.example:http", "-"),
            ("user@porn.example", "-"),
            ("porn example", "-"),
            ("porn.example/<b>", "-"),
            ("<script>alert(1)</script>", "-"),
            ("\"><img src=x>.example", "-"),
            ("{{ 7 * 7 }}.example", "-"),
            ("a..example", "-"),
            ("\u{e9}.example", "-"),
        ];
        for (host, expected) in cases {
            let asked = Asked::read(&request("/", &[("host", host)]));
            let name = asked.name.map_or("-".to_owned(), |name| name.to_string());
            assert_eq!(name, expected, "{host}");
        }
        let long = format!("{}example", "a.".repeat(150));
        assert!(Asked::read(&request("/", &[("host", &long)])).name.is_none());
        assert!(Asked::read(&request("/", &[])).name.is_none());
        let two = [("host", "a.example"), ("host", "b.example")];
        assert!(Asked::read(&request("/", &two)).name.is_none());
        let absolute = request("http://a.example:80/b", &[("host", "b.example")]);
        assert_eq!(Asked::read(&absolute).name.unwrap().to_string(), "a.example");
    }

    #[test]
    fn documents() {
        const CHROME: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let cases: [(&[(&str, &str)], bool); 8] = [
            (&[], true),
            (&[("accept", CHROME)], true),
            (&[("accept", "image/avif,image/webp,*/*;q=0.8")], false),
            (&[("accept", "*/*")], false),
            (&[("accept", "\u{e9}text/html")], false),
            (&[("sec-fetch-dest", "document"), ("accept", CHROME)], true),
            (&[("sec-fetch-dest", "iframe"), ("accept", CHROME)], false),
            (&[("sec-fetch-dest", "script")], false),
        ];
        for (headers, expected) in cases {
            let got = wants_document(&request("/", headers).headers);
            assert_eq!(got, expected, "{headers:?}");
        }
    }
}
