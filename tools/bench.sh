#!/usr/bin/env bash
# Figures for docs/benchmarks.md: everything is measured in one run on one machine, so that ratios mean something.
set -euo pipefail
cd "$(dirname "$0")/.."
kb=$PWD/target/release/kbootstrap
cache="${KBOOTSTRAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kbootstrap}"
work=$(mktemp -d)
trap '"$kb" lab down --name bench >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

# Milliseconds of a command, the median of N runs: median N COMMAND…
median() {
  local n=$1; shift
  for _ in $(seq "$n"); do
    local from; from=$(date +%s%N)
    "$@" >/dev/null 2>&1
    echo $((($(date +%s%N) - from) / 10000))
  done | sort -n | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] / 100 }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

echo "== machine: $(nproc) cores, $(uname -r), load $(cut -d ' ' -f 1 /proc/loadavg)"
"$kb" artifacts fetch --kubernetes 1.36.3 --test-images >/dev/null

echo
echo "== lab: 3 hosts from the cached tree until sshd answers (5 runs)"
lab() { "$kb" lab up -n 3 --name bench --roles n1=etcd,master --inventory "$work/kbootstrap.yaml"; }
for _ in 1 2 3 4 5; do
  from=$(date +%s%N); lab >/dev/null 2>&1; echo "$((($(date +%s%N) - from) / 1000000)) ms"
  "$kb" lab down --name bench >/dev/null 2>&1
done

echo
echo "== up: 1 master + 2 nodes, from booted hosts to all nodes Ready and CoreDNS available (3 runs)"
for run in 1 2 3; do
  rm -rf "$work/clusters"; lab >/dev/null 2>&1
  /usr/bin/time -f '%M' -o "$work/memory" "$kb" up -i "$work/kbootstrap.yaml" --progress plain -o json >"$work/up.json" 2>"$work/up.log"
  echo "run $run: $(sed -n 's/.*"millis": \([0-9]*\).*/\1/p' "$work/up.json") ms, peak memory of kbootstrap $(($(cat "$work/memory") / 1024)) MB; done at:"
  grep -E 'etcd is healthy|kube-apiserver is ready|apply API objects|nodes register|CoreDNS' "$work/up.log" | sed 's/^/  /'
  for _ in 1 2 3; do
    "$kb" up -i "$work/kbootstrap.yaml" --progress none -o json | sed -n 's/.*"millis": \([0-9]*\).*/  second up, nothing to change: \1 ms/p'
  done
  "$kb" lab down --name bench >/dev/null 2>&1
done

echo
cargo bench --locked --bench push 2>/dev/null

echo
echo "== one ECDSA P-256 leaf from process start to files (median of 60)"
cfssl=$cache/tools/bin/cfssl
if [ ! -x "$cfssl" ]; then
  GOBIN=$cache/tools/bin go install github.com/cloudflare/cfssl/cmd/cfssl@v1.6.5 github.com/cloudflare/cfssl/cmd/cfssljson@v1.6.5
fi
cd "$work"
"$kb" print-defaults config >ca-config.json
echo '{"CN": "bench ca", "key": {"algo": "ecdsa", "size": 256}}' >ca.json
echo '{"CN": "leaf", "hosts": ["leaf", "10.0.0.1"], "key": {"algo": "ecdsa", "size": 256}}' >leaf.json
"$kb" gencert -initca ca.json 2>/dev/null | "$kb" cfssljson -bare ca
sign="-ca=ca.pem -ca-key=ca-key.pem -config=ca-config.json -profile=www leaf.json"
# shellcheck disable=SC2086
ours() { "$kb" gencert --out leaf $sign; }
piped() { "$kb" gencert $sign | "$kb" cfssljson -bare leaf; }
theirs() { "$cfssl" gencert $sign | "${cfssl}json" -bare leaf; }
openssl_() {
  openssl ecparam -name prime256v1 -genkey -noout -out leaf-key.pem
  openssl req -new -key leaf-key.pem -subj /CN=leaf -out leaf.csr
  openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 365 -out leaf.pem
}
a=$(median 60 ours); b=$(median 60 piped); c=$(median 60 theirs); d=$(median 60 openssl_)
echo "kbootstrap --out $a ms, kbootstrap | cfssljson $b ms, cfssl 1.6.5 | cfssljson $c ms, openssl (3 commands) $d ms"
echo "ratio to cfssl: $(ratio "$a" "$c") directly, $(ratio "$b" "$c") through the pipe"
cd - >/dev/null

echo
cargo bench --locked --bench certificates 2>/dev/null
