//! One table for two places: the editor of group policies, and Intune's custom settings (OMA-URI). Both
//! take the vendors' templates (ADMX).
//!
//! Sources, read on 2026-11-22. Addresses and values of settings: Microsoft's "Configure Microsoft Edge
//! using Mobile Device Management" (the template ingested as `Edge`), which holds for Chrome's template
//! too (as `Chrome`), since one program writes both; mozilla/policy-templates, docs/oma-uris.md (as
//! `Firefox`). Captions: `chromium/facts.rs`, docs/oma-uris.md.

use serde_json::Value;

use crate::{
    Audience,
    chromium::{self, Browser, Level, Policy, facts::option},
    firefox::{self, Certificates},
};

/// A line of the table.
struct Setting {
    browser: &'static str,
    changeable: bool,
    /// Folders and caption in the editor; empty where the template does not have it.
    place: String,
    set_to: String,
    /// Address and value; empty where the template does not have it.
    uri: String,
    value: String,
}

/// The table, as CSV (RFC 4180) with a byte order mark, by which spreadsheets know UTF-8.
pub(super) fn table(audience: &Audience) -> Vec<u8> {
    let mut settings = Vec::new();
    for browser in [Browser::Chrome, Browser::Edge] {
        let policies = chromium::policies(audience, browser);
        // An empty list is set by leaving it alone.
        let set =
            policies.iter().filter(|policy| policy.value.as_array().is_none_or(|v| !v.is_empty()));
        settings.extend(set.map(|policy| chromium(policy, browser)));
    }
    for (name, value) in firefox::policies(audience, &Certificates::System) {
        firefox(&name, &value, &mut settings);
    }
    let mut text =
        "\u{feff}Browser,Users may change it,Group policy,Set to,OMA-URI,OMA-URI value\r\n"
            .to_owned();
    for setting in settings {
        let changeable = if setting.changeable { "yes" } else { "no" };
        let fields = [
            setting.browser,
            changeable,
            &setting.place,
            &setting.set_to,
            &setting.uri,
            &setting.value,
        ];
        text.push_str(&fields.map(quoted).join(","));
        text.push_str("\r\n");
    }
    text.into_bytes()
}

fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

const TEMPLATES: &str = "Administrative Templates";

fn chromium(policy: &Policy, browser: Browser) -> Setting {
    let changeable = policy.level == Level::Recommended;
    let is_edge = browser == Browser::Edge;
    let (label, root, ingested, namespace, caption) = match is_edge {
        true => ("Edge", "Microsoft Edge", "Edge", "microsoft_edge", policy.fact.edge_caption),
        false => {
            ("Chrome", "Google > Google Chrome", "Chrome", "googlechrome", policy.fact.caption)
        }
    };
    let override_ = if changeable { " - Default Settings (users can override)" } else { "" };
    let suffix = if changeable { "_recommended" } else { "" };
    let group = policy.fact.group.captions();
    let group = group.map(|(chrome, edge)| format!(" > {}", if is_edge { edge } else { chrome }));
    let category = policy.fact.group.id().map(|id| format!("~{id}{suffix}")).unwrap_or_default();
    let name = policy.name;
    Setting {
        browser: label,
        changeable,
        place: format!("{TEMPLATES} > {root}{override_}{} > {caption}", group.unwrap_or_default()),
        set_to: option(policy.fact.id, &policy.value, browser)
            .map_or_else(|| told(&policy.value), ToOwned::to_owned),
        uri: format!(
            "./Device/Vendor/MSFT/Policy/Config/{ingested}~Policy~{namespace}{suffix}{category}/\
             {name}{suffix}"
        ),
        value: match &policy.value {
            Value::Array(_) => data(&format!("{name}Desc"), &policy.value),
            value => data(name, value),
        },
    }
}

