//! Whole servers beside each other: what an answer costs over UDP, refused or from the cache.
//!
//! Every server that is installed is started with the same names, all of them stay, and in every
//! round each is asked in turn; the bare responder, which only turns a question into a reply, is the
//! floor. Arguments: the number of listed names, and of rounds.

#![allow(clippy::print_stdout, reason = "a table for people is what it makes")]
#![allow(clippy::unwrap_used, reason = "what is not as a bench expects ends it")]

mod cost;
mod load;
mod report;
mod servers;

use std::{collections::BTreeMap, env, net::UdpSocket};

use benches::corpus::{Corpus, LARGE};
use tests::world::World;

use self::{
    cost::Cost,
    load::Load,
    report::{Row, Table},
    servers::{Lists, Running},
};

const ROUNDS: usize = 5;
/// Names that a school asks all day.
const CACHED: usize = 2000;
const LISTED: usize = 100_000;
/// Seconds that the world's answers live: longer than any run.
const TTL: u32 = 86_400;

fn main() {
    if let Some(address) = env::var_os(servers::BARE) {
        return bare(&address.into_string().unwrap());
    }
    let mut numbers = env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (size, rounds) = (numbers.next().unwrap_or(LARGE), numbers.next().unwrap_or(ROUNDS));
    let world = World::start(Vec::new(), TTL);
    let corpus = Corpus::new(size);
    let lists = Lists::of(&corpus);

    let refusals = Load::new(&corpus.listed(LISTED).names);
    let running = servers::for_refusals(&lists, world.address);
    let rounds_of = |running: &[Running], load: &Load, check: &dyn Fn(&Cost)| {
        let mut costs: BTreeMap<String, Vec<Cost>> = BTreeMap::new();
        for _ in 0..rounds {
            for server in running {
                let cost = load.put_on(server);
                if !server.is_bare() {
                    check(&cost);
                }
                costs.entry(server.name.clone()).or_default().push(cost);
            }
        }
        costs
    };
    let costs = rounds_of(&running, &refusals, &|cost| {
        assert_eq!(cost.codes.keys().collect::<Vec<_>>(), ["NXDOMAIN"], "refusals: {cost:?}");
    });
    let title = format!("Refusals, {size} listed names, {LISTED} of them asked");
    let table = Table { title, rows: Row::all(&running, &costs) };
    println!("{table}");
    table.plot("refusals");
    drop(running);

    let unlisted = corpus.unlisted(CACHED).names;
    let cached = Load::new(&unlisted);
    let running = servers::for_cached(&lists, world.address);
    for server in running.iter().filter(|server| !server.is_bare()) {
        cached.warm(server);
    }
    let asked_before = world.answered();
    let costs = rounds_of(&running, &cached, &|cost| {
        let answered = |code: &String| ["NOERROR", "NXDOMAIN"].contains(&code.as_str());
        assert!(cost.codes.keys().all(answered), "cached answers: {cost:?}");
    });
    let asked: u64 = costs.values().flatten().map(|cost| cost.completed).sum();
    let missed = world.answered() - asked_before;
    assert!(missed * 1000 < asked, "{missed} of {asked} questions went upstream");
    let title = format!("Cached answers, {} names, {size} listed ones beside", unlisted.len());
    let table = Table { title, rows: Row::all(&running, &costs) };
    println!("{table}");
    table.plot("cached");
}

/// The floor: each question comes back as NXDOMAIN, whatever it is.
fn bare(address: &str) {
    let socket = UdpSocket::bind(address).unwrap();
    let mut buffer = [0; 4096];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer) else { continue };
        if length >= 12 {
            buffer[2] |= 0x80;
            buffer[3] = 0x83;
            let _ = socket.send_to(&buffer[..length], client);
        }
    }
}
