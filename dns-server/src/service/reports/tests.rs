//! What is kept of a report, of whom, how often, and how it goes.

use std::fs;

use super::*;
use crate::{
    state::audit,
    testing::{self, root, service},
};

const CONFIG: &str = r#"
[upstream]
servers = ["192.0.2.53"]
[lists]
bundle = "today.bundle"
cache = "state"
[control]
socket = "control.sock"
[[group]]
name = "pupils"
networks = ["10.0.0.0/8"]
profile = "child"
[[group]]
name = "head"
networks = ["10.1.0.1"]
profile = "mine"
[profile.mine]
block_names = ["mine.example"]
[[local]]
name = "printer.example"
addresses = ["10.0.0.9"]
"#;

const PUPILS: GroupId = GroupId::at(0);
const HEAD: GroupId = GroupId::at(1);
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 66, 55, 44));

impl Service {
    fn reported(&self, name: &str, complaint: Complaint, group: GroupId) -> Result<(), String> {
        let name = name.parse().unwrap();
        self.report(&name, complaint, group, CLIENT).map_err(|error| error.to_string())
    }

    fn told(&self) -> Vec<String> {
        let day = today().to_string();
        self.reports().iter().map(|report| report.to_string().replace(&day, "today")).collect()
    }
}

#[test]
fn what_is_kept() {
    use Complaint::{Harmful, Harmless, Needed};
    let folder = tempfile::tempdir().unwrap();
    let first = service(folder.path(), CONFIG);
    let cases = [
        ("www.porn.example", Harmless, PUPILS, Ok(())),
        ("www.porn.example", Harmless, PUPILS, Ok(())),
        ("mine.example", Needed, HEAD, Ok(())),
        ("fine.example", Harmful, PUPILS, Ok(())),
        ("porn.example", Harmful, PUPILS, Err("porn.example is refused already")),
        // Where it leads is refused.
        ("alias.example", Needed, PUPILS, Ok(())),
        ("printer.example", Needed, PUPILS, Err("printer.example is not the name of a site")),
        ("localhost", Needed, PUPILS, Err("localhost is not the name of a site")),
        ("co.uk", Needed, PUPILS, Err("co.uk is not the name of a site")),
        ("fine.example", Harmful, GroupId::at(9), Err("fine.example is not the name of a site")),
    ];
    for (name, complaint, group, expected) in cases {
        let expected = expected.map_err(str::to_owned);
        assert_eq!(first.reported(name, complaint, group), expected, "{name}");
    }
    let told = [
        "www.porn.example: refused, harmless, for pupils, porn · ut1-adult, 2 times, today",
        // One address is one person.
        "mine.example: refused, needed, operator's names, once, today",
        "fine.example: passes, harmful, for pupils, once, today",
        "alias.example: refused, needed, for pupils, once, today",
    ];
    assert_eq!(first.told(), told);
    assert_eq!(first.status().reports, 4);
    drop(first);

    // Nothing of who, or of when but the day.
    let kept = fs::read_to_string(folder.path().join("state/reports.json")).unwrap();
    assert!(!kept.contains("10.66") && !kept.contains("head"), "{kept}");
    let today = today().to_string();
    assert_eq!(kept.matches(&today).count(), 8, "{kept}");
    assert!(!kept.contains(&format!("{today}T")), "{kept}");

    let again = service(folder.path(), CONFIG);
    assert_eq!(again.told(), told);
    let name = "www.porn.example".parse().unwrap();
    assert_eq!(again.settle(&name, root()).unwrap(), 2);
    let error = again.settle(&name, root()).unwrap_err().to_string();
    assert_eq!(error, "nothing is reported about www.porn.example");
    assert_eq!(again.told(), told[1..]);
    drop(again);
    let log = fs::read(folder.path().join("state/audit.jsonl")).unwrap();
    audit::verify(&log).unwrap();
    let log = audit::told(&log);
    assert!(log.contains(" 2 reports of www.porn.example settled, by root (uid 0)\n"), "{log}");
    assert!(!log.contains("fine.example"), "{log}");
    assert_eq!(service(folder.path(), CONFIG).told(), told[1..]);
}

/// One address cannot write without end, nor a group; others go on.
#[tokio::test(start_paused = true)]
async fn how_often() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), CONFIG);
    let name = "fine.example".parse().unwrap();
    let report = |host: u8| {
        service.report(&name, Complaint::Harmful, PUPILS, IpAddr::from([10, 0, 0, host]))
    };
    for _ in 0..OF_CLIENT {
        report(0).unwrap();
    }
    let refused = report(0).unwrap_err();
    assert!(matches!(refused, ReportError::TooMany(left) if left == WINDOW), "{refused}");
    for host in 1..5 {
        (0..OF_CLIENT).for_each(|_| report(host).unwrap());
    }
    report(9).unwrap_err();
    service.report(&name, Complaint::Harmful, HEAD, CLIENT).unwrap();
    tokio::time::advance(WINDOW).await;
    service.tidy();
    report(0).unwrap();
    assert_eq!(service.reports()[0].times, OF_GROUP + 1);
}

#[test]
fn what_cannot_be_kept_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), CONFIG);
    let file = folder.path().join("state/reports.json");
    service.reported("fine.example", Complaint::Harmful, PUPILS).unwrap();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let error = service.reported("more.example", Complaint::Harmful, PUPILS).unwrap_err();
    assert!(error.starts_with("not taken, since it cannot be kept: "), "{error}");
    let error = service.settle(&"fine.example".parse().unwrap(), root()).unwrap_err().to_string();
    assert!(error.starts_with("not settled, since it cannot be kept: "), "{error}");
    assert_eq!(service.reports().len(), 1);

    // A server that is tried by hand keeps nothing.
    let folder = tempfile::tempdir().unwrap();
    let service = testing::service(folder.path(), &CONFIG.replace("socket = ", "# "));
    let error = service.reported("fine.example", Complaint::Harmful, PUPILS).unwrap_err();
    assert!(error.starts_with("reports are not kept here: "), "{error}");
    assert_eq!(service.reports(), []);
}

/// Whatever is wrong with the file, the server runs, and the file is there to be looked at.
#[test]
fn what_cannot_be_read_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    drop(service(folder.path(), CONFIG));
    let state = folder.path().join("state");
    for text in ["", "[{}]", "{\"name\":7}", "\0\0"] {
        fs::write(state.join("reports.json"), text).unwrap();
        let service = service(folder.path(), CONFIG);
        assert_eq!(service.reports(), []);
        service.reported("fine.example", Complaint::Harmful, PUPILS).unwrap();
        drop(service);
        assert_eq!(fs::read_to_string(state.join("reports.unreadable")).unwrap(), text);
    }
}

#[test]
fn they_are_kept_for_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = service(folder.path(), CONFIG);
    first.reported("fine.example", Complaint::Harmful, PUPILS).unwrap();
    drop(first);
    let file = folder.path().join("state/reports.json");
    let text = fs::read_to_string(&file).unwrap();
    let day = today().saturating_sub(jiff::SignedDuration::from_hours(24 * 8)).to_string();
    fs::write(&file, text.replace(&today().to_string(), &day)).unwrap();
    let config = CONFIG.to_owned() + "[reports]\nkeep = \"8d\"\n";
    let again = service(folder.path(), &config);
    again.tidy();
    assert_eq!(again.reports().len(), 1);
    fs::write(folder.path().join("preau.toml"), config.replace("8d", "7d")).unwrap();
    again.reload().unwrap();
    again.tidy();
    assert_eq!(again.reports(), []);
    assert_eq!(fs::read_to_string(&file).unwrap(), "[]");
}
