# For the demos, which set `name` and source this with their own arguments: their lab, from nothing.
cd "$(dirname "$0")/.."
kb() { printf '\n$ kbootstrap %s\n' "$*"; target/release/kbootstrap "$@"; }

demo=labs/$name
inventory=$demo/kbootstrap.yaml
mkdir -p "$demo"
if [ "${1-}" = down ]; then
  kb lab down --name "$name"
  rm -rf "$demo"
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  echo "error: the demo makes network namespaces and mounts: run it as root" >&2
  exit 1
fi

# lab_up ARGUMENT…: the hosts, and everything that they will need.
lab_up() {
  kb artifacts fetch --kubernetes 1.36.3 --test-images
  target/release/kbootstrap lab down --name "$name" >/dev/null # of an earlier demo
  rm -rf "$demo/clusters"
  kb lab up "$@" --name "$name" --inventory "$inventory"
}

# goes_on COMMAND MEANING …: what can be done with the cluster.
goes_on() {
  printf '\nThe cluster runs on. What you can do with it:\n'
  while [ $# -gt 0 ]; do
    printf '  %-82s %s\n' "$1" "$2"
    shift 2
  done
}
