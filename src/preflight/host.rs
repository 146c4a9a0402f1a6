//! The operating system and the host's identity: systemd, distribution, name, machine-id, clock.

use super::finding::HostCheck;
use crate::cluster::Role;

pub(super) fn check(check: &mut HostCheck) {
    systemd(check);
    os(check);
    clock(check);
    hostname(check);
    machine_id(check);
    selinux(check);
}

/// The first systemd that knows all settings of our units.
const SYSTEMD: u32 = 239;

fn systemd(check: &mut HostCheck) {
    match check.facts.systemd {
        None => check.fail(
            "systemd",
            "systemd does not run this host",
            "boot it with systemd as PID 1; kbootstrap runs every component as a systemd service",
        ),
        Some(version) if version < SYSTEMD => check.fail(
            "systemd",
            format!("systemd {version}"),
            format!("use a distribution with systemd {SYSTEMD} or newer"),
        ),
        Some(_) => {}
    }
}

/// `ID` in os-release of distributions whose releases since about 2020 have all that is needed.
const DISTRIBUTIONS: [&str; 18] = [
    "debian",
    "ubuntu",
    "rhel",
    "centos",
    "rocky",
    "almalinux",
    "ol",
    "fedora",
    "amzn",
    "opensuse-leap",
    "sles",
    "openEuler",
    "anolis",
    "alinux",
    "kylin",
    "uos",
    "deepin",
    "arch",
];

fn os(check: &mut HostCheck) {
    let os = &check.facts.os;
    if !DISTRIBUTIONS.contains(&os.id.as_str()) {
        let name = if os.pretty.is_empty() { "an unknown distribution" } else { &os.pretty };
        check.warn(
            "os",
            format!("{name} has not been tried"),
            "it needs systemd, coreutils, iproute2, iptables or nft; tell us how it went",
        );
    }
}

/// New certificates are valid from five minutes before they are issued, so that far a clock may be behind.
const CLOCK_FAIL_MS: u64 = 240_000;
const CLOCK_WARN_MS: u64 = 2_000;

fn clock(check: &mut HostCheck) {
    let skew = check.facts.clock_skew_ms;
    // Only what the round trip cannot explain.
    let certain = skew.unsigned_abs().saturating_sub(check.facts.clock_bound_ms);
    if certain <= CLOCK_WARN_MS {
        return;
    }
    let side = if skew < 0 { "behind" } else { "ahead of" };
    let finding = format!("the clock is {} {side} this machine's", seconds(certain));
    let remedy = SYNCHRONIZE;
    if certain > CLOCK_FAIL_MS {
        check.fail("clock-skew", finding, remedy)
    } else {
        check.warn("clock-skew", finding, remedy)
    }
}

/// What to do about a clock.
pub(super) const SYNCHRONIZE: &str =
    "synchronize the clocks: `timedatectl set-ntp true`, or install chrony; then look with `timedatectl`";

/// `1.5 s`, `2 h 5 min`.
pub(super) fn seconds(millis: u64) -> String {
    match millis / 1000 {
        0..60 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        s @ 60..3600 => format!("{} min {} s", s / 60, s % 60),
        s @ 3600..172_800 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        s => format!("{} days", s / 86_400),
    }
}

/// The kubelet gets the node's name as a flag, so another host name only confuses people.
fn hostname(check: &mut HostCheck) {
    let (seen, name) = (&check.facts.hostname, &check.host.name);
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    if check.host.is(Role::Node) && !seen.is_empty() && short(seen) != short(name) {
        check.warn(
            "hostname",
            format!("the host calls itself {seen}; its node will be {name}"),
            format!("`hostnamectl set-hostname {name}`, or give it the name {seen} in the inventory"),
        );
    }
}

fn machine_id(check: &mut HostCheck) {
    let id = &check.facts.machine_id;
    if id.len() != 32 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        let seen =
            if id.is_empty() { "/etc/machine-id is empty".into() } else { format!("/etc/machine-id says `{id}`") };
        check.fail("machine-id", seen, "`rm -f /etc/machine-id && systemd-machine-id-setup`");
    }
}

fn selinux(check: &mut HostCheck) {
    if check.facts.selinux {
        check.warn(
            "selinux",
            "SELinux is enforcing; containers and hostPath volumes may be refused",
            "`setenforce 0`, and `SELINUX=permissive` in /etc/selinux/config; or install container-selinux",
        );
    }
}
