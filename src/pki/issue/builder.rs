//! The one builder that makes every certificate: typed values become a TBSCertificate (RFC 5280 §4.1), which is signed
//! and read back.

use std::sync::atomic::{AtomicBool, Ordering};

use yasna::{DERWriter, Tag};

use crate::error::{Error, Result};
use crate::pki::key::private_key::Key;
use crate::pki::key::public_key::PublicKey;
use crate::pki::names::name::Name;
use crate::pki::spec::profile::Profile;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::extension::{self, BasicConstraints, Extension};
use crate::pki::x509::serial::Serial;
use crate::pki::x509::signature;
use crate::pki::x509::usage::Usage;
use crate::pki::x509::validity::{Validity, write_time};

/// A new certificate, and what a person should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate.
    pub certificate: Certificate,
    /// Its serial number.
    pub serial: Serial,
    /// One line each.
    pub warnings: Vec<String>,
}

/// Who signs.
pub(crate) struct Issuer<'a> {
    pub(crate) name: &'a Name,
    pub(crate) key: &'a Key,
    /// A signature of the key was found good, and the next ones need no look, which takes more time than all the rest.
    pub(crate) proven: Option<&'a AtomicBool>,
}

/// A certificate that is to be.
pub(crate) struct Builder<'a> {
    pub(crate) serial: Serial,
    pub(crate) issuer: Issuer<'a>,
    pub(crate) validity: Validity,
    pub(crate) subject: &'a Name,
    pub(crate) public_key: &'a PublicKey,
    pub(crate) extensions: Vec<Extension>,
}

/// What a certificate says of its key and of its issuer.
pub(crate) struct Claims<'a> {
    pub(crate) usages: &'a [Usage],
    pub(crate) constraints: BasicConstraints,
    /// Which names a CA may issue for.
    pub(crate) names: Option<Extension>,
    pub(crate) subject_key_id: &'a [u8],
    /// None in a root.
    pub(crate) authority_key_id: Option<&'a [u8]>,
    pub(crate) ocsp_url: Option<&'a str>,
    pub(crate) issuer_urls: &'a [String],
}

impl<'a> Claims<'a> {
    /// Those of a profile, for a key.
    pub(crate) fn of(
        profile: &'a Profile,
        subject_key_id: &'a [u8],
        authority_key_id: Option<&'a [u8]>,
    ) -> Result<Self> {
        Ok(Claims {
            usages: &profile.usages,
            constraints: profile.ca_constraint.constraints(),
            names: profile.ca_constraint.names()?,
            subject_key_id,
            authority_key_id,
            ocsp_url: profile.ocsp_url.as_deref(),
            issuer_urls: &profile.issuer_urls,
        })
    }

    /// As extensions, in cfssl's order; those of the names and of the rest come after.
    pub(crate) fn extensions(&self) -> Vec<Extension> {
        let mut list = extension::usages(self.usages);
        list.push(extension::basic_constraints(self.constraints));
        list.extend(self.names.clone());
        list.push(extension::subject_key_id(self.subject_key_id));
        list.extend(self.authority_key_id.map(extension::authority_key_id));
        list.extend(extension::authority_info_access(self.ocsp_url, self.issuer_urls));
        list
    }
}

impl<'a> Issuer<'a> {
    /// The subject itself.
    pub(crate) fn itself(subject: &'a Name, key: &'a Key) -> Self {
        Issuer { name: subject, key, proven: None }
    }
}

impl Builder<'_> {
    /// Encodes and signs. What comes out is read back, and the first signature of a key checked, before anybody gets it.
    pub(crate) fn issue(self, warnings: Vec<String>) -> Result<Issued> {
        let Issuer { key, proven, .. } = self.issuer;
        let der = signature::signed(&yasna::construct_der(|writer| self.write(writer)), key)?;
        let broken = |e| Error::internal(format!("the new certificate is not what it should be: {e}"));
        let certificate = Certificate::from_der(&der, "it").map_err(broken)?;
        self.check(&certificate).map_err(broken)?;
        if !proven.is_some_and(|proven| proven.load(Ordering::Relaxed)) {
            certificate.signed_by(key.public()).map_err(broken)?;
            proven.inspect(|proven| proven.store(true, Ordering::Relaxed));
        }
        Ok(Issued { certificate, serial: self.serial, warnings })
    }

    fn write(&self, writer: DERWriter<'_>) {
        writer.write_sequence(|seq| {
            seq.next().write_tagged(Tag::context(0), |w| w.write_u8(2));
            seq.next().write_bigint_bytes(self.serial.bytes(), true);
            self.issuer.key.kind().write_signature_algorithm(seq.next());
            seq.next().write_der(self.issuer.name.der());
            seq.next().write_sequence(|seq| {
                write_time(seq.next(), self.validity.not_before);
                write_time(seq.next(), self.validity.not_after);
            });
            seq.next().write_der(self.subject.der());
            seq.next().write_der(self.public_key.spki());
            seq.next().write_tagged(Tag::context(3), |w| {
                w.write_sequence(|seq| self.extensions.iter().for_each(|e| e.write(seq.next())));
            });
        });
    }

    fn check(&self, certificate: &Certificate) -> Result<()> {
        let same = certificate.issuer() == self.issuer.name
            && certificate.subject() == self.subject
            && certificate.spki() == self.public_key.spki()
            && certificate.extensions() == self.extensions
            && certificate.validity().not_after.unix_timestamp() == self.validity.not_after.unix_timestamp();
        if same { Ok(()) } else { Err(Error::internal("it reads back differently")) }
    }
}
