//! Real browsers, started with the policies that are written for them: Debian's `chromium` and
//! `firefox-esr`. Nothing is put into the system's folders.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use rollout::Files;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{files, json};

/// How long a browser may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends with the test, whatever becomes of that.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every policy is listed with its value and level, nothing is said against any, and the settings are as
/// those for people show them.
#[test]
#[ignore = "needs chromium (Debian), and root"]
fn chromium_takes_every_policy() {
    let files = files();
    for (audience, count) in [("pupils", 21), ("offices", 11)] {
        let mut expected = Map::new();
        for (folder, level) in [("managed", "mandatory"), ("recommended", "recommended")] {
            let path = format!("{audience}/linux/etc/chromium/policies/{folder}/preau.json");
            if files.contains_key(&path) {
                for (name, value) in json(&files, &path).as_object().unwrap() {
                    expected.insert(name.clone(), json!({ "level": level, "value": value }));
                }
            }
        }
        assert_eq!(expected.len(), count);
        let (listed, settings) = chromium(&files, audience);
        assert_eq!(
            listed.keys().collect::<BTreeSet<_>>(),
            expected.keys().collect::<BTreeSet<_>>(),
            "{audience}"
        );
        for (name, listed) in &listed {
            for (key, value) in expected[name].as_object().unwrap() {
                assert_eq!(&listed[key], value, "{audience}: {name}");
            }
            let mut keys: Vec<_> = listed.as_object().unwrap().keys().collect();
            keys.sort();
            // Complaints would be further keys: `error`, `warning`, `ignored`, `deprecated`…
            assert_eq!(keys, ["level", "scope", "source", "value"], "{audience}: {name}: {listed}");
        }
        let (engine, others) = (&settings["engine"], settings["others"].as_array().unwrap());
        match audience {
            "pupils" => {
                assert_eq!(engine["url"], "https://www.qwantjunior.com/?q=%s");
                assert_eq!((&engine["isManaged"], others.len()), (&json!(true), 0), "locked");
                let doh = json!(["secure", "https://dns.school.example/dns-query"]);
                assert_eq!(settings["doh"], doh);
            }
            _ => {
                assert_eq!(engine["url"], "https://www.qwant.com/?q=%s");
                assert_eq!(engine["isRecommendedFromPolicy"], true);
                assert!(others.contains(&json!("DuckDuckGo")), "changeable: {others:?}");
                assert_eq!(settings["doh"], json!(["off", ""]));
            }
        }
    }
}

/// A word that Chromium does not know would be complained of: what the test above looks for is there.
#[test]
#[ignore = "needs chromium (Debian), and root"]
fn chromium_complains_of_what_it_does_not_know() {
    let mut files = files();
    let path = "pupils/linux/etc/chromium/policies/managed/preau.json";
    let mut policies = json(&files, path);
    policies["ForceBingSafeSearch"] = json!(2);
    policies["DnsOverHttpsMode"] = json!("never");
    files.insert(path.to_owned(), policies.to_string().into_bytes());
    let (listed, _) = chromium(&files, "pupils");
    for name in ["ForceBingSafeSearch", "DnsOverHttpsMode"] {
        assert!(listed[name].get("error").is_some(), "{}", listed[name]);
    }
}

/// As chrome://policy itself asks.
const POLICIES: &str = "const told = \
    new Promise(r => cr.addWebUiListener('policies-updated', (_, all) => r(all))); \
    chrome.send('listenPoliciesUpdates'); \
    return (await told).policyGroups.chrome.policies;";

/// As chrome://settings does.
const SETTINGS: &str = "const listed = await cr.sendWithPromise('getSearchEnginesList'); \
    const engines = [...listed.defaults, ...listed.actives, ...listed.others]; \
    const doh = await cr.sendWithPromise('getSecureDnsSetting'); \
    return { \
        engine: engines.find(engine => engine.default), \
        others: engines.filter(engine => engine.canBeDefault).map(engine => engine.name), \
        doh: [doh.mode, doh.config], \
    };";

