//! The program of this checkout, as it is released.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let cargo = env::var_os("CARGO").expect("cargo runs benches");
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked", "--quiet", "--package", "dns-server"])
        .status();
    assert!(built.is_ok_and(|status| status.success()), "preau does not build");
    // A bench is target/release/deps/servers-….
    let bench = env::current_exe().expect("a bench knows its file");
    bench.ancestors().nth(2).expect("cargo's folders").join("preau")
});

/// Where `preau` is, built once, so that all that are started are the same.
///
/// # Panics
/// Where it does not build, or nothing that cargo runs asks.
pub fn program() -> &'static Path {
    &PROGRAM
}
