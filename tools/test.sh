#!/usr/bin/env bash
# Everything that a change must pass. What waits (for a cluster, a download, a linker) does so beside what computes.
set -euo pipefail
cd "$(dirname "$0")/.."
kubernetes=1.36.3
work=$(mktemp -d)
beside= # the process that runs beside this one
# As Ctrl-C does it: a build stops, a test's hosts go away with it.
trap '[ -z "$beside" ] || { kill -INT -- "-$beside" 2>/dev/null; wait "$beside" || true; }; rm -rf "$work"' EXIT
set -m # so that what runs beside is a process group
say() { printf '== %s (after %s s)\n' "$1" "$SECONDS"; }

say "format, lints, licences"
cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings
cargo deny --locked check licenses bans sources

say "the program"
cargo build --locked

say "the tests, while Kubernetes' programs are fetched or built"
target/debug/kbootstrap artifacts fetch --kubernetes "$kubernetes" --test-images >"$work/fetch" 2>&1 &
beside=$!
cargo test --locked --no-run
if ! wait "$beside"; then
  beside=
  cat "$work/fetch"
  exit 1
fi
beside=

# Clusters take turns and mostly wait. libtest would give all of its threads to them, and all but one would wait for a turn.
say "clusters, beside all other tests"
cargo test --locked --test integration -- --test-threads=1 e2e_ >"$work/clusters" 2>&1 &
beside=$!
status=0
cargo test --locked --lib --bins || status=$?
cargo test --locked --doc || status=$?
cargo test --locked --test integration -- --skip e2e_ || status=$?
say "waiting for the clusters"
wait "$beside" || status=$?
beside=
cat "$work/clusters"
say "done"
exit "$status"
