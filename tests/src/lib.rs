//! What end-to-end tests share: a server in this process, an upstream beside it, and conversations
//! with it written as text files.
//!
//! Nothing leaves the machine: the upstream is hickory-server with an in-memory zone.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

pub mod address;
pub mod answers;
pub mod authority;
pub mod client;
pub mod conversation;
pub mod dnsperf;
pub mod environment;
pub mod malformed;
pub mod peers;
pub mod preau;
pub mod publisher;
pub mod server;
pub mod shared;
pub mod unbound;
pub mod upstream;
pub mod world;
