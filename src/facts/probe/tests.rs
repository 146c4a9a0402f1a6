//! Against the recorded answer of a real host: Debian 12 as a container with cgroup v1 and without CAP_SYS_RESOURCE.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;
use crate::facts::{Cgroup, Disk, Module, Mount};

const RECORDED: &str = include_str!("recorded.txt");

/// The nonce of the recorded answer.
const NONCE: &str = "n";

fn read(text: &str) -> HostFacts {
    parse(text.as_bytes(), NONCE, at(0), at(0)).unwrap()
}

/// The recorded host's clock, first and last look, milliseconds since the epoch.
fn clocks() -> (u64, u64) {
    let sections = Sections::split(RECORDED, NONCE).unwrap();
    let millis = |section| sections.first(section).parse::<u64>().unwrap() / 1_000_000;
    (millis("clock"), millis("end"))
}

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

fn recorded() -> HostFacts {
    let (first, last) = clocks();
    parse(RECORDED.as_bytes(), NONCE, at(first), at(last)).unwrap()
}

#[test]
fn the_machine() {
    let facts = recorded();
    assert_eq!(facts.os.id, "debian");
    assert_eq!(facts.os.version, "12");
    assert_eq!(facts.os.pretty, "Debian GNU/Linux 12 (bookworm)");
    assert_eq!((facts.arch.as_str(), facts.kernel, facts.hostname.as_str()), ("amd64", (6, 18), "n2"));
    assert_eq!((facts.systemd, facts.cgroup, facts.cpus), (Some(252), Cgroup::V1, 2));
    assert_eq!(facts.capabilities & (1 << crate::facts::CAP_SYS_RESOURCE), 0);
    assert_eq!(facts.machine_id.len(), 32);
    assert!(facts.memory > 20 << 30 && facts.memory < 32 << 30, "{}", facts.memory);
    assert_eq!(facts.swap, Vec::<String>::new());
    assert_eq!(facts.nameservers, ["10.99.4.1"]);
    assert_eq!(facts.disks.keys().collect::<Vec<_>>(), ["/", "/var/lib/nope/x"]);
    assert_eq!(facts.disks["/"], facts.disks["/var/lib/nope/x"], "what is not there yet is asked of its parent");
    assert_eq!(
        facts.disks["/"],
        Disk { free: 7_533_697 * 4096, size: 66_053_021 * 4096, free_inodes: Some(16_063_811), inodes: 16_777_216 }
    );
    assert!(facts.cgroup_controllers.contains("memory"));
    assert!(facts.known && !facts.selinux && !facts.ufw);
    assert!(!facts.systemd_resolved);
    let root = Mount { point: "/".into(), read_only: false, noexec: false };
    assert_eq!(facts.mounts["/var/lib/nope/x"], root);
    assert!(facts.resolv_conf);
    assert!(facts.sysctl_files.contains("/usr/lib/sysctl.d/50-pid-max.conf"));
    let own = ("/etc/sysctl.d/90-kubernetes.conf", 1, "net.ipv4.ip_forward = 1");
    let line = &facts.boot_lines[0];
    assert_eq!((line.file.as_str(), line.number, line.text.as_str()), own);
    assert_eq!((facts.boot_id.len(), facts.resolv_conf_link.as_deref()), (36, None));
    assert!(facts.uptime > 0 && facts.proxies.is_empty(), "{:?}", facts.proxies);
}

#[test]
fn a_container_has_its_hosts_uuid() {
    let uuid = "/sys/class/dmi/id/product_uuid:4C4C4544-0044-4810-8031-B4C04F4E3332\n";
    let with = |lines: &str| read(&RECORDED.replacen("texts\n", &format!("texts\n{lines}"), 1)).product_uuid;
    assert_eq!(with(uuid), "4c4c4544-0044-4810-8031-b4c04f4e3332");
    assert_eq!(with(&format!("{uuid}/run/systemd/container:systemd-nspawn\n")), "");
}

#[test]
fn modules_and_settings() {
    let facts = recorded();
    assert_eq!(facts.modules["overlay"], Module::Present);
    assert_eq!(facts.modules["nf_tables"], Module::Present, "nft works, though no list names the module");
    assert_eq!(facts.modules["ip_vs"], Module::Missing);
    assert!(facts.sysctls["net.ipv4.ip_forward"].writable);
    assert!(!facts.sysctls["net.netfilter.nf_conntrack_max"].writable);
    assert_eq!(facts.sysctls["net.netfilter.nf_conntrack_max"].value, "262144");
    assert!(!facts.sysctls.contains_key("no.such"));
}

