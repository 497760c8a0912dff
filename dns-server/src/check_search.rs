//! `preau check-search`: whether the hosts that make search engines safe still exist.
//!
//! Vendors give such hosts up without a word. Where none of an engine's is left, whoever asks for
//! the engine gets no answer: an operator should know before pupils do.
#![expect(clippy::print_stdout, reason = "what a command is asked for goes to standard output")]

use std::{fmt, io, net::IpAddr, sync::Arc};

use filter_core::DomainName;
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::{
    config::Config,
    failure::Failure,
    policy::search::SearchTable,
    resolve::{NoAnswer, Query, Resolver},
    service,
    wire::rr_type,
};

/// Asks the configured upstream for every target of the configured table, and prints what it says.
///
/// # Errors
/// [`Failure::Engines`] when an engine has no target left.
pub(crate) fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    let found = runtime.block_on(async {
        let resolver = service::connect(config, &service::servers(config)?)?;
        Ok::<_, Failure>(check(&config.engines, resolver).await)
    })?;
    match json {
        true => println!("{}", serde_json::to_string(&found).map_err(io::Error::other)?),
        false => found.iter().for_each(|target| println!("{target}")),
    }
    let lost = lost(&found);
    match lost.is_empty() {
        true => Ok(()),
        false => Err(Failure::Engines { lost: lost.join(", "), dated: config.engines.dated }),
    }
}

/// A host that stands in for those of an engine.
#[derive(Debug, Serialize)]
struct Target {
    /// The engine, as a configuration names it.
    engine: String,
    target: String,
    #[serde(flatten)]
    state: State,
}

/// What upstream says of a target.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum State {
    /// It has addresses, IPv4 before IPv6.
    Exists { addresses: Vec<IpAddr> },
    /// There is no such name, or it has no address any more.
    Gone,
    /// Upstream failed.
    Unknown { error: String },
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.engine, self.target)?;
        match &self.state {
            State::Exists { addresses } => {
                let addresses: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
                f.write_str(&addresses.join(", "))
            }
            State::Gone => f.write_str("NO LONGER EXISTS"),
            State::Unknown { error } => write!(f, "cannot tell: {error}"),
        }
    }
}

/// Every target of a table, in its order. They are asked for at once.
async fn check(table: &SearchTable, resolver: Arc<Resolver>) -> Vec<Target> {
    let asked: Vec<_> = table
        .targets()
        .map(|(engine, target)| {
            let (resolver, name) = (resolver.clone(), target.clone());
            let state = tokio::spawn(async move { state(&resolver, name).await });
            (engine.to_owned(), target.to_string(), state)
        })
        .collect();
    let mut found = Vec::new();
    for (engine, target, state) in asked {
        let state = state.await.unwrap_or_else(|error| State::Unknown { error: error.to_string() });
        found.push(Target { engine, target, state });
    }
    found
}

async fn state(resolver: &Resolver, name: DomainName) -> State {
    match addresses(resolver, name).await {
        Ok(addresses) if addresses.is_empty() => State::Gone,
        Ok(addresses) => State::Exists { addresses },
        Err(error) => State::Unknown { error: error.to_string() },
    }
}

async fn addresses(resolver: &Resolver, name: DomainName) -> Result<Vec<IpAddr>, NoAnswer> {
    let mut query =
        Query { name, record_type: rr_type::A, dnssec_ok: false, checking_disabled: false };
    let mut addresses = resolver.resolve(&query).await?.response().addresses().to_vec();
    query.record_type = rr_type::AAAA;
    addresses.extend(resolver.resolve(&query).await?.response().addresses());
    Ok(addresses)
}

/// Engines of which no target is known to exist, in order.
fn lost(found: &[Target]) -> Vec<&str> {
    let exists = |target: &Target| matches!(target.state, State::Exists { .. });
    let mut lost = Vec::new();
    for Target { engine, .. } in found {
        let is_left = found.iter().any(|other| other.engine == *engine && exists(other));
        if !is_left && !lost.contains(&engine.as_str()) {
            lost.push(engine.as_str());
        }
    }
    lost
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::{
        resolve::upstream::{Upstream, UpstreamError},
        testing::{self, soa},
        wire::extract::Response,
    };

    /// Knows `both`, `six` and `none` `.example`; fails for `down.example`; knows no other name.
    struct Vendors;

    #[async_trait]
    impl Upstream for Vendors {
        async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
            let six: &[u8] = &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
            let (rcode, data) = match (query.name.to_string().as_str(), query.record_type) {
                ("down.example", _) => return Err(UpstreamError::Unreachable),
                ("both.example", 1) => (0, Some((1, 60, [192, 0, 2, 1].as_slice()))),
                ("both.example" | "six.example", 28) => (0, Some((28, 60, six))),
                ("six.example" | "none.example", _) => (0, None),
                _ => (3, None),
            };
            let denial = if data.is_none() { vec![soa(60)] } else { Vec::new() };
            Ok(testing::response(query, rcode, false, data.as_slice(), &denial))
        }
    }

    fn table() -> SearchTable {
        let row = |id: &str, targets: &str| {
            format!(
                "[[engine]]\nid = \"{id}\"\nlabel = \"\"\nmethod = \"rewrite\"\nsource = \"\"\n\
                 rewrite = [\"www.{id}.example\"]\ntargets = [{targets}]\n"
            )
        };
        let rows = [
            row("a", "\"gone.example\", \"both.example\""),
            row("b", "\"lost.example\", \"none.example\""),
            row("c", "\"six.example\""),
            row("d", "\"down.example\""),
        ];
        let text = format!("dated = \"2026-11-22\"\n{}", rows.concat());
        let file = lists::diagnostic::TextFile { path: "own.toml".into(), text };
        SearchTable::default().with(Arc::new(file)).unwrap()
    }

    #[tokio::test]
    async fn every_target_is_told_of() {
        let found = check(&table(), testing::resolver(Arc::new(Vendors))).await;
        let told: Vec<_> = found.iter().map(Target::to_string).collect();
        let expected = [
            "a: gone.example: NO LONGER EXISTS",
            "a: both.example: 192.0.2.1, 2001:db8::1",
            "b: lost.example: NO LONGER EXISTS",
            "b: none.example: NO LONGER EXISTS",
            "c: six.example: 2001:db8::1",
            "d: down.example: cannot tell: no upstream server answers",
        ];
        assert_eq!(told, expected);
        assert_eq!(lost(&found), ["b", "d"]);
        let machine = [
            r#"{"engine":"a","target":"gone.example","state":"gone"}"#,
            r#"{"engine":"a","target":"both.example","state":"exists","addresses":["192.0.2.1","2001:db8::1"]}"#,
            r#"{"engine":"d","target":"down.example","state":"unknown","error":"no upstream server answers"}"#,
        ];
        for (at, expected) in [0, 1, 5].into_iter().zip(machine) {
            assert_eq!(serde_json::to_string(&found[at]).unwrap(), expected);
        }
    }

    /// Strict and moderate YouTube are each lost on their own.
    #[test]
    fn the_shipped_table_is_asked_for_whole() {
        let gone = SearchTable::shipped()
            .targets()
            .map(|(engine, target)| Target {
                engine: engine.to_owned(),
                target: target.to_string(),
                state: State::Gone,
            })
            .collect::<Vec<_>>();
        assert_eq!(gone.len(), 12);
        assert_eq!(lost(&gone).len(), 10);
        assert!(lost(&gone).ends_with(&["youtube-strict", "youtube-moderate"]));
    }
}
