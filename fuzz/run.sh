#!/usr/bin/env bash
# Runs every fuzz target for SECONDS each (default 1800), one after the other: fuzz/run.sh [SECONDS] [TARGET…]
# Needs a nightly toolchain and cargo-fuzz: rustup toolchain install nightly; cargo install cargo-fuzz
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-1800}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' Cargo.toml)
./seed.sh
for target in "${targets[@]}"; do
  echo "== $target, $seconds s"
  # One allocation of C's of more than 256 MB is too much for any input; what Rust allocates, targets hold themselves.
  cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -rss_limit_mb=2048 -malloc_limit_mb=256 -timeout=10 \
    -print_final_stats=1
done
