//! The files in cfssl's JSON, under cfssljson's names.

use base64::Engine;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::cfssl::answers::failure::Failure;
use crate::cfssl::go;

/// One file.
pub struct Item {
    /// What comes after the base name: `-key.pem`.
    pub suffix: &'static str,
    /// Only its owner may read it.
    pub secret: bool,
    /// Printed in base64.
    pub binary: bool,
    /// Contents.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// Keys, and what becomes of them: suffix, secret, binary. The first of two names for one thing counts.
type Kind = (&'static [&'static str], &'static str, bool, bool);

const KINDS: [Kind; 4] = [
    (&["cert", "certificate"], ".pem", false, false),
    (&["key", "private_key"], "-key.pem", true, false),
    (&["encrypted_key"], "-key.enc", true, true),
    (&["csr", "certificate_request"], ".csr", false, false),
];

/// All files in the JSON, at least one. `bare`: it is a command's output; else the envelope of cfssl's HTTP API.
pub fn items(json: &[u8], bare: bool) -> Result<Vec<Item>, Failure> {
    let map = read(json, bare)?;
    let mut items = Vec::new();
    for (names, suffix, secret, binary) in KINDS {
        if let Some(text) = first(&map, names)? {
            items.push(Item { suffix, secret, binary, bytes: Zeroizing::new(text.as_bytes().to_vec()) });
        }
    }
    items.extend(bundle(&map)?);
    if let Some(text) = first(&map, &["ocspResponse"])? {
        let der = base64::engine::general_purpose::STANDARD.decode(text);
        let der = der.map_err(|e| Failure::text(format!("Failed to parse ocspResponse: {e}")))?;
        items.push(Item { suffix: "-response.der", secret: false, binary: true, bytes: Zeroizing::new(der) });
    }
    if items.is_empty() {
        return Err(Failure::text(
            "there is no certificate, key or CSR in the input (the output of a command needs -bare, that of the API must not have it)",
        ));
    }
    Ok(items)
}

fn read(json: &[u8], bare: bool) -> Result<Map<String, Value>, Failure> {
    let unread = |words: String| {
        let failure = Failure::text(words).within("Failed to parse input: ");
        let empty = json.trim_ascii().is_empty();
        if empty {
            failure.within("the input is empty: the command before the pipe failed, and says why above\n")
        } else {
            failure
        }
    };
    let parsed = go::json::parse(json).map_err(unread)?;
    go::types::check(&parsed, if bare { &go::types::BARE } else { &go::types::RESPONSE }).map_err(unread)?;
    let value: Value = serde_json::from_slice(json).map_err(|e| unread(e.to_string()))?;
    let Value::Object(mut map) = value else { return Ok(Map::new()) };
    if bare {
        return Ok(map);
    }
    if map.get("success") == Some(&Value::Bool(true)) {
        return Ok(match map.remove("result") {
            Some(Value::Object(result)) => result,
            _ => Map::new(),
        });
    }
    let messages = map.get("errors").and_then(Value::as_array).into_iter().flatten();
    let messages = messages.filter_map(|e| e.get("message").and_then(Value::as_str));
    Err(Failure::list("Request failed:", messages))
}

/// The bundle of the HTTP API in its envelope, or the output of the command.
fn bundle(map: &Map<String, Value>) -> Result<Vec<Item>, Failure> {
    let inner = map.get("result").unwrap_or(&Value::Null).get("bundle").or_else(|| map.get("bundle"));
    let holder = match inner {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(inner)) => inner,
        Some(_) => map,
    };
    let chain = first(holder, &["bundle"])?.ok_or_else(|| Failure::text("inner bundle parsing failed!"))?;
    let root = first(holder, &["root"])?.ok_or_else(|| Failure::text("root parsing failed!"))?;
    let item =
        |suffix, text: String| Item { suffix, secret: false, binary: false, bytes: Zeroizing::new(text.into_bytes()) };
    Ok(vec![item("-bundle.pem", format!("{chain}\n{root}")), item("-root.pem", root.to_owned())])
}

fn first<'a>(map: &'a Map<String, Value>, names: &[&str]) -> Result<Option<&'a str>, Failure> {
    for name in names {
        match map.get(*name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => return Ok(Some(text)),
            Some(_) => return Err(Failure::text(format!("{name}: expected a string"))),
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
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn names_are_those_of_cfssljson() {
        insta::assert_snapshot!(names(r#"{"cert":"a","key":"b","csr":"c"}"#, true), @".pem -key.pem! .csr");
        insta::assert_snapshot!(names(r#"{"success":true,"result":{"certificate":"a","private_key":"b","encrypted_key":"e"}}"#, false), @".pem -key.pem! -key.enc!");
        insta::assert_snapshot!(names(r#"{"result":{"bundle":{"bundle":"a","root":"b"}}}"#, true), @"-bundle.pem -root.pem");
        insta::assert_snapshot!(names(r#"{"bundle":"a","root":"b","key":""}"#, true), @"-bundle.pem -root.pem");
        insta::assert_snapshot!(names(r#"{"ocspResponse":"AAAA"}"#, true), @"-response.der");
    }

    #[test]
    fn nothing_done_is_an_error() {
        insta::assert_snapshot!(names("", true), @r"
        the input is empty: the command before the pipe failed, and says why above
        Failed to parse input: unexpected end of JSON input
        ");
        insta::assert_snapshot!(names("{}", true), @"there is no certificate, key or CSR in the input (the output of a command needs -bare, that of the API must not have it)");
        insta::assert_snapshot!(names("null", true), @"there is no certificate, key or CSR in the input (the output of a command needs -bare, that of the API must not have it)");
        insta::assert_snapshot!(names(r#"{"cert":1}"#, true), @"cert: expected a string");
        insta::assert_snapshot!(names(r#"{"cert":"a"}"#, false), @"Request failed:");
        insta::assert_snapshot!(names("[]", false), @"Failed to parse input: json: cannot unmarshal array into Go value of type main.Response");
        insta::assert_snapshot!(names(r#"{"success":false,"errors":[{"code":1,"message":"no"}]}"#, false), @"
        Request failed:
        	no
        ");
    }
}
