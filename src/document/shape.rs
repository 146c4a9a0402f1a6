//! Checks a tree against the JSON Schema of the types and makes the JSON value that they are read from.
//!
//! Every mistake is found, not the first only: a faulty part is left out or replaced by a placeholder, and
//! remembered, so that later checks can look at the rest without being fooled by it.

use serde_json::{Map, Value};

use super::MOST_MISTAKES;
use super::expected::{Expected, choices, words};
use super::lookalike::{self, Odd};
use super::path::Path;
use super::scalar;
use super::text::{SourceText, Span};
use super::yaml::{Entry, Located, Node, Yaml};
use crate::secret::quoted;
use crate::text::{glimpse, nearest};

/// What came out of a tree.
#[derive(Debug)]
pub struct Shaped {
    /// JSON that the types accept, unless even the top is of another shape.
    pub value: Option<Value>,
    /// Mistakes, in the order found.
    pub mistakes: Vec<Located>,
    /// Parts that are not as they were written.
    pub faulty: Vec<Path>,
}

/// Checks `node` against `schema`, the root schema; `what` is what errors call the whole (`the inventory`).
pub fn check(schema: &Value, node: &Node, source: &SourceText, what: &str) -> Shaped {
    let mut walk = Walk { root: schema, source, what, mistakes: vec![], faulty: vec![] };
    let value = walk.visit(schema, node, &Path::root());
    Shaped { value, mistakes: walk.mistakes, faulty: walk.faulty }
}

