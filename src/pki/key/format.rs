//! The shapes that a private key comes in (PKCS#1, SEC1, PKCS#8; OpenSSH's own beside), brought to PKCS#8 version 1 and back.
//!
//! Everything is re-encoded: keys that do not name the curve, name it twice or carry a version 2 wrapper are common, and
//! OpenSSL, Go and Java each stumble over another of them.

use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, Tag};
use zeroize::Zeroizing;

use super::kind::KeyKind;
use super::openssh;
use super::public_key::{kind_of_curve, read_algorithm, rsa_kind};
use crate::error::{Error, Reason, Result};
use crate::pki::encoding::forms::{self, Wanted};
use crate::pki::encoding::{der, oid, pem};

pub(super) type Pkcs8 = Zeroizing<Vec<u8>>;

/// The first private key of a PEM text, as PKCS#8.
pub(crate) fn from_pem(text: &[u8], what: &str) -> Result<(KeyKind, Pkcs8)> {
    let blocks = pem::decode(text, what)?;
    if blocks.is_empty() {
        let error = Error::pki(format!("{what}: there is no PEM block in it"));
        return Err(forms::to_pem(text, what, Wanted::Key).into_iter().fold(error, Error::hint));
    }
    first(&blocks, what)
}

/// The first private key of a file that is PEM or DER.
pub(crate) fn read(bytes: &[u8], what: &str) -> Result<(KeyKind, Pkcs8)> {
    first(&forms::blocks(bytes, what, Wanted::Key)?, what)
}

fn first(blocks: &[pem::Block], what: &str) -> Result<(KeyKind, Pkcs8)> {
    let parameters = blocks.iter().find(|b| b.label == "EC PARAMETERS");
    let curve = parameters.and_then(|b| der::read(&b.der, |r| r.read_oid()).ok()).map(|c| c.into_components());
    for block in blocks {
        match block.label.as_str() {
            "ENCRYPTED PRIVATE KEY" => return Err(encrypted(what)),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "Ed25519 PRIVATE KEY" if block.encrypted => {
                return Err(encrypted(what));
            }
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "Ed25519 PRIVATE KEY" => {
                return from_der(&block.der, curve.as_deref()).map_err(|e| e.context(what));
            }
            "OPENSSH PRIVATE KEY" => return openssh::pkcs8(&block.der).map_err(|e| e.context(what)),
            _ => {}
        }
    }
    let labels: Vec<_> = blocks.iter().map(|block| block.label.as_str()).collect();
    let error =
        Error::pki(format!("{what}: there is no private key in it, only {}", labels.first().unwrap_or(&"nothing")));
    Err(match labels.contains(&"PUBLIC KEY") {
        true => error.hint("it is the public half of a key, which signs nothing: name the file of the private one"),
        false => error,
    })
}

fn encrypted(what: &str) -> Error {
    Error::pki(format!("{what}: the private key is encrypted"))
        .because(Reason::Password)
        .hint("decrypt it: openssl pkey -in KEY -out PLAIN")
}

/// By its structure, not by its label: files with the wrong label are common. `curve` is from an `EC PARAMETERS` block.
pub(crate) fn from_der(der: &[u8], curve: Option<&[u64]>) -> Result<(KeyKind, Pkcs8)> {
    if let Ok((algorithm, named_curve, inner)) = read_pkcs8(der) {
        return from_pkcs8(&algorithm, named_curve.as_deref(), &inner);
    }
    if let Ok(sec1) = read_sec1(der) {
        return from_sec1(&sec1, curve);
    }
    from_pkcs1(der)
}

fn from_pkcs8(algorithm: &[u64], curve: Option<&[u64]>, inner: &[u8]) -> Result<(KeyKind, Pkcs8)> {
    if algorithm == oid::RSA_ENCRYPTION {
        return from_pkcs1(inner);
    }
    if algorithm == oid::EC_PUBLIC_KEY {
        let sec1 = read_sec1(inner).map_err(|_| Error::pki("the EC private key cannot be read"))?;
        // The outer curve counts; it is the inner one that may be missing.
        return from_sec1(&Sec1 { curve: None, ..sec1 }, curve);
    }
    if algorithm == oid::ED25519 {
        let seed = der::read(inner, |r| r.read_bytes()).map(Zeroizing::new);
        return match seed {
            Ok(seed) if seed.len() == 32 => Ok((KeyKind::Ed25519, wrap(KeyKind::Ed25519, inner))),
            _ => Err(Error::pki("the Ed25519 private key is not 32 bytes long")),
        };
    }
    Err(Error::pki(format!("keys of algorithm {} are not supported", oid::dotted(algorithm)))
        .hint("use ecdsa, rsa or ed25519"))
}

