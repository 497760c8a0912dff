//! macOS: configuration profiles.
//!
//! Sources, read on 2026-11-22: developer.apple.com/documentation/devicemanagement (`Configuration`,
//! `ManagedPreferences`, `CertificateRoot`); `policy_loader_mac.mm` of chromium/chromium (what is not
//! forced is recommended); Microsoft's "Configure Microsoft Edge policies on macOS" (`com.microsoft.Edge`);
//! mozilla/policy-templates, mac/README.md (`org.mozilla.firefox`, `EnterprisePoliciesEnabled`).

mod plist;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use self::plist::{Plist, document};
use crate::{
    Audience,
    chromium::{self, Browser, Level},
    firefox::{self, Certificates},
};

/// Browsers by the domains of their preferences.
const BROWSERS: [(Browser, &str, &str, &str); 3] = [
    (Browser::Chrome, "chrome", "Google Chrome", "com.google.Chrome"),
    (Browser::Chromium, "chromium", "Chromium", "org.chromium.Chromium"),
    (Browser::Edge, "edge", "Microsoft Edge", "com.microsoft.Edge"),
];

/// `put` takes each file, by its path in the audience's folder.
pub(crate) fn files(audience: &Audience, put: &mut impl FnMut(&str, Vec<u8>)) {
    let name = &audience.name;
    for (browser, file, label, domain) in BROWSERS {
        let policies = chromium::policies(audience, browser);
        let mut payloads =
            vec![Payload::new(domain, chromium::object(&policies, Level::Mandatory))];
        let recommended = chromium::object(&policies, Level::Recommended);
        if !recommended.is_empty() {
            payloads.push(Payload::set_once(domain, recommended));
        }
        let title = format!("{label} · {name}");
        put(&format!("macos/{file}.mobileconfig"), profile(name, file, &title, &payloads));
    }
    let mut firefox = firefox::policies(audience, &Certificates::System);
    put("macos/firefox/distribution/policies.json", firefox::file(audience, &Certificates::System));
    firefox.insert("EnterprisePoliciesEnabled".to_owned(), json!(true));
    let payloads = [Payload::new("org.mozilla.firefox", firefox)];
    let title = format!("Firefox · {name}");
    put("macos/firefox.mobileconfig", profile(name, "firefox", &title, &payloads));
    if let Some(authority) = &audience.authority {
        let content = Plist::Data(authority.der().to_vec());
        let root = Payload {
            kind: "com.apple.security.root".to_owned(),
            keys: vec![("PayloadContent".to_owned(), content)],
        };
        let title = format!("{} · {name}", authority.subject);
        put("macos/authority.mobileconfig", profile(name, "authority", &title, &[root]));
    }
}

/// One part of a profile.
struct Payload {
    kind: String,
    keys: Vec<(String, Plist)>,
}

impl Payload {
    /// Preferences that cannot be changed.
    fn new(domain: &str, values: Map<String, Value>) -> Self {
        let keys = values.into_iter().map(|(key, value)| (key, value.into())).collect();
        Self { kind: domain.to_owned(), keys }
    }

    /// Preferences that are not forced. Without a `mcx_data_timestamp` they are written at each login,
    /// with one never again: a later roll-out would change nothing. (Apple's page does not say so; the
    /// tools that write such profiles do: timsutton/mcxToProfile, munki/munki.)
    fn set_once(domain: &str, values: Map<String, Value>) -> Self {
        let content = json!({ domain: { "Set-Once": [{ "mcx_preference_settings": values }] } });
        let keys = vec![("PayloadContent".to_owned(), content.into())];
        Self { kind: "com.apple.ManagedClient.preferences".to_owned(), keys }
    }
}

/// A profile for a whole machine. Its identifier stays, so that a new one takes the place of the one
/// before; its UUIDs are made of what it says, so that they change with that and with nothing else.
fn profile(audience: &str, file: &str, title: &str, payloads: &[Payload]) -> Vec<u8> {
    let identifier = format!("preau.rollout.{audience}.{file}");
    let content = payloads.iter().enumerate().map(|(number, payload)| {
        let own = format!("{identifier}.{}", number + 1);
        let mut keys = payload.keys.clone();
        let content = document(&Plist::Dictionary(keys.clone()));
        keys.extend(header(&payload.kind, &own, &uuid(&own, &content), title));
        Plist::Dictionary(keys)
    });
    let content = Plist::Array(content.collect());
    let whole = uuid(&identifier, &document(&content));
    let mut keys = vec![("PayloadContent".to_owned(), content)];
    keys.extend(header("Configuration", &identifier, &whole, title));
    keys.push(("PayloadScope".to_owned(), Plist::Text("System".to_owned())));
    document(&Plist::Dictionary(keys)).into_bytes()
}

fn header(kind: &str, identifier: &str, uuid: &str, title: &str) -> [(String, Plist); 5] {
    let text = |key: &str, text: &str| (key.to_owned(), Plist::Text(text.to_owned()));
    [
        text("PayloadDisplayName", title),
        text("PayloadIdentifier", identifier),
        text("PayloadType", kind),
        text("PayloadUUID", uuid),
        ("PayloadVersion".to_owned(), Plist::Integer(1)),
    ]
}

/// A UUID of version 8 (RFC 9562): a digest of a name and what it names.
fn uuid(name: &str, content: &str) -> String {
    let digest =
        Sha256::new().chain_update(name).chain_update([0]).chain_update(content).finalize();
    let mut octets = [0; 16];
    octets.copy_from_slice(&digest[..16]);
    octets[6] = octets[6] & 0x0f | 0x80;
    octets[8] = octets[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXUPPER.encode(&octets);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
