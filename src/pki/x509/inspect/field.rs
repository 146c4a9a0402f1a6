//! What a description is made of: a label, what it says, and what belongs to it.

use serde::Serialize;

/// A line of a description, and those below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Field {
    /// What it is, in lower case; empty in a list of equals.
    #[serde(rename = "name", skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// What it says; empty where it is a heading.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// What belongs to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inner: Vec<Field>,
}

impl Field {
    /// One that stands for itself.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Field { label: label.into(), value: value.into(), inner: Vec::new() }
    }
    /// One of a list.
    pub(crate) fn item(value: impl Into<String>) -> Self {
        Self::new("", value)
    }
    /// A heading with what is below it.
    pub(crate) fn group(label: impl Into<String>, inner: Vec<Field>) -> Self {
        Field { inner, ..Self::new(label, "") }
    }
    /// The same with something below it.
    pub(crate) fn with(self, inner: Vec<Field>) -> Self {
        Field { inner, ..self }
    }
}

/// `AA:BB`.
pub(crate) fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}
