//! Does a chain verify, against the CAs that are at hand? If not, why not, in a person's words.
//!
//! Not by webpki: it has one word for most reasons, and takes neither CAs, nor clients' certificates without names, nor
//! all of our keys. Nothing is trusted because of what is said here; it is shown.

use std::cell::Cell;
use std::collections::HashMap;

use serde::Serialize;
use time::OffsetDateTime;

use super::{Found, Trust};
use crate::error::Result;
use crate::pki::{Budget, Certificate, CertificateInfo, Name, TooMuch};

/// No sane chain is longer.
const LONGEST: usize = 8;

/// CAs that are looked at to place one, and for each to place all: many CAs of one name could otherwise keep us busy for ever.
const BUDGET: u32 = 500;
const BUDGET_EACH: u32 = 20;

/// Whether a certificate verifies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// It does.
    pub verified: bool,
    /// Subjects of the CAs above it, up to the root; empty for a root.
    pub path: Vec<String>,
    /// Why it does not; empty where it does.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl Verdict {
    fn good(path: Vec<String>) -> Self {
        Verdict { verified: true, path, why: String::new() }
    }
    pub(super) fn bad(why: impl Into<String>) -> Self {
        Verdict { verified: false, path: Vec::new(), why: why.into() }
    }
}

/// The CAs at hand, each with what is above it.
#[derive(Debug)]
pub struct Pool {
    known: Vec<Known>,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
    /// By their subject and their key's identifier.
    by_key_id: HashMap<(Vec<u8>, Vec<u8>), Vec<usize>>,
    budget: Budget,
    standings: Vec<Result<Standing, String>>,
    now: OffsetDateTime,
    /// Only CAs that were named as such are trusted.
    named_only: bool,
}

/// A CA.
#[derive(Debug)]
struct Known {
    certificate: Certificate,
    info: CertificateInfo,
    anchor: bool,
}

/// Why a CA does not stand above a certificate.
enum Against {
    /// Another may.
    It(String),
    /// No other is tried.
    TooMuch(String),
}

impl Against {
    fn why(self) -> String {
        match self {
            Against::It(why) | Against::TooMuch(why) => why,
        }
    }
}

impl From<TooMuch> for Against {
    fn from(too_much: TooMuch) -> Self {
        Against::TooMuch(too_much.to_string())
    }
}

/// A CA's way to a trusted root.
#[derive(Debug, Clone)]
struct Standing {
    /// Itself first, the root last.
    path: Vec<usize>,
    /// How many CAs may stand below it.
    room: Option<u32>,
}

impl Pool {
    /// Of all CAs that were found. Where CAs are named (`--ca`), those alone are trusted.
    pub fn new(found: &[(Found, CertificateInfo)], named: &[Certificate], now: OffsetDateTime) -> Result<Self> {
        let mut pool = Pool {
            known: Vec::new(),
            by_subject: HashMap::new(),
            by_key_id: HashMap::new(),
            budget: Budget::of(found.len() + named.len()),
            standings: Vec::new(),
            now,
            named_only: !named.is_empty(),
        };
        for certificate in named {
            pool.add(certificate, CertificateInfo::of(certificate), true);
        }
        for (found, info) in found.iter().filter(|(_, info)| info.is_ca) {
            let anchor = named.is_empty()
                && match found.trust {
                    Trust::Always => true,
                    Trust::SelfSigned => info.self_issued && found.certificate.is_self_signed(),
                    Trust::Never => false,
                };
            pool.add(&found.certificate, info.clone(), anchor);
        }
        let count = u32::try_from(pool.known.len()).unwrap_or(u32::MAX);
        let all = Cell::new(BUDGET_EACH.saturating_mul(count).saturating_add(BUDGET));
        let place = |i| {
            let (own, before) = (Cell::new(BUDGET.min(all.get())), BUDGET.min(all.get()));
            let standing = pool.standing(i, &mut Vec::new(), &own);
            all.set(all.get() - (before - own.get()));
            standing
        };
        pool.standings = (0..pool.known.len()).map(place).collect();
        Ok(pool)
    }

    fn add(&mut self, certificate: &Certificate, info: CertificateInfo, anchor: bool) {
        let same = self.by_subject.entry(certificate.subject().der().to_vec()).or_default();
        if let Some(&i) = same.iter().find(|&&i| self.known[i].certificate == *certificate) {
            self.known[i].anchor |= anchor;
            return;
        }
        same.push(self.known.len());
        if let Some(id) = certificate.subject_key_id() {
            let key = (certificate.subject().der().to_vec(), id.to_vec());
            self.by_key_id.entry(key).or_default().push(self.known.len());
        }
        self.known.push(Known { certificate: certificate.clone(), info, anchor });
    }

