//! Where the key of a new host is recorded.
//!
//! A line of known_hosts is a line of authorized_keys, too, where the host's name is an option of it (`pty ssh-ed25519 …`), and
//! a line of a shell's start-up file where its name is a command: which file it goes to is not for a stranger to say.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Error as IoError, ErrorKind, Result as IoResult};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::{folder_of, real};
use crate::remote::route::destination::Destination;

/// The file, and whether anything may be added to it.
#[derive(Debug, Default)]
pub struct Recording {
    file: Option<PathBuf>,
    is_allowed: bool,
    /// `~/.ssh`.
    ssh_folder: Option<PathBuf>,
}

impl Recording {
    /// The first of the destination's known_hosts files.
    pub fn of(to: &Destination) -> Self {
        Recording {
            file: to.known_hosts.first().cloned(),
            is_allowed: to.may_record,
            ssh_folder: to.ssh_folder.clone(),
        }
    }

    /// One that may be added to.
    #[cfg(test)]
    pub fn in_file(file: &str) -> Self {
        Recording { file: Some(file.into()), is_allowed: true, ssh_folder: None }
    }

    /// The file that keys may be added to.
    ///
    /// # Errors
    /// Connect: there is none, or it is not the operator's own and nobody trusts it.
    pub fn file(&self, host: &str) -> Result<&Path> {
        let Some(path) = self.file.as_deref() else {
            return Err(Error::connect(format!("{host}: there is no known_hosts file to record the host key in"))
                .hint("name one in the inventory, or set HOME"));
        };
        let shown = path.display();
        if holds_logins(path) {
            return Err(Error::connect(format!("{host}: {shown} says who may log in: no host key is added to it"))
                .hint("name another file as knownHosts"));
        }
        if !self.is_allowed {
            let text = format!(
                "{host}: no host key is added to {shown}: it is no known_hosts file of yours, and none in the inventory's folder"
            );
            return Err(Error::connect(text)
                .hint("take `knownHosts` out of the inventory, name a file beside it that is called known_hosts, or pin the key (`hostKey`)")
                .hint("an inventory of somebody else could have a key written to any file so; if you trust it: --trust-inventory"));
        }
        Ok(path)
    }

    /// Opens the file to be read and added to, and makes it (0600) where it is missing, with `~/.ssh` (0700).
    ///
    /// # Errors
    /// I/O; any other folder that is missing; a pipe.
    pub fn open(&self, path: &Path) -> IoResult<File> {
        let folder = folder_of(path);
        if self.ssh_folder.as_ref() == Some(&folder) {
            match DirBuilder::new().mode(0o700).create(&folder) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let file = opened.map_err(|e| match e.kind() {
            ErrorKind::NotFound => IoError::new(e.kind(), format!("there is no folder {}", folder.display())),
            _ => e,
        })?;
        match file.metadata()?.file_type().is_fifo() {
            true => Err(IoError::other("it is a pipe")),
            false => Ok(file),
        }
    }
}

/// sshd's own lists, by their usual names (`AuthorizedKeysFile`), links followed.
fn holds_logins(path: &Path) -> bool {
    let named =
        |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"authorized_keys"));
    named(path) || named(&real(path))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn recording(file: &Path, is_allowed: bool) -> Recording {
        Recording { file: Some(file.to_owned()), is_allowed, ssh_folder: Some(folder_of(file)) }
    }

    #[test]
    fn no_key_is_added_to_what_says_who_may_log_in() {
        let at = tempfile::tempdir().unwrap();
        let (list, link) = (at.path().join("authorized_keys2"), at.path().join("known_hosts"));
        symlink(&list, &link).unwrap();
        for file in [&list, &link] {
            let error = recording(file, true).file("m1").unwrap_err();
            assert!(error.message.ends_with("says who may log in: no host key is added to it"), "{error}");
        }
        assert!(recording(&at.path().join("known_hosts2"), true).file("m1").is_ok());
        let error = recording(&at.path().join("known_hosts2"), false).file("m1").unwrap_err();
        assert!(error.hints[1].ends_with("--trust-inventory"), "{error:?}");
    }

    #[test]
    fn no_folder_is_made_but_ssh() {
        let at = tempfile::tempdir().unwrap();
        let own = at.path().join(".ssh/known_hosts");
        recording(&own, true).open(&own).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder_of(&own)), mode(&own)), (0o700, 0o600));
        let deep = at.path().join("a/b/known_hosts");
        for file in [&deep, &at.path().join("c/known_hosts")] {
            let error = recording(&own, true).open(file).unwrap_err();
            assert!(error.to_string().starts_with("there is no folder "), "{error}");
        }
        // Not even a home.
        assert!(recording(&deep, true).open(&deep).is_err() && !at.path().join("a").exists());
        let pipe = at.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(recording(&own, true).open(&pipe).unwrap_err().to_string(), "it is a pipe");
    }
}
