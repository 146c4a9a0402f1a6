//! What is spent on certificates of strangers, who can have them sign each other and constrain each other without end.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::pki::key::public_key::PublicKey;
use crate::pki::names::constraints::{Constraints, Names};
use crate::pki::x509::certificate::Certificate;

/// Signatures that are checked in any case, and as many more for each certificate: one does for most.
const SIGNATURES: u64 = 1_000;
const SIGNATURES_EACH: u64 = 8;

/// Names that are compared with subtrees, a second of work or so. Go ends at a quarter of a million for one certificate
/// (crypto/x509, `maxConstraintComparisons`).
const COMPARISONS: u64 = 10_000_000;

/// It would be more than is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMuch {
    /// Too many CAs of the same names, whose signatures would all have to be tried.
    Signatures,
    /// Too many names for too many name constraints.
    Names,
}

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TooMuch::Signatures => "too much to judge: too many CAs of the same name, each of which may have signed it",
            TooMuch::Names => "too much to judge: too many names for too many name constraints",
        })
    }
}

/// For all certificates of one run.
#[derive(Debug)]
pub struct Budget {
    signatures: AtomicU64,
    comparisons: AtomicU64,
    checked: Mutex<HashMap<(usize, usize), Option<bool>>>,
}

impl Budget {
    /// For so many certificates.
    pub fn of(certificates: usize) -> Self {
        let signatures = SIGNATURES.saturating_add(SIGNATURES_EACH.saturating_mul(certificates as u64));
        Budget {
            signatures: AtomicU64::new(signatures),
            comparisons: AtomicU64::new(COMPARISONS),
            checked: Mutex::default(),
        }
    }

    /// Takes one signature more: before it is checked.
    pub fn signature(&self) -> Result<(), TooMuch> {
        take(&self.signatures, 1).ok_or(TooMuch::Signatures)
    }

    /// Whether the key made the certificate's signature, as [`Certificate::made_with`]. `pair` stands for both for as long
    /// as the budget is there: what was checked once costs nothing more.
    pub fn made_with(&self, pair: (usize, usize), of: &Certificate, key: &PublicKey) -> Result<Option<bool>, TooMuch> {
        let known = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = known().get(&pair) {
            return Ok(*made);
        }
        self.signature()?;
        let made = of.made_with(key);
        known().insert(pair, made);
        Ok(made)
    }

    /// The first name that the CA may not issue for, as [`Constraints::violated_by`].
    pub fn violated(&self, constraints: &Constraints, names: Names<'_>) -> Result<Option<String>, TooMuch> {
        take(&self.comparisons, constraints.comparisons(names)).ok_or(TooMuch::Names)?;
        Ok(constraints.violated_by(names))
    }
}

/// What is asked for, if there is so much.
fn take(from: &AtomicU64, cost: u64) -> Option<()> {
    let left = |left: u64| left.checked_sub(cost);
    from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).ok().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::fixtures::authority;

    #[test]
    fn a_signature_costs_once_and_what_is_beyond_is_not_checked() {
        let authority = authority("ca");
        let (ca, key) = (authority.certificate(), authority.key().public());
        let budget = Budget::of(1);
        for _ in 0..5 {
            assert_eq!(budget.made_with((0, 0), ca, key), Ok(Some(true)));
        }
        for other in 1..SIGNATURES + SIGNATURES_EACH {
            assert_eq!(budget.signature(), Ok(()), "{other}");
        }
        assert_eq!(budget.made_with((0, 0), ca, key), Ok(Some(true)), "known");
        assert_eq!(budget.made_with((0, 1), ca, key), Err(TooMuch::Signatures));
    }

    #[test]
    fn what_was_refused_takes_nothing_from_others() {
        let left = AtomicU64::new(10);
        assert_eq!([take(&left, 11), take(&left, 10), take(&left, 1)], [None, Some(()), None]);
    }
}
