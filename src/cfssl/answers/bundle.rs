//! A certificate with its chain, as `cfssl bundle` prints it.

use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::{AuthorityInfoAccess, GeneralName};
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

use crate::cfssl::answers::certinfo::signature_name;
use crate::cfssl::answers::failure::Failure;
use crate::cfssl::call::Call;
use crate::cfssl::go;
use crate::error::{Error, Result};
use crate::pki::{Attribute, Certificate, CertificateInfo, Key, KeyKind, Name, Pool, dotted, oid};

/// How the chain is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// The shortest chain to one of the roots.
    Shortest,
    /// The certificates of the file, as they stand there.
    Force,
}

/// A certificate with its chain.
#[derive(Debug)]
pub struct Bundle<'a> {
    leaf: Certificate,
    /// From the certificate up, without the root.
    chain: Vec<Certificate>,
    root: Option<Certificate>,
    given: &'a [Certificate],
    key: Option<&'a Key>,
}

/// Names are cfssl's; the keys of its JSON are sorted.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    bundle: String,
    crl_support: bool,
    crt: String,
    expires: String,
    hostnames: Vec<String>,
    issuer: String,
    key: &'a str,
    key_size: u32,
    key_type: String,
    leaf_expires: String,
    ocsp: Option<Vec<String>>,
    ocsp_support: bool,
    root: String,
    signature: String,
    status: Status,
    subject: String,
}

#[derive(Debug, Serialize)]
struct Status {
    rebundled: bool,
    #[serde(rename = "expiring_SKIs")]
    expiring: Option<Vec<String>>,
    untrusted_root_stores: Option<Vec<String>>,
    messages: Option<Vec<String>>,
    code: u8,
}

impl<'a> Bundle<'a> {
    /// Finds the chain of the first certificate. Those after it may be in the chain, as may the intermediates.
    pub fn build(
        given: &'a [Certificate],
        key: Option<&'a Key>,
        flavor: Flavor,
        roots: &[Certificate],
        intermediates: &[Certificate],
        call: &Call,
    ) -> Result<Self, Failure> {
        let Some(leaf) = given.first() else { return Err(Failure::code(1002, "Failed to decode certificate")) };
        let info = CertificateInfo::of(leaf);
        call.log.info(&format!("bundling certificate for {}", info.subject.text));
        if flavor == Flavor::Force {
            let linked = given.windows(2).all(|pair| {
                let (one, roots) = (&pair[0], &pair[1..]);
                Pool { roots, intermediates: &[] }.chain(one, call.now).is_ok()
            });
            if !linked {
                return Err(Failure::code(1200, "Unable to verify the certificate chain"));
            }
            return Ok(Bundle { leaf: leaf.clone(), chain: given.to_vec(), root: None, given, key });
        }
        let itself = Pool { roots: std::slice::from_ref(leaf), intermediates: &[] };
        if info.self_issued && itself.chain(leaf, call.now).is_ok() {
            return Err(Failure::code(1100, "Certificate is self signed"));
        }
        let between: Vec<_> = intermediates.iter().chain(&given[1..]).cloned().collect();
        let mut chain = Pool { roots, intermediates: &between }.chain(leaf, call.now).map_err(|_| {
            call.log.info(
                "no chain leads to a root of -ca-bundle through -int-bundle; nothing is fetched from the network",
            );
            unverified(&info, call.now)
        })?;
        let root = chain.pop();
        if let Some(root) = &root {
            call.log.info(&format!("the anchoring root is {}", root.subject()));
        }
        Ok(Bundle { leaf: leaf.clone(), chain, root, given, key })
    }