#[test]
fn the_network() {
    let facts = recorded();
    let ssh: Vec<_> = facts.listening.iter().filter(|l| l.port == 22).map(|l| l.address.as_str()).collect();
    assert_eq!(ssh, ["0.0.0.0", "[::]"]);
    assert!(facts.listening.iter().any(|l| l.port == 22 && l.process.as_deref() == Some("sshd")));
    assert_eq!(facts.listening_udp.iter().map(|l| l.port).collect::<Vec<_>>(), [8472]);
    assert!(facts.devices.contains("flannel.1") && facts.devices.contains("host0"), "{:?}", facts.devices);
    assert!(facts.addresses.contains(&("host0".into(), "10.99.4.12".parse().unwrap())));
    assert_eq!(facts.hardware_addresses["host0"], "02:00:0a:63:04:0c");
    assert!(!facts.hardware_addresses.contains_key("lo"));
    assert!(facts.routes.contains(&("10.99.4.0/24".into(), "host0".into())));
    assert!(facts.routes.contains(&("default".into(), "host0".into())));
    assert!(
        facts.routes.iter().all(|(to, _)| !to.starts_with("127.")),
        "other tables are left out: {:?}",
        facts.routes
    );
    assert_eq!(facts.nft.as_ref().map(ToString::to_string).as_deref(), Some("1.0.6"));
    assert!(facts.programs.contains("nft") && facts.programs.contains("zstd"));
    assert_eq!(facts.users, ["root".to_string()].into());
}

#[test]
fn files_with_fresh_and_recorded_hashes() {
    let facts = recorded();
    let hash = |path: &str| facts.files[path].sha256.as_str();
    assert_eq!(hash("/etc/a file"), "68b2bd9dc729335d90d215e056f75dde5b9de1e9b50fe92880748160a09d4221");
    assert_eq!(hash("/usr/bin/perl"), "f01fa7776dc21c9e4b5f60b2d231ca4d96dab958b8d06aff611cb1c16f871574", "recorded");
    assert_eq!((facts.files["/usr/bin/perl"].mode, facts.files["/usr/bin/perl"].owner.as_str()), (0o755, "root"));
    assert!(!facts.files.contains_key("/nope"));
    assert_eq!((facts.dirs["/etc"].mode, facts.dirs["/etc"].sha256.as_str()), (0o755, ""));
    assert_eq!(facts.listings["/etc/kubernetes/manifests"], ["etcd.yaml", "kube apiserver.yaml"]);
}

#[test]
fn certificates_are_cut_where_more_is_sent_than_was_asked_for() {
    let one = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
    let of = |path: &str, text: &str| text.lines().map(|line| format!("{path}:{line}\n")).collect::<String>();
    let long = of("/c.crt", &("A".repeat(1000) + "\n").repeat(100));
    let lines = of("/a b.crt", one) + &of("/c.crt", one) + &long + "/d.crt:x\n/a b.crt:/c.crt:more\n";
    let text = RECORDED.replacen("certificate-files\n", "certificate-files\n/a b.crt\n/c.crt\n/empty.crt\n", 1);
    let facts = read(&text.replacen("texts\n", &format!("texts\n{lines}"), 1));
    assert_eq!(facts.certificates.keys().collect::<Vec<_>>(), ["/a b.crt", "/c.crt", "/empty.crt"]);
    assert_eq!(facts.certificates["/a b.crt"], format!("{one}/c.crt:more\n"), "a line is its own file's");
    let cut = &facts.certificates["/c.crt"];
    assert!(cut.starts_with(one) && cut.len() < crate::facts::CERTIFICATE_BYTES, "{}", cut.len());
    assert_eq!(facts.units.len(), recorded().units.len());
}

#[test]
fn a_record_of_another_time_is_not_believed() {
    let (stat, record) = RECORDED.split_once("recorded\n").unwrap();
    let stale = format!("{stat}recorded\n{}", record.replacen("1795717537.903706461", "1795717537.903706460", 1));
    let facts = read(&stale);
    assert_eq!(facts.files["/usr/bin/perl"].sha256, "", "no hash rather than a wrong one");
}

