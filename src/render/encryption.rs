//! Encryption at rest: `EncryptionConfiguration`, built here and not by a template, because it holds a key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::Secret;

const HEAD: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources:\n  - secrets\n  providers:\n";
const IDENTITY: &str = "  - identity: {}\n";

/// The file's bytes. The first provider writes; all read. So with `encrypt` off, what was written encrypted is
/// still understood.
pub(super) fn configuration(key: &Secret, encrypt: bool) -> Secret {
    let encoded = Zeroizing::new(STANDARD.encode(key.expose()));
    let mut text = Zeroizing::new(Vec::with_capacity(512));
    let secretbox = ["  - secretbox:\n      keys:\n      - name: key1\n        secret: ", &encoded, "\n"];
    text.extend_from_slice(HEAD.as_bytes());
    if !encrypt {
        text.extend_from_slice(IDENTITY.as_bytes());
    }
    secretbox.iter().for_each(|part| text.extend_from_slice(part.as_bytes()));
    if encrypt {
        text.extend_from_slice(IDENTITY.as_bytes());
    }
    Secret::new(std::mem::take(&mut *text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::yaml;
    use super::*;

    fn providers(encrypt: bool) -> serde_json::Value {
        let bytes = configuration(&Secret::new([7; 32]), encrypt);
        let parsed = yaml::parse("it", std::str::from_utf8(bytes.expose()).unwrap()).unwrap();
        assert_eq!(parsed["kind"], "EncryptionConfiguration");
        assert_eq!(parsed["resources"][0]["resources"], json!(["secrets"]));
        parsed["resources"][0]["providers"].clone()
    }

    #[test]
    fn the_first_provider_writes_and_both_read() {
        let secretbox = json!({"secretbox": {"keys": [{"name": "key1", "secret": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="}]}});
        assert_eq!(providers(true), json!([secretbox, {"identity": {}}]));
        assert_eq!(providers(false), json!([{"identity": {}}, secretbox]));
    }
}
