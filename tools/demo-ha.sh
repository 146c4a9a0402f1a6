#!/usr/bin/env bash
# Three masters behind an address that the cluster holds itself: its holder loses its power, and kubectl goes on.
set -euo pipefail
name=demo-ha
. "$(dirname "$0")/demo-lab.sh"

lab_up -n 4 --masters 3
# In place of the one master that the lab names: an address of its network that nobody has.
network=$(sed -n 's/^controlPlaneEndpoint: "\(.*\)\.[0-9]*:6443"$/\1/p' "$inventory")
sed -i "s/^controlPlaneEndpoint: .*/apiLoadBalancer: {local: haproxy, virtualAddress: {address: $network.100}}/" "$inventory"
grep -n apiLoadBalancer "$inventory"
kb check -i "$inventory"
kb up -i "$inventory"
kb status -i "$inventory"

# Where a host is away `status` says so by its exit code, too.
holder() { { target/release/kbootstrap status -i "$inventory" 2>/dev/null || true; } | sed -n "s/.*held .*$network\.100 by //p"; }
# shellcheck disable=SC2016 # the host's own path
target/release/kbootstrap lab ssh --name demo-ha n1 'cat "$(command -v kubectl)"' >"$demo/kubectl"
chmod +x "$demo/kubectl"
kubectl() { "$demo/kubectl" --kubeconfig "$demo/clusters/demo-ha/admin.kubeconfig" "$@"; }
printf '\n$ kubectl get nodes\n'
kubectl get nodes

# Asks all the time, and writes down when it was answered.
asks() {
  while true; do
    if kubectl get --request-timeout 1s --raw /version >/dev/null 2>&1; then date +%s.%N >&3; fi
  done
}
answers=$(mktemp)
asks 3>"$answers" &
asking=$!
trap 'kill "$asking" 2>/dev/null || true; rm -f "$answers"' EXIT
sleep 3
lost=$(holder)
printf '\nThe power of %s, which holds %s.100, is cut while kubectl asks there:\n' "$lost" "$network"
kb lab poweroff --name demo-ha --cut "$lost"
sleep 8
kill "$asking"
wait "$asking" 2>/dev/null || true
awk 'NR > 1 && $1 - last > longest { longest = $1 - last } { last = $1 }
  END { printf "kubectl was answered %d times; it waited %.1f s at the most\n", NR, longest }' "$answers"
printf '\n%s.100 is held by %s now\n' "$network" "$(holder)"
kb lab start --name demo-ha "$lost"

goes_on "target/release/kbootstrap status -i $inventory" "who holds the address, whom each balancer sees" \
  "$demo/kubectl --kubeconfig $demo/clusters/demo-ha/admin.kubeconfig" "the cluster by that address" \
  "tools/demo-ha.sh down" "remove it all"
