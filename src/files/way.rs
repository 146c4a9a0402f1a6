//! The way to a folder: who owns a folder on it, or may write there, can put another in the place of what is below, however
//! closed that is, and between the look and the deed.

use std::fs::{self, Metadata};
use std::io::{Error as IoError, ErrorKind, Result as IoResult};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

/// More symlinks in a row are a circle.
const MOST_LINKS: usize = 40;

/// Others than the owner may write: everybody, or a group.
const OTHERS: u32 = 0o022;
/// Everybody may write.
const EVERYBODY: u32 = 0o002;
/// Where everybody may write, names are their owners' alone all the same.
const STICKY: u32 = 0o1000;

/// Whose process this is, and whom it trusts.
pub(super) struct Me {
    pub(super) user: u32,
    /// Who became root by sudo.
    pub(super) person: Option<u32>,
    /// Whoever owns `/`: in a container that is not always called root.
    pub(super) system: u32,
}

/// What is in a place.
pub(super) struct Seen {
    pub(super) is_link: bool,
    pub(super) is_folder: bool,
    pub(super) owner: u32,
    pub(super) mode: u32,
}

/// Whose folders on a way may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// Each is root's or ours.
    Trusted,
    /// The one right above is; those above it may be anybody's who has given us the place in them.
    NextTrusted,
}

/// What others can change, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The folder or link.
    pub path: PathBuf,
    /// What is the matter with it.
    pub why: String,
}

impl Me {
    pub(super) fn of_process() -> Self {
        let person = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
        Me { user: geteuid().as_raw(), person, system: fs::metadata("/").map_or(0, |root| root.uid()) }
    }
    pub(super) fn owns(&self, seen: &Seen) -> bool {
        seen.owner == self.user || (self.user == 0 && Some(seen.owner) == self.person)
    }
    fn trusts(&self, seen: &Seen) -> bool {
        seen.owner == 0 || seen.owner == self.system || self.owns(seen)
    }
}

impl Seen {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let (is_link, is_folder) = (metadata.is_symlink(), metadata.is_dir());
        Seen { is_link, is_folder, owner: metadata.uid(), mode: metadata.mode() }
    }
}

/// What on the way to a place others could change: each folder above it and each link is root's or ours, and not everybody
/// may write to a folder, unless it is sticky. The place itself is not judged, unless it is a link; a way ends where nothing is yet.
///
/// # Errors
/// I/O; too many links in a row.
pub fn fault_on_way(path: &Path, owners: Owners) -> IoResult<Option<Fault>> {
    let me = Me::of_process();
    let mut path = std::path::absolute(path)?;
    for _ in 0..MOST_LINKS {
        match walk(&path, owners, &me)? {
            Walked::Through => return Ok(None),
            Walked::Stopped(fault) => return Ok(Some(fault)),
            Walked::Led(elsewhere) => path = elsewhere,
        }
    }
    Err(rustix::io::Errno::LOOP.into())
}

enum Walked {
    Through,
    Stopped(Fault),
    /// By the first link on the way, whose place and target the rest is taken from.
    Led(PathBuf),
}

fn walk(path: &Path, owners: Owners, me: &Me) -> IoResult<Walked> {
    let mut steps: Vec<&Path> = path.ancestors().collect();
    steps.reverse();
    let mut around = Seen { is_link: false, is_folder: true, owner: 0, mode: 0o755 };
    for step in steps {
        let seen = match fs::symlink_metadata(step) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Walked::Through),
            there => Seen::of(&there?),
        };
        let why = match seen.is_link {
            true => link_fault(&seen, &around, me),
            false if step == path => None,
            false if owners == Owners::NextTrusted && path.parent() != Some(step) => open_to_all(&seen),
            false => folder_fault(&seen, me),
        };
        if let Some(why) = why {
            return Ok(Walked::Stopped(Fault { path: step.to_owned(), why }));
        }
        if seen.is_link {
            let rest = path.strip_prefix(step).map_err(IoError::other)?;
            let target = super::folder_of(step).join(fs::read_link(step)?);
            return Ok(Walked::Led(if rest.as_os_str().is_empty() { target } else { target.join(rest) }));
        }
        around = seen;
    }
    Ok(Walked::Through)
}

