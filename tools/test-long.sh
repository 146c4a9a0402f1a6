#!/usr/bin/env bash
# What takes too long for every change. Prints a row per part for docs/test-long.md; all parts run, also when one fails.
set -uo pipefail
cd "$(dirname "$0")/.."
fuzz_seconds=${FUZZ_SECONDS:-120} # for each fuzz target
logs=target/test-long
mkdir -p "$logs"
failed=0
rows=()

# part NAME WHAT COMMAND…: runs the command with its output in a log.
part() {
  local name=$1 what=$2 result began=$SECONDS
  shift 2
  echo "== $name: $*" >&2
  if "$@" >"$logs/$name.log" 2>&1; then
    result=passed
  else
    result="**failed**"
    failed=1
    tail -n 40 "$logs/$name.log" >&2
  fi
  local figures
  figures=$(sed -n 's/^test result: ok\. \([1-9][0-9]* passed\).*/\1/p; s/.*\(to [a-z/ ]*: ours .*\)/\1/p; s/^figure: //p' \
    "$logs/$name.log" | paste -sd ';' | sed 's/;/; /g')
  rows+=("| $what | $result${figures:+: $figures} | $((SECONDS - began)) s |")
}

fuzz() {
  fuzz/run.sh "$fuzz_seconds" >"$logs/fuzz-targets.log" 2>&1 || { tail -n 60 "$logs/fuzz-targets.log"; return 1; }
  awk '/^== / { target = $2; sub(",", " ", target) } /stat::number_of_executed_units/ { print "figure: " target $2 " inputs" }' \
    "$logs/fuzz-targets.log"
}

part takeover "a cluster of 0.1.0 taken on while people use it" \
  cargo test --locked --test integration -- --ignored --nocapture a_cluster_of_0_1_0
part slow "tests that are too slow for every change" \
  cargo test --locked --test integration -- --ignored --skip inside_the_terminal --skip throughput --skip release:: \
  --skip a_cluster_of_0_1_0 --skip e2e_distributions
part distributions "Debian 11, 12, 13, a minimal host, firewalld, ufw, NetworkManager" \
  cargo test --locked --test integration e2e_distributions -- --ignored --nocapture
part properties "unit tests, with 5,000 cases of each property" \
  env PROPTEST_CASES=5000 cargo test --locked --lib
part throughput "bytes through SSH, beside OpenSSH" \
  cargo test --locked --profile bench --test integration throughput -- --ignored --nocapture
part release "the release on Debian 11, its bill of materials" \
  cargo test --locked --test integration release:: -- --ignored
part fuzz "fuzz targets, $fuzz_seconds s each" fuzz

printf '\n%s, %s cores, Linux %s, kbootstrap %s:\n\n' "$(date +%Y-%m-%d)" "$(nproc)" "$(uname -r)" \
  "$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)"
printf '| part | result | time |\n|---|---|---|\n'
printf '%s\n' "${rows[@]}"
exit "$failed"
