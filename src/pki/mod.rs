//! Keys, CSRs, certificates and CAs from cfssl's JSON. Knows nothing of clusters.
//!
//! The way through: a [`CsrSpec`] (JSON) and a [`Key`] become a [`Request`]; an [`Authority`] issues a [`Certificate`]
//! for it under a [`Profile`] of a [`SigningConfig`]. Time and serial numbers are passed in; only [`store`] touches files.

mod authority;
mod certificate;
mod chain;
mod crl;
mod csr;
mod der;
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
mod pem;
mod profile;
mod profile_json;
mod public_key;
mod renew;
mod request;
mod rules;
mod san;
mod self_issued;
mod self_signed;
mod serial;
mod signature;
mod signing_config;
mod spec;
pub mod store;
mod uri;
mod usage;
mod verify;
mod whitelist;

pub use crate::lifetime::Lifetime;
pub use authority::Authority;
pub use certificate::Certificate;
pub use chain::Pool;
pub use crl::{CrlSpec, Reason, Revoked, crl_pem};
pub use csr::Csr;
pub use extension::Extension;
pub use inspect::{CertificateInfo, CsrInfo, NameInfo};
pub use issue::{Issued, Validity};
pub(crate) use json::parse as parse_json;
pub use key::Key;
pub use key_kind::KeyKind;
pub(crate) use name::attribute_text;
pub use name::{Attribute, Name};
pub use profile::{CaConstraint, Policy, Profile, Qualifier};
pub use public_key::PublicKey;
pub use renew::renewed;
pub use request::Request;
pub use rules::Rules;
pub use san::San;
pub use self_issued::self_issued;
pub use self_signed::self_signed;
pub use serial::Serial;
pub use signing_config::SigningConfig;
pub use spec::{CaSpec, CsrSpec, ExtensionSpec, KeySpec, NameSpec, Subject};
pub use usage::Usage;
pub use verify::{Expected, verify};
pub use whitelist::{CsrWhitelist, NameWhitelist};