/// Firefox's template has a setting for each part of a policy.
fn firefox(name: &str, value: &Value, settings: &mut Vec<Setting>) {
    let mut add = |place: &str, uri: &str, set_to: String, value: String| {
        settings.push(Setting {
            browser: "Firefox",
            changeable: false,
            place: format!("{TEMPLATES} > Mozilla > Firefox > {place}"),
            set_to,
            uri: format!("./Device/Vendor/MSFT/Policy/Config/Firefox~Policy~firefox{uri}"),
            value,
        });
    };
    match name {
        "SearchEngines" => {
            let engine = &value["Add"][0];
            let parts = ["Name", "URLTemplate", "Method", "Alias"].map(|part| {
                let told = format!("{part}: {}", told(&engine[part]));
                (
                    told,
                    format!("<data id=\"SearchEngine_{part}\" value=\"{}\"/>", xml(&engine[part])),
                )
            });
            let (words, datas): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
            let whole = format!("<enabled/>{}", datas.concat());
            add("Search > Search Engine One", "~Search/SearchEngines_1", words.join("; "), whole);
            for (part, caption) in [
                ("Default", "Default Search Engine"),
                ("PreventInstalls", "Prevent Search Engine Installs"),
                ("Remove", "Remove Search Engines"),
            ] {
                if let Some(value) = value.get(part) {
                    let id = format!("SearchEngines_{part}");
                    let (place, uri) = (format!("Search > {caption}"), format!("~Search/{id}"));
                    add(&place, &uri, told(value), data(&id, value));
                }
            }
            // In the registry only.
            settings.push(Setting {
                browser: "Firefox",
                changeable: false,
                place: String::new(),
                set_to: format!("SearchEngines.DefaultPrivate: {}", told(&value["DefaultPrivate"])),
                uri: String::new(),
                value: String::new(),
            });
        }
        "DNSOverHTTPS" => {
            for (part, caption) in [
                ("Enabled", "Enabled"),
                ("ProviderURL", "Provider URL"),
                ("Fallback", "Fallback"),
                ("Locked", "Locked"),
            ] {
                if let Some(value) = value.get(part) {
                    let uri = format!("~DNSOverHTTPS/DNSOverHTTPS_{part}");
                    let place = format!("DNS Over HTTPS > {caption}");
                    add(&place, &uri, told(value), data("String", value));
                }
            }
        }
        "Homepage" => {
            let (url, locked) = (&value["URL"], &value["Locked"]);
            let whole = format!(
                "{}<data id=\"HomepageLocked\" value=\"{locked}\"/>",
                data("HomepageURL", url)
            );
            let words = format!("{}; locked: {locked}", told(url));
            add("Home page > URL for Home page", "~Homepage/HomepageURL", words, whole);
            let start = &value["StartPage"];
            let (uri, words) = ("~Homepage/HomepageStartPage", told(start));
            add("Home page > Start Page", uri, words, data("StartPage", start));
        }
        "ExtensionSettings" => add(
            "Extensions > Extension Management (JSON on one line)",
            "~Extensions/ExtensionSettingsOneLine",
            value.to_string(),
            data("JSONOneLine", &Value::String(value.to_string())),
        ),
        "Preferences" => add(
            "Preferences (JSON on one line)",
            "/PreferencesOneLine",
            value.to_string(),
            data("JSONOneLine", &Value::String(value.to_string())),
        ),
        "Certificates" => {
            let value = &value["ImportEnterpriseRoots"];
            let uri = "~Certificates/Certificates_ImportEnterpriseRoots";
            add("Certificates > Import Enterprise Roots", uri, told(value), data("", value));
        }
        // The others are yes or no, by their own name. (Its caption is the template's affair.)
        name => add(name, &format!("/{name}"), told(value), data("", value)),
    }
}

/// What to choose in the editor.
fn told(value: &Value) -> String {
    match value {
        Value::Bool(true) => "Enabled".to_owned(),
        Value::Bool(false) => "Disabled".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(told).collect::<Vec<_>>().join("; "),
        value => value.to_string(),
    }
}

/// The value of a setting, whose template calls its field `id`. A list's entries are numbered, and
/// U+F000 stands between.
fn data(id: &str, value: &Value) -> String {
    let text = match value {
        Value::Bool(true) => return "<enabled/>".to_owned(),
        Value::Bool(false) => return "<disabled/>".to_owned(),
        Value::Array(values) => {
            let numbered = values.iter().enumerate();
            let entry = |(number, value)| format!("{}&#xF000;{}", number + 1, xml(value));
            numbered.map(entry).collect::<Vec<_>>().join("&#xF000;")
        }
        value => xml(value),
    };
    format!("<enabled/><data id=\"{id}\" value=\"{text}\"/>")
}

fn xml(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