    /// Of a certificate, which need not be in the pool.
    pub fn verdict(&self, certificate: &Certificate, info: &CertificateInfo) -> Verdict {
        if let Some(why) = outside_its_time(info, self.now) {
            return Verdict::bad(why);
        }
        if let Some(oid) = certificate.unknown_critical() {
            return Verdict::bad(format!("it has the critical extension {oid}, which verifiers do not know"));
        }
        let itself = self.candidates(certificate.subject()).find(|&i| self.known[i].certificate == *certificate);
        if itself.is_some_and(|i| self.known[i].anchor) {
            return Verdict::good(Vec::new());
        }
        if info.self_issued && certificate.is_self_signed() {
            return Verdict::bad(match (self.named_only, info.is_ca) {
                (true, true) => "it is self-signed, and not one of the CAs to be trusted",
                (_, false) => "it is self-signed, and not a CA",
                (false, true) => "it is self-signed, and nothing says that it is to be trusted",
            });
        }
        let mut why = None;
        for i in self.issuers(certificate) {
            match self.below(i, itself, certificate, info) {
                Ok(path) => return Verdict::good(path),
                Err(Against::It(reason)) => why = why.or(Some(reason)),
                Err(Against::TooMuch(reason)) => return Verdict::bad(reason),
            }
        }
        Verdict::bad(why.unwrap_or_else(|| format!("its issuer `{}` is not at hand", info.issuer.text)))
    }

    /// The path of a certificate below a CA, or why there is none.
    fn below(
        &self,
        ca: usize,
        itself: Option<usize>,
        certificate: &Certificate,
        info: &CertificateInfo,
    ) -> Result<Vec<String>, Against> {
        self.signed(ca, itself, certificate)?;
        let standing = self.standings[ca].as_ref().map_err(|why| Against::It(why.clone()))?;
        if info.is_ca && standing.room == Some(0) && !info.self_issued {
            return Err(Against::It(format!("the CA `{}` allows no CA below it (path length)", self.name(ca))));
        }
        for &i in &standing.path {
            let allowed = purposes(&self.known[i].info);
            let wanted = purposes(info);
            let any = |list: &[&str]| list.is_empty() || list.contains(&"any");
            if !any(&allowed) && !wanted.is_empty() && !wanted.iter().any(|purpose| allowed.contains(purpose)) {
                return Err(Against::It(format!("the CA `{}` is not for {}", self.name(i), wanted.join(", "))));
            }
            let Some(constraints) = self.known[i].certificate.name_constraints() else { continue };
            let names = certificate.constrained_names();
            let ca = self.name(i);
            if let Some(name) = self.budget.violated(constraints, names)? {
                return Err(Against::It(format!("the CA `{ca}` may not issue for {name} (name constraints)")));
            }
            if constraints.leaves_open(names) {
                let kinds = constraints.unjudged().join(", ");
                return Err(Against::It(format!(
                    "the CA `{ca}` has name constraints that are not judged here ({kinds})"
                )));
            }
        }
        Ok(standing.path.iter().map(|&i| self.name(i).to_owned()).collect())
    }

    /// A CA's way up. `trail` holds the CAs below it, so that cross-signed ones do not go in circles.
    fn standing(&self, ca: usize, trail: &mut Vec<usize>, budget: &Cell<u32>) -> Result<Standing, String> {
        let Known { certificate, info, anchor } = &self.known[ca];
        let name = self.name(ca);
        if let Some(why) = outside_its_time(info, self.now) {
            return Err(format!("its CA `{name}`: {why}"));
        }
        if !info.is_ca {
            return Err(format!("its issuer `{name}` is not a CA"));
        }
        if !certificate.may_sign_certificates() {
            return Err(format!("the CA `{name}` may not sign certificates (its key usage lacks `cert sign`)"));
        }
        if let Some(oid) = certificate.unknown_critical() {
            return Err(format!("the CA `{name}` has the critical extension {oid}, which verifiers do not know"));
        }
        if *anchor {
            return Ok(Standing { path: vec![ca], room: info.path_length });
        }
        if info.self_issued && certificate.is_self_signed() {
            return Err(format!("its root `{name}` is not to be trusted"));
        }
        let mut why = None;
        for above in self.issuers(certificate) {
            if above == ca && certificate.public_key().ok().is_none_or(|key| certificate.made_with(key).is_none()) {
                let algorithm = certificate.algorithm();
                why =
                    why.or(Some(format!("its root `{name}`: signature algorithm {algorithm} cannot be checked here")));
                continue;
            }
            if budget.get() == 0 {
                return Err(TooMuch::Signatures.to_string());
            }
            if above == ca || trail.contains(&above) || trail.len() >= LONGEST {
                why = why.or(Some("the CAs above it lead to no root".to_owned()));
                continue;
            }
            budget.set(budget.get() - 1);
            trail.push(ca);
            let signed = self.signed(above, Some(ca), certificate).map_err(Against::why);
            let standing = signed.and_then(|()| self.standing(above, trail, budget));
            trail.pop();
            match standing {
                Ok(Standing { room: Some(0), .. }) if !info.self_issued => {
                    let above = self.name(above);
                    why = why.or(Some(format!("the CA `{above}` allows no CA below it (path length)")));
                }
                Ok(Standing { mut path, room }) => {
                    path.insert(0, ca);
                    let left = room.map(|room| if info.self_issued { room } else { room - 1 });
                    let room = match (left, info.path_length) {
                        (Some(left), Some(own)) => Some(left.min(own)),
                        (left, own) => left.or(own),
                    };
                    return Ok(Standing { path, room });
                }
                Err(reason) => why = why.or(Some(reason)),
            }
        }
        Err(why.unwrap_or_else(|| format!("the issuer `{}` of its CA is not at hand", info.issuer.text)))
    }

