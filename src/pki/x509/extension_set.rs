//! What the extensions of a certificate or a CSR say, read once.

use x509_parser::extensions::{ParsedExtension, X509Extension};

use super::extension::{BasicConstraints, Extension};
use super::inspect::general_name::texts;
use super::usage::{key_usage_names, purpose_name, purposes};
use crate::pki::encoding::{oid, tlv};
use crate::pki::names::constraints::Constraints;
use crate::pki::names::san::San;

/// Extensions, as they stand and by their meaning.
#[derive(Debug, Default)]
pub(crate) struct ExtensionSet {
    /// All, in their order.
    pub(crate) all: Vec<Extension>,
    /// Subject alternative names, typed.
    pub(crate) sans: Vec<San>,
    /// The same as text, with those of types that there is nothing for here.
    pub(crate) names: Vec<String>,
    /// Places of those that cannot be read.
    pub(crate) unread: Vec<usize>,
    pub(crate) constraints: BasicConstraints,
    /// Bits of the key usage; none: it is free.
    pub(crate) key_usage: Option<u16>,
    /// Extended key usages: those that everybody knows first.
    pub(crate) purposes: Vec<Vec<u64>>,
    pub(crate) subject_key_id: Option<Vec<u8>>,
    pub(crate) authority_key_id: Option<Vec<u8>>,
    /// The serial number in the authority key identifier.
    pub(crate) authority_serial: Option<Vec<u8>>,
    pub(crate) name_constraints: Option<Constraints>,
}

impl ExtensionSet {
    pub(crate) fn read(parsed: &[X509Extension<'_>]) -> Self {
        let mut set = ExtensionSet { all: Vec::with_capacity(parsed.len()), ..ExtensionSet::default() };
        for extension in parsed {
            let oid = oid::of(&extension.oid).unwrap_or_default();
            if oid == oid::NAME_CONSTRAINTS {
                set.name_constraints = Some(Constraints::from_der(extension.value));
            }
            set.all.push(Extension { oid, critical: extension.critical, value: extension.value.to_vec() });
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    set.sans.extend(names.general_names.iter().filter_map(|name| San::of(name).ok()));
                    set.names.extend(tlv::only(extension.value, 0x30).and_then(texts).unwrap_or_default());
                }
                ParsedExtension::BasicConstraints(constraints) => {
                    let path_length = constraints.path_len_constraint;
                    set.constraints = match constraints.ca {
                        true => BasicConstraints::Ca { path_length },
                        false => BasicConstraints::EndEntity,
                    };
                }
                ParsedExtension::KeyUsage(usage) => set.key_usage = Some(usage.flags),
                ParsedExtension::ExtendedKeyUsage(usage) => set.purposes.extend(purposes(usage)),
                ParsedExtension::SubjectKeyIdentifier(id) => set.subject_key_id = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    set.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                    set.authority_serial = id.authority_cert_serial.map(<[u8]>::to_vec);
                }
                ParsedExtension::ParseError { .. } => set.unread.push(set.all.len() - 1),
                _ => {}
            }
        }
        set
    }

    /// cfssl's names of key usages and extended key usages.
    pub(crate) fn usages(&self) -> Vec<String> {
        let bits = self.key_usage.into_iter().flat_map(key_usage_names).map(str::to_owned);
        bits.chain(self.purposes.iter().map(|purpose| purpose_name(purpose))).collect()
    }

    /// Those that nothing above is taken from, or that cannot be read.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Extension> {
        const SHOWN: [&[u64]; 6] = [
            oid::SUBJECT_ALT_NAME,
            oid::KEY_USAGE,
            oid::EXTENDED_KEY_USAGE,
            oid::BASIC_CONSTRAINTS,
            oid::SUBJECT_KEY_ID,
            oid::AUTHORITY_KEY_ID,
        ];
        let is_other = |(at, e): &(usize, &Extension)| !SHOWN.contains(&&*e.oid) || self.unread.contains(at);
        self.all.iter().enumerate().filter(is_other).map(|(_, extension)| extension)
    }
}
