//! A run that is ended at any point, by whatever ends it: the next one goes on, and ends right.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kbootstrap::inventory::ProxyMode;
use kbootstrap::lab::Off;
use kbootstrap::ui::Silent;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::cluster::Cluster;
use crate::common::run::{At, Run};
use crate::e2e_footprint::staged;

const fn at<'a>(event: &'a str, host: &'a str, step: &'a str) -> At<'a> {
    At { event, host, step }
}

/// The points are in the order in which a run comes to them, and each is one that no earlier run can have got past: a
/// push whose stream is cut never completes, and what is started after it does not begin.
#[test]
fn an_interrupted_run_is_gone_on_with() {
    let cluster = Cluster::new("e2e-stop", 2);
    cluster.edit(|inventory| inventory.proxy.mode = Some(ProxyMode::Iptables));
    killed(&cluster, at("progress", "n1", "push configuration"));
    reset_removes_what_was_half_written(&cluster);
    killed(&cluster, at("started", "n1", "push configuration"));
    killed(&cluster, at("done", "n1", "push configuration"));
    stopped_by_ctrl_c(&cluster, at("progress", "n1", "push control plane"));
    killed(&cluster, at("started", "n1", "start kube-apiserver"));
    killed(&cluster, at("started", "", "apply API objects"));
    killed(&cluster, at("started", "n2", "its node registers"));
    killed(&cluster, at("started", "", "the cluster is healthy"));
    cluster.run(&["reset", "--yes", "--host", "n2"]).ok();
    disconnected(&cluster, at("progress", "n2", "push container runtime"));
    cut_off(&cluster, at("progress", "n2", "push container runtime"));
    rebooted(&cluster, at("progress", "n2", "push container runtime"));
    ends_right(&cluster);
    comes_back_after_a_reboot(&cluster);
}

/// `kill -9`.
fn killed(cluster: &Cluster, at: At<'_>) {
    cluster.start(&["up", "--yes"]).until(at).signal(Signal::KILL).exits(-9);
}

/// What a push leaves beside the files that it was to replace does not outlive a reset.
fn reset_removes_what_was_half_written(cluster: &Cluster) {
    cluster.run(&["reset", "--yes"]).ok();
    for host in cluster.hosts() {
        assert_eq!(staged(cluster, &host), "", "{host}");
    }
}

/// Ctrl-C ends it at once, with a word on how to go on, and leaves every file whole.
fn stopped_by_ctrl_c(cluster: &Cluster, at: At<'_>) {
    let run = cluster.start(&["up", "--yes"]).until(at).signal(Signal::INT).exits(130);
    let run = run.says("error: interrupted").says("hint: run `kbootstrap up` again: it goes on from here");
    run.check(run.took < Duration::from_secs(60), "it should end at once");
    let plan = cluster.plan();
    for host in plan["hosts"].as_array().unwrap() {
        for file in host["files"].as_array().unwrap() {
            assert_eq!(file["change"], "create", "half-written: {file}");
        }
    }
}

/// The host's end of every connection dies.
fn disconnected(cluster: &Cluster, at: At<'_>) {
    let run = cluster.start(&["up", "--yes"]).until(at);
    let ended = end_sessions(cluster, "n2");
    assert!(ended > 0, "there was no session to end");
    names_the_host(&run.wait().exits(5));
}

/// The cable is out for longer than the run waits, so that neither end hears the other's goodbye: the script on the host
/// goes on listening. The next run ends it instead of waiting for it.
fn cut_off(cluster: &Cluster, at: At<'_>) {
    let cable = cluster.lab().state().host("n2").unwrap().veth.clone();
    let link = |state: &str| {
        let status = Command::new("ip").args(["link", "set", &cable, state]).status().unwrap();
        assert!(status.success(), "ip link set {cable} {state}");
    };
    let run = cluster.start(&["up", "--yes"]).until(at);
    link("down");
    let run = run.wait();
    link("up");
    names_the_host(&run.exits(5));
    let start = Instant::now();
    cluster.run(&["check"]).ok();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
}

/// The cable is pulled, and the host starts again while the run goes on.
fn rebooted(cluster: &Cluster, at: At<'_>) {
    let run = cluster.start(&["up", "--yes"]).until(at);
    let mut lab = cluster.lab().clone();
    lab.poweroff("n2", Off::Cut).unwrap();
    lab.start("n2", &Silent).unwrap();
    let run = run.wait();
    run.check([5, 6].contains(&run.code), "it should have ended with 5 or 6");
    names_the_host(&run);
}

fn names_the_host(run: &Run<'_>) {
    let first = run.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    run.check(
        first.starts_with("error: n2: ") && first.contains("connection lost"),
        "the error should name n2 and why",
    );
    run.check(run.stderr.contains("run the same command again"), "it should say what to do");
}

fn ends_right(cluster: &Cluster) {
    cluster.up();
    let status = cluster.run(&["status", "-o", "json"]).ok();
    status.check(status.json()["healthy"] == true, "the cluster should be healthy");
    assert_eq!(cluster.up(), 0);
    for host in cluster.hosts() {
        assert_eq!(staged(cluster, &host), "", "{host}");
        assert_eq!(cluster.on(&host, "ls /var/lib/kbootstrap/images"), "", "{host}: images that were imported");
    }
}

/// Everything starts by itself, `up` waits for it, and pods, services and DNS work.
fn comes_back_after_a_reboot(cluster: &Cluster) {
    let mut lab = cluster.lab().clone();
    for host in cluster.hosts() {
        lab.poweroff(&host, Off::Cut).unwrap();
    }
    for host in cluster.hosts() {
        lab.start(&host, &Silent).unwrap();
    }
    cluster.up();
    let status = cluster.run(&["status", "-o", "json"]).ok();
    status.check(status.json()["healthy"] == true, "the cluster should be healthy");
    cluster.run(&["verify"]).ok();
    let rules = cluster.on("n2", "iptables-save");
    assert!(rules.contains("KUBE-SERVICES"), "kube-proxy should work by iptables");
}

/// Kills the processes that serve SSH sessions on the host, and nothing else; how many there were.
fn end_sessions(cluster: &Cluster, host: &str) -> usize {
    let cgroups = &cluster.lab().state().host(host).unwrap().cgroups;
    let mut pids: Vec<i32> = cgroups.iter().flat_map(|cgroup| processes(cgroup)).collect();
    pids.sort_unstable();
    pids.dedup();
    let session =
        |pid: &i32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.starts_with(b"sshd: root"));
    pids.retain(session);
    for pid in &pids {
        // One may have ended with the other.
        let _ = kill_process(Pid::from_raw(*pid).unwrap(), Signal::KILL);
    }
    pids.len()
}

/// All processes in a cgroup and those below it.
fn processes(cgroup: &Path) -> Vec<i32> {
    let text = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    let mut pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            pids.extend(processes(&entry.path()));
        }
    }
    pids
}