    /// One line without a newline, as cfssl.
    pub fn json(&self, now: OffsetDateTime) -> Result<Zeroizing<Vec<u8>>> {
        let info = CertificateInfo::of(&self.leaf);
        let whole = self.chain.iter().chain(&self.root);
        let mut expiring = Vec::new();
        for (number, certificate) in whole.enumerate() {
            if certificate.validity().not_after - now < Duration::days(30) {
                expiring.push((number + 1, CertificateInfo::of(certificate).subject_key_id.replace(':', "")));
            }
        }
        let ends = self.chain.iter().map(|c| c.validity().not_after);
        let ocsp = responders(&self.leaf);
        let mut hostnames = Vec::new();
        hostnames.extend(Some(info.subject.common_name.clone()).filter(|cn| !cn.is_empty()));
        hostnames.extend(info.sans.iter().filter_map(|san| san.strip_prefix("DNS:").map(str::to_owned)));
        let mut seen = std::collections::BTreeSet::new();
        hostnames.retain(|name| seen.insert(name.clone()));
        let (key_type, key_size) = describe(self.leaf.public_key()?.kind());
        let numbers = expiring.iter().map(|(number, _)| format!(" #{number}")).collect::<String>();
        let key = self.key.map(|key| key.to_pem());
        let key = key.as_ref().and_then(|key| std::str::from_utf8(key.expose()).ok()).unwrap_or_default();
        let shown = Shown {
            bundle: self.chain.iter().map(Certificate::to_pem).collect::<String>().trim_end().to_owned(),
            crl_support: self.leaf.extension(oid::CRL_DISTRIBUTION_POINTS).is_some(),
            crt: self.leaf.to_pem().trim_end().to_owned(),
            expires: moment(ends.min().unwrap_or(info.not_after))?,
            hostnames,
            issuer: slashed(self.leaf.issuer()),
            key: key.trim_end(),
            key_size,
            key_type,
            leaf_expires: moment(info.not_after)?,
            ocsp_support: !ocsp.is_empty(),
            ocsp: Some(ocsp).filter(|ocsp| !ocsp.is_empty()),
            root: self.root.as_ref().map_or_else(String::new, |root| root.to_pem().trim_end().to_owned()),
            signature: signature_name(&self.leaf),
            status: Status {
                rebundled: self.chain != self.given,
                code: u8::from(!expiring.is_empty()),
                messages: (!expiring.is_empty())
                    .then(|| vec![format!("the chain has certificates that expire within 30 days:{numbers}")]),
                expiring: (!expiring.is_empty()).then(|| expiring.into_iter().map(|(_, id)| id).collect()),
                untrusted_root_stores: None,
            },
            subject: slashed(self.leaf.subject()),
        };
        // Long enough for an RSA key of 8192 bits and a chain, so that no copy of the key is left behind by growing.
        let mut json = Zeroizing::new(Vec::with_capacity(128 * 1024));
        serde_json::to_writer(&mut *json, &shown).map_err(|e| Error::internal(format!("write JSON: {e}")))?;
        Ok(go::json::escaped_secret(&json))
    }
}

/// cfssl's words against a certificate without a chain.
fn unverified(info: &CertificateInfo, now: OffsetDateTime) -> Failure {
    let moment = |time| moment(time).unwrap_or_default();
    let expired = "x509: certificate has expired or is not yet valid: current time";
    if now > info.not_after {
        return Failure::code(1211, &format!("{expired} {} is after {}", moment(now), moment(info.not_after)));
    }
    if now < info.not_before {
        return Failure::code(1211, &format!("{expired} {} is before {}", moment(now), moment(info.not_before)));
    }
    Failure::code(1220, "x509: certificate signed by unknown authority")
}

/// In UTC and whole seconds.
fn moment(time: OffsetDateTime) -> Result<String> {
    let time = time.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).map_err(|e| Error::internal(format!("write a time: {e}")))
}

fn responders(certificate: &Certificate) -> Vec<String> {
    let value = certificate.extension(oid::AUTHORITY_INFO_ACCESS).unwrap_or_default();
    let Ok((_, access)) = AuthorityInfoAccess::from_der(value) else { return Vec::new() };
    let ocsp = access.accessdescs.iter().filter(|d| d.access_method.to_id_string() == "1.3.6.1.5.5.7.48.1");
    ocsp.filter_map(|d| match &d.access_location {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    })
    .collect()
}

fn describe(kind: KeyKind) -> (String, u32) {
    match kind.spec() {
        ("rsa", bits) => (format!("{bits}-bit RSA"), bits),
        ("ecdsa", bits) => (format!("{bits}-bit ECDSA"), bits),
        _ => ("Ed25519".to_owned(), 256),
    }
}

/// `/Organization=IntO/CommonName=Int`. cfssl breaks off at attributes that are not in its table.
fn slashed(name: &Name) -> String {
    let one = |attribute: Attribute| {
        let oid = dotted(&attribute.oid);
        let known = match oid.as_str() {
            "2.5.4.3" => "CommonName",
            "2.5.4.5" => "SerialNumber",
            "2.5.4.6" => "Country",
            "2.5.4.7" => "Locality",
            "2.5.4.8" => "Province",
            "2.5.4.9" => "StreetAddress",
            "2.5.4.10" => "Organization",
            "2.5.4.11" => "OrganizationalUnit",
            "2.5.4.17" => "PostalCode",
            other => other,
        };
        format!("/{known}={}", attribute.value)
    };
    name.attributes().into_iter().map(one).collect()
}
