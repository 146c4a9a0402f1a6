//! A CSR spec and a signing configuration to start from.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::pki::{CsrSpec, KeySpec, Lifetime, NameSpec, Profile, SigningConfig};

/// [`csr`] as cfssl prints it: scripts edit it line by line.
pub const CSR: &str = r#"{
    "CN": "example.net",
    "hosts": [
        "example.net",
        "www.example.net"
    ],
    "key": {
        "algo": "ecdsa",
        "size": 256
    },
    "names": [
        {
            "C": "US",
            "ST": "CA",
            "L": "San Francisco"
        }
    ]
}

"#;

/// [`config`] as cfssl prints it.
pub const CONFIG: &str = r#"{
    "signing": {
        "default": {
            "expiry": "168h"
        },
        "profiles": {
            "www": {
                "expiry": "8760h",
                "usages": [
                    "signing",
                    "key encipherment",
                    "server auth"
                ]
            },
            "client": {
                "expiry": "8760h",
                "usages": [
                    "signing",
                    "key encipherment",
                    "client auth"
                ]
            }
        }
    }
}

"#;

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
        assert_eq!(CsrSpec::from_json(CSR.as_bytes(), "x").unwrap(), csr());
        assert_eq!(SigningConfig::from_json(CONFIG.as_bytes(), "x").unwrap(), config);
    }
}
