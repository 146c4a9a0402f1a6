//! A linter: which certificates and keys openssl, Go, browsers or Java will refuse or trip over, and where it is
//! written.
//!
//! Rules are pure functions over a [`view`] of a certificate, in tables; [`Inputs`] is what they look at.

mod basics;
mod cas;
mod der;
mod extensions;
mod inputs;
mod issuing;
mod key_file;
mod names;
mod rule;
mod shapes;
mod view;

use time::OffsetDateTime;

pub use inputs::Inputs;
pub use rule::{Finding, Rule, Severity};

use crate::pki::{Certificate, Name, PublicKey};
use cas::Cas;
use inputs::Raw;
use rule::{Check, Context};
use view::View;

/// What is no certificate, though it should be one: found where it is read.
const UNREADABLE: Rule = Rule {
    id: "unreadable",
    severity: Severity::Error,
    title: "it should be a certificate, and is none",
    rejected_by: "everybody",
    reference: "RFC 5280 §4.1",
    check: Check::Reading,
};

/// All rules, in the order of their documentation.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let tables = [names::RULES, basics::RULES, shapes::RULES, extensions::RULES, issuing::RULES, key_file::RULES];
    std::iter::once(&UNREADABLE).chain(tables.into_iter().flatten())
}

/// Of these rules, whoever issues hears, although they are warnings: the spec can still be changed.
const TOLD: [&str; 2] = ["dn-country", "dn-too-long"];
/// Defects of a CA for which what it issues is refused.
const PASSED_ON: [&str; 4] = ["bc-not-critical", "ca-without-key-usage", "key-id-critical", "ski-missing"];

/// What verifiers will refuse in a certificate that was just issued, by these CAs, the first of which has signed it.
pub fn refused(issued: &Certificate, above: &[Certificate], now: OffsetDateTime) -> Vec<String> {
    let inputs = Inputs::of(issued, above);
    let views: Vec<Option<View<'_>>> = inputs.certificates.iter().map(|raw| View::of(&raw.der)).collect();
    let cas = Cas::of(&views);
    let (own, by) = (views.first().and_then(Option::as_ref), views.get(1).and_then(Option::as_ref));
    // Whoever issues checks signatures.
    own.zip(by).into_iter().for_each(|(own, by)| cas.believe(own, by));
    let mut all = Vec::new();
    for finding in own.into_iter().flat_map(|own| worst_first(certificate(&inputs.certificates[0], own, &cas, now))) {
        let Finding { what, rejected_by, rule, severity, .. } = finding;
        all.extend(match severity {
            Severity::Error => Some(format!("{what}; refused by {rejected_by} ({rule})")),
            Severity::Warning if TOLD.contains(&rule) => Some(format!("{what} ({rule})")),
            _ => None,
        });
    }
    let of_ca = above.first().into_iter().flat_map(|ca| passed_on_by(ca, now));
    all.extend(of_ca.map(|f| format!("the CA `{}`: {}", f.subject, passed_on_words(&f))));
    all
}

/// What is wrong with a CA, and has verifiers refuse whatever it issues.
pub fn passed_on(ca: &Certificate, now: OffsetDateTime) -> Vec<String> {
    passed_on_by(ca, now).iter().map(passed_on_words).collect()
}

fn passed_on_words(found: &Finding) -> String {
    format!("{}; whatever it issues is refused by {} ({})", found.what, found.rejected_by, found.rule)
}

/// Only those rules are asked: they look at the CA by itself, and need no signature checked.
fn passed_on_by(ca: &Certificate, now: OffsetDateTime) -> Vec<Finding> {
    let Some(view) = View::of(ca.der()) else { return Vec::new() };
    let rules = rules().filter(|rule| PASSED_ON.contains(&rule.id));
    worst_first(by(rules, "", &view, &Context::alone(now)))
}

