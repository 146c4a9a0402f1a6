//! How fast programs reach a host, against the same bytes through OpenSSH's client. `make bench` runs it; it needs
//! root and the programs in the store.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use kbootstrap::apply::{self, Compression, Push};
use kbootstrap::artifacts::Store;
use kbootstrap::cluster::Layout;
use kbootstrap::lab::{self, Folders, Lab, LabSpec};
use kbootstrap::plan::HostPlan;
use kbootstrap::remote::{Connect, Connector, Interrupt, Operator, SshConfig, SshTarget, Target, Via};
use kbootstrap::state::{ArtifactRef, Content, File, HostState};
use kbootstrap::ui::Silent;

/// What a node gets; the sizes are those of the store.
const PROGRAMS: [&str; 6] = ["kubelet", "kube-proxy", "containerd", "containerd-shim-runc-v2", "runc", "flanneld"];

fn main() {
    let store = Store::open_default().expect("the store opens");
    let records = store.records().expect("the store can be listed");
    let artifacts: Vec<ArtifactRef> = PROGRAMS
        .iter()
        .map(|name| {
            let stored = records.iter().find(|r| r.labels.iter().any(|l| l.name == *name));
            let stored = stored.unwrap_or_else(|| panic!("{name} is not in the store: kbootstrap artifacts fetch"));
            let size = stored.size;
            ArtifactRef { name: (*name).into(), version: String::new(), sha256: stored.sha256.clone(), size }
        })
        .collect();
    let megabytes = artifacts.iter().map(|a| a.size).sum::<u64>() as f64 / 1e6;
    let folders = Folders::from_env().expect("the lab's folders");
    let lab = lab::up(&folders, &LabSpec::new("bench-push", 3), &Silent).expect("a lab comes up").guard();
    let raw = tempfile::NamedTempFile::new().expect("a file for the plain bytes");
    for artifact in &artifacts {
        let mut reader = store.raw_reader(artifact).expect("the program is in the store");
        std::io::copy(&mut reader, &mut raw.as_file()).expect("the program is copied");
    }
    println!("push of a node's programs, {megabytes:.0} MB, to lab hosts (best of 3):");
    for hosts in [&["n1"][..], &["n1", "n2", "n3"][..]] {
        let ours = best(|| at_once(hosts, |host| push(&lab, host, &artifacts, &store)));
        let plain = best(|| at_once(hosts, |host| plain_ssh(&lab, host, raw.path())));
        let rate = |seconds: f64| megabytes * hosts.len() as f64 / seconds;
        println!(
            "  {} at once: kbootstrap {ours:.2} s ({:.0} MB/s, verified), ssh 'cat > file' {plain:.2} s ({:.0} MB/s): ratio {:.2}",
            hosts.len(),
            rate(ours),
            rate(plain),
            ours / plain
        );
    }
}

fn best(mut run: impl FnMut() -> f64) -> f64 {
    (0..3).map(|_| run()).fold(f64::INFINITY, f64::min)
}

fn at_once(hosts: &[&str], work: impl Fn(&str) + Sync) -> f64 {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for host in hosts {
            scope.spawn(|| work(host));
        }
    });
    began.elapsed().as_secs_f64()
}

fn push(lab: &Lab, host: &str, artifacts: &[ArtifactRef], store: &Store) {
    let path = |name: &str| format!("/usr/local/bench-{name}");
    let mut state = HostState { host: host.into(), ..HostState::default() };
    for artifact in artifacts {
        let file = File { content: Content::Artifact(artifact.clone()), mode: 0o755, owner: "root".into() };
        state.files.insert(path(&artifact.name), file);
    }
    let job = Push {
        host: host.into(),
        title: "push".into(),
        files: state.files.keys().cloned().collect(),
        ..Push::default()
    };
    let target = Target {
        name: host.into(),
        via: Via::Ssh(SshTarget {
            address: lab.address(host).expect("the host has an address").to_string(),
            port: Some(22),
            user: Some("root".into()),
            keys: vec![lab.key_path()],
            known_hosts: Some(lab.known_hosts_path()),
            host_key: None,
            accept_new: false,
            may_record: false,
            connect_timeout: Some(10),
        }),
    };
    let interrupt = Interrupt::from(Arc::new(AtomicBool::new(false)));
    let connector = Connector::silent(Operator::from_env(SshConfig::Off), interrupt);
    let mut transport = connector.connect(&target).expect("the host can be reached");
    let plan = HostPlan { host: host.into(), ..HostPlan::default() };
    let context =
        apply::PushContext { layout: &Layout::standard(), compression: Compression::Zstd, store, reporter: &Silent };
    apply::push(&mut *transport, &job, &plan, &state, &context).expect("the push succeeds");
}

fn plain_ssh(lab: &Lab, host: &str, raw: &std::path::Path) {
    let input = std::fs::File::open(raw).expect("the plain bytes are there");
    let status = Command::new("ssh")
        .args(["-o", "BatchMode=yes", "-F", "none", "-i"])
        .arg(lab.key_path())
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", lab.known_hosts_path().display()))
        .arg(format!("root@{}", lab.address(host).expect("the host has an address")))
        .arg("cat > /usr/local/bench-plain")
        .stdin(Stdio::from(input))
        .status()
        .expect("ssh starts");
    assert!(status.success(), "ssh failed: {status}");
}
