//! Real lab hosts: they need root and the packages that `kbootstrap lab up` names.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kbootstrap::lab::{self, Folders, Guard, Lab, LabSpec, Off, System};
use kbootstrap::ui::Silent;
use tempfile::TempDir;

/// Labs of this test's own, over the machine's cached tree.
struct Place {
    base: TempDir,
    folders: Folders,
}

impl Place {
    fn new() -> Self {
        let machine = Folders::from_env().unwrap();
        fs::create_dir_all(machine.trees()).unwrap();
        let base = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(machine.trees(), base.path().join("lab")).unwrap();
        let folders = Folders::at(base.path()).unwrap();
        Place { base, folders }
    }
    fn up(&self, spec: &LabSpec) -> Guard {
        lab::up(&self.folders, spec, &Silent).unwrap().guard()
    }
    fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kbootstrap"));
        command.env("KBOOTSTRAP_CACHE", self.base.path()).arg("lab").args(args);
        command
    }
    fn stdout(&self, args: &[&str]) -> String {
        let output = self.program(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// What a command on a host printed; it must succeed.
fn sh(lab: &Lab, host: &str, script: &str) -> String {
    let output = lab.ssh(host, "root").unwrap().arg(script).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{script} on {host}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Everything on the machine that bears the lab's id or lies in its folder.
fn traces(folders: &Folders, name: &str) -> Vec<String> {
    let folder = folders.lab(name).unwrap();
    let id = folder.id();
    let mut found = Vec::new();
    for dir in ["/sys/class/net", "/run/netns", "/run/systemd/nspawn/propagate"] {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        found.extend(names.filter(|n| n.contains(&id)).map(|n| format!("{dir}/{n}")));
    }
    let tag = format!("kb/{name}-{id}");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let path = folder.path().display().to_string();
    found.extend(mounts.lines().filter(|line| line.contains(&path)).map(|line| format!("mount {line}")));
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let cgroups = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        // One that has ended and waits for the machine's init to collect it is gone.
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if cgroups.contains(&tag) && !status.contains("State:\tZ") {
            found.push(format!("process {}", entry.path().display()));
        }
    }
    let cgroups = Command::new("find").args(["/sys/fs/cgroup", "-path", &format!("*/{tag}*")]).output().unwrap();
    found.extend(String::from_utf8_lossy(&cgroups.stdout).lines().map(String::from));
    if folder.path().exists() {
        found.push(path);
    }
    found
}

#[test]
fn hosts_boot_talk_and_leave_nothing() {
    let place = Place::new();
    let lab = place.up(&LabSpec::new("pair", 2));
    assert_eq!(sh(&lab, "n1", "systemctl is-system-running --wait"), "running");
    assert_eq!(sh(&lab, "n2", "hostname"), "n2");
    let peer = lab.address("n2").unwrap();
    sh(&lab, "n1", &format!("ping -c 1 -W 5 {peer}"));
    assert_ne!(sh(&lab, "n1", "cat /etc/machine-id"), sh(&lab, "n2", "cat /etc/machine-id"));
    let kinds = sh(&lab, "n1", "stat -f -c %T /var/lib/containerd /var/lib/kubelet /var/lib/etcd");
    assert!(!kinds.contains("overlay"), "{kinds}");
    sh(&lab, "n1", "modprobe overlay && ! modprobe no_such_module 2>/dev/null");
    let admin = lab.ssh("n1", lab::USER).unwrap().arg("sudo -n id -un").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&admin.stdout), "root\n");
    assert!(!traces(&place.folders, "pair").is_empty());
    drop(lab);
    assert_eq!(traces(&place.folders, "pair"), Vec::<String>::new());
}