#[test]
fn units_with_their_restart_keys() {
    let facts = recorded();
    let ssh = &facts.units["ssh.service"];
    assert_eq!((ssh.active.as_str(), ssh.sub.as_str(), ssh.enabled.as_str()), ("active", "running", "enabled"));
    assert_eq!(ssh.restart_key, "5feceb66ffc86f38d952786c6d696c79");
    assert!(ssh.active_since > 0);
    assert_eq!((ssh.load.as_str(), ssh.fragment.as_str()), ("loaded", "/lib/systemd/system/ssh.service"));
    let process = ssh.process.as_ref().unwrap();
    assert_eq!((process.pid, process.program.as_str(), process.is_command), (61, "/usr/sbin/sshd", true));
    assert_eq!(ssh.commands[0].argv, "/usr/sbin/sshd -D $SSHD_OPTS");
    let etcd = &facts.units["etcd.service"];
    assert_eq!((etcd.load.as_str(), &etcd.process), ("not-found", &None));
    assert_eq!((etcd.active.as_str(), etcd.enabled.as_str(), etcd.restart_key.as_str()), ("inactive", "", ""));
    assert_eq!(facts.units.len(), 4, "resolved was not asked about");
}

#[test]
fn the_clock_is_compared_like_ntp_does() {
    let (first, last) = clocks();
    let facts = parse(RECORDED.as_bytes(), NONCE, at(first - 3010), at(last - 2990)).unwrap();
    assert!((2999..=3001).contains(&facts.clock_skew_ms), "{}", facts.clock_skew_ms);
    assert!((9..=12).contains(&facts.clock_bound_ms), "{}", facts.clock_bound_ms);
    let behind = parse(RECORDED.as_bytes(), NONCE, at(first + 5000), at(last + 5000)).unwrap();
    assert!((-5001..=-4999).contains(&behind.clock_skew_ms), "{}", behind.clock_skew_ms);
}

#[test]
fn ends_that_are_missing_are_errors() {
    let error = parse(b"Welcome to this host!\n", NONCE, at(0), at(0)).unwrap_err();
    assert_eq!(error.message, "the probe's answer is incomplete");
    assert_eq!(error.details, ["Welcome to this host!\n"]);
    let cut = &RECORDED[..RECORDED.len() - 30];
    assert!(parse(cut.as_bytes(), NONCE, at(0), at(0)).is_err(), "an answer that was cut off is not one");
}

#[test]
fn what_looks_like_a_section_in_a_process_name_is_text() {
    let forged =
        "tcp LISTEN 0 128 127.0.0.1:6443 0.0.0.0:* users:((\"\x1euname\n\x1e0 uname\naarch64\n\",pid=1,fd=3))\n";
    let facts = read(&RECORDED.replacen("sockets\n", &format!("sockets\n{forged}"), 1));
    assert_eq!(facts.arch, "amd64");
    let twice = format!("{RECORDED}\x1e{NONCE} uname\naarch64\n");
    assert!(parse(twice.as_bytes(), NONCE, at(0), at(0)).is_err(), "a section that comes twice is an error");
}

#[test]
fn what_containerd_and_odd_tables_answer() {
    let images = recorded().images;
    assert!(images.contains("registry.k8s.io/pause:3.10.1"), "{images:?}");
    let (before, after) = RECORDED.split_once("\x1en ip\n").unwrap();
    let after = after.split_once("\x1en programs").unwrap().1;
    let odd = "unreachable 10.9.0.0/16 metric 1\n10.0.0.0/8 proto static \\\tnexthop via 10.1.0.1 dev eth1 weight 1 \n";
    let facts = read(&format!("{before}\x1en ip\n{odd}\x1en programs{after}"));
    assert_eq!(facts.routes, [("10.9.0.0/16".into(), String::new()), ("10.0.0.0/8".into(), "eth1".into())]);
}

proptest! {
    #[test]
    fn never_panics_on_noise(noise in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&noise, NONCE, at(0), at(u64::MAX / 2_000_000));
    }

    #[test]
    fn never_panics_on_a_damaged_answer(
        cut in 0..RECORDED.len(), length in 0..200usize, with in "[\\x00-\\x7f]{0,12}", started in any::<u32>(),
    ) {
        let mut bytes = RECORDED.as_bytes().to_vec();
        let end = (cut + length).min(bytes.len());
        bytes.splice(cut..end, with.bytes());
        let _ = parse(&bytes, NONCE, at(started.into()), at(0));
    }

    #[test]
    fn never_panics_on_any_section(
        at_section in 0..30usize, body in "[-0-9a-z/:=\"(){};> \\n]{0,120}",
    ) {
        let mark = format!("\x1e{NONCE} ");
        let mut parts: Vec<String> = RECORDED.split(mark.as_str()).map(str::to_owned).collect();
        let at_section = 1 + at_section % (parts.len() - 1);
        let name = parts[at_section].split('\n').next().unwrap_or_default().to_owned();
        parts[at_section] = format!("{name}\n{body}\n");
        let _ = parse(parts.join(&mark).as_bytes(), NONCE, at(0), at(0));
    }
}
