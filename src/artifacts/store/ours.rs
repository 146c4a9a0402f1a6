//! Whether the cache is the user's alone. Who may write into it chooses what the next lock pins, and what is built.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

use crate::error::{Error, Result};

/// Others than the owner may write.
const WRITABLE: u32 = 0o022;

/// Refuses folders and files that belong to somebody else, root aside, or that others may write. What is not there is
/// nobody's.
pub fn check<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    Error::all(paths.into_iter().filter_map(|path| one(path, geteuid().as_raw()).err()))
}

fn one(path: &Path, user: u32) -> Result<()> {
    let meta = match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(|e| Error::io(format!("look at {}", path.display()), &e))?,
    };
    judge(path, &meta, user)
}

fn judge(path: &Path, meta: &Metadata, user: u32) -> Result<()> {
    let shown = path.display();
    let elsewhere = "or set KBOOTSTRAP_CACHE to a folder of your own";
    if meta.uid() != user && meta.uid() != 0 {
        let message = format!("{shown} belongs to another user (uid {}), who could choose what hosts run", meta.uid());
        return Err(Error::local(message).hint(format!("remove it, {elsewhere}")));
    }
    if meta.mode() & WRITABLE != 0 {
        let message =
            format!("others may write to {shown} (mode {:04o}), and choose what hosts run", meta.mode() & 0o7777);
        let hint = format!("if nobody has: `chmod -R go-w {shown}` and `kbootstrap artifacts verify`; {elsewhere}");
        return Err(Error::local(message).hint(hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_own_or_may_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let said = |mode: u32, user: u32| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            let text = one(path, user).err().map(|e| e.message).unwrap_or_default();
            text.replace(&path.display().to_string(), "DIR")
        };
        let owner = fs::metadata(path).unwrap().uid();
        assert_eq!(said(0o755, owner), "");
        insta::assert_snapshot!(said(0o775, owner), @"others may write to DIR (mode 0775), and choose what hosts run");
        insta::assert_snapshot!(said(0o757, owner), @"others may write to DIR (mode 0757), and choose what hosts run");
        assert!(check([Path::new("/nonexistent/cache")]).is_ok());
        // Root's folders are root's business; those of others are not.
        assert!(one(Path::new("/"), 1000).is_ok());
        if owner == 0 {
            std::os::unix::fs::chown(path, Some(4711), None).unwrap();
            insta::assert_snapshot!(said(0o755, 1000), @"DIR belongs to another user (uid 4711), who could choose what hosts run");
        }
    }
}
