//! A certificate and a key as a linter sees them: every part as it is encoded, nothing refused that can be named.

use std::net::IpAddr;

use time::{Date, OffsetDateTime, Time as Clock};
use zeroize::Zeroizing;

use super::der::{self, Tlv};
pub(super) use crate::pki::oid::{
    ANY_PURPOSE, AUTHORITY_INFO_ACCESS, AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, CERTIFICATE_POLICIES,
    CRL_DISTRIBUTION_POINTS, EXTENDED_KEY_USAGE, KEY_USAGE, NAME_CONSTRAINTS, SERVER_AUTH, SUBJECT_ALT_NAME,
    SUBJECT_KEY_ID, UNDERSTOOD,
};
use crate::pki::{address_of, tlv};

/// Bits of [`View::key_usage`], as RFC 5280 §4.2.1.3 numbers them from the left.
pub(super) const DIGITAL_SIGNATURE: u16 = 0x8000;
pub(super) const KEY_ENCIPHERMENT: u16 = 0x2000;
pub(super) const DATA_ENCIPHERMENT: u16 = 0x1000;
pub(super) const KEY_CERT_SIGN: u16 = 0x0400;

/// Types of general names.
pub(super) const EMAIL: u8 = 0x81;
pub(super) const DNS: u8 = 0x82;
pub(super) const URI: u8 = 0x86;
pub(super) const IP: u8 = 0x87;

/// A certificate's parts.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    pub(super) der: &'a [u8],
    /// What is signed.
    pub(super) tbs: &'a [u8],
    pub(super) signature_bits: &'a [u8],
    /// 1, 2 or 3.
    pub(super) version: u64,
    pub(super) serial: &'a [u8],
    /// AlgorithmIdentifier within what is signed, and beside the signature.
    pub(super) inner_algorithm: &'a [u8],
    pub(super) outer_algorithm: &'a [u8],
    pub(super) signature: Vec<u64>,
    pub(super) issuer: Name<'a>,
    pub(super) subject: Name<'a>,
    pub(super) not_before: Time<'a>,
    pub(super) not_after: Time<'a>,
    pub(super) spki: &'a [u8],
    pub(super) key: Key,
    pub(super) extensions: Vec<Extension<'a>>,
}

/// A private key in a file.
pub(super) struct KeyFile {
    pub(super) place: String,
    /// Permission bits; none for standard input.
    pub(super) mode: Option<u32>,
    /// Label of its PEM block.
    pub(super) label: String,
    /// It has OpenSSL's own encryption.
    pub(super) legacy_encryption: bool,
    pub(super) der: Zeroizing<Vec<u8>>,
    /// SubjectPublicKeyInfo, where it could be read.
    pub(super) public: Option<Vec<u8>>,
}

/// A distinguished name.
#[derive(Debug, Clone)]
pub(super) struct Name<'a> {
    pub(super) raw: &'a [u8],
    pub(super) attributes: Vec<Attribute<'a>>,
}

#[derive(Debug, Clone)]
pub(super) struct Attribute<'a> {
    pub(super) oid: Vec<u64>,
    pub(super) value: Tlv<'a>,
}

#[derive(Debug, Clone)]
pub(super) struct Extension<'a> {
    pub(super) oid: Vec<u64>,
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

/// A moment as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time<'a> {
    pub(super) tag: u8,
    pub(super) text: &'a [u8],
}

/// What a public key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Rsa {
        bits: usize,
        exponent: Vec<u8>,
    },
    /// By its named curve; none where the curve is spelled out.
    Ec(Option<Vec<u64>>),
    Ed25519,
    Other(Vec<u64>),
}

