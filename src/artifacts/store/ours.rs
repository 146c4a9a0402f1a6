//! Whether the cache is the user's alone. Who may write into it chooses what the next lock pins, and what is built.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

use crate::error::{Error, Result};
use crate::files::{Owners, fault_on_way};
use crate::text::sh_path;

/// Others than the owner may write.
const WRITABLE: u32 = 0o022;
/// As /tmp is.
const STICKY: u32 = 0o1000;

const ELSEWHERE: &str = "KBOOTSTRAP_CACHE to a folder of your own";

/// Refuses folders and files that belong to somebody else, root aside, or that others may write, or put another in the place
/// of. What is not there is nobody's, but the way to it is judged.
pub fn check<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    // One that is open makes all below it open, too.
    paths.into_iter().try_for_each(|path| one(path, geteuid().as_raw()))
}

fn one(path: &Path, user: u32) -> Result<()> {
    let failed = |e| Error::io(format!("look at {}", path.display()), &e);
    if let Some(found) = fault_on_way(path, Owners::Trusted).map_err(failed)? {
        let (way, why) = (found.path.display(), found.why);
        let message = format!("{} is not safe from others, who could choose what hosts run", path.display());
        return Err(Error::local(message).detail(format!("{way}: {why}")).hint(format!("set {ELSEWHERE}")));
    }
    match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        found => judge(path, &found.map_err(failed)?, user),
    }
}

/// Whether a folder is the program's by its name or what is in it: of another, a person would close more than the cache.
fn is_a_cache(path: &Path, meta: &Metadata) -> bool {
    let is_ours = path.ends_with("kbootstrap") || path.ends_with("store") || path.join("store").is_dir();
    meta.is_dir() && meta.mode() & STICKY == 0 && is_ours
}

fn judge(path: &Path, meta: &Metadata, user: u32) -> Result<()> {
    let shown = path.display();
    if meta.uid() != user && meta.uid() != 0 {
        let message = format!("{shown} belongs to another user (uid {}), who could choose what hosts run", meta.uid());
        return Err(Error::local(message).hint(format!("set {ELSEWHERE}")));
    }
    if meta.mode() & WRITABLE != 0 {
        let message =
            format!("others may write to {shown} (mode {:04o}), and choose what hosts run", meta.mode() & 0o7777);
        let hint = match is_a_cache(path, meta) {
            true => format!(
                "if nobody has: `chmod -R go-w {}` and `kbootstrap artifacts verify`; or set {ELSEWHERE}",
                sh_path(path)
            ),
            false => format!("set {ELSEWHERE}"),
        };
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
        let hints = |name: &str, mode: u32| {
            let path = path.join(name);
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            one(&path, owner).unwrap_err().hints[0].contains("chmod")
        };
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        assert!(hints("kbootstrap", 0o775) && hints("it's/kbootstrap", 0o777));
        assert!(!hints("tmp", 0o777) && !hints("sticky/kbootstrap", 0o1777), "more than a cache would be closed");
        fs::create_dir(path.join("tmp/store")).unwrap();
        assert!(hints("tmp", 0o777));
        assert!(hints("tmp", 0o775));
        // However closed it is, where it lies in a folder of others.
        let theirs = one(&path.join("tmp/store"), owner);
        assert!(theirs.is_ok(), "of a group's folder its owner decides");
        fs::set_permissions(path.join("tmp"), Permissions::from_mode(0o777)).unwrap();
        for below in ["tmp/store", "tmp/deep/not-yet"] {
            let error = one(&path.join(below), owner).unwrap_err();
            assert!(error.message.ends_with("is not safe from others, who could choose what hosts run"), "{error}");
            assert!(error.details[0].ends_with("/tmp: everybody may write to it (mode 0777)"), "{error:?}");
        }
        // Root's folders are root's business; those of others are not.
        assert!(one(Path::new("/"), 1000).is_ok());
        if owner == 0 {
            std::os::unix::fs::chown(path, Some(4711), None).unwrap();
            insta::assert_snapshot!(said(0o755, 1000), @"DIR belongs to another user (uid 4711), who could choose what hosts run");
        }
    }
}
