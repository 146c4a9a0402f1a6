//! A CSR spec and a signing configuration to start from.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::pki::{CsrSpec, KeySpec, Lifetime, NameSpec, Profile, SigningConfig};

/// As cfssl prints it: four spaces deep, and an empty line at the end.
pub fn indented(value: &impl Serialize) -> Result<String> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut serializer).map_err(|e| Error::internal(format!("write JSON: {e}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned() + "\n\n")
}

/// A server's CSR spec.
pub fn csr() -> CsrSpec {
    let name = NameSpec { c: "US".into(), st: "CA".into(), l: "San Francisco".into(), ..NameSpec::default() };
    CsrSpec {
        cn: "example.net".into(),
        hosts: vec!["example.net".into(), "www.example.net".into()],
        key: KeySpec::default(),
        names: vec![name],
        ..CsrSpec::default()
    }
}

/// A default profile, one for servers, one for clients.
pub fn config() -> Result<SigningConfig> {
    let year = Lifetime::hours(8760);
    let profiles = BTreeMap::from([
        ("www".to_owned(), Profile::new(&["signing", "key encipherment", "server auth"], year)?),
        ("client".to_owned(), Profile::new(&["signing", "key encipherment", "client auth"], year)?),
    ]);
    let default = Profile { expiry: Some(Lifetime::hours(168)), ..Profile::default() };
    Ok(SigningConfig { default: Some(default), profiles, ..SigningConfig::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_read_back() {
        assert_eq!(CsrSpec::from_json(csr().to_json().as_bytes(), "x").unwrap(), csr());
        let config = config().unwrap();
        assert_eq!(SigningConfig::from_json(config.to_json().as_bytes(), "x").unwrap(), config);
    }
}
