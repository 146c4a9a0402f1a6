//! YAML out and in. Out is one form only, so that equal configuration is equal text, with every string that
//! any YAML 1.1 or 1.2 reader could take for something else in quotes.

use std::fmt::Write;

use serde_json::Value;

use crate::error::{Error, Result};

/// Parses one document; `what` names it in the error.
pub(super) fn parse(what: &str, text: &str) -> Result<Value> {
    serde_saphyr::from_str(text).map_err(|e| Error::input(format!("{what} is not valid YAML")).detail(e.to_string()))
}

/// Parses all documents.
pub(super) fn parse_all(what: &str, text: &str) -> Result<Vec<Value>> {
    serde_saphyr::from_multiple(text)
        .map_err(|e| Error::input(format!("{what} is not valid YAML")).detail(e.to_string()))
}

/// The value as a document in block style, keys in the map's order.
pub(super) fn write(value: &Value) -> String {
    let mut out = String::new();
    match inline_or_none(value) {
        Some(text) => out = text + "\n",
        None => block(&mut out, value, 0),
    }
    out
}

/// A string as a scalar: plain where that is safe, else in double quotes (a JSON string is one in YAML).
pub(super) fn scalar(text: &str) -> String {
    const TAKEN: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./+".contains(c) || c == ':')
        && !text.ends_with(':')
        && !text.contains(": ");
    if starts && plain && !TAKEN.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// A map or list that is not empty; all else stands in a line.
fn block(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let _ = write!(out, "{:indent$}{}:", "", scalar(key));
                // A list's dashes stand under its key, as Kubernetes writes them.
                let deeper = if value.is_array() { indent } else { indent + 2 };
                child(out, value, deeper);
            }
        }
        Value::Array(items) => {
            for item in items {
                let start = out.len() + indent;
                block_item(out, item, indent);
                out.replace_range(start..=start, "-");
            }
        }
        _ => {}
    }
}

/// An item is written two columns further in; its dash then takes the place of the first blank.
fn block_item(out: &mut String, item: &Value, indent: usize) {
    match inline_or_none(item) {
        Some(text) => {
            let _ = writeln!(out, "{:1$}{text}", "", indent + 2);
        }
        None => block(out, item, indent + 2),
    }
}

fn child(out: &mut String, value: &Value, indent: usize) {
    match inline_or_none(value) {
        Some(text) => {
            let _ = writeln!(out, " {text}");
        }
        None => {
            out.push('\n');
            block(out, value, indent);
        }
    }
}

fn inline_or_none(value: &Value) -> Option<String> {
    match value {
        Value::Object(map) if map.is_empty() => Some("{}".into()),
        Value::Array(items) if items.is_empty() => Some("[]".into()),
        Value::Object(_) | Value::Array(_) => None,
        other => Some(inline(other)),
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_form_is_the_one_that_kubernetes_writes() {
        let value = json!({
            "kind": "K", "list": ["a", {"b": 1, "c": [true, null]}, []], "empty": {}, "time": "5m0s",
            "no": "no", "path": "unix:///run/x.sock", "deep": {"e": {"f": "x y"}},
        });
        insta::assert_snapshot!(write(&value), @r#"
        deep:
          e:
            f: "x y"
        empty: {}
        kind: K
        list:
        - a
        - b: 1
          c:
          - true
          - null
        - []
        "no": "no"
        path: unix:///run/x.sock
        time: "5m0s"
        "#);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            Just(Value::Null),
            "[ -~\n\té，]{0,12}".prop_map(Value::from),
            "[a-zA-Z0-9:./]{1,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z0-9./ :-]{1,8}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(value in any_value()) {
            let text = write(&value);
            prop_assert_eq!(parse("it", &text).unwrap(), value, "{}", text);
        }
    }
}
