//! What every command gets, and what it does with `-o`.

use std::path::Path;

use crate::error::{Error, Result};
use crate::ui::Printer;

/// What every command gets.
#[derive(Debug, Clone, Copy)]
pub struct Ctx {
    /// Standard output.
    pub out: Printer,
    /// Colour on standard error.
    pub err_color: bool,
}

/// Refuses `-o json` where `-o` names what to write: a file called `json` is not what was meant.
pub fn not_a_format(path: &Path, what: &str) -> Result<()> {
    match path.to_str() {
        Some(name @ ("json" | "text" | "yaml")) => Err(Error::usage(format!("`-o {name}`: here -o is {what}"))
            .hint(format!("if it is to be called {name}, write ./{name}"))),
        _ => Ok(()),
    }
}
