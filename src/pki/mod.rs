//! Keys, CSRs, certificates and CAs from cfssl's JSON. Knows nothing of clusters.
//!
//! The way through: a [`CsrSpec`] (JSON) and a [`Key`] become a [`Request`]; an [`Authority`] issues a [`Certificate`]
//! for it under a [`Profile`] of a [`SigningConfig`]. Time and serial numbers are passed in; nothing here touches files.
//!
//! Each room knows those before it: `rules`, `encoding`, `key`, `names`, `x509`, `spec`, `issue`, `check`.

mod check;
mod encoding;
#[cfg(test)]
pub(crate) mod fixtures;
mod issue;
mod key;
mod names;
mod rules;
mod spec;
mod x509;

pub use crate::lifetime::Lifetime;
pub use check::budget::{Budget, TooMuch};
pub use check::chain::Pool;
pub use check::difference::{Specified, differences};
pub use check::leaf::leaf_and_rest;
pub use check::verify::{Expected, signed_by, verify};
pub(crate) use encoding::forms;
pub(crate) use encoding::java;
pub(crate) use encoding::oid::{self, dotted};
pub use encoding::pem::is_pkcs12;
pub use encoding::tlv;
pub use issue::authority::Authority;
pub use issue::builder::Issued;
pub use issue::crl::{CrlSpec, Reason, Revoked, crl_number, crl_pem};
pub use issue::renew_ca::{Signer, kept_serial, renew_ca, renew_ca_by};
pub use issue::root::{check_root, self_signed, self_signed_by};
pub use issue::selfsign::selfsign;
pub use key::encrypted;
pub use key::encrypted::Passwords;
pub use key::kind::{KeyAlgorithm, KeyKind};
pub use key::private_key::Key;
pub use key::public_key::PublicKey;
pub use names::constraints::{Constraints, Names};
pub use names::name::{Attribute, Name};
pub use names::san::San;
pub use names::subtrees::Subtrees;
pub(crate) use names::within::address as address_of;
pub(crate) use names::word::has_type_word;
pub use rules::Rules;
pub use spec::csr_spec::{CaSpec, CsrSpec, ExtensionSpec, KeySpec, NameSpec, Subject};
pub(crate) use spec::json::parse as parse_json;
pub use spec::profile::{CaConstraint, Profile};
pub use spec::signing_config::SigningConfig;
pub use spec::whitelist::{CsrWhitelist, NameWhitelist};
pub use x509::certificate::Certificate;
pub(crate) use x509::certificate::is_certificate;
pub use x509::csr::Csr;
pub(crate) use x509::csr::is_request;
pub use x509::extension::{BasicConstraints, Extension, Policy, Qualifier};
pub(crate) use x509::extension_set::ExtensionSet;
pub use x509::inspect::{CertificateInfo, CrlInfo, CsrInfo, Field, NameInfo, RequestInfo, is_key_usage};
pub(crate) use x509::inspect::{second, whole};
pub use x509::pkcs12;
pub use x509::request::Request;
pub use x509::serial::Serial;
pub(crate) use x509::signature::check_signature;
pub use x509::usage::Usage;
pub use x509::validity::Validity;
pub(crate) use x509::validity::day_and_minute;
