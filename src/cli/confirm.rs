//! A question on the terminal, before something that can hurt.

use std::io::{self, BufRead, IsTerminal};

use crate::error::{Error, Result};
use crate::ui::stderr;

/// Whether anybody can be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Asks on standard error, and waits for a line on standard input.
pub fn ask(question: &str) -> Result<String> {
    stderr::text(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|e| Error::io("read the answer", &e))?;
    Ok(answer.trim().to_owned())
}
