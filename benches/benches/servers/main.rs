//! Whole servers beside each other: what an answer costs over UDP, refused or from the cache.
//!
//! Every server that is installed is started with the same names, all of them stay, and in every
//! round each is asked in turn; the bare responder, which only turns a question into a reply, is the
//! floor. Arguments: the number of listed names, and of rounds.

#![allow(clippy::print_stdout, reason = "what is left out is told at once")]
#![allow(clippy::unwrap_used, reason = "what is not as a bench expects ends it")]

mod cost;
mod hickory;
mod load;
mod reload;
mod servers;
mod table;

use std::{collections::BTreeMap, env, net::UdpSocket, path::Path};

use benches::{
    corpus::{Corpus, LARGE},
    record::Record,
};
use tests::world::World;

use self::{
    cost::Cost,
    load::Load,
    servers::{Lists, Running},
    table::Table,
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
    if let Some(addresses) = env::var_os(servers::HICKORY) {
        let addresses = addresses.into_string().unwrap();
        let (address, upstream) = addresses.split_once(' ').unwrap();
        let names = Path::new(servers::HICKORY_NAMES);
        return hickory::serve(address.parse().unwrap(), upstream.parse().unwrap(), names);
    }
    let mut numbers = env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (size, rounds) = (numbers.next().unwrap_or(LARGE), numbers.next().unwrap_or(ROUNDS));
    let mut record = Record::new(env!("CARGO_TARGET_TMPDIR"), "servers");
    let world = World::start(Vec::new(), TTL);
    let corpus = Corpus::new(size);
    let lists = Lists::of(&corpus);
    refused(&corpus, &lists, &world, rounds, &mut record);
    cached(&corpus, &lists, &world, rounds, &mut record);
    reload::under_load(&corpus, &lists, &world, &mut record);
    record.save();
}

fn refused(corpus: &Corpus, lists: &Lists, world: &World, rounds: usize, record: &mut Record) {
    let size = corpus.names.len();
    let load = Load::new(&corpus.listed(LISTED).names);
    let running = servers::for_refusals(lists, world.address);
    servers::keep_loading(&running, world.address, size, record);
    let asked_before = world.answered();
    let costs = costs(&running, &load, rounds, |server, cost| {
        let codes: Vec<_> = cost.codes.keys().collect();
        assert_eq!(codes, [server.refusal.code()], "{}, refusals: {cost:?}", server.name);
    });
    check_upstream(world, asked_before, &costs);
    let title = format!("Refusals, {size} listed names, {LISTED} of them asked");
    record.tell(Table::new(title, &running, &costs));
    table::keep("refused", size, &costs, record);
}

fn cached(corpus: &Corpus, lists: &Lists, world: &World, rounds: usize, record: &mut Record) {
    let size = corpus.names.len();
    let unlisted = corpus.unlisted(CACHED).names;
    let load = Load::new(&unlisted);
    let running = servers::for_cached(lists, world.address);
    for server in running.iter().filter(|server| !server.is_bare()) {
        load.warm(server);
    }
    let asked_before = world.answered();
    let costs = costs(&running, &load, rounds, |_, cost| {
        let answered = |code: &String| ["NOERROR", "NXDOMAIN"].contains(&code.as_str());
        assert!(cost.codes.keys().all(answered), "cached answers: {cost:?}");
    });
    check_upstream(world, asked_before, &costs);
    let title = format!("Cached answers, {} names, {size} listed ones beside", unlisted.len());
    record.tell(Table::new(title, &running, &costs));
    table::keep("cached", size, &costs, record);
}

/// Next to nothing went upstream: it was refused, or cached.
fn check_upstream(world: &World, asked_before: u64, costs: &BTreeMap<String, Vec<Cost>>) {
    let asked: u64 = costs.values().flatten().map(|cost| cost.completed).sum();
    let missed = world.answered() - asked_before;
    assert!(missed * 1000 < asked, "{missed} of {asked} questions went upstream");
}

/// Asks every server in each round; all answers but the bare responder's are checked.
fn costs(
    running: &[Running],
    load: &Load,
    rounds: usize,
    check: impl Fn(&Running, &Cost),
) -> BTreeMap<String, Vec<Cost>> {
    let mut costs: BTreeMap<String, Vec<Cost>> = BTreeMap::new();
    for _ in 0..rounds {
        for server in running {
            let cost = load.put_on(server);
            if !server.is_bare() {
                check(server, &cost);
            }
            costs.entry(server.name.clone()).or_default().push(cost);
        }
    }
    costs
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
