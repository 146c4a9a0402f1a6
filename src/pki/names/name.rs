//! Distinguished names, encoded byte for byte as cfssl encodes them.

use std::fmt;

use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};
use yasna::DERWriter;
use yasna::models::ObjectIdentifier;

use crate::pki::encoding::{der, oid};
use crate::pki::rules::Rules;

/// An encoded distinguished name (RDNSequence, DER).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(Vec<u8>);

/// One attribute of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its type; empty where a name has one that is so long that no program has it.
    pub oid: Vec<u64>,
    /// Its value.
    pub value: String,
}

impl Name {
    /// The bytes as they stand in a certificate or CSR: an issuer must equal its CA's subject byte for byte.
    pub(crate) fn from_raw(der: &[u8]) -> Self {
        Name(der.to_vec())
    }
    /// Encodes RDNs; an RDN with several attributes is a multi-valued one, sorted as DER wants. By lenient rules e-mail
    /// addresses and domain components are the strings that Go makes of them.
    pub fn from_rdns(rdns: &[Vec<Attribute>], rules: Rules) -> Self {
        Name(der::sequence(|seq| {
            for rdn in rdns {
                seq.next().write_set_of(|set| rdn.iter().for_each(|a| write_attribute(set.next(), a, rules)));
            }
        }))
    }
    /// The same name with the strings that Go makes.
    pub(crate) fn as_go(&self) -> Self {
        Self::from_rdns(&self.rdns(), Rules::Lenient)
    }
    /// One that can be parsed.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        matches!(X509Name::from_der(der), Ok(([], _))).then(|| Self::from_raw(der))
    }
    /// RDNSequence, DER.
    pub fn der(&self) -> &[u8] {
        &self.0
    }
    /// It has no attribute.
    pub fn is_empty(&self) -> bool {
        self.0 == [0x30, 0]
    }
    pub(super) fn rdns(&self) -> Vec<Vec<Attribute>> {
        let read = |a: &AttributeTypeAndValue<'_>| Attribute {
            oid: oid::of(a.attr_type()).unwrap_or_default(),
            value: attribute_text(a),
        };
        let parsed = X509Name::from_der(&self.0);
        parsed.map_or_else(
            |_| Vec::new(),
            |(_, name)| name.iter_rdn().map(|rdn| rdn.iter().map(read).collect()).collect(),
        )
    }
    /// The values of an attribute type, in the order of the encoding.
    pub fn values(&self, oid: &[u64]) -> Vec<String> {
        let of_type = self.attributes().into_iter().filter(|attribute| attribute.oid == oid);
        of_type.map(|attribute| attribute.value).collect()
    }
    /// All attributes, in the order of the encoding.
    pub fn attributes(&self) -> Vec<Attribute> {
        self.rdns().into_iter().flatten().collect()
    }
}

/// What is an IA5String and nothing else (RFC 5280 Appendix A.1, RFC 4519 §2.4): under name constraints openssl refuses
/// another one (error 53).
const IA5: [&[u64]; 2] = [oid::EMAIL_ADDRESS, oid::DOMAIN_COMPONENT];

fn write_attribute(writer: DERWriter<'_>, attribute: &Attribute, rules: Rules) {
    writer.write_sequence(|seq| {
        seq.next().write_oid(&ObjectIdentifier::from_slice(&attribute.oid));
        let value = &attribute.value;
        if rules == Rules::Strict && IA5.contains(&attribute.oid.as_slice()) && value.is_ascii() {
            return der::ia5(seq.next(), value);
        }
        // Go's rule, which also leaves out `*` and `&`; even an e-mail address becomes UTF8String.
        if value.bytes().all(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b)) {
            der::printable(seq.next(), value);
        } else {
            seq.next().write_utf8_string(value);
        }
    });
}

/// The attribute types that have a place of their own in a name, in cfssl's order.
const STANDARD: [&[u64]; 9] = [
    oid::COUNTRY,
    oid::PROVINCE,
    oid::LOCALITY,
    oid::STREET,
    oid::POSTAL_CODE,
    oid::ORGANIZATION,
    oid::ORGANIZATIONAL_UNIT,
    oid::COMMON_NAME,
    oid::SERIAL_NUMBER,
];

