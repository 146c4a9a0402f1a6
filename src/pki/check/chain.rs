//! From a certificate up to a root, out of certificates that are at hand.

use time::OffsetDateTime;

use super::budget::{Budget, TooMuch};
use super::issuer_check;
use crate::error::{Error, Result};
use crate::pki::x509::certificate::Certificate;

/// No real chain is longer.
const MOST: usize = 10;

/// Chains that are followed at a time: CAs that sign each other could otherwise keep us busy for ever.
const WAYS: usize = 200;

/// Certificates that chains are made of.
#[derive(Debug, Clone, Copy)]
pub struct Pool<'a> {
    /// Where a chain may end.
    pub roots: &'a [Certificate],
    /// What may stand between.
    pub intermediates: &'a [Certificate],
}

impl Pool<'_> {
    /// The shortest chain that holds now: the certificate first, a root last. Looked at are signatures, dates, CA flags,
    /// key usage, path lengths, name constraints, and critical extensions that nobody knows.
    pub fn chain(&self, leaf: &Certificate, now: OffsetDateTime) -> Result<Vec<Certificate>> {
        let unfit = issuer_check::outside_its_time(leaf, now).or_else(|| issuer_check::unknown_critical(leaf));
        if let Some(reason) = unfit {
            return Err(no_chain(vec![reason]));
        }
        let budget = Budget::of(1 + self.roots.len() + self.intermediates.len());
        let mut chains = vec![vec![leaf.clone()]];
        let mut reasons = Vec::new();
        for _ in 1..MOST {
            let (mut longer, mut here) = (Vec::new(), Vec::new());
            for chain in &chains {
                let last = chain.last().unwrap_or(leaf);
                for root in self.roots.iter().filter(|root| is_named(root, last)) {
                    match issuer_check::fault(chain, root, now, &budget).map_err(too_much)? {
                        None => return Ok(chain.iter().cloned().chain([root.clone()]).collect()),
                        Some(reason) => here.push(reason),
                    }
                }
                let named = |c: &&Certificate| !chain.contains(c) && is_named(c, last);
                for next in self.intermediates.iter().filter(named) {
                    match issuer_check::fault(chain, next, now, &budget).map_err(too_much)? {
                        None => longer.push(chain.iter().cloned().chain([next.clone()]).collect::<Vec<_>>()),
                        Some(reason) => here.push(reason),
                    }
                }
                let known = |c: &Certificate| c != last && is_named(c, last);
                if !self.roots.iter().chain(self.intermediates).any(known) {
                    here.push(missing(last));
                }
            }
            // What ended the longest way is reported first.
            reasons.splice(0..0, here);
            longer.truncate(WAYS);
            chains = longer;
        }
        Err(no_chain(reasons))
    }
}

fn too_much(too_much: TooMuch) -> Error {
    Error::pki(format!("whether a chain leads from the certificate to a root is {too_much}"))
        .hint("give only the certificates of its chain")
}

fn is_named(issuer: &Certificate, subject: &Certificate) -> bool {
    issuer.subject() == subject.issuer()
}

fn missing(last: &Certificate) -> String {
    let (name, issuer) = (last.subject(), last.issuer());
    match last.is_self_issued() {
        true => format!("`{name}` is its own issuer, and is not one of the roots"),
        false => format!("the issuer `{issuer}` of `{name}` is not at hand"),
    }
}

fn no_chain(mut reasons: Vec<String>) -> Error {
    let mut seen = std::collections::BTreeSet::new();
    reasons.retain(|reason| seen.insert(reason.clone()));
    let mut reasons = reasons.into_iter();
    let first = reasons.next().unwrap_or_else(|| format!("none of up to {MOST} certificates"));
    let error = Error::pki(format!("no chain leads from the certificate to a root: {first}"));
    reasons.fold(error, Error::detail).hint("name the roots and the intermediate certificates that are to be used")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::fixtures::{NOW, authority, issued, key, named, tangle};
    use crate::pki::{Authority, CaConstraint, Key, Lifetime, Profile};
    use time::macros::datetime;

    fn below(authority: &Authority, cn: &str, is_ca: bool) -> (Certificate, Key) {
        let key = key();
        let mut profile = Profile::new(&["cert sign", "server auth"], Lifetime::hours(24)).unwrap();
        profile.ca_constraint = CaConstraint { is_ca, ..CaConstraint::default() };
        (issued(authority, &named(cn), &profile, &key), key)
    }

    #[test]
    fn cas_that_sign_each_other_without_end_are_not_followed() {
        let (leaf, cas) = tangle();
        let error = Pool { roots: &[], intermediates: &cas }.chain(&leaf, NOW).unwrap_err();
        insta::assert_snapshot!(error, @"whether a chain leads from the certificate to a root is too much to judge: too many CAs of the same name, each of which may have signed it");
    }

    #[test]
    fn finds_the_way_to_a_root_or_says_that_there_is_none() {
        let authority = authority("root");
        let root = authority.certificate().clone();
        let (middle, middle_key) = below(&authority, "middle", true);
        let other = below(&authority, "other", true).0;
        let (leaf, _) = below(&Authority::new(middle.clone(), middle_key, NOW).unwrap(), "leaf", false);
        let (roots, intermediates) = ([root.clone()], [other.clone(), middle.clone()]);
        let pool = Pool { roots: &roots, intermediates: &intermediates };
        assert_eq!(pool.chain(&leaf, NOW).unwrap(), [leaf.clone(), middle, root]);
        assert!(pool.chain(&leaf, datetime!(2027-11-21 0:00 UTC)).is_err(), "expired");
        let pool = Pool { intermediates: &[other], ..pool };
        insta::assert_snapshot!(pool.chain(&leaf, NOW).unwrap_err(), @"no chain leads from the certificate to a root: the issuer `CN=middle` of `CN=leaf` is not at hand");
    }
}
