//! Chrome, Chromium, Edge and ChromeOS: one engine, one set of policies, but for a few names.

pub(crate) mod facts;

use serde_json::{Map, Value, json};

use self::facts::{FACTS, Fact};
use crate::{Audience, Choice, Doh, Extensions, NewTab, YouTube};

/// Whose browser it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    Chrome,
    Chromium,
    Edge,
    ChromeOs,
}

/// How firm a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// It cannot be changed.
    Mandatory,
    /// The default, until its user chooses otherwise.
    Recommended,
}

/// A policy with its value.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) fact: &'static Fact,
    /// As this browser calls it.
    pub(crate) name: &'static str,
    pub(crate) level: Level,
    pub(crate) value: Value,
}

/// The policies of an audience's browsers, in the order of the table of facts.
pub(crate) fn policies(audience: &Audience, browser: Browser) -> Vec<Policy> {
    let wanted = wanted(audience, browser);
    let policy = |fact: &'static Fact| {
        let name = fact.name(browser)?;
        let (level, value) = wanted.get(fact.id)?;
        Some(Policy { fact, name, level, value })
    };
    FACTS.iter().filter_map(policy).collect()
}

/// The policies of one level, as the JSON that browsers read.
pub(crate) fn json(policies: &[Policy], level: Level) -> Option<Vec<u8>> {
    let object = object(policies, level);
    (!object.is_empty()).then(|| pretty(&Value::Object(object)))
}

/// The policies of one level by their names.
pub(crate) fn object(policies: &[Policy], level: Level) -> Map<String, Value> {
    let these = policies.iter().filter(|policy| policy.level == level);
    these.map(|policy| (policy.name.to_owned(), policy.value.clone())).collect()
}

/// What chrome://policy of a Chromebook should show, level by level. ChromeOS reads no file: the values
/// are set in the Admin console.
pub(crate) fn chromeos(audience: &Audience) -> Vec<u8> {
    let policies = policies(audience, Browser::ChromeOs);
    let setting = |policy: &Policy| {
        json!({
            "policy": policy.name,
            "caption": policy.fact.caption,
            "value": policy.value,
            "users_may_change": policy.level == Level::Recommended,
        })
    };
    pretty(&Value::Array(policies.iter().map(setting).collect()))
}

/// JSON for people, too.
pub(crate) fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// Values by the ids of [`FACTS`].
#[derive(Default)]
struct Wanted {
    values: Map<String, Value>,
    /// Those that their users may change.
    changeable: Vec<&'static str>,
}

impl Wanted {
    fn set(&mut self, id: &'static str, value: Value) {
        self.values.insert(id.to_owned(), value);
    }

    /// As firm as a choice.
    fn choose<T>(&mut self, choice: &Choice<T>, id: &'static str, value: Value) {
        self.set(id, value);
        if !choice.locked {
            self.changeable.push(id);
        }
    }

    fn get(&self, id: &str) -> Option<(Level, Value)> {
        let is_changeable = self.changeable.contains(&id);
        let level = if is_changeable { Level::Recommended } else { Level::Mandatory };
        self.values.get(id).map(|value| (level, value.clone()))
    }
}

fn wanted(audience: &Audience, browser: Browser) -> Wanted {
    let mut wanted = Wanted::default();
    if let Some(search) = &audience.search {
        let engine = &search.value;
        wanted.choose(search, "DefaultSearchProviderEnabled", json!(true));
        wanted.choose(search, "DefaultSearchProviderName", json!(engine.label));
        wanted.choose(search, "DefaultSearchProviderKeyword", json!(engine.keyword));
        wanted.choose(search, "DefaultSearchProviderSearchURL", json!(engine.url));
    }
    match &audience.doh {
        Doh::Off => {
            wanted.set("DnsOverHttpsMode", json!("off"));
            // The system's resolver is asked by the system: its search domains, hosts file and split
            // zones hold.
            wanted.set("BuiltInDnsClientEnabled", json!(false));
        }
        Doh::Url(url) => {
            wanted.set("DnsOverHttpsMode", json!("secure"));
            wanted.set("DnsOverHttpsTemplates", json!(url));
        }
    }
    if audience.safe_search {
        wanted.set("ForceGoogleSafeSearch", json!(true));
        wanted.set("ForceBingSafeSearch", json!(2));
    }
    match audience.youtube {
        YouTube::Off => {}
        YouTube::Moderate => wanted.set("ForceYouTubeRestrict", json!(1)),
        YouTube::Strict => wanted.set("ForceYouTubeRestrict", json!(2)),
    }
    if !audience.private_browsing {
        wanted.set("IncognitoModeAvailability", json!(1));
    }
    if !audience.guest {
        wanted.set("BrowserGuestModeEnabled", json!(false));
    }
    if let Some(home_page) = &audience.home_page {
        wanted.choose(home_page, "HomepageLocation", json!(home_page.value));
        wanted.choose(home_page, "HomepageIsNewTabPage", json!(false));
        wanted.choose(home_page, "ShowHomeButton", json!(true));
        // 4: a list of URLs.
        wanted.choose(home_page, "RestoreOnStartup", json!(4));
        wanted.choose(home_page, "RestoreOnStartupURLs", json!([home_page.value]));
    }
    match &audience.new_tab {
        None => {}
        Some(NewTab::Blank) => wanted.set("NewTabPageLocation", json!("about:blank")),
        Some(NewTab::Url(url)) => wanted.set("NewTabPageLocation", json!(url)),
    }
    if let Some(Extensions { chrome, edge, firefox: _ }) = &audience.extensions {
        let allowed = if browser == Browser::Edge { edge } else { chrome };
        wanted.set("ExtensionInstallBlocklist", json!(["*"]));
        wanted.set("ExtensionInstallAllowlist", json!(allowed));
    }
    if !audience.prefetch {
        wanted.set("NetworkPredictionOptions", json!(2));
    }
    if !audience.quic {
        wanted.set("QuicAllowed", json!(false));
    }
    if let Some(authority) = &audience.authority {
        wanted.set("CACertificates", json!([authority.base64()]));
    }
    wanted
}
