//! The script that keeps others away from an API server that is not ready, run with an nft and a kubectl that stand for the
//! real ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::states::{state, text};
use crate::cluster::example::three_masters;
use crate::facts::HostFacts;

struct Host {
    folder: tempfile::TempDir,
    script: String,
}

impl Host {
    /// With these programs; a call of nft that makes or deletes something is a line of `said`.
    fn new(programs: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in programs {
            let path = folder.path().join(name);
            fs::write(&path, format!("#!/bin/sh\ncd \"${{0%/*}}\"\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut cluster = three_masters("1.36.3");
        cluster.layout.bin = folder.path().display().to_string();
        let state = state(&cluster, 0, &HostFacts::default_host()).unwrap();
        let script = text(&state, &cluster.layout.api_gate).to_owned();
        Host { folder, script }
    }

    /// What it says to the journal, and what has been done to the packet filter.
    fn run(&self, what: &str) -> (String, String) {
        let programs = self.folder.path().display();
        let ran = Command::new("/bin/sh")
            .args(["-c", &self.script, "api-gate.sh", what])
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .output()
            .unwrap();
        assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
        let done = fs::read_to_string(self.folder.path().join("said")).unwrap_or_default();
        (String::from_utf8(ran.stdout).unwrap(), done)
    }
}

const NFT: &str = r#"case $* in
list*) [ -e shut ] ;;
delete*) [ -e shut ] && rm shut && echo open >>said ;;
"-f -") cat >rules && grep -q 6443 rules && touch shut && echo shut >>said ;;
esac"#;
/// Ready when it has been asked three times.
const KUBECTL: &str = "echo asked >>asked; [ $(wc -l <asked) -ge 3 ]";

#[test]
fn it_is_shut_before_the_start_and_opened_once_it_is_ready() {
    let host = Host::new(&[("nft", NFT), ("kubectl", KUBECTL)]);
    assert_eq!(host.run("shut"), (String::new(), "shut\n".into()));
    assert_eq!(host.run("open"), (String::new(), "shut\nopen\n".into()));
    assert_eq!(fs::read_to_string(host.folder.path().join("asked")).unwrap().lines().count(), 3);
    assert_eq!(host.run("open").1, "shut\nopen\n", "one that is open is left alone");
    host.run("shut");
    assert_eq!(host.run("away"), (String::new(), "shut\nopen\nshut\nopen\n".into()));
    assert_eq!(host.run("away").1, "shut\nopen\nshut\nopen\n");
}

#[test]
fn one_that_is_never_ready_is_opened_and_it_is_said() {
    let mut host = Host::new(&[("nft", NFT), ("kubectl", "exit 1")]);
    let patient = host.script.replace("now + 60", "now + 1");
    assert_ne!(patient, host.script);
    host.script = patient;
    host.run("shut");
    let said = "<4>kube-apiserver is not ready after 60 s; it is opened to others all the same\n";
    assert_eq!(host.run("open"), (said.into(), "shut\nopen\n".into()));
}

#[test]
fn what_goes_wrong_leaves_it_open() {
    let new = Host::new(&[("nft", NFT)]);
    assert_eq!(new.run("shut"), (String::new(), String::new()), "nobody is there yet, and kubectl is not either");
    assert_eq!(new.run("open"), (String::new(), String::new()));
    let no_filter = Host::new(&[("nft", "echo Operation not supported >&2; exit 1"), ("kubectl", KUBECTL)]);
    let said = "<4>who comes from outside meets kube-apiserver before it is ready: Operation not supported\n";
    assert_eq!(no_filter.run("shut"), (said.into(), String::new()));
    assert_eq!(no_filter.run("open"), (String::new(), String::new()));
    assert!(!no_filter.folder.path().join("asked").exists(), "nothing is waited for");
}
