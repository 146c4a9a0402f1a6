//! What somebody wants certified.

use super::csr::Csr;
use super::extension::Extension;
use crate::error::{Error, Result};
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::name::{Name, NameParts};
use crate::pki::names::san::{San, classify};
use crate::pki::rules::Rules;

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
    /// From a CSR, whose signature was checked when it was read.
    pub fn from_csr(csr: &Csr) -> Self {
        csr.request().clone()
    }

    /// For another certificate like this one, of the same key: its subject byte for byte, its names, and whether it is a
    /// CA.
    pub fn from_certificate(
        certificate: &crate::pki::x509::certificate::Certificate,
        public_key: &PublicKey,
    ) -> Result<Self> {
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

    /// The subject in cfssl's order, and of several CNs the last: what cfssl makes of a CSR's.
    pub fn reorder_subject(&mut self) -> Result<()> {
        self.subject = self.subject_parts()?.with_last_of_single().encode();
        Ok(())
    }

    /// The CN, of several the last; empty where there is none.
    pub(crate) fn common_name(&self) -> Result<String> {
        Ok(self.subject_parts()?.common_name.pop().unwrap_or_default())
    }

    pub(crate) fn subject_parts(&self) -> Result<NameParts> {
        use x509_parser::prelude::FromDer;
        let parsed = x509_parser::x509::X509Name::from_der(self.subject.der());
        let (_, name) = parsed.map_err(|_| Error::pki("the subject of the CSR cannot be read"))?;
        NameParts::of(&name)
            .ok_or_else(|| Error::pki("the subject of the CSR has an attribute of a type that cannot be read"))
    }
}
