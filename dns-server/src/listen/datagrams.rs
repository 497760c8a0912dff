//! A UDP socket that answers from the address that was asked.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket},
    os::fd::{AsRawFd as _, RawFd},
};

use nix::{
    cmsg_space,
    libc::{in_pktinfo, in6_pktinfo},
    sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, RecvMsg, SockaddrStorage, recvmsg, sendmsg,
        setsockopt, sockopt,
    },
};

/// A UDP socket. One that is bound to a wildcard is told with each datagram which address it came
/// for; any other knows.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: UdpSocket,
    bound: SocketAddr,
}

/// A datagram's ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// Who sent it, and gets the reply.
    pub(super) peer: SocketAddr,
    /// What it came for, where that must be said.
    pub(super) asked: Option<Asked>,
}

/// Room for one of these, aligned as the kernel's headers are.
#[repr(align(8))]
struct Space([u8; 64]);

/// The address, and the interface, that a datagram came for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    Ipv4(in_pktinfo),
    Ipv6(in6_pktinfo),
}

impl Asked {
    /// What makes a reply leave from there.
    pub(super) fn control(&self) -> ControlMessage<'_> {
        match self {
            Self::Ipv4(info) => ControlMessage::Ipv4PacketInfo(info),
            Self::Ipv6(info) => ControlMessage::Ipv6PacketInfo(info),
        }
    }

    fn address(&self) -> (IpAddr, u32) {
        match self {
            Self::Ipv4(info) => {
                let address = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
                (address.into(), info.ipi_ifindex as u32)
            }
            Self::Ipv6(info) => (IpAddr::from(info.ipi6_addr.s6_addr), info.ipi6_ifindex),
        }
    }
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Ends {
    /// Of a datagram as it was received; `None` for a peer that has no address.
    pub(super) fn of(message: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<Self> {
        let peer = message.address.as_ref().and_then(address)?;
        let asked = message.cmsgs().ok()?.find_map(|control| match control {
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(Asked::Ipv4(info)),
            ControlMessageOwned::Ipv6PacketInfo(info) => Some(Asked::Ipv6(info)),
            _ => None,
        });
        Some(Self { peer, asked })
    }
}

impl Datagrams {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let bound = socket.local_addr()?;
        match bound.ip() {
            address if !address.is_unspecified() => {}
            IpAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
            IpAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?,
        }
        Ok(Self { socket, bound })
    }

    /// Waits for a datagram, as long as the socket's time-out says.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Ends)> {
        if !self.bound.ip().is_unspecified() {
            let (length, peer) = self.socket.recv_from(buffer)?;
            return Ok((length, Ends { peer, asked: None }));
        }
        let mut space = Space([0; 64]);
        let mut buffers = [IoSliceMut::new(buffer)];
        let flags = MsgFlags::empty();
        let message =
            recvmsg::<SockaddrStorage>(self.fd(), &mut buffers, Some(&mut space.0), flags)?;
        let ends = Ends::of(&message).ok_or(io::ErrorKind::InvalidData)?;
        Ok((message.bytes, ends))
    }

    /// Answers a datagram.
    pub(super) fn send(&self, reply: &[u8], ends: Ends) -> io::Result<()> {
        let Some(asked) = &ends.asked else {
            return self.socket.send_to(reply, ends.peer).map(drop);
        };
        let (fd, peer) = (self.fd(), SockaddrStorage::from(ends.peer));
        sendmsg(fd, &[IoSlice::new(reply)], &[asked.control()], MsgFlags::empty(), Some(&peer))?;
        Ok(())
    }

    pub(super) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Room for what comes with a datagram, and goes with its reply: exactly as much as the kernel
    /// fills. `None`: nothing does.
    pub(super) fn control_space(&self) -> Option<Vec<u8>> {
        match self.bound.ip() {
            address if !address.is_unspecified() => None,
            IpAddr::V4(_) => Some(cmsg_space!(in_pktinfo)),
            IpAddr::V6(_) => Some(cmsg_space!(in6_pktinfo)),
        }
    }

    /// True for a datagram from the very address and port that it came for.
    pub(super) fn is_own(&self, ends: &Ends) -> bool {
        let asked = ends.asked.map_or(self.bound.ip(), |asked| asked.address().0);
        ends.peer.port() == self.bound.port() && ends.peer.ip() == asked
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let ipv4 = storage.as_sockaddr_in().map(|address| SocketAddrV4::from(*address).into());
    ipv4.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddrV6::from(*address).into()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A client that takes replies from one address only hears from that very one.
    #[test]
    fn replies_leave_from_the_address_that_was_asked() {
        for (bind, asked) in [
            ("0.0.0.0:0", "127.0.0.5"),
            ("0.0.0.0:0", "127.0.0.1"),
            ("127.0.0.5:0", "127.0.0.5"),
            ("[::]:0", "::1"),
        ] {
            // A machine may be without IPv6.
            let Ok(socket) = UdpSocket::bind(bind) else { continue };
            let port = socket.local_addr().unwrap().port();
            let datagrams = Datagrams::new(socket).unwrap();
            let asked: IpAddr = asked.parse().unwrap();
            let loopback = if asked.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
            let client = UdpSocket::bind(loopback).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            client.connect((asked, port)).unwrap();
            client.send(b"question").unwrap();
            let mut buffer = [0; 64];
            let (length, ends) = datagrams.receive(&mut buffer).unwrap();
            assert_eq!(
                (&buffer[..length], ends.peer),
                (&b"question"[..], client.local_addr().unwrap())
            );
            assert!(!datagrams.is_own(&ends));
            datagrams.send(b"answer", ends).unwrap();
            assert_eq!(client.recv(&mut buffer).unwrap(), 6, "{bind} {asked}");
            // Somebody who claims to be us.
            let forged = Ends { peer: SocketAddr::new(asked, port), ..ends };
            assert!(datagrams.is_own(&forged), "{bind} {asked}");
        }
    }
}
