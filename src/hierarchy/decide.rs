//! What is to be, what is there, the time → what is to be done, and why. A pure function.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::chain;
use super::found::Found;
use super::item::{Hierarchy, Item, Kind, Upkeep};
use super::needed;
use super::plan::{Action, Plan, State, Step};
use super::step::{self, Asked, Future, Verdict};
use crate::error::{Error, Result};
use crate::pki::{Certificate, Constraints, Rules};
use crate::text::nearest;

/// What a person asks for beside the specification, by the names of CAs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Issue their certificates once more: same key, same subject.
    pub renew: BTreeSet<String>,
    /// Replace them, key and all, and everything that they have issued.
    pub replace: BTreeSet<String>,
}

impl Options {
    /// As they stand on the command line.
    pub(super) fn flags(&self) -> String {
        let renew = self.renew.iter().map(|name| format!("--renew-ca {name}"));
        renew.chain(self.replace.iter().map(|name| format!("--replace-ca {name}"))).collect::<Vec<_>>().join(" ")
    }

    /// They must be names of CAs.
    fn problems(&self, hierarchy: &Hierarchy) -> Vec<Error> {
        let known: Vec<&str> = authorities(hierarchy).map(|item| item.name.as_str()).collect();
        let unknown = self.renew.union(&self.replace).filter(|name| !known.contains(&name.as_str()));
        let mut problems: Vec<Error> = unknown
            .map(|name| {
                let error = Error::usage(format!("there is no CA `{name}` in the specification"));
                error.meant(nearest(name, known.iter().copied()), || format!("its CAs are: {}", known.join(", ")))
            })
            .collect();
        let both = self.renew.intersection(&self.replace);
        problems.extend(both.map(|name| Error::usage(format!("CA {name} can be renewed or replaced, not both"))));
        problems
    }
}

fn authorities(hierarchy: &Hierarchy) -> impl Iterator<Item = &Item> {
    hierarchy.items.iter().filter(|item| item.kind == Kind::Authority)
}

/// What is to be done about every item. `found` has an entry for each.
pub fn decide(hierarchy: &Hierarchy, found: &[Found], options: &Options, now: OffsetDateTime) -> Plan {
    let mut plan = Plan { steps: Vec::new(), problems: options.problems(hierarchy) };
    let mut futures: Vec<Option<Future<'_>>> = Vec::with_capacity(hierarchy.items.len());
    let issuing: BTreeSet<usize> = hierarchy
        .items
        .iter()
        .zip(found)
        .filter_map(|(item, found)| found.certificate.as_ref().and(item.issuer))
        .collect();
    let keys = keys_of_cas(hierarchy, found);
    let key_of_ca = |i: usize| {
        let is_leaf = hierarchy.items[i].kind == Kind::Certificate;
        let own = found[i].key.as_ref().filter(|_| is_leaf)?;
        keys.get(own.spki()).copied()
    };
    for (i, (item, there)) in hierarchy.items.iter().zip(found).enumerate() {
        let issuer = item.issuer.and_then(|at| futures[at].as_ref().map(|future| (future, &hierarchy.items[at].name)));
        let asked = Asked {
            renew: options.renew.contains(&item.name),
            replace: options.replace.contains(&item.name),
            has_issued: issuing.contains(&i),
        };
        let below_broken = issuer.is_some_and(|(issuer, _)| issuer.broken);
        let specified = item.upkeep == Upkeep::Specified;
        let judged = match (item.kind, issuer) {
            (_, Some((issuer, name))) if issuer.broken => Ok(step::unknown(there, name)),
            (Kind::Authority, _) if !specified => needed::authority(item, there, now),
            (Kind::Certificate, Some((issuer, _))) if !specified => needed::certificate(item, there, issuer, now),
            (Kind::Authority, issuer) => step::authority(item, there, issuer.map(|(future, _)| future), asked, now),
            (Kind::Certificate, Some((issuer, _))) => step::certificate(item, there, issuer, now),
            (Kind::Certificate, None) => Err(Error::internal("a certificate without a CA")),
        };
        let judged =
            judged.map(|verdict| step::without_key_of_ca(item, there, key_of_ca(i).filter(|_| !below_broken), verdict));
        let mut verdict = judged.unwrap_or_else(|error| Verdict { problems: vec![error], ..Verdict::default() });
        let signs = matches!(verdict.action, Some(Action::Make | Action::Issue | Action::Renew));
        if let (true, Some((issuer, name))) = (signs, issuer)
            && let Err(error) = if specified { step::signable } else { needed::signable }(item, issuer, name, now)
        {
            let why = if specified { verdict.reasons.join("; ") + "; " } else { String::new() };
            verdict.problems.push(Error { message: why + &error.message, ..error });
        }
        futures
            .push((item.kind == Kind::Authority).then(|| future(item, there, issuer.map(|(f, _)| f), &verdict, now)));
        let mut action = verdict.action.unwrap_or(Action::Keep);
        // What belongs into a chain is unknown, too, while a CA in it is broken.
        let sound = verdict.problems.is_empty() && !below_broken;
        if action == Action::Keep
            && sound
            && let Some(reason) = chain::stale(hierarchy, found, &plan.steps, i)
        {
            verdict.reasons.push(reason);
            action = Action::Chain;
        }
        if action != Action::Make {
            step::exposed(item, there, &mut verdict);
        }
        let problems = verdict.problems.into_iter();
        // The others name their item or its file themselves.
        plan.problems.extend(problems.map(|e| if specified { e.context(item.title()) } else { e }));
        plan.steps.push(Step {
            name: item.name.clone(),
            kind: item.kind,
            state: verdict.state.unwrap_or(State::Good),
            action,
            reasons: verdict.reasons,
            warnings: verdict.warnings,
            not_after: there.certificate.as_ref().map(|c| c.validity().not_after),
            certificate: item.files.certificate.clone(),
        });
    }
    plan
}