/// A name by its attributes: the values of one attribute type fold into one RDN.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NameParts {
    /// The values of each of [`STANDARD`].
    standard: [Vec<String>; STANDARD.len()],
    /// Each an RDN of its own; one that is of a standard type replaces it.
    pub(crate) extra: Vec<Attribute>,
}

impl NameParts {
    pub(crate) fn encode(&self, rules: Rules) -> Name {
        let mut rdns = Vec::new();
        for (oid, values) in STANDARD.into_iter().zip(&self.standard) {
            let replaced = self.extra.iter().any(|a| a.oid == oid);
            if !values.is_empty() && !replaced {
                rdns.push(values.iter().map(|v| Attribute { oid: oid.to_vec(), value: v.clone() }).collect());
            }
        }
        rdns.extend(self.extra.iter().map(|a| vec![a.clone()]));
        Name::from_rdns(&rdns, rules)
    }

    /// The attributes of a name; those of other types go to `extra` in their order. None where a type is so
    /// long that no program has it.
    pub(crate) fn of(name: &Name) -> Option<Self> {
        let mut parts = NameParts::default();
        for attribute in name.attributes() {
            match parts.group(&attribute.oid) {
                Some(group) => group.push(attribute.value),
                None if attribute.oid.is_empty() => return None,
                None => parts.extra.push(attribute),
            }
        }
        Some(parts)
    }

    /// Attributes of standard types among the others take the place of those that were given by name: so they end up
    /// when cfssl reads its own CSR.
    pub(crate) fn with_extra_in_place(mut self) -> Self {
        let mut replaced: Vec<Vec<u64>> = Vec::new();
        for attribute in std::mem::take(&mut self.extra) {
            let first = !replaced.contains(&attribute.oid);
            let single = [oid::COMMON_NAME, oid::SERIAL_NUMBER].contains(&attribute.oid.as_slice());
            match self.group(&attribute.oid) {
                Some(group) => {
                    if first || single {
                        group.clear();
                    }
                    group.push(attribute.value);
                    replaced.push(attribute.oid);
                }
                None => self.extra.push(attribute),
            }
        }
        self
    }

    /// Of several CNs and of several serial numbers only the last, as Go reads a name.
    pub(crate) fn with_last_of_single(mut self) -> Self {
        for oid in [oid::COMMON_NAME, oid::SERIAL_NUMBER] {
            let last = self.take(oid).pop();
            self.set(oid, last.into_iter().collect());
        }
        self
    }

    /// Sets the values of a standard type, where there are any.
    pub(crate) fn set(&mut self, oid: &[u64], values: Vec<String>) {
        if let Some(group) = self.group(oid).filter(|_| !values.is_empty()) {
            *group = values;
        }
    }

    /// Takes the values of a standard type away.
    pub(crate) fn take(&mut self, oid: &[u64]) -> Vec<String> {
        self.group(oid).map(std::mem::take).unwrap_or_default()
    }

    fn group(&mut self, oid: &[u64]) -> Option<&mut Vec<String>> {
        let at = STANDARD.iter().position(|standard| *standard == oid)?;
        self.standard.get_mut(at)
    }
}

