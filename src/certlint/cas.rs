//! Who signed which of the certificates that are looked at.

use std::cell::RefCell;
use std::collections::HashMap;

use time::OffsetDateTime;

use super::rule::Context;
use super::view::View;
use crate::pki::{PublicKey, check_signature};

/// No sane chain is longer.
const LONGEST: usize = 16;

/// Certificates by their subjects.
pub(super) struct Cas<'v> {
    by_subject: HashMap<&'v [u8], Vec<&'v View<'v>>>,
    /// CAs by their keys.
    by_key: HashMap<&'v [u8], &'v View<'v>>,
    /// Issuers that were found, by certificate: every chain goes through the same few CAs.
    found: RefCell<HashMap<&'v [u8], Issuer<'v>>>,
}

#[derive(Clone, Copy)]
struct Issuer<'v> {
    view: Option<&'v View<'v>>,
    /// CAs of the right name have not signed it.
    forged: bool,
}

impl<'v> Cas<'v> {
    pub(super) fn of(views: &'v [Option<View<'v>>]) -> Self {
        let mut by_subject: HashMap<&[u8], Vec<&View<'_>>> = HashMap::new();
        for view in views.iter().flatten() {
            let same = by_subject.entry(view.subject.raw).or_default();
            if !same.iter().any(|other| other.der == view.der) {
                same.push(view);
            }
        }
        let by_key = views.iter().flatten().filter(|view| view.is_ca()).map(|ca| (ca.spki, ca)).collect();
        Cas { by_subject, by_key, found: RefCell::default() }
    }

    /// Takes the first certificate for one that the second has signed, without looking at the signature.
    pub(super) fn believe(&self, issued: &View<'v>, by: &'v View<'v>) {
        self.found.borrow_mut().insert(issued.der, Issuer { view: Some(by), forged: false });
    }

    pub(super) fn context(&self, view: &'v View<'v>, asked: Option<&'v str>, now: OffsetDateTime) -> Context<'v> {
        let self_signed = is_self_signed(view);
        let same_key = self.by_key.get(view.spki).copied().filter(|_| !view.is_ca());
        if self_signed {
            return Context { now, asked, above: Vec::new(), forged: false, broken: false, self_signed, same_key };
        }
        let Issuer { view: issuer, forged } = self.issuer(view);
        let mut above: Vec<_> = issuer.into_iter().collect();
        while let Some(&last) = above.last().filter(|_| above.len() < LONGEST) {
            let next = self.issuer(last).view.filter(|next| !above.iter().any(|seen| seen.der == next.der));
            // Asked last: to check a signature takes longer than everything else.
            match next.filter(|_| !is_self_signed(last)) {
                Some(next) => above.push(next),
                None => break,
            }
        }
        let broken = above.is_empty() && says_that_it_signed_itself(view);
        Context { now, asked, above, forged, broken, self_signed, same_key }
    }

    fn issuer(&self, view: &'v View<'v>) -> Issuer<'v> {
        if let Some(found) = self.found.borrow().get(view.der) {
            return *found;
        }
        let found = self.look_for_issuer(view);
        self.found.borrow_mut().insert(view.der, found);
        found
    }

    fn look_for_issuer(&self, view: &View<'_>) -> Issuer<'v> {
        let candidates = self.by_subject.get(view.issuer.raw).into_iter().flatten().filter(|ca| ca.der != view.der);
        let (mut likely, mut refused) = (None, false);
        for &ca in candidates {
            match signed(view, ca.spki) {
                Some(true) => return Issuer { view: Some(ca), forged: false },
                Some(false) => refused = true,
                // Its key or algorithm is one that we do not know: that it is this CA is only likely.
                None => likely = Some(ca),
            }
        }
        Issuer { view: likely, forged: refused && likely.is_none() }
    }
}

/// A CA whose algorithm we do not know is taken at its word.
fn is_self_signed(view: &View<'_>) -> bool {
    view.is_self_issued() && signed(view, view.spki).unwrap_or(view.is_ca())
}

/// Its authority key identifier is its own; or it has none, and is a CA: a leaf may have its CA's name by mistake.
fn says_that_it_signed_itself(view: &View<'_>) -> bool {
    let own = match view.authority_key_id() {
        Some(id) => view.subject_key_id() == Some(id),
        None => view.is_ca(),
    };
    view.is_self_issued() && own && signed(view, view.spki) == Some(false)
}

/// Whether the key made the signature; none where we know too little of key or algorithm.
fn signed(view: &View<'_>, spki: &[u8]) -> Option<bool> {
    let key = PublicKey::from_spki(spki).ok()?;
    check_signature(&key, view.outer_algorithm, view.tbs, view.signature_bits)
}
