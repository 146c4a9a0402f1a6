//! What another cluster or container engine left or still runs, and firewalls.

use super::data_plane;
use super::finding::HostCheck;
use super::openings::{FIREWALLD, Firewall};
use crate::cluster::{NetworkPlugin, Role};
use crate::components::etcd;
use crate::facts::NETWORK_MANAGER;

/// Where kubeadm keeps the static pods of its control plane.
pub(super) const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// Units of others, which are asked about on every host.
pub(super) const UNITS: [&str; 16] = [
    NETWORK_MANAGER,
    data_plane::NFTABLES,
    FIREWALLD,
    "docker.service",
    "crio.service",
    "containerd.service",
    "kubelet.service",
    "etcd.service",
    "k3s.service",
    "k3s-agent.service",
    "rke2-server.service",
    "rke2-agent.service",
    "k0scontroller.service",
    "k0sworker.service",
    "snap.microk8s.daemon-kubelite.service",
    "snap.k8s.kubelet.service",
];

pub(super) fn check(check: &mut HostCheck) {
    distributions(check);
    if !check.facts.known {
        firewalls(check);
        manifests(check);
        strangers(check);
        etcd_data(check);
    }
    cni(check);
    docker(check);
}

/// What such a firewall shuts is found by trying; on a host that is new it is said beforehand what it must be told.
fn firewalls(check: &mut HostCheck) {
    for firewall in Firewall::on(check.facts) {
        let opens = firewall.opens(check.catalogue, check.cluster, check.host);
        let finding = match firewall {
            Firewall::Firewalld => "firewalld runs",
            Firewall::Ufw => "ufw is enabled",
        };
        check.warn("firewall", finding, format!("what the cluster needs is opened by {opens}, once"));
    }
}

/// Other ways to run Kubernetes, with what takes them away.
const DISTRIBUTIONS: [(&str, &str, &str); 8] = [
    ("k3s.service", "k3s", "`k3s-uninstall.sh`"),
    ("k3s-agent.service", "k3s", "`k3s-agent-uninstall.sh`"),
    ("rke2-server.service", "RKE2", "`rke2-uninstall.sh`"),
    ("rke2-agent.service", "RKE2", "`rke2-uninstall.sh`"),
    ("k0scontroller.service", "k0s", "`k0s stop && k0s reset`"),
    ("k0sworker.service", "k0s", "`k0s stop && k0s reset`"),
    ("snap.microk8s.daemon-kubelite.service", "MicroK8s", "`snap remove --purge microk8s`"),
    ("snap.k8s.kubelet.service", "Canonical Kubernetes", "`snap remove --purge k8s`"),
];

fn distributions(check: &mut HostCheck) {
    for (unit, name, remedy) in DISTRIBUTIONS {
        if check.facts.is_running(unit) {
            check.fail("leftovers", format!("{name} runs here ({unit})"), format!("{remedy}, or use another host"));
        }
    }
}

/// Where kbootstrap has been, static pods are the person's own.
fn manifests(check: &mut HostCheck) {
    if let Some(names) = check.facts.listings.get(MANIFESTS).filter(|names| !names.is_empty()) {
        check.fail(
            "leftovers",
            format!("a kubeadm cluster was or is here: {MANIFESTS} holds {}", names.join(", ")),
            "`kubeadm reset` if nobody needs it, or use another host",
        );
    }
}

/// Units of the names that ours will have, on a host where kbootstrap has never been.
fn strangers(check: &mut HostCheck) {
    if check.host.is(Role::Node) && check.facts.is_running("kubelet.service") {
        check.fail(
            "leftovers",
            "a kubelet of another cluster runs here",
            "drain the node there, then `systemctl disable --now kubelet`, or use another host",
        );
    }
    if check.host.is(Role::Etcd) && check.facts.is_running(etcd::UNIT) {
        check.fail(
            "leftovers",
            "an etcd that is not ours runs here",
            "save its data, then `systemctl disable --now etcd`, or use another host",
        );
    }
    if check.host.is(Role::Node) && check.facts.is_running("containerd.service") {
        check.warn(
            "leftovers",
            "a containerd of the distribution runs here; ours will take its place and its configuration",
            "see what it runs with `ctr namespaces ls`; `systemctl disable --now containerd` if nobody needs it",
        );
    }
}

fn etcd_data(check: &mut HostCheck) {
    let member = etcd::member(&check.cluster.layout);
    if check.host.is(Role::Etcd) && check.facts.dirs.contains_key(&member) {
        let data = &check.cluster.layout.etcd_data;
        check.fail(
            "leftovers",
            format!("{member} holds the data of an etcd that kbootstrap did not start"),
            format!("save it if somebody needs it, then move it away: `mv {data} {data}.old`"),
        );
    }
}

/// containerd takes the first configuration by name, so another plugin's can win over flannel's.
fn cni(check: &mut HostCheck) {
    let directory = &check.cluster.layout.cni_conf;
    let Some(names) = check.facts.listings.get(directory) else { return };
    let others: Vec<_> = names.iter().filter(|name| !name.contains("flannel")).map(String::as_str).collect();
    if check.host.is(Role::Node) && check.cluster.networks.plugin == NetworkPlugin::Flannel && !others.is_empty() {
        check.warn(
            "leftovers",
            format!("{directory} holds configuration of another network plugin: {}", others.join(", ")),
            "move these files away, or containerd may take them instead of flannel's",
        );
    }
}

fn docker(check: &mut HostCheck) {
    for (unit, name) in [("docker.service", "Docker"), ("crio.service", "CRI-O")] {
        if check.host.is(Role::Node) && check.facts.is_running(unit) {
            check.warn(
                "leftovers",
                format!("{name} runs here; it changes firewall rules, and nodes run containerd beside it"),
                format!(
                    "`systemctl disable --now {unit}` if nobody needs it; Docker's own stops pod traffic by its \
                         FORWARD policy: `iptables -P FORWARD ACCEPT`"
                ),
            );
        }
    }
}
