//! What a file is, by its bytes: PEM, DER and PKCS#7 are read, whatever else people have is named, with the command that
//! converts it.

use zeroize::Zeroizing;

use super::java;
use super::pem::{self, Block, Damaged};
use super::pkcs7;
use super::tlv::{self, Tlv};
use crate::error::{Error, Kind, Result};
use crate::text::{sh_word, unmarked, utf8, utf16};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// What a file is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A certificate, or several.
    Certificate,
    /// A CSR.
    Request,
    /// A private key.
    Key,
}

/// All blocks of a file, as those of PEM: of PEM, DER, and PKCS#7, whose certificates and CRLs are blocks of their own.
/// None of what is another form, or nothing.
pub(crate) fn each(bytes: &[u8], what: &str) -> Vec<Result<Block, Damaged>> {
    let text = unmarked(bytes);
    if is_pgp(text) {
        return Vec::new();
    }
    match label(text) {
        Some(label) => inside(block(label, text)).into_iter().map(Ok).collect(),
        None if utf16(text).is_some() => Vec::new(),
        None => pem::each(text, what)
            .into_iter()
            .flat_map(|read| match read {
                Ok(block) => inside(block).into_iter().map(Ok).collect(),
                Err(damaged) => vec![Err(damaged)],
            })
            .collect(),
    }
}

/// Its armour looks like PEM, and is none (RFC 9580 §6).
fn is_pgp(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"-----BEGIN PGP ")
}

/// The same, at least one. Where there is none, the error says what the file is. `what` names it.
pub(crate) fn blocks(bytes: &[u8], what: &str, wanted: Wanted) -> Result<Vec<Block>> {
    let read: Result<Vec<_>, Damaged> = each(bytes, what).into_iter().collect();
    match read {
        Ok(blocks) if blocks.is_empty() => Err(none(bytes, what, wanted)),
        Ok(blocks) => Ok(blocks),
        Err(damaged) => Err(*damaged.error),
    }
}

/// Why a file has no block.
pub(crate) fn none(bytes: &[u8], what: &str, wanted: Wanted) -> Error {
    if let Err(error) = utf8(bytes, what) {
        return Error { kind: Kind::Pki, ..error };
    }
    if let Some(declared) = cut_off(bytes) {
        return Error::pki(format!("{what}: it is cut off, or damaged: it has {} of {declared} bytes", bytes.len()))
            .hint("fetch it once more");
    }
    if is_empty_bag(bytes, what) {
        return Error::pki(format!("{what}: it is PKCS#7, and holds neither certificates nor CRLs"));
    }
    match named(bytes, wanted) {
        Some((is, remedy)) => Error::pki(format!("{what}: it is {is}")).hint(with_name(remedy, what)),
        None if bytes.trim_ascii().is_empty() => Error::pki(format!("{what}: it is empty")),
        None => Error::pki(format!("{what}: it is neither PEM nor DER")),
    }
}

/// How many bytes DER says that it has, where there are fewer. Only of a length that takes several bytes, as no text begins.
pub(crate) fn cut_off(bytes: &[u8]) -> Option<usize> {
    let [SEQUENCE, length @ 0x82..=0x84, rest @ ..] = bytes else { return None };
    let digits = rest.get(..usize::from(length & 0x7f))?;
    let content = digits.iter().fold(0usize, |n, digit| n << 8 | usize::from(*digit));
    let declared = content.checked_add(2 + digits.len())?;
    (declared > bytes.len()).then_some(declared)
}

/// A bag with nothing in it.
fn is_empty_bag(bytes: &[u8], what: &str) -> bool {
    let is_empty = |der: &[u8]| pkcs7::read(der).is_some_and(|bag| bag == pkcs7::Bag::default());
    let in_pem = || pem::decode(bytes, what).is_ok_and(|all| all.iter().any(|block| is_empty(&block.der)));
    is_empty(bytes) || in_pem()
}

