//! What cfssl says against a CSR spec, before the engine reads it.

use serde_json::Value;

use crate::cfssl::answers::failure::Failure;
use crate::cfssl::go::{self, types::Type};
use crate::pki;

/// A document without mistakes of syntax and types: its keys in lower case, duplicates merged.
pub fn read(text: &[u8], expected: &Type) -> Result<Value, Failure> {
    let json = go::json::parse(text).map_err(Failure::text)?;
    go::types::check(&json, expected).map_err(Failure::text)?;
    Ok(pki::parse_json(text, "the document", pki::Rules::Lenient)?)
}

/// It has a `ca`.
pub fn has_ca(spec: &Value) -> bool {
    spec.get("ca").is_some_and(|ca| !ca.is_null())
}

/// Algorithm and size of the key, each with cfssl's default.
pub fn key(spec: &Value) -> (String, i64) {
    let key = spec.get("key").unwrap_or(&Value::Null);
    let algorithm = key.get("algo").and_then(Value::as_str).unwrap_or("ecdsa");
    (algorithm.to_owned(), key.get("size").and_then(Value::as_i64).unwrap_or(256))
}

/// Refuses a key that cfssl does not make.
pub fn check_key(spec: &Value) -> Result<(), Failure> {
    let (algorithm, size) = key(spec);
    let problem = match (algorithm.as_str(), size) {
        ("rsa", ..2048) => "RSA key is too weak",
        ("rsa", 8193..) => "RSA key size too large",
        ("rsa", _) | ("ed25519", _) | ("ecdsa", 256 | 384 | 521) => return Ok(()),
        ("ecdsa", _) => "invalid curve",
        _ => "invalid algorithm",
    };
    Err(Failure::code(2400, problem))
}

/// The first part of an object identifier in `names` that is no number.
pub fn bad_oid_part(spec: &Value) -> Option<String> {
    let names = spec.get("names").and_then(Value::as_array).into_iter().flatten();
    let oids = names.filter_map(|name| name.get("oid")?.as_object());
    let keys = oids.flat_map(|oids| oids.keys());
    keys.flat_map(|key| key.split('.')).find(|part| part.parse::<i64>().is_err()).map(str::to_owned)
}

/// A self-signed CA's life: Go's durations only, and longer than none. `fields` are those that count.
pub fn check_life(spec: &Value, fields: &[&str]) -> Result<(), Failure> {
    let ca = spec.get("ca").unwrap_or(&Value::Null);
    let text = |name: &str| ca.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    for name in fields {
        if let Some(text) = text(name) {
            go::duration::check(text).map_err(Failure::text)?;
        }
    }
    let zero = text("expiry").is_some_and(|text| text.parse::<pki::Lifetime>().is_ok_and(pki::Lifetime::is_zero));
    if zero { Err(Failure::policy("Invalid or unknown policy")) } else { Ok(()) }
}

/// A new CA needs a CN, or something in every entry of `names`.
pub fn check_subject(spec: &Value) -> Result<(), Failure> {
    let filled = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
    if spec.get("cn").and_then(Value::as_str).is_some_and(|cn| !cn.is_empty()) {
        return Ok(());
    }
    let names = spec.get("names").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let named = |name: &Value| ["c", "st", "l", "o", "ou"].iter().any(|field| filled(name.get(*field)));
    if !names.is_empty() && names.iter().all(named) {
        return Ok(());
    }
    Err(Failure::code(5300, "missing subject information"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cfssl::go::types::CSR;

    fn spec(text: &str) -> Value {
        read(text.as_bytes(), &CSR).unwrap()
    }

    fn key_error(text: &str) -> String {
        check_key(&spec(text)).err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn keys_are_judged_as_cfssl_does() {
        assert_eq!(key_error(r#"{"key":{"algo":"rsa"}}"#), r#"{"code":2400,"message":"RSA key is too weak"}"#);
        assert_eq!(key_error(r#"{"key":{"size":2048}}"#), r#"{"code":2400,"message":"invalid curve"}"#);
        assert_eq!(key_error(r#"{"Key":{"Algo":"RSA"}}"#), r#"{"code":2400,"message":"invalid algorithm"}"#);
        for good in ["{}", "null", r#"{"key":null}"#, r#"{"key":{"algo":"ed25519"}}"#] {
            assert_eq!(key_error(good), "", "{good}");
        }
    }

    const BOTH: &[&str] = &["expiry", "backdate"];

    #[test]
    fn subjects_lives_and_identifiers() {
        assert!(check_subject(&spec(r#"{"names":[{"C":"x"},{}]}"#)).is_err());
        assert!(check_subject(&spec(r#"{"names":[{"C":"x"},{"o":"y"}]}"#)).is_ok());
        assert!(check_life(&spec(r#"{"ca":{"expiry":"10y"}}"#), BOTH).is_err());
        assert!(check_life(&spec(r#"{"ca":{"expiry":"0h"}}"#), BOTH).is_err());
        assert!(check_life(&spec(r#"{"ca":{"expiry":""}}"#), BOTH).is_ok());
        assert_eq!(bad_oid_part(&spec(r#"{"names":[{"OID":{"1.2":"a","1.x":"b"}}]}"#)), Some("x".to_owned()));
    }
}