/// What a Chromium with an audience's policies says of them, and of its settings.
fn chromium(files: &Files, audience: &str) -> (Map<String, Value>, Value) {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let etc = at("etc");
    let copied = Command::new("cp").args(["-r", "/etc/chromium"]).arg(&etc).status().unwrap();
    assert!(copied.success(), "Debian's chromium is installed");
    put(files, &format!("{audience}/linux/etc/chromium/"), &etc);
    for pipe in ["to", "from"] {
        assert!(Command::new("mkfifo").arg(at(pipe)).status().unwrap().success());
    }
    // Only this process and its children see our /etc/chromium.
    let script = "mount --bind \"$0/etc\" /etc/chromium && exec chromium --headless=new \
                  --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run \
                  --disable-background-networking --disable-component-update --disable-sync \
                  --user-data-dir=\"$0/profile\" --remote-debugging-pipe 3<\"$0/to\" 4>\"$0/from\"";
    let log = fs::File::create(at("log")).unwrap();
    let browser = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(folder.path())
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .expect("util-linux is installed");
    let _browser = Browser(browser);
    // Opened for both directions, a pipe is open at once.
    let open = |name: &str| fs::OpenOptions::new().read(true).write(true).open(at(name)).unwrap();
    let mut devtools = DevTools { to: open("to"), from: messages(open("from")), last: 0 };
    let say = |what: &str| format!("{what}: {}", fs::read_to_string(at("log")).unwrap());

    let mut ask = |page: &str, script: &str| {
        let target = devtools.call("Target.createTarget", json!({ "url": page }), None);
        let target = &target.unwrap_or_else(|| panic!("{}", say("no page")))["targetId"];
        let attached = json!({ "targetId": target, "flatten": true });
        let attached = devtools.call("Target.attachToTarget", attached, None).unwrap();
        let session = attached["sessionId"].as_str();
        // A page's scripts are there once it has loaded. What is evaluated while it is on its way may be
        // lost, hence nothing but this question.
        let patience = Instant::now() + PATIENCE;
        let mut is_loaded = || {
            let state = json!({ "expression": "location.protocol + document.readyState" });
            let told = devtools.attempt("Runtime.evaluate", state, session);
            told.is_some_and(|told| told["result"]["result"]["value"] == "chrome:complete")
        };
        while !is_loaded() {
            assert!(Instant::now() < patience, "{}", say(page));
            thread::sleep(Duration::from_millis(50));
        }
        let expression = format!(
            "(async () => {{ const cr = await import('chrome://resources/js/cr.js'); {script} }})()"
        );
        let asked =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut told = devtools.call("Runtime.evaluate", asked, session).unwrap();
        assert!(told.get("exceptionDetails").is_none(), "{told}");
        told["result"]["value"].take()
    };
    let policies = ask("chrome://policy", POLICIES);
    let settings = ask("chrome://settings/search", SETTINGS);
    devtools.call("Browser.close", json!({}), None);
    (policies.as_object().unwrap().clone(), settings)
}

/// Writes the files below `prefix` into a folder.
fn put(files: &Files, prefix: &str, folder: &Path) {
    let mut count = 0;
    for (path, octets) in files {
        if let Some(path) = path.strip_prefix(prefix) {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, octets).unwrap();
            count += 1;
        }
    }
    assert!(count > 0, "{prefix}");
}

/// Chromium's protocol for programs, over two pipes: JSON, each message with a NUL behind it.
struct DevTools {
    to: fs::File,
    from: Receiver<Value>,
    last: u64,
}

impl DevTools {
    /// The result; `None` where none comes in time.
    fn call(&mut self, method: &str, params: Value, session: Option<&str>) -> Option<Value> {
        let mut message = self.attempt(method, params, session)?;
        assert!(message.get("error").is_none(), "{method}: {message}");
        Some(message["result"].take())
    }

    /// The whole answer, which may be an error.
    fn attempt(&mut self, method: &str, params: Value, session: Option<&str>) -> Option<Value> {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        write!(self.to, "{message}\0").unwrap();
        loop {
            let message = self.from.recv_timeout(PATIENCE).ok()?;
            if message["id"] == self.last {
                return Some(message);
            }
        }
    }
}

