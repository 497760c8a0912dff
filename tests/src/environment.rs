//! How large a test is.

use std::env;

/// A number in an environment variable, or another one.
pub fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
