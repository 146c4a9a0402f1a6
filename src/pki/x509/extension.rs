//! The X.509 extensions that certificates and CSRs carry, each as cfssl encodes it.

use serde::{Serialize, Serializer};
use yasna::Tag;

use super::usage::Usage;
use crate::error::{Error, Result};
use crate::pki::encoding::der;
use crate::pki::encoding::oid::{self, oid};
use crate::pki::names::san::{self, San};
use crate::pki::names::subtrees::{self, Subtrees};

/// One extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its type; empty where it was read and is so long that no program has it.
    pub oid: Vec<u64>,
    /// A reader that does not know it must refuse the certificate.
    pub critical: bool,
    /// DER inside the OCTET STRING.
    pub value: Vec<u8>,
}

/// Whether somebody is a CA, and how many CAs may stand below it (RFC 5280 §4.2.1.9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BasicConstraints {
    /// No CA.
    #[default]
    EndEntity,
    /// A CA.
    Ca {
        /// None: however many.
        path_length: Option<u32>,
    },
}

/// A certificate policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Its identifier.
    #[serde(rename = "ID", serialize_with = "dotted")]
    pub id: Vec<u64>,
    /// Where to read about it.
    #[serde(rename = "Qualifiers", skip_serializing_if = "Vec::is_empty")]
    pub qualifiers: Vec<Qualifier>,
}

/// A qualifier of a certificate policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "Type", content = "Value")]
pub enum Qualifier {
    /// URL of the certification practice statement.
    #[serde(rename = "id-qt-cps")]
    Cps(String),
    /// Text to show to people.
    #[serde(rename = "id-qt-unotice")]
    Notice(String),
}

impl BasicConstraints {
    /// It is a CA.
    pub fn is_ca(self) -> bool {
        self != BasicConstraints::EndEntity
    }
    /// How many CAs may stand below; none where there is no limit, or no CA.
    pub fn path_length(self) -> Option<u32> {
        match self {
            BasicConstraints::Ca { path_length } => path_length,
            BasicConstraints::EndEntity => None,
        }
    }
}

impl Extension {
    fn new(oid: &[u64], critical: bool, value: Vec<u8>) -> Self {
        Extension { oid: oid.to_vec(), critical, value }
    }

    /// To be written again, where its type can be.
    pub(crate) fn copied(&self) -> Result<Self> {
        let unknown = || Error::pki("it has an extension of a type that cannot be read");
        (!self.oid.is_empty()).then(|| self.clone()).ok_or_else(unknown)
    }

    pub(crate) fn write(&self, writer: yasna::DERWriter<'_>) {
        writer.write_sequence(|seq| {
            seq.next().write_oid(&oid(&self.oid));
            if self.critical {
                seq.next().write_bool(true);
            }
            seq.next().write_bytes(&self.value);
        });
    }
}

/// KeyUsage (critical), absent when no usage is a key usage; ExtendedKeyUsage in the profile's order.
pub(crate) fn usages(usages: &[Usage]) -> Vec<Extension> {
    let bits = usages.iter().filter_map(|u| u.key_usage_bit()).fold(0u16, |bits, bit| bits | (0x8000 >> bit));
    let purposes: Vec<_> = usages.iter().filter_map(|u| u.extended()).collect();
    let mut extensions = Vec::new();
    if bits != 0 {
        extensions.push(Extension::new(oid::KEY_USAGE, true, key_usage(bits)));
    }
    if !purposes.is_empty() {
        let value = der::sequence(|seq| purposes.iter().for_each(|purpose| seq.next().write_oid(&oid(purpose))));
        extensions.push(Extension::new(oid::EXTENDED_KEY_USAGE, false, value));
    }
    extensions
}

/// A named bit list has no trailing zero bits (X.690 §11.2.2).
fn key_usage(bits: u16) -> Vec<u8> {
    let length = 16 - bits.trailing_zeros() as usize;
    yasna::construct_der(|writer| writer.write_bitvec_bytes(&bits.to_be_bytes()[..length.div_ceil(8)], length))
}

/// Critical, and always written.
pub(crate) fn basic_constraints(constraints: BasicConstraints) -> Extension {
    let value = der::sequence(|seq| {
        if let BasicConstraints::Ca { path_length } = constraints {
            seq.next().write_bool(true);
            if let Some(path_length) = path_length {
                seq.next().write_u32(path_length);
            }
        }
    });
    Extension::new(oid::BASIC_CONSTRAINTS, true, value)
}

/// Critical, as RFC 5280 §4.2.1.10 demands; none where nothing is constrained.
pub(crate) fn name_constraints(permitted: &Subtrees, excluded: &Subtrees) -> Result<Option<Extension>> {
    let value = subtrees::encode(permitted, excluded)?;
    Ok(value.map(|value| Extension::new(oid::NAME_CONSTRAINTS, true, value)))
}