#[test]
fn a_host_cannot_change_the_machine() {
    let place = Place::new();
    let lab = place.up(&LabSpec::new("island", 2));
    let machine = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).unwrap().trim().to_owned();
    for name in ["kernel/panic", "vm/swappiness", "fs/inotify/max_user_watches"] {
        let before = machine(name);
        let other = format!("{before}7");
        assert_eq!(sh(&lab, "n1", &format!("sysctl -qw {name}={other} && cat /proc/sys/{name}")), other);
        assert_eq!(machine(name), before, "{name} of the machine");
        assert_eq!(sh(&lab, "n2", &format!("cat /proc/sys/{name}")), before, "{name} of the neighbour");
    }
    // What has no private copy is refused.
    let refused = "! echo 1 > /proc/sys/vm/drop_caches";
    sh(&lab, "n1", &format!("sh -c '{refused}' 2>/dev/null"));
    // The network's settings are the host's own.
    sh(&lab, "n1", "sysctl -qw net.ipv4.ip_forward=1 && sysctl -qw net.ipv4.conf.all.rp_filter=0");
    // Each host has cgroups of its own, and may write them.
    let made = "for d in /sys/fs/cgroup/memory /sys/fs/cgroup; do if [ -d $d ]; then break; fi; done; echo $d/kb-test";
    let made = sh(&lab, "n1", &format!("{made} && mkdir $d/kb-test"));
    sh(&lab, "n1", &format!("test -d {made}"));
    sh(&lab, "n2", &format!("test ! -e {made}"));
}

#[test]
fn labs_stand_side_by_side() {
    let place = Place::new();
    let (one, two) = std::thread::scope(|scope| {
        let two = scope.spawn(|| place.up(&LabSpec::new("two", 1)));
        (place.up(&LabSpec::new("one", 1)), two.join().unwrap())
    });
    assert_ne!(one.state().subnet, two.state().subnet);
    sh(&one, "n1", "touch /root/here");
    sh(&two, "n1", "test ! -e /root/here");
    let json: serde_json::Value = serde_json::from_str(&place.stdout(&["list", "-o", "json"])).unwrap();
    let on: Vec<_> = json.as_array().unwrap().iter().map(|lab| (&lab["name"], &lab["hosts"][0]["on"])).collect();
    assert_eq!(on, [(&"one".into(), &true.into()), (&"two".into(), &true.into())]);
    drop(one);
    sh(&two, "n1", "true");
    assert_eq!(place.stdout(&["down", "--all"]), "removed two\n");
    assert_eq!(traces(&place.folders, "one"), Vec::<String>::new());
    assert_eq!(traces(&place.folders, "two"), Vec::<String>::new());
}

#[test]
fn the_command_line_runs_commands_on_hosts() {
    let place = Place::new();
    let inventory = place.base.path().join("my.yaml");
    let said = place.stdout(&["up", "-n", "1", "--name", "cli", "--inventory", inventory.to_str().unwrap()]);
    let _guard = Lab::open(&place.folders, "cli").unwrap().guard();
    assert!(said.contains(&format!("inventory: {}\n", inventory.display())), "{said}");
    assert!(fs::read_to_string(&inventory).unwrap().contains("cluster: cli\n"));
    assert_eq!(place.stdout(&["ssh", "n1", "hostname"]), "n1\n");
    assert_eq!(place.program(&["ssh", "n1", "exit", "7"]).status().unwrap().code(), Some(7));
    // What is up stays as it is; what would be another lab is refused.
    assert!(place.stdout(&["up", "-n", "1", "--name", "cli"]).contains("cli"));
    let other = place.program(&["up", "-n", "2", "--name", "cli"]).output().unwrap();
    assert_eq!(other.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&other.stderr).contains("there is a lab cli already, and it is another one"));
    assert_eq!(place.stdout(&["down"]), "removed cli\n");
    assert!(!inventory.exists());
    assert_eq!(place.stdout(&["down", "--name", "cli"]), "there was no lab\n");
}

#[test]
fn a_host_that_was_off_comes_back_with_its_disk() {
    let place = Place::new();
    let mut lab = place.up(&LabSpec::new("power", 2));
    for how in [Off::Orderly(Duration::from_secs(20)), Off::Cut] {
        sh(&lab, "n2", "date +%N | tee /root/kept > /var/lib/etcd/kept && sync");
        let before = sh(&lab, "n2", "cat /root/kept /var/lib/etcd/kept /etc/machine-id");
        lab.poweroff("n2", how).unwrap();
        assert!(!lab.is_on("n2") && lab.is_on("n1"));
        let peer = lab.address("n2").unwrap();
        sh(&lab, "n1", &format!("! ping -c 1 -W 1 {peer}"));
        lab.start("n2", &Silent).unwrap();
        assert_eq!(sh(&lab, "n2", "cat /root/kept /var/lib/etcd/kept /etc/machine-id"), before);
        sh(&lab, "n1", &format!("ping -c 1 -W 5 {peer}"));
    }
    // A lab with a host that is off is completed by `up`.
    lab.poweroff("n1", Off::Cut).unwrap();
    lab::up(&place.folders, &LabSpec::new("power", 2), &Silent).unwrap();
    sh(&lab, "n1", "true");
}

