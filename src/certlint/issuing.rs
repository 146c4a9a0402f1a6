//! Rules about a certificate and the CA that is among the inputs with it, and about the order of a chain.

use super::rule::Severity::{Error, Warning};
use super::rule::{Check, Context, Rule, certificate, when};
use super::view::{ANY_PURPOSE, View};

pub(super) const RULES: &[Rule] = &[
    certificate(
        "same-dn-no-aki",
        Error,
        "certificate and CA have one subject, and no key identifier tells them apart",
        "openssl (error 18, \"self-signed certificate\"), and so curl, Python, nginx",
        "RFC 5280 §4.2.1.1",
        same_dn_no_aki,
    ),
    certificate(
        "same-dn",
        Warning,
        "certificate and CA have one subject",
        "whoever looks for the issuer by its name; Go takes it",
        "RFC 5280 §4.1.2.6",
        same_dn,
    ),
    certificate(
        "aki-mismatch",
        Error,
        "the authority key identifier is not the CA's",
        "openssl (\"unable to get local issuer certificate\")",
        "RFC 5280 §4.2.1.1",
        aki_mismatch,
    ),
    certificate(
        "signature-wrong",
        Error,
        "no CA of the issuer's name has made its signature",
        "everybody",
        "RFC 5280 §6.1.3",
        signature_wrong,
    ),
    certificate(
        "outlives-ca",
        Warning,
        "it ends after its CA",
        "everybody, from the CA's end on",
        "RFC 5280 §6.1.3, BR §6.3.2",
        outlives_ca,
    ),
    certificate(
        "path-length-exceeded",
        Error,
        "it is a CA below one that allows none below it",
        "openssl (error 25), Go (\"too many intermediates for path length constraint\")",
        "RFC 5280 §4.2.1.9",
        path_length_exceeded,
    ),
    certificate(
        "eku-not-of-ca",
        Error,
        "its CA's extended key usage allows none of its own",
        "Go (\"incompatible key usage\"), openssl (\"unsuitable certificate purpose\")",
        "BR §7.1.2.10.6, RFC 5280 §4.2.1.12",
        eku_not_of_ca,
    ),
    Rule {
        id: "chain-order",
        severity: Warning,
        title: "the certificates of a file are not in the order of a chain",
        rejected_by: "TLS 1.2 clients by the letter; openssl and Go sort them",
        reference: "RFC 5246 §7.4.2",
        check: Check::Chain(chain_order),
    },
];

fn same_dn_no_aki(view: &View<'_>, context: &Context<'_>) -> Vec<String> {
    let same = view.is_self_issued() && !context.self_signed && !view.issuer.is_empty();
    when(same && view.authority_key_id().is_none(), "its subject is its CA's, and it has no authority key identifier")
}

fn same_dn(view: &View<'_>, context: &Context<'_>) -> Vec<String> {
    let same = view.is_self_issued() && !context.self_signed && !view.issuer.is_empty() && !view.is_ca();
    when(same && view.authority_key_id().is_some(), "its subject is its CA's: give it a common name of its own")
}

fn aki_mismatch(view: &View<'_>, context: &Context<'_>) -> Vec<String> {
    let ids = (view.authority_key_id(), context.issuer.and_then(View::subject_key_id));
    when(matches!(ids, (Some(own), Some(theirs)) if own != theirs), "its authority key identifier is not its CA's")
}

fn signature_wrong(_: &View<'_>, context: &Context<'_>) -> Vec<String> {
    when(context.forged, "a CA of its issuer's name is at hand, and has not signed it")
}

fn outlives_ca(view: &View<'_>, context: &Context<'_>) -> Vec<String> {
    let ends = (view.not_after.moment(), context.issuer.and_then(|issuer| issuer.not_after.moment()));
    match ends {
        (Some(own), Some(theirs)) if own > theirs => {
            vec![format!("it ends on {}, after its CA, which ends on {}", own.date(), theirs.date())]
        }
        _ => Vec::new(),
    }
}

fn path_length_exceeded(view: &View<'_>, context: &Context<'_>) -> Vec<String> {
    let length = context.issuer.and_then(|issuer| issuer.constraints()?.1);
    when(view.is_ca() && !view.is_self_issued() && length == Some(0), "its CA has path length 0")
}

fn eku_not_of_ca(view: &View<'_>, context: &Context<'_>) -> Vec<String> {
    let (Some(own), Some(theirs)) = (view.purposes(), context.issuer.and_then(View::purposes)) else {
        return Vec::new();
    };
    let allowed = own.is_empty() || own.iter().any(|purpose| theirs.contains(purpose) || purpose == ANY_PURPOSE);
    let any = theirs.iter().any(|purpose| purpose == ANY_PURPOSE);
    when(!allowed && !any, "its CA is for none of its purposes")
}

/// Only a file that begins with a leaf is a chain; a bundle of CAs has no order.
fn chain_order(views: &[View<'_>]) -> Vec<String> {
    let [leaf, cas @ ..] = views else { return Vec::new() };
    if leaf.is_ca() {
        // A bundle, or a chain that is upside down.
        let below = cas.last().is_some_and(|last| !last.is_ca() && cas.len() + 1 == views.len());
        return when(below && views.iter().filter(|v| !v.is_ca()).count() == 1, "its leaf does not come first");
    }
    if cas.iter().any(|ca| !ca.is_ca()) {
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
