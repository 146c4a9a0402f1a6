//! What root does by path it does where nobody else can change the path meanwhile.
//!
//! Between a look at a path and what is done to it, whoever owns a folder on its way can put a link there. So scripts
//! judge the way once: every folder on it is root's, and no other may write there. Then there is no race to win.

/// Shell that defines `kb_only_root FOLDER` and `kb_only_root_to FOLDER`: they fail, and say on stderr who it is, where
/// somebody else than root can change what leads to the folder or, for the first, what is in it. The group of a folder is not asked: who is in it was put there by
/// root (`/var/log` belongs to `syslog` in Ubuntu, `/usr/local` to `staff` in some Debian).
pub const ONLY_ROOT: &str = include_str!("only_root.sh");

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions, create_dir, set_permissions};
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::files::acl::Acl;

    /// What is said against a folder; nothing where it is root's alone.
    fn said(folder: &Path, root: &Path) -> String {
        let script = format!("set -eu\n{ONLY_ROOT}kb_only_root \"$1\"\n");
        let output = Command::new("/bin/sh").args(["-c", &script, "sh"]).arg(folder).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap().replace(root.to_str().unwrap(), "");
        assert_eq!(output.status.success(), said.is_empty(), "{said}");
        said.lines().map(|line| line.split(", who").next().unwrap_or_default()).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_way_that_others_can_change_is_named_wherever_it_leads_through() {
        assert!(rustix::process::getuid().is_root(), "this test needs root");
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let at = |name: &str| root.join(name);
        for name in ["own", "own/in side", "kims", "kims/roots", "open", "sticky", "sticky/roots", "sticky/kims"] {
            create_dir(at(name)).unwrap();
            set_permissions(at(name), Permissions::from_mode(0o755)).unwrap();
        }
        set_permissions(at("open"), Permissions::from_mode(0o757)).unwrap();
        set_permissions(at("sticky"), Permissions::from_mode(0o1777)).unwrap();
        for name in ["kims", "sticky/kims"] {
            chown(at(name), Some(1), Some(1)).unwrap();
        }
        fs::write(at("own/file"), "").unwrap();
        for (link, to) in [
            ("own/link", at("own/in side")),
            ("own/relative", "../sticky/roots".into()),
            ("own/to-kim", at("kims/roots")),
            ("own/over-kim", at("kims/back")),
            ("kims/back", at("own")),
            ("own/round", at("own/round")),
            ("sticky/link", at("own")),
        ] {
            symlink(to, at(link)).unwrap();
        }
        lchown(at("sticky/link"), Some(1), None).unwrap();
        let said = |name: &str| said(&at(name), root);
        for right in ["own", "own/in side", "own/link", "own/relative", "sticky/roots", "own/not/there"] {
            assert_eq!(said(right), "", "{right}");
        }
        let kims = |path: &str| format!("{path} belongs to daemon (1)");
        assert_eq!(said("kims/roots"), kims("/kims"));
        assert_eq!(said("own/to-kim"), kims("/kims"));
        assert_eq!(said("own/over-kim"), kims("/kims"));
        assert_eq!(said("sticky/kims"), kims("/sticky/kims"));
        assert_eq!(said("sticky/link"), kims("/sticky/link"));
        assert_eq!(said("open"), "/open may be written by everybody");
        assert_eq!(said("own/file"), "/own/file is no folder");
        assert_eq!(said("own/round"), "/own/round: too many links lead to it");
    }

    #[test]
    fn whom_an_acl_lets_write_can_change_the_way() {
        assert!(rustix::process::getuid().is_root(), "this test needs root");
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for name in ["a folder", "group", "masked", "sticky"] {
            create_dir(root.join(name)).unwrap();
            set_permissions(root.join(name), Permissions::from_mode(0o755)).unwrap();
        }
        set_permissions(root.join("group"), Permissions::from_mode(0o775)).unwrap();
        for name in ["a folder", "masked", "sticky"] {
            Acl::Access.lets_in(1, &root.join(name));
        }
        // What the mask does not allow, nobody may whom an ACL names.
        set_permissions(root.join("masked"), Permissions::from_mode(0o755)).unwrap();
        set_permissions(root.join("sticky"), Permissions::from_mode(0o1777)).unwrap();
        let said = |name: &str| said(&root.join(name), root);
        assert_eq!(said("a folder/below"), "/a folder may be written by whom its ACL names");
        for right in ["group", "masked", "sticky"] {
            assert_eq!(said(right), "", "{right}");
        }
    }

    #[test]
    fn a_program_of_roots_can_be_changed_by_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        create_dir(at("kims")).unwrap();
        for (name, mode) in
            [("roots", 0o755), ("groups", 0o775), ("open", 0o757), ("kim", 0o755), ("twice", 0o755), ("kims/x", 0o755)]
        {
            fs::write(at(name), "").unwrap();
            set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
        }
        chown(at("kim"), Some(1), None).unwrap();
        chown(at("kims"), Some(1), None).unwrap();
        fs::hard_link(at("twice"), at("again")).unwrap();
        symlink(at("roots"), at("link")).unwrap();
        let is_roots = |name: &str| {
            let script = format!("set -eu\n{ONLY_ROOT}kb_roots \"$1\"\n");
            Command::new("/bin/sh").args(["-c", &script, "sh"]).arg(at(name)).status().unwrap().success()
        };
        assert!(is_roots("roots"));
        for name in ["groups", "open", "kim", "twice", "kims/x", "link", "not-there", "kims"] {
            assert!(!is_roots(name), "{name}");
        }
    }
}
