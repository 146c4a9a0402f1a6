//! Reading cfssl's JSON the way Go does (keys in any case, `null` is the default, by lenient rules the last duplicate counts), but
//! without its silence: unknown keys and wrong types are refused, all of them at once, each with its path. By lenient
//! rules what Go passes over is warned of.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::mistaken;
use crate::error::{Error, Result};
use crate::pki::rules::{Rules, as_warning};
use crate::secret::quoted;
use crate::text::{nearest, utf8};

/// Members of these are named by the user: their case counts.
const NAMED_BY_USER: [&str; 4] = ["profiles", "auth_keys", "remotes", "oid"];

/// Parses, with the keys of all objects but the user's own in lower case; by strict rules each may be there once. `what`
/// names the source in errors.
pub(crate) fn parse(text: &[u8], what: &str, rules: Rules) -> Result<Value> {
    let text = utf8(text, what)?;
    let text = String::from_utf8_lossy(text);
    let mut reader = serde_json::Deserializer::from_str(&text);
    let top = Lowered { verbatim: false, once: rules == Rules::Strict };
    match top.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(e) if e.is_data() => Err(Error::input(format!("{what}: {e}")).hint("leave one of them in it")),
        Err(e) => {
            if let Some(other) = mistaken::other_form(text.as_bytes(), what) {
                return Err(other);
            }
            let line = text.lines().nth(e.line().saturating_sub(1)).unwrap_or_default();
            // Keys of signing over a network are hexadecimal, and short.
            let line =
                if text.contains("auth_keys") { String::new() } else { quoted::hide(line, quoted::is_suspect(&text)) };
            let error = Error::input(format!("{what}: not valid JSON: {e}"));
            Err(if line.trim().is_empty() || line.len() > 200 { error } else { error.detail(line.trim_end()) })
        }
    }
}

#[derive(Clone, Copy)]
struct Lowered {
    /// The keys are the user's.
    verbatim: bool,
    /// None may be there twice.
    once: bool,
}

impl<'de> DeserializeSeed<'de> for Lowered {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lowered {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(Lowered { verbatim: false, ..self })? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let written = key.clone();
            let key = match self.verbatim {
                true => key,
                // In small letters nobody would know it for a piece of a key.
                false if quoted::is_suspect(&key) => quoted::hide(&key, true),
                false => key.to_ascii_lowercase(),
            };
            let verbatim = !self.verbatim && NAMED_BY_USER.contains(&key.as_str());
            if self.once && map.contains_key(&key) {
                // Of two, one was not meant, and programs do not agree on which.
                let shown = if quoted::is_suspect(&written) { "a key" } else { &format!("`{written}`") };
                return Err(serde::de::Error::custom(format!("{shown} is there twice")));
            }
            let value = access.next_value_seed(Lowered { verbatim, ..self })?;
            add(&mut map, key, value, self.verbatim);
        }
        Ok(Value::Object(map))
    }
}

/// Go decodes a later duplicate into the struct that an earlier one has filled, and a null leaves that as it was. The
/// values of a map, whose keys the user names, start empty each time: there only the last one counts.
fn add(map: &mut Map<String, Value>, key: String, value: Value, by_user: bool) {
    let members_by_user = !by_user && NAMED_BY_USER.contains(&key.as_str());
    match (map.get_mut(&key), value) {
        (Some(_), Value::Null) if !by_user => {}
        (Some(Value::Object(earlier)), Value::Object(later)) if !by_user => {
            later.into_iter().for_each(|(key, value)| add(earlier, key, value, members_by_user));
        }
        (_, value) => {
            map.insert(key, value);
        }
    }
}

/// Takes the members of an object one by one and collects what is wrong with them.
pub(crate) struct Fields<'a> {
    path: String,
    map: Map<String, Value>,
    known: Vec<&'static str>,
    found: &'a mut Findings,
}

/// What is wrong with a document.
#[derive(Default)]
struct Findings {
    rules: Rules,
    errors: Vec<Error>,
    warnings: Vec<String>,
}

