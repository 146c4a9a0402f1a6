{% if cluster.masters > 1 %}
# Keeps other hosts away from an API server that listens and is not ready: for a second or more after each start it
# refuses everybody (403), for it knows no roles yet, and a balancer that only tries whether the port is open sends
# people there all the same. To them the port is shut as long, so that they go to another master. What this host asks
# by its loopback gets through: kube-controller-manager, kube-scheduler, and kbootstrap by SSH.
#
#   sh api-gate.sh shut   before the start
#   sh api-gate.sh open   after it: once /readyz says so, or after a minute
#   sh api-gate.sh away   after the end
#
# What goes wrong here leaves it open: an API server that nobody reaches would be worse than one that is not ready. Should
# even this script be killed, the kernel opens it: the port is shut for so long as a start may take, and a minute.
LC_ALL=C
export LC_ALL
umask 077
table='inet kbootstrap-api-gate'
kubectl={{ layout.bin }}/kubectl
kubeconfig={{ layout.kubernetes }}/admin.conf

say() { printf '<4>%s\n' "$*"; }

rules() {
  printf '%s\n' "add table $table" "delete table $table" "table $table {" \
    'set shut { type inet_service; flags timeout; elements = { 6443 timeout 6m }; }' \
    'chain input {' 'type filter hook input priority -300; policy accept;' \
    'iif != "lo" tcp dport @shut ct state new reject with tcp reset' '}' '}'
}

away() { nft delete table $table >/dev/null 2>&1; }

is_ready() { "$kubectl" --kubeconfig="$kubeconfig" --request-timeout=2s get --raw=/readyz >/dev/null 2>&1; }

now() { IFS='. ' read -r now rest </proc/uptime; }

case $1 in
shut)
  # kubectl is the last that a new host gets: until then nobody is there who could be sent away.
  [ -x "$kubectl" ] || exit 0
  said=$(rules | nft -f - 2>&1) || say "who comes from outside meets kube-apiserver before it is ready: $said"
  ;;
open)
  nft list table $table >/dev/null 2>&1 || exit 0
  now
  end=$((now + 60))
  until is_ready; do
    now
    if [ "$now" -ge "$end" ]; then
      say 'kube-apiserver is not ready after 60 s; it is opened to others all the same'
      break
    fi
    sleep 0.1
  done
  away || say "the table $table cannot be deleted: nft delete table $table"
  ;;
away) away ;;
esac
exit 0
{% endif %}
