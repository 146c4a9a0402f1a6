//! docs/troubleshooting.md is made here: each check finds something on a host that was spoiled for it.

use std::fs;
use std::path::Path;

use super::*;
use crate::cluster::{Balancer, Endpoint, VirtualAddress};
use crate::facts::heard::Heard;
use crate::facts::paths::{Chain, End, Hook};

const BEGIN: &str = "<!-- made by src/preflight/tests/troubleshooting.rs -->\n";
const END: &str = "<!-- end -->";

/// What is found on that host when it was spoiled.
fn spoiled(name: &str, spoil: impl FnOnce(&mut Cluster, &mut HostFacts)) -> Vec<Finding> {
    let mut cluster = cluster();
    let mut facts = good(cluster.host(name).unwrap());
    spoil(&mut cluster, &mut facts);
    check(&Catalogue::standard(), &cluster, cluster.host(name).unwrap(), &facts)
}

/// A finding of every sort, at least one of each check.
fn examples() -> Vec<Finding> {
    let mut all = spoiled("n1", |_, facts| {
        facts.arch = "riscv64".into();
        facts.systemd = None;
        facts.os.pretty = "Void Linux".into();
        facts.os.id = "void".into();
        facts.memory = 300_000_000;
        facts.swap = vec!["/dev/sda2".into()];
        facts.clock_skew_ms = -4_000_000;
        facts.hostname = "template".into();
        facts.machine_id = String::new();
        facts.kernel = (4, 18);
        facts.kernel_release = "4.18.0-553.el8".into();
        facts.cgroup = Cgroup::V1;
        facts.cgroup_controllers.remove("memory");
        facts.modules.insert("vxlan".into(), Module::Missing);
        facts.sysctls.insert("kernel.panic".into(), Sysctl { value: "0".into(), writable: false });
        facts.sysctls.insert("fs.inotify.max_user_instances".into(), Sysctl { value: "128".into(), writable: false });
        facts.selinux = true;
        facts.programs = ["dnf".to_owned()].into();
        facts.proxies.insert("HTTPS_PROXY".into(), "http://proxy:3128".into());
        facts.addresses = vec![("eth0".into(), "10.244.0.5".parse().unwrap())];
        facts.routes.push(("10.96.7.0/24".into(), "tun0".into()));
        facts.nameservers = vec!["127.0.0.53".into()];
        facts.ufw = true;
        for name in ["firewalld", "docker", "containerd", "kubelet", "k3s-agent"] {
            facts.units.insert(format!("{name}.service"), unit("active"));
        }
        facts.listings.insert("/etc/kubernetes/manifests".into(), vec!["kube-apiserver.yaml".into()]);
        facts.listings.insert("/etc/cni/net.d".into(), vec!["05-cilium.conflist".into()]);
        for port in [8472, 10248, 10249, 10250, 10256] {
            facts.listening.push(socket("*", port, "another"));
            facts.listening_udp.push(socket("*", port, "another"));
        }
    });
    all.extend(spoiled("n1", |cluster, facts| {
        cluster.proxy_mode = ProxyMode::Nftables;
        facts.nft = Some("0.9.8".parse().unwrap());
        facts.resolv_conf = false;
        facts.resolv_conf_link = Some("../run/systemd/resolve/stub-resolv.conf".into());
        facts.disks.insert("/var/lib/containerd".into(), Disk { free_inodes: Some(9), ..disk(1_000_000_000) });
        let mount = |read_only| Mount { point: "/data".into(), read_only, noexec: !read_only };
        facts.mounts = [("/usr/local/bin".into(), mount(false)), ("/var/lib/kubelet".into(), mount(true))].into();
        let line = |file: &str, text: &str| BootLine { file: file.into(), number: 4, text: text.into() };
        facts.boot_lines = vec![
            line("/etc/sysctl.d/99-cis.conf", "net.ipv4.ip_forward = 0"),
            line("/etc/modprobe.d/cis.conf", "install overlay /bin/false"),
            line("/etc/fstab", "/dev/sda2 none swap sw 0 0"),
        ];
        facts.sysctl_files.insert("/etc/sysctl.d/99-cis.conf".into());
        facts.flushes.push("/etc/nftables.conf".into());
        let nftables = UnitFact { enabled: "enabled".into(), ..unit("inactive") };
        facts.units.insert("nftables.service".into(), nftables);
        facts.lost_for_good.push("the host ports of pod shop/web are not forwarded any more".into());
        facts.units.insert("firewalld.service".into(), unit("inactive"));
        let drop_in = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf".to_owned();
        let kubelet = UnitFact { drop_ins: vec![drop_in.clone()], ..unit("inactive") };
        facts.units.insert("kubelet.service".into(), kubelet);
        facts.drop_ins.insert(drop_in, ["ExecStart".to_owned()].into());
        let way = |mode, uid, user: &str| crate::facts::Way { mode, uid, user: user.into(), names: 1 };
        facts.ways = [
            ("/opt".to_owned(), way(0o040_755, 1000, "kim")),
            ("/opt/cni".to_owned(), way(0o100_644, 0, "root")),
            ("/opt/cni/bin".to_owned(), way(0o040_777, 0, "root")),
            ("/opt/cni/bin/loopback".to_owned(), way(0o120_777, 0, "root")),
            ("/usr/local".to_owned(), way(0o042_775, 0, "root")),
            ("/usr/local/bin".to_owned(), way(0o040_755, 0, "root")),
            ("/usr/local/bin/kubelet".to_owned(), way(0o100_755, 0, "root")),
        ]
        .into();
        facts.acls = ["/usr/local", "/usr/local/bin"].map(String::from).into();
        facts.others = [
            ("/etc/cni/net.d/00-net.conf".to_owned(), way(0o644, 1000, "kim")),
            ("/etc/containerd/certs.d/hosts.toml".to_owned(), way(0o666, 0, "root")),
        ]
        .into();
    }));
    all.extend(spoiled("n1", |cluster, facts| {
        cluster.proxy_mode = ProxyMode::Ipvs;
        facts.modules.insert("ip_vs".into(), Module::Missing);
    }));
    all.extend(spoiled("m1", |_, facts| {
        facts.cpus = 1;
        facts.dirs.insert("/var/lib/etcd/member".into(), leftovers::directory());
        for port in [2379, 2380, 2381, 6443, 10257, 10259] {
            facts.listening.push(socket("*", port, "another"));
        }
    }));
    all.extend(packages::examples());
    all.extend(spoiled("n1", |cluster, facts| {
        cluster.balancing.local = Some(Balancer::Haproxy);
        facts.listening.extend([7443, 7444].map(|port| socket("127.0.0.1", port, "another")));
    }));
    all.extend(virtual_address());
    let site = Endpoint { host: "api.example.com".into(), port: 6443 };
    all.push(endpoint(&cluster().hosts[1], &site, "api.example.com does not resolve there"));
    all.extend(spoiled("m1", |cluster, facts| {
        cluster.hosts[1].roles.insert(Role::Master);
        facts.programs.remove("nft");
    }));
    all.extend(between());
    all
}

