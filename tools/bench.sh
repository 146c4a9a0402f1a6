#!/usr/bin/env bash
# Figures for docs/benchmarks.md: everything is measured in one run on one machine, so that ratios mean something.
set -euo pipefail
cd "$(dirname "$0")/.."
cache="${KBOOTSTRAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kbootstrap}"
work=$(mktemp -d)
# A copy: `cargo bench` puts a program without link-time optimisation in its place.
kb=$work/bin/kbootstrap
mkdir "$work/bin" && cp target/release/kbootstrap "$kb"
trap '"$kb" lab down --name bench >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

echo "== machine: $(nproc) cores, $(uname -r), load $(cut -d ' ' -f 1 /proc/loadavg)"
"$kb" artifacts fetch --kubernetes 1.36.3 --test-images >/dev/null

lines() { find "$@" -name '*.rs' -print0 | xargs -0 cat | wc -l; }
echo
echo "== size: $(lines src) lines of Rust in src, $(lines tests) in tests; $(grep -c '^name = ' Cargo.lock) packages in Cargo.lock;" \
  "program $(stat -c %s "$kb") bytes"

echo
echo "== lab: 3 hosts from the cached tree until sshd answers (5 runs)"
lab() { "$kb" lab up -n 3 --name bench --roles n1=etcd,master --inventory "$work/kbootstrap.yaml"; }
for _ in 1 2 3 4 5; do
  from=$(date +%s%N); lab >/dev/null 2>&1; echo "$((($(date +%s%N) - from) / 1000000)) ms"
  "$kb" lab down --name bench >/dev/null 2>&1
done

# An inventory as the lab writes it; several masters with what they have by default, a balancer on each host.
one() { lab; }
three() {
  "$kb" lab up -n 5 --name bench --roles n1=etcd,master --roles n2=etcd,master --roles n3=etcd,master --inventory "$work/kbootstrap.yaml"
  sed -i 's/^controlPlaneEndpoint: .*/apiLoadBalancer: {local: haproxy}/' "$work/kbootstrap.yaml"
}

# From booted hosts to all nodes Ready and CoreDNS available, three times.
ups() {
  echo
  echo "== up: $2 (3 runs)"
  for run in 1 2 3; do
    rm -rf "$work/clusters"; "$1" >/dev/null 2>&1
    /usr/bin/time -f '%M' -o "$work/memory" "$kb" up -i "$work/kbootstrap.yaml" --progress plain -o json >"$work/up.json" 2>"$work/up.log"
    took=$(sed -n 's/.*"millis": \([0-9]*\).*/\1/p' "$work/up.json")
    echo "$took" >>"$work/$1"
    echo "run $run: $took ms, peak memory of kbootstrap $(($(cat "$work/memory") / 1024)) MB; done at:"
    grep -E 'etcd is healthy|kube-apiserver is ready|apply API objects|its node registers|CoreDNS' "$work/up.log" | sed 's/^/  /'
    for _ in 1 2 3; do
      "$kb" up -i "$work/kbootstrap.yaml" --progress none -o json | sed -n 's/.*"millis": \([0-9]*\).*/  second up, nothing to change: \1 ms/p'
    done
    "$kb" lab down --name bench >/dev/null 2>&1
  done
}
ups one "1 master + 2 nodes"
ups three "3 masters + 2 nodes, haproxy on each host"
median() { sort -n "$work/$1" | sed -n 2p; }
echo "ratio of the medians: $(($(median three) * 100 / $(median one))) %"

echo
cargo bench --locked --bench push 2>/dev/null

echo
echo "== certificates against cfssl, processes without a shell's overhead"
KBOOTSTRAP=$kb CFSSL=$cache/tools/bin/cfssl cargo bench --locked --bench issuing 2>/dev/null

echo
cargo bench --locked --bench certificates 2>/dev/null

echo
KBOOTSTRAP=$kb cargo bench --locked --bench many_hosts 2>/dev/null
