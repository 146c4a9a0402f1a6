//! What is looked at in a request before it is signed: it may come from anybody.

use super::authority::Authority;
use crate::error::{Error, Result};
use crate::pki::encoding::oid;
use crate::pki::encoding::tlv::{self, Tlv};
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::hidden;
use crate::pki::rules::Rules;
use crate::pki::x509::extension::Extension;
use crate::pki::x509::request::Request;

/// What deceives whoever reads the certificate, and what verifiers refuse: in its subject, its key, and its names as they
/// are to stand in it.
pub(super) fn look(
    authority: &Authority,
    request: &Request,
    is_ca: bool,
    extensions: &[Extension],
    warnings: &mut Vec<String>,
) -> Result<()> {
    let mut errors: Vec<Error> = hidden::deceptive(&request.subject).into_iter().collect();
    let names = extensions.iter().filter(|extension| extension.oid == oid::SUBJECT_ALT_NAME);
    errors.extend(names.flat_map(|names| unreadable(&names.value)));
    if !is_ca && request.public_key == *authority.key().public() {
        errors.push(
            Error::pki("the key is the CA's own: whoever holds the certificate's key could issue certificates")
                .hint("make a key of its own for it"),
        );
    }
    if authority.rules() == Rules::Strict {
        Error::all(errors)?;
    } else {
        errors.into_iter().try_for_each(|error| authority.rules().doubt(error, warnings))?;
    }
    warnings.extend(weak_exponent(&request.public_key)?);
    Ok(())
}

/// Names of a subject alternative name extension that no verifier takes, or that end somewhere else for some of them.
fn unreadable(names: &[u8]) -> Vec<Error> {
    const IP: u8 = 0x87;
    let kind = |tag| match tag {
        0x81 => Some("email"),
        0x82 => Some("DNS"),
        0x86 => Some("URI"),
        _ => None,
    };
    let all = tlv::only(names, 0x30).and_then(tlv::all).unwrap_or_default();
    let wrong = all.iter().filter_map(|name| match kind(name.tag) {
        Some(kind) => {
            let text = String::from_utf8_lossy(name.content);
            let plain = name.content.iter().all(|byte| (0x20..0x7f).contains(byte));
            let why = if hidden::hides(&text) { "control characters" } else { "characters that are not ASCII" };
            (!plain).then(|| format!("the name {} has {why}", hidden::escaped(&format!("{kind}:{text}"))))
        }
        None => {
            let bytes = name.content.len();
            (name.tag == IP && bytes != 4 && bytes != 16)
                .then(|| format!("an IP address among the names has {bytes} bytes"))
        }
    });
    wrong
        .map(|why| {
            Error::pki(format!("{why}: verifiers refuse it, or read another name"))
                .hint("have the request made without it")
        })
        .collect()
}

/// The types of names in the extension that are neither a host's nor a person's address.
pub(super) fn other_types(extensions: &[Extension]) -> Vec<String> {
    let names = extensions.iter().find(|extension| extension.oid == oid::SUBJECT_ALT_NAME);
    let all = names.and_then(|names| tlv::only(&names.value, 0x30)).and_then(tlv::all).unwrap_or_default();
    all.iter().filter_map(other_type).collect()
}

fn other_type(name: &Tlv<'_>) -> Option<String> {
    Some(match name.tag {
        0x81 | 0x82 | 0x86 | 0x87 => return None,
        0xa0 => {
            let id = tlv::first(name.content).and_then(|(id, _)| oid::arcs(id.content));
            format!("an otherName ({})", oid::dotted(&id.unwrap_or_default()))
        }
        0xa4 => "a directory name".to_owned(),
        0x88 => "a registered ID".to_owned(),
        _ => "a name of a type that nobody uses".to_owned(),
    })
}

/// What there is against the exponent of an RSA key (BR §6.1.6, FIPS 186-5 §5.4).
pub(super) fn weak_exponent(key: &PublicKey) -> Result<Option<String>> {
    let Some(exponent) = key.rsa_exponent() else { return Ok(None) };
    let shown = exponent.iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    if exponent.last().is_none_or(|last| last % 2 == 0) || exponent == [1] {
        return Err(
            Error::pki(format!("the RSA key's exponent is {shown}: there is no such key")).hint("make another key")
        );
    }
    let small = exponent.len() < 3;
    Ok(small.then(|| {
        format!(
            "the RSA key's exponent is {shown}, below 65537: public CAs issue nothing for such a key (rsa-exponent)"
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::fixtures::{NOW, authority, named};
    use crate::pki::{CsrSpec, Key, Lifetime, Profile, San, Serial};

    fn profile() -> Profile {
        Profile::new(&["server auth"], Lifetime::hours(1)).unwrap()
    }

    fn request(spec: &CsrSpec) -> Request {
        Request::from_spec(spec, Key::generate(crate::pki::KeyKind::EcdsaP256).unwrap().public()).unwrap()
    }

    #[test]
    fn what_deceives_in_a_request_is_refused_all_at_once() {
        let ca = authority("ca");
        let mut asked = request(&named("a\0b"));
        asked.sans = vec![San::Dns("good.example\0.evil.example".into()), San::Email("a\n@b".into())];
        let error = ca.issue(&asked, &profile(), NOW, Serial::from_random([2; 20])).unwrap_err();
        insta::assert_snapshot!(error.messages(), @r"
        the subject has `a\u{0}b`: characters that are not seen deceive whoever reads it
        the name `DNS:good.example\u{0}.evil.example` has control characters: verifiers refuse it, or read another name
        the name `email:a\u{a}@b` has control characters: verifiers refuse it, or read another name
        ");
        let turned = request(&named("a\u{202e}b"));
        let error = ca.issue(&turned, &profile(), NOW, Serial::from_random([2; 20])).unwrap_err();
        insta::assert_snapshot!(error, @r"the subject has `a\u{202e}b`: characters that are not seen deceive whoever reads it");
        for unseen in ["\u{200f}", "\u{200b}", "\u{feff}", "\u{ad}", "\u{e0041}"] {
            let asked = request(&named(&format!("good{unseen}evil")));
            let error = ca.issue(&asked, &profile(), NOW, Serial::from_random([2; 20])).unwrap_err();
            let shown = format!("the subject has `good{}evil`: ", unseen.escape_unicode());
            assert!(error.message.starts_with(&shown), "{error}");
        }
        // A joiner that Persian and Indic names need.
        ca.issue(&request(&named("می\u{200c}خواهم")), &profile(), NOW, Serial::from_random([2; 20])).unwrap();
    }

    #[test]
    fn the_key_of_the_ca_is_no_leaf_s() {
        let ca = authority("ca");
        let asked = Request::from_spec(&named("leaf"), ca.key().public()).unwrap();
        let error = ca.issue(&asked, &profile(), NOW, Serial::from_random([2; 20])).unwrap_err();
        insta::assert_snapshot!(error, @"the key is the CA's own: whoever holds the certificate's key could issue certificates");
    }
}
