//! OpenPGP as archives of packages use it (RFC 9580, RFC 4880): public keys in files, and texts signed with them. It only
//! reads and verifies; nothing here has a private key.
//!
//! Version 4 keys and signatures, RSA and Ed25519, SHA-256 and its larger kin. Whatever is something else is passed by, and a
//! text that has no signature left is refused.

mod armor;
mod key;
mod packet;
mod signature;
#[cfg(test)]
pub(in crate::packages) mod tests;

use std::collections::BTreeSet;

use key::Certificate;
use signature::Signature;

/// Public keys out of files.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    certificates: Vec<Certificate>,
}

/// A text that was signed by a key that is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed, and nothing of what stands around it.
    pub text: String,
    /// The fingerprint of the key's certificate.
    pub by: String,
}

impl Keyring {
    /// Reads a file of keys, as bytes or in ASCII armor. Keys that are of no use here are passed by.
    ///
    /// # Errors
    /// It holds something else.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let dearmored = armor::keys(bytes)?;
        let packets = packet::split(dearmored.as_deref().unwrap_or(bytes))?;
        let certificates = key::certificates(&packets);
        if certificates.is_empty() { Err("it holds no public key".into()) } else { Ok(Keyring { certificates }) }
    }

    /// The fingerprints of its certificates, in upper-case hex.
    pub fn fingerprints(&self) -> BTreeSet<&str> {
        self.certificates.iter().map(|certificate| certificate.primary.fingerprint.as_str()).collect()
    }

    /// Takes in those of others that it does not have, if they are wanted.
    pub fn add(&mut self, other: Keyring, wanted: impl Fn(&str) -> bool) {
        for certificate in other.certificates {
            let fingerprint = &certificate.primary.fingerprint;
            if wanted(fingerprint) && !self.fingerprints().contains(fingerprint.as_str()) {
                self.certificates.push(certificate);
            }
        }
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// The text of a cleartext signed message, if one of these keys has signed it. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// It is no such message, or none of its signatures is good: why, for each.
    pub fn verify(&self, message: &str, now: u64) -> Result<Signed, Vec<String>> {
        let (text, canonical, bytes) = armor::message(message).map_err(|why| vec![why])?;
        let packets = packet::split(&bytes).map_err(|why| vec![why])?;
        let signatures: Vec<Signature> = packets.iter().filter_map(Signature::of_packet).collect();
        if signatures.is_empty() {
            return Err(vec!["it has no signature of a kind that is known here".into()]);
        }
        let mut reasons = Vec::new();
        for signature in &signatures {
            match self.signed_by(signature, canonical.as_bytes(), now) {
                Ok(by) => return Ok(Signed { text, by }),
                Err(why) if reasons.contains(&why) => {}
                Err(why) => reasons.push(why),
            }
        }
        Err(reasons)
    }

    fn signed_by(&self, signature: &Signature, text: &[u8], now: u64) -> Result<String, String> {
        let issuer = signature.issuer().unwrap_or_else(|| "an unnamed key".into());
        let mut found = false;
        for certificate in &self.certificates {
            for key in certificate.signing().filter(|key| signature.may_be_of(key)) {
                found = true;
                if !signature.is_over_text() || !signature.verifies(key, text) {
                    continue;
                }
                certificate.usable(key, signature, now)?;
                return Ok(certificate.primary.fingerprint.clone());
            }
        }
        Err(if found {
            format!("the signature by {issuer} is wrong")
        } else {
            format!("signed by {issuer}, which is not trusted here")
        })
    }
}
