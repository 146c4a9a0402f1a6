//! Everything that a cluster could leave on a host: files, processes, ports, interfaces, rules, mounts.

use crate::common::cluster::Cluster;

/// Sections of lines, each sorted. Kernel and systemd's own, which change by themselves, are left out.
const LOOK: &str = r#"
echo "== files"
find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log/journal \) -prune -o -print | sort
find /run /tmp /var/lib/containerd /var/lib/kubelet /var/lib/etcd | grep -Ev '^/run/(systemd|udev|log|dbus|sshd|lock|credentials|utmp|user|netns$)' | sort
echo "== units"
ls /etc/systemd/system/*.wants | sort
echo "== processes"
ps -eo comm= | sort -u | grep -E 'kube|etcd|containerd|flannel|coredns|pause|agnhost'
echo "== ports"
ss -Hltn | awk '{ print $4 }' | sort
echo "== interfaces"
ip -o link | awk '{ print $2 }' | sed 's/@.*//' | sort
ip route | sort
ip netns list
echo "== rules"
nft list ruleset
iptables-save | grep -v '^#'
ip6tables-save | grep -v '^#'
echo "== mounts"
awk '{ print $5 }' /proc/self/mountinfo | grep -Ev '^/(run/credentials|run/netns|sys)' | sort
true
"#;

/// What is on a host.
pub fn footprint(cluster: &Cluster, host: &str) -> Vec<String> {
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in cluster.on(host, LOOK).lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("== ") {
            Some(name) => section = name.to_owned(),
            None if section == "rules" && is_frame(line) => {}
            None => lines.push(format!("{section}: {line}")),
        }
    }
    lines
}

/// Empty tables and chains, which the kernel keeps once somebody has asked for them.
fn is_frame(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["}"] | ["COMMIT"] => true,
        ["table", _, "mangle" | "filter" | "nat", "{"] => true,
        ["chain", "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT" | "POSTROUTING", "{"] => true,
        ["type", .., "policy", "accept;"] => true,
        [table] => table.starts_with('*'),
        [chain, "ACCEPT", _] => chain.starts_with(':'),
        _ => false,
    }
}

/// What is there now and was not there before.
pub fn added(before: &[String], after: &[String]) -> Vec<String> {
    after.iter().filter(|line| !before.contains(line)).cloned().collect()
}

/// Files under our staging suffix: what a push has left half-written beside its place.
pub fn staged(cluster: &Cluster, host: &str) -> String {
    cluster.on(host, "find / -xdev -path /proc -prune -o -name '*.kbootstrap-new*' -print")
}
