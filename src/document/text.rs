//! The text of a file, and how a place in it is shown: `file:line:col`, the line, a caret under it.

use crate::error::Error;
use crate::secret::quoted;
use crate::text::{columns, shortened, utf8};

/// A piece of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters; what goes on in the next line is not counted.
    pub width: usize,
}

/// A file's text with the name that errors call it by.
#[derive(Debug, Clone)]
pub struct SourceText {
    name: String,
    text: String,
}

/// Longer lines are cut around the caret.
const SHOWN_COLUMNS: usize = 100;

impl SourceText {
    /// Takes the bytes of a file; a byte-order mark and the kind of line ends make no difference.
    ///
    /// # Errors
    /// Input, when it is not UTF-8.
    pub fn new(name: impl Into<String>, bytes: &[u8]) -> Result<Self, Error> {
        let name = name.into();
        utf8(bytes, &name)?;
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let line = 1 + bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count();
            Error::input(format!("{name}:{line}: not UTF-8 text")).hint("save the file with the encoding UTF-8")
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
        Ok(SourceText { name, text })
    }
    /// The whole text, with `\n` at line ends.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// What the file is called in errors.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// A line without its end; empty past the last.
    pub fn line(&self, number: usize) -> &str {
        self.text.split('\n').nth(number.saturating_sub(1)).unwrap_or("")
    }
    /// Words about this text, without what may be a key.
    pub fn hide(&self, words: &str) -> String {
        quoted::hide(words, quoted::is_in(&self.text))
    }
    /// The same for people: what is long is cut.
    pub fn say(&self, words: &str) -> String {
        shortened(&self.hide(words))
    }
    /// An error at a place: the line and a caret under the place are its evidence. Of a file with a private key in it no
    /// line is shown, and nothing that may be a key of any file.
    pub fn error(&self, span: Span, message: impl std::fmt::Display) -> Error {
        let message = self.say(&message.to_string());
        let error = Error::input(format!("{}:{}:{}: {message}", self.name, span.line, span.column));
        match quoted::is_in(&self.text) {
            true => error.detail("there is a private key in this file: its lines are not shown"),
            false => error.detail(self.excerpt(span)),
        }
    }
    /// The line and a caret under the place.
    pub fn excerpt(&self, span: Span) -> String {
        let all: Vec<char> = self.hide(self.line(span.line)).chars().collect();
        let start = (span.column - 1).min(all.len());
        let from = if all.len() > SHOWN_COLUMNS { start.saturating_sub(SHOWN_COLUMNS / 2) } else { 0 };
        let shown: String = all[from..].iter().take(SHOWN_COLUMNS).map(|c| visible(*c)).collect();
        let before: String = all[from..start].iter().map(|c| blank(*c)).collect();
        let end = (start + span.width.max(1)).min(all.len().max(start + 1)).min(from + SHOWN_COLUMNS);
        let carets: usize = (start..end.max(start + 1)).map(|i| all.get(i).map_or(1, |c| columns(*c))).sum();
        let number = span.line.to_string();
        format!("{number} | {}\n{:pad$} | {before}{}", shown.trim_end(), "", "^".repeat(carets), pad = number.len())
    }
}

/// A character as it may be shown: nothing that a terminal would obey.
fn visible(c: char) -> char {
    if c.is_control() && c != '\t' { '\u{fffd}' } else { c }
}

fn blank(c: char) -> String {
    if c == '\t' { "\t".into() } else { " ".repeat(columns(c)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, line: usize, column: usize, width: usize) -> String {
        SourceText::new("x.yaml", text.as_bytes()).unwrap().excerpt(Span { line, column, width })
    }

    #[test]
    fn the_caret_stands_under_its_place() {
        insta::assert_snapshot!(excerpt("a: 1\nhosst: []\n", 2, 1, 5), @r"
        2 | hosst: []
          | ^^^^^
        ");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        insta::assert_snapshot!(excerpt("name: 主机，a", 1, 9, 1), @r"
        1 | name: 主机，a
          |           ^^
        ");
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let shown = excerpt(&format!("{}!{}", "a".repeat(300), "b".repeat(300)), 1, 301, 1);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[0].len(), 4 + SHOWN_COLUMNS);
        assert_eq!(lines[0].find('!'), lines[1].find('^'));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert!(!excerpt("a: \x1b[31mred", 1, 4, 1).contains('\x1b'));
    }

    #[test]
    fn what_may_be_a_key_is_not_shown() {
        let source = |text: &str| SourceText::new("x.yaml", text.as_bytes()).unwrap();
        let line = format!("tokan: {}Ab1 # x", "Ab1/".repeat(10));
        insta::assert_snapshot!(source(&line).excerpt(Span { line: 1, column: 1, width: 5 }), @r"
        1 | tokan: ******************************************* # x
          | ^^^^^
        ");
        let pem = "a: 1\nkey: |\n  -----BEGIN PRIVATE KEY-----\n  MC4CAQAw\n";
        let error = source(pem).error(Span { line: 4, column: 3, width: 8 }, "not this: MC4CAQAwBQYD");
        assert_eq!(error.message, "x.yaml:4:3: not this: ************");
        assert_eq!(error.details, ["there is a private key in this file: its lines are not shown"]);
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_line() {
        let error = SourceText::new("x.yaml", b"a: 1\nb: \xff\n").unwrap_err();
        assert_eq!(error.message, "x.yaml:2: not UTF-8 text");
    }
}
