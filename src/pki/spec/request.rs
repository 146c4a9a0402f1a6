//! What somebody wants certified: from a CSR spec and a key, or from a CSR.

use super::csr_spec::{CaSpec, CsrSpec, Subject};
use crate::error::Result;
use crate::pki::encoding::oid;
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::san::{Classified, classify};
use crate::pki::rules::Rules;
use crate::pki::x509::extension::{self, BasicConstraints, Extension};
use crate::pki::x509::request::Request;

impl Request {
    /// From a CSR spec. Its `ca` becomes a request for a CA certificate.
    pub fn from_spec(spec: &CsrSpec, public_key: &PublicKey) -> Result<Self> {
        Self::from_spec_by(spec, public_key, Rules::Strict)
    }

    /// As [`Request::from_spec`]; by lenient rules an empty host is an empty DNS name, and an e-mail address a
    /// UTF8String, as with cfssl.
    pub fn from_spec_by(spec: &CsrSpec, public_key: &PublicKey, rules: Rules) -> Result<Self> {
        let Classified { sans, warnings, suspicions } = classify(&spec.hosts, rules)?;
        let mut extensions = Vec::new();
        if spec.delegation_enabled {
            extensions.push(extension::null(oid::DELEGATION));
        }
        for e in &spec.extensions {
            extensions.push(Extension { oid: e.id.clone(), critical: e.critical, value: e.value.clone() });
        }
        let ca = spec.ca.as_ref().map_or(BasicConstraints::EndEntity, CaSpec::constraints);
        let new = Request::new(spec.subject().to_name_by(rules)?, public_key.clone());
        Ok(Request { sans, ca, extensions, own: true, warnings, of_hosts: suspicions, ..new })
    }

    /// Replaces the fields of the subject that `subject` has; the others stay, in cfssl's order, encoded by the rules.
    pub fn override_subject(&mut self, subject: &Subject, rules: Rules) -> Result<()> {
        let mut own = self.subject_parts()?.with_last_of_single();
        let mut parts = subject.parts()?;
        for oid in [
            oid::COUNTRY,
            oid::PROVINCE,
            oid::LOCALITY,
            oid::ORGANIZATION,
            oid::ORGANIZATIONAL_UNIT,
            oid::COMMON_NAME,
            oid::SERIAL_NUMBER,
        ] {
            let given = parts.take(oid);
            parts.set(oid, if given.is_empty() { own.take(oid) } else { given });
        }
        self.subject = parts.encode(rules);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Key, KeyKind, San};

    fn request(json: &str) -> Result<Request> {
        let key = Key::generate(KeyKind::EcdsaP256)?;
        Request::from_spec(&CsrSpec::from_json(json.as_bytes(), "x")?, key.public())
    }

    #[test]
    fn empty_hosts_are_dropped_with_a_warning() {
        let request = request(r#"{"hosts":["","a"]}"#).unwrap();
        assert_eq!(request.sans, [San::Dns("a".into())]);
        assert_eq!(request.warnings, ["an empty host is left out"]);
    }

    #[test]
    fn all_bad_hosts_are_named() {
        let error = request(r#"{"hosts":["a","b\u0000","，"]}"#).unwrap_err();
        assert_eq!(error.others.len(), 1);
    }

    #[test]
    fn a_subject_file_overrides_what_it_has() {
        let mut request = request(r#"{"CN":"old","names":[{"C":"CN","O":"a"},{"O":"b"}]}"#).unwrap();
        request
            .override_subject(&Subject::from_json(br#"{"CN":"new","names":[{"O":"c"}]}"#, "x").unwrap(), Rules::Strict)
            .unwrap();
        let expected = CsrSpec::from_json(br#"{"CN":"new","names":[{"C":"CN","O":"c"}]}"#, "x").unwrap();
        assert_eq!(request.subject, expected.subject().to_name().unwrap());
    }
}
