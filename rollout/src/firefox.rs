//! Firefox: one policy file for every system, but for where certificates are.
//!
//! Names and types are those of `policies-schema.json`, in `browser/omni.ja` of every Firefox; what they
//! do was read in `Policies.sys.mjs` beside it (Debian's firefox-esr 153.7, 2026-11-22), and both are
//! tried with that browser: `tests/rollout/browsers.rs`. For Windows and Intune: mozilla/policy-templates,
//! README.md and docs/oma-uris.md (revision 8.3), read the same day.

use serde_json::{Map, Value, json};

use crate::{Audience, Doh, chromium::pretty, engine::TABLE};

/// Whose certificates Firefox looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Certificates {
    /// The system's: Windows, macOS.
    System,
    /// A file: there is no such thing for Firefox on Linux.
    File(&'static str),
}

/// The policies of an audience.
pub(crate) fn policies(audience: &Audience, certificates: &Certificates) -> Map<String, Value> {
    let mut policies = Map::new();
    let mut set = |name: &str, value: Value| policies.insert(name.to_owned(), value);
    if let Some(search) = &audience.search {
        let engine = &search.value;
        let mut engines = json!({
            "Add": [{
                "Name": engine.label,
                "URLTemplate": engine.url,
                "Method": "GET",
                "Alias": engine.keyword,
            }],
            "Default": engine.label,
            "DefaultPrivate": engine.label,
        });
        if search.locked {
            let others = TABLE.firefox_built_in.iter().filter(|name| **name != engine.label);
            engines["PreventInstalls"] = json!(true);
            engines["Remove"] = others.cloned().collect();
        }
        set("SearchEngines", engines);
    }
    let doh = match &audience.doh {
        // No `Fallback`: given as false, it switches DoH on whatever `Enabled` says.
        Doh::Off => json!({ "Enabled": false, "Locked": true }),
        Doh::Url(url) => {
            json!({ "Enabled": true, "ProviderURL": url, "Fallback": false, "Locked": true })
        }
    };
    set("DNSOverHTTPS", doh);
    // Names that go through Mozilla's proxy go round the resolver.
    set("IPProtectionAvailable", json!(false));
    if !audience.private_browsing {
        set("DisablePrivateBrowsing", json!(true));
    }
    if let Some(home_page) = &audience.home_page {
        let start = if home_page.locked { "homepage-locked" } else { "homepage" };
        let locked = home_page.locked;
        set("Homepage", json!({ "URL": home_page.value, "Locked": locked, "StartPage": start }));
    }
    if audience.new_tab.is_some() {
        set("NewTabPage", json!(false));
    }
    if let Some(extensions) = &audience.extensions {
        let mut settings = json!({ "*": { "installation_mode": "blocked" } });
        for id in &extensions.firefox {
            settings[id] = json!({ "installation_mode": "allowed" });
        }
        set("ExtensionSettings", settings);
    }
    if !audience.prefetch {
        set("NetworkPrediction", json!(false));
    }
    if !audience.quic {
        let locked = json!({ "Value": false, "Status": "locked" });
        set("Preferences", json!({ "network.http.http3.enable": locked }));
    }
    if audience.authority.is_some() {
        let certificates = match certificates {
            Certificates::System => json!({ "ImportEnterpriseRoots": true }),
            Certificates::File(path) => json!({ "Install": [path] }),
        };
        set("Certificates", certificates);
    }
    policies
}

/// `policies.json`.
pub(crate) fn file(audience: &Audience, certificates: &Certificates) -> Vec<u8> {
    pretty(&json!({ "policies": policies(audience, certificates) }))
}

/// Policies that Windows' registry holds as JSON on one line, not as keys and values.
pub(crate) const AS_JSON: [&str; 2] = ["ExtensionSettings", "Preferences"];
