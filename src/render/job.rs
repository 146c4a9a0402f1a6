//! A template of the inventory's as a piece of work that can be done elsewhere. A template can ask for more memory than there
//! is with a few instructions (`s ~ s`, again and again), and nothing in the engine counts that: so whoever has a process to
//! spare renders it there, under limits of the system.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};

use super::templates::Templates;
use crate::components::Catalogue;
use crate::error::Result;

/// Bytes of a rendered file at the most. The largest of ours has less than 100 KiB.
pub const LARGEST: usize = 4 << 20;

/// One template, and what it is rendered with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Where it was read from, for messages.
    pub path: String,
    /// Its text.
    pub source: String,
    /// Its variables.
    pub context: serde_json::Value,
}

impl Job {
    /// Renders it here; the error is what is wrong with the template.
    pub fn render(&self, catalogue: &Catalogue) -> Result<String, String> {
        Templates::embedded(catalogue)
            .render_source(&self.path, &self.source, Value::from(Serde(&self.context)))
            .map_err(|e| e.to_string())
            .and_then(bounded)
    }
}

/// A file that is larger than any is a mistake.
pub(super) fn bounded(text: String) -> Result<String, String> {
    let too_large = || format!("it gives more than {} MiB", LARGEST >> 20);
    if text.len() > LARGEST { Err(too_large()) } else { Ok(text) }
}

/// What renders a job: the result, what is wrong with the template, or why it could not be rendered at all.
type Rendered = Result<Result<String, String>>;

/// Renders templates of the inventory's elsewhere.
#[derive(Clone)]
pub struct Renderer(Arc<dyn Fn(&Job) -> Rendered + Send + Sync>);

impl Renderer {
    /// By a function; its outer error is one of this machine's, the inner one of the template's.
    pub fn new(render: impl Fn(&Job) -> Rendered + Send + Sync + 'static) -> Self {
        Renderer(Arc::new(render))
    }
    pub(super) fn render(&self, job: &Job) -> Rendered {
        (self.0)(job)
    }
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renderer")
    }
}