impl Name {
    /// As it is shown, without attributes of these types.
    pub(crate) fn text_without(&self, types: &[&[u64]]) -> String {
        let attribute = |a: &Attribute| format!("{}={}", short_name(&a.oid), a.value.replace(['\n', '\r'], " "));
        let rdn = |rdn: Vec<Attribute>| {
            rdn.iter().filter(|a| !types.contains(&a.oid.as_slice())).map(attribute).collect::<Vec<_>>().join(" + ")
        };
        self.rdns().into_iter().map(rdn).filter(|rdn| !rdn.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Name {
    /// `C=CN, O=system:masters + O=admins, CN=x`: in the order of the encoding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text_without(&[]))
    }
}

fn short_name(oid: &[u64]) -> String {
    let short = match oid {
        oid::COUNTRY => "C",
        oid::PROVINCE => "ST",
        oid::LOCALITY => "L",
        oid::STREET => "street",
        oid::POSTAL_CODE => "postalCode",
        oid::ORGANIZATION => "O",
        oid::ORGANIZATIONAL_UNIT => "OU",
        oid::COMMON_NAME => "CN",
        oid::SERIAL_NUMBER => "serialNumber",
        oid::EMAIL_ADDRESS => "emailAddress",
        oid::DOMAIN_COMPONENT => "DC",
        oid::USER_ID => "UID",
        other => return oid::short_name(other),
    };
    short.to_owned()
}

/// The value of whatever string type it is; bytes that are no text become U+FFFD.
fn attribute_text(attribute: &AttributeTypeAndValue<'_>) -> String {
    use x509_parser::asn1_rs::Tag;
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::BmpString => {
            let units: Vec<_> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        Tag::T61String => bytes.iter().map(|&b| char::from(b)).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<const N: usize>(groups: [(&[u64], &[&str]); N], extra: &[(&[u64], &str)]) -> NameParts {
        let attribute = |(oid, value): &(&[u64], &str)| Attribute { oid: oid.to_vec(), value: (*value).into() };
        let mut parts = NameParts { extra: extra.iter().map(attribute).collect(), ..NameParts::default() };
        groups.iter().for_each(|(oid, values)| parts.set(oid, values.iter().map(|v| (*v).to_owned()).collect()));
        parts
    }

    fn shown(parts: &NameParts) -> String {
        parts.encode(Rules::Strict).to_string()
    }

    #[test]
    fn order_folding_and_sorting_are_those_of_cfssl() {
        let groups: [(&[u64], &[&str]); 4] = [
            (oid::COMMON_NAME, &["admin"]),
            (oid::ORGANIZATION, &["system:masters", "k8s"]),
            (oid::ORGANIZATIONAL_UNIT, &["zeta", "alpha", "Mid"]),
            (oid::COUNTRY, &["CN"]),
        ];
        let parts = parts(groups, &[(&[1, 2, 3, 4], "v")]);
        insta::assert_snapshot!(shown(&parts), @"C=CN, O=k8s + O=system:masters, OU=Mid + OU=zeta + OU=alpha, CN=admin, 1.2.3.4=v");
        let name = parts.encode(Rules::Strict);
        assert_eq!(NameParts::of(&name).unwrap().encode(Rules::Strict), name);
    }

    #[test]
    fn an_extra_attribute_replaces_its_standard_one() {
        assert_eq!(shown(&parts([(oid::COMMON_NAME, &["x"])], &[(oid::COMMON_NAME, "y")])), "CN=y");
    }

    #[test]
    fn string_types_are_those_of_go() {
        let tag = |value: &str| parts([(oid::COMMON_NAME, &[value])], &[]).encode(Rules::Strict).der()[11];
        const PRINTABLE: u8 = 0x13;
        const UTF8: u8 = 0x0c;
        assert_eq!(tag("system:kube-proxy (a) 'b' +,-./:=?"), PRINTABLE);
        for utf8 in ["a*b", "a@b", "a_b", "a&b", "中文"] {
            assert_eq!(tag(utf8), UTF8, "{utf8}");
        }
    }

    #[test]
    fn an_email_address_is_ia5_but_in_cfssl_s_face() {
        for oid in IA5 {
            let name = |rules| parts([], &[(oid, "a@b.example")]).encode(rules);
            let tag = |name: &Name| name.der()[8 + usize::from(name.der()[7])];
            assert_eq!((tag(&name(Rules::Strict)), tag(&name(Rules::Lenient))), (0x16, 0x0c));
            assert_eq!(name(Rules::Strict).as_go(), name(Rules::Lenient));
            assert_eq!(
                tag(&parts([], &[(oid, "ä@b.example")]).encode(Rules::Strict)),
                0x0c,
                "there is no such IA5String"
            );
        }
    }

    #[test]
    fn an_empty_name_is_empty() {
        assert!(NameParts::default().encode(Rules::Strict).is_empty());
    }
}
