//! Against the recorded answer of a real host: Debian 12 as a container with cgroup v1 and without CAP_SYS_RESOURCE.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::facts::{Cgroup, Disk, Module};

const RECORDED: &str = include_str!("recorded.txt");

/// The recorded host's clock, first and last look, milliseconds since the epoch.
fn clocks() -> (u64, u64) {
    let sections = Sections::split(RECORDED);
    let millis = |section| sections.first(section).parse::<u64>().unwrap() / 1_000_000;
    (millis("clock"), millis("end"))
}

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

fn recorded() -> HostFacts {
    let (first, last) = clocks();
    parse(RECORDED.as_bytes(), at(first), at(last)).unwrap()
}

#[test]
fn the_machine() {
    let facts = recorded();
    assert_eq!(facts.os.id, "debian");
    assert_eq!(facts.os.version, "12");
    assert_eq!(facts.os.pretty, "Debian GNU/Linux 12 (bookworm)");
    assert_eq!((facts.arch.as_str(), facts.kernel, facts.hostname.as_str()), ("amd64", (6, 18), "n1"));
    assert_eq!((facts.systemd, facts.cgroup, facts.cpus), (Some(252), Cgroup::V1, 2));
    assert_eq!(facts.capabilities & (1 << crate::facts::CAP_SYS_RESOURCE), 0);
    assert_eq!(facts.machine_id.len(), 32);
    assert!(facts.memory > 20 << 30 && facts.memory < 32 << 30, "{}", facts.memory);
    assert_eq!(facts.swap, Vec::<String>::new());
    assert_eq!(facts.nameservers, ["10.255.255.53"]);
    assert_eq!(facts.disks.keys().collect::<Vec<_>>(), ["/", "/var/lib/nope/x"]);
    assert_eq!(facts.disks["/"], facts.disks["/var/lib/nope/x"], "what is not there yet is asked of its parent");
    assert_eq!(facts.disks["/"], Disk { free: 15_341_750 * 4096, size: 66_053_021 * 4096 });
    assert!(facts.cgroup_controllers.contains("memory"));
    assert!(facts.known && !facts.selinux && !facts.ufw);
    assert!(!facts.systemd_resolved);
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
    assert_eq!(facts.listening[0].process.as_deref(), Some("sshd"));
    assert!(facts.addresses.contains(&("host0".into(), "10.99.251.11".parse().unwrap())));
    assert!(facts.routes.contains(&("10.99.251.0/24".into(), "host0".into())));
    assert!(facts.routes.contains(&("default".into(), "host0".into())));
    assert!(facts.programs.contains("nft") && facts.programs.contains("zstd"));
    assert_eq!(facts.users, ["root".to_string()].into());
}

#[test]
fn files_with_fresh_and_recorded_hashes() {
    let facts = recorded();
    let hash = |path: &str| facts.files[path].sha256.as_str();
    assert_eq!(hash("/etc/a file"), "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac");
    assert_eq!(hash("/usr/bin/perl"), "f01fa7776dc21c9e4b5f60b2d231ca4d96dab958b8d06aff611cb1c16f871574", "recorded");
    assert_eq!((facts.files["/usr/bin/perl"].mode, facts.files["/usr/bin/perl"].owner.as_str()), (0o755, "root"));
    assert!(!facts.files.contains_key("/nope"));
    assert_eq!((facts.dirs["/etc"].mode, facts.dirs["/etc"].sha256.as_str()), (0o755, ""));
    assert_eq!(facts.listings["/etc/kubernetes/manifests"], ["etcd.yaml", "kube apiserver.yaml"]);
}

#[test]
fn certificates_are_cut_where_more_is_sent_than_was_asked_for() {
    let one = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
    let long = "A".repeat(1000) + "\n";
    let section = format!("certificates\nnoise\n==> /a b.crt <==\n{one}\n==> /c.crt <==\n{one}{}", long.repeat(100));
    let facts =
        parse(RECORDED.replacen("units\n", &format!("{section}\x1eunits\n"), 1).as_bytes(), at(0), at(0)).unwrap();
    assert_eq!(facts.certificates.keys().collect::<Vec<_>>(), ["/a b.crt", "/c.crt"]);
    assert_eq!(facts.certificates["/a b.crt"], one);
    let cut = &facts.certificates["/c.crt"];
    assert!(cut.starts_with(one) && cut.len() < crate::facts::CERTIFICATE_BYTES, "{}", cut.len());
    assert_eq!(facts.units.len(), recorded().units.len());
}

