//! What the hosts' common tree is made of. Its hash names the tree, so that another recipe is another tree.

use std::fs;
use std::path::Path;

use super::command;
use super::system::System;
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// A host that boots and lets people in, on top of the smallest system.
const MINIMAL: [&str; 4] = ["systemd", "systemd-sysv", "dbus", "openssh-server"];

/// What Kubernetes and its tests need besides.
const MORE: [&str; 16] = [
    "iproute2",
    "iptables",
    "nftables",
    "kmod",
    "procps",
    "curl",
    "ca-certificates",
    "sudo",
    "conntrack",
    "ethtool",
    "socat",
    "iputils-ping",
    "util-linux",
    "ebtables",
    "libseccomp2",
    "zstd",
];

/// Where the hosts' first process lies in the tree.
pub const INIT: &str = "/usr/lib/kbootstrap-lab/init";

/// A user who is not root, but may become root without a password.
pub const USER: &str = "admin";

const FILES: [(&str, u32, &str); 4] = [
    (INIT, 0o755, include_str!("files/init.sh")),
    ("/etc/ssh/sshd_config.d/lab.conf", 0o644, include_str!("files/sshd.conf")),
    ("/etc/systemd/journald.conf.d/lab.conf", 0o644, include_str!("files/journald.conf")),
    ("/etc/sudoers.d/admin", 0o440, "admin ALL=(ALL) NOPASSWD:ALL\n"),
];

/// Units that cost time at boot or later and that no host here needs: consoles, timers, hardware, logins.
const MASKED: [&str; 34] = [
    "getty.target",
    "getty@tty1.service",
    "console-getty.service",
    "systemd-logind.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-random-seed.service",
    "systemd-pstore.service",
    "systemd-firstboot.service",
    "systemd-machine-id-commit.service",
    "systemd-repart.service",
    "systemd-binfmt.service",
    "systemd-journal-flush.service",
    "systemd-journald-audit.socket",
    "systemd-ask-password-wall.path",
    "systemd-ask-password-console.path",
    "systemd-pcrphase.service",
    "systemd-pcrphase-sysinit.service",
    "systemd-tmpfiles-clean.timer",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "sys-kernel-config.mount",
    "sys-fs-fuse-connections.mount",
    "dev-hugepages.mount",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "kmod-static-nodes.service",
];

/// The packages of a system.
pub fn packages(system: System) -> Vec<&'static str> {
    let more = if system.minimal { &[][..] } else { &MORE };
    MINIMAL.iter().chain(more).copied().collect()
}

/// Names the tree that this recipe makes.
pub fn hash(system: System) -> String {
    let mut hash = Sha256::default();
    let mut add = |text: &str| {
        hash.update(text);
        hash.update(b"\n");
    };
    let head = [system.debian.suite(), USER, std::env::consts::ARCH];
    head.into_iter().chain(packages(system)).chain(MASKED).for_each(&mut add);
    for (path, mode, content) in FILES {
        add(&format!("{path} {mode:o}"));
        add(content);
    }
    hash.finish()[..12].to_owned()
}

/// Makes a bare system into a lab host's tree.
pub fn apply(tree: &Path) -> Result<()> {
    let root = tree.to_string_lossy().into_owned();
    for (path, mode, content) in FILES {
        write(&tree.join(path.trim_start_matches('/')), content, mode)?;
    }
    // A `*` for a password admits nobody by password, but, unlike a locked account, sshd admits it by key.
    chroot(&root, &["useradd", "--create-home", "--shell", "/bin/bash", "--password", "*", USER])?;
    let mask: Vec<&str> = ["systemctl", "mask"].into_iter().chain(MASKED).collect();
    chroot(&root, &mask)?;
    chroot(&root, &["systemctl", "set-default", "multi-user.target"])?;
    for (dir, prefix) in [("etc/ssh", "ssh_host_"), ("var/cache/apt/archives", ""), ("var/lib/apt/lists", "")] {
        remove_files(&tree.join(dir), prefix)?;
    }
    // Each host gets its own; the machine's resolver is of no use to hosts that reach nothing but each other.
    for file in ["etc/machine-id", "etc/hostname", "etc/resolv.conf"] {
        write(&tree.join(file), "", 0o644)?;
    }
    Ok(())
}

fn chroot(root: &str, words: &[&str]) -> Result<()> {
    let mut args = vec![root, "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"];
    args.extend(words);
    command::run("chroot", &args).map(drop)
}

fn write(path: &Path, content: &str, mode: u32) -> Result<()> {
    let write = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
    };
    write().map_err(|e| Error::io(format!("write {}", path.display()), &e))
}

/// Removes the plain files in a folder whose names begin so.
fn remove_files(dir: &Path, prefix: &str) -> Result<()> {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let fits = entry.file_name().to_string_lossy().starts_with(prefix);
        if fits && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            fs::remove_file(entry.path()).map_err(|e| Error::io(format!("remove {}", entry.path().display()), &e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::lab::system::Debian;

    #[test]
    fn the_hash_is_stable_and_fit_for_a_file_name() {
        let systems = Debian::ALL.map(|debian| [false, true].map(|minimal| System { debian, minimal }));
        let hashes: BTreeSet<String> = systems.as_flattened().iter().map(|system| hash(*system)).collect();
        assert_eq!(hashes.len(), 6, "each system is another tree");
        assert!(hashes.iter().all(|hash| hash.len() == 12 && hash.chars().all(|c| c.is_ascii_hexdigit())));
        assert_eq!(hash(System::default()), hash(System::default()));
    }

    #[test]
    fn only_the_files_that_are_meant_go() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["ssh_host_rsa_key", "sshd_config"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        fs::create_dir(dir.path().join("ssh_host_dir")).unwrap();
        remove_files(dir.path(), "ssh_host_").unwrap();
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["ssh_host_dir", "sshd_config"]);
    }
}
