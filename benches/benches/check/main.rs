//! The check API of a whole server: what an item costs it, how many it takes a second, and how long an
//! asker waits, by kind of request, over TCP with a token and over a socket.
//!
//! Every answer is compared with what the engine says in this process. Arguments: the number of listed
//! names, and of rounds.

#![allow(clippy::unwrap_used, reason = "what is not as a bench expects ends it")]

mod asked;
mod asker;
mod server;
mod table;

use std::{
    env,
    process::{self, Command},
    time::Duration,
};

use benches::{
    corpus::{Corpus, LARGE, stamp},
    record::Record,
    text::phrases,
};
use filter_core::{Filter, Profile, Source};

use self::{
    asker::{Load, put_on},
    server::{Over, Server},
    table::Row,
};

const ROUNDS: usize = 3;
/// How long each kind is asked in a round: by one asker, then by [`MANY`].
const TIME: Duration = Duration::from_secs(2);
const WARM: Duration = Duration::from_millis(300);
/// Askers at once, each with a connection that it keeps, and the next request when it has an answer.
const MANY: usize = 8;

fn main() {
    let mut numbers = env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (size, rounds) = (numbers.next().unwrap_or(LARGE), numbers.next().unwrap_or(ROUNDS));
    let mut record = Record::new(env!("CARGO_TARGET_TMPDIR"), "check");
    let corpus = Corpus::made_up(size);
    let bundle = bundle(&corpus);
    let filter = Filter::open(bundle.clone()).expect("a bundle that was just built");
    let child = filter.bind(&Profile::named("child").expect("built in")).expect("it fits");
    let kinds = asked::kinds(&corpus, &child);
    let servers = [Over::Tcp, Over::Socket].map(|over| Server::start(over, &bundle));
    keep_to_the_other_core();

    let mut loads: Vec<Vec<[Load; 2]>> = Vec::new();
    for round in 0..rounds {
        let places = servers.iter().flat_map(|server| kinds.iter().map(move |kind| (server, kind)));
        for (place, (server, kind)) in places.enumerate() {
            if round == 0 {
                put_on(server, kind, MANY, WARM);
                loads.push(Vec::new());
            }
            loads[place].push([1, MANY].map(|askers| put_on(server, kind, askers, TIME)));
        }
    }
    for (server, loads) in servers.iter().zip(loads.chunks(kinds.len())) {
        let rows = kinds.iter().zip(loads).map(|(kind, loads)| Row { kind, loads });
        table::tell(server.over, size, rows, &mut record);
    }
    record.save();
}

/// The names, and phrases.
fn bundle(corpus: &Corpus) -> Vec<u8> {
    let (mut builder, mut batches) = corpus.batches();
    let source = builder.source(Source::block("phrases", &["porn"])).expect("a plain source");
    let mut batch = builder.batch(source);
    for phrase in phrases() {
        batch.phrase(&phrase).expect("phrases were checked");
    }
    batches.push(batch);
    batches.into_iter().for_each(|batch| builder.add(batch.finish()));
    builder.build(stamp()).bytes
}

/// Servers have the first core: see [`Server::start`].
fn keep_to_the_other_core() {
    let pinned = Command::new("taskset").args(["-apc", "1", &process::id().to_string()]).output();
    assert!(pinned.unwrap().status.success(), "taskset fails: two cores are needed");
}
