//! Errors in cfssl's words: the last line on standard error, which scripts and guides know.

use std::fmt;
use std::io;

use crate::cfssl::go;
use crate::cfssl::go::json::quoted;
use crate::error::Error;
use crate::text::shown_line;

/// A failure of a command in cfssl's face; its exit code is 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// Plain words, in one line.
    pub fn text(text: impl Into<String>) -> Self {
        Failure(shown_line(&text.into()).into_owned())
    }

    /// Words, and a line for each of several others'.
    pub fn list<'a>(words: &str, items: impl Iterator<Item = &'a str>) -> Self {
        Failure(words.to_owned() + &items.map(|item| format!("\n\t{}", shown_line(item))).collect::<String>())
    }

    /// `{"code":…,"message":…}`: thousands name the part of cfssl, the rest the reason.
    pub fn code(code: u32, message: &str) -> Self {
        Failure(format!("{{\"code\":{code},\"message\":{}}}", quoted(message)))
    }

    /// The signing configuration cannot be used.
    pub fn policy(message: &str) -> Self {
        Self::code(5200, message)
    }

    /// A file that cannot be read or written, as Go names it: `open x.json: no such file or directory`.
    pub fn file(action: &str, path: &str, error: &io::Error) -> Self {
        Self::text(format!("{action} {}: {}", go::file::path(path).display(), reason(error)))
    }

    /// The same, as the message of a code.
    pub fn coded(self, code: u32) -> Self {
        Self::code(code, &self.0)
    }

    /// The reason was logged already: no line follows.
    pub fn said() -> Self {
        Failure(String::new())
    }

    /// It happened in what is named.
    pub fn within(self, prefix: &str) -> Self {
        Failure(format!("{prefix}{}", self.0))
    }
}

/// The system's words without their number, in lower case as Go has them.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    /// What cfssl does not know: one line for each error, with its hints.
    fn from(error: Error) -> Self {
        let line = |error: &Error| {
            let hints: String = error.hints.iter().map(|hint| format!(" ({hint})")).collect();
            shown_line(&(error.message.clone() + &hints)).into_owned()
        };
        let lines: Vec<_> = error.others.iter().chain([&error]).map(line).collect();
        Failure(lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_as_cfssl_prints_it() {
        let missing = std::fs::read("/nonexistent-file").unwrap_err();
        let failure = Failure::file("open", "no.pem", &missing);
        assert_eq!(failure.to_string(), "open no.pem: no such file or directory");
        let coded = failure.coded(1001).to_string();
        assert_eq!(coded, r#"{"code":1001,"message":"open no.pem: no such file or directory"}"#);
        assert_eq!(Failure::policy("a \"b\"").to_string(), r#"{"code":5200,"message":"a \"b\""}"#);
        assert_eq!(Failure::from(Error::pki("a").hint("b")).to_string(), "a (b)");
    }
}
