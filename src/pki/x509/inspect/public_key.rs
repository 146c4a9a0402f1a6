//! A public key with its numbers, whether it is of a kind that is used here or not.

use openssl::pkey::PKey;

use super::algorithm;
use super::field::{Field, colons};
use super::values::{BIT_STRING, INTEGER, OBJECT, OCTET_STRING, SEQUENCE, arcs, number, object, sequence};
use crate::digest::sha256;
use crate::pki::encoding::oid;
use crate::pki::encoding::tlv::{self, Tlv};

const DSA: &[u64] = &[1, 2, 840, 10040, 4, 1];
/// Names of NIST beside those of SEC 2.
const NIST: [(&[u64], &str); 5] = [
    (&[1, 2, 840, 10045, 3, 1, 1], "P-192"),
    (&[1, 3, 132, 0, 33], "P-224"),
    (oid::P256, "P-256"),
    (oid::P384, "P-384"),
    (oid::P521, "P-521"),
];

/// What is below the key's kind, of a SubjectPublicKeyInfo.
pub(super) fn fields(spki: &[u8]) -> Vec<Field> {
    let mut fields = parts(spki).unwrap_or_else(|| vec![Field::new("cannot be read", colons(spki))]);
    fields.push(Field::new("sha256 of the key", sha256(spki)));
    fields
}

fn parts(spki: &[u8]) -> Option<Vec<Field>> {
    let [algorithm, key] = sequence(spki)?[..] else { return None };
    if algorithm.tag != SEQUENCE || key.tag != BIT_STRING {
        return None;
    }
    let (kind, bits) = (tlv::all(algorithm.content)?.first().copied().and_then(arcs)?, key.content.get(1..)?);
    let parameters = algorithm::parameters(algorithm);
    let mut fields = vec![Field::new("algorithm", oid::name(&kind))];
    match kind.as_slice() {
        oid::RSA_ENCRYPTION => fields.extend(rsa(bits)?),
        oid::RSA_PSS => {
            fields.extend(rsa(bits)?);
            fields.push(match parameters {
                Some(restricted) => Field::group("only for signatures with", algorithm::pss(restricted.content)),
                None => Field::new("only for signatures with", "any parameters of RSASSA-PSS"),
            });
        }
        oid::EC_PUBLIC_KEY => {
            fields.extend(size(spki));
            fields.extend(curve(parameters));
            fields.push(Field::new("point", colons(bits)));
        }
        DSA => {
            fields.extend(size(spki));
            let numbers = parameters.and_then(|parameters| tlv::all(parameters.content)).unwrap_or_default();
            fields.push(Field::new("public", colons(tlv::only(bits, INTEGER)?)));
            fields.extend(["p", "q", "g"].iter().zip(numbers).map(|(name, n)| Field::new(*name, colons(n.content))));
        }
        // X25519, X448, Ed25519, Ed448.
        [1, 3, 101, 110..=113] => fields.push(Field::new("public", colons(bits))),
        _ => {
            fields.extend(parameters.map(|parameters| Field::new("parameters", colons(parameters.raw))));
            fields.push(Field::new("public", colons(bits)));
        }
    }
    Some(fields)
}

/// Of a key that OpenSSL knows.
fn size(spki: &[u8]) -> Option<Field> {
    let bits = PKey::public_key_from_der(spki).ok()?.bits();
    Some(Field::new("size", format!("{bits} bit")))
}

fn rsa(bits: &[u8]) -> Option<Vec<Field>> {
    let [modulus, exponent] = sequence(bits)?[..] else { return None };
    let significant = modulus.content.iter().skip_while(|byte| **byte == 0).count() * 8;
    let first = modulus.content.iter().find(|byte| **byte != 0).map_or(0, |byte| byte.leading_zeros() as usize);
    Some(vec![
        Field::new("size", format!("{} bit", significant - first.min(significant))),
        Field::new("exponent", number(exponent.content)),
        Field::new("modulus", colons(modulus.content)),
    ])
}

/// A curve by name, or with the numbers that it is spelled out with.
fn curve(parameters: Option<Tlv<'_>>) -> Vec<Field> {
    let Some(parameters) = parameters else { return vec![Field::new("curve", "none is named")] };
    if parameters.tag == OBJECT {
        let nist = arcs(parameters).and_then(|arcs| NIST.iter().find(|(curve, _)| *curve == arcs.as_slice()));
        let nist = nist.map_or_else(String::new, |(_, name)| format!(" (NIST {name})"));
        return vec![Field::new("curve", object(parameters.content) + &nist)];
    }
    spelled_out(parameters).unwrap_or_else(|| vec![Field::new("curve", colons(parameters.raw))])
}

/// SpecifiedECDomain (SEC 1 §C.2).
fn spelled_out(parameters: Tlv<'_>) -> Option<Vec<Field>> {
    let all = tlv::all(parameters.content)?;
    let [_, field, curve, generator, order, ref rest @ ..] = all[..] else { return None };
    let [kind, prime] = tlv::all(field.content)?[..] else { return None };
    let [a, b, ref seed @ ..] = tlv::all(curve.content)?[..] else { return None };
    let mut fields = vec![
        Field::new("field", object(kind.content)),
        Field::new("prime", if prime.tag == INTEGER { colons(prime.content) } else { colons(prime.raw) }),
        Field::new("a", colons(a.content)),
        Field::new("b", colons(b.content)),
        Field::new("generator", colons(generator.content)),
        Field::new("order", colons(order.content)),
    ];
    fields.extend(rest.iter().filter(|n| n.tag == INTEGER).map(|n| Field::new("cofactor", number(n.content))));
    fields.extend(seed.iter().map(|seed| Field::new("seed", colons(seed.content.get(1..).unwrap_or_default()))));
    (a.tag == OCTET_STRING).then(|| vec![Field::new("curve", "it is spelled out, not named").with(fields)])
}