/// Decodes a whole document by `read`; `null` is an empty object.
pub(crate) fn decode<T>(text: &[u8], what: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T> {
    Ok(decode_by(text, what, Rules::Strict, read)?.0)
}

/// As [`decode`], by the rules that are given; the second value is warnings.
pub(crate) fn decode_by<T>(
    text: &[u8],
    what: &str,
    rules: Rules,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<(T, Vec<String>)> {
    let text = utf8(text, what)?;
    if let (Rules::Strict, Err(e)) = (rules, std::str::from_utf8(text)) {
        let line = 1 + text[..e.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        return Err(Error::input(format!("{what}: line {line} is not UTF-8 text"))
            .hint("save it as UTF-8: a name would not be the one that is meant"));
    }
    let mut found = Findings { rules, ..Findings::default() };
    let result = Fields::read(String::new(), parse(text, what, rules)?, &mut found, read);
    Error::all(found.errors.into_iter().map(|error| error.of_file().context(what)))?;
    Ok((result, found.warnings.into_iter().map(|warning| format!("{what}: {warning}")).collect()))
}

impl<'a> Fields<'a> {
    fn read<T>(path: String, value: Value, found: &'a mut Findings, read: impl FnOnce(&mut Fields<'_>) -> T) -> T {
        let map = match value {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            other => {
                let place = if path.is_empty() { "the document" } else { &path };
                found.errors.push(Error::input(format!("{place}: expected an object, found {}", kind(&other))));
                Map::new()
            }
        };
        let mut fields = Fields { path, map, known: Vec::new(), found };
        let result = read(&mut fields);
        fields.refuse_unknown();
        result
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.map.remove(&name.to_ascii_lowercase()).filter(|value| !value.is_null())
    }

    /// `names[0].O`.
    pub(crate) fn place(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn wrong(&mut self, name: &str, expected: &str, found: &Value) {
        let place = self.place(name);
        self.found.errors.push(Error::input(format!("{place}: expected {expected}, found {}", kind(found))));
    }

    /// Whether what cfssl does not know is read, too.
    pub(crate) fn is_strict(&self) -> bool {
        self.found.rules == Rules::Strict
    }

    /// Records that the member's value is wrong.
    pub(crate) fn error(&mut self, name: &str, error: Error) {
        let place = self.place(name);
        self.found.errors.push(error.context(place));
    }

    /// Records what Go passes over.
    fn doubt(&mut self, name: &str, doubt: Error) {
        let doubt = doubt.context(self.place(name));
        match self.found.rules {
            Rules::Strict => self.found.errors.push(doubt),
            Rules::Lenient => self.found.warnings.push(as_warning(&doubt)),
        }
    }

    /// The member as what `of` makes of its value; where that is nothing, it is wrong.
    fn typed<T>(&mut self, name: &'static str, expected: &str, of: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.take(name)?;
        let typed = of(&value);
        if typed.is_none() {
            self.wrong(name, expected, &value);
        }
        typed
    }

    pub(crate) fn string(&mut self, name: &'static str) -> Option<String> {
        self.typed(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// A string that `parse` understands.
    pub(crate) fn parsed<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T>) -> Option<T> {
        let text = self.string(name)?;
        parse(&text).map_err(|e| self.error(name, e)).ok()
    }

    /// As [`Fields::parsed`]; by lenient rules an empty string is the default, as with cfssl.
    pub(crate) fn parsed_unless_empty<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Option<T> {
        let key = name.to_ascii_lowercase();
        if self.found.rules == Rules::Lenient && self.map.get(&key).and_then(Value::as_str) == Some("") {
            self.ignore(name);
            return None;
        }
        self.parsed(name, parse)
    }

    pub(crate) fn bool(&mut self, name: &'static str) -> bool {
        self.typed(name, "true or false", Value::as_bool).unwrap_or_default()
    }

    pub(crate) fn integer(&mut self, name: &'static str) -> Option<i64> {
        self.typed(name, "a whole number", Value::as_i64)
    }

    pub(crate) fn strings(&mut self, name: &'static str) -> Vec<String> {
        let list = self.values(name);
        let mut strings = Vec::new();
        for (i, value) in list.into_iter().enumerate() {
            match value {
                Value::String(text) => strings.push(text),
                Value::Null => strings.push(String::new()),
                other => self.wrong(&format!("{name}[{i}]"), "a string", &other),
            }
        }
        strings
    }

    /// A list of strings that `parse` understands.
    pub(crate) fn all_parsed<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Result<T>) -> Vec<T> {
        self.each_parsed(name, parse, Self::error)
    }

    /// As [`Fields::all_parsed`]; by lenient rules what is not understood is left out with a warning.
    pub(crate) fn known_parsed<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Result<T>) -> Vec<T> {
        self.each_parsed(name, parse, Self::doubt)
    }

    fn each_parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T>,
        failed: fn(&mut Self, &str, Error),
    ) -> Vec<T> {
        let mut parsed = Vec::new();
        for (i, text) in self.strings(name).into_iter().enumerate() {
            match parse(&text) {
                Ok(value) => parsed.push(value),
                Err(e) => failed(self, &format!("{name}[{i}]"), e),
            }
        }
        parsed
    }

    pub(crate) fn values(&mut self, name: &'static str) -> Vec<Value> {
        self.typed(name, "a list", |value| value.as_array().cloned()).unwrap_or_default()
    }

    pub(crate) fn object<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Option<T> {
        let value = self.take(name)?;
        let path = self.place(name);
        Some(Fields::read(path, value, self.found, read))
    }

    pub(crate) fn objects<T>(&mut self, name: &'static str, read: impl Fn(&mut Fields<'_>) -> T) -> Vec<T> {
        let mut objects = Vec::new();
        for (i, value) in self.values(name).into_iter().enumerate() {
            let path = self.place(&format!("{name}[{i}]"));
            objects.push(Fields::read(path, value, self.found, &read));
        }
        objects
    }

    /// An object whose members the user names.
    pub(crate) fn named<T>(&mut self, name: &'static str, read: impl Fn(&mut Fields<'_>) -> T) -> Vec<(String, T)> {
        let mut objects = Vec::new();
        for (key, value) in self.members(name) {
            let path = self.place(&format!("{name}.{key}"));
            objects.push((key, Fields::read(path, value, self.found, &read)));
        }
        objects
    }

    /// As [`Fields::named`], undecoded.
    pub(crate) fn members(&mut self, name: &'static str) -> Map<String, Value> {
        self.typed(name, "an object", |value| value.as_object().cloned()).unwrap_or_default()
    }

    /// A member that cfssl knows and that changes nothing here.
    pub(crate) fn ignore(&mut self, name: &'static str) {
        self.take(name);
    }

    fn refuse_unknown(&mut self) {
        let is_document = self.path.is_empty() && self.is_strict();
        if let Some(other) = is_document.then(|| mistaken::other_document(&self.map)).flatten() {
            // What else is wrong with it says no more.
            self.found.errors = vec![other];
            return;
        }
        for key in std::mem::take(&mut self.map).keys() {
            let near = nearest(key, self.known.iter().copied());
            let known = || format!("known here are: {}", self.known.join(", "));
            self.doubt(key, Error::input("unknown key").meant(near, known));
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(n) if n.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_fold_duplicates_merge_and_null_leaves_the_default() {
        let value =
            parse(br#"{"CN":"a","cn":"b","Key":{"Algo":"rsa"},"key":{"SIZE":2048},"cN":null}"#, "x", Rules::Lenient)
                .unwrap();
        assert_eq!(value, json!({"cn": "b", "key": {"algo": "rsa", "size": 2048}}));
        let value = parse(br#"{"Signing":{"Profiles":{"WWW":{"Expiry":"1h"}}}}"#, "x", Rules::Strict).unwrap();
        assert_eq!(value, json!({"signing": {"profiles": {"WWW": {"expiry": "1h"}}}}));
    }

    #[test]
    fn by_strict_rules_no_key_is_there_twice() {
        let error = |text: &str| parse(text.as_bytes(), "x.json", Rules::Strict).unwrap_err();
        insta::assert_snapshot!(error(r#"{"CN":"a","cn":"b"}"#), @"x.json: `cn` is there twice at line 1 column 14");
        insta::assert_snapshot!(error("{\"signing\":{\"profiles\":{\"a\":{},\n\"a\":{}}}}"), @"x.json: `a` is there twice at line 2 column 3");
        assert!(parse(br#"{"signing":{"profiles":{"a":{},"A":{}}}}"#, "x", Rules::Strict).is_ok());
        let key = "MHcCAQEEIBlkX0v3rYqkJ2mXbq1g3v0aP8b+Zt";
        assert!(!error(&format!(r#"{{"{key}":1,"{key}":2}}"#)).message.contains(key));
    }

    #[test]
    fn a_piece_of_a_key_is_none_in_small_letters_either() {
        let key = "MHcCAQEEIBlkX0v3rYqkJ2mXbq1g3v0aP8b+Zt";
        let value = parse(format!("{{\"{key}\": 1, \"CN\": \"a\"}}").as_bytes(), "x", Rules::Strict).unwrap();
        assert_eq!(value, json!({"*".repeat(key.len()): 1, "cn": "a"}));
    }

    #[test]
    fn of_two_profiles_of_one_name_the_last_counts_alone() {
        let once =
            parse(br#"{"signing":{"profiles":{"a":{"expiry":"1h"},"a":{"usages":[]}}}}"#, "x", Rules::Lenient).unwrap();
        assert_eq!(once, json!({"signing": {"profiles": {"a": {"usages": []}}}}));
        // Also across two lists of profiles, which are merged, as are two signings.
        let text = br#"{"signing":{"profiles":{"a":{"expiry":"1h"},"b":{}}},"Signing":{"default":{},"Profiles":{"a":{"usages":[]},"b":null}}}"#;
        let twice = parse(text, "x", Rules::Lenient).unwrap();
        assert_eq!(twice, json!({"signing": {"default": {}, "profiles": {"a": {"usages": []}, "b": null}}}));
    }

    #[test]
    fn syntax_errors_show_the_line() {
        let error = parse(b"{\n  \"CN\": \"a\",\n}", "csr.json", Rules::Strict).unwrap_err();
        insta::assert_snapshot!(error, @"csr.json: not valid JSON: trailing comma at line 3 column 1");
        assert_eq!(error.details, ["}"]);
        insta::assert_snapshot!(parse(b"", "csr.json", Rules::Strict).unwrap_err(), @"csr.json: it is empty");
    }
}