/// Who is connected hears nothing: no FIN, no RST, also after it has sent something.
#[test]
fn a_host_whose_power_is_cut_says_no_goodbye() {
    let place = Place::new();
    let lab = place.up(&LabSpec::new("cut", 1));
    let mut held = TcpStream::connect((lab.address("n1").unwrap(), 22)).unwrap();
    held.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    let mut greeting = [0; 4];
    held.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"SSH-");
    assert!(held.read(&mut [0; 1024]).unwrap() > 0, "the rest of its line");
    lab.poweroff("n1", Off::Cut).unwrap();
    for sent in [false, true] {
        let heard = held.read(&mut [0; 1024]).map_err(|e| e.kind());
        assert_eq!(heard, Err(ErrorKind::WouldBlock), "sent something: {sent}");
        held.write_all(b"SSH-2.0-test\r\n").unwrap();
    }
}

#[test]
fn nothing_is_left_of_a_host_whose_supervisor_was_killed() {
    let place = Place::new();
    let lab = place.up(&LabSpec::new("orphan", 1));
    let pid = lab::list(&place.folders).unwrap()[0].hosts[0].pid.unwrap().to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(10);
    while lab.is_on("n1") {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(5));
    }
    drop(lab);
    assert_eq!(traces(&place.folders, "orphan"), Vec::<String>::new());
}

#[test]
fn down_cleans_up_after_an_up_that_was_killed_at_any_moment() {
    let place = Place::new();
    // Whole, so that the moments below fall into the making of hosts.
    lab::ensure_tree(&place.folders, System::default(), &Silent).unwrap();
    let state = place.folders.lab("killed").unwrap().state();
    let moments = [0, 5, 10, 20, 30, 50, 80, 120, 180, 250, 350];
    let mut interrupted = 0;
    for moment in moments {
        let mut up = place.program(&["up", "-n", "2", "--name", "killed"]);
        let mut up = up.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Counted from the first thing that is made.
        let deadline = Instant::now() + Duration::from_secs(30);
        while !Path::new(&state).exists() && up.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline);
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(moment));
        up.kill().unwrap();
        interrupted += usize::from(!up.wait().unwrap().success());
        place.stdout(&["down", "--name", "killed"]);
        assert_eq!(traces(&place.folders, "killed"), Vec::<String>::new(), "killed after {moment} ms");
    }
    assert!(interrupted >= 4, "only {interrupted} of {} were interrupted", moments.len());
}

#[test]
fn an_interrupted_up_is_made_anew_by_the_next() {
    let place = Place::new();
    lab::ensure_tree(&place.folders, System::default(), &Silent).unwrap();
    let mut up = place.program(&["up", "-n", "1", "--name", "again"]);
    let mut up = up.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !place.folders.lab("again").unwrap().host("n1").process().exists() && up.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(1));
    }
    up.kill().unwrap();
    up.wait().unwrap();
    let lab = place.up(&LabSpec::new("again", 1));
    sh(&lab, "n1", "true");
    drop(lab);
    assert_eq!(traces(&place.folders, "again"), Vec::<String>::new());
}

/// `lab down` removes a folder, as root.
#[test]
fn a_name_that_is_a_path_is_refused_and_nothing_is_removed() {
    let place = Place::new();
    let precious = tempfile::tempdir().unwrap();
    fs::write(precious.path().join("file"), "precious").unwrap();
    fs::create_dir_all(place.folders.labs()).unwrap();
    let absolute = precious.path().to_str().unwrap();
    let relative = format!("../../../../../../..{absolute}");
    for name in [absolute, &relative, "..", ".", "../lab", "", "a/b"] {
        for command in ["down", "ssh", "poweroff", "start", "inventory"] {
            let host = matches!(command, "ssh" | "poweroff" | "start").then_some("n1");
            let output = place.program(&[command, "--name", name]).args(host).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command} {name:?}: {said}");
            assert!(!said.contains("Usage:"), "{command} {name:?} should be read: {said}");
        }
        assert!(precious.path().join("file").exists() && place.folders.labs().exists(), "{name:?}");
    }
}
