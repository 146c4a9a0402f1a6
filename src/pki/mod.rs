//! Keys, CSRs, certificates and CAs from cfssl's JSON. Knows nothing of clusters.
//!
//! The way through: a [`CsrSpec`] (JSON) and a [`Key`] become a [`Request`]; an [`Authority`] issues a [`Certificate`]
//! for it under a [`Profile`] of a [`SigningConfig`]. Time and serial numbers are passed in; only [`store`] touches files.

mod authority;
pub mod backup;
mod certificate;
mod csr;
mod der;
mod difference;
pub mod encrypted;
mod extension;
mod inspect;
mod issue;
mod json;
mod key;
mod key_format;
mod key_kind;
mod legacy_pem;
mod name;
mod oid;
pub(crate) mod pem;
pub mod pkcs12;
mod profile;
mod profile_json;
mod public_key;
mod reissue;
mod request;
mod san;
mod self_signed;
mod serial;
mod signature;
mod signing_config;
mod spec;
pub mod store;
mod uri;
mod usage;
mod verify;

pub use crate::lifetime::Lifetime;
pub use authority::Authority;
pub use certificate::Certificate;
pub use csr::Csr;
pub use difference::{Wanted, differences};
pub use encrypted::Passwords;
pub use extension::Extension;
pub use inspect::{CertificateInfo, CsrInfo, NameInfo, is_key_usage};
pub(crate) use issue::day_and_minute;
pub use issue::{Issued, Validity};
pub use key::Key;
pub use key_kind::KeyKind;
pub use name::{Attribute, Name};
pub(crate) use name::{attribute_text, name_text};
pub use pkcs12::is_pkcs12;
pub use profile::{CaConstraint, Policy, Profile, Qualifier};
pub use public_key::PublicKey;
pub use reissue::{Signer, reissue};
pub use request::Request;
pub use san::San;
pub use self_signed::self_signed;
pub use serial::Serial;
pub(crate) use signature::check_signature;
pub use signing_config::SigningConfig;
pub use spec::{CaSpec, CsrSpec, ExtensionSpec, KeySpec, NameSpec, Subject};
pub(crate) use usage::KEY_USAGE_NAMES;
pub use usage::Usage;
pub use verify::{Expected, signed_by, verify};
