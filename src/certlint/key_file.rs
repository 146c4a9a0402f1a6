//! Rules about private keys in files. Nothing of a key is ever shown.

use super::der;
use super::rule::Severity::{Error, Warning};
use super::rule::{Check, Rule, when};
use super::view::KeyFile;

pub(super) const RULES: &[Rule] = &[
    key(
        "key-world-readable",
        Error,
        "everybody on the machine can read a private key",
        "whoever has an account there is the certificate's owner too",
        "kbootstrap writes 0600",
        |key, _| match key.mode {
            Some(mode) if mode & 0o007 != 0 => vec![format!("its mode is {mode:04o}: chmod 600")],
            _ => Vec::new(),
        },
    ),
    key(
        "key-group-readable",
        Warning,
        "a group can read or change a private key",
        "ssh and others refuse such a file",
        "kbootstrap writes 0600",
        |key, _| match key.mode {
            Some(mode) if mode & 0o077 != 0 && mode & 0o007 == 0 => vec![format!("its mode is {mode:04o}: chmod 600")],
            _ => Vec::new(),
        },
    ),
    key(
        "key-label",
        Error,
        "a key has cfssl's label `Ed25519 PRIVATE KEY`",
        "openssl, and so nginx, curl, Python",
        "RFC 7468 §10, RFC 8410 §7",
        |key, _| {
            when(key.label == "Ed25519 PRIVATE KEY", "its label is `Ed25519 PRIVATE KEY`: it must be `PRIVATE KEY`")
        },
    ),
    key(
        "key-pkcs8-version",
        Error,
        "an Ed25519 key is PKCS#8 of version 2",
        "openssl 3.0 (\"unsupported\")",
        "RFC 5958 §2, RFC 8410 §7",
        |key, _| {
            let parts = der::only(&key.der, der::SEQUENCE).and_then(der::all).unwrap_or_default();
            let second = parts.first().is_some_and(|version| version.tag == der::INTEGER && version.content == [1]);
            // SEC1 has a 1 there too, and no algorithm after it.
            let ed25519 = parts.get(1).is_some_and(|algorithm| algorithm.content == [6, 3, 0x2b, 0x65, 0x70]);
            when(second && ed25519, "it is PKCS#8 of version 2, which openssl 3.0 cannot read")
        },
    ),
    key(
        "key-legacy-encryption",
        Warning,
        "a key has OpenSSL's old encryption",
        "nobody; but one round of MD5 does not hold up whoever has the file",
        "RFC 8018 §6.2 is what replaces it",
        |key, _| {
            when(key.legacy_encryption, "it is encrypted in OpenSSL's old way: openssl pkcs8 -topk8 makes a better one")
        },
    ),
    key(
        "key-mismatch",
        Error,
        "the key beside a certificate is another certificate's",
        "every server (\"private key does not match\")",
        "RFC 5280 §4.1.2.7",
        // `beside` is the SubjectPublicKeyInfo of the certificate of the same name; empty where there is none.
        |key, beside| {
            let other = key.public.as_ref().is_some_and(|public| !beside.is_empty() && public != beside);
            when(other, "it does not belong to the certificate beside it")
        },
    ),
];

const fn key(
    id: &'static str,
    severity: super::rule::Severity,
    title: &'static str,
    rejected_by: &'static str,
    reference: &'static str,
    check: fn(&KeyFile, &[u8]) -> Vec<String>,
) -> Rule {
    Rule { id, severity, title, rejected_by, reference, check: Check::Key(check) }
}
