//! What somebody wants certified.

use super::certificate::Certificate;
use super::extension::{BasicConstraints, Extension};
use crate::error::{Error, Result};
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::name::{Name, NameParts};
use crate::pki::names::san::{Classified, San, classify};
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
    /// Whether it asks for a CA certificate.
    pub ca: BasicConstraints,
    /// Other extensions it asks for.
    pub extensions: Vec<Extension>,
    /// It was made of our own specification; any other is a CSR, which may be anybody's.
    pub own: bool,
    /// What a person should know of it.
    pub warnings: Vec<String>,
    /// See [`Request::suspicions`].
    pub(crate) of_hosts: Vec<String>,
}

impl Request {
    /// One that asks for nothing else.
    pub fn new(subject: Name, public_key: PublicKey) -> Self {
        Request {
            subject,
            public_key,
            sans: Vec::new(),
            names: None,
            ca: BasicConstraints::EndEntity,
            extensions: Vec::new(),
            own: false,
            warnings: Vec::new(),
            of_hosts: Vec::new(),
        }
    }

    /// For another certificate like this one, of the same key: its subject byte for byte, its names, and whether it is a
    /// CA.
    pub fn from_certificate(certificate: &Certificate, public_key: &PublicKey) -> Self {
        Request {
            sans: certificate.sans().to_vec(),
            ca: certificate.basic_constraints(),
            ..Self::new(certificate.subject().clone(), public_key.clone())
        }
    }

    /// Replaces the names.
    pub fn set_hosts(&mut self, hosts: &[String], rules: Rules) -> Result<()> {
        let Classified { sans, warnings, suspicions } = classify(hosts, rules)?;
        self.sans = sans;
        self.of_hosts = suspicions;
        let new: Vec<_> = warnings.into_iter().filter(|warning| !self.warnings.contains(warning)).collect();
        self.warnings.extend(new);
        Ok(())
    }

    /// Which of its names were probably not meant so, one line each: as they were written, or as they stand in a CSR. Who
    /// lints the certificate says it better.
    pub fn suspicions(&self) -> Vec<String> {
        match self.of_hosts.is_empty() {
            true => self.sans.iter().filter_map(San::own_suspicion).collect(),
            false => self.of_hosts.clone(),
        }
    }

    /// The subject in cfssl's order, and of several CNs the last: what cfssl makes of a CSR's.
    pub fn reorder_subject(&mut self) -> Result<()> {
        self.subject = self.subject_parts()?.with_last_of_single().encode(Rules::Lenient);
        Ok(())
    }

    pub(crate) fn subject_parts(&self) -> Result<NameParts> {
        NameParts::of(&self.subject)
            .ok_or_else(|| Error::pki("the subject of the CSR has an attribute of a type that cannot be read"))
    }
}
