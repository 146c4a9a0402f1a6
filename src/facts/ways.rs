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
    /// Its names in all folders together (`st_nlink`): of a file that has more than one, another may be elsewhere.
    pub names: u64,
}

const TYPE: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;

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
    /// Whether a group may exchange what lies in it, or whom an ACL names: the bits of the group are the ACL's mask, and
    /// nobody whom it names may do what they do not allow (acl(5)).
    pub fn is_shared(&self) -> bool {
        self.is_folder() && self.mode & GROUP_WRITES != 0 && self.mode & STICKY == 0
    }
}

impl HostFacts {
    /// Whether a link lies there.
    pub fn is_link(&self, path: &str) -> bool {
        self.ways.get(path).is_some_and(Way::is_link)
    }
    /// Whether the file there has a name elsewhere, too.
    pub fn has_second_name(&self, path: &str) -> bool {
        self.ways.get(path).is_some_and(|way| !way.is_folder() && way.names > 1)
    }
}
