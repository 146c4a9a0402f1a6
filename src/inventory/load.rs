//! File → [`Loaded`]: an inventory with the place of every value, and what is wrong with its shape.

use std::path::{Path as FilePath, PathBuf};

use super::files;
use super::foreign;
use super::model::Inventory;
use super::schema::schema;
use crate::document::{Document, Mistake, Path};
use crate::error::{Error, Reason, Result};

/// An inventory that could be read. Mistakes found so far are kept in it, so that [`crate::cluster::resolve`], which
/// everybody goes through, reports all of them at once with those that it finds itself.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What was written; relative paths are made to start at the file's folder.
    pub inventory: Inventory,
    /// The file's folder.
    pub folder: PathBuf,
    document: Document,
}

/// Reads an inventory file.
///
/// # Errors
/// Input: the file cannot be read, is not YAML, or is so far from an inventory that nothing more can be said. Other
/// mistakes are reported by [`crate::cluster::resolve`], all at once.
pub fn load(file: &FilePath) -> Result<Loaded> {
    let bytes = crate::files::bounded::bytes(file).map_err(|e| unreadable(file, &e))?;
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let folder = std::path::absolute(&folder).map_err(|e| Error::io(format!("find {}", folder.display()), &e))?;
    let mut loaded = parse(&file.display().to_string(), &bytes)?;
    files::anchor(&mut loaded.inventory, &folder, std::env::home_dir().as_deref());
    loaded.document.add(files::missing_templates(&loaded.inventory, &|path| path.is_file()));
    loaded.folder = folder;
    Ok(loaded)
}

/// Reads an inventory from text; `name` is what errors call it. Paths stay as they are.
///
/// # Errors
/// As [`load`].
pub fn parse(name: &str, bytes: &[u8]) -> Result<Loaded> {
    let read = Document::read(name, bytes, &schema(&[]), "the inventory").and_then(|(inventory, document)| {
        // What is far from an inventory is something else rather than full of mistakes.
        let foreign = document.report(vec![]).err().and_then(|_| foreign(name, bytes));
        foreign.map_or(Ok(Loaded { inventory, folder: PathBuf::new(), document }), Err)
    });
    read.map_err(|e| match e.is(Reason::Empty) {
        true => e.hint("`kbootstrap init -o FILE --master ADDRESS` writes one to begin with"),
        false => foreign(name, bytes).unwrap_or(e),
    })
}

/// The refusal of a file that was written for another tool.
fn foreign(name: &str, bytes: &[u8]) -> Option<Error> {
    Some(foreign::recognise(std::str::from_utf8(bytes).ok()?)?.refusal(name))
}

impl Loaded {
    /// `Ok` when neither reading found mistakes nor `more` has any; otherwise all of them, in the order of the file.
    ///
    /// # Errors
    /// Input.
    pub fn report(&self, more: Vec<Mistake>) -> Result<()> {
        self.document.report(more)
    }
    /// Refuses what goes beyond reading files beside the inventory; reported with all other mistakes.
    pub fn distrust(&mut self) {
        self.document.add(files::beyond(&self.inventory, &self.folder));
    }
    /// Whether everything at and under a path could be read as it was written.
    pub fn sound(&self, path: &Path) -> bool {
        self.document.sound(path)
    }
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
