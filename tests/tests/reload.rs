//! Lists are replaced while questions come as fast as they are answered.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fs::{self, File},
    net::SocketAddr,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use filter_core::{FilterBuilder, Options, Scope, Source, Stamp};
use tests::{address, dnsperf::Report, environment, preau::Preau, world::World};

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");
/// How often there are other lists.
const RELOADS: Duration = Duration::from_secs(1);
/// How often memory is looked at.
const LOOKS: Duration = Duration::from_millis(10);
/// Names that a school asks all day, and refused ones that are asked beside them.
const ASKED: usize = 1000;
/// Questions under way at once: fewer than any socket buffer holds, so that nothing but the server
/// could lose one.
const UNDER_WAY: &str = "100";
/// Seconds that the world's answers live: longer than the test.
const TTL: u32 = 86_400;

/// With `PREAU_RELOAD_NAMES` (300 000) names, for `PREAU_RELOAD_SECONDS` (10) without reloads and as
/// long with.
///
/// The server has one core, which it shares with its reloads; the questions come from another. What
/// latencies are is told, not judged: a test's machine may be busy.
#[test]
#[ignore = "needs dnsperf and taskset; takes half a minute"]
fn no_question_is_lost_while_lists_are_replaced() {
    let names = environment::number("PREAU_RELOAD_NAMES", 300_000) as usize;
    let seconds = environment::number("PREAU_RELOAD_SECONDS", 10);
    let world = World::start(Vec::new(), TTL);
    let site = Site::start(names, world.address);
    site.ask(&["-n", "1"], "warm").wait().unwrap();

    let before = site.preau.private_octets();
    let length = seconds.to_string();
    let steady = site.ask(&["-l", &length], "steady").wait().unwrap();
    assert!(steady.success());

    let mut load = site.ask(&["-l", &length], "reloads");
    let started = Instant::now();
    let (mut editions, mut most) = (1, before);
    while load.try_wait().unwrap().is_none() {
        if started.elapsed() >= RELOADS * editions {
            site.replace_lists(editions);
            editions += 1;
        }
        most = most.max(site.preau.private_octets());
        thread::sleep(LOOKS);
    }
    site.wait_for_edition(editions - 1);
    let log = site.preau.log();

    let mut reports = ["steady", "reloads"].map(|run| site.report(run));
    let [bundle, first, most] =
        [site.bundle_octets, before, most].map(|octets| octets as f64 / 1e6);
    println!(
        "{names} names in {bundle:.1} MB; private memory: {first:.1} MB before, {most:.1} at most"
    );
    let p99s = reports.each_mut().map(|report| {
        let [median, p99, p999] = [0.5, 0.99, 0.999].map(|share| report.latency(share));
        let worst = report.latency(1.0);
        println!(
            "{} questions: {:?}, {} lost; median {median:?}, p99 {p99:?}, p99.9 {p999:?}, worst {worst:?}",
            report.latencies.len(),
            report.codes,
            report.lost
        );
        p99.as_secs_f64()
    });
    println!("{} reloads; p99 {:.2} times that without", editions - 1, p99s[1] / p99s[0]);
    for report in reports {
        assert_eq!(report.lost, 0);
        assert!(report.latencies.len() > 100 * ASKED);
        // What is refused is refused by either edition, and nothing fails.
        let codes: Vec<_> = report.codes.keys().collect();
        assert_eq!(codes, ["NOERROR", "NXDOMAIN"]);
        let refused = report.codes["NXDOMAIN"] as f64 / report.latencies.len() as f64;
        assert!((0.49..0.51).contains(&refused), "{refused}");
    }
    assert!(u64::from(editions) > seconds / 2, "{editions} editions");
    assert!(most <= 1.2 * first + bundle, "{first} MB became {most}");
    assert!(!log.contains("panicked"), "{log}");
}

/// Préau on one core, with lists of which there are two editions.
struct Site {
    preau: Preau,
    bundle_octets: u64,
}

impl Site {
    fn start(names: usize, upstream: SocketAddr) -> Self {
        let dns = address::unused();
        let config = format!(
            "[listen]\ndns = [\"{dns}\"]\n[upstream]\nservers = [\"{upstream}\"]\n\
             [lists]\nbundle = \"lists.bundle\"\ncache = \"cache\"\n\
             [[group]]\nname = \"pupils\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n"
        );
        let mut preau = Preau::configured(PREAU, dns, &config);
        for edition in [0, 1] {
            fs::write(preau.path(&format!("edition-{edition}")), bundle(names, edition)).unwrap();
        }
        fs::copy(preau.path("edition-0"), preau.path("lists.bundle")).unwrap();
        let bundle_octets = fs::metadata(preau.path("lists.bundle")).unwrap().len();
        let questions = (0..ASKED).map(|number| {
            let listed = number * (names / ASKED);
            format!("{} A\nwww-{number}.elsewhere.example A\n", listed_name(listed))
        });
        fs::write(preau.path("questions"), questions.collect::<String>()).unwrap();
        preau.start();
        let id = preau.id().to_string();
        let pinned = Command::new("taskset").args(["-apc", "0", &id]).output().unwrap();
        assert!(pinned.status.success(), "{pinned:?}");
        Self { preau, bundle_octets }
    }

    /// Asks as fast as it is answered.
    fn ask(&self, how_long: &[&str], report: &str) -> Child {
        Command::new("taskset")
            .args(["-c", "1", "dnsperf", "-s", "127.0.0.1"])
            .args(["-p", &self.preau.address.port().to_string()])
            .arg("-d")
            .arg(self.preau.path("questions"))
            .args(["-q", UNDER_WAY, "-c", "8", "-T", "1", "-b", "4096", "-t", "5", "-v"])
            .args(how_long)
            .stdout(File::create(self.preau.path(report)).unwrap())
            .stderr(File::create(self.preau.path("errors")).unwrap())
            .spawn()
            .expect("taskset and dnsperf are installed (util-linux, dnsperf)")
    }

    fn report(&self, run: &str) -> Report {
        Report::read(File::open(self.preau.path(run)).unwrap())
    }

    fn replace_lists(&self, edition: u32) {
        let next = self.preau.path("next");
        fs::copy(self.preau.path(&format!("edition-{}", edition % 2)), &next).unwrap();
        fs::rename(next, self.preau.path("lists.bundle")).unwrap();
        self.preau.signal("-HUP");
    }

    /// Each edition refuses a name that the other does not.
    fn wait_for_edition(&self, edition: u32) {
        let name = edition_name(edition % 2);
        self.preau.until(&name, || self.preau.refuses(&name));
    }
}

fn listed_name(number: usize) -> String {
    format!("listed-{number}.shop-{}.example", number % 977)
}

fn edition_name(edition: u32) -> String {
    format!("edition-{edition}.elsewhere.example")
}

fn bundle(names: usize, edition: u32) -> Vec<u8> {
    let mut builder = FilterBuilder::new();
    let source = builder.source(Source::block("made-up", &["porn"])).unwrap();
    let mut batch = builder.batch(source);
    for name in (0..names).map(listed_name).chain([edition_name(edition)]) {
        batch.domain(&name.parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
    }
    builder.add(batch.finish());
    let created = "2026-11-22T00:00:00Z".into();
    builder.build(Stamp { serial: 1, created, expires: None }).bytes
}
