//! What the vendors call their policies, which of them have each, and where their templates have it.
//!
//! Sources, read on 2026-11-22:
//! * Chrome, Chromium, ChromeOS: chromium/chromium, `components/policy/resources/templates/
//!   policy_definitions/*/NAME.yaml` (`caption`, `supported_on`, `schema`, `can_be_recommended`), and
//!   `.group.details.yaml` of the folder. Tried with Debian's Chromium 156: `tests/rollout/browsers.rs`.
//! * Edge: learn.microsoft.com/deployedge/microsoft-edge-policies/NAME ("GP unique name", "GP name",
//!   "GP path"), by way of MicrosoftDocs/Edge-Enterprise.

use serde_json::Value;

use super::Browser;

/// A policy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// As this crate calls it: Chromium's name, where Chromium has it.
    pub(crate) id: &'static str,
    has: Has,
    /// What Chrome's template shows.
    pub(crate) caption: &'static str,
    /// What Edge's template shows.
    pub(crate) edge_caption: &'static str,
    /// Where the templates have it.
    pub(crate) group: Group,
}

/// Which browsers have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    All,
    /// All, and Edge by another name.
    EdgeCalls(&'static str),
    /// Chrome, Chromium and Edge: nothing of the kind is a user's policy in ChromeOS.
    Desktop,
    /// Chrome and Chromium: Edge takes it from neither group policies nor files (since 133, "Can be
    /// mandatory: No"), ChromeOS has authorities of its own.
    DesktopChrome,
    Edge,
}

/// A folder of the templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Root,
    DefaultSearchProvider,
    Startup,
    Extensions,
    CertificateManagement,
}

impl Group {
    /// As the templates call it in their XML, and so in the address of a setting (OMA-URI).
    pub(crate) fn id(self) -> Option<&'static str> {
        match self {
            Self::Root => None,
            Self::DefaultSearchProvider => Some("DefaultSearchProvider"),
            Self::Startup => Some("Startup"),
            Self::Extensions => Some("Extensions"),
            Self::CertificateManagement => Some("CertificateManagement"),
        }
    }

    /// As Chrome's template shows it, then as Edge's.
    pub(crate) fn captions(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Root => None,
            Self::DefaultSearchProvider => {
                Some(("Default search provider", "Default search provider"))
            }
            Self::Startup => {
                Some(("Startup, Home page and New Tab page", "Startup, home page and new tab page"))
            }
            Self::Extensions => Some(("Extensions", "Extensions")),
            Self::CertificateManagement => Some(("Certificate management settings", "")),
        }
    }
}

impl Fact {
    /// As a browser calls it; `None` where it has no such policy.
    pub(crate) fn name(&self, browser: Browser) -> Option<&'static str> {
        match (self.has, browser) {
            (Has::EdgeCalls(name), Browser::Edge) => Some(name),
            (Has::All | Has::EdgeCalls(_), _)
            | (Has::Desktop, Browser::Chrome | Browser::Chromium | Browser::Edge)
            | (Has::DesktopChrome, Browser::Chrome | Browser::Chromium)
            | (Has::Edge, Browser::Edge) => Some(self.id),
            _ => None,
        }
    }
}

/// What the templates call a value that is one of several; `None` for values that stand for
/// themselves. Sources: as above ("items", "Policy options mapping").
pub(crate) fn option(id: &str, value: &Value, browser: Browser) -> Option<&'static str> {
    let is_edge = browser == Browser::Edge;
    Some(match (id, value.as_str(), value.as_u64()) {
        ("DnsOverHttpsMode", Some("off"), _) => "Disable DNS-over-HTTPS",
        ("DnsOverHttpsMode", Some("secure"), _) => {
            "Enable DNS-over-HTTPS without insecure fallback"
        }
        ("ForceBingSafeSearch", _, Some(2)) => "Configure strict search restrictions in Bing",
        ("ForceYouTubeRestrict", _, Some(1)) => {
            "Enforce at least Moderate Restricted Mode on YouTube"
        }
        ("ForceYouTubeRestrict", _, Some(2)) => "Enforce Strict Restricted Mode for YouTube",
        ("IncognitoModeAvailability", _, Some(1)) if is_edge => "InPrivate mode disabled",
        ("IncognitoModeAvailability", _, Some(1)) => "Incognito mode disabled",
        ("RestoreOnStartup", _, Some(4)) => "Open a list of URLs",
        ("NetworkPredictionOptions", _, Some(2)) if is_edge => {
            "Don't predict network actions on any network connection"
        }
        ("NetworkPredictionOptions", _, Some(2)) => {
            "Do not predict network actions on any network connection"
        }
        _ => return None,
    })
}

