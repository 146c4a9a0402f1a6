//! Rules about keys, usages, constraints and identifiers.

use super::rule::Severity::{Error, Notice, Warning};
use super::rule::{Rule, certificate, when};
use super::shapes::is_well_formed;
use super::view::{
    AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, DATA_ENCIPHERMENT, DIGITAL_SIGNATURE, DNS, EXTENDED_KEY_USAGE, Extension, IP,
    KEY_CERT_SIGN, KEY_ENCIPHERMENT, KEY_USAGE, Key, NAME_CONSTRAINTS, SERVER_AUTH, SUBJECT_KEY_ID, UNDERSTOOD, View,
};
use crate::pki::dotted;

const STRICT: &str = "openssl -x509_strict, and so Python 3.13";

pub(super) const RULES: &[Rule] = &[
    certificate(
        "rsa-short",
        Error,
        "an RSA key has less than 2048 bits",
        "openssl at security level 2 (Debian's), browsers",
        "BR §6.1.5, NIST SP 800-57",
        |view, _| match view.key {
            Key::Rsa { bits, .. } if bits < 2048 => vec![format!("its RSA key has {bits} bits")],
            _ => Vec::new(),
        },
    ),
    certificate(
        "rsa-exponent",
        Warning,
        "an RSA key's exponent is even or below 65537",
        "public CAs may not issue it; BoringSSL where it is even",
        "BR §6.1.6, FIPS 186-5 §5.4",
        |view, _| {
            let Key::Rsa { exponent, .. } = &view.key else { return Vec::new() };
            let small = exponent.len() < 3;
            let even = exponent.last().is_none_or(|last| last % 2 == 0);
            when(small || even, if even { "its RSA exponent is even" } else { "its RSA exponent is below 65537" })
        },
    ),
    certificate(
        "key-kind",
        Error,
        "the key is of a kind that TLS clients do not know",
        "Go (\"unsupported elliptic curve\"), browsers",
        "RFC 8446 §4.2.3, BR §6.1.5",
        |view, _| {
            let known = [&[1, 2, 840, 10_045, 3, 1, 7][..], &[1, 3, 132, 0, 34], &[1, 3, 132, 0, 35]];
            match &view.key {
                Key::Ec(None) => vec!["its EC key spells the curve out in place of naming it".into()],
                Key::Ec(Some(curve)) if !known.contains(&curve.as_slice()) => {
                    vec![format!("its EC key is on the curve {}, not on P-256, P-384 or P-521", dotted(curve))]
                }
                Key::Other(oid) => vec![format!("its key is of algorithm {}", dotted(oid))],
                _ => Vec::new(),
            }
        },
    ),
    certificate(
        "ed25519-server",
        Warning,
        "a server's key is Ed25519",
        "browsers; openssl, Go and rustls take it",
        "BR §6.1.5",
        |view, _| when(view.key == Key::Ed25519 && view.is_server(), "its key is Ed25519, which no browser knows"),
    ),
    certificate(
        "extension-duplicate",
        Error,
        "an extension is there twice",
        "Go (\"certificate contains duplicate extensions\"), openssl",
        "RFC 5280 §4.2",
        |view, _| {
            let all = &view.extensions;
            let mut twice: Vec<_> = all
                .iter()
                .enumerate()
                .filter(|(i, e)| all[..*i].iter().any(|earlier| earlier.oid == e.oid))
                .map(|(_, e)| &e.oid)
                .collect();
            twice.dedup();
            twice.into_iter().map(|oid| format!("the extension {} is there twice", dotted(oid))).collect()
        },
    ),
    certificate(
        "extension-unknown-critical",
        Error,
        "a critical extension is one that clients do not know",
        "Go (\"unhandled critical extension\"), openssl (error 34)",
        "RFC 5280 §4.2",
        // Critical key identifiers have a rule of their own.
        |view, _| {
            let known = |e: &&Extension<'_>| {
                [SUBJECT_KEY_ID, AUTHORITY_KEY_ID].into_iter().chain(UNDERSTOOD).any(|known| known == e.oid)
            };
            let unknown = view.extensions.iter().filter(|e| e.critical && !known(e));
            unknown
                .map(|e| format!("the critical extension {} is one that clients do not know", dotted(&e.oid)))
                .collect()
        },
    ),
    certificate(
        "bc-not-critical",
        Error,
        "a CA's basic constraints are not critical",
        STRICT,
        "RFC 5280 §4.2.1.9",
        |view, _| {
            let wrong = view.is_ca() && view.extension(BASIC_CONSTRAINTS).is_some_and(|e| !e.critical);
            when(wrong, "it is a CA, and its basic constraints are not critical")
        },
    ),
    certificate(
        "bc-path-length",
        Error,
        "it has a path length and is no CA",
        STRICT,
        "RFC 5280 §4.2.1.9",
        |view, _| when(matches!(view.constraints(), Some((false, Some(_)))), "it has a path length, and is no CA"),
    ),
    certificate(
        "ca-without-cert-sign",
        Error,
        "a CA's key usage lacks keyCertSign",
        "openssl (\"invalid CA certificate\"), Go (\"parent certificate cannot sign this kind of certificate\")",
        "RFC 5280 §4.2.1.3",
        |view, _| {
            let lacks = view.key_usage().is_some_and(|bits| bits != 0 && bits & KEY_CERT_SIGN == 0);
            when(view.is_ca() && lacks, "it is a CA, and its key usage lacks keyCertSign")
        },
    ),
    certificate("ca-without-key-usage", Error, "a CA has no key usage", STRICT, "RFC 5280 §4.2.1.3", |view, _| {
        when(view.is_ca() && view.extension(KEY_USAGE).is_none(), "it is a CA, and has no key usage")
    }),
    certificate(
        "cert-sign-without-ca",
        Error,
        "it may sign certificates and is no CA",
        STRICT,
        "RFC 5280 §4.2.1.9",
        |view, _| {
            let signs = view.key_usage().is_some_and(|bits| bits & KEY_CERT_SIGN != 0);
            when(!view.is_ca() && signs, "its key usage has keyCertSign, and it is no CA")
        },
    ),
    certificate(
        "ku-empty",
        Error,
        "the key usage allows nothing",
        "openssl (\"invalid certificate\")",
        "RFC 5280 §4.2.1.3",
        |view, _| {
            when(
                view.extension(KEY_USAGE).is_some() && view.key_usage().unwrap_or(0) == 0,
                "its key usage allows nothing",
            )
        },
    ),
    certificate(
        "ku-no-signature",
        Error,
        "a server's key cannot sign handshakes by its key usage",
        "BoringSSL (\"KEY_USAGE_BIT_INCORRECT\"), GnuTLS, NSS: TLS 1.3 and ECDHE need digitalSignature",
        "RFC 8446 §4.4.2.2",
        |view, _| {
            let serves = view.purposes().is_some_and(|purposes| purposes.iter().any(|p| p == SERVER_AUTH));
            let lacks = view.key_usage().is_some_and(|bits| bits != 0 && bits & DIGITAL_SIGNATURE == 0);
            // An RSA key could still decrypt in TLS 1.2.
            let cannot = !matches!(view.key, Key::Rsa { .. });
            when(
                !view.is_ca() && serves && lacks && cannot,
                "it is for servers, and its key usage lacks digitalSignature",
            )
        },
    ),
    certificate(
        "ku-ec-encipherment",
        Notice,
        "the key usage allows encipherment, which an EC or Ed25519 key cannot do",
        "nobody yet; cfssl's profiles write it",
        "RFC 8813 §3, RFC 8410 §5",
        |view, _| {
            let cannot = matches!(view.key, Key::Ec(_) | Key::Ed25519);
            let enciphers = view.key_usage().is_some_and(|bits| bits & (KEY_ENCIPHERMENT | DATA_ENCIPHERMENT) != 0);
            when(cannot && enciphers, "its key usage allows encipherment, which its key cannot do")
        },
    ),
    certificate(
        "eku-missing",
        Warning,
        "a certificate with hosts has no extended key usage",
        "Apple systems since iOS 13 and macOS 10.15",
        "Apple HT210176, BR §7.1.2.7.10",
        |view, _| {
            let lacks = !view.is_ca() && has_hosts(view) && view.extension(EXTENDED_KEY_USAGE).is_none();
            when(lacks, "it has hosts, and no extended key usage")
        },
    ),
    certificate(
        "eku-not-server",
        Notice,
        "a certificate with hosts is not for servers by its extended key usage",
        "every client, should a server show it",
        "RFC 5280 §4.2.1.12",
        |view, _| {
            let other = view.extension(EXTENDED_KEY_USAGE).is_some() && !view.is_server();
            when(!view.is_ca() && has_hosts(view) && other, "it has hosts, and its extended key usage lacks serverAuth")
        },
    ),
    certificate(
        "aki-missing",
        Error,
        "it has no authority key identifier",
        STRICT,
        "RFC 5280 §4.2.1.1", // Where subject and issuer are one and it is not self-signed, `same-dn-no-aki` tells more.
        |view, context| {
            let there = view.extension(AUTHORITY_KEY_ID).is_some_and(|e| !is_well_formed(e));
            let lacks = !there && view.authority_key_id().is_none() && !view.is_self_issued() && !context.self_signed;
            when(lacks, "it has no authority key identifier")
        },
    ),
    certificate("ski-missing", Error, "a CA has no subject key identifier", STRICT, "RFC 5280 §4.2.1.2", |view, _| {
        let there = view.extension(SUBJECT_KEY_ID).is_some();
        when(view.is_ca() && !there, "it is a CA, and has no subject key identifier")
    }),
    certificate(
        "key-id-critical",
        Error,
        "a key identifier is critical",
        "Go (\"incorrectly marked critical\"), openssl (\"unhandled critical extension\")",
        "RFC 5280 §4.2.1.1, §4.2.1.2",
        |view, _| {
            let critical = |oid: &[u64]| view.extension(oid).is_some_and(|e| e.critical);
            let subject = when(critical(SUBJECT_KEY_ID), "the subject key identifier is critical");
            let authority = when(critical(AUTHORITY_KEY_ID), "the authority key identifier is critical");
            [subject, authority].concat()
        },
    ),
    certificate(
        "name-constraints-leaf",
        Warning,
        "it has name constraints and is no CA",
        "linters of public CAs; strict readers",
        "RFC 5280 §4.2.1.10",
        |view, _| {
            when(!view.is_ca() && view.extension(NAME_CONSTRAINTS).is_some(), "it has name constraints, and is no CA")
        },
    ),
];

fn has_hosts(view: &View<'_>) -> bool {
    view.names().iter().any(|name| name.tag == DNS || name.tag == IP)
}
