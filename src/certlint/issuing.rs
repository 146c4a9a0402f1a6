//! Rules about a certificate and the CA that is among the inputs with it, and about the order of a chain.

use time::OffsetDateTime;

use super::cas::Constrained;
use super::rule::Severity::{Error, Warning};
use super::rule::{Check, Rule, certificate, when};
use super::view::{ANY_PURPOSE, NAME_CONSTRAINTS, View};
use crate::pki::{Constraints, Name, TooMuch, Validity, day_and_minute};

pub(super) const RULES: &[Rule] = &[
    certificate(
        "same-dn-no-aki",
        Error,
        "certificate and CA have one subject, and no key identifier tells them apart",
        "openssl (error 18, \"self-signed certificate\"), and so curl, Python, nginx",
        "RFC 5280 §4.2.1.1",
        |view, context| {
            let same = view.is_self_issued() && !context.self_signed && !context.broken && !view.issuer.is_empty();
            when(
                same && view.authority_key_id().is_none(),
                "its subject is its CA's, and it has no authority key identifier",
            )
        },
    ),
    certificate(
        "same-dn",
        Warning,
        "certificate and CA have one subject",
        "whoever looks for the issuer by its name; Go takes it",
        "RFC 5280 §4.1.2.6",
        |view, context| {
            let same = view.is_self_issued()
                && !context.self_signed
                && !context.broken
                && !view.issuer.is_empty()
                && !view.is_ca();
            when(same && view.authority_key_id().is_some(), "its subject is its CA's: give it a common name of its own")
        },
    ),
    certificate(
        "aki-mismatch",
        Error,
        "the authority key identifier is not the CA's",
        "openssl (\"unable to get local issuer certificate\")",
        "RFC 5280 §4.2.1.1",
        |view, context| {
            let ids = (view.authority_key_id(), context.issuer().and_then(View::subject_key_id));
            when(
                matches!(ids, (Some(own), Some(theirs)) if own != theirs),
                "its authority key identifier is not its CA's",
            )
        },
    ),
    certificate(
        "aki-serial",
        Error,
        "the authority key identifier names another serial number than the CA's",
        "openssl (\"unable to get local issuer certificate\"); Go takes it",
        "RFC 5280 §4.2.1.1",
        |view, context| {
            let serials = (view.authority_serial(), context.issuer().map(|issuer| issuer.serial));
            when(
                matches!(serials, (Some(named), Some(own)) if significant(named) != significant(own)),
                "it names a serial number that its CA's certificate does not have: the CA was renewed under a new one",
            )
        },
    ),
    certificate(
        "signature-wrong",
        Error,
        "no CA of the issuer's name has made its signature",
        "everybody",
        "RFC 5280 §6.1.3",
        |_, context| {
            if context.broken {
                return vec!["it is its own issuer, and its own key has not signed it".to_owned()];
            }
            when(context.forged, "a CA of its issuer's name is at hand, and has not signed it")
        },
    ),
    certificate(
        "key-of-ca",
        Error,
        "a certificate that is no CA has the key of a CA",
        "nobody: but whoever holds it, on a server say, can issue certificates",
        "RFC 5280 §9, BR §6.1.7",
        |_, context| {
            let name = context.same_key.map(subject);
            name.map(|name| format!("its key is that of the CA `{name}`")).into_iter().collect()
        },
    ),
    certificate(
        "outlives-ca",
        Warning,
        "it ends after its CA",
        "everybody, from the CA's end on",
        "RFC 5280 §6.1.3, BR §6.3.2",
        |view, context| {
            let ends = (view.not_after.moment(), context.issuer().and_then(|issuer| issuer.not_after.moment()));
            match ends {
                (Some(own), Some(theirs)) if own > theirs && !is_trifle(view, own, theirs) => {
                    let (own, theirs) = (day_and_minute(own), day_and_minute(theirs));
                    vec![format!("it ends on {own}, after its CA, which ends on {theirs}")]
                }
                _ => Vec::new(),
            }
        },
    ),
    certificate(
        "path-length-exceeded",
        Error,
        "more CAs stand below a CA than it allows",
        "openssl (error 25), Go (\"too many intermediates for path length constraint\")",
        "RFC 5280 §4.2.1.9",
        // The nearest CA that allows fewer. Certificates that a CA issued to itself do not count (RFC 5280 §4.2.1.9).
        |view, context| {
            if !view.is_ca() || view.is_self_issued() {
                return Vec::new();
            }
            let mut cas = 1;
            for ca in &context.above {
                if let Some(allowed) = ca.constraints().and_then(|(_, length)| length).filter(|&allowed| cas > allowed)
                {
                    let name = Name::from_raw(ca.subject.raw).to_string();
                    return vec![format!(
                        "`{name}` above it has path length {allowed}, and it is CA number {cas} below that one"
                    )];
                }
                cas += u64::from(!ca.is_self_issued());
            }
            Vec::new()
        },
    ),
    certificate(
        "name-constraints-violated",
        Error,
        "a CA above it may not issue for one of its names",
        "openssl (\"permitted subtree violation\"), Go (\"not permitted by any constraint\"), rustls, browsers",
        "RFC 5280 §4.2.1.10, §6.1.3",
        |_, context| {
            let violated = |by: &Constrained<'_>| {
                let name = by.violated.as_ref().ok()?.as_ref()?;
                Some(format!("the CA `{}` may not issue for {name}", subject(by.ca)))
            };
            context.constrained.iter().filter_map(violated).collect()
        },
    ),
    certificate(
        "name-constraints-unjudged",
        Warning,
        "a CA above it constrains names of a type that is not judged here",
        "Go where they are critical (\"unhandled critical extension\"); of the rest openssl verify knows more",
        "RFC 5280 §4.2.1.10",
        |_, context| {
            let open = |by: &Constrained<'_>| {
                let Constrained { unjudged, ca, .. } = by;
                (!unjudged.is_empty())
                    .then(|| format!("the CA `{}` constrains {unjudged}, which was not judged", subject(ca)))
            };
            context.constrained.iter().filter_map(open).collect()
        },
    ),
    certificate(
        "too-much-to-judge",
        Warning,
        "so many CAs have the name of its issuer, or so many names and name constraints belong together, that not all was judged",
        "verifiers, which give up, too: Go (\"too many constraint comparisons\", \"signature check attempts limit reached\")",
        "crypto/x509 of Go: maxConstraintComparisons, maxChainSignatureChecks",
        |_, context| {
            let constraints = context.constrained.iter().filter_map(|by| by.violated.as_ref().err());
            context.too_much.iter().chain(constraints).take(1).map(TooMuch::to_string).collect()
        },
    ),
    certificate(
        "name-constraints-directory",
        Error,
        "a CA's critical name constraints are on directory names, which Go does not know",
        "Go (\"unhandled critical extension\"), whatever it has issued",
        "RFC 5280 §4.2.1.10",
        |view, _| {
            let critical = view.extension(NAME_CONSTRAINTS).is_some_and(|e| e.critical);
            let on_names = constraints(view).is_some_and(|constraints| constraints.on_directory_names());
            when(view.is_ca() && critical && on_names, "its name constraints are on directory names, and critical")
        },
    ),
    certificate(
        "eku-not-of-ca",
        Error,
        "its CA's extended key usage allows none of its own",
        "Go (\"incompatible key usage\"), openssl (\"unsuitable certificate purpose\")",
        "BR §7.1.2.10.6, RFC 5280 §4.2.1.12",
        |view, context| {
            let (Some(own), Some(theirs)) = (view.purposes(), context.issuer().and_then(View::purposes)) else {
                return Vec::new();
            };
            let allowed =
                own.is_empty() || own.iter().any(|purpose| theirs.contains(purpose) || purpose == ANY_PURPOSE);
            let any = theirs.iter().any(|purpose| purpose == ANY_PURPOSE);
            when(!allowed && !any, "its CA is for none of its purposes")
        },
    ),
    Rule {
        id: "chain-order",
        severity: Error,
        title: "a file with a certificate and its CAs does not begin with the certificate",
        rejected_by: "servers that load it with the key: Go (\"private key does not match public key\"), openssl and so \
                      nginx (\"key values mismatch\"); clients that get it take the first one for the server's",
        reference: "RFC 5246 §7.4.2, RFC 8446 §4.4.2",
        check: Check::Chain(leaf_first),
    },
    Rule {
        id: "chain-unsorted",
        severity: Warning,
        title: "the CAs of a chain do not stand each after what it has issued",
        rejected_by: "TLS 1.2 clients by the letter; openssl and Go sort them",
        reference: "RFC 5246 §7.4.2",
        check: Check::Chain(sorted),
    },
];

