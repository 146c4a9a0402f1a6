//! What somebody wants certified: from a CSR spec and a key, or from a CSR.

use super::csr::Csr;
use super::extension::{self, Extension};
use super::name::{Name, NameParts};
use super::oid;
use super::public_key::PublicKey;
use super::rules::Rules;
use super::san::San;
use super::spec::{CsrSpec, Subject};
use crate::error::{Error, Result};

/// A subject, its key, its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Subject.
    pub subject: Name,
    /// The key to certify.
    pub public_key: PublicKey,
    /// Subject alternative names, in the order they were given.
    pub sans: Vec<San>,
    /// The names as they stand in a CSR, which may be of more types, and how many of `extensions` stand before them. They
    /// count only where `sans` are still those of the CSR.
    pub names: Option<(Extension, usize)>,
    /// It asks for a CA certificate, with this path length.
    pub ca: Option<Option<u32>>,
    /// Other extensions it asks for.
    pub extensions: Vec<Extension>,
    /// What a person should know of it.
    pub warnings: Vec<String>,
}

impl Request {
    /// From a CSR spec. Its `ca` becomes a request for a CA certificate.
    pub fn from_spec(spec: &CsrSpec, public_key: &PublicKey) -> Result<Self> {
        Self::from_spec_by(spec, public_key, Rules::Strict)
    }

    /// As [`Request::from_spec`]; by lenient rules an empty host is an empty DNS name, as with cfssl.
    pub fn from_spec_by(spec: &CsrSpec, public_key: &PublicKey, rules: Rules) -> Result<Self> {
        let (sans, warnings) = classify(&spec.hosts, rules)?;
        let mut extensions = Vec::new();
        if spec.delegation_enabled {
            extensions.push(extension::null(oid::DELEGATION));
        }
        for e in &spec.extensions {
            extensions.push(Extension { oid: e.id.clone(), critical: e.critical, value: e.value.clone() });
        }
        Ok(Request {
            subject: spec.subject().to_name()?,
            public_key: public_key.clone(),
            sans,
            names: None,
            ca: spec.ca.as_ref().map(|ca| ca.path_length()),
            extensions,
            warnings,
        })
    }

    /// From a CSR, whose signature was checked when it was read.
    pub fn from_csr(csr: &Csr) -> Self {
        csr.request().clone()
    }

    /// For another certificate like this one, of the same key: its subject byte for byte, its names, and whether it is a
    /// CA.
    pub fn from_certificate(certificate: &super::certificate::Certificate, public_key: &PublicKey) -> Result<Self> {
        use x509_parser::extensions::ParsedExtension;
        let parsed = certificate.parsed()?;
        let mut request = Request {
            subject: certificate.subject()?,
            public_key: public_key.clone(),
            sans: Vec::new(),
            names: None,
            ca: None,
            extensions: Vec::new(),
            warnings: Vec::new(),
        };
        for extension in parsed.iter_extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    request.sans.extend(names.general_names.iter().filter_map(San::of));
                }
                ParsedExtension::BasicConstraints(constraints) => {
                    request.ca = constraints.ca.then_some(constraints.path_len_constraint);
                }
                _ => {}
            }
        }
        Ok(request)
    }

    /// Replaces the names.
    pub fn set_hosts(&mut self, hosts: &[String], rules: Rules) -> Result<()> {
        let (sans, warnings) = classify(hosts, rules)?;
        self.sans = sans;
        let new: Vec<_> = warnings.into_iter().filter(|warning| !self.warnings.contains(warning)).collect();
        self.warnings.extend(new);
        Ok(())
    }

    /// Replaces the fields of the subject that `subject` has; the others stay, in cfssl's order.
    pub fn override_subject(&mut self, subject: &Subject) -> Result<()> {
        let own = self.subject_parts()?.with_last_of_single();
        let mut parts = subject.parts()?;
        let fill = |to: &mut Vec<String>, from: Vec<String>| {
            if to.is_empty() {
                *to = from;
            }
        };
        fill(&mut parts.country, own.country);
        fill(&mut parts.province, own.province);
        fill(&mut parts.locality, own.locality);
        fill(&mut parts.organization, own.organization);
        fill(&mut parts.organizational_unit, own.organizational_unit);
        fill(&mut parts.common_name, own.common_name);
        fill(&mut parts.serial_number, own.serial_number);
        self.subject = parts.encode();
        Ok(())
    }

    /// The subject in cfssl's order, and of several CNs the last: what cfssl makes of a CSR's.
    pub fn reorder_subject(&mut self) -> Result<()> {
        self.subject = self.subject_parts()?.with_last_of_single().encode();
        Ok(())
    }

    /// The CN, of several the last; empty where there is none.
    pub(crate) fn common_name(&self) -> Result<String> {
        Ok(self.subject_parts()?.common_name.pop().unwrap_or_default())
    }

    fn subject_parts(&self) -> Result<NameParts> {
        use x509_parser::prelude::FromDer;
        let parsed = x509_parser::x509::X509Name::from_der(self.subject.der());
        let (_, name) = parsed.map_err(|_| Error::pki("the subject of the CSR cannot be read"))?;
        NameParts::of(&name)
            .ok_or_else(|| Error::pki("the subject of the CSR has an attribute of a type that cannot be read"))
    }
}

/// All bad hosts at once, before a key is made for them; empty ones, which `"hosts": [""]` in many guides has, are dropped.
pub(crate) fn classify(hosts: &[String], rules: Rules) -> Result<(Vec<San>, Vec<String>)> {
    let (mut sans, mut warnings, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for host in hosts {
        match San::classify(host) {
            _ if host.is_empty() && rules == Rules::Lenient => {
                warnings
                    .push("an empty host becomes an empty DNS name: leave the hosts out where there are none".into());
                sans.push(San::Dns(String::new()));
            }
            _ if host.is_empty() => warnings.push("an empty host is left out".to_owned()),
            Ok(san) => {
                warnings.extend(san.suspicion());
                warnings.extend(san.rewritten(host));
                sans.push(san);
            }
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    Ok((sans, warnings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Key, KeyKind};

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
        request.override_subject(&Subject::from_json(br#"{"CN":"new","names":[{"O":"c"}]}"#, "x").unwrap()).unwrap();
        let expected = CsrSpec::from_json(br#"{"CN":"new","names":[{"C":"CN","O":"c"}]}"#, "x").unwrap();
        assert_eq!(request.subject, expected.subject().to_name().unwrap());
    }
}