/// What to do with a file that must be PEM and has no block; none where it is nothing that is known.
pub(crate) fn to_pem(bytes: &[u8], what: &str, wanted: Wanted) -> Option<String> {
    if unmarked(bytes).len() < bytes.len() {
        let begins = "it begins with a byte order mark (BOM), which not every program takes";
        return Some(with_name(&format!(r"{begins}: sed '1s/^\xEF\xBB\xBF//' FILE > NEW"), what));
    }
    let remedy = match label(bytes) {
        Some("PKCS7") => "it is PKCS#7: openssl pkcs7 -inform DER -in FILE -print_certs -out NEW",
        Some("CERTIFICATE") => "it is DER: openssl x509 -inform DER -in FILE -out NEW",
        Some("CERTIFICATE REQUEST") => "it is DER: openssl req -inform DER -in FILE -out NEW",
        Some("X509 CRL") => "it is a CRL in DER: openssl crl -inform DER -in FILE -out NEW",
        Some("PUBLIC KEY") => "it is a public key in DER: openssl pkey -pubin -inform DER -in FILE -out NEW",
        Some(_) => "it is a key in DER: openssl pkey -inform DER -in FILE -out NEW",
        None if utf16(bytes).is_some() => {
            return utf8(bytes, what).err().and_then(|error| error.hints.into_iter().next());
        }
        None => return named(bytes, wanted).map(|(is, remedy)| format!("it is {is}: {}", with_name(remedy, what))),
    };
    Some(with_name(remedy, what))
}

/// The command with the file's name in it, where it has one.
fn with_name(command: &str, what: &str) -> String {
    let is_path = !what.is_empty() && !what.contains(' ') && !what.starts_with("env:");
    if is_path { command.replace("FILE", &sh_word(what)) } else { command.to_owned() }
}

fn block(label: &str, der: &[u8]) -> Block {
    Block {
        label: label.to_owned(),
        encrypted: false,
        dek_info: None,
        base64: Zeroizing::default(),
        der: Zeroizing::new(der.to_vec()),
    }
}

/// What is in a bag; of a certificate with OpenSSL's notes of trust (`TRUSTED CERTIFICATE`) the certificate alone.
fn inside(read: Block) -> Vec<Block> {
    match read.label.as_str() {
        "PKCS7" | "CMS" | "PKCS #7 SIGNED DATA" => match pkcs7::read(&read.der) {
            Some(bag) => {
                let certificates = bag.certificates.iter().map(|der| block("CERTIFICATE", der));
                certificates.chain(bag.crls.iter().map(|der| block("X509 CRL", der))).collect()
            }
            None => vec![read],
        },
        "TRUSTED CERTIFICATE" => match tlv::first(&read.der) {
            Some((certificate, _)) => vec![Block { base64: read.base64, ..block("CERTIFICATE", certificate.raw) }],
            None => vec![read],
        },
        _ => vec![read],
    }
}

/// The label that DER would have in PEM, by its structure; none where it is not the DER of anything that has one.
pub(crate) fn label(der: &[u8]) -> Option<&'static str> {
    if pkcs7::is_pkcs7(der) {
        return Some("PKCS7");
    }
    let parts = tlv::all(tlv::only(der, SEQUENCE)?)?;
    let tags: Vec<u8> = parts.iter().map(|part| part.tag).collect();
    match tags[..] {
        [SEQUENCE, SEQUENCE, BIT_STRING] => signed(parts[0]),
        [SEQUENCE, BIT_STRING] => Some("PUBLIC KEY"),
        [SEQUENCE, OCTET_STRING] => Some("ENCRYPTED PRIVATE KEY"),
        [INTEGER, SEQUENCE, OCTET_STRING, ..] => Some("PRIVATE KEY"),
        [INTEGER, OCTET_STRING, ..] => Some("EC PRIVATE KEY"),
        [INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, ..] => {
            Some("RSA PRIVATE KEY")
        }
        _ => None,
    }
}