/// As those who issue see it.
fn is_trifle(view: &View<'_>, own: OffsetDateTime, theirs: OffsetDateTime) -> bool {
    let life = |not_after| Some(Validity { not_before: view.not_before.moment()?, not_after });
    life(own).zip(life(theirs)).is_some_and(|(own, ca)| own.outlives_by_a_trifle(&ca))
}

fn constraints(ca: &View<'_>) -> Option<Constraints> {
    Some(Constraints::from_der(ca.extension(NAME_CONSTRAINTS)?.value))
}

fn subject(view: &View<'_>) -> Name {
    Name::from_raw(view.subject.raw)
}

/// Only a file with one leaf is a chain; a bundle of CAs has no order.
fn is_chain(views: &[View<'_>]) -> bool {
    views.len() > 1 && views.iter().filter(|view| !view.is_ca()).count() == 1
}

fn leaf_first(views: &[View<'_>]) -> Vec<String> {
    let Some(at) = views.iter().position(|view| !view.is_ca()).filter(|at| *at > 0 && is_chain(views)) else {
        return Vec::new();
    };
    let (leaf, first) = (subject(&views[at]), subject(&views[0]));
    vec![format!("its first certificate is the CA `{first}`; `{leaf}`, which is to come first, is number {}", at + 1)]
}

fn sorted(views: &[View<'_>]) -> Vec<String> {
    let [leaf, cas @ ..] = views else { return Vec::new() };
    if leaf.is_ca() || !is_chain(views) {
        return Vec::new();
    }
    let mut current = leaf;
    for (i, next) in cas.iter().enumerate() {
        let is_issuer = |ca: &View<'_>| ca.subject.raw == current.issuer.raw;
        if !is_issuer(next) && cas[i + 1..].iter().any(is_issuer) {
            return vec![format!("certificate {} is not the issuer of the one before it, which comes later", i + 2)];
        }
        current = next;
    }
    Vec::new()
}

/// A serial number without the zeros before it.
fn significant(serial: &[u8]) -> &[u8] {
    &serial[serial.iter().take_while(|byte| **byte == 0).count()..]
}
