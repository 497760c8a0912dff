//! Préau's filtering DNS resolver: the rooms of the `preau` binary.
//!
//! A question's way: [`Listeners`] receive it and know its group; the answer is decided by the pure
//! rules of `policy`, written by `wire`, or had from an upstream of `resolve`; [`run()`] puts the
//! rooms together.
//!
//! ```no_run
//! use dns_server::{Config, Listeners, run};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::parse(
//!     "preau.toml",
//!     r#"
//!     [listen]
//!     dns = ["127.0.0.1:0"]
//!     [upstream]
//!     servers = ["192.0.2.1"]
//!     [[group]]
//!     name = "school"
//!     networks = ["127.0.0.0/8"]
//!     profile = "child"
//!     "#,
//! )?;
//! let listeners = Listeners::bind(&config.listen)?;
//! println!("listening on {:?}", listeners.addresses()?);
//! run(listeners, config, CancellationToken::new()).await?;
//! # Ok(())
//! # }
//! ```

#![deny(unsafe_code)]

mod answer;
pub mod bundle;
mod check_search;
pub mod cli;
mod code;
pub mod config;
mod control;
mod failure;
mod firewall;
mod listen;
pub mod log;
mod metrics;
mod notify;
pub mod policy;
mod poll;
mod query;
pub mod resolve;
mod run;
mod service;
mod state;
mod stats;
#[cfg(test)]
mod testing;
mod web;
pub mod wire;

pub use config::{Config, ConfigError};
pub use control::Reloaded;
pub use failure::Failure;
pub use listen::Listeners;
pub use run::{run, serve};
pub use service::Service;
