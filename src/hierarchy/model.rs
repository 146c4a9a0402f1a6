//! The specification as it is written: plain types, which are also the source of its JSON Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pki::KeyAlgorithm;
pub use crate::pki::NameSpec as Name;
use crate::pki::Subtrees;

/// A hierarchy of certificate authorities and certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Specification {
    /// Where the files go; relative to this file (default: beside it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// What everything below inherits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub defaults: Defaults,
    /// Profiles by name, beside the built-in `server`, `client` and `peer` (both).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Profile>,
    /// The root CAs, each with what stands below it.
    pub authorities: Vec<Authority>,
}

/// What is inherited where nothing else is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Defaults {
    /// Key algorithm and size (default ECDSA P-256).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeySettings>,
    /// The subject besides the CN, as in cfssl's CSR specs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<Name>>,
    /// Life of certificates: `8760h`, `90d`, `1y` (default 1y). A profile may have another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    /// Life of CAs (default 10y).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_expiry: Option<String>,
    /// How long before its end a certificate is renewed (default: a third of its life, at most 30d).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<String>,
    /// How long before its end a CA is reported (default: a third of its life, at most 1y).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_renew_before: Option<String>,
    /// Profile of certificates (default `peer`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// File names; `{name}` stands for the item's name.
    #[serde(skip_serializing_if = "is_default")]
    pub files: FileNames,
}

/// A certificate authority, and what it issues.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authority {
    /// Its name in this file and in file names.
    pub name: String,
    /// Common name.
    #[serde(rename = "CN", default, skip_serializing_if = "String::is_empty")]
    pub cn: String,
    /// The rest of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<Name>>,
    /// The subject's serialNumber attribute.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub serial_number: String,
    /// Its certificate and key are brought by you: they are used, and never made or renewed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
    /// Key algorithm and size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeySettings>,
    /// Its own life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    /// How long before its end it is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<String>,
    /// How many CAs may stand below it in a chain (default: any number).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 255))]
    pub path_length: Option<u32>,
    /// The only names that it may issue for, by kinds (default: all names).
    #[serde(default, skip_serializing_if = "Subtrees::is_empty")]
    pub permitted: Subtrees,
    /// Names that it may not issue for.
    #[serde(default, skip_serializing_if = "Subtrees::is_empty")]
    pub excluded: Subtrees,
    /// Where its revocation list is: written into what it issues.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub crl_url: String,
    /// Its OCSP responder: written into what it issues.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ocsp_url: String,
    /// Where its certificate is: written into what it issues.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuer_urls: Vec<String>,
    /// Folder of its files and of those below it, in the folder of what stands above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Its own file names.
    #[serde(default, skip_serializing_if = "is_default")]
    pub files: FileNames,
    /// What everything below it inherits, before what is written further up.
    #[serde(default, skip_serializing_if = "is_default")]
    pub defaults: Defaults,
    /// CAs that it issues.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<Authority>,
    /// Certificates that it issues.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
}

/// A certificate, or many alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// Its name in this file and in file names.
    pub name: String,
    /// Common name.
    #[serde(rename = "CN", default, skip_serializing_if = "String::is_empty")]
    pub cn: String,
    /// The rest of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<Name>>,
    /// The subject's serialNumber attribute.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub serial_number: String,
    /// DNS names, addresses, e-mail addresses and URIs that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Profile, which says what it may be used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Key algorithm and size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeySettings>,
    /// Its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    /// How long before its end it is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<String>,
    /// Folder of its files, in its CA's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Its file names.
    #[serde(default, skip_serializing_if = "is_default")]
    pub files: FileNames,
    /// As many of it: `{n}` in name, CN, names and hosts counts from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100000))]
    pub count: Option<u32>,
    /// One of it for each entry, whose keys stand between braces in name, CN, names and hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<BTreeMap<String, String>>,
}

/// What certificates may be used for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// Key usages and extended key usages by cfssl's names: `signing`, `key encipherment`, `server auth`, …
    pub usages: Vec<String>,
    /// Life of its certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    /// How long before now its certificates begin (default 5m).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backdate: Option<String>,
    /// For OCSP responders: nobody is to check this certificate itself by OCSP.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ocsp_no_check: bool,
}

/// Key algorithm, size and format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySettings {
    /// `rsa`, `ecdsa` or `ed25519`.
    pub algo: KeyAlgorithm,
    /// Bits: RSA 2048 to 8192, ECDSA 256, 384 or 521; not for ed25519.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// How new keys are written (default `traditional`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<KeyFormat>,
}

/// Key formats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyFormat {
    /// `EC PRIVATE KEY` and `RSA PRIVATE KEY`, as cfssl.
    #[default]
    Traditional,
    /// `PRIVATE KEY`, as Java and most newer programs want.
    Pkcs8,
}

/// File names; `{name}` stands for the item's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FileNames {
    /// The certificate (default `{name}.pem`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The key, 0600 (default `{name}-key.pem`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The certificate and the intermediate CAs above it, as servers send them (default: not written).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// The CAs above it up to the root, as those who check it need them (default: not written).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
