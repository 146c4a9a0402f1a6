//! What leads to a file, looked at without following links.

use serde::Serialize;

use super::HostFacts;

/// A folder, a file or a link, as it lies there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// Type and permission bits, as stat(2) has them.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// The owner's name, as the host gives it.
    pub user: String,
}

const TYPE: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;

impl Way {
    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.mode & TYPE == FOLDER
    }
    /// Whether it is a symbolic link.
    pub fn is_link(&self) -> bool {
        self.mode & TYPE == LINK
    }
    /// Whether everybody may exchange what lies in it.
    pub fn is_open(&self) -> bool {
        self.is_folder() && self.mode & OTHERS_WRITE != 0 && self.mode & STICKY == 0
    }
}

impl HostFacts {
    /// Whether a link lies there.
    pub fn is_link(&self, path: &str) -> bool {
        self.ways.get(path).is_some_and(Way::is_link)
    }
}
