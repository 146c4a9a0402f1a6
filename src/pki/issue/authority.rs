//! A certificate authority: a CA certificate and its key, checked before they are used.

use std::sync::atomic::AtomicBool;

use time::OffsetDateTime;

use super::builder::Issuer;
use crate::error::{Error, Reason, Result};
use crate::pki::key::private_key::Key;
use crate::pki::names::constraints::Names;
use crate::pki::names::name::Name;
use crate::pki::rules::{Rules, as_warning};
use crate::pki::spec::profile::Profile;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::validity::{Validity, day_and_minute};

/// A CA that can issue.
#[derive(Debug)]
pub struct Authority {
    certificate: Certificate,
    key: Key,
    key_id: Vec<u8>,
    rules: Rules,
    doubts: Vec<String>,
    /// A signature of its key was found good.
    proven: AtomicBool,
}

impl Authority {
    /// Loads both files' contents and checks them as [`Authority::new`]; the names are for errors.
    pub fn load(
        certificate: &[u8],
        certificate_name: &str,
        key: &[u8],
        key_name: &str,
        now: OffsetDateTime,
    ) -> Result<Self> {
        let certificate = Certificate::read(certificate, certificate_name)?;
        let key = Key::read(key, key_name)?;
        Self::new(certificate, key, now).map_err(|e| in_files(e, certificate_name, key_name))
    }

    /// Checks that it is a CA, may sign certificates, is valid now, and that the key is its own; names all that is wrong.
    pub fn new(certificate: Certificate, key: Key, now: OffsetDateTime) -> Result<Self> {
        Self::with_rules(certificate, key, now, Rules::Strict)
    }

    /// As [`Authority::new`] with whatever key: to see what would be said of a certificate that nobody will get.
    pub(crate) fn rehearsal(certificate: Certificate, key: Key, now: OffsetDateTime) -> Result<Self> {
        Self::checked(certificate, key, now, Rules::Strict, false)
    }

    /// As [`Authority::new`]; by lenient rules only a key that is not the CA's is refused, and all else is warned of with
    /// every certificate.
    pub fn with_rules(certificate: Certificate, key: Key, now: OffsetDateTime, rules: Rules) -> Result<Self> {
        Self::checked(certificate, key, now, rules, true)
    }

    fn checked(certificate: Certificate, key: Key, now: OffsetDateTime, rules: Rules, must_fit: bool) -> Result<Self> {
        let validity = certificate.validity();
        let mut errors = Vec::new();
        if !certificate.is_ca() {
            errors.push(Error::pki("the certificate is not a CA (its basic constraints do not say CA:TRUE)"));
        } else if !certificate.may_sign_certificates() {
            errors.push(Error::pki("the CA may not sign certificates (its key usage lacks `cert sign`)"));
        }
        errors.extend(certificate.unknown_critical().map(|oid| {
            Error::pki(format!("the CA has the critical extension {oid}, which verifiers do not know")).hint(
                "Go and openssl (error 34) refuse whatever it issues: have the CA made without it, or not critical",
            )
        }));
        errors.extend(validity_error(&validity, now));
        let mut doubts = Vec::new();
        if rules == Rules::Lenient {
            doubts = errors.drain(..).map(|doubt| as_warning(&doubt)).collect();
        }
        if must_fit && !certificate.is_for(key.public()) {
            errors
                .push(Error::pki("the private key does not belong to the CA certificate").because(Reason::PrivateKey));
        }
        Error::all(errors)?;
        let key_id = certificate.subject_key_id().map_or_else(|| key.public().key_id(), <[u8]>::to_vec);
        Ok(Authority { certificate, key, key_id, rules, doubts, proven: AtomicBool::new(false) })
    }

    /// When a certificate issued now would be valid, or why it cannot be issued: everything that can be known without
    /// its key. The CA must be valid now and until the certificate ends, and its path length allow it.
    pub fn validity(&self, profile: &Profile, now: OffsetDateTime, warnings: &mut Vec<String>) -> Result<Validity> {
        profile.check(self.rules, warnings)?;
        match validity_error(&self.certificate.validity(), now) {
            Some(error) if self.rules == Rules::Strict => return Err(error),
            _ => {}
        }
        if profile.ca_constraint.is_ca && self.path_length() == Some(0) {
            let doubt = Error::pki("the CA may not issue CA certificates (its path length is 0)")
                .hint("issue the intermediate CA from another CA, or make a new CA with a greater \"pathlen\"");
            self.rules.doubt(doubt, warnings)?;
        }
        let validity = profile.validity(now)?;
        if let Some((doubt, done)) = validity.ended(now) {
            self.rules.doubt_or(doubt, done, warnings)?;
        }
        validity.within(&self.certificate.validity(), self.rules, warnings)
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
    /// What the CA was not refused for by lenient rules.
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }
    /// Refuses names that its name constraints do not allow, as every verifier will; says which of them it does not judge.
    pub(crate) fn check_names(&self, names: Names<'_>, warnings: &mut Vec<String>) -> Result<()> {
        let Some(constraints) = self.certificate.name_constraints() else { return Ok(()) };
        let unjudged = constraints.unjudged();
        if !unjudged.is_empty() {
            let kinds = unjudged.join(", ");
            warnings.push(format!(
                "the CA's name constraints are on {kinds}, too: that was not judged, ask openssl verify"
            ));
        }
        let Some(wrong) = constraints.violated_by(names) else { return Ok(()) };
        let doubt = Error::pki(format!("the CA may not issue for {wrong}: its name constraints do not allow it"))
            .hint("openssl x509 -text shows them; another CA is needed for this name");
        self.rules.doubt(doubt, warnings)
    }

    /// How many CAs may stand below it.
    pub fn path_length(&self) -> Option<u32> {
        self.certificate.basic_constraints().path_length()
    }
    pub(crate) fn rules(&self) -> Rules {
        self.rules
    }
    /// The CA's subject bytes: the issuer of what it issues.
    pub(crate) fn subject(&self) -> &Name {
        self.certificate.subject()
    }
    /// As the one who signs. The first signature is checked, and with it that the key is the certificate's and the library
    /// signs well; the others are as good.
    pub(crate) fn issuer(&self) -> Issuer<'_> {
        Issuer { name: self.subject(), key: &self.key, proven: Some(&self.proven) }
    }
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }
    /// Its subject key identifier; where it has none, the one that it would have.
    pub(crate) fn key_id(&self) -> &[u8] {
        &self.key_id
    }
}

fn validity_error(validity: &Validity, now: OffsetDateTime) -> Option<Error> {
    if now < validity.not_before {
        let begin = day_and_minute(validity.not_before);
        return Some(
            Error::pki(format!("the CA is not valid before {begin}")).hint("is the clock of this machine right?"),
        );
    }
    (now > validity.not_after)
        .then(|| Error::pki(format!("the CA has expired on {}", day_and_minute(validity.not_after))))
}

fn in_files(mut error: Error, certificate: &str, key: &str) -> Error {
    let place = |e: &mut Error| {
        let file = if e.is(Reason::PrivateKey) { key } else { certificate };
        e.message = format!("{file}: {}", e.message);
    };
    place(&mut error);
    error.others.iter_mut().for_each(place);
    error
}
