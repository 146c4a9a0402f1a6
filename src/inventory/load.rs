//! File → [`Loaded`]: an inventory with the place of every value, and what is wrong with its shape.

use std::path::{Path as FilePath, PathBuf};

use super::files;
use super::mistake::Mistake;
use super::model::Inventory;
use super::path::Path;
use super::schema::schema;
use super::shape;
use super::text::{SourceText, Span};
use super::yaml::{self, Located, Node};
use crate::error::{Error, Result};

/// An inventory that could be read. Mistakes found so far are kept in it, so that [`crate::cluster::resolve`], which
/// everybody goes through, reports all of them at once with those that it finds itself.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What was written; relative paths are made to start at the file's folder.
    pub inventory: Inventory,
    /// The file's folder.
    pub folder: PathBuf,
    source: SourceText,
    tree: Node,
    found: Vec<Located>,
    faulty: Vec<Path>,
}

/// Reads an inventory file.
///
/// # Errors
/// Input: the file cannot be read, is not YAML, or is so far from an inventory that nothing more can be said. Other
/// mistakes are reported by [`crate::cluster::resolve`], all at once.
pub fn load(file: &FilePath) -> Result<Loaded> {
    let bytes = std::fs::read(file).map_err(|e| unreadable(file, &e))?;
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let folder = std::path::absolute(&folder).map_err(|e| Error::io(format!("find {}", folder.display()), &e))?;
    let mut loaded = parse(&file.display().to_string(), &bytes)?;
    files::anchor(&mut loaded.inventory, &folder, std::env::home_dir().as_deref());
    let missing = files::missing_templates(&loaded.inventory, &|path| path.is_file());
    let missing = loaded.locate(missing);
    loaded.found.extend(missing);
    loaded.folder = folder;
    Ok(loaded)
}

/// Reads an inventory from text; `name` is what errors call it. Paths stay as they are.
///
/// # Errors
/// As [`load`].
pub fn parse(name: &str, bytes: &[u8]) -> Result<Loaded> {
    let source = SourceText::new(name, bytes)?;
    let (tree, mut found) = yaml::parse(&source)?;
    let shaped = shape::check(&schema(), &tree, &source);
    found.extend(shaped.mistakes);
    let Some(value) = shaped.value else {
        return Err(all(found).unwrap_err());
    };
    match serde_json::from_value(value) {
        Ok(inventory) => Ok(Loaded { inventory, folder: PathBuf::new(), source, tree, found, faulty: shaped.faulty }),
        // The schema comes from the same types, so this is a gap between the two; say it rather than go on.
        Err(e) if found.is_empty() => Err(Error::input(format!("{name}: {e}"))),
        Err(_) => Err(all(found).unwrap_err()),
    }
}

impl Loaded {
    /// `Ok` when neither reading found mistakes nor `more` has any; otherwise all of them, in the order of the file.
    ///
    /// # Errors
    /// Input.
    pub fn report(&self, more: Vec<Mistake>) -> Result<()> {
        let mut found = self.found.clone();
        found.extend(self.locate(more));
        all(found)
    }
    /// Whether everything at and under a path could be read as it was written.
    pub fn sound(&self, path: &Path) -> bool {
        !self.faulty.iter().any(|faulty| faulty.covers(path) || path.covers(faulty))
    }

    fn locate(&self, mistakes: Vec<Mistake>) -> Vec<Located> {
        let believed = mistakes.into_iter().filter(|m| {
            let whole_file_read = self.found.is_empty() && self.faulty.is_empty();
            !self.faulty.iter().any(|faulty| faulty.covers(&m.path)) && (!m.whole || whole_file_read)
        });
        believed.map(|m| self.place(&m)).collect()
    }

    fn place(&self, mistake: &Mistake) -> Located {
        let span = match mistake.offset() {
            Some(offset) => self.char_span(&mistake.path, offset),
            None if mistake.is_key() => self.tree.key_span(&mistake.path),
            None => self.tree.value_span(&mistake.path),
        };
        let mut error = self.source.error(span, &mistake.message);
        error.hints.clone_from(&mistake.hints);
        (span, error)
    }

    /// The place of one character of a text, where the text stands in one line and without escapes.
    fn char_span(&self, path: &Path, offset: usize) -> Span {
        let span = self.tree.value_span(path);
        let quoted = matches!(self.source.line(span.line).chars().nth(span.column - 1), Some('"' | '\''));
        let offset = offset + usize::from(quoted);
        if offset < span.width { Span { column: span.column + offset, width: 1, ..span } } else { span }
    }
}

/// All in the order of the text; what is said twice (through an alias) is said once.
fn all(mut found: Vec<Located>) -> Result<()> {
    found.sort_by(|a, b| (a.0, &a.1.message).cmp(&(b.0, &b.1.message)));
    found.dedup();
    Error::all(found.into_iter().map(|(_, error)| error))
}

fn unreadable(file: &FilePath, e: &std::io::Error) -> Error {
    let error = Error::input(format!("read inventory {}: {e}", file.display()));
    match e.kind() {
        std::io::ErrorKind::NotFound => {
            error.hint(format!("`kbootstrap init -o {} --master ADDRESS` writes one", file.display()))
        }
        _ => error,
    }
}