impl<'a> View<'a> {
    /// None where it is no certificate at all.
    pub(super) fn of(der: &'a [u8]) -> Option<Self> {
        let outer = der::all(der::only(der, der::SEQUENCE)?)?;
        let [tbs, outer_algorithm, signature] = outer.as_slice() else { return None };
        let parts = der::all(tbs.content)?;
        let mut parts = parts.into_iter().peekable();
        let version = match parts.next_if(|part| part.tag == 0xa0) {
            Some(part) => number(der::only(part.content, der::INTEGER)?)? + 1,
            None => 1,
        };
        let serial = parts.next().filter(|part| part.tag == der::INTEGER)?.content;
        let inner_algorithm = parts.next()?.raw;
        let issuer = Name::of(parts.next()?)?;
        let validity = der::all(parts.next()?.content)?;
        let [not_before, not_after] = validity.as_slice() else { return None };
        let subject = Name::of(parts.next()?)?;
        let spki = parts.next()?;
        let mut extensions = Vec::new();
        for part in parts.filter(|part| part.tag == 0xa3) {
            for extension in der::all(der::only(part.content, der::SEQUENCE)?)? {
                extensions.push(Extension::of(extension)?);
            }
        }
        let algorithm = der::all(outer_algorithm.content)?;
        Some(View {
            der,
            tbs: tbs.raw,
            signature_bits: signature.content.get(1..)?,
            version,
            serial,
            inner_algorithm,
            outer_algorithm: outer_algorithm.raw,
            signature: der::arcs(algorithm.first()?.content),
            issuer,
            subject,
            not_before: Time { tag: not_before.tag, text: not_before.content },
            not_after: Time { tag: not_after.tag, text: not_after.content },
            spki: spki.raw,
            key: Key::of(spki.content)?,
            extensions,
        })
    }

    pub(super) fn extension(&self, oid: &[u64]) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }

    /// General names, each with its tag.
    pub(super) fn names(&self) -> Vec<Tlv<'a>> {
        let value = self.extension(SUBJECT_ALT_NAME).and_then(|e| tlv::first(e.value));
        let value = value.filter(|(value, _)| value.tag == der::SEQUENCE);
        value.and_then(|(value, _)| der::all(value.content)).unwrap_or_default()
    }

    /// dNSNames; what is not UTF-8 is shown as far as it is.
    pub(super) fn dns_names(&self) -> Vec<String> {
        let names = self.names().into_iter().filter(|name| name.tag == DNS);
        names.map(|name| String::from_utf8_lossy(name.content).into_owned()).collect()
    }

    /// iPAddresses of 4 and 16 bytes.
    pub(super) fn ips(&self) -> Vec<IpAddr> {
        let names = self.names().into_iter().filter(|name| name.tag == IP);
        names.filter_map(|name| address_of(name.content)).collect()
    }

    /// Key usage bits; none where the extension is not there.
    pub(super) fn key_usage(&self) -> Option<u16> {
        let bits = der::only(self.extension(KEY_USAGE)?.value, der::BIT_STRING)?;
        let byte = |i: usize| u16::from(bits.get(i).copied().unwrap_or(0));
        Some(byte(1) << 8 | byte(2))
    }

    /// Extended key usages; none where the extension is not there.
    pub(super) fn purposes(&self) -> Option<Vec<Vec<u64>>> {
        let list = der::only(self.extension(EXTENDED_KEY_USAGE)?.value, der::SEQUENCE)?;
        Some(der::all(list)?.into_iter().filter(|p| p.tag == der::OID).map(|p| der::arcs(p.content)).collect())
    }

    /// Whether it says that it is a CA, and its path length.
    pub(super) fn constraints(&self) -> Option<(bool, Option<u64>)> {
        let parts = der::all(der::only(self.extension(BASIC_CONSTRAINTS)?.value, der::SEQUENCE)?)?;
        let ca = parts.iter().any(|part| part.tag == der::BOOLEAN && part.content != [0]);
        let length = parts.iter().find(|part| part.tag == der::INTEGER).map(|part| number(part.content));
        Some((ca, length.map(|length| length.unwrap_or(u64::MAX))))
    }

    pub(super) fn is_ca(&self) -> bool {
        self.constraints().is_some_and(|(ca, _)| ca)
    }

    /// It may be a TLS server's: by its extended key usage, or as it has none.
    pub(super) fn is_server(&self) -> bool {
        let serves = |purposes: Vec<Vec<u64>>| purposes.iter().any(|p| p == SERVER_AUTH || p == ANY_PURPOSE);
        !self.is_ca() && self.purposes().is_none_or(serves)
    }

    pub(super) fn subject_key_id(&self) -> Option<&'a [u8]> {
        der::only(self.extension(SUBJECT_KEY_ID)?.value, der::OCTET_STRING)
    }

    pub(super) fn authority_key_id(&self) -> Option<&'a [u8]> {
        let parts = der::all(der::only(self.extension(AUTHORITY_KEY_ID)?.value, der::SEQUENCE)?)?;
        parts.into_iter().find(|part| part.tag == 0x80).map(|part| part.content)
    }

    /// The serial number that its authority key identifier names.
    pub(super) fn authority_serial(&self) -> Option<&'a [u8]> {
        let parts = der::all(der::only(self.extension(AUTHORITY_KEY_ID)?.value, der::SEQUENCE)?)?;
        parts.into_iter().find(|part| part.tag == 0x82).map(|part| part.content)
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer.raw == self.subject.raw
    }
}

