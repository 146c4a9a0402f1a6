//! What the machine must have before it can carry hosts.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::ui::Reporter;

/// Programs and the Debian packages that bring them.
const PROGRAMS: [(&str, &str); 14] = [
    ("systemd-nspawn", "systemd-container"),
    ("debootstrap", "debootstrap"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("nft", "nftables"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("mount", "mount"),
    ("umount", "mount"),
    ("setsid", "util-linux"),
    ("unshare", "util-linux"),
    ("chroot", "coreutils"),
    ("env", "coreutils"),
    ("sh", "dash"),
];

/// Several kubelets and containerds on one kernel need more than the kernel's 128 instances:
/// "inotify_init: too many open files".
const INOTIFY: [(&str, u64); 2] = [("max_user_instances", 8192), ("max_user_watches", 524_288)];

/// Says all that is missing at once.
pub fn check() -> Result<()> {
    let missing: Vec<_> = PROGRAMS.iter().filter(|(program, _)| find(program).is_none()).copied().collect();
    Error::all(complaints(rustix::process::geteuid().is_root(), &missing))
}

/// Only root can mount, make networks and end the hosts' processes.
pub fn check_root() -> Result<()> {
    Error::all(complaints(rustix::process::geteuid().is_root(), &[]))
}

fn complaints(root: bool, missing: &[(&str, &str)]) -> Vec<Error> {
    let mut errors = Vec::new();
    if !root {
        errors.push(
            Error::usage("a lab needs root: it mounts file systems and makes networks and cgroups")
                .hint("run it with sudo"),
        );
    }
    if !missing.is_empty() {
        let programs: Vec<_> = missing.iter().map(|(program, _)| *program).collect();
        let mut packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
        packages.sort_unstable();
        packages.dedup();
        errors.push(
            Error::usage(format!("a lab needs programs that are not here: {}", programs.join(", ")))
                .hint(format!("apt-get install -y {}", packages.join(" "))),
        );
    }
    errors
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
    env::split_paths(&path).chain(usual).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Raises the machine's inotify limits where they are too low, and says so.
pub fn raise_inotify_limits(reporter: &dyn Reporter) {
    for (name, wanted) in INOTIFY {
        let path = Path::new("/proc/sys/fs/inotify").join(name);
        let now = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<u64>().ok());
        if now.is_none_or(|now| now >= wanted) {
            continue;
        }
        let now = now.unwrap_or_default();
        match fs::write(&path, wanted.to_string()) {
            Ok(()) => reporter.info(&format!("raised this machine's fs.inotify.{name} from {now} to {wanted}")),
            Err(e) => reporter.warn(&format!(
                "fs.inotify.{name} is {now} and could not be raised to {wanted} ({e}): kubelets may fail with \"too many open files\""
            )),
        }
    }
}

/// Has the machine load the modules that the hosts' `modprobe` will be asked for; they cannot load any themselves.
/// One that does not exist here is no error: the hosts then say so themselves.
pub fn load_modules() {
    const MODULES: [(&str, &str); 4] = [
        ("overlay", "/sys/module/overlay"),
        ("br_netfilter", "/proc/sys/net/bridge"),
        ("nf_conntrack", "/proc/sys/net/netfilter/nf_conntrack_max"),
        ("vxlan", "/sys/module/vxlan"),
    ];
    let Some(modprobe) = find("modprobe") else { return };
    for (module, _) in MODULES.iter().filter(|(_, evidence)| !Path::new(evidence).exists()) {
        let _ = super::command::run(&modprobe.to_string_lossy(), &["-q", module]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_missing_is_named_at_once_with_the_command() {
        let missing =
            [("systemd-nspawn", "systemd-container"), ("ssh", "openssh-client"), ("ssh-keygen", "openssh-client")];
        let error = Error::all(complaints(false, &missing)).unwrap_err();
        insta::assert_snapshot!(crate::ui::report::render(&error, false), @r"
        error: a lab needs root: it mounts file systems and makes networks and cgroups
        hint: run it with sudo

        error: a lab needs programs that are not here: systemd-nspawn, ssh, ssh-keygen
        hint: apt-get install -y openssh-client systemd-container

        2 errors
        ");
        assert!(complaints(true, &[]).is_empty());
    }
}