/// CAs by their keys: those of their certificates, and where there is none yet, those that lie there for them.
fn keys_of_cas<'a>(hierarchy: &'a Hierarchy, found: &'a [Found]) -> BTreeMap<&'a [u8], &'a Item> {
    let all = hierarchy.items.iter().zip(found).filter(|(item, _)| item.kind == Kind::Authority);
    let key = |found: &'a Found| match &found.certificate {
        Some(certificate) => certificate.public_key().ok(),
        None => found.key.as_ref(),
    };
    all.filter_map(|(item, found)| Some((key(found)?.spki(), item))).collect()
}

/// What becomes of a CA.
fn future<'a>(
    item: &Item,
    found: &'a Found,
    issuer: Option<&Future<'_>>,
    verdict: &Verdict,
    now: OffsetDateTime,
) -> Future<'a> {
    let limited = |wanted: Result<crate::pki::Validity>| {
        let ca = issuer.and_then(|issuer| issuer.validity);
        wanted.and_then(|wanted| ca.map_or(Ok(wanted), |ca| wanted.within(&ca, Rules::Strict, &mut Vec::new()))).ok()
    };
    let no_key = || format!("the key of CA {}, {}, is not there", item.name, item.files.key.display());
    let lacks_key = found.key.is_none().then(no_key);
    let broken = !verdict.problems.is_empty() || issuer.is_some_and(|issuer| issuer.broken);
    let (names, external) = (constraints(item, found, issuer, verdict), item.external);
    let last = item.profile.ca_constraint.constraints().path_length() == Some(0);
    match verdict.action {
        Some(Action::Make | Action::Issue) => {
            let validity = limited(item.profile.validity(now));
            Future { certificate: None, validity, last, external, cannot_sign: None, broken, names }
        }
        Some(Action::Renew) => {
            let validity = limited(item.profile.validity(now));
            let certificate = found.certificate.as_ref();
            Future { certificate, validity, last, external, cannot_sign: lacks_key, broken, names }
        }
        _ => {
            let certificate = found.certificate.as_ref();
            Future {
                certificate,
                validity: certificate.map(Certificate::validity),
                last: certificate.is_some_and(|c| c.basic_constraints().path_length() == Some(0)),
                external,
                cannot_sign: lacks_key,
                broken,
                names,
            }
        }
    }
}

/// The name constraints that a CA and those above it will have, the nearest first.
fn constraints(
    item: &Item,
    found: &Found,
    issuer: Option<&Future<'_>>,
    verdict: &Verdict,
) -> Vec<(String, Constraints)> {
    let specified = || Some(Constraints::from_der(&item.profile.ca_constraint.names().ok()??.value));
    let present = || found.certificate.as_ref().and_then(Certificate::name_constraints).cloned();
    let own = match verdict.action {
        Some(Action::Make | Action::Issue) => specified(),
        Some(Action::Renew) => specified().or_else(present),
        _ => present(),
    };
    let mut all: Vec<_> = own.into_iter().map(|constraints| (item.name.clone(), constraints)).collect();
    let brought =
        found.above.iter().filter_map(|ca| Some((format!("`{}`", ca.subject()), ca.name_constraints()?.clone())));
    all.extend(brought);
    all.extend(issuer.into_iter().flat_map(|issuer| issuer.names.iter().cloned()));
    all
}