impl<'a> Name<'a> {
    fn of(name: Tlv<'a>) -> Option<Self> {
        let mut attributes = Vec::new();
        for rdn in der::all(name.content)?.into_iter().filter(|rdn| rdn.tag == der::SET) {
            for attribute in der::all(rdn.content)? {
                let parts = der::all(attribute.content)?;
                let [oid, value] = parts.as_slice() else { return None };
                attributes.push(Attribute { oid: der::arcs(oid.content), value: *value });
            }
        }
        Some(Name { raw: name.raw, attributes })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// Values of an attribute type.
    pub(super) fn values(&self, oid: &[u64]) -> Vec<String> {
        let matching = self.attributes.iter().filter(|attribute| attribute.oid == oid);
        matching.map(|attribute| String::from_utf8_lossy(attribute.value.content).into_owned()).collect()
    }
}

impl<'a> Extension<'a> {
    fn of(extension: Tlv<'a>) -> Option<Self> {
        let parts = der::all(extension.content)?;
        let (oid, value) = (parts.first()?, parts.last()?);
        let critical = parts.iter().any(|part| part.tag == der::BOOLEAN && part.content != [0]);
        (value.tag == der::OCTET_STRING).then(|| Extension {
            oid: der::arcs(oid.content),
            critical,
            value: value.content,
        })
    }
}

impl Time<'_> {
    /// The moment, where it is written as RFC 5280 §4.1.2.5 wants: in UTC, with seconds, without fractions.
    pub(super) fn moment(&self) -> Option<OffsetDateTime> {
        let text = std::str::from_utf8(self.text).ok()?;
        let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
        let (year, rest) = match (self.tag, digits.len()) {
            (der::UTC_TIME, 12) => {
                let short: i32 = digits[..2].parse().ok()?;
                (if short < 50 { 2000 + short } else { 1900 + short }, &digits[2..])
            }
            (der::GENERALIZED_TIME, 14) => (digits[..4].parse().ok()?, &digits[4..]),
            _ => return None,
        };
        let two = |at: usize| rest[at..at + 2].parse::<u8>().ok();
        let date = Date::from_calendar_date(year, time::Month::try_from(two(0)?).ok()?, two(2)?).ok()?;
        Some(date.with_time(Clock::from_hms(two(4)?, two(6)?, two(8)?).ok()?).assume_utc())
    }

    pub(super) fn show(&self) -> String {
        String::from_utf8_lossy(self.text).into_owned()
    }
}

impl Key {
    fn of(spki: &[u8]) -> Option<Self> {
        let parts = der::all(spki)?;
        let [algorithm, bits] = parts.as_slice() else { return None };
        let algorithm = der::all(algorithm.content)?;
        let oid = der::arcs(algorithm.first()?.content);
        Some(match oid.as_slice() {
            [1, 2, 840, 113_549, 1, 1, 1] => {
                let numbers = der::all(der::only(bits.content.get(1..)?, der::SEQUENCE)?)?;
                let [modulus, exponent] = numbers.as_slice() else { return None };
                let digits = significant(modulus.content);
                let zeros = digits.first().map_or(0, |first| first.leading_zeros() as usize);
                Key::Rsa { bits: digits.len() * 8 - zeros, exponent: significant(exponent.content).to_vec() }
            }
            [1, 2, 840, 10_045, 2, 1] => {
                let curve = algorithm.get(1).filter(|parameters| parameters.tag == der::OID);
                Key::Ec(curve.map(|curve| der::arcs(curve.content)))
            }
            [1, 3, 101, 112] => Key::Ed25519,
            _ => Key::Other(oid),
        })
    }
}

/// Without leading zeros.
fn significant(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|&&b| b == 0).count()..]
}

/// A small number that is not negative.
fn number(content: &[u8]) -> Option<u64> {
    let fits = content.len() <= 8 && content.first().is_some_and(|first| first & 0x80 == 0);
    fits.then(|| content.iter().fold(0, |n, &digit| n << 8 | u64::from(digit)))
}
