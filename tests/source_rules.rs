//! What no line of the source does.

use std::fs;
use std::path::Path;

use crate::docs_architecture::{root, sources};

/// The code of a file without its unit tests.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned()
}

/// Code branches on kinds and reasons: an error's message may be reworded at any time.
#[test]
fn no_code_looks_into_a_message() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let looks = ["contains(", "starts_with(", "ends_with(", "find(", "strip_prefix(", "strip_suffix(", "split"];
    let mut found = Vec::new();
    for file in &files {
        // Without white space a chain of calls is on one line.
        let body: String = code(file).split_whitespace().collect();
        for call in looks.iter().flat_map(|look| [format!(".message.{look}"), format!(".message.as_str().{look}")]) {
            found.extend(body.contains(&call).then(|| format!("{}: {call}", file.display())));
        }
        for comparison in [".message==", ".message!="] {
            // That two errors are the same one is no look into either.
            let alone = body.replace("self.message==other.message", "");
            found.extend(alone.contains(comparison).then(|| format!("{}: {comparison}", file.display())));
        }
        let matched = body.split("match").skip(1).filter_map(|rest| rest.split('{').next());
        let matched = matched.filter(|what| what.ends_with(".message") || what.ends_with(".message.as_str()"));
        found.extend(matched.map(|what| format!("{}: match {what}", file.display())));
    }
    assert!(files.len() > 100, "{}", files.len());
    assert_eq!(found, Vec::<String>::new());
}

/// What an inventory names, and what lies in a folder that came along, may be a device, a pipe or too large.
#[test]
fn files_are_read_with_a_limit() {
    // The kernel's, and our own.
    const KNOWN: [&str; 7] = [
        "lab/",
        "files/",
        "children.rs",
        "cli/interrupt.rs",
        "cli/cfssl/install_links.rs",
        "cfssl/ca_key.rs",
        "artifacts/source/build/module.rs",
    ];
    let src = root().join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut found = Vec::new();
    for file in &files {
        let name = file.strip_prefix(&src).unwrap().display().to_string();
        let is_of_tests = name.contains("tests") || name.contains("release_0_1_0");
        if !is_of_tests && !KNOWN.iter().any(|known| name.starts_with(known)) {
            let code = code(file);
            found.extend(
                ["fs::read(", "fs::read_to_string("]
                    .iter()
                    .filter(|call| code.contains(**call))
                    .map(|call| format!("{name}: {call}")),
            );
        }
    }
    assert_eq!(found, Vec::<String>::new(), "files::bounded reads them");
}

/// Paths that are no layout's: the system's own, and those that must be the same whatever the layout is.
const NOBODYS: [(&str, &str); 38] = [
    ("/etc/nftables.conf", "the person's, read by the probe"),
    ("/etc/sysconfig/nftables.conf", "the same on other distributions"),
    ("/etc/os-release", "read by the probe"),
    ("/etc/machine-id", "read by the probe"),
    ("/var/lib/dbus/machine-id", "named beside the one before"),
    ("/etc/resolv.conf", "the system's, and each pod's own"),
    ("/etc/ufw/ufw.conf", "read by the probe"),
    ("/etc/selinux/config", "the person's to change"),
    ("/etc/fstab", "the person's to change"),
    ("/etc/ssh/", "host keys, and known hosts of the operator"),
    ("/etc/sudoers.d/", "the person's to change"),
    ("/etc/profile.d", "the person's to change"),
    ("/etc/nologin", "the system's"),
    ("/etc/kubernetes/manifests", "kubeadm's, wherever ours is"),
    ("/run/systemd/", "systemd's"),
    ("/etc/systemd/system.", "systemd's"),
    ("/usr/lib/systemd/", "systemd's"),
    ("/usr/local/lib/systemd/", "systemd's"),
    ("/lib/systemd/", "systemd's"),
    ("/etc/sysctl.d/", "systemd's, and anybody's"),
    ("/run/sysctl.d/", "systemd's, and anybody's"),
    ("/usr/local/lib/sysctl.d/", "systemd's, and anybody's"),
    ("/usr/lib/sysctl.d/", "systemd's, and anybody's"),
    ("/lib/sysctl.d/", "systemd's, and anybody's"),
    ("/etc/modprobe.d/", "modprobe's"),
    ("/run/modprobe.d/", "modprobe's"),
    ("/usr/local/lib/modprobe.d/", "modprobe's"),
    ("/usr/lib/modprobe.d/", "modprobe's"),
    ("/lib/modprobe.d/", "modprobe's"),
    ("/lib/modules/", "the kernel's"),
    ("/etc/passwd", "the system's"),
    ("/etc/group", "the system's"),
    ("/usr/sbin/nologin", "the system's"),
    ("/usr/share/keyrings", "the distribution's"),
    ("/etc/apt/keyrings", "apt's"),
    ("/etc/apt/trusted.gpg.d", "apt's"),
    ("/run/kbootstrap.lock", "keeps runs apart, whatever their layouts are"),
    ("/etc/coredns", "inside a pod"),
];

