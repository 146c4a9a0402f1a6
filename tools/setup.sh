#!/usr/bin/env bash
# Installs what is missing on this machine for building and the lab and, by its arguments, for `test`, `long` (make
# test-long), `bench` and `release`. Run as root on Debian 12 or newer.
set -euo pipefail
asked=$*

rust=1.91 # the oldest that builds us: rust-version in Cargo.toml
go=1.26.8 # what the programs are built with

for_() { case " $asked " in *" $1 "*) ;; *) return 1 ;; esac; } # whether it was asked for
say() { printf '== %s\n' "$*"; }
fail() { printf 'error: %s\n' "$1" >&2; shift; printf 'hint: %s\n' "$@" >&2; exit 1; }
newer() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; } # newer HAVE WANT

packages=()
need() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || packages+=("$2"); }
need gcc gcc
need make make
need perl perl
need pkg-config pkg-config
need curl curl
need git git
need zstd zstd
need openssl openssl
need sudo sudo
need ssh openssh-client
need sshd openssh-server
need debootstrap debootstrap
need systemd-nspawn systemd-container
need ip iproute2
need iptables iptables
need nft nftables
if for_ test; then # completions, manual pages and stores are tried by those that read them
  need zsh zsh
  need fish fish
  need man man-db
  need mandoc mandoc
  need keytool default-jre-headless
fi
if for_ long; then # what recipes are for
  need nginx nginx-light
  need openvpn openvpn
  [ -n "$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null)" ] || packages+=(postgresql)
fi
if for_ release; then
  need jq jq
  need readelf binutils
fi
[ -e /usr/include/stdlib.h ] || packages+=(libc6-dev)
[ -e /usr/include/seccomp.h ] || packages+=(libseccomp-dev)
[ -e /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)

install_packages() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "these Debian packages are missing: $*" "install them (as root: apt-get install $*) and run this again"
  fi
  say "installing packages: $*"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
if [ "${#packages[@]}" -gt 0 ]; then
  install_packages "${packages[@]}"
fi

cache="${KBOOTSTRAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kbootstrap}"
mkdir -p "$cache/tools/bin"

export PATH="$HOME/.cargo/bin:$PATH"
if ! newer "$(cargo --version 2>/dev/null | awk '{print $2}')" "$rust"; then
  say "installing Rust with rustup"
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y -q --profile minimal -c clippy -c rustfmt
fi

if ! newer "$(go version 2>/dev/null | sed 's/.* go\([0-9.]*\).*/\1/')" 1.26; then
  say "installing Go $go"
  command -v go >/dev/null || install_packages golang-go
  # Any Go can fetch a newer one as a module, with its checksum verified.
  arch=$(dpkg --print-architecture)
  dir=$(cd / && GOFLAGS=-mod=mod go mod download -json "golang.org/toolchain@v0.0.1-go$go.linux-$arch" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p') || true
  [ -n "$dir" ] || fail "the Go toolchain $go could not be had as a module" "is a Go module proxy reachable? see \`go env GOPROXY\`"
  chmod -R u+w "$dir" && chmod +x "$dir"/bin/* "$dir"/pkg/tool/*/*
  ln -sf "$dir/bin/go" "$cache/tools/bin/go"
fi

if for_ test && [ ! -x "$cache/tools/bin/cargo-deny" ]; then
  # Not optimised: that takes a fifth of the time to build, and a second more to run.
  say "building cargo-deny (licences of dependencies); a minute or two, once"
  CARGO_PROFILE_DEV_DEBUG=0 cargo install -q --locked cargo-deny --version '^0.20' --profile dev --root "$cache/tools"
fi

if for_ release && [ ! -x "$cache/tools/bin/cargo-cyclonedx" ]; then
  say "building cargo-cyclonedx (the SBOM); a minute or two, once"
  CARGO_PROFILE_DEV_DEBUG=0 cargo install -q --locked cargo-cyclonedx --version '^0.5' --profile dev --root "$cache/tools"
fi

if { for_ test || for_ bench; } && { [ ! -x "$cache/tools/bin/cfssl" ] || [ ! -x "$cache/tools/bin/cfssljson" ]; }; then
  say "building cfssl 1.6.5, which tests and benchmarks compare with; a minute, once"
  GOBIN="$cache/tools/bin" go install github.com/cloudflare/cfssl/cmd/cfssl@v1.6.5 github.com/cloudflare/cfssl/cmd/cfssljson@v1.6.5 ||
    fail "cfssl 1.6.5 could not be built, and tests and benchmarks compare with it" "is a Go module proxy reachable? see \`go env GOPROXY\`"
fi

if for_ long; then
  cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install -q nightly --profile minimal
  if [ ! -x "$cache/tools/bin/cargo-fuzz" ]; then
    say "building cargo-fuzz; a minute, once"
    CARGO_PROFILE_DEV_DEBUG=0 cargo install -q --locked cargo-fuzz --version '^0.13' --profile dev --root "$cache/tools"
  fi
fi