/// Of a folder on the way. Who is in the group of a folder was put there by its owner.
pub(super) fn folder_fault(seen: &Seen, me: &Me) -> Option<String> {
    match me.trusts(seen) {
        false => Some(format!("it belongs to another user (uid {})", seen.owner)),
        true => open_to_all(seen),
    }
}

fn open_to_all(Seen { mode, .. }: &Seen) -> Option<String> {
    let is_open = mode & EVERYBODY != 0 && mode & STICKY == 0;
    is_open.then(|| format!("everybody may write to it (mode {:04o})", mode & 0o7777))
}

/// Whose link it is counts where others may make some.
fn link_fault(link: &Seen, around: &Seen, me: &Me) -> Option<String> {
    let can_be_anybodys = around.mode & OTHERS != 0;
    (can_be_anybodys && !me.trusts(link)).then(|| format!("it is a link of another user's (uid {})", link.owner))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

    use super::*;

    #[test]
    fn around_a_place_only_those_may_write_who_are_trusted() {
        let folder = |owner: u32, mode: u32| Seen { is_link: false, is_folder: true, owner, mode };
        let me = Me { user: 1000, person: None, system: 0 };
        for good in [folder(1000, 0o40775), folder(0, 0o40755), folder(0, 0o41777)] {
            assert_eq!(folder_fault(&good, &me), None);
        }
        for bad in [folder(1001, 0o40755), folder(1000, 0o40777)] {
            assert!(folder_fault(&bad, &me).is_some());
        }
        // In a container in which root is nobody.
        assert_eq!(folder_fault(&folder(65534, 0o40755), &Me { system: 65534, ..me }), None);
        let by_sudo = Me { user: 0, person: Some(1000), system: 0 };
        assert_eq!(folder_fault(&folder(1000, 0o40755), &by_sudo), None);
    }

    #[test]
    fn every_folder_and_link_on_the_way_is_judged() {
        let at = tempfile::tempdir().unwrap();
        let path = |name: &str| at.path().join(name);
        fs::create_dir_all(path("a/b/c")).unwrap();
        symlink("a/b", path("link")).unwrap();
        symlink("link/c", path("second")).unwrap();
        let said = |name: &str| fault_on_way(&path(name), Owners::Trusted).unwrap().map(|fault| fault.path);
        for good in ["a/b/c", "link/c", "second", "second/not/yet", "link/../b/c", "none"] {
            assert_eq!(said(good), None, "{good}");
        }
        let mode = |name: &str, mode: u32| fs::set_permissions(path(name), Permissions::from_mode(mode)).unwrap();
        mode("a", 0o777);
        for bad in ["a/b/c", "link/c", "second", "second/not/yet", "a/x"] {
            assert_eq!(said(bad), Some(path("a")), "{bad}");
        }
        assert_eq!(said("a"), None, "it is not on the way to itself");
        mode("a", 0o1777);
        assert_eq!(said("second"), None);
        symlink("round", path("round")).unwrap();
        assert!(fault_on_way(&path("round/x"), Owners::Trusted).is_err());
    }

    #[test]
    fn what_others_own_on_the_way_is_a_fault() {
        assert!(geteuid().is_root(), "files are given to others");
        let at = tempfile::tempdir().unwrap();
        let path = |name: &str| at.path().join(name);
        fs::create_dir_all(path("theirs/ours")).unwrap();
        chown(path("theirs"), Some(4711), None).unwrap();
        let said = |name: &str| fault_on_way(&path(name), Owners::Trusted).unwrap();
        assert_eq!(said("theirs"), None);
        let fault = Fault { path: path("theirs"), why: "it belongs to another user (uid 4711)".to_owned() };
        assert_eq!((said("theirs/ours"), said("theirs/ours/deep/x")), (Some(fault.clone()), Some(fault)));
        let next = |name: &str| fault_on_way(&path(name), Owners::NextTrusted).unwrap();
        assert!(next("theirs/ours").is_some() && next("theirs/new").is_some());
        assert_eq!(next("theirs/ours/deep"), None);
        // A link of theirs leads where they like, from one moment to the next, where they can have made it.
        fs::create_dir(path("all")).unwrap();
        symlink("..", path("all/link")).unwrap();
        lchown(path("all/link"), Some(4711), None).unwrap();
        assert_eq!(said("all/link/x"), None);
        fs::set_permissions(path("all"), Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(said("all/link/x").unwrap().why, "it is a link of another user's (uid 4711)");
    }
}
