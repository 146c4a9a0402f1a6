//! Encryption at rest: `EncryptionConfiguration`, built here and not by a template, because it holds keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::state::EncryptionKey;

const HEAD: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources:\n  - secrets\n  providers:\n";
const IDENTITY: &str = "  - identity: {}\n";

/// The file's bytes. The first provider writes, and of its keys the first one; all read. So with `encrypt` off, what was
/// written encrypted is still understood, and so is what an earlier key has written.
pub fn configuration(keys: &[EncryptionKey], encrypt: bool) -> Secret {
    let mut text = Zeroizing::new(Vec::with_capacity(256 + 128 * keys.len()));
    let mut add = |part: &str| text.extend_from_slice(part.as_bytes());
    add(HEAD);
    if !encrypt {
        add(IDENTITY);
    }
    add("  - secretbox:\n      keys:\n");
    for key in keys {
        let encoded = Zeroizing::new(STANDARD.encode(key.secret.expose()));
        ["      - name: ", &key.name, "\n        secret: ", &encoded, "\n"].into_iter().for_each(&mut add);
    }
    if encrypt {
        add(IDENTITY);
    }
    Secret::new(std::mem::take(&mut *text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::yaml;
    use super::*;

    fn providers(keys: &[(&str, u8)], encrypt: bool) -> serde_json::Value {
        let keys =
            keys.iter().map(|(name, byte)| EncryptionKey { name: (*name).into(), secret: Secret::new([*byte; 32]) });
        let bytes = configuration(&keys.collect::<Vec<_>>(), encrypt);
        let parsed = yaml::parse("it", std::str::from_utf8(bytes.expose()).unwrap()).unwrap();
        assert_eq!(parsed["kind"], "EncryptionConfiguration");
        assert_eq!(parsed["resources"][0]["resources"], json!(["secrets"]));
        parsed["resources"][0]["providers"].clone()
    }

    #[test]
    fn the_first_provider_writes_and_both_read() {
        let secretbox = json!({"secretbox": {"keys": [{"name": "key1", "secret": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="}]}});
        assert_eq!(providers(&[("key1", 7)], true), json!([secretbox, {"identity": {}}]));
        assert_eq!(providers(&[("key1", 7)], false), json!([{"identity": {}}, secretbox]));
    }
    #[test]
    fn the_first_key_writes_and_all_read() {
        let secretbox = json!({"secretbox": {"keys": [
            {"name": "key2", "secret": "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg="},
            {"name": "key1", "secret": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="},
        ]}});
        assert_eq!(providers(&[("key2", 8), ("key1", 7)], true), json!([secretbox, {"identity": {}}]));
    }
}