struct Walk<'a> {
    root: &'a Value,
    source: &'a SourceText,
    what: &'a str,
    mistakes: Vec<Located>,
    faulty: Vec<Path>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, schema: &'a Value, node: &Node, path: &Path) -> Option<Value> {
        let expected = Expected::of(self.root, schema);
        match &node.yaml {
            Yaml::Scalar { text, plain } => self.scalar(&expected, text, *plain, node.span, path),
            Yaml::List(items) if expected.any() || expected.takes("array") => self.list(&expected, items, path),
            Yaml::Map(entries) if expected.any() || expected.takes("object") => {
                self.map(&expected, entries, node.span, path)
            }
            Yaml::List(_) => self.refuse(&expected, "a list", node.span, path),
            Yaml::Map(_) => self.refuse(&expected, "a mapping", node.span, path),
        }
    }

    /// So many mistakes were found that nobody reads more; what was not looked at may be as faulty.
    fn is_full(&mut self) -> bool {
        let full = self.mistakes.len() > MOST_MISTAKES;
        if full && !self.faulty.contains(&Path::root()) {
            self.faulty.push(Path::root());
        }
        full
    }

    fn scalar(&mut self, expected: &Expected<'a>, text: &str, plain: bool, span: Span, path: &Path) -> Option<Value> {
        let typed = if plain { scalar::plain(text) } else { Value::String(text.into()) };
        if expected.any() || (typed.is_null() && expected.nullable) {
            return Some(typed);
        }
        if let Some(choices) = choices(expected.schema) {
            return self.choice(&choices, text, &typed, span, path);
        }
        let fits = match &typed {
            Value::Bool(_) => expected.takes("boolean"),
            Value::Number(number) => expected.takes("integer") && expected.in_range(number),
            _ => false,
        };
        if fits {
            return Some(typed);
        }
        // Text is expected: what is written counts, so that the version 1.30 stays 1.30 and the label "true" is text.
        if expected.takes("string") && !typed.is_null() {
            return Some(Value::String(text.into()));
        }
        let found = match &typed {
            Value::Null => "nothing".to_owned(),
            Value::Bool(_) => format!("`{text}`"),
            Value::Number(_) => format!("the number {text}"),
            _ => format!("the text {}", quoted(text)),
        };
        // What is written, not what is shown of it.
        self.refuse_text(expected, &found, odd(text), span, path)
    }

    fn choice(&mut self, names: &[&str], text: &str, typed: &Value, span: Span, path: &Path) -> Option<Value> {
        if names.contains(&text) {
            return Some(Value::String(text.into()));
        }
        let message = match typed {
            Value::Null => format!("{path}: expected {}, found nothing", words(names)),
            _ => format!("{path}: unknown value {}", quoted(text)),
        };
        let mut error = self.source.error(span, message);
        error = match (nearest(text, names.iter().copied()), odd(text)) {
            (Some(name), _) => error.hint(format!("did you mean `{name}`?")),
            (None, Some(odd)) => error.hint(odd.explain(span.line)),
            _ => error,
        };
        let error = error.hint(format!("it can be {}", words(names)));
        self.mistake(span, error, path)
    }

    fn list(&mut self, expected: &Expected<'a>, items: &[Node], path: &Path) -> Option<Value> {
        let schema = expected.schema.get("items").unwrap_or(&Value::Bool(true));
        let mut values = vec![];
        for (i, item) in items.iter().enumerate() {
            if self.is_full() {
                break;
            }
            let at = path.index(i);
            match self.visit(schema, item, &at) {
                Some(value) => values.push(value),
                // Elements keep their numbers, or places of later ones would be wrong.
                None => match self.placeholder(schema) {
                    Some(value) => values.push(value),
                    None => self.faulty.push(path.clone()),
                },
            }
        }
        Some(Value::Array(values))
    }

    fn map(&mut self, expected: &Expected<'a>, entries: &[Entry], span: Span, path: &Path) -> Option<Value> {
        let mut map = Map::new();
        let mut meant = vec![];
        for entry in entries {
            if self.is_full() {
                break;
            }
            let at = path.key(&entry.key);
            let Some(schema) = expected.property(&entry.key) else {
                meant.extend(self.unknown_key(expected, entries, entry, path));
                continue;
            };
            if !self.key_allowed(expected, entry, path) {
                continue;
            }
            let empty = matches!(&entry.value.yaml, Yaml::Scalar { text, plain: true } if scalar::is_null(text));
            if empty && expected.has_default(&entry.key) {
                continue;
            }
            if let Some(value) = self.visit(schema, &entry.value, &at) {
                map.insert(entry.key.clone(), value);
            }
        }
        self.require(expected, entries, map, &meant, span, path)
    }

    /// The mapping, with placeholders for what it must have and has not.
    fn require(
        &mut self,
        expected: &Expected<'a>,
        entries: &[Entry],
        mut map: Map<String, Value>,
        meant: &[&str],
        span: Span,
        path: &Path,
    ) -> Option<Value> {
        let mut whole = true;
        for name in expected.required() {
            if map.contains_key(name) {
                continue;
            }
            let at = path.key(name);
            // A misspelt key says it already, and so does a value of the wrong type.
            if !entries.iter().any(|e| e.key == name) && !meant.contains(&name) {
                let place = if path.steps().is_empty() { String::new() } else { format!("{path}: ") };
                let error = self.source.error(span, format!("{place}`{name}` is missing"));
                let error = match expected.about(name) {
                    Some(about) => error.hint(format!("{name}: {about}")),
                    None => error,
                };
                self.mistakes.push((span, error));
            }
            match expected.property(name).and_then(|schema| self.placeholder(schema)) {
                Some(value) => drop(map.insert(name.into(), value)),
                None => whole = false,
            }
            self.faulty.push(at);
        }
        if !whole {
            self.faulty.push(path.clone());
        }
        whole.then_some(Value::Object(map))
    }

    fn unknown_key(
        &mut self,
        expected: &Expected<'a>,
        entries: &[Entry],
        entry: &Entry,
        path: &Path,
    ) -> Option<&'a str> {
        let known = expected.keys();
        let place = if path.steps().is_empty() { String::new() } else { format!(" in {path}") };
        let error = self.source.error(entry.span, format!("unknown key {}{place}", quoted(&entry.key)));
        let free = known.iter().copied().filter(|name| !entries.iter().any(|e| e.key == *name));
        let near = nearest(&entry.key, free).or_else(|| nearest(&entry.key, known.iter().copied()));
        let error = match (near, odd(&entry.key)) {
            (Some(name), _) => error.hint(format!("did you mean `{name}`?")),
            (None, Some(odd)) => error.hint(odd.explain(entry.span.line)),
            (None, None) => match self.elsewhere(expected, &entry.key) {
                Some((outer, inner)) => error.hint(format!("did you mean `{outer}: {{{inner}: …}}`?")),
                None => error.hint(format!("keys that are known here: {}", known.join(", "))),
            },
        };
        self.mistakes.push((entry.span, error));
        near
    }

    /// The key of a mapping that is known here, and the key in it that was meant.
    fn elsewhere(&self, expected: &Expected<'a>, key: &str) -> Option<(&'a str, &'a str)> {
        expected.keys().into_iter().find_map(|outer| {
            let inner = Expected::of(self.root, expected.property(outer)?);
            Some((outer, nearest(key, inner.keys())?))
        })
    }

    /// Checks a key of a mapping whose keys are names from a list.
    fn key_allowed(&mut self, expected: &Expected<'a>, entry: &Entry, path: &Path) -> bool {
        let Some(names) = expected.key_names(self.root) else { return true };
        if names.contains(&entry.key.as_str()) {
            return true;
        }
        let error = self.source.error(entry.span, format!("unknown name {} in {path}", quoted(&entry.key)));
        let error = match nearest(&entry.key, names.iter().copied()) {
            Some(name) => error.hint(format!("did you mean `{name}`?")),
            None => error,
        };
        self.mistakes.push((entry.span, error.hint(format!("it can be {}", words(&names)))));
        false
    }

    fn refuse(&mut self, expected: &Expected<'a>, found: &str, span: Span, path: &Path) -> Option<Value> {
        self.refuse_text(expected, found, None, span, path)
    }

    fn refuse_text(
        &mut self,
        expected: &Expected<'a>,
        found: &str,
        odd: Option<Odd>,
        span: Span,
        path: &Path,
    ) -> Option<Value> {
        let place = if path.steps().is_empty() { self.what.to_owned() } else { path.to_string() };
        let mut error = self.source.error(span, format!("{place}: expected {}, found {found}", expected.describe()));
        if let Some(odd) = odd {
            error = error.hint(odd.explain(span.line));
        } else if expected.takes("boolean") && found.starts_with("the text") {
            error = error.hint("write true or false, without quotes");
        } else if expected.takes("array") && !found.starts_with("a mapping") && found != "nothing" {
            error = error.hint("write a list: [a, b], or one `- a` per line");
        } else if expected.takes("string") && found == "a list" {
            error = error.hint("write one text; where several values go into it, put commas between them");
        }
        self.mistake(span, error, path)
    }

    fn mistake(&mut self, span: Span, error: crate::error::Error, path: &Path) -> Option<Value> {
        self.mistakes.push((span, error));
        self.faulty.push(path.clone());
        None
    }

    /// A value of the right type that stands for one that is missing.
    fn placeholder(&self, schema: &'a Value) -> Option<Value> {
        let expected = Expected::of(self.root, schema);
        if choices(expected.schema).is_some() {
            return None;
        }
        if expected.takes("string") {
            return Some(Value::String(String::new()));
        }
        if expected.takes("array") {
            return Some(Value::Array(vec![]));
        }
        if expected.takes("object") {
            let required = expected.required().into_iter();
            let fields = required.map(|name| Some((name.to_owned(), self.placeholder(expected.property(name)?)?)));
            return fields.collect::<Option<Map<_, _>>>().map(Value::Object);
        }
        None
    }
}

/// The first character of the first line that is not ASCII.
fn odd(text: &str) -> Option<Odd> {
    lookalike::find(text.lines().next().unwrap_or(""))
}

/// A text as messages show it.
fn quoted(text: &str) -> String {
    match quoted::is_suspect(text) {
        true => "(not shown: it may be a key)".to_owned(),
        false => format!("`{}`", glimpse(text)),
    }
}
