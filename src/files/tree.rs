//! A folder with everything in it, copied.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;

use super::{BESIDE, folder_of};
use crate::error::{Error, Result};

/// Copies the folder to `to`, which is there whole or not at all; `except` is left out. Only its owner may read the copy:
/// folders are 0700, files at most 0600. Links stay links; what is neither file, folder nor link is left out.
///
/// # Errors
/// I/O; also where something lies at `to`.
pub fn copy_folder(from: &Path, to: &Path, except: Option<&Path>) -> Result<()> {
    let failed = |e: io::Error| Error::io(format!("keep {} as {}", from.display(), to.display()), &e);
    if fs::symlink_metadata(to).is_ok() {
        return Err(failed(ErrorKind::AlreadyExists.into()));
    }
    let closed = Permissions::from_mode(0o700);
    let made = tempfile::Builder::new().prefix(BESIDE).permissions(closed).tempdir_in(folder_of(to)).map_err(failed)?;
    fill(from, made.path(), except).and_then(|()| fs::rename(made.path(), to)).map_err(failed)?;
    // What it was for has another name now.
    let _ = made.keep();
    Ok(())
}

fn fill(from: &Path, to: &Path, except: Option<&Path>) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, copy, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        if except == Some(path.as_path()) {
            continue;
        }
        if kind.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(&copy)?;
            fill(&path, &copy, except)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&path)?, &copy)?;
        } else if kind.is_file() {
            file(&path, &copy)?;
        }
    }
    File::open(to)?.sync_all()
}

fn file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mode = source.metadata()?.permissions().mode() & 0o600;
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut copy)?;
    copy.set_permissions(Permissions::from_mode(mode))?;
    copy.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_copied_and_nobody_else_may_read_it() {
        let at = tempfile::tempdir().unwrap();
        let (from, to) = (at.path().join("prod"), at.path().join("prod.before"));
        fs::create_dir_all(from.join("pki")).unwrap();
        fs::create_dir(from.join("log")).unwrap();
        for (name, mode) in
            [("pki/ca.pem", 0o644), ("pki/ca-key.pem", 0o600), ("pki/own.key", 0o400), ("log/now", 0o600)]
        {
            fs::write(from.join(name), name).unwrap();
            fs::set_permissions(from.join(name), Permissions::from_mode(mode)).unwrap();
        }
        symlink("../../shared.pem", from.join("pki/link.pem")).unwrap();
        copy_folder(&from, &to, Some(&from.join("log/now"))).unwrap();
        let mode = |name: &str| fs::symlink_metadata(to.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(""), mode("pki"), mode("log")], [0o700; 3]);
        assert_eq!([mode("pki/ca.pem"), mode("pki/ca-key.pem"), mode("pki/own.key")], [0o600, 0o600, 0o400]);
        assert_eq!(fs::read_to_string(to.join("pki/ca-key.pem")).unwrap(), "pki/ca-key.pem");
        assert_eq!(fs::read_link(to.join("pki/link.pem")).unwrap(), Path::new("../../shared.pem"));
        assert!(!to.join("log/now").exists());
        assert_eq!(copy_folder(&from, &to, None).unwrap_err().kind, crate::error::Kind::Local);
        assert_eq!(fs::read_dir(at.path()).unwrap().count(), 2, "nothing is left beside them");
    }
}