fn messages(pipe: fs::File) -> Receiver<Value> {
    let (sender, messages) = channel();
    thread::spawn(move || {
        for message in BufReader::new(pipe).split(0) {
            let message = serde_json::from_slice(&message.unwrap()).unwrap();
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    messages
}

/// Each policy is active, nothing is complained of, the files fit the browser's own schema, and each
/// has its effect.
#[test]
#[ignore = "needs firefox-esr (Debian)"]
fn firefox_takes_every_policy() {
    let files = files();

    let pupils = firefox(&files, "pupils");
    checked(&files, "pupils", &pupils);
    assert_eq!(pupils["engines"], json!(["Qwant Junior"]));
    assert_eq!(pupils["default"], "Qwant Junior");
    assert_eq!(pupils["private_default"], "Qwant Junior");
    assert_eq!(pupils["search"], "https://www.qwantjunior.com/?q=petit+chat");
    assert_eq!(pupils["may_add_engines"], false);
    let doh = json!({ "value": 3, "locked": true });
    assert_eq!(pupils["prefs"]["network.trr.mode"], doh);
    let uri = json!({ "value": "https://dns.school.example/dns-query", "locked": true });
    assert_eq!(pupils["prefs"]["network.trr.uri"], uri);
    assert_eq!(pupils["prefs"]["network.http.http3.enable"]["value"], false);
    assert_eq!(pupils["prefs"]["browser.ipProtection.enabled"]["value"], false);
    assert_eq!(pupils["prefs"]["browser.newtabpage.enabled"]["value"], false);
    let home = json!({ "value": "https://ent.school.example/", "locked": true });
    assert_eq!(pupils["prefs"]["browser.startup.homepage"], home);
    assert_eq!(pupils["private_browsing"], false);
    assert_eq!(pupils["add_ons"], json!({ "uBlock0@raymondhill.net": true, "other@x": false }));
    assert_eq!(pupils["believed"], true, "the authority");

    let brought = brought(&pupils["brings"]);
    let taken = policies(&files, "pupils")["SearchEngines"]["Remove"].take();
    let taken: BTreeSet<_> =
        taken.as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    let left: Vec<_> = brought.difference(&taken).collect();
    assert!(brought.len() > 8 && left.is_empty(), "{left:?} of {brought:?}");

    let offices = firefox(&files, "offices");
    checked(&files, "offices", &offices);
    assert_eq!(offices["default"], "Qwant");
    assert!(offices["engines"].as_array().unwrap().contains(&json!("DuckDuckGo")));
    assert_eq!(offices["may_add_engines"], true);
    let off = json!({ "value": 5, "locked": true });
    assert_eq!(offices["prefs"]["network.trr.mode"], off);
    let home = json!({ "value": "https://intranet.town.example/", "locked": false });
    assert_eq!(offices["prefs"]["browser.startup.homepage"], home);
    assert_eq!((&offices["private_browsing"], &offices["believed"]), (&json!(true), &json!(false)));
}

/// Names of the engines that this Firefox brings to a desktop where French is spoken, in French or in
/// English: those of its editions for partners and of its experiments aside.
fn brought(configuration: &Value) -> BTreeSet<&str> {
    let among = |environment: &Value, key: &str, wanted: &[&str]| {
        let listed = environment[key].as_array();
        listed.map(|listed| wanted.iter().any(|wanted| listed.contains(&json!(wanted))))
    };
    let is_ours = |variant: &Value| {
        let environment = &variant["environment"];
        let here = among(environment, "regions", &["fr", "be", "ch", "lu", "ca"]);
        let spoken = among(environment, "locales", &["fr", "en-US", "en-GB", "en-CA"]);
        let desktop = among(environment, "applications", &["firefox"]);
        here.unwrap_or(true)
            && spoken.unwrap_or(true)
            && desktop.unwrap_or(true)
            && environment.get("distributions").is_none()
            && environment.get("experiment").is_none()
    };
    let engines = configuration.as_array().unwrap().iter().filter(|record| {
        let variants = record["variants"].as_array().into_iter().flatten();
        record["recordType"] == "engine" && variants.into_iter().any(is_ours)
    });
    engines.map(|engine| engine["base"]["name"].as_str().unwrap()).collect()
}

/// What the test above looks for is there to be seen.
#[test]
#[ignore = "needs firefox-esr (Debian)"]
fn firefox_complains_of_what_it_does_not_know() {
    let mut files = files();
    let path = "offices/linux/etc/firefox/policies/policies.json";
    let mut file = json(&files, path);
    file["policies"]["ForceGoogleSafeSearch"] = json!(true);
    file["policies"]["NewTabPage"] = json!("blank");
    files.insert(path.to_owned(), file.to_string().into_bytes());
    let said = firefox(&files, "offices");
    let complaints = said["complaints"].as_array().unwrap();
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(complaints.contains(&json!("Unknown policy: ForceGoogleSafeSearch")), "{complaints:?}");
}

/// Reads everything of interest; runs with the rights of the browser itself.
const FIREFOX: &str = r#"
    const done = arguments[arguments.length - 1];
    (async () => {
        const { SearchService } =
            ChromeUtils.importESModule("moz-src:///toolkit/components/search/SearchService.sys.mjs");
        const { schema } = ChromeUtils.importESModule("resource:///modules/policies/schema.sys.mjs");
        const pref = name => {
            const prefs = Services.prefs;
            const read = { 32: "getStringPref", 64: "getIntPref", 128: "getBoolPref" };
            const value = prefs[read[prefs.getPrefType(name)]](name);
            return [name, { value, locked: prefs.prefIsLocked(name) }];
        };
        const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
        const believes = () => db.getCerts().some(
            cert => cert.commonName == "Authority of tests"
                && db.isCertTrusted(cert, Ci.nsIX509Cert.CA_CERT, Ci.nsIX509CertDB.TRUSTED_SSL));
        const active = Services.policies.getActivePolicies();
        await SearchService.init();
        // Engines are taken away, and certificates read, a moment after the start.
        const settled = async () => {
            const names = (await SearchService.getVisibleEngines()).map(engine => engine.name);
            const wanted = active.SearchEngines;
            return (await SearchService.getDefault()).name == wanted.Default
                && !(wanted.Remove ?? []).some(name => names.includes(name))
                && (!active.Certificates || believes());
        };
        for (let i = 0; i < 200 && !(await settled()); i++) {
            await new Promise(resolve => setTimeout(resolve, 50));
        }
        const engine = await SearchService.getDefault();
        const log = Cc["@mozilla.org/consoleAPI-storage;1"].getService(Ci.nsIConsoleAPIStorage);
        const complaints = log.getEvents()
            .filter(event => /polic/i.test(event.prefix) && ["error", "warn"].includes(event.level))
            .map(event => event.arguments.map(String).join(" "));
        const dump = "resource://app/defaults/settings/main/search-config-v2.json";
        return {
            schema,
            brings: (await (await fetch(dump)).json()).data,
            complaints,
            is_active: Services.policies.status == Services.policies.ACTIVE,
            active: Object.keys(active),
            engines: (await SearchService.getVisibleEngines()).map(engine => engine.name),
            default: engine.name,
            private_default: (await SearchService.getDefaultPrivate()).name,
            search: engine.getSubmission("petit chat").uri.spec,
            may_add_engines: Services.policies.isAllowed("installSearchEngine"),
            private_browsing: Services.policies.isAllowed("privatebrowsing"),
            add_ons: Object.fromEntries(["uBlock0@raymondhill.net", "other@x"].map(
                id => [id, Services.policies.mayInstallAddon({ id, type: "extension" })])),
            believed: believes(),
            prefs: Object.fromEntries([
                "network.trr.mode", "network.trr.uri", "network.http.http3.enable",
                "browser.ipProtection.enabled", "browser.newtabpage.enabled",
                "browser.startup.homepage",
            ].map(pref)),
        };
    })().then(told => done(JSON.stringify(told)), error => done(`${error}\n${error.stack}`));
"#;

/// Starts one with an audience's policies, in France, and asks it, over its own protocol for programs
/// (Marionette).
fn firefox(files: &Files, audience: &str) -> Value {
    let folder = TempDir::new().unwrap();
    let program = program(files, audience, folder.path());
    let profile = folder.path().join("profile");
    fs::create_dir(&profile).unwrap();
    let preferences = "user_pref('marionette.port', 0);\n\
                       user_pref('browser.search.region', 'FR');\n";
    fs::write(profile.join("user.js"), preferences).unwrap();
    let log = folder.path().join("log");
    let output = fs::File::create(&log).unwrap();
    let browser = Command::new(program.join("firefox-esr"))
        .args(["--headless", "--no-remote", "--marionette", "--remote-allow-system-access"])
        .arg("--profile")
        .arg(&profile)
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .expect("Debian's firefox-esr is installed");
    let _browser = Browser(browser);
    let mut marionette = Marionette::connect(&profile.join("MarionetteActivePort"));
    marionette.call("WebDriver:NewSession", json!({}));
    marionette.call("Marionette:SetContext", json!({ "value": "chrome" }));
    let script = json!({ "script": FIREFOX, "args": [], "sandbox": "system" });
    let told = marionette.call("WebDriver:ExecuteAsyncScript", script);
    let said = told["value"].as_str().and_then(|told| serde_json::from_str(told).ok());
    said.unwrap_or_else(|| panic!("{audience}: {told}\n{}", fs::read_to_string(&log).unwrap()))
}

/// Checks what holds for every audience.
fn checked(files: &Files, audience: &str, said: &Value) {
    let policies = policies(files, audience);
    assert_eq!(said["complaints"], json!([]), "{audience}");
    assert_eq!(said["is_active"], true, "{audience}");
    let active: BTreeSet<_> =
        said["active"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let written: BTreeSet<_> = policies.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(active, written, "{audience}");

    let is_url = |text: &str| url::Url::parse(text).is_ok();
    let validator = jsonschema::options()
        .with_format("moz-url", is_url)
        .should_validate_formats(true)
        .build(&said["schema"])
        .unwrap();
    let faults: Vec<_> = validator.iter_errors(&policies).map(|fault| fault.to_string()).collect();
    assert_eq!(faults, [""; 0], "{audience}");
    assert!(!validator.is_valid(&json!({ "NewTabPage": "blank" })));
    assert!(!validator.is_valid(&json!({ "Homepage": { "URL": "no url" } })));
    let mut unknown = Vec::new();
    undescribed(&policies, &said["schema"], "", &mut unknown);
    assert_eq!(unknown, [""; 0], "{audience}");
}

/// A Firefox like that of the system, but with a distribution's folder of ours.
fn program(files: &Files, audience: &str, folder: &Path) -> std::path::PathBuf {
    let program = folder.join("program");
    fs::create_dir(&program).unwrap();
    let installed =
        fs::read_dir("/usr/lib/firefox-esr").expect("Debian's firefox-esr is installed");
    for entry in installed {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        match name.to_str() {
            // It looks for the others where it is itself.
            Some("firefox-esr") => drop(fs::copy(&path, program.join(name)).unwrap()),
            Some("distribution") => {}
            _ => symlink(&path, program.join(name)).unwrap(),
        }
    }
    let path = format!("{audience}/linux/usr/local/share/ca-certificates/preau.crt");
    let authority = program.join("authority.crt");
    if let Some(octets) = files.get(&path) {
        fs::write(&authority, octets).unwrap();
    }
    let policies = json!({ "policies": policies(files, audience) }).to_string();
    let policies =
        policies.replace("/usr/local/share/ca-certificates/preau.crt", authority.to_str().unwrap());
    fs::create_dir(program.join("distribution")).unwrap();
    fs::write(program.join("distribution/policies.json"), policies).unwrap();
    program
}

fn policies(files: &Files, audience: &str) -> Value {
    let path = format!("{audience}/linux/etc/firefox/policies/policies.json");
    json(files, &path)["policies"].take()
}

/// Names that a schema does not describe: Firefox drops them without a word.
fn undescribed(value: &Value, schema: &Value, at: &str, unknown: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let at = format!("{at}/{name}");
        let patterns = schema["patternProperties"].as_object();
        let pattern = patterns.and_then(|patterns| patterns.values().next());
        match schema["properties"].get(name).or(pattern) {
            Some(schema) => undescribed(value, schema, &at, unknown),
            None => unknown.push(at),
        }
    }
    for value in value.as_array().into_iter().flatten() {
        undescribed(value, &schema["items"], at, unknown);
    }
}

/// Firefox's protocol for programs: JSON behind its length.
struct Marionette(TcpStream);

impl Marionette {
    /// The browser writes its port into a file.
    fn connect(file: &Path) -> Self {
        let patience = Instant::now() + PATIENCE;
        let port: u16 = loop {
            match fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()) {
                Some(port) => break port,
                None => assert!(Instant::now() < patience, "no port in {}", file.display()),
            }
            thread::sleep(Duration::from_millis(50));
        };
        let connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut marionette = Self(connection);
        marionette.hear();
        marionette
    }

    /// The result of a command.
    fn call(&mut self, name: &str, parameters: Value) -> Value {
        let command = json!([0, 1, name, parameters]).to_string();
        write!(self.0, "{}:{command}", command.len()).unwrap();
        let mut answer = self.hear();
        assert!(answer[2].is_null(), "{name}: {answer}");
        answer[3].take()
    }

    fn hear(&mut self) -> Value {
        let mut length = 0;
        let mut octet = [0];
        loop {
            self.0.read_exact(&mut octet).unwrap();
            match octet {
                [b':'] => break,
                [digit] => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut message = vec![0; length];
        self.0.read_exact(&mut message).unwrap();
        serde_json::from_slice(&message).unwrap()
    }
}