/// Of what is signed: a certificate, a CSR or a CRL.
fn signed(tbs: Tlv<'_>) -> Option<&'static str> {
    const TIMES: [u8; 2] = [0x17, 0x18];
    let parts = tlv::all(tbs.content)?;
    let tag = |at: usize| parts.get(at).map_or(0, |part| part.tag);
    let is_key = |at: usize| {
        let inside = parts.get(at).and_then(|part| tlv::all(part.content)).unwrap_or_default();
        inside.len() == 2 && inside[1].tag == BIT_STRING
    };
    if TIMES.contains(&tag(2)) || TIMES.contains(&tag(3)) {
        return Some("X509 CRL");
    }
    if tag(0) == INTEGER && tag(1) == SEQUENCE && is_key(2) {
        return Some("CERTIFICATE REQUEST");
    }
    (tag(0) == INTEGER || tag(0) == 0xa0).then_some("CERTIFICATE")
}

/// A form that is not read: what it is, and what to do. `FILE` stands for its name.
fn named(bytes: &[u8], wanted: Wanted) -> Option<(&'static str, &'static str)> {
    let key = wanted == Wanted::Key;
    let text = unmarked(bytes).trim_ascii_start();
    let begins = |with: &[u8]| text.starts_with(with);
    let holds = |with: &[u8]| text.windows(with.len()).take(1 << 20).any(|window| window == with);
    let found = match text {
        _ if pem::is_pkcs12(bytes) && key => (
            "PKCS#12",
            "take its key out: openssl pkcs12 -in FILE -nocerts -nodes -out NEW (an old store: -legacy too)",
        ),
        _ if pem::is_pkcs12(bytes) => (
            "PKCS#12",
            "take its certificates out: openssl pkcs12 -in FILE -nokeys -out NEW (an old store: -legacy too)",
        ),
        _ if !key && java::is_damaged(bytes) => (
            "a keystore of Java's own format, cut off or damaged",
            "look at it with Java's program: keytool -list -keystore FILE",
        ),
        _ if java::is_keystore(bytes) => (
            "a keystore of Java's own format",
            "convert it: keytool -importkeystore -srckeystore FILE -destkeystore NEW.p12 -deststoretype pkcs12",
        ),
        [0x30, 0x80, ..] => (
            "BER of indefinite length, as old programs write PKCS#7 and PKCS#12",
            "convert it: openssl pkcs7 -inform DER -in FILE -print_certs -out NEW, or openssl pkcs12 -in FILE -out NEW",
        ),
        _ if begins(b"PuTTY-User-Key-File-") => {
            ("a key of PuTTY's", "convert it: puttygen FILE -O private-openssh -o NEW")
        }
        _ if begins(b"ssh-") || begins(b"ecdsa-sha2-") || begins(b"sk-") || begins(b"---- BEGIN SSH2 PUBLIC KEY") => (
            "the public half of an SSH key",
            "the private one is in the file of the same name without .pub; this half in PEM: ssh-keygen -e -m PKCS8 -f FILE > NEW",
        ),
        _ if is_pgp(text) => {
            ("OpenPGP, which X.509 has no use for", "make a key for it: kbootstrap genkey SPEC.json --out NEW")
        }
        _ if begins(b"SQLite format 3\0") => (
            "a database, perhaps one of NSS",
            "take certificate and key out: pk12util -d FOLDER -n NAME -o NEW.p12, then openssl pkcs12 -in NEW.p12 -out NEW",
        ),
        [0x1e, 0xf1, 0xb5, 0xb0, ..] => {
            ("a key of Windows (PVK)", "convert it: openssl rsa -inform PVK -in FILE -out NEW")
        }
        _ if begins(b"{") && holds(b"\"-----BEGIN ") => {
            ("JSON with PEM in it, as cfssl prints it", "make files of it: kbootstrap cfssljson -bare NEW < FILE")
        }
        _ if (begins(b"{") || begins(b"apiVersion:") || begins(b"kind:") || holds(b"\nkind: Secret"))
            && holds(b"tls.crt") =>
        {
            (
                "a Secret of Kubernetes",
                if key {
                    r#"take the key out: grep -oE 'tls\.key"?: *"?[A-Za-z0-9+/=]+' FILE | grep -oE '[A-Za-z0-9+/=]+$' | base64 -d > NEW"#
                } else {
                    r#"take the certificate out: grep -oE 'tls\.crt"?: *"?[A-Za-z0-9+/=]+' FILE | grep -oE '[A-Za-z0-9+/=]+$' | base64 -d > NEW"#
                },
            )
        }
        // PEM, and DER of 128 bytes and more, in base64.
        _ if begins(b"LS0tLS1CRUdJTi") || (begins(b"MI") && is_base64(text)) => {
            ("base64 without the lines of PEM", "take it apart: base64 -d FILE > NEW")
        }
        _ if begins(b"<!DOCTYPE") || begins(b"<html") || begins(b"<HTML") => {
            ("a page of HTML", "fetch the file itself: the server sent a page in its place")
        }
        _ => return None,
    };
    Some(found)
}

fn is_base64(text: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=\r\n".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::encoding::pem::encode;
    use crate::pki::fixtures;
    use crate::pki::{Certificate, Csr, CsrSpec, Request};
    use proptest::prelude::*;

    #[test]
    fn der_is_known_by_its_structure() {
        let key = fixtures::key();
        let root = fixtures::root(&fixtures::named("ca"), &key);
        let spec = CsrSpec::from_json(br#"{"CN":"a","hosts":["b"]}"#, "x").unwrap();
        let csr = Csr::create(&Request::from_spec(&spec, key.public()).unwrap(), &key).unwrap();
        let der = |pem: &[u8]| pem::decode(pem, "x").unwrap().remove(0).der;
        assert_eq!(label(root.der()), Some("CERTIFICATE"));
        assert_eq!(label(&der(csr.to_pem().as_bytes())), Some("CERTIFICATE REQUEST"));
        assert_eq!(label(&der(key.to_pem().expose())), Some("EC PRIVATE KEY"));
        assert_eq!(label(&der(key.to_pkcs8_pem().expose())), Some("PRIVATE KEY"));
        assert_eq!(label(key.public().spki()), Some("PUBLIC KEY"));
        assert_eq!(label(b"text"), None);
        let marked = [b"\xef\xbb\xbf", root.to_pem().as_bytes()].concat();
        for bytes in [root.der(), root.to_pem().as_bytes(), &marked] {
            let read = blocks(bytes, "x", Wanted::Certificate).unwrap();
            assert_eq!(Certificate::from_der(&read[0].der, "x").unwrap(), root);
        }
        let trusted = encode("TRUSTED CERTIFICATE", &[root.der(), &[0x30, 0]].concat());
        let read = blocks(trusted.as_bytes(), "x", Wanted::Certificate).unwrap();
        assert_eq!(read[0].der.as_slice(), root.der());
    }

    #[test]
    fn other_forms_are_named_with_the_command_that_converts_them() {
        let said = |bytes: &[u8], wanted| {
            let error = none(bytes, "it.bin", wanted);
            format!("{error}; {}", error.hints.join("; "))
        };
        let shown: Vec<_> = [
            b"\xfe\xed\xfe\xed\0\0\0\x02".as_slice(),
            b"\xff\xfe-\0-\0",
            b"PuTTY-User-Key-File-3: ssh-ed25519",
            b"ssh-ed25519 AAAA x",
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----",
            b"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
            b"{\"cert\":\"-----BEGIN CERTIFICATE-----\\n",
            b"apiVersion: v1\nkind: Secret\ndata:\n  tls.crt: LS0t",
            b"  \n",
            b"hello",
        ]
        .iter()
        .map(|bytes| said(bytes, Wanted::Key))
        .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn what_is_cut_off_or_empty_is_told_from_what_is_something_else() {
        let root = fixtures::root(&fixtures::named("ca"), &fixtures::key());
        let said = |bytes: &[u8]| none(bytes, "x", Wanted::Certificate).message;
        let length = root.der().len();
        assert_eq!(said(&root.der()[..100]), format!("x: it is cut off, or damaged: it has 100 of {length} bytes"));
        assert_eq!(said(b"0123 is no DER"), "x: it is neither PEM nor DER");
        let bag = [
            &[
                0x30, 35, 6, 9, 42, 134, 72, 134, 247, 13, 1, 7, 2, 0xa0, 22, 0x30, 20, 2, 1, 1, 0x31, 0, 0x30, 11, 6,
                9, 42, 134, 72, 134, 247, 13, 1, 7, 1,
            ][..],
            &[0x31, 0],
        ]
        .concat();
        for bytes in [bag.as_slice(), encode("PKCS7", &bag).as_bytes()] {
            assert_eq!(said(bytes), "x: it is PKCS#7, and holds neither certificates nor CRLs");
        }
        let said = said(b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01");
        assert_eq!(said, "x: it is a keystore of Java's own format, cut off or damaged");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = blocks(&bytes, "x", Wanted::Certificate);
            let sequence = [&[0x30, bytes.len() as u8], bytes.as_slice()].concat();
            let _ = (label(&sequence), blocks(&sequence, "x", Wanted::Key).is_ok());
        }
    }
}
