#!/usr/bin/env bash
# The release in target/dist, for this machine's architecture: a static program as tarball and Debian package, SBOM and
# checksums. docs/release.md says what is in it, and how to make one for another architecture.
set -euo pipefail
cd "$(dirname "$0")/.."
cache="${KBOOTSTRAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kbootstrap}"
export PATH="$cache/tools/bin:$PATH"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
triple=$(rustc -vV | sed -n 's/^host: //p')
name=kbootstrap-$version-${triple%%-*}-linux
deb_arch=$(dpkg --print-architecture)
dist=$PWD/target/dist
# Every time in the archives is that of the commit, so that the same program gives the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

rm -rf "$dist" && mkdir -p "$dist"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== program"
gcc -O2 -c -o "$work/nss.o" tools/release/nss.c
# Only the last step differs from `make build`: the C library is linked in.
cargo rustc --release --locked --bin kbootstrap -- -C target-feature=+crt-static -C link-arg="$work/nss.o"
program=$work/kbootstrap
cp target/release/kbootstrap "$program"
if readelf -l "$program" | grep -q INTERP; then
  echo "error: $program needs a dynamic linker" >&2
  exit 1
fi

echo "== SBOM"
# It writes beside Cargo.toml.
cargo cyclonedx --format json --target "$triple" --spec-version 1.5 --override-filename "kbootstrap.cdx" >/dev/null
# The one part that no crate brings: the C library that is linked in.
jq --arg version "$(dpkg-query -W -f '${Version}' libc6-dev)" '.components += [{
  type: "library", name: "glibc", version: $version, purl: "pkg:deb/debian/glibc@\($version)",
  licenses: [{license: {id: "LGPL-2.1-or-later"}}]}]' kbootstrap.cdx.json >"$dist/kbootstrap-$version.cdx.json"
rm kbootstrap.cdx.json

echo "== tarball"
tree=$work/$name
mkdir -p "$tree/completions" "$tree/man"
install -m 755 "$program" "$tree/kbootstrap"
install -m 644 LICENSE README.md CHANGELOG.md "$tree"
"$program" completions bash >"$tree/completions/kbootstrap.bash"
"$program" completions zsh >"$tree/completions/_kbootstrap"
"$program" completions fish >"$tree/completions/kbootstrap.fish"
"$program" man "$tree/man" >/dev/null
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -c "$name" |
  gzip -9n >"$dist/$name.tar.gz"

echo "== Debian package"
deb=$work/deb
install -D -m 755 "$program" "$deb/usr/bin/kbootstrap"
install -D -m 644 "$tree/completions/kbootstrap.bash" "$deb/usr/share/bash-completion/completions/kbootstrap"
install -D -m 644 "$tree/completions/_kbootstrap" "$deb/usr/share/zsh/vendor-completions/_kbootstrap"
install -D -m 644 "$tree/completions/kbootstrap.fish" "$deb/usr/share/fish/vendor_completions.d/kbootstrap.fish"
install -D -m 644 -t "$deb/usr/share/man/man1" "$tree"/man/*.1
gzip -9n "$deb"/usr/share/man/man1/*.1
install -D -m 644 LICENSE "$deb/usr/share/doc/kbootstrap/copyright"
install -D -m 644 CHANGELOG.md "$deb/usr/share/doc/kbootstrap/changelog"
gzip -9n "$deb/usr/share/doc/kbootstrap/changelog"
mkdir "$deb/DEBIAN"
cat >"$deb/DEBIAN/control" <<EOF
Package: kbootstrap
Version: $version
Architecture: $deb_arch
Maintainer: the kbootstrap project
Installed-Size: $(du -sk --exclude=DEBIAN "$deb" | cut -f 1)
Section: admin
Priority: optional
Description: $(sed -n 's/^description = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
 Certificates as cfssl makes them, and Kubernetes clusters as systemd services
 over SSH, from one inventory file. The program is static and needs no library.
EOF
find "$deb" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$deb" "$dist/kbootstrap_${version}_$deb_arch.deb" >/dev/null

(cd "$dist" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
ls -l "$dist"