/// What is wrong on a host that is to hold the virtual address, and what it hears.
fn virtual_address() -> Vec<Finding> {
    let held = VirtualAddress { address: [10, 0, 0, 9].into(), port: 8443, ..VirtualAddress::unknown() };
    let holder = |cluster: &mut Cluster, held: VirtualAddress| {
        cluster.hosts[0].roles.insert(Role::Lb);
        cluster.balancing.virtual_address = Some(held);
    };
    let mut all = spoiled("m1", |cluster, facts| {
        holder(cluster, held.clone());
        facts.listening.extend([socket("*", 8443, "another"), socket("127.0.0.1", 7445, "another")]);
        facts.addresses.push(("eth0".into(), held.address));
    });
    let elsewhere = VirtualAddress { address: [192, 0, 2, 9].into(), ..held.clone() };
    all.extend(spoiled("m1", |cluster, _| holder(cluster, elsewhere)));
    let nowhere = VirtualAddress { interface: Some("bond0".into()), ..held.clone() };
    all.extend(spoiled("m1", |cluster, _| holder(cluster, nowhere)));
    let heard = Heard {
        answers: Some("02:00:00:00:00:07".into()),
        routers: vec![[10, 0, 0, 77].into()],
        deaf: Some("nft does not listen".into()),
    };
    all.extend(strangers(&cluster().hosts[0], &held, &heard));
    all
}

/// What shows when hosts are compared, and when they try to reach each other.
fn between() -> Vec<Finding> {
    let cluster = cluster();
    let mut facts: BTreeMap<String, HostFacts> =
        cluster.hosts.iter().map(|host| (host.name.clone(), good(host))).collect();
    let names = cluster.hosts.iter().map(|host| host.name.clone()).collect();
    let needed = needed_paths(&Catalogue::standard(), &cluster, &facts, &names);
    let ends = [End::Silent, End::Refused, End::NoWay("No route to host".into()), End::NotTried("why".into())];
    let tried: Vec<_> = needed.into_iter().zip(ends.into_iter().cycle()).take(4).collect();
    let chain = |name: &str, hook| Chain { name: name.into(), hook, drops: true, rules: Vec::new() };
    let chains = vec![chain("iptables INPUT", Hook::Input), chain("iptables FORWARD", Hook::Forward)];
    let chains = [("n1".to_owned(), chains)].into();
    let mut all = judge_paths(&Catalogue::standard(), &cluster, &facts, &tried, &chains);
    let one = facts["n1"].machine_id.clone();
    let n2 = facts.get_mut("n2").unwrap();
    n2.machine_id = one;
    for facts in facts.values_mut() {
        facts.hardware_addresses.insert("eth0".into(), "02:00:00:00:00:09".into());
        facts.product_uuid = "03000200-0400-0500-0006-000700080009".into();
    }
    facts.get_mut("n1").unwrap().clock_skew_ms = 2_600;
    all.extend(check_all(&Catalogue::standard(), &cluster, &facts));
    all
}

fn text() -> String {
    let examples = examples();
    let mut text = String::new();
    for (name, about) in checks(&Catalogue::standard()) {
        let mut of_check: Vec<_> = examples.iter().filter(|finding| finding.check == name).collect();
        assert!(!of_check.is_empty(), "{name} finds nothing here: spoil a host for it");
        let mut said = BTreeSet::new();
        of_check.retain(|finding| said.insert(&finding.finding));
        text.push_str(&format!("\n### {name}\n\n{about}.\n"));
        for Finding { severity, finding, remedy, .. } in of_check {
            let word = if *severity == Severity::Fail { "fails" } else { "warns" };
            text.push_str(&format!("\n- **{word}**: {finding}\n\n  {remedy}\n"));
        }
    }
    text
}

/// With `UPDATE_DOCS` it is written.
#[test]
fn the_documentation_lists_what_is_found_and_its_remedy() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/troubleshooting.md");
    let before = fs::read_to_string(&file).unwrap();
    let (head, rest) = before.split_once(BEGIN).expect("the list begins somewhere");
    let (_, tail) = rest.split_once(END).expect("and ends");
    let now = format!("{head}{BEGIN}{}\n{END}{tail}", text());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &now).unwrap();
    }
    assert!(
        now == fs::read_to_string(&file).unwrap(),
        "out of date: run `UPDATE_DOCS=1 cargo test --lib troubleshooting`"
    );
}
