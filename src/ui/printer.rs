//! Standard output: data goes there and nothing else; a reader that went away is not an error.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::error::{Error, Result};

/// How data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Writes to standard output.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    color: bool,
}

/// Whether standard error gets colours: only a terminal, and never with `NO_COLOR`.
pub fn stderr_color(no_color: bool) -> bool {
    !no_color && allowed() && io::stderr().is_terminal()
}

fn allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

impl Printer {
    /// Colour only on a terminal, and never with `NO_COLOR`.
    pub fn new(no_color: bool) -> Self {
        Printer { color: !no_color && allowed() && io::stdout().is_terminal() }
    }
    /// Whether colours are wanted.
    pub fn color(&self) -> bool {
        self.color
    }
    /// `text` in an ANSI colour (`32` green, `33` yellow, `31` red, `1` bold, `2` dim), where colours are wanted.
    pub fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
    /// Prints text as it is.
    pub fn text(&self, text: &str) -> Result<()> {
        self.bytes(text.as_bytes())
    }
    /// Prints a line.
    pub fn line(&self, text: &str) -> Result<()> {
        self.bytes(format!("{text}\n").as_bytes())
    }
    /// Prints indented JSON.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(value).map_err(|e| Error::internal(format!("write JSON: {e}")))?;
        bytes.push(b'\n');
        self.bytes(&bytes)
    }
    /// Prints bytes as they are.
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(e) => Err(Error::io("write to standard output", &e)),
            Ok(()) => Ok(()),
        }
    }
}
