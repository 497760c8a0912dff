//! Datagrams that are received together and answered together: one system call each way.

use std::{
    array,
    io::{self, IoSlice, IoSliceMut},
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg},
};

use super::datagrams::{Asked, Datagrams, Ends};

/// Octets that are read of a datagram; no honest query is longer.
const DATAGRAM: usize = 4096;
/// Datagrams that one call may carry: more of them would make the first one wait longer for its reply.
const BATCH: usize = 32;

/// Apart from its neighbours by an odd number of cache lines, so that the first lines of all buffers
/// are not in each other's way.
#[repr(align(64))]
struct Buffer {
    octets: [u8; DATAGRAM],
    _apart: [u8; 64],
}

/// One datagram: what came in, then what goes out.
struct Slot {
    ends: Option<Ends>,
    /// Octets of the query, then of its reply; 0: there is none.
    length: usize,
}

/// Room for datagrams of one socket.
pub(super) struct Batch<'s> {
    socket: &'s Datagrams,
    buffers: Box<[Buffer; BATCH]>,
    slots: [Slot; BATCH],
    received: usize,
    /// Headers for the calls that carry many; absent where the system has no such calls.
    headers: Option<Headers>,
}

struct Headers {
    receive: MultiHeaders<SockaddrStorage>,
    send: MultiHeaders<SockaddrStorage>,
}

impl<'s> Batch<'s> {
    pub(super) fn new(socket: &'s Datagrams) -> Self {
        let headers = || MultiHeaders::preallocate(BATCH, socket.control_space());
        let headers = Headers { receive: headers(), send: headers() };
        Self { headers: Some(headers), ..Self::one_by_one(socket) }
    }

    /// The same with the calls that every system has, one datagram at a time.
    fn one_by_one(socket: &'s Datagrams) -> Self {
        Self {
            socket,
            buffers: Box::new(array::from_fn(|_| Buffer {
                octets: [0; DATAGRAM],
                _apart: [0; 64],
            })),
            slots: array::from_fn(|_| Slot { ends: None, length: 0 }),
            received: 0,
            headers: None,
        }
    }