/// Modules whose paths are the operator's or a lab's.
const ELSEWHERE: [&str; 5] = ["lab", "cli", "cfssl", "artifacts", "recipes"];

#[test]
fn paths_on_hosts_are_in_the_layout_only() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    files.retain(|file| !ELSEWHERE.iter().any(|module| file.starts_with(root().join("src").join(module))));
    files.retain(|file| !file.ends_with("src/cluster/layout.rs"));
    for script in [
        "src/remote/host_lock.sh",
        "src/remote/script/only_root.sh",
        "src/reset/reset.sh",
        "src/reset/mounted.sh",
        "src/reset/packages.sh",
        "src/apply/packages.sh",
    ] {
        files.push(root().join(script));
    }
    for folder in ["src/facts/probe", "src/facts/paths"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        files.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "sh")));
    }
    for folder in fs::read_dir(root().join("templates")).unwrap().map(|entry| entry.unwrap().path()) {
        files.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    let tops = ["/etc/", "/usr/", "/var/", "/opt/", "/run/", "/srv/", "/lib/"];
    let (mut found, mut stray) = (0, Vec::new());
    for file in &files {
        let code = code(file);
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//") && !line.contains("PATH="));
        for (line, top) in lines.flat_map(|line| tops.map(|top| (line, top))) {
            for (at, _) in line.match_indices(top) {
                // A path begins here, unless it goes on from what stands before it.
                let before = line[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || "._-~}*/>".contains(c)) {
                    continue;
                }
                found += 1;
                if !NOBODYS.iter().any(|(path, _)| line[at..].starts_with(path)) {
                    stray.push(format!("{}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(found > 10, "{found}");
    assert_eq!(stray, Vec::<String>::new());
}

/// Files outside of `files` that write, and why nothing that others have put there leads them elsewhere.
const WRITERS: [(&str, &str); 12] = [
    ("src/artifacts/image/mod.rs", "in a folder of the cache, which is judged"),
    ("src/artifacts/image/oci_tar.rs", "in a folder of the cache, which is judged"),
    ("src/artifacts/source/build/go.rs", "in a folder of the cache, which is judged"),
    ("src/artifacts/source/build/module.rs", "in a folder of the cache, which is judged"),
    ("src/artifacts/source/build/run.rs", "in a folder of the cache, which is judged"),
    ("src/artifacts/source/download/http.rs", "in a folder of the cache, which is judged"),
    ("src/cli/cluster/render/tree.rs", "a new file, which is then renamed"),
    ("src/lab/", "in the lab's folder of the cache, and the kernel's own files"),
    ("src/remote/host_keys/recording.rs", "adds to known_hosts files, and says to which"),
    ("src/remote/login/prompt.rs", "the terminal"),
    ("src/ui/reporters.rs", "a log, never through a link"),
    ("src/engine/release_0_1_0/", "what tests begin with"),
];

/// What is written by `files` goes through no link of others, replaces no device, and is whole or not there.
#[test]
fn files_are_written_by_the_module_for_it() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let calls = ["fs::write(", "File::create", ".persist(", ".persist_noclobber(", "OpenOptions::", "File::options("];
    let (mut stray, mut used) = (Vec::new(), std::collections::BTreeSet::new());
    for file in &files {
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap();
        let is_test = name.contains("/tests/") || name.ends_with("tests.rs") || name.ends_with("/before.rs");
        if name.starts_with("src/files/") || is_test {
            continue;
        }
        let body: String = code(file).split_whitespace().collect();
        let Some(call) = calls.iter().find(|call| body.contains(**call)) else { continue };
        match WRITERS.iter().find(|(exception, _)| name.starts_with(exception)) {
            Some((exception, _)) => drop(used.insert(*exception)),
            None => stray.push(format!("{name}: {call}")),
        }
    }
    assert_eq!(stray, Vec::<String>::new());
    let listed = WRITERS.iter().map(|(exception, _)| *exception).collect();
    assert_eq!(used, listed, "an exception that is none any more");
}
