//! JSON that everybody reads alike. Go's encoding/json takes a name in whatever case for the field, and the last of several;
//! others take the exact one, and the first or none.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The fields that say which images there are and what they are (image-spec v1.1; Docker Image Specification v1.2).
const FIELDS: [&str; 15] = [
    "Config",
    "Layers",
    "RepoTags",
    "annotations",
    "architecture",
    "config",
    "digest",
    "imageLayoutVersion",
    "layers",
    "manifests",
    "mediaType",
    "os",
    "platform",
    "size",
    "urls",
];

/// Fields whose own names are no fields.
const OTHERS_NAMES: [&str; 2] = ["annotations", "Labels"];

/// Refuses a document with a name twice in an object, or with one that only some take for a field.
pub(super) fn names(document: &[u8]) -> serde_json::Result<()> {
    serde_json::from_slice::<Exact>(document).map(drop)
}

/// A value all of whose names are exact.
struct Exact;

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Exact;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Exact, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let folded = folded(&name);
            let field = FIELDS.iter().any(|field| self::folded(field) == folded);
            if field && !FIELDS.contains(&&*name) {
                return Err(A::Error::custom(format!("{name:?} is almost the name of a field")));
            }
            if OTHERS_NAMES.contains(&&*name) {
                map.next_value::<serde::de::IgnoredAny>()?;
            } else {
                map.next_value::<Exact>()?;
            }
            if !seen.insert(folded) {
                return Err(A::Error::custom(format!("{name:?} is there twice")));
            }
        }
        Ok(Exact)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Exact, A::Error> {
        while seq.next_element::<Exact>()?.is_some() {}
        Ok(Exact)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Exact, E> {
        Ok(Exact)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Exact, E> {
        Ok(Exact)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Exact, E> {
        Ok(Exact)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Exact, E> {
        Ok(Exact)
    }

    fn visit_str<E>(self, _: &str) -> Result<Exact, E> {
        Ok(Exact)
    }

    fn visit_unit<E>(self) -> Result<Exact, E> {
        Ok(Exact)
    }
}

/// Also of what is a letter of ASCII only in the other case, as the Kelvin sign.
fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_exact_and_there_once() {
        let said = |text: &str| names(text.as_bytes()).err().map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(
            said(
                r#"{"manifests":[{"digest":"x","annotations":{"os":"a","OS":"b"}}],"schemaVersion":2,"x":null,"y":1.5,"z":[true,-1]}"#
            ),
            ""
        );
        assert!(said(r#"{"manifests":[],"Manifests":[]}"#).starts_with(r#""Manifests" is almost the name of a field"#));
        assert!(said(r#"[{"Config":"a","config":"b"}]"#).starts_with(r#""config" is there twice"#));
        assert!(said(r#"{"a":{"dige\u017ft":"x"}}"#).contains("is almost the name of a field"), "Go folds it to an s");
        assert!(said(r#"{"o\u017f":"x"}"#).contains("is almost the name of a field"));
        assert!(said(r#"{"x":1,"x":2}"#).starts_with(r#""x" is there twice"#));
    }
}
