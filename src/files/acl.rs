//! ACLs for tests: few hosts have setfacl.

use std::io;
use std::path::Path;

use rustix::fs::{XattrFlags, getxattr, setxattr};

/// Which of a folder's ACLs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Acl {
    /// Of what lies there.
    Access,
    /// Of what will be made in it.
    Default,
}

impl Acl {
    fn name(self) -> &'static str {
        match self {
            Acl::Access => "system.posix_acl_access",
            Acl::Default => "system.posix_acl_default",
        }
    }

    /// Lets a user do everything there, as `setfacl -m u:USER:rwx` does.
    pub(crate) fn lets_in(self, user: u32, path: &Path) {
        const NOBODY: u32 = u32::MAX;
        // Linux' include/uapi/linux/posix_acl_xattr.h: the version, then tag, permissions and number of each entry.
        let entries = [(0x01, 7, NOBODY), (0x02, 7, user), (0x04, 5, NOBODY), (0x10, 7, NOBODY), (0x20, 5, NOBODY)];
        let mut value = 2u32.to_le_bytes().to_vec();
        for (tag, permissions, number) in entries {
            value.extend(u16::to_le_bytes(tag));
            value.extend(u16::to_le_bytes(permissions));
            value.extend(u32::to_le_bytes(number));
        }
        let set = setxattr(path, self.name(), &value, XattrFlags::empty());
        set.map_err(io::Error::from).unwrap_or_else(|e| panic!("this test needs ACLs at {}: {e}", path.display()));
    }

    /// Whether it has one.
    pub(crate) fn is_on(self, path: &Path) -> bool {
        getxattr(path, self.name(), &mut [0u8; 256][..]).is_ok()
    }
}
