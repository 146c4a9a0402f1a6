//! A cluster of many hosts on the operator's machine: its certificates, as `up` issues them into the cluster's folder, and
//! `render --offline`, which issues none. `make bench` runs it. `KBOOTSTRAP` names another program than the one that was
//! built.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use kbootstrap::cluster::{self, Cluster, Known};
use kbootstrap::components::Catalogue;
use kbootstrap::inventory;
use kbootstrap::trust;
use kbootstrap::ui::Silent;
use time::OffsetDateTime;

const RUNS: usize = 5;

fn main() {
    let memory = Path::new("/dev/shm");
    let memory = memory.is_dir().then(|| tempfile::tempdir_in(memory).expect("a folder in memory"));
    let disk = tempfile::tempdir().expect("a temporary folder");
    println!("certificates of a cluster with 1,000 hosts, 3 of them masters, as `up` issues them (medians of {RUNS}):");
    let cluster = resolved(1000);
    for (title, folder) in [("on disk", Some(&disk)), ("in memory", memory.as_ref())] {
        if let Some(folder) = folder {
            issue(&cluster, folder.path(), title);
        }
    }
    println!("render --offline into a new folder in memory (medians of {RUNS}):");
    for hosts in [10, 100, 1000, 4000] {
        render(hosts, memory.as_ref().unwrap_or(&disk).path());
    }
}

/// The inventory of a cluster with so many hosts.
fn text(hosts: usize) -> String {
    let mut text = "cluster: many
controlPlaneEndpoint: api.example.com:6443
networks: {pods: 10.128.0.0/10, services: 10.96.0.0/16}
hosts:
"
    .to_owned();
    for n in 0..hosts {
        let roles = if n < 3 { "etcd, master, node" } else { "node" };
        let _ = writeln!(
            text,
            "- {{name: h{n}, address: 10.{}.{}.{}, roles: [{roles}]}}",
            n / 50_000,
            n / 200 % 250,
            n % 200 + 1
        );
    }
    text
}

fn resolved(hosts: usize) -> Cluster {
    let loaded = inventory::parse("many.yaml", text(hosts).as_bytes()).expect("an inventory");
    cluster::resolve(&loaded, &Known::default()).expect("a cluster")
}

fn issue(cluster: &Cluster, folder: &Path, title: &str) {
    let (catalogue, now) = (Catalogue::standard(), OffsetDateTime::now_utc());
    let ensure = |name: &str| {
        let (began, cpu) = (Instant::now(), own_cpu());
        trust::ensure(&catalogue, cluster, &folder.join(name), now, &Silent).expect("a cluster's folder");
        (began.elapsed().as_secs_f64(), own_cpu() - cpu)
    };
    let names: Vec<_> = (0..RUNS).map(|n| format!("trust-{n}")).collect();
    let all: Vec<_> = names.iter().map(|name| ensure(name)).collect();
    let again: Vec<_> = names.iter().map(|name| ensure(name)).collect();
    let certificates = fs::read_dir(folder.join("trust-0/pki")).expect("a folder").flatten();
    let is_key = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().ends_with("-key.pem");
    println!(
        "  {title}: {} keys: {}; nothing to do: {}",
        certificates.filter(is_key).count(),
        shown(&all),
        shown(&again)
    );
}

fn render(hosts: usize, folder: &Path) {
    let program = std::env::var("KBOOTSTRAP").unwrap_or(env!("CARGO_BIN_EXE_kbootstrap").to_owned());
    fs::write(folder.join("many.yaml"), text(hosts)).expect("write a file");
    let once = |_| {
        let _ = fs::remove_dir_all(folder.join("tree"));
        let mut command = Command::new(&program);
        command.args(["render", "-i", "many.yaml", "-o", "tree", "--offline", "--progress", "none"]);
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (began, cpu) = (Instant::now(), children_cpu());
        assert!(command.status().expect("kbootstrap runs").success(), "render of {hosts} hosts");
        (began.elapsed().as_secs_f64(), children_cpu() - cpu)
    };
    let all: Vec<_> = (0..RUNS).map(once).collect();
    println!("  {hosts} hosts: {}", shown(&all));
}

/// Medians of seconds by the clock, and of seconds of processor time.
fn shown(all: &[(f64, f64)]) -> String {
    let median = |of: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<_> = all.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    format!("{:.3} s ({:.2} s of processor time)", median(|(wall, _)| *wall), median(|(_, cpu)| *cpu))
}

/// Processor time of this process, s.
fn own_cpu() -> f64 {
    ticks(11) + ticks(12)
}

/// Processor time of all children that have ended, s.
fn children_cpu() -> f64 {
    ticks(13) + ticks(14)
}

/// A field of this process's statistics in hundredths of a second, counted from its state on.
fn ticks(field: usize) -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux's process statistics");
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    after_name.split(' ').nth(field).and_then(|ticks| ticks.parse::<f64>().ok()).expect("ticks") / 100.0
}
