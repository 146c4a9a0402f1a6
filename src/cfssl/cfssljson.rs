//! The files in cfssl's JSON, under cfssljson's names.

use base64::Engine;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// One file.
pub struct Item {
    /// What comes after the base name: `-key.pem`.
    pub suffix: &'static str,
    /// Only its owner may read it.
    pub secret: bool,
    /// Contents.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// Keys, what becomes of them. The first of two names for one thing counts.
const KINDS: [(&[&str], &str, bool); 4] = [
    (&["cert", "certificate"], ".pem", false),
    (&["key", "private_key"], "-key.pem", true),
    (&["encrypted_key"], "-key.enc", true),
    (&["csr", "certificate_request"], ".csr", false),
];

/// All files in the JSON, at least one. `bare`: it is a command's output; else the envelope of cfssl's HTTP API.
pub fn items(json: &[u8], bare: bool) -> Result<Vec<Item>> {
    if json.trim_ascii().is_empty() {
        return Err(
            Error::input("standard input is empty").hint("the command before the pipe failed: its message is above")
        );
    }
    let value: Value = serde_json::from_slice(json).map_err(|e| Error::input(format!("the input is not JSON: {e}")))?;
    let Value::Object(map) = value else { return Err(Error::input("the input is not a JSON object")) };
    let map = if bare { map } else { result_of(map)? };
    let mut items = Vec::new();
    for (names, suffix, secret) in KINDS {
        if let Some(text) = first(&map, names)? {
            items.push(Item { suffix, secret, bytes: Zeroizing::new(text.as_bytes().to_vec()) });
        }
    }
    if let Some(text) = first(&map, &["ocspResponse"])? {
        let der = base64::engine::general_purpose::STANDARD.decode(text);
        let der = der.map_err(|_| Error::input("ocspResponse is not base64"))?;
        items.push(Item { suffix: "-response.der", secret: false, bytes: Zeroizing::new(der) });
    }
    items.extend(bundle(&map)?);
    if items.is_empty() {
        return Err(Error::input("there is no certificate, key or CSR in the input")
            .hint("the output of a command needs -bare, that of the HTTP API must not have it"));
    }
    Ok(items)
}

fn result_of(mut map: Map<String, Value>) -> Result<Map<String, Value>> {
    if map.get("success") == Some(&Value::Bool(true)) {
        return match map.remove("result") {
            Some(Value::Object(result)) => Ok(result),
            _ => Err(Error::input("the API's answer has no result")),
        };
    }
    let error = Error::input("the API's answer is not a success").hint("the output of a command needs -bare");
    let messages = map.get("errors").and_then(Value::as_array).into_iter().flatten();
    let messages = messages.filter_map(|e| e.get("message").and_then(Value::as_str));
    Err(messages.fold(error, |error, message| error.detail(message)))
}

fn bundle(map: &Map<String, Value>) -> Result<Vec<Item>> {
    let Some(bundle) = map.get("bundle").or_else(|| map.get("result")?.get("bundle")).and_then(Value::as_object) else {
        return Ok(Vec::new());
    };
    let root = first(bundle, &["root"])?.unwrap_or_default();
    let chain = first(bundle, &["bundle"])?.unwrap_or_default();
    let item = |suffix, text: String| Item { suffix, secret: false, bytes: Zeroizing::new(text.into_bytes()) };
    Ok(vec![item("-bundle.pem", format!("{chain}\n{root}")), item("-root.pem", root.to_owned())])
}

fn first<'a>(map: &'a Map<String, Value>, names: &[&str]) -> Result<Option<&'a str>> {
    for name in names {
        match map.get(*name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => return Ok(Some(text)),
            Some(_) => return Err(Error::input(format!("{name}: expected a string"))),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(json: &str, bare: bool) -> String {
        match items(json.as_bytes(), bare) {
            Ok(items) => items
                .iter()
                .map(|i| format!("{}{}", i.suffix, if i.secret { "!" } else { "" }))
                .collect::<Vec<_>>()
                .join(" "),
            Err(e) => e.message,
        }
    }

    #[test]
    fn names_are_those_of_cfssljson() {
        insta::assert_snapshot!(names(r#"{"cert":"a","key":"b","csr":"c"}"#, true), @".pem -key.pem! .csr");
        insta::assert_snapshot!(names(r#"{"success":true,"result":{"certificate":"a","private_key":"b","encrypted_key":"e"}}"#, false), @".pem -key.pem! -key.enc!");
        insta::assert_snapshot!(names(r#"{"result":{"bundle":{"bundle":"a","root":"b"}}}"#, true), @"-bundle.pem -root.pem");
        insta::assert_snapshot!(names(r#"{"ocspResponse":"AAAA"}"#, true), @"-response.der");
    }

    #[test]
    fn nothing_done_is_an_error() {
        insta::assert_snapshot!(names("", true), @"standard input is empty");
        insta::assert_snapshot!(names("{}", true), @"there is no certificate, key or CSR in the input");
        insta::assert_snapshot!(names("null", true), @"the input is not a JSON object");
        insta::assert_snapshot!(names(r#"{"cert":1}"#, true), @"cert: expected a string");
        insta::assert_snapshot!(names(r#"{"cert":"a"}"#, false), @"the API's answer is not a success");
    }
}
