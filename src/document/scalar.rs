//! What an unquoted word of YAML 1.2 is: nothing, a truth value, a number or text (YAML 1.2.2, §10.3.2, core schema).

use serde_json::{Number, Value};

/// The JSON value that an unquoted word stands for. `yes`, `no`, `on` and `off` are text.
pub fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.into()), Value::Number),
    }
}

/// Whether an unquoted word stands for nothing.
pub fn is_null(text: &str) -> bool {
    plain(text) == Value::Null
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).ok().map(Number::from);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.is_empty() || !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let signed = text.strip_prefix('+').unwrap_or(text);
        return signed.parse::<i64>().map(Number::from).or_else(|_| signed.parse::<u64>().map(Number::from)).ok();
    }
    let float = unsigned.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    float.then(|| text.parse::<f64>().ok()).flatten().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_typed_as_the_core_schema_says() {
        let cases = [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("yes", json!("yes")),
            ("12", json!(12)),
            ("-3", json!(-3)),
            ("+3", json!(3)),
            ("012", json!(12)),
            ("0o14", json!(12)),
            ("0xff", json!(255)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("1.36.3", json!("1.36.3")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("-", json!("-")),
            ("5s", json!("5s")),
            ("18446744073709551615", json!(u64::MAX)),
            ("99999999999999999999", json!("99999999999999999999")),
        ];
        for (text, value) in cases {
            assert_eq!(plain(text), value, "{text:?}");
        }
    }
}
