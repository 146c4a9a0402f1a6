//! Where an item's files go, and that no two items share one.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};

use super::Resolving;
use super::inherited::over;
use crate::document::{Mistake, Path};
use crate::hierarchy::expand;
use crate::hierarchy::item::Files;
use crate::hierarchy::model::FileNames;
use crate::hierarchy::places::{self, Places};

impl Resolving {
    /// Where the files go. A name that is part of a path must not lead elsewhere.
    pub(super) fn files(
        &mut self,
        name: &str,
        own: &FileNames,
        inherited: &FileNames,
        folder: &FilePath,
        at: &Path,
    ) -> Files {
        if name.is_empty() || name.starts_with(['.', '-']) || name.contains(|c: char| c == '/' || c.is_control()) {
            let message = format!("`{}` cannot be part of a file name", name.escape_debug());
            self.mistakes.push(Mistake::at(at.key("name"), message).hint("use letters, digits, `-`, `_` and `.`"));
        }
        let values = BTreeMap::from([("name".to_owned(), name.to_owned())]);
        let names = over(own, inherited);
        let mut path = |pattern: &str, key: &str| {
            let at = at.key("files").key(key);
            let filled = match expand::fill(pattern, &values) {
                Ok(filled) => {
                    // A faulty name is said already.
                    if let (false, Err((message, hint))) = (name.is_empty(), places::file(&filled)) {
                        self.mistakes.push(Mistake::at(at, message).hint(hint));
                    }
                    filled
                }
                Err((message, near)) => {
                    self.mistakes.push(Mistake::at(at, message).meant(near.as_deref()));
                    String::new()
                }
            };
            folder.join(filled)
        };
        Files {
            certificate: path(names.certificate.as_deref().unwrap_or_default(), "certificate"),
            key: path(names.key.as_deref().unwrap_or_default(), "key"),
            chain: names.chain.as_deref().map(|pattern| path(pattern, "chain")),
            ca: names.ca.as_deref().map(|pattern| path(pattern, "ca")),
        }
    }

    /// A folder as it is written, once it is looked at.
    pub(super) fn folder<'a>(&mut self, written: Option<&'a str>, at: &Path) -> Option<&'a str> {
        if let Some(Err((message, hint))) = written.map(places::folder) {
            self.mistakes.push(Mistake::at(at.key("folder"), message).hint(hint));
        }
        written
    }

    /// Names and files that two items would share.
    pub(super) fn twice(&mut self) {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut files, mut places): (BTreeMap<PathBuf, usize>, _) = (BTreeMap::new(), Places::default());
        let mut mistakes = Vec::new();
        for (i, item) in self.items.iter().enumerate().filter(|(_, item)| !item.name.is_empty()) {
            if names.insert(&item.name, i).is_some() {
                let message = format!("another CA or certificate has the name `{}` already", item.name);
                mistakes.push(Mistake::at(self.places[i].key("name"), message));
                continue;
            }
            for file in item.files.all() {
                if let Some(other) = files.insert(places.identity(file), i) {
                    let other = match other == i {
                        true => "another file of its own".to_owned(),
                        false => format!("a file of {}", self.items[other].title()),
                    };
                    let message = format!("{}: {} is {other} already", item.title(), file.display());
                    mistakes.push(Mistake::at(self.places[i].key("name"), message).hint("give it other `files`"));
                }
            }
        }
        self.mistakes.extend(mistakes);
    }
}
