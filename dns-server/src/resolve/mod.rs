//! Answers from elsewhere: what no policy refuses is asked of the upstream resolvers.

pub mod upstream;
