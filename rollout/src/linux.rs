//! Linux: files where each browser looks for them, and two ways to put them there.

use crate::{
    Audience,
    chromium::{self, Browser, Level},
    firefox::{self, Certificates},
};

/// Where an authority goes: Debian's place for those of a machine's administrator, from where
/// `update-ca-certificates` takes it.
const AUTHORITY: &str = "usr/local/share/ca-certificates/preau.crt";
const AUTHORITY_PATH: &str = "/usr/local/share/ca-certificates/preau.crt";

/// Folders of policies. Sources: `docs/enterprise/policies.md` of chromium/chromium; Microsoft's
/// "Configure Microsoft Edge policy settings on Linux"; both read on 2026-11-22. Firefox:
/// `EnterprisePoliciesParent.sys.mjs` (SysConfD), in any build that does not leave it out.
const BROWSERS: [(Browser, &str); 3] = [
    (Browser::Chrome, "etc/opt/chrome/policies"),
    (Browser::Chromium, "etc/chromium/policies"),
    (Browser::Edge, "etc/opt/edge/policies"),
];

/// `put` takes each file, by its path in the audience's folder.
pub(crate) fn files(audience: &Audience, put: &mut impl FnMut(&str, Vec<u8>)) {
    for (browser, folder) in BROWSERS {
        let policies = chromium::policies(audience, browser);
        for (level, name) in [(Level::Mandatory, "managed"), (Level::Recommended, "recommended")] {
            if let Some(json) = chromium::json(&policies, level) {
                put(&format!("linux/{folder}/{name}/preau.json"), json);
            }
        }
    }
    let certificates = Certificates::File(AUTHORITY_PATH);
    put("linux/etc/firefox/policies/policies.json", firefox::file(audience, &certificates));
    if let Some(authority) = &audience.authority {
        put(&format!("linux/{AUTHORITY}"), authority.pem().into_bytes());
    }
    put("linux/install.sh", INSTALL.as_bytes().to_vec());
    // Groups of Ansible have no hyphens.
    let group = audience.name.replace('-', "_");
    put("linux/playbook.yml", PLAYBOOK.replace("AUDIENCE", &group).into_bytes());
}

/// Takes away what an earlier roll-out left, then copies.
const INSTALL: &str = include_str!("linux/install.sh");

const PLAYBOOK: &str = include_str!("linux/playbook.yml");
