//! The 23 usage names of cfssl's signing profiles.

use std::fmt;

use serde::{Serialize, Serializer};
use x509_parser::extensions::ExtendedKeyUsage;

use crate::error::{Error, Result};
use crate::pki::encoding::oid::{self, ANY_PURPOSE, SERVER_AUTH};
use crate::text::nearest;

/// A key usage or extended key usage, by cfssl's name for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Usage(&'static Entry);

#[derive(PartialEq, Eq)]
struct Entry {
    name: &'static str,
    meaning: Meaning,
}

#[derive(PartialEq, Eq)]
enum Meaning {
    /// Bit of KeyUsage (RFC 5280 §4.2.1.3).
    Bit(u8),
    /// Purpose of ExtendedKeyUsage.
    Purpose(&'static [u64]),
}

impl Usage {
    /// By its exact name.
    pub fn parse(name: &str) -> Result<Self> {
        if let Some(entry) = USAGES.iter().find(|u| u.name == name) {
            return Ok(Usage(entry));
        }
        let all = || format!("usages are: {}", Self::names().collect::<Vec<_>>().join(", "));
        Err(Error::pki(format!("unknown usage `{name}`")).meant(nearest(name, Self::names()), all))
    }

    /// All names: key usages, then extended key usages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        USAGES.iter().map(|entry| entry.name)
    }

    /// cfssl's name.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    pub(crate) fn key_usage_bit(self) -> Option<u8> {
        match self.0.meaning {
            Meaning::Bit(bit) => Some(bit),
            Meaning::Purpose(_) => None,
        }
    }

    pub(crate) fn extended(self) -> Option<&'static [u64]> {
        match self.0.meaning {
            Meaning::Purpose(oid) => Some(oid),
            Meaning::Bit(_) => None,
        }
    }

    /// keyEncipherment or dataEncipherment.
    pub(crate) fn is_encipherment(self) -> bool {
        matches!(self.key_usage_bit(), Some(KEY_ENCIPHERMENT | DATA_ENCIPHERMENT))
    }

    /// keyCertSign.
    pub(crate) fn is_cert_sign(self) -> bool {
        self.key_usage_bit() == Some(CERT_SIGN)
    }
}

const KEY_ENCIPHERMENT: u8 = 2;
const DATA_ENCIPHERMENT: u8 = 3;
/// keyCertSign, as a bit of KeyUsage.
pub(crate) const CERT_SIGN: u8 = 5;
/// cRLSign.
pub(crate) const CRL_SIGN: u8 = 6;

/// KeyUsage bits by RFC 5280's names, in their order.
pub(crate) const KEY_USAGE_NAMES: [&str; 9] = [
    "digital signature",
    "content commitment",
    "key encipherment",
    "data encipherment",
    "key agreement",
    "cert sign",
    "crl sign",
    "encipher only",
    "decipher only",
];

/// Names of the bits that are set in a KeyUsage; the lowest is the first.
pub(crate) fn key_usage_names(bits: u16) -> impl Iterator<Item = &'static str> {
    KEY_USAGE_NAMES.into_iter().enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| name)
}

/// The purposes of an ExtendedKeyUsage, those that everybody knows first.
pub(crate) fn purposes(usage: &ExtendedKeyUsage<'_>) -> Vec<Vec<u64>> {
    let known = [
        (usage.any, ANY_PURPOSE),
        (usage.server_auth, SERVER_AUTH),
        (usage.client_auth, CLIENT_AUTH),
        (usage.code_signing, CODE_SIGNING),
        (usage.email_protection, EMAIL_PROTECTION),
        (usage.time_stamping, TIMESTAMPING),
        (usage.ocsp_signing, OCSP_SIGNING),
    ];
    let known = known.into_iter().filter(|(set, _)| *set).map(|(_, purpose)| purpose.to_vec());
    known.chain(usage.other.iter().map(|purpose| oid::of(purpose).unwrap_or_default())).collect()
}