fn from_sec1(sec1: &Sec1, curve: Option<&[u64]>) -> Result<(KeyKind, Pkcs8)> {
    let kind = match (sec1.curve.as_deref().or(curve), sec1.private.len()) {
        (None, 32) => KeyKind::EcdsaP256,
        (None, 48) => KeyKind::EcdsaP384,
        (None, 66) => KeyKind::EcdsaP521,
        (named, _) => kind_of_curve(named)?,
    };
    Ok((kind, wrap(kind, &write_sec1(None, sec1))))
}

fn from_pkcs1(der: &[u8]) -> Result<(KeyKind, Pkcs8)> {
    let modulus = der::read(der, |reader| {
        reader.read_sequence(|seq| {
            if seq.next().read_u8()? != 0 {
                return Err(ASN1Error::new(ASN1ErrorKind::Invalid));
            }
            let (modulus, positive) = seq.next().read_bigint_bytes()?;
            while seq.read_optional(|r| r.read_bigint_bytes().map(|(n, _)| Zeroizing::new(n)))?.is_some() {}
            if positive { Ok(modulus) } else { Err(ASN1Error::new(ASN1ErrorKind::Invalid)) }
        })
    });
    let kind = rsa_kind(&modulus.map_err(|_| Error::pki("the private key is neither PKCS#8, nor SEC1, nor PKCS#1"))?)?;
    Ok((kind, wrap(kind, der)))
}

/// PKCS#8 version 1 (RFC 5208) around the algorithm's own structure.
pub(super) fn wrap(kind: KeyKind, inner: &[u8]) -> Pkcs8 {
    Zeroizing::new(der::sequence(|seq| {
        seq.next().write_u8(0);
        kind.write_key_algorithm(seq.next());
        seq.next().write_bytes(inner);
    }))
}

/// Label and DER of the algorithm's own format; `pkcs8` is one that [`from_der`] or the generator made.
pub(crate) fn traditional(kind: KeyKind, pkcs8: &[u8]) -> (&'static str, Pkcs8) {
    let inner = read_pkcs8(pkcs8).map(|(_, _, inner)| inner);
    match (kind, inner) {
        (KeyKind::Rsa(_), Ok(inner)) => ("RSA PRIVATE KEY", inner),
        (KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521, Ok(inner)) => match read_sec1(&inner) {
            // Without the curve inside, OpenSSL cannot read an EC PRIVATE KEY.
            Ok(sec1) => ("EC PRIVATE KEY", Zeroizing::new(write_sec1(kind.curve(), &sec1).to_vec())),
            Err(_) => ("PRIVATE KEY", Zeroizing::new(pkcs8.to_vec())),
        },
        _ => ("PRIVATE KEY", Zeroizing::new(pkcs8.to_vec())),
    }
}

/// Algorithm, curve, and the algorithm's own structure.
type Unwrapped = (Vec<u64>, Option<Vec<u64>>, Pkcs8);

fn read_pkcs8(der: &[u8]) -> ASN1Result<Unwrapped> {
    der::read(der, |reader| {
        reader.read_sequence(|seq| {
            seq.next().read_u8()?;
            let (algorithm, curve) = seq.next().read_sequence(read_algorithm)?;
            let inner = Zeroizing::new(seq.next().read_bytes()?);
            // Attributes, and in version 2 the public key.
            while seq.read_optional(|r| r.read_der().map(Zeroizing::new))?.is_some() {}
            Ok((algorithm, curve, inner))
        })
    })
}

/// ECPrivateKey (RFC 5915).
pub(super) struct Sec1 {
    pub(super) private: Zeroizing<Vec<u8>>,
    pub(super) curve: Option<Vec<u64>>,
    pub(super) public: Option<Vec<u8>>,
}

fn read_sec1(der: &[u8]) -> ASN1Result<Sec1> {
    der::read(der, |reader| {
        reader.read_sequence(|seq| {
            if seq.next().read_u8()? != 1 {
                return Err(ASN1Error::new(ASN1ErrorKind::Invalid));
            }
            let private = Zeroizing::new(seq.next().read_bytes()?);
            let curve = seq.read_optional(|r| r.read_tagged(Tag::context(0), |r| r.read_oid()))?;
            let public = seq.read_optional(|r| r.read_tagged(Tag::context(1), |r| r.read_bitvec_bytes()))?;
            Ok(Sec1 { private, curve: curve.map(|c| c.into_components()), public: public.map(|(bytes, _)| bytes) })
        })
    })
}

