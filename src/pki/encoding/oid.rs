//! Object identifiers that the encoders write, and helpers for others.

use openssl::asn1::Asn1Object;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use yasna::models::ObjectIdentifier;

use crate::error::{Error, Result};

pub(crate) const RSA_ENCRYPTION: &[u64] = &[1, 2, 840, 113549, 1, 1, 1];
pub(crate) const RSA_MD5: &[u64] = &[1, 2, 840, 113549, 1, 1, 4];
pub(crate) const RSA_SHA1: &[u64] = &[1, 2, 840, 113549, 1, 1, 5];
pub(crate) const RSA_SHA224: &[u64] = &[1, 2, 840, 113549, 1, 1, 14];
pub(crate) const RSA_SHA256: &[u64] = &[1, 2, 840, 113549, 1, 1, 11];
pub(crate) const RSA_SHA384: &[u64] = &[1, 2, 840, 113549, 1, 1, 12];
pub(crate) const RSA_SHA512: &[u64] = &[1, 2, 840, 113549, 1, 1, 13];
pub(crate) const RSA_PSS: &[u64] = &[1, 2, 840, 113549, 1, 1, 10];
pub(crate) const MGF1: &[u64] = &[1, 2, 840, 113549, 1, 1, 8];
pub(crate) const EC_PUBLIC_KEY: &[u64] = &[1, 2, 840, 10045, 2, 1];
pub(crate) const P256: &[u64] = &[1, 2, 840, 10045, 3, 1, 7];
pub(crate) const P384: &[u64] = &[1, 3, 132, 0, 34];
pub(crate) const P521: &[u64] = &[1, 3, 132, 0, 35];
pub(crate) const ECDSA_SHA1: &[u64] = &[1, 2, 840, 10045, 4, 1];
pub(crate) const ECDSA_SHA224: &[u64] = &[1, 2, 840, 10045, 4, 3, 1];
pub(crate) const ECDSA_SHA256: &[u64] = &[1, 2, 840, 10045, 4, 3, 2];
pub(crate) const ECDSA_SHA384: &[u64] = &[1, 2, 840, 10045, 4, 3, 3];
pub(crate) const ECDSA_SHA512: &[u64] = &[1, 2, 840, 10045, 4, 3, 4];
pub(crate) const PBES2: &[u64] = &[1, 2, 840, 113549, 1, 5, 13];
pub(crate) const PBKDF2: &[u64] = &[1, 2, 840, 113549, 1, 5, 12];
pub(crate) const HMAC_SHA256: &[u64] = &[1, 2, 840, 113549, 2, 9];
pub(crate) const AES_256_CBC: &[u64] = &[2, 16, 840, 1, 101, 3, 4, 1, 42];
pub(crate) const ED25519: &[u64] = &[1, 3, 101, 112];

pub(crate) const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
pub(crate) const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];
pub(crate) const COUNTRY: &[u64] = &[2, 5, 4, 6];
pub(crate) const LOCALITY: &[u64] = &[2, 5, 4, 7];
pub(crate) const PROVINCE: &[u64] = &[2, 5, 4, 8];
pub(crate) const STREET: &[u64] = &[2, 5, 4, 9];
pub(crate) const ORGANIZATION: &[u64] = &[2, 5, 4, 10];
pub(crate) const ORGANIZATIONAL_UNIT: &[u64] = &[2, 5, 4, 11];
pub(crate) const POSTAL_CODE: &[u64] = &[2, 5, 4, 17];
pub(crate) const EMAIL_ADDRESS: &[u64] = &[1, 2, 840, 113549, 1, 9, 1];
pub(crate) const DOMAIN_COMPONENT: &[u64] = &[0, 9, 2342, 19200300, 100, 1, 25];
pub(crate) const USER_ID: &[u64] = &[0, 9, 2342, 19200300, 100, 1, 1];

pub(crate) const EXTENSION_REQUEST: &[u64] = &[1, 2, 840, 113549, 1, 9, 14];
pub(crate) const SUBJECT_KEY_ID: &[u64] = &[2, 5, 29, 14];
pub(crate) const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
pub(crate) const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
pub(crate) const CRL_NUMBER: &[u64] = &[2, 5, 29, 20];
pub(crate) const CRL_REASON: &[u64] = &[2, 5, 29, 21];
pub(crate) const DELTA_CRL: &[u64] = &[2, 5, 29, 27];
pub(crate) const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
pub(crate) const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
pub(crate) const CRL_DISTRIBUTION_POINTS: &[u64] = &[2, 5, 29, 31];
pub(crate) const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
pub(crate) const AUTHORITY_KEY_ID: &[u64] = &[2, 5, 29, 35];
pub(crate) const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
pub(crate) const ANY_PURPOSE: &[u64] = &[2, 5, 29, 37, 0];
pub(crate) const SERVER_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
pub(crate) const AUTHORITY_INFO_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
pub(crate) const AIA_OCSP: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1];
pub(crate) const AIA_CA_ISSUERS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 2];
pub(crate) const OCSP_NO_CHECK: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
pub(crate) const POLICY_CPS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 2, 1];
pub(crate) const POLICY_NOTICE: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 2, 2];
/// The extensions that both Go and openssl take where they are critical.
pub(crate) const UNDERSTOOD: [&[u64]; 10] = [
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    BASIC_CONSTRAINTS,
    NAME_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    CRL_DISTRIBUTION_POINTS,
    CERTIFICATE_POLICIES,
    // Policy mappings, policy constraints, inhibit any policy.
    &[2, 5, 29, 33],
    &[2, 5, 29, 36],
    &[2, 5, 29, 54],
];
/// TLS delegated credentials, RFC 9345.
pub(crate) const DELEGATION: &[u64] = &[1, 3, 6, 1, 4, 1, 44363, 44];

