#!/usr/bin/env bash
# Runs every fuzz target for SECONDS each (default 1800), one after the other: fuzz/run.sh [SECONDS] [TARGET…]
# Needs a nightly toolchain and cargo-fuzz: rustup toolchain install nightly; cargo install cargo-fuzz
# FUZZ_SANITIZER=address looks at the memory of C libraries too; kbootstrap itself has no unsafe code, so that without it is
# the default: it is built and runs faster.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-1800}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' Cargo.toml)
./seed.sh
for target in "${targets[@]}"; do
  echo "== $target, $seconds s"
  # No input takes so much memory; what Rust allocates for one, targets hold themselves. -malloc_limit_mb is for C libraries, and
  # counts with a sanitizer only.
  cargo +nightly fuzz run -s "${FUZZ_SANITIZER:-none}" "$target" -- -max_total_time="$seconds" -rss_limit_mb=1024 -malloc_limit_mb=256 \
    -timeout=10 -print_final_stats=1
done
