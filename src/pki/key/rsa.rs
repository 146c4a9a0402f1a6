//! New RSA keys: both primes are searched at once, each on a core of its own.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::error::ErrorStack;
use openssl::rsa::Rsa;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// F4, as everybody has it.
const EXPONENT: u32 = 65_537;

/// A new key of so many bits, an even number, as PKCS#1. Whoever loads it checks that its parts fit together.
///
/// # Errors
/// Internal: OpenSSL has no randomness or no memory.
pub(super) fn generate(bits: u32) -> Result<Zeroizing<Vec<u8>>> {
    let half = i32::try_from(bits / 2).unwrap_or_default();
    let made = || loop {
        let (p, q) = std::thread::scope(|scope| {
            let other = scope.spawn(|| prime(half));
            let one = prime(half);
            (one, other.join())
        });
        let Ok(q) = q else { return Err(ErrorStack::get()) };
        let (p, q) = (p?, q?);
        if let Some(key) = key(&p.0, &q.0, bits)? {
            return Ok(key);
        }
    };
    made().map_err(|e| Error::internal(format!("generate a key of kind rsa-{bits}: {e}")))
}

/// A number that is overwritten when it is dropped.
struct Private(BigNum);

impl Private {
    fn new() -> std::result::Result<Self, ErrorStack> {
        BigNum::new().map(Private)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// A prime of so many bits whose two highest are set, so that two of them make a modulus of twice as many; it may be the
/// prime of a key with our exponent.
fn prime(bits: i32) -> std::result::Result<Private, ErrorStack> {
    let mut context = BigNumContext::new()?;
    let exponent = BigNum::from_u32(EXPONENT)?;
    loop {
        let (mut prime, mut below, mut common) = (Private::new()?, Private::new()?, BigNum::new()?);
        prime.0.generate_prime(bits, false, None, None)?;
        below.0.checked_sub(&prime.0, &*BigNum::from_u32(1)?)?;
        common.gcd(&below.0, &exponent, &mut context)?;
        if common == BigNum::from_u32(1)? {
            return Ok(prime);
        }
    }
}

/// The key of two primes, as PKCS#1; none where they are too near to each other, or its private exponent is too small
/// (FIPS 186-5 §A.1.1: |p - q| > 2^(bits/2 - 100), d > 2^(bits/2)).
fn key(p: &BigNumRef, q: &BigNumRef, bits: u32) -> std::result::Result<Option<Zeroizing<Vec<u8>>>, ErrorStack> {
    // Whoever uses it takes the larger one for the first.
    let (p, q) = if p.ucmp(q).is_lt() { (q, p) } else { (p, q) };
    let half = i32::try_from(bits / 2).unwrap_or_default();
    let one = BigNum::from_u32(1)?;
    let mut context = BigNumContext::new()?;
    let mut distance = Private::new()?;
    distance.0.checked_sub(p, q)?;
    if distance.0.num_bits() <= half - 100 {
        return Ok(None);
    }
    let (mut p1, mut q1) = (Private::new()?, Private::new()?);
    p1.0.checked_sub(p, &one)?;
    q1.0.checked_sub(q, &one)?;
    // The least common multiple of p - 1 and q - 1.
    let (mut common, mut product, mut multiple) = (Private::new()?, Private::new()?, Private::new()?);
    common.0.gcd(&p1.0, &q1.0, &mut context)?;
    product.0.checked_mul(&p1.0, &q1.0, &mut context)?;
    multiple.0.checked_div(&product.0, &common.0, &mut context)?;
    let exponent = BigNum::from_u32(EXPONENT)?;
    let mut d = Private::new()?;
    d.0.mod_inverse(&exponent, &multiple.0, &mut context)?;
    if d.0.num_bits() <= half {
        return Ok(None);
    }
    let (mut n, mut dp, mut dq, mut qi) = (BigNum::new()?, Private::new()?, Private::new()?, Private::new()?);
    n.checked_mul(p, q, &mut context)?;
    dp.0.nnmod(&d.0, &p1.0, &mut context)?;
    dq.0.nnmod(&d.0, &q1.0, &mut context)?;
    qi.0.mod_inverse(q, p, &mut context)?;
    let copy = |number: &BigNumRef| number.to_owned();
    let key = Rsa::from_private_components(
        n,
        exponent,
        copy(&d.0)?,
        copy(p)?,
        copy(q)?,
        copy(&dp.0)?,
        copy(&dq.0)?,
        copy(&qi.0)?,
    )?;
    key.private_key_to_der().map(Zeroizing::new).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_a_key_by_its_own_rules() {
        for bits in [2048, 2050, 3072] {
            let made = Rsa::private_key_from_der(&generate(bits).unwrap()).unwrap();
            assert!(made.check_key().unwrap(), "{bits}");
            assert_eq!(made.n().num_bits(), i32::try_from(bits).unwrap());
            assert_eq!(made.e().to_dec_str().unwrap().to_string(), "65537");
            let (p, q) = (made.p().unwrap(), made.q().unwrap());
            assert!(p.ucmp(q).is_gt() && p.num_bits() == q.num_bits(), "{bits}");
        }
    }

    #[test]
    fn primes_that_are_near_each_other_make_no_key() {
        let prime = |text: &str| BigNum::from_dec_str(text).unwrap();
        // 2^127 - 1 and the next prime below it differ by 24: far less than a key of 254 bits may.
        let (p, q) =
            (prime("170141183460469231731687303715884105727"), prime("170141183460469231731687303715884105703"));
        assert!(key(&p, &q, 254).unwrap().is_none());
    }
}