#[test]
fn a_record_of_another_time_is_not_believed() {
    let (stat, record) = RECORDED.split_once("\x1erecorded").unwrap();
    let stale = format!("{stat}\x1erecorded{}", record.replacen("1795272459.933094519", "1795272459.933094518", 1));
    let facts = parse(stale.as_bytes(), at(0), at(0)).unwrap();
    assert_eq!(facts.files["/usr/bin/perl"].sha256, "", "no hash rather than a wrong one");
}

#[test]
fn units_with_their_restart_keys() {
    let facts = recorded();
    let ssh = &facts.units["ssh.service"];
    assert_eq!((ssh.active.as_str(), ssh.sub.as_str(), ssh.enabled.as_str()), ("active", "running", "enabled"));
    assert_eq!(ssh.restart_key, "5feceb66ffc86f38d952786c6d696c79");
    assert!(ssh.active_since > 0);
    let etcd = &facts.units["etcd.service"];
    assert_eq!((etcd.active.as_str(), etcd.enabled.as_str(), etcd.restart_key.as_str()), ("inactive", "", ""));
    assert_eq!(facts.units.len(), 4, "resolved was not asked about");
}

#[test]
fn the_clock_is_compared_like_ntp_does() {
    let (first, last) = clocks();
    let facts = parse(RECORDED.as_bytes(), at(first - 3010), at(last - 2990)).unwrap();
    assert!((2999..=3001).contains(&facts.clock_skew_ms), "{}", facts.clock_skew_ms);
    assert!((9..=12).contains(&facts.clock_bound_ms), "{}", facts.clock_bound_ms);
    let behind = parse(RECORDED.as_bytes(), at(first + 5000), at(last + 5000)).unwrap();
    assert!((-5001..=-4999).contains(&behind.clock_skew_ms), "{}", behind.clock_skew_ms);
}

#[test]
fn ends_that_are_missing_are_errors() {
    let error = parse(b"Welcome to this host!\n", at(0), at(0)).unwrap_err();
    assert_eq!(error.message, "the probe's answer is incomplete");
    assert_eq!(error.details, ["Welcome to this host!\n"]);
    let cut = &RECORDED[..RECORDED.len() - 30];
    assert!(parse(cut.as_bytes(), at(0), at(0)).is_err(), "an answer that was cut off is not one");
}

#[test]
fn what_containerd_and_odd_tables_answer() {
    let images = recorded().images;
    assert!(images.contains("registry.k8s.io/pause:3.10.1"), "{images:?}");
    let extra = "\x1eroutes\nunreachable 10.9.0.0/16 metric 1\n10.0.0.0/8 proto static \\\tnexthop via 10.1.0.1 dev eth1 weight 1 \n";
    let facts = parse(format!("{RECORDED}{extra}").as_bytes(), at(0), at(0)).unwrap();
    assert_eq!(facts.routes, [("10.9.0.0/16".into(), String::new()), ("10.0.0.0/8".into(), "eth1".into())]);
}

proptest! {
    #[test]
    fn never_panics_on_noise(noise in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&noise, at(0), at(u64::MAX / 2_000_000));
    }

    #[test]
    fn never_panics_on_a_damaged_answer(
        cut in 0..RECORDED.len(), length in 0..200usize, with in "[\\x00-\\x7f]{0,12}", started in any::<u32>(),
    ) {
        let mut bytes = RECORDED.as_bytes().to_vec();
        let end = (cut + length).min(bytes.len());
        bytes.splice(cut..end, with.bytes());
        let _ = parse(&bytes, at(started.into()), at(0));
    }

    #[test]
    fn never_panics_on_any_section(
        name in "clock|uname|cpus|texts|systemd|disk|filesystems|modules|sysctls|listening|addresses|routes|listings|stat|certificates|encryption|recorded|sha256|units|started|end",
        body in "[-0-9a-z/:=\"() \\n]{0,120}",
    ) {
        let _ = parse(format!("{RECORDED}\x1e{name}\n{body}").as_bytes(), at(0), at(0));
    }
}
