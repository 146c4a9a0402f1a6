//! What a unit runs with is kept while it is changed, and put back where it does not come up with what is new: a setting
//! that does not work costs a restart, and not the service.

use super::stream::STAGED;
use crate::cluster::Layout;
use crate::text::sh_quote;

/// The folder that it is kept in, for the functions of [`functions`].
pub(in crate::apply) fn folder(unit: &str, layout: &Layout) -> String {
    format!("B={}\n", sh_quote(&format!("{}/before/{unit}", layout.records)))
}

/// `keep LIST`, `forget_tried UNIT` and `put_back`, in a script of POSIX sh that has [`ONLY_ROOT`](crate::remote::ONLY_ROOT),
/// for the folder that was named last.
pub(in crate::apply) fn functions() -> String {
    include_str!("before.sh").replace("STAGED", STAGED)
}

/// Nothing is kept any more.
pub(in crate::apply) fn forget(unit: &str, layout: &Layout) -> String {
    folder(unit, layout) + "rm -rf \"$B\"\n"
}

/// Begins to keep what the unit runs with: the key of that, before it is forgotten.
pub(super) fn begin(unit: &str, layout: &Layout) -> String {
    let mut s = folder(unit, layout) + &functions();
    let key = sh_quote(&format!("{}/units/{unit}", layout.records));
    s.push_str(&format!("forget_tried {}\n", sh_quote(unit)));
    s.push_str("mkdir -p -m 700 \"${B%/*}\" \"$B\"\n");
    s.push_str(&format!("[ -e \"$B/key\" ] || cp -p {key} \"$B/key\" 2>/dev/null || :\n"));
    s
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::remote::ONLY_ROOT;

    /// A folder that stands for a host.
    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            let host = Host(tempfile::tempdir().unwrap());
            fs::create_dir(host.path("units")).unwrap();
            fs::create_dir(host.path("bin")).unwrap();
            host.started("");
            host
        }

        fn path(&self, name: &str) -> String {
            self.0.path().join(name).display().to_string()
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.path(name), text).unwrap();
        }

        /// What systemd says of when the unit was started.
        fn started(&self, at: &str) {
            self.write("bin/systemctl", &format!("#!/bin/sh\necho '{at}'\n"));
            fs::set_permissions(self.path("bin/systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap()
        }

        fn sh(&self, script: impl Fn(&Layout) -> String) {
            let layout = Layout { records: self.path(""), ..Layout::standard() };
            let script = format!("set -eu\n{ONLY_ROOT}{}", script(&layout));
            let path = format!("{}:{}", self.path("bin"), std::env::var("PATH").unwrap());
            let ran = Command::new("/bin/sh").args(["-c", &script]).env("PATH", path).output().unwrap();
            assert!(ran.status.success(), "{script}\n{}", String::from_utf8_lossy(&ran.stderr));
        }

        /// As a push does it: what is replaced is kept, the key is forgotten.
        fn push(&self, files: &[(&str, &str)]) {
            let staged: Vec<String> = files.iter().map(|(name, _)| self.path(name) + STAGED + "\n").collect();
            self.write("staged", &staged.concat());
            let list = self.path("staged");
            self.sh(|layout| {
                begin("a.service", layout) + "rm -f \"${B%/*/*}/units/a.service\"\n" + &format!("keep {list}\n")
            });
            for (name, text) in files {
                self.write("new", text);
                fs::rename(self.path("new"), self.path(name)).unwrap();
            }
        }

        fn put_back(&self) {
            self.sh(|layout| folder("a.service", layout) + &functions() + "put_back\n");
        }
    }

    #[test]
    fn what_was_replaced_comes_back_and_what_is_new_goes() {
        let host = Host::new();
        host.write("a.yaml", "old");
        fs::set_permissions(host.path("a.yaml"), fs::Permissions::from_mode(0o600)).unwrap();
        host.write("target", "linked");
        symlink(host.path("target"), host.path("b.yaml")).unwrap();
        host.write("units/a.service", "key\n");
        host.push(&[("a.yaml", "new"), ("b.yaml", "new"), ("c.yaml", "new")]);
        assert_eq!(host.read("before/a.service/key"), "key\n");
        host.put_back();
        assert_eq!((host.read("a.yaml"), host.read("b.yaml")), ("old".into(), "linked".into()));
        assert_eq!(fs::metadata(host.path("a.yaml")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_link(host.path("b.yaml")).unwrap(), Path::new(&host.path("target")));
        assert!(!Path::new(&host.path("c.yaml")).exists());
    }

    #[test]
    fn what_was_pushed_and_never_tried_is_not_what_ran() {
        let host = Host::new();
        host.write("a.yaml", "ran");
        host.write("units/a.service", "key\n");
        host.push(&[("a.yaml", "never tried")]);
        host.push(&[("a.yaml", "new"), ("b.yaml", "new")]);
        assert_eq!(host.read("before/a.service/key"), "key\n");
        host.put_back();
        assert_eq!(host.read("a.yaml"), "ran");
        assert!(!Path::new(&host.path("b.yaml")).exists());
    }

    /// As by a boot between two pushes: what came with the first is what ran, whatever was before it.
    #[test]
    fn what_was_started_since_is_what_ran() {
        let host = Host::new();
        host.write("a.yaml", "older");
        host.write("units/a.service", "key of older\n");
        host.push(&[("a.yaml", "ran"), ("b.yaml", "ran")]);
        host.write("units/a.service", "key of what ran\n");
        host.started("Fri 2100-01-01 00:00:00 UTC");
        host.push(&[("a.yaml", "new")]);
        assert_eq!(host.read("before/a.service/key"), "key of what ran\n");
        host.put_back();
        assert_eq!((host.read("a.yaml"), host.read("b.yaml")), ("ran".into(), "ran".into()));
    }

    /// Who has it open for writing would write into what was put back.
    #[test]
    fn what_others_could_have_open_comes_back_as_a_file_of_ours() {
        let host = Host::new();
        let (theirs, open, own) = ("theirs.yaml", "open.yaml", "own.yaml");
        for name in [theirs, open, own] {
            host.write(name, "ran");
            host.write(&format!("{name}{STAGED}"), "new");
            fs::set_permissions(host.path(&format!("{name}{STAGED}")), fs::Permissions::from_mode(0o600)).unwrap();
        }
        std::os::unix::fs::chown(host.path(theirs), Some(65_534), None).unwrap();
        fs::set_permissions(host.path(open), fs::Permissions::from_mode(0o666)).unwrap();
        // A service's own: whom the new one belongs to could write the old one anyway.
        for name in [own.to_owned(), format!("{own}{STAGED}")] {
            std::os::unix::fs::chown(host.path(&name), Some(65_534), None).unwrap();
        }
        let held = [theirs, open].map(|name| fs::OpenOptions::new().write(true).open(host.path(name)).unwrap());
        host.push(&[(theirs, "new"), (open, "new"), (own, "new")]);
        host.put_back();
        for held in held {
            std::os::unix::fs::FileExt::write_all_at(&held, b"BAD", 0).unwrap();
        }
        use std::os::unix::fs::MetadataExt;
        let is = |name: &str| {
            let meta = fs::metadata(host.path(name)).unwrap();
            (host.read(name), meta.uid(), meta.mode() & 0o777)
        };
        assert_eq!(is(theirs), ("ran".into(), 0, 0o600));
        assert_eq!(is(open), ("ran".into(), 0, 0o600));
        assert_eq!((is(own).0, is(own).1), ("ran".into(), 65_534));
    }

    #[test]
    fn what_others_have_put_among_it_is_not_put_back() {
        let host = Host::new();
        host.write("a.yaml", "ran");
        host.push(&[("a.yaml", "new")]);
        std::os::unix::fs::chown(host.path("before/a.service"), Some(65_534), None).unwrap();
        host.sh(|layout| folder("a.service", layout) + &functions() + "! put_back\n");
        assert_eq!(host.read("a.yaml"), "new");
    }

    #[test]
    fn what_cannot_be_put_back_is_said_and_nothing_goes_a_way_of_others() {
        let host = Host::new();
        fs::create_dir(host.path("theirs")).unwrap();
        host.write("theirs/a.yaml", "ran");
        host.push(&[("theirs/a.yaml", "new")]);
        std::os::unix::fs::chown(host.path("theirs"), Some(65_534), None).unwrap();
        host.sh(|layout| folder("a.service", layout) + &functions() + "! put_back\n");
        assert_eq!(host.read("theirs/a.yaml"), "new");
    }

    #[test]
    fn nobody_else_reads_what_is_kept() {
        let host = Host::new();
        host.write("key.pem", "secret");
        host.push(&[("key.pem", "new")]);
        for folder in ["before", "before/a.service"] {
            assert_eq!(fs::metadata(host.path(folder)).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