fn worst_first(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// Everything that is wrong with the inputs, in their order; for each first what is worst. Findings of ignored rules
/// are left out.
pub fn lint(inputs: &Inputs, ignored: &[String], now: OffsetDateTime) -> Vec<Finding> {
    let views: Vec<Option<View<'_>>> = inputs.certificates.iter().map(|raw| View::of(&raw.der)).collect();
    let cas = Cas::of(&views);
    let mut findings = Vec::new();
    for (i, (raw, view)) in inputs.certificates.iter().zip(&views).enumerate() {
        let mut own = match view {
            None => {
                let what = raw.damage.clone().unwrap_or_else(|| "it is not the DER of a certificate".into());
                vec![finding(&UNREADABLE, &raw.place, "a certificate", what)]
            }
            Some(view) => certificate(raw, view, &cas, now),
        };
        if first_of_file(inputs, i) {
            own.extend(chain(inputs, &views, i));
        }
        findings.extend(worst_first(own));
    }
    for key in &inputs.keys {
        let beside = inputs.certificate_of(key).and_then(|i| views[i].as_ref()).map(|view| normal(view.spki));
        for rule in rules() {
            if let Check::Key(check) = rule.check {
                let found = check(key, beside.as_deref().unwrap_or_default());
                findings.extend(found.into_iter().map(|what| finding(rule, &key.place, "a private key", what)));
            }
        }
    }
    findings.retain(|finding| !ignored.iter().any(|id| id == finding.rule));
    findings
}

fn certificate<'v>(raw: &'v Raw, view: &'v View<'v>, cas: &Cas<'v>, now: OffsetDateTime) -> Vec<Finding> {
    by(rules(), &raw.place, view, &cas.context(view, raw.asked.as_deref(), now))
}

/// What these rules find.
fn by(rules: impl Iterator<Item = &'static Rule>, place: &str, view: &View<'_>, context: &Context<'_>) -> Vec<Finding> {
    let subject = match Name::from_der(view.subject.raw).map(|name| name.to_string()) {
        Some(text) if !text.is_empty() => text,
        _ => "a certificate without a subject".to_owned(),
    };
    let mut found = Vec::new();
    for rule in rules {
        if let Check::Certificate(check) = rule.check {
            found.extend(check(view, context).into_iter().map(|what| finding(rule, place, &subject, what)));
        }
    }
    found
}

fn first_of_file(inputs: &Inputs, at: usize) -> bool {
    at == 0 || inputs.certificates[at - 1].place != inputs.certificates[at].place
}

fn chain(inputs: &Inputs, views: &[Option<View<'_>>], at: usize) -> Vec<Finding> {
    let place = &inputs.certificates[at].place;
    let same = inputs.certificates[at..].iter().take_while(|raw| raw.place == *place).count();
    if inputs.certificates[at].unordered {
        return Vec::new();
    }
    let Some(views) = views[at..at + same].iter().cloned().collect::<Option<Vec<_>>>() else { return Vec::new() };
    let mut found = Vec::new();
    for rule in rules() {
        if let Check::Chain(check) = rule.check {
            found.extend(check(&views).into_iter().map(|what| finding(rule, place, "a chain", what)));
        }
    }
    found
}

fn finding(rule: &Rule, place: &str, subject: &str, what: String) -> Finding {
    Finding {
        rule: rule.id,
        severity: rule.severity,
        place: place.to_owned(),
        subject: subject.to_owned(),
        what,
        rejected_by: rule.rejected_by,
        reference: rule.reference,
    }
}

/// As we would write it, so that two encodings of one key are the same.
fn normal(spki: &[u8]) -> Vec<u8> {
    PublicKey::from_spki(spki).map_or_else(|_| spki.to_vec(), |key| key.spki().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::CsrSpec;
    use crate::pki::fixtures::{self, NOW, key, named};
    use proptest::prelude::*;

    fn root() -> Vec<u8> {
        let spec = CsrSpec { hosts: vec!["10.0.0.1".into()], ..named("ca") };
        fixtures::root(&spec, &key()).der().to_vec()
    }

    fn findings(der: Vec<u8>) -> Vec<Finding> {
        let certificates = vec![Raw { place: "x".into(), der, ..Raw::default() }];
        lint(&Inputs { certificates, ..Inputs::default() }, &[], NOW)
    }

    #[test]
    fn our_own_root_has_no_fault() {
        assert_eq!(findings(root()), []);
    }

    #[test]
    fn rules_have_names_of_their_own() {
        let ids: std::collections::BTreeSet<_> = rules().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), rules().count());
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = findings(bytes);
        }

        #[test]
        fn damage_never_panics(damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
            let mut der = root();
            for (at, to) in damage {
                let at = at.index(der.len());
                der[at] = to;
            }
            let _ = findings(der);
        }
    }
}
