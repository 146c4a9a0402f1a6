//! From a certificate up to a root, out of certificates that are at hand.

use time::OffsetDateTime;

use super::certificate::Certificate;
use super::verify::signed_by;
use crate::error::{Error, Result};

/// No real chain is longer.
const MOST: usize = 10;

/// Certificates that chains are made of.
#[derive(Debug, Clone, Copy)]
pub struct Pool<'a> {
    /// Where a chain may end.
    pub roots: &'a [Certificate],
    /// What may stand between.
    pub intermediates: &'a [Certificate],
}

impl Pool<'_> {
    /// The shortest chain whose every member is valid now: the certificate first, a root last.
    pub fn chain(&self, leaf: &Certificate, now: OffsetDateTime) -> Result<Vec<Certificate>> {
        let mut chains = vec![vec![leaf.clone()]];
        for _ in 1..MOST {
            let mut longer = Vec::new();
            for chain in &chains {
                let last = chain.last().unwrap_or(leaf);
                if let Some(root) = self.roots.iter().find(|root| issued(root, last, now)) {
                    let mut whole = chain.clone();
                    whole.push(root.clone());
                    return Ok(whole);
                }
                let next = self.intermediates.iter().filter(|c| !chain.contains(c) && issued(c, last, now));
                longer.extend(next.map(|c| chain.iter().cloned().chain([c.clone()]).collect::<Vec<_>>()));
            }
            chains = longer;
        }
        Err(Error::pki("no chain leads from the certificate to a root")
            .hint("name the roots and the intermediate certificates that are to be used"))
    }
}

fn issued(issuer: &Certificate, subject: &Certificate, now: OffsetDateTime) -> bool {
    let (Ok(above), Ok(below)) = (issuer.parsed(), subject.parsed()) else { return false };
    let valid = issuer.validity().is_ok_and(|v| v.contains(now)) && subject.validity().is_ok_and(|v| v.contains(now));
    issuer.is_ca() && valid && above.subject().as_raw() == below.issuer().as_raw() && signed_by(subject, issuer).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Authority, CaConstraint, CsrSpec, Key, KeyKind, Lifetime, Profile, Request, Serial, self_signed};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-21 10:00 UTC);

    fn spec(cn: &str) -> CsrSpec {
        CsrSpec { cn: cn.into(), ..CsrSpec::default() }
    }

    fn below(authority: &Authority, cn: &str, is_ca: bool) -> (Certificate, Key) {
        let key = Key::generate(KeyKind::EcdsaP256).unwrap();
        let mut profile = Profile::new(&["cert sign", "server auth"], Lifetime::hours(24)).unwrap();
        profile.ca_constraint = CaConstraint { is_ca, ..CaConstraint::default() };
        let request = Request::from_spec(&spec(cn), key.public()).unwrap();
        (authority.issue(&request, &profile, NOW, Serial::random().unwrap()).unwrap().certificate, key)
    }

    #[test]
    fn finds_the_way_to_a_root_or_says_that_there_is_none() {
        let key = Key::generate(KeyKind::EcdsaP256).unwrap();
        let root = self_signed(&spec("root"), &key, NOW, Serial::random().unwrap()).unwrap().certificate;
        let authority = Authority::new(root.clone(), key, NOW).unwrap();
        let (middle, middle_key) = below(&authority, "middle", true);
        let other = below(&authority, "other", true).0;
        let (leaf, _) = below(&Authority::new(middle.clone(), middle_key, NOW).unwrap(), "leaf", false);
        let (roots, intermediates) = ([root.clone()], [other.clone(), middle.clone()]);
        let pool = Pool { roots: &roots, intermediates: &intermediates };
        assert_eq!(pool.chain(&leaf, NOW).unwrap(), [leaf.clone(), middle, root]);
        assert!(pool.chain(&leaf, datetime!(2027-11-21 0:00 UTC)).is_err(), "expired");
        let pool = Pool { intermediates: &[other], ..pool };
        insta::assert_snapshot!(pool.chain(&leaf, NOW).unwrap_err(), @"no chain leads from the certificate to a root");
    }
}
