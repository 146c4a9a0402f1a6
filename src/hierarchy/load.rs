//! File → [`Loaded`]: a hierarchy, or all that is wrong with its specification, each with its place.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::item::Hierarchy;
use super::model::Specification;
use super::resolve;
use crate::document::Document;
use crate::error::{Error, Reason, Result};
use crate::files::bounded;

/// A specification without mistakes.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it comes to.
    pub hierarchy: Hierarchy,
    /// The folder that all its folders are in, unless they lead elsewhere.
    pub folder: PathBuf,
}

/// The JSON Schema (draft 2020-12) of a specification; `docs/pki-apply.schema.json` is the same, written out.
pub fn schema() -> Value {
    schemars::schema_for!(Specification).to_value()
}

/// Reads a specification from a file.
///
/// # Errors
/// Input: it cannot be read, or has mistakes, which are all named at once.
pub fn load(file: &Path) -> Result<Loaded> {
    let bytes =
        bounded::bytes(file).map_err(|e| Error::input(format!("read specification {}: {e}", file.display())))?;
    parse(&file.display().to_string(), &bytes, file.parent().unwrap_or(Path::new("")))
}

/// Reads a specification from text. `name` is what errors call it; relative paths start at `folder`.
///
/// # Errors
/// As [`load()`].
pub fn parse(name: &str, bytes: &[u8], folder: &Path) -> Result<Loaded> {
    let read = Document::read::<Specification>(name, bytes, &schema(), "the specification");
    let (specification, document) = read.map_err(|e| match e.is(Reason::Empty) {
        true => e.hint("docs/pki-apply.md has examples to begin with"),
        false => e,
    })?;
    let folder = match &specification.folder {
        Some(inner) => folder.join(inner),
        None => PathBuf::from(folder),
    };
    let (hierarchy, mistakes) = resolve::resolve(&specification, &folder);
    document.report(mistakes)?;
    Ok(Loaded { hierarchy, folder })
}
