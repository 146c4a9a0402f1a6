//! The answer cut into its sections: a line of RS and a name, then the section's lines.

use std::collections::{BTreeMap, BTreeSet};

/// A probe's answer by section.
pub(super) struct Sections<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Sections<'a> {
    /// Cuts the text; what stands before the first section is noise of a login shell.
    pub(super) fn split(text: &'a str) -> Self {
        let sections = text.split('\x1e').skip(1).map(|part| part.split_once('\n').unwrap_or((part, "")));
        Sections(sections.collect())
    }

    /// The section's lines that are not empty.
    pub(super) fn lines(&self, section: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text(section).lines().filter(|line| !line.is_empty())
    }

    /// The section as it is.
    pub(super) fn text(&self, section: &str) -> &'a str {
        self.0.get(section).copied().unwrap_or_default()
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