/// cfssl's name of a purpose, or its dotted form.
pub(crate) fn purpose_name(purpose: &[u64]) -> String {
    let known = USAGES.iter().find(|u| matches!(u.meaning, Meaning::Purpose(known) if known == purpose));
    known.map_or_else(|| oid::dotted(purpose), |u| u.name.to_owned())
}

const CLIENT_AUTH: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
const CODE_SIGNING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 3];
const EMAIL_PROTECTION: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 4];
const TIMESTAMPING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 8];
const OCSP_SIGNING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 9];

static USAGES: [Entry; 23] = [
    Entry { name: "signing", meaning: Meaning::Bit(0) },
    Entry { name: "digital signature", meaning: Meaning::Bit(0) },
    Entry { name: "content commitment", meaning: Meaning::Bit(1) },
    Entry { name: "key encipherment", meaning: Meaning::Bit(2) },
    Entry { name: "data encipherment", meaning: Meaning::Bit(3) },
    Entry { name: "key agreement", meaning: Meaning::Bit(4) },
    Entry { name: "cert sign", meaning: Meaning::Bit(5) },
    Entry { name: "crl sign", meaning: Meaning::Bit(6) },
    Entry { name: "encipher only", meaning: Meaning::Bit(7) },
    Entry { name: "decipher only", meaning: Meaning::Bit(8) },
    Entry { name: "any", meaning: Meaning::Purpose(ANY_PURPOSE) },
    Entry { name: "server auth", meaning: Meaning::Purpose(SERVER_AUTH) },
    Entry { name: "client auth", meaning: Meaning::Purpose(CLIENT_AUTH) },
    Entry { name: "code signing", meaning: Meaning::Purpose(CODE_SIGNING) },
    Entry { name: "email protection", meaning: Meaning::Purpose(EMAIL_PROTECTION) },
    Entry { name: "s/mime", meaning: Meaning::Purpose(EMAIL_PROTECTION) },
    Entry { name: "ipsec end system", meaning: Meaning::Purpose(&[1, 3, 6, 1, 5, 5, 7, 3, 5]) },
    Entry { name: "ipsec tunnel", meaning: Meaning::Purpose(&[1, 3, 6, 1, 5, 5, 7, 3, 6]) },
    Entry { name: "ipsec user", meaning: Meaning::Purpose(&[1, 3, 6, 1, 5, 5, 7, 3, 7]) },
    Entry { name: "timestamping", meaning: Meaning::Purpose(TIMESTAMPING) },
    Entry { name: "ocsp signing", meaning: Meaning::Purpose(OCSP_SIGNING) },
    Entry { name: "microsoft sgc", meaning: Meaning::Purpose(&[1, 3, 6, 1, 4, 1, 311, 10, 3, 3]) },
    Entry { name: "netscape sgc", meaning: Meaning::Purpose(&[2, 16, 840, 1, 113730, 4, 1]) },
];

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.name)
    }
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_and_unknown_ones_are_refused_with_the_nearest() {
        assert_eq!(Usage::parse("server auth").unwrap().extended(), Some(SERVER_AUTH));
        let refused = |name| {
            let error = Usage::parse(name).unwrap_err();
            format!("{error}; {}", error.hints[0])
        };
        insta::assert_snapshot!(refused("Server_Auth"), @"unknown usage `Server_Auth`; did you mean `server auth`?");
        insta::assert_snapshot!(refused("xyzzy"), @"unknown usage `xyzzy`; usages are: signing, digital signature, content commitment, key encipherment, data encipherment, key agreement, cert sign, crl sign, encipher only, decipher only, any, server auth, client auth, code signing, email protection, s/mime, ipsec end system, ipsec tunnel, ipsec user, timestamping, ocsp signing, microsoft sgc, netscape sgc");
    }

    #[test]
    fn purposes_have_names() {
        assert_eq!(purpose_name(CLIENT_AUTH), "client auth");
        assert_eq!(purpose_name(&[1, 2, 3]), "1.2.3");
    }
}
