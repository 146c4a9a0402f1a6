//! Standard output: data goes there and nothing else; a reader that went away is not an error, data that is lost is one.
//!
//! Names, files and words of hosts, certificates and people pass here on their way to a terminal. Whatever is printed as
//! text is cleaned here, so nobody has to think of it elsewhere; colours of ours are known by a mark that others cannot guess.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use rustix::fs::{FileType, OFlags, Stat, fcntl_getfl, fstat, stat};
use rustix::termios::tcgetwinsize;
use serde::Serialize;

use super::stderr;
use crate::error::{Error, Result};
use crate::random;
use crate::text::{shown, shown_json};

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
    /// What stands after the escape character of colours of ours; none where no colours are wanted.
    mark: Option<[u8; 8]>,
    /// How wide the terminal is; none where standard output is none, or does not say.
    columns: Option<usize>,
}

/// Whether standard error gets colours: only a terminal, and never with `NO_COLOR`.
pub fn stderr_color(no_color: bool) -> bool {
    !no_color && allowed() && stderr::is_terminal()
}

fn allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

impl Printer {
    /// Colour only on a terminal, and never with `NO_COLOR`.
    pub fn new(no_color: bool) -> Self {
        let color = !no_color && allowed() && io::stdout().is_terminal();
        // Without random bytes there is no mark, and then there are no colours.
        Printer { mark: color.then(random::bytes).and_then(Result::ok), columns: columns() }
    }
    /// For a terminal of that width, without colours.
    #[cfg(test)]
    pub(crate) fn of_width(columns: usize) -> Self {
        Printer { mark: None, columns: Some(columns) }
    }
    /// How wide the terminal is that standard output is; none where it is a file, a pipe, or of unknown width.
    pub fn columns(&self) -> Option<usize> {
        self.columns
    }
    /// Whether colours are wanted.
    pub fn color(&self) -> bool {
        self.mark.is_some()
    }
    /// `text` in an ANSI colour (`32` green, `33` yellow, `31` red, `1` bold, `2` dim), where colours are wanted; for
    /// [`text`](Self::text) and [`line`](Self::line) of this printer.
    pub fn paint(&self, code: &str, text: &str) -> String {
        match self.escape() {
            Some(escape) => format!("{escape}[{code}m{text}{escape}[0m"),
            None => text.to_owned(),
        }
    }
    /// Prints text, cleaned of what a terminal would obey.
    pub fn text(&self, text: &str) -> Result<()> {
        self.bytes(self.clean(text).as_bytes())
    }
    /// Prints a line.
    pub fn line(&self, text: &str) -> Result<()> {
        self.text(&format!("{text}\n"))
    }
    /// Prints indented JSON.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|e| Error::internal(format!("write JSON: {e}")))?;
        self.document(&format!("{text}\n"))
    }
    /// Prints a JSON document as it is written, with other escapes where a terminal would obey.
    pub fn document(&self, json: &str) -> Result<()> {
        self.bytes(shown_json(json).as_bytes())
    }
    /// Prints the bytes of a file that was asked for, as they are.
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        self.written(|| {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        })
    }

    /// What writing to standard output has come to, by whoever wrote: a reader that went away is no error, a full
    /// disk is.
    pub fn written(&self, write: impl FnOnce() -> io::Result<()>) -> Result<()> {
        match write() {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(e) => Err(Error::io("write to standard output", &e)),
            Ok(()) => Ok(()),
        }
    }

    /// Whether standard output was closed when the program began.
    pub fn is_closed(&self) -> bool {
        is_closed(io::stdout())
    }

    fn escape(&self) -> Option<String> {
        self.mark.map(|mark| format!("\x1b{:016x}", u64::from_be_bytes(mark)))
    }

    fn clean(&self, text: &str) -> String {
        match self.escape() {
            Some(escape) => text.split(&escape).map(shown).collect::<Vec<_>>().join("\x1b"),
            None => shown(text).into_owned(),
        }
    }
}

fn columns() -> Option<usize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then(|| size.ws_col.into())
}

/// Whether a stream was closed when the program began: Rust then opens the null device for reading and writing in its
/// place, and a shell's `> /dev/null` is for writing alone. Some programs open it both ways for those that they start, so
/// this counts only where a key would be lost.
fn is_closed(stream: impl AsFd) -> bool {
    let both_ways = fcntl_getfl(&stream).is_ok_and(|flags| flags & OFlags::ACCMODE == OFlags::RDWR);
    let device = |found: Stat| (FileType::from_raw_mode(found.st_mode), found.st_rdev);
    both_ways && matches!((fstat(&stream), stat("/dev/null")), (Ok(own), Ok(null)) if device(own) == device(null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_ours_alone() {
        let printer = Printer { mark: Some(*b"12345678"), columns: None };
        let text = format!("{} {}", printer.paint("31", "bad"), "\x1b[2J\x1b]52;c;x\x07");
        assert_eq!(printer.clean(&text), "\x1b[31mbad\x1b[0m \u{fffd}[2J\u{fffd}]52;c;x\u{fffd}");
        let other = Printer { mark: Some(*b"abcdefgh"), columns: None };
        assert!(!other.clean(&text).contains('\x1b'));
        let plain = Printer { mark: None, columns: None };
        assert_eq!(plain.clean(&plain.paint("31", "bad\x1b[0m")), "bad\u{fffd}[0m");
    }
}
