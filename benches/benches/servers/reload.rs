//! Lists replaced under load: what clients notice of it, and what memory it takes.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use benches::{
    corpus::{Corpus, stamp},
    process::Memory,
    record::Record,
    spread::Spread,
};
use filter_core::{Stamp, restamp};
use tests::world::World;

use crate::{
    CACHED,
    load::{Load, Seen},
    servers::{self, Lists, Running},
};

/// Each of a while without reloads and one with.
const ROUNDS: usize = 3;
/// Questions a second: a town's schools.
const RATE: usize = 5000;
const SECONDS: usize = 4;
const BETWEEN_RELOADS: Duration = Duration::from_secs(1);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
const WHO: &str = "Préau";

pub(crate) fn under_load(corpus: &Corpus, lists: &Lists, world: &World, record: &mut Record) {
    let server = servers::preau(lists, world.address);
    // Half refused, half from the cache.
    let refused = corpus.listed(CACHED).names;
    let mix = refused.into_iter().zip(corpus.unlisted(CACHED).names);
    let load = Load::new(&mix.flat_map(|(refused, cached)| [refused, cached]).collect::<Vec<_>>());
    load.warm(&server);

    let mut serial = stamp().serial;
    let (mut steady, mut reloading, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        steady.push(load.at_rate(&server, RATE, SECONDS));
        let mut with_reloads = |between: &(dyn Fn() + Sync)| {
            // Beforehand: what a publisher does costs a server's machine nothing.
            let bundles = Bundles::after(serial, &server, lists);
            let done = AtomicBool::new(false);
            let (seen, reloads) = thread::scope(|scope| {
                let reloads = scope.spawn(|| reload_until(&done, &server, &bundles, between));
                let seen = load.at_rate(&server, RATE, SECONDS);
                done.store(true, Ordering::Relaxed);
                (seen, reloads.join().unwrap())
            });
            assert!(reloads >= 2, "{reloads} reloads in {SECONDS} s");
            serial += reloads;
            let served = format!("serial {serial},");
            assert!(server.log().contains(&served), "{WHO} did not reload: {}", server.log());
            seen
        };
        reloading.push(with_reloads(&|| thread::sleep(BETWEEN_RELOADS)));

        // Another time: looking at a server's memory holds it up.
        let before = Memory::of(server.id()).private;
        let most = AtomicU64::new(0);
        let seen = with_reloads(&|| {
            for _ in 0..BETWEEN_RELOADS.as_millis() / BETWEEN_LOOKS.as_millis() {
                most.fetch_max(Memory::of(server.id()).private, Ordering::Relaxed);
                thread::sleep(BETWEEN_LOOKS);
            }
        });
        assert_eq!(seen.lost, 0, "lost while memory was looked at");
        // The mapping of the new bundle is there beside the old one's.
        let most = most.into_inner().saturating_sub(lists.bundle.len() as u64);
        memory.push(most as f64 / before as f64);
    }

    let p99 = |seen: &[Seen]| seen.iter().map(|seen| seen.p99_micros).collect::<Vec<_>>();
    let [steady_p99, reloading_p99] = [p99(&steady), p99(&reloading)];
    let lost = reloading.iter().map(|seen| seen.lost as f64).sum::<f64>();
    let asked = reloading.iter().map(|seen| seen.answered).sum::<u64>();
    let size = corpus.names.len();
    record.figure("reload, lost", WHO, size, &[lost]);
    record.figure("steady, p99 µs", WHO, size, &steady_p99);
    record.figure("reload, p99 µs", WHO, size, &reloading_p99);
    record.figure("reload, private to steady", WHO, size, &memory);
    let mut table = format!(
        "### Reloads of {size} names under {RATE} questions a second\n\n\
         | | answers | lost | p99, µs (min–max) |\n|---|---|---|---|\n"
    );
    let steady_lost: u64 = steady.iter().map(|seen| seen.lost).sum();
    let steady_answers: u64 = steady.iter().map(|seen| seen.answered).sum();
    let [steady, reloading] = [steady_p99, reloading_p99].map(Spread::of);
    let _ = writeln!(table, "| steady | {steady_answers} | {steady_lost} | {steady} |");
    let _ = writeln!(table, "| a reload a second | {asked} | {lost} | {reloading} |");
    let _ = writeln!(
        table,
        "\nPrivate memory at its most, less one mapping, to that before: {}.",
        Spread::of(memory)
    );
    record.tell(table);
}

/// Bundles of the same lists, each newer than the one before.
struct Bundles {
    paths: Vec<PathBuf>,
    /// These, and the one that is there: a file that is replaced goes when nobody holds it any more,
    /// which takes the machine milliseconds.
    _open: Vec<File>,
}

impl Bundles {
    fn after(serial: u64, server: &Running, lists: &Lists) -> Self {
        let most = (SECONDS as u64).div_ceil(BETWEEN_RELOADS.as_secs()) + 1;
        let newer = (serial + 1..=serial + most).map(|serial| {
            let path = server.path(&format!("{serial}.bundle"));
            let mut file = File::create(&path).unwrap();
            let stamp = Stamp { serial, ..stamp() };
            file.write_all(&restamp(&lists.bundle, stamp).unwrap()).unwrap();
            file.sync_all().unwrap();
            (path, file)
        });
        let (paths, mut open): (_, Vec<_>) = newer.unzip();
        open.push(File::open(server.path("bundle")).unwrap());
        Self { paths, _open: open }
    }
}

impl Drop for Bundles {
    fn drop(&mut self) {
        for path in &self.paths {
            let _ = fs::remove_file(path); // gone where it was taken
        }
    }
}

/// How many times it has been made to reload, with `between` after each.
fn reload_until(done: &AtomicBool, server: &Running, bundles: &Bundles, between: &dyn Fn()) -> u64 {
    let mut reloads = 0;
    for bundle in &bundles.paths {
        if done.load(Ordering::Relaxed) {
            break;
        }
        reloads += 1;
        fs::rename(bundle, server.path("bundle")).unwrap();
        let id = server.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
        between();
    }
    reloads
}
