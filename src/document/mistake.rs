//! A mistake as a check finds it: what is wrong at which path. Its line and column are added later.

use super::path::Path;

/// Where at a path the caret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Value,
    Key,
    Char(usize),
}

/// Something wrong in a document whose shape is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub(super) path: Path,
    spot: Spot,
    /// What is wrong.
    pub message: String,
    pub(super) hints: Vec<String>,
    pub(super) whole: bool,
}

impl Mistake {
    /// The value at `path` is wrong.
    pub fn at(path: Path, message: impl Into<String>) -> Self {
        Mistake { path, spot: Spot::Value, message: message.into(), hints: vec![], whole: false }
    }
    /// The key at the end of `path` is wrong.
    pub fn key(path: Path, message: impl Into<String>) -> Self {
        Mistake { spot: Spot::Key, ..Mistake::at(path, message) }
    }
    /// Something that is missing, or wrong with the document as a whole: not believed while parts of it cannot be read.
    pub fn whole(path: Path, message: impl Into<String>) -> Self {
        Mistake { whole: true, spot: Spot::Key, ..Mistake::at(path, message) }
    }
    /// One character of the text at the path is meant: the one after `offset` others.
    #[must_use]
    pub fn char(mut self, offset: usize) -> Self {
        self.spot = Spot::Char(offset);
        self
    }
    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
    /// Adds `did you mean …?` where there is something near.
    #[must_use]
    pub fn meant(self, name: Option<&str>) -> Self {
        match name {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    pub(super) fn is_key(&self) -> bool {
        self.spot == Spot::Key
    }
    pub(super) fn offset(&self) -> Option<usize> {
        match self.spot {
            Spot::Char(offset) => Some(offset),
            _ => None,
        }
    }
}
