//! Reading the JSON Schema that schemars makes: what a place in the document wants to hold.

use serde_json::{Number, Value};

/// A schema with its references followed and `null` set apart.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The schema proper.
    pub schema: &'a Value,
    /// `null` is allowed too.
    pub nullable: bool,
}

impl<'a> Expected<'a> {
    /// Follows `$ref` and `anyOf: [X, null]`, the two ways in which schemars refers to another type.
    pub fn of(root: &'a Value, schema: &'a Value) -> Self {
        let (mut schema, mut nullable) = (schema, false);
        loop {
            if let Some(target) = schema["$ref"].as_str().and_then(|r| root.pointer(r.trim_start_matches('#'))) {
                schema = target;
            } else if let Some(options) = schema["anyOf"].as_array() {
                let inner = options.iter().find(|o| o["type"] != "null");
                match inner {
                    Some(inner) => (schema, nullable) = (inner, nullable || options.len() > 1),
                    None => break,
                }
            } else {
                break;
            }
        }
        let expected = Expected { schema, nullable };
        Expected { nullable: nullable || expected.takes("null"), ..expected }
    }
    /// Whether everything is allowed.
    pub fn any(&self) -> bool {
        *self.schema == Value::Bool(true)
            || self.schema.as_object().is_some_and(|o| !o.contains_key("type") && choices(self.schema).is_none())
    }
    /// Whether values of a JSON type are allowed.
    pub fn takes(&self, kind: &str) -> bool {
        match &self.schema["type"] {
            Value::String(one) => one == kind,
            Value::Array(several) => several.iter().any(|k| k == kind),
            _ => false,
        }
    }
    /// Whether a number lies between the least and the greatest allowed.
    pub fn in_range(&self, number: &Number) -> bool {
        let bound = |key: &str| self.schema[key].as_f64();
        match number.as_f64() {
            Some(n) if number.is_i64() || number.is_u64() => {
                bound("minimum").is_none_or(|min| n >= min) && bound("maximum").is_none_or(|max| n <= max)
            }
            _ => false,
        }
    }
    /// The schema of the value under a key; none when there is no such key.
    pub fn property(&self, key: &str) -> Option<&'a Value> {
        match self.schema.get("properties").and_then(|p| p.get(key)) {
            Some(schema) => Some(schema),
            None => match self.schema.get("additionalProperties") {
                Some(Value::Bool(false)) => None,
                None if self.schema.get("properties").is_some() => None,
                Some(schema) => Some(schema),
                None => Some(&Value::Bool(true)),
            },
        }
    }
    /// The keys that are known by name.
    pub fn keys(&self) -> Vec<&'a str> {
        self.schema["properties"].as_object().map(|p| p.keys().map(String::as_str).collect()).unwrap_or_default()
    }
    /// The names that keys must be among, where they must.
    pub fn key_names(&self, root: &'a Value) -> Option<Vec<&'a str>> {
        let names = self.schema.get("propertyNames")?;
        choices(Expected::of(root, names).schema)
    }
    /// The keys that must be there.
    pub fn required(&self) -> Vec<&'a str> {
        self.schema["required"].as_array().map(|r| r.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }
    /// Whether a key is known by name and may be left out: then an empty value is as good as none.
    pub fn has_default(&self, key: &str) -> bool {
        self.keys().contains(&key) && !self.required().contains(&key)
    }
    /// What the types say about a key.
    pub fn about(&self, key: &str) -> Option<&'a str> {
        self.schema["properties"][key]["description"].as_str()?.lines().next()
    }
    /// What is expected, in words.
    pub fn describe(&self) -> String {
        if let Some(names) = choices(self.schema) {
            return words(&names);
        }
        let kinds = [
            ("object", "a mapping"),
            ("array", "a list"),
            ("integer", "a whole number"),
            ("boolean", "true or false"),
            ("string", "text"),
        ];
        let named: Vec<&str> = kinds.iter().filter(|(kind, _)| self.takes(kind)).map(|(_, name)| *name).collect();
        let range = match (self.schema["minimum"].as_u64(), self.schema["maximum"].as_u64()) {
            (Some(min), Some(max)) => format!(" from {min} to {max}"),
            (Some(min), None) => format!(" of {min} or more"),
            _ => String::new(),
        };
        named.join(" or ") + &range
    }
}

/// The names that an enumeration allows.
pub fn choices(schema: &Value) -> Option<Vec<&str>> {
    if let Some(names) = schema["enum"].as_array() {
        return Some(names.iter().filter_map(Value::as_str).collect());
    }
    let options = schema["oneOf"].as_array()?;
    let mut names = vec![];
    for option in options {
        match option["const"].as_str() {
            Some(name) => names.push(name),
            None => names.extend(option["enum"].as_array()?.iter().filter_map(Value::as_str)),
        }
    }
    Some(names)
}

/// `a, b or c`.
pub fn words(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|n| format!("`{n}`")).collect();
            format!("{} or `{last}`", first.join(", "))
        }
    }
}