pub(crate) fn subject_key_id(id: &[u8]) -> Extension {
    Extension::new(oid::SUBJECT_KEY_ID, false, yasna::construct_der(|writer| writer.write_bytes(id)))
}

/// The keyid form only, as cfssl and Go.
pub(crate) fn authority_key_id(id: &[u8]) -> Extension {
    let value = der::sequence(|seq| {
        seq.next().write_tagged_implicit(Tag::context(0), |w| w.write_bytes(id));
    });
    Extension::new(oid::AUTHORITY_KEY_ID, false, value)
}

/// OCSP first, then the issuers.
pub(crate) fn authority_info_access(ocsp: Option<&str>, issuers: &[String]) -> Option<Extension> {
    let ocsp = ocsp.map(|url| (oid::AIA_OCSP, url));
    let issuers = issuers.iter().map(|url| (oid::AIA_CA_ISSUERS, url.as_str()));
    let entries: Vec<_> = ocsp.into_iter().chain(issuers).collect();
    if entries.is_empty() {
        return None;
    }
    let value = der::sequence(|seq| {
        for (method, url) in entries {
            seq.next().write_sequence(|seq| {
                seq.next().write_oid(&oid(method));
                der::tagged_ia5(seq.next(), 6, url);
            });
        }
    });
    Some(Extension::new(oid::AUTHORITY_INFO_ACCESS, false, value))
}

/// One distribution point with one URI as its full name.
pub(crate) fn crl_distribution_point(url: &str) -> Extension {
    let value = der::sequence(|points| {
        points.next().write_sequence(|point| {
            point.next().write_tagged(Tag::context(0), |name| {
                name.write_tagged_implicit(Tag::context(0), |full| {
                    full.write_sequence(|names| {
                        der::tagged_ia5(names.next(), 6, url);
                    });
                });
            });
        });
    });
    Extension::new(oid::CRL_DISTRIBUTION_POINTS, false, value)
}

/// CPS as IA5String, notices as UTF8String.
pub(crate) fn policies(policies: &[Policy]) -> Option<Extension> {
    if policies.is_empty() {
        return None;
    }
    let value = der::sequence(|seq| {
        for policy in policies {
            seq.next().write_sequence(|seq| {
                seq.next().write_oid(&oid(&policy.id));
                if !policy.qualifiers.is_empty() {
                    seq.next()
                        .write_sequence(|seq| policy.qualifiers.iter().for_each(|q| write_qualifier(seq.next(), q)));
                }
            });
        }
    });
    Some(Extension::new(oid::CERTIFICATE_POLICIES, false, value))
}

fn write_qualifier(writer: yasna::DERWriter<'_>, qualifier: &Qualifier) {
    writer.write_sequence(|seq| match qualifier {
        Qualifier::Cps(url) => {
            seq.next().write_oid(&oid(oid::POLICY_CPS));
            der::ia5(seq.next(), url);
        }
        Qualifier::Notice(text) => {
            seq.next().write_oid(&oid(oid::POLICY_NOTICE));
            seq.next().write_sequence(|notice| notice.next().write_utf8_string(text));
        }
    });
}

/// SubjectAltName, critical where the subject is empty (RFC 5280 §4.2.1.6).
pub(crate) fn subject_alt_name(sans: &[San], empty_subject: bool) -> Option<Extension> {
    (!sans.is_empty()).then(|| Extension::new(oid::SUBJECT_ALT_NAME, empty_subject, san::encode(sans)))
}

/// An extension whose presence says it all.
pub(crate) fn null(oid: &[u64]) -> Extension {
    Extension::new(oid, false, vec![5, 0])
}

fn dotted<S: Serializer>(arcs: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&oid::dotted(arcs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(extension: &Extension) -> String {
        extension.value.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn key_usage_has_no_trailing_zero_bits() {
        let encoded = |names: &[&str]| {
            let parsed: Vec<_> = names.iter().map(|n| Usage::parse(n).unwrap()).collect();
            hex(&usages(&parsed)[0])
        };
        assert_eq!(encoded(&["signing"]), "03020780");
        assert_eq!(encoded(&["signing", "key encipherment"]), "030205a0");
        assert_eq!(encoded(&["cert sign", "crl sign"]), "03020106");
        assert_eq!(encoded(&["decipher only"]), "0303070080");
    }

    #[test]
    fn basic_constraints_as_go_writes_them() {
        assert_eq!(hex(&basic_constraints(BasicConstraints::EndEntity)), "3000");
        assert_eq!(hex(&basic_constraints(BasicConstraints::Ca { path_length: None })), "30030101ff");
        assert_eq!(hex(&basic_constraints(BasicConstraints::Ca { path_length: Some(0) })), "30060101ff020100");
    }
}
