//! What one probe learned about a host. Facts decide what is rendered; nobody has to tell us that a host is a container.

mod decisions;
mod default_host;
pub mod heard;
mod lost;
mod packages;
pub mod paths;
mod probe;
mod record;
mod runs;
mod started;
mod texts;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use semver::Version;
use serde::Serialize;
use time::OffsetDateTime;

pub use decisions::{
    CAP_SYS_RESOURCE, CONNTRACK_MAX, Decisions, NETWORK_MANAGER, NFTABLES_KERNEL, NFTABLES_PROGRAM, decide, module_of,
    proxy_mode,
};
pub use lost::lost;
pub use packages::{Found, PackageFact, PackageFacts, PackageManager, PackageState, is_package_name, is_unit_name};
pub use probe::{parse, probe, script};
pub use record::{RECORD_FORMAT, RECORD_FROM, record_hashes};
pub use started::{BOOT, master_called};
pub use texts::{read_files, read_texts};
pub use ways::Way;

/// Programs that a probe looks for on PATH.
pub const PROGRAMS: [&str; 15] = [
    "bash",
    "zstd",
    "gzip",
    "tar",
    "sha256sum",
    "conntrack",
    "nft",
    "iptables",
    "ip",
    "ipset",
    "ss",
    "modprobe",
    "mount",
    "ethtool",
    "socat",
];

/// Package managers, which it looks for, too.
pub const PACKAGE_MANAGERS: [&str; 5] = ["apt-get", "dnf", "yum", "zypper", "pacman"];

/// At most this much of a file of certificates is read: some bundles are large, those of a cluster's CAs are not.
pub const CERTIFICATE_BYTES: usize = 64 << 10;

/// A file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// What others than root may still write.
    pub free: u64,
    /// All of it.
    pub size: u64,
    /// Files that can still be made; none where the file system does not count them.
    pub free_inodes: Option<u64>,
    /// Files that it can hold.
    pub inodes: u64,
}

/// Where a path lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// The mount point.
    pub point: String,
    /// Nothing can be written there.
    pub read_only: bool,
    /// No program can be run from there.
    pub noexec: bool,
}

/// A line of a file that is read at the next boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootLine {
    /// The file.
    pub file: String,
    /// The line's number, from 1.
    pub number: u32,
    /// The line.
    pub text: String,
}

