#!/usr/bin/env bash
# From nothing to a cluster on this machine: three throwaway hosts, `up`, and a look at what there is.
set -euo pipefail
cd "$(dirname "$0")/.."
kb() { printf '\n$ kbootstrap %s\n' "$*"; target/release/kbootstrap "$@"; }

demo=labs/demo
mkdir -p "$demo"
if [ "${1-}" = down ]; then
  kb lab down --name demo
  rm -rf "$demo"
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  echo "error: the demo makes network namespaces and mounts: run it as root" >&2
  exit 1
fi

kb artifacts fetch --kubernetes 1.36.3 --test-images
target/release/kbootstrap lab down --name demo >/dev/null # of an earlier demo
rm -rf "$demo/clusters"
kb lab up -n 3 --name demo --inventory "$demo/kbootstrap.yaml"
kb check -i "$demo/kbootstrap.yaml"
kb up -i "$demo/kbootstrap.yaml"
kb status -i "$demo/kbootstrap.yaml"
kb verify -i "$demo/kbootstrap.yaml"

kb lab ssh --name demo n1 kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes,pods -A -o wide
kb certinfo "$demo"/clusters/demo/pki/{ca,apiserver-n1,admin}.pem

say() { printf '  %-66s %s\n' "$1" "$2"; }
printf '\nThe cluster runs on. What you can do with it:\n'
say "target/release/kbootstrap plan -i $demo/kbootstrap.yaml" "what would change (nothing, now)"
say "target/release/kbootstrap up -i $demo/kbootstrap.yaml" "again: nothing to do"
say "target/release/kbootstrap lab ssh --name demo n2" "a shell on a host"
say "tools/demo.sh down" "remove it all"
