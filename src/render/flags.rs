//! Command-line flags: ours from a template, a person's over them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::{Versions, removed};
use crate::components::ComponentSpec;
use crate::error::{Error, Result};

/// Flags in the order in which they are rendered; a name can stand several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flags(Vec<(String, String)>);

impl Flags {
    /// Reads a rendered flags template: `--name=value` lines; blank lines and `#` comments are skipped.
    pub(super) fn parse(what: &str, text: &str) -> Result<Self> {
        let mut flags = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let flag = line.strip_prefix("--").and_then(|flag| flag.split_once('='));
            let Some((name, value)) = flag.filter(|(name, _)| is_name(name)) else {
                return Err(Error::input(format!("{what}, line {}: not of the form --flag=value", number + 1))
                    .detail(line.to_owned()));
            };
            flags.push((name.to_owned(), value.to_owned()));
        }
        Ok(Flags(flags))
    }

    /// Puts a person's flags over ours: a value replaces ours of the same name or is added, `null` removes, a list
    /// is joined by commas (or given several times, where the flag wants that), a map is merged key by key into
    /// `key=value` pairs. A flag that this Kubernetes version no longer has is a mistake; all are reported.
    pub(super) fn apply(
        &mut self,
        spec: &ComponentSpec,
        asked: &BTreeMap<String, Value>,
        versions: &Versions,
    ) -> Result<()> {
        let results = asked.iter().map(|(name, value)| self.set(spec, name, value, versions));
        let errors: Vec<_> = results.filter_map(Result::err).collect();
        Error::all(errors)
    }

    fn set(&mut self, spec: &ComponentSpec, name: &str, value: &Value, versions: &Versions) -> Result<()> {
        let place = || format!("components.{}.flags.{name}", spec.id);
        if !is_name(name) {
            let error = Error::input(format!("{}: not the name of a flag", place()));
            return Err(error.hint("write it without the leading dashes, its value after the colon"));
        }
        if let (Some(gone), false) = (removed(spec.removed_flags, name, versions), value.is_null()) {
            let message = format!("{}: {} has no such flag since {}", place(), spec.id, gone.release());
            return Err(Error::input(message).hint(gone.replacement));
        }
        let values = match value {
            Value::Null => Vec::new(),
            Value::Object(pairs) => vec![self.merged_pairs(name, pairs).ok_or_else(|| bad_value(&place()))?],
            Value::Array(items) => {
                let items = items.iter().map(text).collect::<Option<Vec<_>>>().ok_or_else(|| bad_value(&place()))?;
                if spec.repeated_flags.contains(&name) { items } else { vec![items.join(",")] }
            }
            other => vec![text(other).ok_or_else(|| bad_value(&place()))?],
        };
        self.replace(name, values);
        Ok(())
    }

    /// `key=value` pairs of ours with the person's over them.
    fn merged_pairs(&self, name: &str, pairs: &serde_json::Map<String, Value>) -> Option<String> {
        let ours = self.0.iter().filter(|(ours, _)| ours == name).flat_map(|(_, value)| value.split(','));
        let mut merged: BTreeMap<String, String> =
            ours.filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        for (key, value) in pairs {
            if value.is_null() {
                merged.remove(key);
            } else {
                merged.insert(key.clone(), text(value)?);
            }
        }
        Some(merged.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(","))
    }

    /// The new values stand where the first of the old ones stood, or at the end.
    fn replace(&mut self, name: &str, values: Vec<String>) {
        let at = self.0.iter().position(|(ours, _)| ours == name).unwrap_or(self.0.len());
        self.0.retain(|(ours, _)| ours != name);
        self.0.splice(at..at, values.into_iter().map(|value| (name.to_owned(), value)));
    }

    /// `--name=value`, one each.
    pub(super) fn arguments(&self) -> Vec<String> {
        self.0.iter().map(|(name, value)| format!("--{name}={value}")).collect()
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn bad_value(place: &str) -> Error {
    Error::input(format!("{place}: a flag takes a string, a number, true or false, a list or a map of these"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn applied(ours: &str, asked: Value) -> Result<Vec<String>> {
        let mut flags = Flags::parse("it", ours)?;
        let asked = serde_json::from_value(asked).unwrap();
        let versions = crate::cluster::example::cluster("1.36.3").versions;
        let catalogue = crate::components::Catalogue::standard();
        flags.apply(catalogue.get("kube-apiserver").unwrap(), &asked, &versions)?;
        Ok(flags.arguments())
    }

    #[test]
    fn a_persons_flags_replace_add_and_remove() {
        let ours = "--a=1\n# why\n\n--b=2\n--c=x=y\n";
        let flags = applied(ours, json!({"a": 7, "b": null, "v": true, "l": ["x", 2]})).unwrap();
        assert_eq!(flags, ["--a=7", "--c=x=y", "--l=x,2", "--v=true"]);
    }

    #[test]
    fn lists_repeat_where_the_flag_wants_it_and_maps_merge_by_key() {
        let ours = "--service-account-key-file=a\n--z=1\n--feature-gates=A=true,B=false\n";
        let asked =
            json!({"service-account-key-file": ["a", "b"], "feature-gates": {"B": true, "A": null, "C": false}});
        let flags = applied(ours, asked).unwrap();
        assert_eq!(
            flags,
            ["--service-account-key-file=a", "--service-account-key-file=b", "--z=1", "--feature-gates=B=true,C=false"]
        );
    }

    #[test]
    fn mistakes_are_all_reported() {
        let error =
            applied("", json!({"--v": 1, "x": {"a": [1]}, "insecure-port": 8080, "cloud-provider": null})).unwrap_err();
        insta::assert_snapshot!(error.messages(), @r"
        components.kube-apiserver.flags.--v: not the name of a flag
        components.kube-apiserver.flags.insecure-port: kube-apiserver has no such flag since Kubernetes 1.24
        components.kube-apiserver.flags.x: a flag takes a string, a number, true or false, a list or a map of these
        ");
    }

    #[test]
    fn a_template_line_that_is_no_flag_is_named() {
        let error = Flags::parse("kubelet.flags", "--a=1\nb\n").unwrap_err();
        assert_eq!(error.message, "kubelet.flags, line 2: not of the form --flag=value");
    }
}
