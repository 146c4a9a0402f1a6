//! Standard error. Whatever is written there is cleaned here, for much of it is what hosts said.

use std::io::{self, IsTerminal, Write};

use crate::text::shown;

/// Whether a person reads it, and not a file or a program.
pub fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Colour of ours around text of anybody's.
pub(super) fn paint(color: bool, code: &str, text: &str) -> String {
    let text = shown(text);
    if color && !code.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into_owned() }
}

/// Writes text. A standard error that is gone leaves nobody to tell.
pub fn text(text: &str) {
    painted(&shown(text));
}

/// Writes a line.
pub fn line(text: &str) {
    painted(&format!("{}\n", shown(text)));
}

/// Writes what was put together of parts that are clean.
pub(super) fn painted(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