    /// CAs of that name; first those whose key identifier is the one that is asked for.
    fn issuers(&self, certificate: &Certificate) -> impl Iterator<Item = usize> {
        let (name, asked) = (certificate.issuer(), certificate.authority_key_id());
        let likely = asked.and_then(|id| self.by_key_id.get(&(name.der().to_vec(), id.to_vec())));
        let is_likely = move |i: &usize| asked.is_some() && self.known[*i].certificate.subject_key_id() == asked;
        likely.into_iter().flatten().copied().chain(self.candidates(name).filter(move |i| !is_likely(i)))
    }

    fn candidates(&self, subject: &Name) -> impl Iterator<Item = usize> {
        self.by_subject.get(subject.der()).into_iter().flatten().copied()
    }

    /// Whether the CA has signed the certificate, which is the one of that number where it is one of the pool.
    fn signed(&self, ca: usize, itself: Option<usize>, certificate: &Certificate) -> Result<(), Against> {
        let Ok(key) = self.known[ca].certificate.public_key() else {
            let (name, key) = (self.name(ca), &self.known[ca].info.key);
            return Err(Against::It(format!("signatures of `{name}` cannot be checked: its key is {key}")));
        };
        let made = match itself {
            Some(itself) => self.budget.made_with((itself, ca), certificate, key)?,
            None => {
                self.budget.signature()?;
                certificate.made_with(key)
            }
        };
        let why = match made {
            Some(true) if certificate.names_serial_of(&self.known[ca].certificate) => return Ok(()),
            Some(true) => format!(
                "it names another serial number of its CA than `{}` has: openssl refuses it under a CA that was renewed",
                self.name(ca)
            ),
            Some(false) => format!(
                "it was not signed with the key of `{}` that is at hand: another CA of the same name",
                self.name(ca)
            ),
            None => format!("signature algorithm {} cannot be checked here", certificate.algorithm()),
        };
        Err(Against::It(why))
    }

    fn name(&self, ca: usize) -> &str {
        &self.known[ca].info.subject.text
    }
}

fn outside_its_time(info: &CertificateInfo, now: OffsetDateTime) -> Option<String> {
    if now > info.not_after {
        return Some(format!("it has expired on {}", info.not_after.date()));
    }
    (now < info.not_before).then(|| format!("it is not valid before {}", info.not_before.date()))
}

/// Extended key usages.
fn purposes(info: &CertificateInfo) -> Vec<&str> {
    info.usages.iter().map(String::as_str).filter(|usage| !crate::pki::is_key_usage(usage)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::fixtures::{NOW, tangle};

    #[test]
    fn cas_that_sign_each_other_without_end_are_not_followed() {
        let (leaf, cas) = tangle();
        let found = |certificate: &Certificate| {
            let found =
                Found { place: "x".into(), certificate: certificate.clone(), trust: Trust::SelfSigned, host: None };
            (found, CertificateInfo::of(certificate))
        };
        let pool = Pool::new(&cas.iter().map(found).collect::<Vec<_>>(), &[], NOW).unwrap();
        for certificate in [&leaf, &cas[0], &cas[100]] {
            let verdict = pool.verdict(certificate, &CertificateInfo::of(certificate));
            assert!(!verdict.verified && verdict.why.starts_with("too much to judge"), "{verdict:?}");
        }
    }
}