/// Everything that one round trip to a host tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HostFacts {
    /// `/etc/os-release`.
    pub os: Os,
    /// `amd64` or `arm64` (as Go names them).
    pub arch: String,
    /// Kernel major and minor.
    pub kernel: (u32, u32),
    /// Kernel release as `uname -r` prints it.
    pub kernel_release: String,
    /// `hostname`.
    pub hostname: String,
    /// `/etc/machine-id`; two hosts with one id are clones.
    pub machine_id: String,
    /// The machine's UUID by its firmware, in lower case; empty in a container, which has its host's.
    pub product_uuid: String,
    /// The kernel's name for this boot.
    pub boot_id: String,
    /// Seconds since the boot.
    pub uptime: u64,
    /// The host's clock when it had answered.
    #[serde(skip)]
    pub clock: Option<OffsetDateTime>,
    /// PID 1 is systemd, and its version.
    pub systemd: Option<u32>,
    /// Proxies in the environment that systemd gives to services, by variable, without logins.
    pub proxies: BTreeMap<String, String>,
    /// cgroup version.
    pub cgroup: Cgroup,
    /// Controllers that the kernel has and has not disabled (`memory`, `cpu`, `pids`…); empty where it does not say.
    pub cgroup_controllers: BTreeSet<String>,
    /// SELinux is enforcing.
    pub selinux: bool,
    /// ufw is enabled.
    pub ufw: bool,
    /// Effective capabilities of root there (`CapEff`).
    pub capabilities: u64,
    /// CPUs.
    pub cpus: u32,
    /// Memory, bytes.
    pub memory: u64,
    /// Active swap devices.
    pub swap: Vec<String>,
    /// The host's clock minus the operator's, milliseconds.
    pub clock_skew_ms: i64,
    /// How far `clock_skew_ms` may be off, milliseconds: half of the time that the probe spent on the way.
    pub clock_bound_ms: u64,
    /// Kernel modules that were asked about.
    pub modules: BTreeMap<String, Module>,
    /// Kernel settings that were asked about; absent where the kernel has none of that name.
    pub sysctls: BTreeMap<String, Sysctl>,
    /// The file system that holds each path asked about.
    pub disks: BTreeMap<String, Disk>,
    /// The mount that holds each path asked about.
    pub mounts: BTreeMap<String, Mount>,
    /// Files with kernel settings for the next boot, in all of systemd's folders.
    pub sysctl_files: BTreeSet<String>,
    /// What these files say of settings that were asked about, those of modprobe of modules, and fstab of swap.
    pub boot_lines: Vec<BootLine>,
    /// Listening TCP sockets at ports that were asked about, some of each.
    pub listening: Vec<Listening>,
    /// UDP sockets that are bound there.
    pub listening_udp: Vec<Listening>,
    /// What units should have in the kernel and in /run and have not, in the host's words, by unit.
    pub lost: BTreeMap<String, Vec<String>>,
    /// The same of what nobody on the host can bring back.
    pub lost_for_good: Vec<String>,
    /// Configuration of nftables that takes away all rules, others' too, when it is loaded.
    pub flushes: Vec<String>,
    /// Network devices.
    pub devices: BTreeSet<String>,
    /// Hardware addresses of those that have one, in lower case.
    pub hardware_addresses: BTreeMap<String, String>,
    /// Addresses of the host's interfaces.
    pub addresses: Vec<(String, IpAddr)>,
    /// Destinations of the routing table (`10.0.0.0/24`) with the interface.
    pub routes: Vec<(String, String)>,
    /// Name servers in `/etc/resolv.conf`.
    pub nameservers: Vec<String>,
    /// `/etc/resolv.conf` is there; a link to nothing is not.
    pub resolv_conf: bool,
    /// What `/etc/resolv.conf` points to, where it is a link.
    pub resolv_conf_link: Option<String>,
    /// Those of [`PROGRAMS`] and [`PACKAGE_MANAGERS`] that are on PATH.
    pub programs: BTreeSet<String>,
    /// nft's own version, where it is there and says it.
    pub nft: Option<Version>,
    /// System users that were asked about and exist.
    pub users: BTreeSet<String>,
    /// systemd-resolved runs, so kubelet must use `/run/systemd/resolve/resolv.conf`.
    pub systemd_resolved: bool,
    /// kbootstrap has been here: its record of hashes exists.
    pub known: bool,
    /// Files that were asked about; absent where there is none.
    pub files: BTreeMap<String, FileFact>,
    /// Certificates in files that were asked for, as PEM and as the host gave them; absent where there is no such file.
    pub certificates: BTreeMap<String, String>,
    /// Keys in the configuration of encryption that was asked about, in its order; empty where there is none.
    pub encryption_keys: Vec<EncryptionKeyFact>,
    /// Files that were asked about and all folders above them, without following links; what such a folder leads through,
    /// where it is a link.
    pub ways: BTreeMap<String, Way>,
    /// Folders among those above and those that were asked about that have an ACL, or give one to what is made in them.
    pub acls: BTreeSet<String>,
    /// What belongs to others, or may be written by everybody, in folders of which all was asked about.
    pub others: BTreeMap<String, Way>,
    /// Directories that were asked about; absent where there is none.
    pub dirs: BTreeMap<String, FileFact>,
    /// Names in the directories whose listing was asked for; absent where there is none.
    pub listings: BTreeMap<String, Vec<String>>,
    /// Units that were asked about.
    pub units: BTreeMap<String, UnitFact>,
    /// Files that add to these units: the names of the settings in each.
    pub drop_ins: BTreeMap<String, BTreeSet<String>>,
    /// Images in containerd's `k8s.io` namespace, by name; empty where containerd does not run.
    pub images: BTreeSet<String>,
    /// Packages of the distribution that were asked about.
    pub packages: PackageFacts,
}

/// Operating system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Os {
    /// `ID`.
    pub id: String,
    /// `VERSION_ID`.
    pub version: String,
    /// `VERSION_CODENAME`; empty where the release has none.
    pub codename: String,
    /// `PRETTY_NAME`.
    pub pretty: String,
}

/// Which cgroup hierarchy controllers are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cgroup {
    /// v1 or hybrid.
    #[default]
    V1,
    /// Unified.
    V2,
}

/// A kernel module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Module {
    /// Loaded, or built into the kernel.
    Present,
    /// `modprobe` would find it.
    Loadable,
    /// Neither.
    Missing,
}

/// A kernel setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sysctl {
    /// Its present value.
    pub value: String,
    /// Root can change it there.
    pub writable: bool,
}

/// A socket that waits for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listening {
    /// Port.
    pub port: u16,
    /// Address as `ss` prints it (`0.0.0.0`, `*`, `127.0.0.1`, `[::]`).
    pub address: String,
    /// The process that listens, when it could be seen.
    pub process: Option<String>,
}

