//! Certificate revocation lists, version 2 (RFC 5280 §5).

use time::OffsetDateTime;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use yasna::Tag;

use super::authority::Authority;
use crate::error::{Error, Result};
use crate::pki::encoding::{oid, pem};
use crate::pki::names::name::Name;
use crate::pki::x509::extension::{self, Extension};
use crate::pki::x509::serial::Serial;
use crate::pki::x509::signature;
use crate::pki::x509::usage::CRL_SIGN;
use crate::pki::x509::validity::write_time;

/// Why a certificate was revoked (CRLReason, RFC 5280 §5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason(u8);

/// All but removeFromCRL (8), which is for delta CRLs.
const REASONS: [(&str, u8); 9] = [
    ("unspecified", 0),
    ("keyCompromise", 1),
    ("cACompromise", 2),
    ("affiliationChanged", 3),
    ("superseded", 4),
    ("cessationOfOperation", 5),
    ("certificateHold", 6),
    ("privilegeWithdrawn", 9),
    ("aACompromise", 10),
];

/// One revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number.
    pub serial: Serial,
    /// Since when.
    pub at: OffsetDateTime,
    /// Why.
    pub reason: Option<Reason>,
}

/// What a CRL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlSpec {
    /// The revoked certificates.
    pub revoked: Vec<Revoked>,
    /// When it is issued.
    pub this_update: OffsetDateTime,
    /// By when the next one is.
    pub next_update: OffsetDateTime,
    /// Its number; it must grow from one CRL to the next.
    pub number: u64,
}

impl Reason {
    /// By its name in RFC 5280, in any case, or its number.
    pub fn parse(text: &str) -> Result<Self> {
        let number = text.parse::<u8>().ok();
        let known = REASONS.iter().find(|(name, code)| name.eq_ignore_ascii_case(text) || number == Some(*code));
        known.map(|(_, code)| Reason(*code)).ok_or_else(|| {
            if text.eq_ignore_ascii_case("removeFromCRL") || number == Some(8) {
                return Error::input(format!("`{text}` is for delta CRLs")).hint("leave the line out");
            }
            let names: Vec<_> = REASONS.iter().map(|(name, _)| *name).collect();
            Error::input(format!("`{text}` is no reason for a revocation"))
                .hint(format!("reasons are: {}", names.join(", ")))
        })
    }
}

/// Whose list it is and which number it has; none where it is no CRL, has no number, or one that takes more than 64 bits.
pub fn crl_number(text: &[u8]) -> Option<(Name, u64)> {
    let blocks = pem::decode(text, "the list").ok();
    let der = blocks.and_then(|blocks| Some(blocks.into_iter().next()?.der.to_vec())).unwrap_or_else(|| text.to_vec());
    let (_, crl) = CertificateRevocationList::from_der(&der).ok()?;
    let number = u64::try_from(crl.crl_number()?).ok()?;
    Some((Name::from_raw(crl.issuer().as_raw()), number))
}

impl CrlSpec {
    /// The number of a list that is made now, and that nobody has given one: nanoseconds since 1970, so that two of one
    /// second differ, and that it is greater than seconds, which the lists of older versions have.
    pub fn number_of(now: OffsetDateTime) -> u64 {
        u64::try_from(now.unix_timestamp_nanos()).unwrap_or_default()
    }

    /// Signs it: DER. The CA's key usage, where it has one, must allow it; by lenient rules it is warned of.
    pub fn sign(&self, authority: &Authority, warnings: &mut Vec<String>) -> Result<Vec<u8>> {
        if self.next_update <= self.this_update {
            return Err(Error::input("a CRL's next update must lie after this one"));
        }
        if !authority.certificate().may(CRL_SIGN) {
            let doubt = Error::pki("the CA may not sign CRLs (its key usage lacks `crl sign`)");
            authority.rules().doubt(doubt, warnings)?;
        }
        let key = authority.key();
        let tbs = yasna::construct_der(|writer| self.write(writer, authority));
        let der = signature::signed(&tbs, key)?;
        self.check(&der, authority)?;
        Ok(der)
    }

