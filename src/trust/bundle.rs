//! A CA and what is trusted beside it.
//!
//! A CA is its key: its certificate may be renewed under the same key and is the same CA still, and while one CA takes
//! another's place, two are trusted at once.

use crate::error::{Error, Result};
use crate::pki::Certificate;

/// One authority's CAs: the one that signs, and all that are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaBundle {
    active: Certificate,
    trusted: Vec<Certificate>,
}

impl CaBundle {
    /// The CA that signs and those that are trusted beside it. What stands there twice counts once.
    ///
    /// # Errors
    /// PKI: one of `trusted` is no CA.
    pub fn new(active: Certificate, trusted: Vec<Certificate>) -> Result<Self> {
        let mut bundle = CaBundle { active, trusted: Vec::new() };
        for (n, certificate) in trusted.into_iter().enumerate() {
            if !certificate.is_ca() {
                return Err(Error::pki(format!("certificate {} in it is no CA", n + 1))
                    .hint("only CAs belong into it: take the other certificates out"));
            }
            if !bundle.all().any(|there| *there == certificate) {
                bundle.trusted.push(certificate);
            }
        }
        Ok(bundle)
    }

    /// The one that signs.
    pub fn active(&self) -> &Certificate {
        &self.active
    }

    /// All that are trusted: the one that signs first.
    pub fn all(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.active).chain(&self.trusted)
    }

    /// What verifies: all of them, one after the other.
    pub fn to_pem(&self) -> String {
        self.all().map(Certificate::to_pem).collect()
    }

    /// Whether one of the CAs in `text`, which a host has, has a key of one of these. A text that cannot be read to its
    /// end proves nothing.
    pub fn shares_a_key_with(&self, text: &str) -> bool {
        let Ok(theirs) = Certificate::all_from_pem(text.as_bytes(), "the host") else { return false };
        let keys: Vec<_> = self.all().filter_map(|ca| ca.public_key().ok()).collect();
        theirs.iter().any(|ca| ca.public_key().is_ok_and(|key| keys.contains(&key)))
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;
    use crate::pki::{CsrSpec, Key, KeyKind, Serial, self_signed};

    const NOW: OffsetDateTime = datetime!(2026-11-21 10:00 UTC);

    fn certificate(cn: &str, key: &Key, serial: u8) -> Certificate {
        let spec = CsrSpec { cn: cn.into(), ..CsrSpec::default() };
        self_signed(&spec, key, NOW, Serial::from_random([serial; 20])).unwrap().certificate
    }

    fn key() -> Key {
        Key::generate(KeyKind::EcdsaP256).unwrap()
    }

    #[test]
    fn a_ca_is_its_key() {
        let (ours, theirs) = (key(), key());
        let (old, renewed) = (certificate("ca", &ours, 1), certificate("ca", &ours, 2));
        let stranger = certificate("ca", &theirs, 3);
        let bundle = CaBundle::new(renewed.clone(), Vec::new()).unwrap();
        let knows = |text: &str| bundle.shares_a_key_with(text);
        assert!(knows(&renewed.to_pem()) && knows(&old.to_pem()), "renewed with the same key");
        assert!(knows(&(stranger.to_pem() + &old.to_pem())), "a bundle with ours in it");
        assert!(!knows(&stranger.to_pem()), "a CA of the same name with another key");
        let two = CaBundle::new(renewed, vec![stranger.clone()]).unwrap();
        assert!(two.shares_a_key_with(&stranger.to_pem()), "one that we trust");
    }

    #[test]
    fn what_cannot_be_read_proves_nothing() {
        let ours = certificate("ca", &key(), 1);
        let bundle = CaBundle::new(ours.clone(), Vec::new()).unwrap();
        let pem = ours.to_pem();
        let damaged = pem.replacen(|c: char| c.is_ascii_lowercase(), "!", 1);
        for text in ["", "junk", &damaged, &pem[..pem.len() - 30], &(pem.clone() + &pem[..100])] {
            assert!(!bundle.shares_a_key_with(text), "{text}");
        }
    }

    #[test]
    fn one_that_stands_there_twice_counts_once_and_others_than_cas_are_refused() {
        let key = key();
        let (first, second) = (certificate("ca", &key, 1), certificate("new", &key, 2));
        let bundle = CaBundle::new(first.clone(), vec![first.clone(), second.clone(), second.clone()]).unwrap();
        assert_eq!(bundle.to_pem(), first.to_pem() + &second.to_pem());
        let spec = CsrSpec { cn: "leaf".into(), ..CsrSpec::default() };
        let own = crate::pki::fixtures::key();
        let request = crate::pki::Request::from_spec(&spec, own.public()).unwrap();
        let root = crate::pki::Authority::new(first.clone(), key, NOW).unwrap();
        let profile = crate::pki::Profile::new(&["server auth"], crate::pki::Lifetime::hours(1)).unwrap();
        let leaf = root.issue(&request, &profile, NOW, Serial::from_random([3; 20])).unwrap().certificate;
        let refused = CaBundle::new(first, vec![second, leaf]).unwrap_err();
        assert_eq!(refused.message, "certificate 2 in it is no CA");
    }
}
