//! A question on the terminal, before something that can hurt.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::{Error, Result};

/// Whether anybody can be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Asks on standard error, and waits for a line on standard input.
pub fn ask(question: &str) -> Result<String> {
    let mut terminal = io::stderr();
    terminal
        .write_all(question.as_bytes())
        .and_then(|()| terminal.flush())
        .map_err(|e| Error::io("ask on the terminal", &e))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|e| Error::io("read the answer", &e))?;
    Ok(answer.trim().to_owned())
}