/// For yasna's writers.
pub(crate) fn oid(arcs: &[u64]) -> ObjectIdentifier {
    ObjectIdentifier::from_slice(arcs)
}

/// `1.2.3` → arcs. The rules of X.660: at least two arcs, the first 0 to 2, the second below 40 under 0 and 1.
pub(crate) fn parse(text: &str) -> Result<Vec<u64>> {
    let wrong = || Error::input(format!("`{text}` is not an object identifier such as 1.2.840.1"));
    let plain = |arc: &str| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit());
    let arcs = text
        .split('.')
        .map(|arc| if plain(arc) { arc.parse::<u64>().map_err(|_| wrong()) } else { Err(wrong()) })
        .collect::<Result<Vec<_>>>()?;
    match arcs.as_slice() {
        [0..=1, 0..40, ..] => Ok(arcs),
        [2, second, ..] if *second <= u64::MAX - 80 => Ok(arcs),
        _ => Err(wrong()),
    }
}

/// The arcs of an identifier as x509-parser has it; none where it is broken or an arc does not fit.
pub(crate) fn of(oid: &x509_parser::asn1_rs::Oid<'_>) -> Option<Vec<u64>> {
    arcs(oid.as_bytes())
}

/// The same of an identifier's content.
pub(crate) fn arcs(content: &[u8]) -> Option<Vec<u64>> {
    let (mut arcs, mut arc) = (Vec::new(), 0u64);
    for &byte in content {
        arc = arc.checked_mul(128)? + u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                arcs.push((arc / 40).min(2));
                arc -= arcs[0] * 40;
            }
            arcs.push(arc);
            arc = 0;
        }
    }
    (arcs.len() >= 2).then_some(arcs)
}

/// Arcs → `1.2.3`; none, which stand for a type that cannot be read, → `?`.
pub(crate) fn dotted(arcs: &[u64]) -> String {
    if arcs.is_empty() {
        return "?".to_owned();
    }
    arcs.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

/// OpenSSL's full name of an identifier (`TLS Web Server Authentication`); its dotted form where OpenSSL knows none.
pub(crate) fn name(arcs: &[u64]) -> String {
    known(arcs, Nid::long_name)
}

/// OpenSSL's short name of an identifier, as in names (`GN`); its dotted form where OpenSSL knows none.
pub(crate) fn short_name(arcs: &[u64]) -> String {
    known(arcs, Nid::short_name)
}

fn known(arcs: &[u64], name: fn(&Nid) -> Result<&'static str, ErrorStack>) -> String {
    let dotted = dotted(arcs);
    let nid = Asn1Object::from_str(&dotted).map_or(Nid::UNDEF, |object| object.nid());
    match nid {
        Nid::UNDEF => dotted,
        nid => name(&nid).map_or(dotted, str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arcs_come_back_from_their_encoding() {
        for text in ["1.2.840.113549", "2.999.1", "2.5.4.3", "0.9.2342", "1.39.18446744073709551615"] {
            let der = yasna::construct_der(|w| w.write_oid(&oid(&parse(text).unwrap())));
            let read = x509_parser::asn1_rs::Oid::new(der[2..].into());
            assert_eq!(of(&read).map(|arcs| dotted(&arcs)).as_deref(), Some(text));
        }
        assert_eq!(of(&x509_parser::asn1_rs::Oid::new((&[][..]).into())), None);
        assert_eq!(of(&x509_parser::asn1_rs::Oid::new((&[0xff; 12][..]).into())), None);
    }

    #[test]
    fn names_are_those_of_openssl() {
        assert_eq!(
            (name(SERVER_AUTH), short_name(&[2, 5, 4, 12])),
            ("TLS Web Server Authentication".into(), "title".into())
        );
        assert_eq!((name(&[1, 2, 3, 4]), short_name(&[2, 999])), ("1.2.3.4".into(), "2.999".into()));
        assert_eq!((name(&[]), name(&[1, 39, u64::MAX])), ("?".into(), "1.39.18446744073709551615".into()));
    }

    #[test]
    fn parses_dotted_form_and_refuses_the_rest() {
        assert_eq!(parse("1.2.840.113549").unwrap(), [1, 2, 840, 113549]);
        assert_eq!(parse("2.999").unwrap(), [2, 999]);
        for bad in ["", "1", "3.1", "1.40", "1.x", "1..2", "1.2.", "+1.2", "1.2.99999999999999999999"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
