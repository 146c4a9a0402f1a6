//! A default host, for rendering without hosts at hand.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::{Cgroup, HostFacts, Module, Os, PROGRAMS, PackageFacts, PackageManager, Sysctl};

const MODULES: [&str; 6] = ["overlay", "br_netfilter", "nf_conntrack", "nf_tables", "vxlan", "ip_tables"];
const IPVS_MODULES: [&str; 4] = ["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"];

const CONTROLLERS: [&str; 7] = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"];

/// Values of a freshly installed Debian 12.
const SYSCTLS: [(&str, &str); 12] = [
    ("fs.inotify.max_user_instances", "128"),
    ("fs.inotify.max_user_watches", "65536"),
    ("kernel.keys.root_maxbytes", "25000000"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.panic", "0"),
    ("kernel.panic_on_oops", "0"),
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
    ("net.bridge.bridge-nf-call-iptables", "1"),
    ("net.ipv4.ip_forward", "0"),
    ("net.netfilter.nf_conntrack_max", "262144"),
    ("vm.overcommit_memory", "0"),
    ("vm.panic_on_oom", "0"),
];

impl HostFacts {
    /// A bare Debian 12 on amd64 with 4 CPUs, 8 GiB of memory, nothing of ours on it and nothing missing.
    pub fn default_host() -> Self {
        let mut modules: BTreeMap<_, _> = MODULES.iter().map(|name| (name.to_string(), Module::Present)).collect();
        modules.extend(IPVS_MODULES.iter().map(|name| (name.to_string(), Module::Loadable)));
        HostFacts {
            os: Os {
                id: "debian".into(),
                version: "12".into(),
                codename: "bookworm".into(),
                pretty: "Debian GNU/Linux 12 (bookworm)".into(),
            },
            arch: "amd64".into(),
            kernel: (6, 1),
            kernel_release: "6.1.0-37-amd64".into(),
            hostname: String::new(),
            machine_id: String::new(),
            product_uuid: String::new(),
            boot_id: String::new(),
            uptime: 3600,
            clock: None,
            systemd: Some(252),
            proxies: BTreeMap::new(),
            cgroup: Cgroup::V2,
            cgroup_controllers: CONTROLLERS.iter().map(|name| name.to_string()).collect(),
            selinux: false,
            ufw: false,
            capabilities: 0x1ff_ffff_ffff,
            cpus: 4,
            memory: 8 << 30,
            swap: Vec::new(),
            clock_skew_ms: 0,
            clock_bound_ms: 0,
            modules,
            sysctls: SYSCTLS
                .iter()
                .map(|(name, value)| (name.to_string(), Sysctl { value: value.to_string(), writable: true }))
                .collect(),
            disks: BTreeMap::new(),
            mounts: BTreeMap::new(),
            sysctl_files: BTreeSet::new(),
            boot_lines: Vec::new(),
            listening: Vec::new(),
            listening_udp: Vec::new(),
            devices: BTreeSet::new(),
            hardware_addresses: BTreeMap::new(),
            lost: BTreeMap::new(),
            lost_for_good: Vec::new(),
            flushes: Vec::new(),
            addresses: Vec::new(),
            routes: Vec::new(),
            nameservers: Vec::new(),
            resolv_conf: true,
            resolv_conf_link: None,
            programs: PROGRAMS.iter().chain(&["apt-get"]).map(|name| name.to_string()).collect(),
            nft: Some(Version::new(1, 0, 6)),
            users: BTreeSet::new(),
            systemd_resolved: false,
            known: false,
            files: BTreeMap::new(),
            certificates: BTreeMap::new(),
            encryption_keys: Vec::new(),
            dirs: BTreeMap::new(),
            ways: BTreeMap::new(),
            acls: BTreeSet::new(),
            others: BTreeMap::new(),
            listings: BTreeMap::new(),
            units: BTreeMap::new(),
            drop_ins: BTreeMap::new(),
            images: BTreeSet::new(),
            packages: PackageFacts { manager: Some(PackageManager::Dpkg), ..PackageFacts::default() },
        }
    }
}
