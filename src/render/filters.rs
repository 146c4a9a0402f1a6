//! Quoting: what keeps a value a value wherever a template puts it.

use minijinja::{Environment, Error, ErrorKind, Value};

use super::yaml;

/// Adds `systemd`, `yaml`, `json` and `toml`.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("systemd", |value: Value| systemd(&text(&value)?));
    environment.add_filter("yaml", |value: Value| Ok::<_, Error>(yaml::scalar(&text(&value)?)));
    environment.add_filter("json", |value: Value| json(&value));
    environment.add_filter("toml", |value: Value| json(&Value::from(text(&value)?)));
}

/// One argument of an `ExecStart=` line (systemd.service(5) "Command lines", systemd.syntax(7) "Quoting"):
/// specifiers (`%`) and variables (`$`) are literal, anything unusual is inside double quotes.
pub(super) fn systemd(argument: &str) -> Result<String, Error> {
    if let Some(bad) = argument.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(invalid(format!("the character {bad:?} cannot stand in a unit file")));
    }
    let mut escaped = String::with_capacity(argument.len() + 2);
    for c in argument.chars() {
        match c {
            '%' => escaped.push_str("%%"),
            '$' => escaped.push_str("$$"),
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            c => escaped.push(c),
        }
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+:,./@%$*?[]{}()!|<>&^~#".contains(c) || !c.is_ascii();
    if !argument.is_empty() && argument.chars().all(plain) { Ok(escaped) } else { Ok(format!("\"{escaped}\"")) }
}

fn json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|e| invalid(e.to_string()))
}

/// Only what has an obvious text may be quoted as text.
fn text(value: &Value) -> Result<String, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    if value.is_number() {
        return Ok(value.to_string());
    }
    Err(invalid(format!("expected a string, found {}", value.kind())))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_stays_one_argument_and_literal() {
        let quoted = |argument| systemd(argument).unwrap();
        assert_eq!(quoted("--v=2"), "--v=2");
        assert_eq!(quoted("--a=100%"), "--a=100%%");
        assert_eq!(quoted("--a=$HOME"), "--a=$$HOME");
        assert_eq!(quoted("--a=x y"), "\"--a=x y\"");
        assert_eq!(quoted("--a=it's"), "\"--a=it's\"");
        assert_eq!(quoted("--a=\"q\""), "\"--a=\\\"q\\\"\"");
        assert_eq!(quoted("a\\b"), "\"a\\\\b\"");
        assert_eq!(quoted(";"), "\";\"");
        assert_eq!(quoted("a\nb"), "\"a\\nb\"");
        assert_eq!(quoted(""), "\"\"");
        assert!(systemd("a\0b").is_err());
        assert!(systemd("a\rb").is_err());
    }

    #[test]
    fn only_text_and_numbers_are_quoted_as_text() {
        assert_eq!(text(&Value::from(5)).unwrap(), "5");
        assert!(text(&Value::from(vec![1])).is_err());
        assert!(text(&Value::UNDEFINED).is_err());
    }
}