    /// Waits for a datagram, as long as the socket's time-out says, and takes those behind it.
    ///
    /// # Errors
    /// Those of the socket.
    pub(super) fn receive(&mut self) -> io::Result<()> {
        self.received = 0;
        let Some(Headers { receive: headers, .. }) = &mut self.headers else {
            let (length, ends) = self.socket.receive(&mut self.buffers[0].octets)?;
            self.slots[0] = Slot { ends: Some(ends), length };
            self.received = 1;
            return Ok(());
        };
        let mut buffers =
            self.buffers.each_mut().map(|buffer| [IoSliceMut::new(&mut buffer.octets)]);
        let flags = MsgFlags::MSG_WAITFORONE;
        match recvmmsg(self.socket.fd(), headers, &mut buffers, flags, None) {
            Ok(messages) => {
                for (message, slot) in messages.zip(&mut self.slots) {
                    *slot = Slot { ends: Ends::of(&message), length: message.bytes };
                    self.received += 1;
                }
                Ok(())
            }
            Err(error) if is_not_there(error) => {
                tracing::info!(%error, "no batches of datagrams: they are received one by one");
                self.headers = None;
                self.receive()
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Answers each datagram: `answer` gets its ends, its buffer and its length, and returns the
    /// length of the reply that now stands in the buffer.
    pub(super) fn answer(
        &mut self,
        mut answer: impl FnMut(Ends, &mut [u8], usize) -> Option<usize>,
    ) {
        for (slot, buffer) in self.slots[..self.received].iter_mut().zip(self.buffers.iter_mut()) {
            let length = slot.ends.and_then(|ends| answer(ends, &mut buffer.octets, slot.length));
            slot.length = length.unwrap_or(0);
        }
    }

    /// Sends the replies. One that cannot be sent is a datagram lost: the client asks again.
    pub(super) fn send(&mut self) {
        let mut replies = [(None, [IoSlice::new(&[])]); BATCH];
        let mut count = 0;
        for (slot, buffer) in self.slots[..self.received].iter().zip(self.buffers.iter()) {
            if slot.length > 0 {
                replies[count] = (slot.ends, [IoSlice::new(&buffer.octets[..slot.length])]);
                count += 1;
            }
        }
        // Those that leave from one address leave together.
        for run in replies[..count].chunk_by(|(one, _), (other, _)| {
            one.map(|ends| ends.asked) == other.map(|ends| ends.asked)
        }) {
            let socket = self.socket;
            if let Some(headers) = self.headers.as_mut().filter(|_| run.len() > 1) {
                let call =
                    |replies: &[ReplyTo<'_>]| send_together(socket, &mut headers.send, replies);
                match send_run(run, call) {
                    Ok(()) => continue,
                    // A firewall, too, says so, of a single reply.
                    Err(Errno::EPERM) => {}
                    Err(error) => {
                        tracing::info!(%error, "no batches of datagrams: they go one by one");
                        self.headers = None;
                    }
                }
            }
            for (ends, [reply]) in run {
                drop(ends.map(|ends| socket.send(reply, ends)));
            }
        }
    }
}

type ReplyTo<'r> = (Option<Ends>, [IoSlice<'r>; 1]);

/// Sends replies that leave from one address, by calls that carry many and say how many they have
/// sent.
///
/// # Errors
/// There are no such calls; nothing is sent.
fn send_run(
    run: &[ReplyTo<'_>],
    mut call: impl FnMut(&[ReplyTo<'_>]) -> Result<usize, Errno>,
) -> Result<(), Errno> {
    let mut sent = 0;
    while sent < run.len() {
        match call(&run[sent..]) {
            Ok(count) => sent += count.max(1),
            // Once some were carried, there are such calls.
            Err(error) if sent == 0 && is_not_there(error) => return Err(error),
            // About the first of them.
            Err(_) => sent += 1,
        }
    }
    Ok(())
}

/// One call for replies that leave from one address; returns how many it has sent.
fn send_together(
    socket: &Datagrams,
    headers: &mut MultiHeaders<SockaddrStorage>,
    replies: &[ReplyTo<'_>],
) -> Result<usize, Errno> {
    let peers: [_; BATCH] = array::from_fn(|at| {
        let (ends, _) = replies.get(at)?;
        ends.map(|ends| SockaddrStorage::from(ends.peer))
    });
    let asked = replies.first().and_then(|(ends, _)| ends.as_ref()).and_then(|ends| ends.asked);
    let control = asked.as_ref().map(Asked::control);
    let slices = replies.iter().map(|(_, reply)| reply);
    let (peers, control) = (&peers[..replies.len()], control.as_slice());
    sendmmsg(socket.fd(), headers, slices, peers, control, MsgFlags::empty())
        .map(|results| results.count())
}

/// True where the system, or what it lets this process do, has no calls for many datagrams.
fn is_not_there(error: Errno) -> bool {
    matches!(error, Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::EPERM)
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, time::Duration};

    use super::*;

    /// Answers with the question, written backwards; to `b"?"`, with nothing.
    fn answer_once(batch: &mut Batch<'_>) -> usize {
        batch.receive().unwrap();
        let mut asked = 0;
        batch.answer(|_, buffer, length| {
            asked += 1;
            buffer[..length].reverse();
            (buffer[..length] != *b"?").then_some(length)
        });
        batch.send();
        asked
    }

    /// Each gets its own reply, in batches and one by one, from the address that it asked.
    #[test]
    fn everyone_gets_the_own_reply() {
        for (bind, asked) in [
            ("127.0.0.1:0", &["127.0.0.1"][..]),
            ("0.0.0.0:0", &["127.0.0.1"]),
            ("0.0.0.0:0", &["127.0.0.5", "127.0.0.1", "127.0.0.6"]),
            ("[::]:0", &["::1"]),
        ] {
            // A machine may be without IPv6.
            let Ok(socket) = UdpSocket::bind(bind) else { continue };
            socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let port = socket.local_addr().unwrap().port();
            let socket = Datagrams::new(socket).unwrap();
            for (mut batch, most) in [(Batch::new(&socket), BATCH), (Batch::one_by_one(&socket), 1)]
            {
                for count in [1, 2, 7, BATCH, BATCH + 1, 3 * BATCH] {
                    let clients: Vec<_> = (0..count)
                        .map(|number| {
                            let at = asked[number % asked.len()];
                            let own = if at.contains(':') { "[::1]:0" } else { "127.0.0.1:0" };
                            let client = UdpSocket::bind(own).unwrap();
                            client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                            // Hears from that address only.
                            client.connect(format!("{at}:{port}").replace("::1", "[::1]")).unwrap();
                            client.send(b"?").unwrap();
                            client.send(format!("question {number}").as_bytes()).unwrap();
                            client
                        })
                        .collect();
                    let (mut answered, mut largest) = (0, 0);
                    while answered < 2 * count {
                        let together = answer_once(&mut batch);
                        answered += together;
                        largest = largest.max(together);
                    }
                    assert_eq!(answered, 2 * count, "{bind}");
                    // The kernel may take its time, but not between all of many.
                    let fits = if most > 1 && count > 2 { 2..=most } else { 1..=most };
                    assert!(fits.contains(&largest), "{bind} {count}: {largest}");
                    for (number, client) in clients.iter().enumerate() {
                        let mut reply = [0; 64];
                        let length = client.recv(&mut reply).unwrap();
                        reply[..length].reverse();
                        assert_eq!(reply[..length], *format!("question {number}").as_bytes());
                    }
                }
            }
        }
    }

    /// A reply that cannot be sent does not keep the others back.
    #[test]
    fn a_reply_that_cannot_be_sent_is_lost_alone() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let socket = Datagrams::new(socket).unwrap();
        let clients = [(); 4].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let mut batch = Batch::new(&socket);
        for client in &clients {
            client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            client.send_to(b"question", address).unwrap();
        }
        batch.receive().unwrap();
        let mut number = 0;
        batch.answer(|_, _, length| {
            number += 1;
            Some(length)
        });
        // Port 0 is nobody's: the kernel refuses to send there.
        for at in [0, 2] {
            batch.slots[at].ends.as_mut().unwrap().peer.set_port(0);
        }
        batch.send();
        for at in [1, 3] {
            assert_eq!(clients[at].recv(&mut [0; 64]).unwrap(), 8);
        }
        assert_eq!(number, 4);
    }

    /// Without the calls a run is left whole for others; an error about one reply costs that one.
    #[test]
    fn a_run_that_cannot_be_sent_together() {
        let run = [(None, [IoSlice::new(&[])]); 5];
        type Calls = &'static [(usize, Result<usize, Errno>)];
        let cases: [(Calls, Result<(), Errno>); 7] = [
            (&[(5, Ok(5))], Ok(())),
            (&[(5, Ok(2)), (3, Ok(3))], Ok(())),
            (&[(5, Err(Errno::EINVAL)), (4, Ok(4))], Ok(())),
            (&[(5, Ok(3)), (2, Err(Errno::EPERM)), (1, Ok(1))], Ok(())),
            (&[(5, Err(Errno::ENOSYS))], Err(Errno::ENOSYS)),
            (&[(5, Err(Errno::EOPNOTSUPP))], Err(Errno::EOPNOTSUPP)),
            (&[(5, Err(Errno::EPERM))], Err(Errno::EPERM)),
        ];
        for (calls, expected) in cases {
            let mut left = calls.iter();
            let outcome = send_run(&run, |replies| {
                let (count, outcome) = left.next().unwrap();
                assert_eq!(replies.len(), *count, "{calls:?}");
                *outcome
            });
            assert_eq!((outcome, left.len()), (expected, 0), "{calls:?}");
        }
    }

    #[test]
    fn where_the_calls_are_missing() {
        for error in [Errno::ENOSYS, Errno::EOPNOTSUPP, Errno::EPERM] {
            assert!(is_not_there(error), "{error}");
        }
        for error in [Errno::EAGAIN, Errno::EINTR, Errno::ECONNREFUSED, Errno::ENOMEM] {
            assert!(!is_not_there(error), "{error}");
        }
    }
}
