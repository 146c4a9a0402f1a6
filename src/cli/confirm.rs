//! A question on the terminal, before something that can hurt.

use std::io::{self, BufRead, IsTerminal};

use crate::error::{Error, Result};
use crate::ui::stderr;

/// Whether anybody can be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Asks whether to go on, after what it means.
///
/// # Errors
/// Usage: the answer was not yes.
pub fn go_on(meaning: &str) -> Result<()> {
    match ask(&format!("{meaning}Go on? [y/N] "))?.to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Error::usage("nothing was touched: the answer was not yes")),
    }
}

/// Asks on standard error, and waits for a line on standard input.
pub fn ask(question: &str) -> Result<String> {
    stderr::text(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|e| Error::io("read the answer", &e))?;
    Ok(answer.trim().to_owned())
}
