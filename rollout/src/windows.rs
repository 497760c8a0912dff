//! Windows: the registry, and what an administrator sets in its place in a group policy or in Intune.

mod registry;
mod settings;

use crate::{
    Audience,
    chromium::{self, Browser, Level},
    firefox::{self, Certificates},
};

use self::registry::Registry;

/// `put` takes each file, by its path in the audience's folder.
pub(crate) fn files(audience: &Audience, put: &mut impl FnMut(&str, Vec<u8>)) {
    for (browser, file, key) in [
        (Browser::Chrome, "chrome", r"SOFTWARE\Policies\Google\Chrome"),
        (Browser::Edge, "edge", r"SOFTWARE\Policies\Microsoft\Edge"),
    ] {
        let mut registry = Registry::default();
        for policy in chromium::policies(audience, browser) {
            let key = match policy.level {
                Level::Mandatory => key.to_owned(),
                Level::Recommended => format!(r"{key}\Recommended"),
            };
            registry.set(&key, policy.name, &policy.value);
        }
        put(&format!("windows/{file}.reg"), registry.file());
    }
    let mut registry = Registry::default();
    for (name, value) in firefox::policies(audience, &Certificates::System) {
        let key = r"SOFTWARE\Policies\Mozilla\Firefox";
        match firefox::AS_JSON.contains(&name.as_str()) {
            true => registry.set_lines(key, &name, &value.to_string()),
            false => registry.set(key, &name, &value),
        }
    }
    put("windows/firefox.reg", registry.file());
    put(
        "windows/firefox/distribution/policies.json",
        firefox::file(audience, &Certificates::System),
    );
    put("windows/settings.csv", settings::table(audience));
    if let Some(authority) = &audience.authority {
        put("windows/authority.cer", authority.der().to_vec());
    }
}
