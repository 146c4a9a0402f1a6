//! A YAML or JSON file that a person wrote: read by its JSON Schema, with all mistakes explained at once, each with its
//! line, column and the name that was probably meant.
//!
//! Text → tree with places  → shape by the schema  → types. What the values mean is checked by
//! whoever reads the document, as [`Mistake`]s, which are then reported together with those found here.

mod expected;
pub mod lookalike;
mod mistake;
mod path;
mod scalar;
mod shape;
mod text;
mod yaml;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use expected::{Expected, choices, words};
pub use mistake::Mistake;
pub use path::{Path, Step};

use crate::error::{Error, Result};
use text::{SourceText, Span};
use yaml::{Located, Node};

/// More mistakes than this are not looked for, and not shown: each is shown with its line.
const MOST_MISTAKES: usize = 200;

/// A document that could be read: where everything stands in it, and the mistakes found so far.
#[derive(Debug, Clone)]
pub struct Document {
    source: SourceText,
    tree: Node,
    found: Vec<Located>,
    faulty: Vec<Path>,
}

impl Document {
    /// Reads text by the schema of `T`. `name` is what errors call the file, `what` the whole (`the inventory`).
    ///
    /// # Errors
    /// Input: it is not YAML, or so far from `T` that nothing more can be said. Other mistakes are kept for
    /// [`Document::report`].
    pub fn read<T: DeserializeOwned>(name: &str, bytes: &[u8], schema: &Value, what: &str) -> Result<(T, Self)> {
        let source = SourceText::new(name, bytes)?;
        let (tree, mut found) = yaml::parse(&source)?;
        let shaped = shape::check(schema, &tree, &source, what);
        found.extend(shaped.mistakes);
        let Some(value) = shaped.value else {
            return Err(all(found).unwrap_err());
        };
        match serde_json::from_value(value) {
            Ok(read) => Ok((read, Document { source, tree, found, faulty: shaped.faulty })),
            // The schema comes from the same types, so this is a gap between the two; say it rather than go on.
            Err(e) if found.is_empty() => Err(Error::input(source.hide(&format!("{name}: {e}")))),
            Err(_) => Err(all(found).unwrap_err()),
        }
    }

    /// Keeps mistakes for [`Document::report`].
    pub fn add(&mut self, mistakes: Vec<Mistake>) {
        let more = self.locate(mistakes);
        self.found.extend(more);
    }

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
        believed.take(MOST_MISTAKES + 1).map(|m| self.place(&m)).collect()
    }

    fn place(&self, mistake: &Mistake) -> Located {
        let span = match mistake.offset() {
            Some(offset) => self.char_span(&mistake.path, offset),
            None if mistake.is_key() => self.tree.key_span(&mistake.path),
            None => self.tree.value_span(&mistake.path),
        };
        let mut error = self.source.error(span, &mistake.message);
        error.hints = mistake.hints.iter().map(|hint| self.source.say(hint)).collect();
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
    let more = (found.len() > MOST_MISTAKES)
        .then(|| Error::input(format!("there are more mistakes than these {MOST_MISTAKES}: they are not shown")));
    Error::all(found.into_iter().take(MOST_MISTAKES).map(|(_, error)| error).chain(more))
}
