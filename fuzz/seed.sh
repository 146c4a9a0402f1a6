#!/usr/bin/env bash
# Fills fuzz/corpus: the seeds that are kept here, and keys, CSRs and certificates that openssl makes now, so that no
# key lies in the repository.
set -euo pipefail
cd "$(dirname "$0")"
for target in seeds/*; do
  mkdir -p "corpus/${target#seeds/}"
  cp "$target"/* "corpus/${target#seeds/}/"
done
mkdir -p corpus/{key,csr,certificate}
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