pub(super) fn write_sec1(curve: Option<&[u64]>, sec1: &Sec1) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(der::sequence(|seq| {
        seq.next().write_u8(1);
        seq.next().write_bytes(&sec1.private);
        if let Some(curve) = curve {
            seq.next().write_tagged(Tag::context(0), |w| w.write_oid(&oid::oid(curve)));
        }
        if let Some(public) = &sec1.public {
            seq.next().write_tagged(Tag::context(1), |w| w.write_bitvec_bytes(public, public.len() * 8));
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::Key;
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        Key::from_pem(text.as_bytes(), "ca-key.pem").unwrap_err().message
    }

    #[test]
    fn says_what_is_wrong_with_a_key_file() {
        insta::assert_snapshot!(error(""), @"ca-key.pem: there is no PEM block in it");
        insta::assert_snapshot!(error("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), @"ca-key.pem: there is no private key in it, only CERTIFICATE");
        insta::assert_snapshot!(error("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"), @"ca-key.pem: the private key is encrypted");
        insta::assert_snapshot!(error("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nMAA=\n-----END RSA PRIVATE KEY-----\n"), @"ca-key.pem: the private key is encrypted");
        insta::assert_snapshot!(error("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"), @"ca-key.pem: the private key is neither PKCS#8, nor SEC1, nor PKCS#1");
    }

    #[test]
    fn sec1_without_a_curve_is_loaded_by_its_length_or_the_parameters_block() {
        let key = Key::generate(KeyKind::EcdsaP384).unwrap();
        let (_, _, inner) = read_pkcs8(&pem::decode(key.to_pkcs8_pem().expose(), "x").unwrap()[0].der).unwrap();
        let bare = write_sec1(None, &read_sec1(&inner).unwrap());
        assert_eq!(Key::from_der(&bare, "x").unwrap().public(), key.public());
        let private_only = write_sec1(None, &Sec1 { public: None, ..read_sec1(&inner).unwrap() });
        assert_eq!(Key::from_der(&private_only, "x").unwrap().public(), key.public());
        let curve = yasna::construct_der(|w| w.write_oid(&oid::oid(oid::P384)));
        let text = pem::encode("EC PARAMETERS", &curve).to_string() + &pem::encode("EC PRIVATE KEY", &bare);
        assert_eq!(Key::from_pem(text.as_bytes(), "x").unwrap().public(), key.public());
    }

    #[test]
    fn a_length_near_the_largest_number_is_refused() {
        // Version, Ed25519, a seed, and attributes of 2^64 - 16 bytes.
        let version_and_algorithm = [2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
        let seed = [[4, 34, 4, 32].as_slice(), &[7; 32]].concat();
        let attributes = [0xa0, 0x88, 255, 255, 255, 255, 255, 255, 255, 0xf0];
        let inside = [&version_and_algorithm, &*seed, &attributes].concat();
        let whole = [&[0x30, u8::try_from(inside.len()).unwrap()], &*inside].concat();
        insta::assert_snapshot!(error(&pem::encode("PRIVATE KEY", &whole)), @"ca-key.pem: the private key is neither PKCS#8, nor SEC1, nor PKCS#1");
    }

    #[test]
    fn a_mismatched_public_half_is_refused() {
        let (a, b) = (Key::generate(KeyKind::EcdsaP256).unwrap(), Key::generate(KeyKind::EcdsaP256).unwrap());
        let sec1 = |key: &Key| {
            let block = &pem::decode(key.to_pem().expose(), "x").unwrap()[0];
            read_sec1(&block.der).unwrap()
        };
        let mixed = write_sec1(None, &Sec1 { public: sec1(&b).public, ..sec1(&a) });
        insta::assert_snapshot!(Key::from_der(&mixed, "x").unwrap_err(), @"x: the ecdsa-256 private key is broken: its parts do not fit together");
    }

    proptest! {
        #[test]
        fn loaders_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Key::from_der(&bytes, "x");
            let _ = Key::from_pem(&bytes, "x");
            let _ = Key::from_pem(pem::encode("PRIVATE KEY", &bytes).as_bytes(), "x");
        }

        #[test]
        fn a_damaged_key_never_panics(at in 0usize..138, to in any::<u8>()) {
            let key = Key::generate(KeyKind::EcdsaP256).unwrap();
            let mut der = pem::decode(key.to_pkcs8_pem().expose(), "x").unwrap()[0].der.to_vec();
            let at = at % der.len();
            der[at] = to;
            let _ = Key::from_der(&der, "x");
            let _ = Key::from_der(&der[..at], "x");
        }
    }
}