/// A file or directory on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileFact {
    /// SHA-256 of the contents, lower-case hex; empty for a directory.
    pub sha256: String,
    /// Permission bits.
    pub mode: u32,
    /// Owner's name.
    pub owner: String,
    /// Group's name.
    pub group: String,
    /// When its contents were last written, microseconds since 1970 by the host's clock.
    pub written: u64,
}

impl FileFact {
    /// Whether somebody else than root and `owner` may write it, and so may hold it open for that whatever becomes of its
    /// mode and owner.
    pub fn is_open_to_others(&self, owner: &str) -> bool {
        const OTHERS_WRITE: u32 = 0o022;
        self.mode & OTHERS_WRITE != 0 || self.owner != "root" && self.owner != owner
    }
}

/// A key that an API server encrypts with. The key itself stays on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EncryptionKeyFact {
    /// Its name.
    pub name: String,
    /// SHA-256 of the key as the file has it, in base64; empty where a key lies elsewhere (`kms`).
    pub sha256: String,
}

/// A systemd unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UnitFact {
    /// `loaded`, `masked`, `not-found`, `bad-setting`…
    pub load: String,
    /// `active`, `inactive`, `failed`, `activating`…
    pub active: String,
    /// `running`, `dead`, `auto-restart`…
    pub sub: String,
    /// `enabled`, `disabled`, `` when there is no such unit.
    pub enabled: String,
    /// The unit's file.
    pub fragment: String,
    /// Files that add to it, the later ones last.
    pub drop_ins: Vec<String>,
    /// Its files are newer than what systemd has read.
    pub reload_needed: bool,
    /// What it starts, as systemd has read it.
    pub commands: Vec<CommandFact>,
    /// Its cgroup, where it has one now.
    pub control_group: String,
    /// Its main process, where one runs.
    pub process: Option<ProcessFact>,
    /// Times that systemd restarted it by itself.
    pub restarts: u32,
    /// When it last became active, microseconds of the host's monotonic clock; 0: never.
    pub active_since: u64,
    /// What the unit last was started with, as recorded by the last apply (see `plan`): unit's restart key; empty if unknown.
    pub restart_key: String,
    /// When that was recorded, microseconds since 1970 by the host's clock; 0 where it was not.
    pub recorded: u64,
}

/// A command of a unit (`ExecStart`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CommandFact {
    /// The program.
    pub path: String,
    /// It and its arguments, joined by spaces.
    pub argv: String,
}

/// The main process of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProcessFact {
    /// Its number.
    pub pid: u32,
    /// When it was started, microseconds of the host's monotonic clock.
    pub started: u64,
    /// The file that it runs.
    pub program: String,
    /// That file is not there any more, or was replaced.
    pub deleted: bool,
    /// That file is the very one that the unit's last command names now: same size, times and inode. Of a script, which
    /// another program runs, nothing can be said, and it counts as that.
    pub is_command: bool,
}

/// What a probe is to look at, besides what it always does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// Files whose hash, mode and owner are wanted.
    pub files: BTreeSet<String>,
    /// Files of certificates that are wanted themselves.
    pub certificates: BTreeSet<String>,
    /// A configuration of encryption whose keys' names and hashes are wanted.
    pub encryption: Option<String>,
    /// Directories whose mode and owner are wanted.
    pub dirs: BTreeSet<String>,
    /// Directories all of which root's programs read, so that nothing in them may be another's; none need be there.
    pub read_whole: BTreeSet<String>,
    /// Directories whose names inside are wanted (hidden ones are left out).
    pub listings: BTreeSet<String>,
    /// Paths whose file system's free space is wanted; they need not exist yet.
    pub disk: BTreeSet<String>,
    /// Units.
    pub units: BTreeSet<String>,
    /// Kernel modules.
    pub modules: BTreeSet<String>,
    /// Kernel settings.
    pub sysctls: BTreeSet<String>,
    /// Ports whose sockets are wanted.
    pub ports: BTreeSet<u16>,
    /// System users.
    pub users: BTreeSet<String>,
    /// Packages of the distribution, each with the program that shows that it is there.
    pub packages: BTreeMap<String, String>,
    /// The script that knows what units should have in the kernel and in /run.
    pub data_plane: Option<String>,
    /// Hash every file again instead of trusting the record of what did not change since it was verified.
    pub rehash: bool,
    /// Wait first until scripts of an earlier run, which was interrupted, have ended.
    pub wait: bool,
}
