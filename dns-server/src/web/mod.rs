//! What is served over HTTP to people and to other programs, each on a listener and a router of its
//! own. One server runs them all: [`server::WebServer`].

pub(crate) mod block_page;
pub(crate) mod certificates;
pub(crate) mod check;
pub(crate) mod language;
pub(crate) mod server;