    fn write(&self, writer: yasna::DERWriter<'_>, authority: &Authority) {
        writer.write_sequence(|seq| {
            seq.next().write_u8(1);
            authority.key().kind().write_signature_algorithm(seq.next());
            seq.next().write_der(authority.subject().der());
            write_time(seq.next(), self.this_update);
            write_time(seq.next(), self.next_update);
            // An empty list must be absent.
            if !self.revoked.is_empty() {
                seq.next().write_sequence(|list| self.revoked.iter().for_each(|entry| entry.write(list.next())));
            }
            seq.next().write_tagged(Tag::context(0), |w| {
                w.write_sequence(|list| {
                    extension::authority_key_id(authority.key_id()).write(list.next());
                    let number = yasna::construct_der(|w| w.write_u64(self.number));
                    Extension { oid: oid::CRL_NUMBER.to_vec(), critical: false, value: number }.write(list.next());
                });
            });
        });
    }

    /// What we cannot read ourselves is not handed out.
    fn check(&self, der: &[u8], authority: &Authority) -> Result<()> {
        let broken = |why: &str| Error::internal(format!("the new CRL is not what it should be: {why}"));
        let Ok(([], crl)) = CertificateRevocationList::from_der(der) else { return Err(broken("it cannot be read")) };
        if crl.iter_revoked_certificates().count() != self.revoked.len() {
            return Err(broken("it reads back differently"));
        }
        signature::check(
            authority.key().public(),
            &crl.signature_algorithm,
            crl.tbs_cert_list.as_ref(),
            &crl.signature_value.data,
        )
    }
}

impl Revoked {
    fn write(&self, writer: yasna::DERWriter<'_>) {
        writer.write_sequence(|seq| {
            seq.next().write_bigint_bytes(self.serial.bytes(), true);
            write_time(seq.next(), self.at);
            // "Unspecified" is said by leaving it out.
            if let Some(Reason(code @ 1..)) = self.reason {
                let value = yasna::construct_der(|w| w.write_enum(i64::from(code)));
                let reason = Extension { oid: oid::CRL_REASON.to_vec(), critical: false, value };
                seq.next().write_sequence(|list| reason.write(list.next()));
            }
        });
    }
}

/// `-----BEGIN X509 CRL-----`.
pub fn crl_pem(der: &[u8]) -> String {
    pem::encode("X509 CRL", der).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::fixtures::{NOW, authority};

    #[test]
    fn what_is_written_reads_back() {
        let revoked = |serial: &str, reason| Revoked { serial: Serial::parse(serial).unwrap(), at: NOW, reason };
        let entries = vec![revoked("1", None), revoked("0xff00", Some(Reason::parse("KeyCompromise").unwrap()))];
        let spec =
            CrlSpec { revoked: entries, this_update: NOW, next_update: NOW + time::Duration::days(7), number: 42 };
        let der = spec.sign(&authority("ca"), &mut Vec::new()).unwrap();
        let (_, crl) = CertificateRevocationList::from_der(&der).unwrap();
        assert_eq!(crl.crl_number().unwrap().to_string(), "42");
        let codes: Vec<_> = crl.iter_revoked_certificates().map(|r| r.reason_code().map(|(_, code)| code.0)).collect();
        assert_eq!(codes, [None, Some(1)]);
        let empty = CrlSpec { revoked: Vec::new(), ..spec.clone() };
        assert!(empty.sign(&authority("ca"), &mut Vec::new()).is_ok());
        assert!(CrlSpec { next_update: NOW, ..spec }.sign(&authority("ca"), &mut Vec::new()).is_err());
    }

    #[test]
    fn reasons_have_names_and_numbers() {
        assert_eq!(Reason::parse("superseded"), Reason::parse("4"));
        insta::assert_snapshot!(Reason::parse("7").unwrap_err(), @"`7` is no reason for a revocation");
    }
}
