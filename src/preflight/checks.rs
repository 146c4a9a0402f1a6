//! The names of all checks.

use crate::components::{Catalogue, PortSpec};

/// Every check: its name, and what it looks at. `docs/preflight.md` says more about each.
pub fn checks(catalogue: &Catalogue) -> Vec<(String, &'static str)> {
    let ports = catalogue.ports();
    let ports = ports.iter().map(|(port, _)| (PortSpec::check(port), port.about));
    let fixed = |checks: &'static [(&str, &str)]| checks.iter().map(|(name, about)| ((*name).to_owned(), *about));
    fixed(BEFORE_PORTS).chain(ports).chain(fixed(AFTER_PORTS)).collect()
}

const BEFORE_PORTS: &[(&str, &str)] = &[
    ("arch", "the processor is amd64 or arm64, and of a kind that the cluster has programs for"),
    ("systemd", "systemd runs the host, and is new enough"),
    ("os", "a distribution that this is known to work on"),
    ("cpus", "masters have at least 2 CPUs"),
    ("memory", "masters have at least 1.7 GB of memory, other hosts 0.9 GB"),
    ("disk", "room for programs, images and etcd's data"),
    ("mounts", "file systems that can be written, and programs run from"),
    ("inodes", "room for as many files as programs and images have"),
    ("swap", "no swap on nodes: the kubelet refuses to start"),
    ("clock-skew", "the clocks of the hosts and of this machine agree"),
    ("hostname", "the host's own name is its name in the inventory, and no other host's"),
    ("machine-id", "/etc/machine-id is there and no other host's"),
    ("hardware-address", "the interface with the host's address has a hardware address (MAC) that no other host has"),
    ("product-uuid", "the machine's UUID is no other host's"),
    ("kernel", "Linux 4.19 or newer, 5.13 where nftables was asked for"),
    ("cgroup", "the cgroup version and the controllers that the kubelet needs"),
    ("modules", "kernel modules: overlay, br_netfilter, nf_conntrack, vxlan for flannel"),
    ("kernel-settings", "settings that the kubelet and pod networking insist on are right or can be set"),
    ("next-boot", "nothing undoes at the next boot what a node needs"),
    ("inotify", "enough inotify instances for kubelet and pods"),
    ("selinux", "SELinux is not enforcing"),
    ("ipvs", "kernel modules and ipset for kube-proxy's ipvs mode, where it was asked for"),
    ("nftables", "nft and the kernel's nf_tables for kube-proxy's nftables mode"),
    ("iptables", "iptables and its kernel support, for kube-proxy's iptables and ipvs modes and for flannel"),
    ("conntrack", "the conntrack program"),
    ("packages", "packages of the distribution are there and new enough, or can be installed"),
    ("api-gate", "nft on each of several masters, whose API servers are kept from others until they are ready"),
    ("tools", "programs that installing and running need: tar, sha256sum, ip, ss, mount, modprobe"),
    ("address", "the inventory's address is on one of the host's interfaces"),
    ("loopback", "127.0.0.1 is there"),
    ("network-overlap", "no route or address of the host lies in the pod or service network"),
    ("proxies", "systemd gives no proxy to the services of nodes"),
    ("resolv", "name servers that pods can ask"),
    ("virtual-address", "the virtual address is of the hosts' network and nobody's, and its port is free"),
];

const AFTER_PORTS: &[(&str, &str)] = &[
    ("paths", "the hosts reach each other on the ports that the cluster needs, tried for real"),
    ("endpoint", "the site's own balancer leads to an API server that is ready, from every host"),
    ("forward", "the host's firewall lets the packets of pods through"),
    ("units", "no file of others changes what our services run"),
    ("folders", "the folders that lead to files of ours are root's, and no link stands for a file"),
    ("firewall", "neither firewalld nor ufw runs"),
    ("leftovers", "no other cluster, container engine or CNI configuration lives here"),
    ("data-plane", "nothing takes the cluster's packet filter rules away, and pods have all of theirs"),
];
