#!/usr/bin/env bash
# From nothing to a cluster on this machine: three throwaway hosts, `up`, and a look at what there is.
set -euo pipefail
name=demo
. "$(dirname "$0")/demo-lab.sh"

lab_up -n 3
kb check -i "$inventory"
kb up -i "$inventory"
kb status -i "$inventory"
kb verify -i "$inventory"

kb lab ssh --name demo n1 kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes,pods -A -o wide
kb certinfo "$demo"/clusters/demo/pki/{ca,apiserver-n1,admin}.pem

goes_on "target/release/kbootstrap plan -i $inventory" "what would change (nothing, now)" \
  "target/release/kbootstrap up -i $inventory" "again: nothing to do" \
  "target/release/kbootstrap lab ssh --name demo n2" "a shell on a host" \
  "tools/demo.sh down" "remove it all"
