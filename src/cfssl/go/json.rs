//! JSON read for what Go's `encoding/json` says against it: the syntax first, then the types that cfssl decodes into.
//!
//! The values themselves are read by [`crate::pki`]; this only finds the words that scripts and people know.

use zeroize::Zeroizing;

/// A JSON value with members in their order, duplicates too.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// As it is written.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// Deeper than this Go does not go.
const DEEPEST: usize = 10_000;
/// Deeper than this we do not go: no specification is, and the stack is finite.
const OUR_DEEPEST: usize = 128;

/// The whole text is one value; `Err` with Go's words.
pub fn parse(text: &[u8]) -> Result<Json, String> {
    let mut scanner = Scanner { text, at: 0 };
    let value = scanner.value(0)?;
    scanner.space();
    match scanner.peek() {
        None => Ok(value),
        Some(byte) => Err(invalid(byte, "after top-level value")),
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte, which must be there.
    fn next(&mut self) -> Result<u8, String> {
        let byte = self.peek().ok_or_else(|| "unexpected end of JSON input".to_owned())?;
        self.at += 1;
        Ok(byte)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The next byte that is no space.
    fn token(&mut self) -> Result<u8, String> {
        self.space();
        self.next()
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        let first = self.token()?;
        match first {
            b'{' | b'[' if depth >= OUR_DEEPEST => {
                let deep = if self.text.len() > DEEPEST { DEEPEST } else { OUR_DEEPEST };
                Err(format!("exceeded max depth of {deep}"))
            }
            b'{' => self.object(depth + 1),
            b'[' => self.list(depth + 1),
            b'"' => self.string().map(Json::Text),
            b'-' | b'0'..=b'9' => self.number(first),
            b't' => self.literal("true", Json::Bool),
            b'f' => self.literal("false", Json::Bool),
            b'n' => self.literal("null", Json::Null),
            other => Err(invalid(other, "looking for beginning of value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        let mut members = Vec::new();
        loop {
            match self.token()? {
                b'"' => {}
                b'}' if members.is_empty() => return Ok(Json::Object(members)),
                other => return Err(invalid(other, "looking for beginning of object key string")),
            }
            let key = self.string()?;
            match self.token()? {
                b':' => {}
                other => return Err(invalid(other, "after object key")),
            }
            members.push((key, self.value(depth)?));
            match self.token()? {
                b',' => {}
                b'}' => return Ok(Json::Object(members)),
                other => return Err(invalid(other, "after object key:value pair")),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, String> {
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            match self.token()? {
                b',' => {}
                b']' => return Ok(Json::List(items)),
                other => return Err(invalid(other, "after array element")),
            }
        }
    }

    /// After the opening quote.
    fn string(&mut self) -> Result<String, String> {
        let start = self.at - 1;
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' => match self.next()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let digit = self.next()?;
                            if !digit.is_ascii_hexdigit() {
                                return Err(invalid(digit, "in \\u hexadecimal character escape"));
                            }
                        }
                    }
                    other => return Err(invalid(other, "in string escape code")),
                },
                control @ 0..0x20 => return Err(invalid(control, "in string literal")),
                _ => {}
            }
        }
        let literal = String::from_utf8_lossy(&self.text[start..self.at]);
        // A lone surrogate is no text for serde_json; as a key it is unknown anyway.
        Ok(serde_json::from_str(&literal).unwrap_or_else(|_| literal.into_owned()))
    }

    fn number(&mut self, first: u8) -> Result<Json, String> {
        let start = self.at - 1;
        let first = if first == b'-' { self.digit("in numeric literal")? } else { first };
        if first != b'0' {
            self.digits();
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digit("in exponent of numeric literal")?;
            self.digits();
        }
        Ok(Json::Number(String::from_utf8_lossy(&self.text[start..self.at]).into_owned()))
    }

    /// The next byte, which must be a digit.
    fn digit(&mut self, context: &str) -> Result<u8, String> {
        let byte = self.next()?;
        if byte.is_ascii_digit() { Ok(byte) } else { Err(invalid(byte, context)) }
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    /// After its first letter.
    fn literal(&mut self, word: &str, value: Json) -> Result<Json, String> {
        for expected in word.bytes().skip(1) {
            let byte = self.next()?;
            if byte != expected {
                let context = format!("in literal {word} (expecting '{}')", char::from(expected));
                return Err(invalid(byte, &context));
            }
        }
        Ok(value)
    }
}

fn invalid(byte: u8, context: &str) -> String {
    let shown = match char::from(byte) {
        '\'' => "\\'".to_owned(),
        '"' => "\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c if c.is_control() => format!("\\x{byte:02x}"),
        c => c.to_string(),
    };
    format!("invalid character '{shown}' {context}")
}

/// A string as Go writes it into JSON: `& < >` escaped too.
pub fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 16);
    write_quoted(&mut json, text);
    json
}

/// As [`quoted`], at the end of `json`.
pub fn write_quoted(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\0'..=' ' | '&' | '<' | '>' | '\u{2028}' | '\u{2029}' if c != ' ' => {
                json.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

/// JSON with `& < >` escaped as Go does.
pub fn escaped(json: &str) -> String {
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

/// As [`escaped`], for JSON with a key in it.
pub fn escaped_secret(json: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(json.len() * 2));
    for &byte in json {
        match byte {
            b'&' => text.extend(b"\\u0026"),
            b'<' => text.extend(b"\\u003c"),
            b'>' => text.extend(b"\\u003e"),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn speaks_as_go_does() {
        for (text, expected) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            (r#"{"a":1,}"#, "invalid character '}' looking for beginning of object key string"),
            (r#"{"a":1}x"#, "invalid character 'x' after top-level value"),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            (r#"{"a":1 "b"}"#, "invalid character '\"' after object key:value pair"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("[1 2]", "invalid character '2' after array element"),
            ("nul", "unexpected end of JSON input"),
            ("nulx", "invalid character 'x' in literal null (expecting 'l')"),
            ("{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            (r#""\x""#, "invalid character 'x' in string escape code"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("012", "invalid character '1' after top-level value"),
            ("// x", "invalid character '/' looking for beginning of value"),
            ("\u{feff}{}", "invalid character 'ï' looking for beginning of value"),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(expected.to_owned()), "{text}");
        }
        let value = parse(br#" {"\u0041":[1.5,null,true,"x"]} "#).unwrap();
        let list = vec![Json::Number("1.5".into()), Json::Null, Json::Bool, Json::Text("x".into())];
        assert_eq!(value, Json::Object(vec![("A".into(), Json::List(list))]));
    }

    #[test]
    fn strings_are_quoted_as_go_does() {
        assert_eq!(quoted("a<b>&\"c\"\n"), r#""a\u003cb\u003e\u0026\"c\"\n""#);
    }

    proptest! {
        #[test]
        fn agrees_with_serde_on_what_is_json(text in r#"[\[\]{}",:0-9.eE+\-truefalsn \\u]{0,24}"#) {
            prop_assert_eq!(parse(text.as_bytes()).is_ok(), serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
        }
    }
}