const fn fact(
    id: &'static str,
    has: Has,
    group: Group,
    caption: &'static str,
    edge_caption: &'static str,
) -> Fact {
    Fact { id, has, caption, edge_caption, group }
}

/// Every policy that this crate writes.
pub(crate) static FACTS: &[Fact] = &[
    fact(
        "DefaultSearchProviderEnabled",
        Has::All,
        Group::DefaultSearchProvider,
        "Enable the default search provider",
        "Enable the default search provider",
    ),
    fact(
        "DefaultSearchProviderName",
        Has::All,
        Group::DefaultSearchProvider,
        "Default search provider name",
        "Default search provider name",
    ),
    fact(
        "DefaultSearchProviderKeyword",
        Has::All,
        Group::DefaultSearchProvider,
        "Default search provider keyword",
        "Default search provider keyword",
    ),
    fact(
        "DefaultSearchProviderSearchURL",
        Has::All,
        Group::DefaultSearchProvider,
        "Default search provider search URL",
        "Default search provider search URL",
    ),
    fact(
        "DnsOverHttpsMode",
        Has::All,
        Group::Root,
        "Controls the mode of DNS-over-HTTPS",
        "Control the mode of DNS-over-HTTPS",
    ),
    fact(
        "DnsOverHttpsTemplates",
        Has::All,
        Group::Root,
        "Specify URI template of desired DNS-over-HTTPS resolver",
        "Specify URI template of desired DNS-over-HTTPS resolver",
    ),
    fact(
        "BuiltInDnsClientEnabled",
        Has::All,
        Group::Root,
        "Use built-in DNS client",
        "Use built-in DNS client",
    ),
    fact(
        "ForceGoogleSafeSearch",
        Has::All,
        Group::Root,
        "Force Google SafeSearch",
        "Enforce Google SafeSearch",
    ),
    fact("ForceBingSafeSearch", Has::Edge, Group::Root, "", "Enforce Bing SafeSearch"),
    fact(
        "ForceYouTubeRestrict",
        Has::All,
        Group::Root,
        "Force minimum YouTube Restricted Mode",
        "Force minimum YouTube Restricted Mode",
    ),
    fact(
        "IncognitoModeAvailability",
        Has::EdgeCalls("InPrivateModeAvailability"),
        Group::Root,
        "Incognito mode availability",
        "Configure InPrivate mode availability",
    ),
    fact(
        "BrowserGuestModeEnabled",
        Has::Desktop,
        Group::Root,
        "Enable guest mode in browser",
        "Enable guest mode",
    ),
    fact(
        "HomepageLocation",
        Has::All,
        Group::Startup,
        "Configure the home page URL",
        "Configure the home page URL",
    ),
    fact(
        "HomepageIsNewTabPage",
        Has::All,
        Group::Startup,
        "Use New Tab Page as homepage",
        "Set the new tab page as the home page",
    ),
    fact(
        "ShowHomeButton",
        Has::All,
        Group::Startup,
        "Show Home button on toolbar",
        "Show Home button on toolbar",
    ),
    fact(
        "RestoreOnStartup",
        Has::All,
        Group::Startup,
        "Action on startup",
        "Action to take on Microsoft Edge startup",
    ),
    fact(
        "RestoreOnStartupURLs",
        Has::All,
        Group::Startup,
        "URLs to open on startup",
        "Sites to open when the browser starts",
    ),
    // Chrome takes it as mandatory only.
    fact(
        "NewTabPageLocation",
        Has::All,
        Group::Startup,
        "Configure the New Tab page URL",
        "Configure the new tab page URL",
    ),
    fact(
        "ExtensionInstallBlocklist",
        Has::All,
        Group::Extensions,
        "Configure extension installation blocklist",
        "Control which extensions cannot be installed",
    ),
    fact(
        "ExtensionInstallAllowlist",
        Has::All,
        Group::Extensions,
        "Configure extension installation allow list",
        "Allow specific extensions to be installed",
    ),
    fact(
        "NetworkPredictionOptions",
        Has::All,
        Group::Root,
        "Enable network prediction",
        "Enable network prediction",
    ),
    fact("QuicAllowed", Has::All, Group::Root, "Allow QUIC protocol", "Allow QUIC protocol"),
    fact(
        "CACertificates",
        Has::DesktopChrome,
        Group::CertificateManagement,
        "TLS certificates that should be trusted by Google Chrome for server authentication",
        "",
    ),
];
