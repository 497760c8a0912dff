//! Askers: each sends its next request when it has the answer to the one before.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    thread,
    time::{Duration, Instant},
};

use benches::process::cpu_micros;

use crate::{
    asked::{Kind, Request},
    server::Server,
};

/// What became of a load.
pub(crate) struct Load {
    pub(crate) requests_a_second: f64,
    pub(crate) items_a_second: f64,
    /// Of text.
    pub(crate) megabytes_a_second: f64,
    /// Microseconds of CPU an item, of the server and of the kernel on its behalf.
    pub(crate) user: f64,
    pub(crate) system: f64,
    /// Milliseconds from a request's first octet to its answer's last: half of all took no longer.
    pub(crate) p50: f64,
    /// Of a hundred, 99 took no longer.
    pub(crate) p99: f64,
}

/// Asks a server for a while, with so many askers; every answer must be right.
pub(crate) fn put_on(server: &Server, kind: &Kind, askers: usize, time: Duration) -> Load {
    let asked: Vec<_> =
        kind.requests.iter().map(|request| (server.request(&request.body), request)).collect();
    let (before, started) = (cpu_micros(server.id()), Instant::now());
    let answered: Vec<(f64, usize)> = thread::scope(|scope| {
        let ask = |number: usize| {
            let from = number * asked.len() / askers;
            let requests = asked.iter().cycle().skip(from);
            let mut connection = server.connect().unwrap();
            scope.spawn(move || {
                let in_time = requests.take_while(|_| started.elapsed() < time);
                in_time
                    .map(|(octets, request)| {
                        let sent = Instant::now();
                        let answer = connection.ask(octets).unwrap();
                        let milliseconds = sent.elapsed().as_secs_f64() * 1e3;
                        check(&answer, request, kind);
                        (milliseconds, request.text)
                    })
                    .collect::<Vec<_>>()
            })
        };
        let running: Vec<_> = (0..askers).map(ask).collect();
        running.into_iter().flat_map(|asker| asker.join().unwrap()).collect()
    });
    let (seconds, after) = (started.elapsed().as_secs_f64(), cpu_micros(server.id()));
    let requests = answered.len() as f64;
    let items = requests * kind.items as f64;
    let text: usize = answered.iter().map(|(_, text)| text).sum();
    let mut latencies: Vec<f64> = answered.iter().map(|(latency, _)| *latency).collect();
    latencies.sort_by(f64::total_cmp);
    let within = |hundredths: usize| latencies[(latencies.len() * hundredths).div_ceil(100) - 1];
    Load {
        requests_a_second: requests / seconds,
        items_a_second: items / seconds,
        megabytes_a_second: text as f64 / 1e6 / seconds,
        user: (after.0 - before.0) / items,
        system: (after.1 - before.1) / items,
        p50: within(50),
        p99: within(99),
    }
}

fn check(answer: &Answer, request: &Request, kind: &Kind) {
    let Answer { status, body } = answer;
    assert_eq!(*status, 200, "{}: {body}", kind.name);
    let count = |what: &str| body.matches(what).count();
    assert_eq!(count("\"verdict\":"), kind.items, "{}: {body}", kind.name);
    assert_eq!(count("\"verdict\":\"blocked\""), request.refused, "{}: {body}", kind.name);
}

/// A connection that is kept from one request to the next.
pub(crate) struct Connection<S>(BufReader<S>);

struct Answer {
    status: u16,
    body: String,
}

impl<S: Read + Write> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(BufReader::with_capacity(1 << 16, stream))
    }

    /// Sends a request and reads the answer, whose head says how long it is.
    fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.0.get_mut().write_all(request)?;
        let (mut line, mut status, mut length) = (String::new(), 0, 0);
        while {
            line.clear();
            self.0.read_line(&mut line)? > 2
        } {
            if let Some(said) = line.strip_prefix("HTTP/1.1 ") {
                status = said[..3].parse().unwrap();
            } else if let Some(octets) = line.strip_prefix("content-length: ") {
                length = octets.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer { status, body: String::from_utf8(body).unwrap() })
    }
}
