#!/usr/bin/env bash
# Fills fuzz/corpus: the seeds that are kept here, keys, CSRs and certificates that openssl makes now, so that no key lies in
# the repository, frames, and a bundle of a program that is here.
set -euo pipefail
cd "$(dirname "$0")"
for target in seeds/*; do
  mkdir -p "corpus/${target#seeds/}"
  cp "$target"/* "corpus/${target#seeds/}/"
done
mkdir -p corpus/{key,csr,certificate,frame,bundle}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for kind in RSA:rsa_keygen_bits:2048 EC:ec_paramgen_curve:P-256 EC:ec_paramgen_curve:P-384 EC:ec_paramgen_curve:P-521 ED25519; do
  IFS=: read -r algorithm option value <<<"$kind"
  name=${algorithm,,}${value:-}
  openssl genpkey -algorithm "$algorithm" ${option:+-pkeyopt "$option:$value"} -out "$work/$name.pem" 2>/dev/null
  cp "$work/$name.pem" "corpus/key/$name-pkcs8.pem"
  openssl pkey -in "$work/$name.pem" -outform DER -out "corpus/key/$name.der"
  # Ed25519 has no format of its own.
  [ "$algorithm" = ED25519 ] || openssl pkey -in "$work/$name.pem" -traditional -out "corpus/key/$name-traditional.pem"
  openssl pkey -in "$work/$name.pem" -pubout -out "corpus/key/$name-public.pem"
  openssl pkey -in "$work/$name.pem" -pubout -outform DER -out "corpus/key/$name-public.der"
  openssl req -new -key "$work/$name.pem" -subj "/C=CN/O=o+O=p/CN=$name" -addext "subjectAltName=DNS:a,IP:10.0.0.1,URI:x:y,email:a@b" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:1 -out "corpus/csr/$name.pem"
  openssl req -in "corpus/csr/$name.pem" -outform DER -out "corpus/csr/$name.der"
  openssl req -x509 -new -key "$work/$name.pem" -subj "/C=CN/O=o/CN=$name" -days 30 -addext "subjectAltName=DNS:a,IP:10.0.0.1,URI:x:y,email:a@b,dirName:d" \
    -addext keyUsage=critical,keyCertSign,digitalSignature -addext extendedKeyUsage=serverAuth,1.2.3.4 -addext certificatePolicies=1.2.3.4 \
    -addext "nameConstraints=permitted;DNS:example" -addext "crlDistributionPoints=URI:http://c" -addext "authorityInfoAccess=OCSP;URI:http://o" \
    -config <(printf '[req]\ndistinguished_name=n\n[n]\n[d]\nCN=x\n') -out "corpus/certificate/$name.pem"
  openssl x509 -in "corpus/certificate/$name.pem" -outform DER -out "corpus/certificate/$name.der"
done
openssl ecparam -name prime256v1 -genkey -out corpus/key/ec-parameters.pem
cat corpus/certificate/*.pem >corpus/certificate/chain.pem.all && mv corpus/certificate/chain.pem.all corpus/certificate/chain.pem

# What is pinned, well packed; the same twice; far too much in few bytes.
printf 'what is pinned' | zstd -q -c >corpus/frame/right.zst
cat corpus/frame/right.zst corpus/frame/right.zst >corpus/frame/twice.zst
head -c 100000000 /dev/zero | zstd -q -c >corpus/frame/bomb.zst

program=$(readlink -f "$(type -P true)")
sha256=$(sha256sum <"$program" | cut -d ' ' -f 1)
mkdir -p "$work/store"
zstd -q -c "$program" >"$work/store/$sha256.zst"
printf '{"artifacts": [{"name": "runc", "arch": "amd64", "version": "1.0.0", "sha256": "%s", "size": %s, "source": "x"}]}\n' \
  "$sha256" "$(stat -c %s "$program")" >"$work/artifacts.lock"
tar -C "$work" --format=ustar --owner=0 --group=0 -cf corpus/bundle/right.tar artifacts.lock "store/$sha256.zst"
tar -C "$work" --format=ustar --owner=0 --group=0 -cf corpus/bundle/lock-alone.tar artifacts.lock
