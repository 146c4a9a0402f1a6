//! The answer: marks that nobody on the host can guess, sections between them, and how much of it is taken.
//!
//! What files, programs and devices are called or say stands between the marks, so it cannot look like a mark: each has
//! a nonce of the operator's, which the host's processes do not see, not even in the process list.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::error::{Error, Result};
use crate::text::shown;

/// At most so many bytes of a section are taken.
pub(super) const SECTION_BYTES: usize = 2 << 20;
/// At most so many bytes of an answer are taken.
pub(super) const ANSWER_BYTES: usize = 8 << 20;

/// The section that says that the script has come to its end.
pub(super) const END: &str = "end";

/// What begins a section; its name and a line break follow.
pub(super) fn mark(nonce: &str) -> String {
    format!("\x1e{nonce} ")
}

/// Collects an answer, and refuses more than there should be of it.
pub(super) struct Answer {
    bytes: Vec<u8>,
    mark: Vec<u8>,
    /// Where the section that comes in begins.
    section: usize,
    /// What there is too much of.
    too_much: Option<String>,
}

impl Answer {
    pub(super) fn new(nonce: &str) -> Self {
        Answer { bytes: Vec::new(), mark: mark(nonce).into_bytes(), section: 0, too_much: None }
    }

    /// All that came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The section that came in last, for a person.
    pub(super) fn last(&self) -> String {
        let name = self.bytes.get(self.section..).and_then(|rest| rest.strip_prefix(self.mark.as_slice()));
        let name = name.map(|rest| rest.split(|byte| *byte == b'\n').next().unwrap_or_default());
        let plain = |byte: &&u8| byte.is_ascii_alphanumeric();
        let name: String = name.unwrap_or_default().iter().take(40).filter(plain).map(|b| char::from(*b)).collect();
        if name.is_empty() { "before its first section".into() } else { format!("in section {name}") }
    }

    /// What was too much, if anything was.
    pub(super) fn too_much(&self) -> Option<&str> {
        self.too_much.as_deref()
    }

    /// Finds marks in what came after `from`, which may have begun before it.
    fn find_marks(&mut self, from: usize) {
        let from = from.saturating_sub(self.mark.len() - 1);
        let last = self.bytes[from..].windows(self.mark.len()).rposition(|window| window == self.mark.as_slice());
        self.section = last.map_or(self.section, |at| from + at);
    }
}

impl Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // In pieces, so that a section cannot hide behind the next one's mark.
        for piece in bytes.chunks(64 << 10) {
            let before = self.bytes.len();
            self.bytes.extend_from_slice(piece);
            self.find_marks(before);
            let limit = match (self.bytes.len(), self.bytes.len() - self.section) {
                (all, _) if all > ANSWER_BYTES => ANSWER_BYTES,
                (_, section) if section > SECTION_BYTES => SECTION_BYTES,
                _ => continue,
            };
            self.too_much = Some(format!("more than {} MiB came {}", limit >> 20, self.last()));
            return Err(io::Error::other("too much"));
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A probe's answer by section.
pub(super) struct Sections<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Sections<'a> {
    /// Cuts the text; what stands before the first section is noise.
    ///
    /// # Errors
    /// `Remote` when it has no end, or a section twice.
    pub(super) fn split(text: &'a str, nonce: &str) -> Result<Self> {
        let mut sections = BTreeMap::new();
        for part in text.split(mark(nonce).as_str()).skip(1) {
            let (name, text) = part.split_once('\n').unwrap_or((part, ""));
            if sections.insert(name, text).is_some() {
                return Err(incomplete(text).detail("a section came twice"));
            }
        }
        if sections.contains_key(END) { Ok(Sections(sections)) } else { Err(incomplete(text)) }
    }

    /// The section's lines that are not empty.
    pub(super) fn lines(&self, section: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text(section).lines().filter(|line| !line.is_empty())
    }

    /// The section as it is.
    pub(super) fn text(&self, section: &str) -> &'a str {
        self.0.get(section).copied().unwrap_or_default()
    }

    /// Lines of files that were read as they are, each after its file's name and a colon.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.lines("texts")
    }

    /// Its first line.
    pub(super) fn first(&self, section: &str) -> &'a str {
        self.text(section).lines().next().unwrap_or_default().trim()
    }

    /// Its lines as a set.
    pub(super) fn set(&self, section: &str) -> BTreeSet<String> {
        self.lines(section).map(str::to_owned).collect()
    }
}

/// An answer that is not one; `text` is what came.
pub(super) fn incomplete(text: &str) -> Error {
    let shown: String = shown(text).chars().take(400).collect();
    Error::remote("the probe's answer is incomplete")
        .detail(if shown.trim().is_empty() { "it printed nothing".to_string() } else { shown })
        .hint("the host needs a POSIX /bin/sh, coreutils and grep")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(answer: &mut Answer, text: &str, times: usize) -> io::Result<()> {
        (0..times).try_for_each(|_| answer.write_all(text.as_bytes()))
    }

    #[test]
    fn marks_of_another_nonce_are_text() {
        let text = "noise\x1en units\nId=a\n\x1e0 units\nId=b\n\x1en end\n1\n";
        let sections = Sections::split(text, "n").unwrap();
        assert_eq!(sections.text("units"), "Id=a\n\x1e0 units\nId=b\n");
        assert!(Sections::split(&text.replace("\x1e0", "\x1en"), "n").is_err(), "twice");
        assert!(Sections::split(text, "0").is_err(), "no end");
    }

    #[test]
    fn an_endless_section_is_named_and_refused() {
        let mut answer = Answer::new("n");
        write(&mut answer, "\x1en clock\n1\n\x1e", 1).unwrap();
        write(&mut answer, "n sockets\n", 1).unwrap();
        assert!(write(&mut answer, &"x".repeat(1000), 10_000).is_err());
        assert_eq!(answer.too_much(), Some("more than 2 MiB came in section sockets"));
        assert!(answer.bytes().len() <= SECTION_BYTES + (64 << 10));
    }

    #[test]
    fn however_many_sections_there_are_the_whole_is_bounded() {
        let mut answer = Answer::new("n");
        assert!(write(&mut answer, &format!("\x1en s\n{}", "x".repeat(9000)), 10_000).is_err());
        assert_eq!(answer.too_much(), Some("more than 8 MiB came in section s"));
        let mut answer = Answer::new("n");
        assert!(answer.write_all(&vec![0; 3 << 20]).is_err(), "what comes before the first section counts, too");
        assert_eq!(answer.too_much(), Some("more than 2 MiB came before its first section"));
    }
}
