//! One host: hardware, kernel, programs, network.

use super::*;

#[test]
fn a_good_host_has_no_findings() {
    for name in ["m1", "n1"] {
        assert_eq!(found(name, |_, _| {}), Vec::<String>::new());
    }
}

#[test]
fn everything_that_can_be_wrong_is_said_at_once() {
    let findings = found("n1", |_, facts| {
        facts.arch = "riscv64".into();
        facts.systemd = None;
        facts.os.id = "void".into();
        facts.os.pretty = "Void Linux".into();
        facts.memory = 300_000_000;
        facts.disks.insert("/var/lib/containerd".into(), disk(1_500_000_000));
        facts.disks.insert("/var/lib/kubelet".into(), disk(1_500_000_000));
        facts.swap = vec!["/dev/sda2".into(), "/swapfile".into()];
        facts.clock_skew_ms = -4_000_000;
        facts.hostname = "template".into();
        facts.machine_id = String::new();
        facts.kernel = (4, 18);
        facts.kernel_release = "4.18.0-553.el8".into();
        facts.cgroup = Cgroup::V1;
        facts.cgroup_controllers.remove("memory");
        facts.modules.insert("vxlan".into(), Module::Missing);
        facts.modules.insert("ip_tables".into(), Module::Missing);
        facts.modules.insert("nf_tables".into(), Module::Missing);
        facts.sysctls.insert("kernel.panic".into(), Sysctl { value: "0".into(), writable: false });
        facts.sysctls.remove("vm.panic_on_oom");
        facts.sysctls.insert("net.ipv4.ip_forward".into(), Sysctl { value: "0".into(), writable: false });
        facts.sysctls.insert("fs.inotify.max_user_instances".into(), Sysctl { value: "128".into(), writable: false });
        facts.selinux = true;
        facts.ufw = true;
        facts.programs.clear();
        facts.addresses = vec![("eth0".into(), "10.244.0.5".parse().unwrap())];
        facts.routes.push(("10.96.7.0/24".into(), "tun0".into()));
        facts.routes.push(("10.0.0.0/8".into(), "tun0".into()));
        facts.nameservers = vec!["127.0.0.1".into()];
        facts.listening = vec![socket("*", 10250, "kubelet"), socket("127.0.0.1", 10249, "")];
        for unit_name in ["firewalld", "docker", "containerd", "kubelet", "k3s-agent"] {
            facts.units.insert(format!("{unit_name}.service"), unit("active"));
        }
        facts.listings.insert("/etc/kubernetes/manifests".into(), vec!["kube-apiserver.yaml".into()]);
        facts.listings.insert("/etc/cni/net.d".into(), vec!["05-cilium.conflist".into()]);
    });
    insta::assert_snapshot!(findings.join("\n"), @r"
    arch Fail the processor is riscv64
    systemd Fail systemd does not run this host
    os Warn Void Linux has not been tried
    memory Fail 300 MB of memory
    disk Fail 1500 MB free for images and containers in /var/lib/containerd
    disk Warn 1500 MB free for pods' volumes in /var/lib/kubelet
    swap Fail swap is on: /dev/sda2 /swapfile
    clock-skew Fail the clock is 1 h 6 min behind this machine's
    hostname Warn the host calls itself template; its node will be n1
    machine-id Fail /etc/machine-id is empty
    kernel Fail Linux 4.18.0-553.el8
    cgroup Fail the kernel has no cgroup controller memory
    cgroup Warn controllers are on cgroup v1, which Kubernetes is giving up; the kubelet is configured to accept it
    modules Fail the kernel (4.18.0-553.el8) has no module vxlan, neither built in nor loadable
    kernel-settings Fail kernel.panic is 0 and cannot be changed here, it must be 10
    kernel-settings Fail vm.panic_on_oom does not exist here, it must be 0
    kernel-settings Fail net.ipv4.ip_forward is 0 and cannot be changed here, it must be 1
    inotify Warn fs.inotify.max_user_instances is 128 and cannot be changed here
    selinux Warn SELinux is enforcing; containers and hostPath volumes may be refused
    iptables Fail there is no iptables program, which kube-proxy runs
    iptables Fail the kernel has neither ip_tables nor nf_tables, and kube-proxy needs one
    conntrack Warn there is no conntrack program; kube-proxy works without it, people who look for lost connections do not
    tools Fail there is no tar program; files are unpacked with it
    tools Fail there is no sha256sum program; files are verified with it
    tools Fail there is no ip program; addresses and routes are read with it
    tools Warn there is no ss program, so nobody looked at which ports are taken
    tools Warn there is no bash program, so no path from here to other hosts was tried
    tools Fail there is no mount program; the kubelet mounts volumes with it
    tools Fail there is no modprobe program; kernel modules are loaded with it
    address Fail 10.0.0.21 is on none of its interfaces; it has 10.244.0.5 (eth0)
    loopback Fail 127.0.0.1 is on no interface
    network-overlap Fail its address 10.244.0.5 (eth0) lies in the pod network 10.244.0.0/16
    network-overlap Warn its route to 10.0.0.0/8 on tun0 contains the pod network 10.244.0.0/16; addresses there are hidden
    network-overlap Fail its route to 10.96.7.0/24 on tun0 lies in the service network 10.96.0.0/16
    network-overlap Warn its route to 10.0.0.0/8 on tun0 contains the service network 10.96.0.0/16; addresses there are hidden
    resolv Fail /etc/resolv.conf names 127.0.0.1, and CoreDNS would ask itself there and end
    port-10249 Fail 127.0.0.1:10249 is taken by a process that cannot be seen, and our kube-proxy needs it
    port-10250 Fail *:10250 is taken by kubelet, and our kubelet needs it
    firewall Warn firewalld runs
    firewall Warn ufw is enabled
    leftovers Fail k3s runs here (k3s-agent.service)
    leftovers Fail a kubeadm cluster was or is here: /etc/kubernetes/manifests holds kube-apiserver.yaml
    leftovers Fail a kubelet of another cluster runs here
    leftovers Warn a containerd of the distribution runs here; ours will take its place and its configuration
    leftovers Warn /etc/cni/net.d holds configuration of another network plugin: 05-cilium.conflist
    leftovers Warn Docker runs here; it changes firewall rules, and nodes run containerd beside it
    ");
}

#[test]
fn a_master_wants_cpus_memory_and_etcds_disk() {
    let findings = found("m1", |_, facts| {
        facts.cpus = 1;
        facts.memory = 1_600_000_000;
        facts.disks.insert("/var/lib/etcd".into(), disk(900_000_000));
        facts.disks.insert("/usr/local/bin".into(), disk(300_000_000));
    });
    insta::assert_snapshot!(findings.join("\n"), @r"
    cpus Warn a master with 1 CPU
    memory Warn 1600 MB of memory
    disk Fail 300 MB free for programs in /usr/local/bin
    disk Fail 900 MB free for etcd's data in /var/lib/etcd
    ");
}

#[test]
fn swap_matters_to_kubelets_that_mind_it() {
    let swap = |_: &mut Cluster, facts: &mut HostFacts| facts.swap = vec!["/dev/sda2".into()];
    assert_eq!(found("n1", swap), ["swap Fail swap is on: /dev/sda2"]);
    assert!(found("m1", swap).is_empty(), "no kubelet there");
    let allowed = found("n1", |cluster, facts| {
        swap(cluster, facts);
        cluster.hosts[1].components = settings(serde_json::json!({"failSwapOn": false}));
    });
    assert!(allowed.is_empty());
}

#[test]
fn the_round_trip_is_no_skew() {
    let skew = |skew: i64, bound: u64| {
        found("n1", move |_, facts| (facts.clock_skew_ms, facts.clock_bound_ms) = (skew, bound))
    };
    assert!(skew(5_000, 3_500).is_empty());
    assert_eq!(skew(5_000, 500), ["clock-skew Warn the clock is 4.5 s ahead of this machine's"]);
    assert_eq!(skew(-7_500_000, 0), ["clock-skew Fail the clock is 2 h 5 min behind this machine's"]);
    assert_eq!(skew(i64::MIN, 0).len(), 1);
}

#[test]
fn proxy_modes_need_what_they_need() {
    let ipvs = |ip_vs: Module, ipset: bool| {
        found("n1", move |cluster, facts| {
            cluster.proxy_mode = ProxyMode::Ipvs;
            facts.modules.insert("ip_vs".into(), ip_vs);
            if !ipset {
                facts.programs.remove("ipset");
            }
        })
    };
    assert_eq!(
        ipvs(Module::Missing, true),
        ["ipvs Fail `proxy: {mode: ipvs}`, but the kernel (6.1.0-37-amd64) has no module ip_vs"]
    );
    assert_eq!(ipvs(Module::Loadable, false), ["ipvs Fail `proxy: {mode: ipvs}`, but there is no ipset program"]);
    assert!(ipvs(Module::Loadable, true).is_empty());

    let nftables = found("n1", |cluster, facts| {
        cluster.proxy_mode = ProxyMode::Nftables;
        facts.kernel = (5, 4);
        facts.kernel_release = "5.4.0".into();
        facts.programs.remove("nft");
        facts.modules.insert("nf_tables".into(), Module::Missing);
    });
    insta::assert_snapshot!(nftables.join("\n"), @r"
    kernel Fail Linux 5.4.0, and kube-proxy's nftables mode needs 5.13
    nftables Fail there is no nft program, which kube-proxy's nftables mode runs
    nftables Fail the kernel has no nf_tables
    ");
    // `auto` takes iptables there and is content.
    let auto = found("n1", |_, facts| {
        facts.kernel = (5, 4);
        facts.programs.remove("nft");
    });
    assert!(auto.is_empty());
}

#[test]
fn iptables_is_for_flannel_even_beside_nftables() {
    let without = |plugin: NetworkPlugin| {
        found("n1", move |cluster, facts| {
            cluster.networks.plugin = plugin;
            facts.programs.remove("iptables");
        })
    };
    assert_eq!(without(NetworkPlugin::Flannel), ["iptables Fail there is no iptables program, which flannel runs"]);
    assert!(without(NetworkPlugin::None).is_empty());
}

#[test]
fn modprobe_is_needed_only_to_load() {
    let without = |module: Module| {
        found("n1", move |_, facts| {
            facts.modules.values_mut().for_each(|known| *known = Module::Present);
            facts.modules.insert("overlay".into(), module);
            facts.programs.remove("modprobe");
        })
    };
    assert!(without(Module::Present).is_empty());
    assert_eq!(
        without(Module::Loadable),
        ["tools Fail there is no modprobe program; kernel modules are loaded with it"]
    );
}

#[test]
fn name_servers_on_loopback_are_fine_behind_resolved() {
    let servers = |resolved: bool| {
        found("n1", move |_, facts| {
            facts.systemd_resolved = resolved;
            facts.nameservers = vec!["127.0.0.53".into()];
        })
    };
    assert!(servers(true).is_empty());
    assert_eq!(
        servers(false),
        ["resolv Fail /etc/resolv.conf names 127.0.0.53, and CoreDNS would ask itself there and end"]
    );
    let chosen = found("n1", |cluster, facts| {
        facts.nameservers.clear();
        cluster.hosts[1].components = settings(serde_json::json!({"resolvConf": "/etc/other"}));
    });
    assert!(chosen.is_empty());
}

#[test]
fn a_resolv_conf_that_is_not_there_stops_pods() {
    let gone = |link: Option<&str>| {
        let link = link.map(str::to_owned);
        found("n1", move |_, facts| {
            facts.nameservers.clear();
            (facts.resolv_conf, facts.resolv_conf_link) = (false, link);
        })
    };
    assert_eq!(gone(None), ["resolv Fail there is no /etc/resolv.conf, and no pod starts without it"]);
    assert_eq!(
        gone(Some("../run/systemd/resolve/stub-resolv.conf")),
        ["resolv Fail /etc/resolv.conf leads to ../run/systemd/resolve/stub-resolv.conf, which is not there, and no \
             pod starts without it"]
    );
    // As NetworkManager writes it that manages no interface.
    let empty = found("n1", |_, facts| facts.nameservers.clear());
    assert_eq!(empty, ["resolv Fail /etc/resolv.conf names no name server, and CoreDNS ends without one"]);
    let both = found("n1", |_, facts| facts.nameservers = vec!["127.0.0.1".into(), "10.0.0.1".into()]);
    assert_eq!(
        both,
        ["resolv Warn /etc/resolv.conf names 127.0.0.1, 10.0.0.1, and CoreDNS would ask itself on loopback"]
    );
    assert!(found("m1", |_, facts| facts.resolv_conf = false).is_empty(), "no pods there");
}

#[test]
fn a_proxy_for_all_services_is_named_on_nodes() {
    let proxy = |facts: &mut HostFacts| drop(facts.proxies.insert("HTTPS_PROXY".into(), "http://proxy:3128".into()));
    let node = found("n1", |_, facts| proxy(facts));
    assert_eq!(node, ["proxies Warn systemd gives services HTTPS_PROXY=http://proxy:3128"]);
    assert!(found("m1", |_, facts| proxy(facts)).is_empty(), "nothing there takes it");
}

#[test]
fn an_old_nft_is_no_nft() {
    let with = |mode: ProxyMode, version: &str| {
        let version = version.parse().unwrap();
        found("n1", move |cluster, facts| {
            cluster.proxy_mode = mode;
            facts.nft = Some(version);
        })
    };
    assert_eq!(
        with(ProxyMode::Nftables, "0.9.8"),
        ["nftables Fail nft is 0.9.8; kube-proxy's nftables mode and flannel need 1.0.1 or newer"]
    );
    assert!(with(ProxyMode::Nftables, "1.0.1").is_empty());
    assert!(with(ProxyMode::Auto, "0.9.8").is_empty(), "auto takes iptables");
}

#[test]
fn a_large_disk_can_be_too_full_for_the_kubelet() {
    let full = |facts: &mut HostFacts| {
        facts.disks.insert("/var/lib/containerd".into(), Disk { size: 252_000_000_000, ..disk(36_000_000_000) });
    };
    let findings = found("n1", |_, facts| full(facts));
    insta::assert_snapshot!(findings.join("\n"), @"disk Fail 14 % of the disk of /var/lib/containerd is free: with less than 15 % the kubelet takes no pods");
    let findings = found("n1", |_, facts| {
        full(facts);
        facts.known = true;
    });
    assert!(findings[0].starts_with("disk Warn"), "{findings:?}");
}
