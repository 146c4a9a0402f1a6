//! Who signed which of the certificates that are looked at.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use time::OffsetDateTime;

use super::rule::Context;
use super::view::{NAME_CONSTRAINTS, SUBJECT_ALT_NAME, View};
use crate::pki::{Budget, Constraints, Name, Names, PublicKey, TooMuch, check_signature};

/// No sane chain is longer.
const LONGEST: usize = 16;

/// Certificates by their subjects.
pub(super) struct Cas<'v> {
    by_subject: HashMap<&'v [u8], Vec<&'v View<'v>>>,
    /// CAs by their keys.
    by_key: HashMap<&'v [u8], &'v View<'v>>,
    /// Issuers that were found, by certificate: every chain goes through the same few CAs.
    found: RefCell<HashMap<&'v [u8], Issuer<'v>>>,
    /// Name constraints that were read, by CA.
    constraints: RefCell<HashMap<&'v [u8], Option<Rc<Read>>>>,
    budget: Budget,
}

#[derive(Clone, Copy)]
struct Issuer<'v> {
    view: Option<&'v View<'v>>,
    /// CAs of the right name have not signed it.
    forged: bool,
    /// Whether all of the right name have signed it was not tried.
    too_much: Option<TooMuch>,
}

/// A CA's name constraints, and the kinds of names in them that are not judged.
struct Read {
    constraints: Constraints,
    unjudged: Rc<str>,
}

/// What a CA's name constraints say to a certificate below it.
#[derive(Debug, Clone)]
pub(super) struct Constrained<'v> {
    pub(super) ca: &'v View<'v>,
    /// The first name that it may not issue for.
    pub(super) violated: Result<Option<String>, TooMuch>,
    /// Kinds of names that are not judged.
    pub(super) unjudged: Rc<str>,
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
        let budget = Budget::of(views.len());
        Cas { by_subject, by_key, found: RefCell::default(), constraints: RefCell::default(), budget }
    }

    /// Takes the first certificate for one that the second has signed, without looking at the signature.
    pub(super) fn believe(&self, issued: &View<'v>, by: &'v View<'v>) {
        self.found.borrow_mut().insert(issued.der, Issuer { view: Some(by), forged: false, too_much: None });
    }

    pub(super) fn context(&self, view: &'v View<'v>, asked: Option<&'v str>, now: OffsetDateTime) -> Context<'v> {
        let self_signed = is_self_signed(view);
        let same_key = self.by_key.get(view.spki).copied().filter(|_| !view.is_ca());
        if self_signed {
            let (above, constrained, too_much) = (Vec::new(), Vec::new(), None);
            return Context {
                now,
                asked,
                above,
                constrained,
                too_much,
                forged: false,
                broken: false,
                self_signed,
                same_key,
            };
        }
        let Issuer { view: issuer, forged, too_much } = self.issuer(view);
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
        let constrained = above.iter().filter_map(|ca| self.constrained(ca, view)).collect();
        Context { now, asked, above, constrained, too_much, forged, broken, self_signed, same_key }
    }

    fn constrained(&self, ca: &'v View<'v>, view: &View<'_>) -> Option<Constrained<'v>> {
        let read = || {
            let constraints = Constraints::from_der(ca.extension(NAME_CONSTRAINTS)?.value);
            let unjudged = constraints.unjudged().join(", ").into();
            Some(Rc::new(Read { constraints, unjudged }))
        };
        let read = self.constraints.borrow_mut().entry(ca.der).or_insert_with(read).clone()?;
        let subject = Name::from_raw(view.subject.raw);
        let alternative = view.extension(SUBJECT_ALT_NAME).map(|extension| extension.value);
        let names = Names { subject: &subject, alternative, is_ca: view.is_ca() };
        // CAs that issued to themselves are left out, as RFC 5280 §6.1.3 does.
        let left_out = view.is_ca() && view.is_self_issued();
        let violated = if left_out { Ok(None) } else { self.budget.violated(&read.constraints, names) };
        Some(Constrained { ca, violated, unjudged: read.unjudged.clone() })
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
        // Most name the key that has signed them.
        let asked = view.authority_key_id();
        let names_it = |ca: &&'v View<'v>| asked.is_some() && ca.subject_key_id() == asked;
        let (named, others): (Vec<&'v View<'v>>, Vec<&'v View<'v>>) = candidates.copied().partition(names_it);
        let (mut likely, mut refused) = (None, false);
        for ca in named.into_iter().chain(others) {
            if let Err(too_much) = self.budget.signature() {
                return Issuer { view: likely, forged: false, too_much: Some(too_much) };
            }
            match signed(view, ca.spki) {
                Some(true) => return Issuer { view: Some(ca), forged: false, too_much: None },
                Some(false) => refused = true,
                // Its key or algorithm is one that we do not know: that it is this CA is only likely.
                None => likely = Some(ca),
            }
        }
        Issuer { view: likely, forged: refused && likely.is_none(), too_much: None }
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

#[cfg(test)]
mod tests {
    use crate::certlint::inputs::Raw;
    use crate::certlint::{Inputs, lint};
    use crate::pki::fixtures::{NOW, authority, issued, key, named};
    use crate::pki::{Lifetime, Profile, Serial, self_signed};

    #[test]
    fn many_cas_of_one_name_are_not_all_tried_for_every_certificate() {
        let raw = |der: &[u8]| Raw { place: "x".into(), der: der.to_vec(), unordered: true, ..Raw::default() };
        let profile = Profile::new(&["server auth"], Lifetime::hours(1)).unwrap();
        let (signer, keys) = (authority("ca"), [key(), key()]);
        let cas =
            (0..200).map(|i: usize| self_signed(&named("ca"), &keys[i % 2], NOW, Serial::random().unwrap()).unwrap());
        let leaves = (0..30).map(|i| issued(&signer, &named(&format!("leaf{i}")), &profile, &keys[0]));
        let mut certificates: Vec<Raw> = cas.map(|ca| raw(ca.certificate.der())).collect();
        certificates.extend(leaves.map(|leaf| raw(leaf.der())));
        let findings = lint(&Inputs { certificates, ..Inputs::default() }, &[], NOW);
        let of = |rule: &str| findings.iter().filter(|finding| finding.rule == rule).count();
        // 1,000 and 8 for each of 230 certificates are 14 leaves' 200 signatures, and 40 of the next.
        assert_eq!(of("too-much-to-judge"), 16);
    }
}
