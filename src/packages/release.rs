//! `InRelease`: what a suite is, until when, and the hashes of its indexes.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::control::{Fields, fields, value};
use crate::digest::is_sha256;

/// What a suite's `InRelease` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Files are there by their hashes, too, which stay while the suite changes.
    pub by_hash: bool,
    /// SHA-256 and size of each file, by its path.
    pub files: BTreeMap<String, (String, u64)>,
}

impl Release {
    /// Reads the text that was signed, and refuses it where it is not of that suite, or not of now.
    ///
    /// # Errors
    /// Why.
    pub fn read(text: &str, suite: &str, now: OffsetDateTime) -> Result<Self, String> {
        let fields = fields(text);
        let (own, codename) = (value(&fields, "suite"), value(&fields, "codename"));
        if suite != own && suite != codename {
            return Err(format!("it is of the suite {own} ({codename}), and {suite} was asked for"));
        }
        if date(&fields, "valid-until")?.is_some_and(|until| until < now) {
            let until = value(&fields, "valid-until");
            return Err(format!("it was valid until {until} only: an old copy, or a clock that is wrong"));
        }
        let mut files = BTreeMap::new();
        for line in fields.get("sha256").into_iter().flatten().filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [sha256, size, path] = words.as_slice()
                && let (true, Ok(size)) = (is_sha256(sha256), size.parse())
            {
                files.insert((*path).to_owned(), ((*sha256).to_owned(), size));
            }
        }
        if files.is_empty() {
            return Err("it has no SHA-256 of any file".into());
        }
        Ok(Release { by_hash: value(&fields, "acquire-by-hash") == "yes", files })
    }
}

fn date(fields: &Fields<'_>, name: &str) -> Result<Option<OffsetDateTime>, String> {
    let text = value(fields, name);
    if text.is_empty() {
        return Ok(None);
    }
    let date = OffsetDateTime::parse(&text.replace(" UTC", " +0000"), &Rfc2822);
    date.map(Some).map_err(|_| format!("its {name} is no date: {text}"))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_release_is_of_its_suite_and_of_now() {
        let text = |until: &str| {
            format!(
                "Origin: Debian\nSuite: oldstable-security\nCodename: bookworm-security\nAcquire-By-Hash: yes\n{until}\
                 MD5Sum:\n x 1 main/y\nSHA256:\n {} 380972 main/binary-amd64/Packages.xz\n ../x 1 main/z\n",
                "a".repeat(64)
            )
        };
        let now = datetime!(2026-11-27 12:00 UTC);
        let read = |until: &str, suite: &str| Release::read(&text(until), suite, now);
        let release = read("Valid-Until: Wed, 02 Dec 2026 22:33:12 UTC\n", "bookworm-security").unwrap();
        assert!(release.by_hash);
        assert_eq!(release.files.keys().collect::<Vec<_>>(), ["main/binary-amd64/Packages.xz"]);
        assert!(read("", "oldstable-security").is_ok());
        let said = [
            read("Valid-Until: Wed, 25 Nov 2026 22:33:12 UTC\n", "bookworm-security").unwrap_err(),
            read("Valid-Until: tomorrow\n", "bookworm-security").unwrap_err(),
            read("", "trixie-security").unwrap_err(),
            Release::read("Suite: stable\n", "stable", now).unwrap_err(),
        ];
        insta::assert_snapshot!(said.join("\n"), @"
        it was valid until Wed, 25 Nov 2026 22:33:12 UTC only: an old copy, or a clock that is wrong
        its valid-until is no date: tomorrow
        it is of the suite oldstable-security (bookworm-security), and trixie-security was asked for
        it has no SHA-256 of any file
        ");
    }
}
