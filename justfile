# The only door: `just --list` says what there is. CI (`.ci/run`) calls the same commands.

[private]
default:
    @just --list

# Everything that must pass before a commit: format, lints, licences, docs, tests.
check: fmt clippy deny docs test

# Formatting.
fmt:
    cargo fmt --all -- --check

# Lints; a warning is an error.
clippy:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# Bans, licences and sources of dependencies.
deny:
    cargo deny --all-features check bans licenses sources

# Known vulnerabilities; needs the network to fetch the advisory database.
deny-advisories:
    cargo deny --all-features check advisories

# API documentation; a warning is an error.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

# The README's test command.
test:
    cargo test --workspace

# Tests that need other programs (dig, kdig, dnsperf: Debian's dnsutils, knot-dnsutils, dnsperf) or
# take long without optimisation.
test-ignored:
    cargo test --workspace -- --ignored --nocapture

# One of: ratios verdict compile memory scale servers text check (see benches/README.md).
bench name *arguments:
    cargo bench -p benches --bench {{name}} -- {{arguments}}

# Every figure that the product is held to, with plots, as benches/results/DATE-report.md; with
# `--quick`, few names, as target/tmp/quick-report.md.
report *arguments:
    cargo bench -p benches --bench report -- {{arguments}}

# Instructions, allocations and octets of the engine, held to what is recorded; `--record` records.
gate *arguments:
    cargo bench -p gate -- {{arguments}}

# Compiles every list of a sources.toml.
lists sources="lists/data/starter/sources.toml" out="target/lists.bundle":
    cargo list-compile build --sources {{sources}} --out {{out}}

# So many questions a second for so many seconds, with reloads, dying upstreams and clients that come
# and go; fails if an answer is lost or the server grows.
soak seconds="1800" rate="5000":
    PREAU_SOAK_SECONDS={{seconds}} PREAU_SOAK_RATE={{rate}} \
        cargo test --release -p tests --test soak -- --ignored --nocapture

# So many malformed packets from a seed against a running server; fails if an answer is wrong or
# missing, or if the server grows.
malformed packets="1000000" seed="20261122":
    PREAU_MALFORMED_PACKETS={{packets}} PREAU_MALFORMED_SEED={{seed}} \
        cargo test --release -p tests --test malformed -- --ignored --nocapture

# Fuzzes one target for some seconds (needs a nightly toolchain and cargo-fuzz).
fuzz target="lookup" seconds="60":
    cargo +nightly fuzz run {{target}} -- -max_total_time={{seconds}} -max_len=4096

# Ten seconds of each fuzz target.
fuzz-smoke:
    for target in $(cargo +nightly fuzz list); do just fuzz $target 10 || exit 1; done
