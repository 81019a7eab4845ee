# What can be done here. A recipe is one command that a person would otherwise have to remember.

# List the recipes
default:
    @just --list --unsorted

# Serve the embedded database (khabar.db) at http://127.0.0.1:4000
run *ARGS:
    cargo run --release -- serve {{ARGS}}

# Serve a newsroom to look at, with a playground
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# Run every test, on SQLite and (where it is installed) on PostgreSQL
test *ARGS:
    cargo test --workspace {{ARGS}}

# Run the API's cases and accept what they answer now as their snapshots
snap:
    INSTA_UPDATE=always INSTA_FORCE_UPDATE=1 cargo test -p khabar-tests --test api
    git status --short tests/api

# 10,000 histories of writes and reads on two nodes, each answer held against the database
exact HISTORIES="10000":
    KHABAR_HISTORIES={{HISTORIES}} cargo test --release -p khabar-tests --test writing integrity::consistency

# The randomized tests of writing, with another seed each time (it is printed when one fails)
random ROUNDS="10":
    for round in $(seq {{ROUNDS}}); do KHABAR_SEED=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ') cargo test --workspace --test writing -- integrity moderation || exit 1; done

# Full disks, frozen and killed processes, lost files and cut networks, so many times as often as in the tests
faults ROUNDS="20":
    KHABAR_FAULT_ROUNDS={{ROUNDS}} cargo test --release --workspace --test faults

# Write schema.graphql from the code
schema:
    cargo run --quiet -- schema > schema.graphql.new
    mv schema.graphql.new schema.graphql

# Measure the five operations on 100,000 articles, on SQLite and PostgreSQL
bench *ARGS:
    cargo run --profile dist -p khabar-bench --example khabar-bench -- {{ARGS}}

# 2,000 readers on ten stories while an editor writes every second (5 minutes for each database)
bench-storm *ARGS:
    cargo build --profile dist -p khabar-server -p khabar-bench --bin khabar --example khabar-bench
    target/dist/examples/khabar-bench storm {{ARGS}}

# Measure Khabar beside PostGraphile, Mercurius and hand-written SQL (needs npm and PostgreSQL)
bench-peers *ARGS:
    cargo build --profile dist -p khabar-server -p khabar-bench --bin khabar --example khabar-bench
    npm ci --prefix benches/peers --no-fund --no-audit --loglevel=error
    benches/peers/node_modules/.bin/node benches/peers/run.mjs {{ARGS}}

# Everything that CI checks besides the tests
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    cargo deny check licenses bans sources

# Format the code
fmt:
    cargo fmt --all

# Rebuild the playground's committed assets (needs node)
playground:
    cd crates/server/playground && npm ci && npm run build

# What CI runs, from a clean machine on
ci:
    bash .ci/run
