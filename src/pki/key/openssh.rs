//! OpenSSH's own form of private keys (`openssh-key-v1`, PROTOCOL.key), where they are not encrypted.

use openssl::bn::{BigNum, BigNumContext};
use openssl::error::ErrorStack;
use zeroize::Zeroizing;

use super::format::{Pkcs8, Sec1, wrap, write_sec1};
use super::kind::KeyKind;
use super::public_key::rsa_kind;
use crate::error::{Error, Reason, Result};
use crate::pki::encoding::der;

const MAGIC: &[u8] = b"openssh-key-v1\0";

/// Kind and PKCS#8 of the first key.
pub(super) fn pkcs8(bytes: &[u8]) -> Result<(KeyKind, Pkcs8)> {
    let damaged = || Error::pki("the OpenSSH key is damaged");
    let mut outer = Fields(bytes.strip_prefix(MAGIC).ok_or_else(damaged)?);
    let (cipher, _, _) = (outer.field(), outer.field(), outer.field());
    if cipher.ok_or_else(damaged)? != b"none" {
        return Err(Error::pki("the OpenSSH key is encrypted")
            .because(Reason::Password)
            .hint("decrypt a copy, which asks for its password: cp KEY COPY && ssh-keygen -p -N '' -m PEM -f COPY"));
    }
    outer.number().ok_or_else(damaged)?;
    outer.field().ok_or_else(damaged)?;
    let mut inner = Fields(outer.field().ok_or_else(damaged)?);
    if inner.number() != inner.number() {
        return Err(damaged());
    }
    match inner.field().ok_or_else(damaged)? {
        b"ssh-ed25519" => ed25519(inner).ok_or_else(damaged),
        b"ssh-rsa" => rsa(inner).ok_or_else(damaged)?,
        b"ecdsa-sha2-nistp256" => curve(KeyKind::EcdsaP256, 32, inner).ok_or_else(damaged),
        b"ecdsa-sha2-nistp384" => curve(KeyKind::EcdsaP384, 48, inner).ok_or_else(damaged),
        b"ecdsa-sha2-nistp521" => curve(KeyKind::EcdsaP521, 66, inner).ok_or_else(damaged),
        other => {
            // A type is a short word; anything else may be a piece of a key.
            let known = other.len() <= 40 && other.iter().all(|b| b.is_ascii_alphanumeric() || b"-@.".contains(b));
            let name = if known { String::from_utf8_lossy(other).into_owned() } else { "unknown type".to_owned() };
            Err(Error::pki(format!("OpenSSH keys of {name} are not supported")).hint("use ecdsa, rsa or ed25519"))
        }
    }
}

fn ed25519(mut fields: Fields<'_>) -> Option<(KeyKind, Pkcs8)> {
    fields.field()?;
    // The seed, and the public half once more.
    let seed = fields.field()?.get(..32)?;
    let inner = Zeroizing::new(yasna::construct_der(|writer| writer.write_bytes(seed)));
    Some((KeyKind::Ed25519, wrap(KeyKind::Ed25519, &inner)))
}

fn curve(kind: KeyKind, length: usize, mut fields: Fields<'_>) -> Option<(KeyKind, Pkcs8)> {
    fields.field()?;
    let point = fields.field()?;
    let number = significant(fields.field()?);
    let mut private = Zeroizing::new(vec![0; length.checked_sub(number.len())?]);
    private.extend_from_slice(number);
    let sec1 = Sec1 { private, curve: None, public: Some(point.to_vec()) };
    Some((kind, wrap(kind, &write_sec1(None, &sec1))))
}

fn rsa(mut fields: Fields<'_>) -> Option<Result<(KeyKind, Pkcs8)>> {
    let (n, e, d) = (fields.field()?, fields.field()?, fields.field()?);
    let (inverse, p, q) = (fields.field()?, fields.field()?, fields.field()?);
    let kind = match rsa_kind(n) {
        Ok(kind) => kind,
        Err(error) => return Some(Err(error)),
    };
    let (at_p, at_q) = (less_one(d, p).ok()?, less_one(d, q).ok()?);
    let pkcs1 = Zeroizing::new(der::sequence(|seq| {
        seq.next().write_u8(0);
        for number in [n, e, d, p, q, &at_p, &at_q, inverse] {
            seq.next().write_bigint_bytes(significant(number), true);
        }
    }));
    Some(Ok((kind, wrap(kind, &pkcs1))))
}

/// d mod (prime - 1).
fn less_one(d: &[u8], prime: &[u8]) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
    let (mut d, mut prime, mut rest) = (BigNum::from_slice(d)?, BigNum::from_slice(prime)?, BigNum::new()?);
    prime.sub_word(1)?;
    let made = BigNumContext::new().and_then(|mut context| rest.nnmod(&d, &prime, &mut context));
    let bytes = Zeroizing::new(rest.to_vec());
    [&mut d, &mut prime, &mut rest].into_iter().for_each(|number| number.clear());
    made.map(|()| bytes)
}

fn significant(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|byte| **byte == 0).count()..]
}

/// What is left of SSH's encoding: numbers and fields behind their length.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u32> {
        let (taken, rest) = self.0.split_at_checked(4)?;
        self.0 = rest;
        Some(u32::from_be_bytes(taken.try_into().ok()?))
    }
    fn field(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_damaged_or_encrypted_says_so() {
        let field = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
        let said = |bytes: &[u8]| pkcs8(bytes).err().unwrap().message;
        assert_eq!(said(b"x"), "the OpenSSH key is damaged");
        let encrypted = [MAGIC, &field(b"aes256-ctr"), &field(b"bcrypt"), &field(b"")].concat();
        assert_eq!(said(&encrypted), "the OpenSSH key is encrypted");
        let of = |kind: &[u8]| {
            let inner = [&[0; 8], field(kind).as_slice()].concat();
            [MAGIC, &field(b"none"), &field(b"none"), &field(b""), &[0, 0, 0, 1], &field(b""), &field(&inner)].concat()
        };
        assert_eq!(
            said(&of(b"sk-ssh-ed25519@openssh.com")),
            "OpenSSH keys of sk-ssh-ed25519@openssh.com are not supported"
        );
        assert_eq!(said(&of(&[7; 100])), "OpenSSH keys of unknown type are not supported");
        assert_eq!(said(&of(b"ssh-ed25519")), "the OpenSSH key is damaged");
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = pkcs8(&[MAGIC, &bytes].concat());
        }
    }
}
