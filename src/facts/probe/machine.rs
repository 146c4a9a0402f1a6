//! The machine: kernel and its settings, distribution, processors, memory, what small files say.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Sections;
use super::script::Variables;
use super::{Group, Questions};
use crate::cluster::Layout;
use crate::facts::{HostFacts, Os, Sysctl};

/// Small files, and what kind of machine it is.
pub(super) const GROUP: Group = Group { shell: include_str!("machine.sh"), ask, read };

fn ask(questions: &Questions, _: &Layout, variables: &mut Variables) {
    let sysctls: Vec<_> = questions.sysctls.iter().map(|name| name.replace('.', "/")).collect();
    variables.list("sysctls", &sysctls);
}

fn read(sections: &Sections, facts: &mut HostFacts) {
    let texts = Texts::read(sections);
    facts.os = texts.os();
    facts.arch =
        arch(Some(texts.word(ARCH)).filter(|arch| !arch.is_empty()).as_deref().unwrap_or(sections.first("uname")));
    facts.kernel_release = texts.word(OSRELEASE);
    facts.kernel = kernel_version(&facts.kernel_release).unwrap_or_default();
    facts.hostname = texts.word(HOSTNAME);
    facts.boot_id = texts.word(BOOT_ID);
    facts.uptime = texts.word(UPTIME).split(['.', ' ']).next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    facts.machine_id = texts.word(MACHINE_ID);
    facts.product_uuid = texts.product_uuid();
    facts.cgroup_controllers = texts.controllers();
    facts.selinux = texts.selinux();
    facts.ufw = texts.ufw();
    facts.capabilities = texts.capabilities();
    facts.cpus = texts.cpus();
    facts.memory = texts.memory();
    facts.swap = texts.swap();
    facts.nameservers = texts.nameservers();
    facts.known = sections.lines("flags").any(|flag| flag == "known");
    facts.resolv_conf = sections.lines("flags").any(|flag| flag == "resolv-conf");
    facts.sysctls = sysctls(sections);
}

const OS_RELEASE: &str = "/etc/os-release";
const MACHINE_ID: &str = "/etc/machine-id";
const PRODUCT_UUID: &str = "/sys/class/dmi/id/product_uuid";
/// Which kind of container the host is, where it is one.
const CONTAINER: &str = "/run/systemd/container";
const RESOLV_CONF: &str = "/etc/resolv.conf";
const UFW: &str = "/etc/ufw/ufw.conf";
const STATUS: &str = "/proc/self/status";
const UPTIME: &str = "/proc/uptime";
/// Since Linux 6.1.
const ARCH: &str = "/proc/sys/kernel/arch";
const OSRELEASE: &str = "/proc/sys/kernel/osrelease";
const HOSTNAME: &str = "/proc/sys/kernel/hostname";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Lines `w|r net/ipv4/ip_forward value`.
fn sysctls(sections: &Sections) -> BTreeMap<String, Sysctl> {
    let one = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let (way, path, value) = (parts.next()?, parts.next()?, parts.next().unwrap_or(""));
        Some((path.replace('/', "."), Sysctl { value: value.trim().into(), writable: way == "w" }))
    };
    sections.lines("sysctls").filter_map(one).collect()
}

/// As Go names it.
fn arch(machine: &str) -> String {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
    .into()
}

fn kernel_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The lines of small files, each of which came after its file's name and a colon.
struct Texts<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Texts<'a> {
    fn read(sections: &Sections<'a>) -> Self {
        let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (path, line) in sections.texts().filter_map(|line| line.split_once(':')) {
            texts.entry(path).or_default().push(line);
        }
        Texts(texts)
    }

    fn lines(&self, path: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(path).into_iter().flatten().copied()
    }

    /// The value after `name:` in a file of `/proc`.
    fn field(&self, path: &str, name: &str) -> Option<&'a str> {
        self.lines(path).find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    fn os(&self) -> Os {
        let mut os = Os::default();
        for (key, value) in self.lines(OS_RELEASE).filter_map(|line| line.split_once('=')) {
            let value = value.trim_matches(['"', '\'']).to_owned();
            match key {
                "ID" => os.id = value,
                "VERSION_ID" => os.version = value,
                "VERSION_CODENAME" => os.codename = value,
                "PRETTY_NAME" => os.pretty = value,
                _ => {}
            }
        }
        os
    }

    /// A file of one line.
    fn word(&self, path: &str) -> String {
        self.lines(path).next().unwrap_or_default().trim().into()
    }

    fn product_uuid(&self) -> String {
        if self.word(CONTAINER).is_empty() { self.word(PRODUCT_UUID).to_ascii_lowercase() } else { String::new() }
    }

    /// How many processors a process may use: `Cpus_allowed_list` has `0-3,8`.
    fn cpus(&self) -> u32 {
        let count = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
            last.checked_sub(first)?.checked_add(1)
        };
        let list = self.field(STATUS, "Cpus_allowed_list").unwrap_or_default();
        list.split(',').filter_map(count).fold(0, u32::saturating_add)
    }

    fn nameservers(&self) -> Vec<String> {
        let server = |line: &str| Some(line.strip_prefix("nameserver")?.split_whitespace().next()?.to_owned());
        self.lines(RESOLV_CONF).filter_map(server).collect()
    }

    /// From `cgroup.controllers` (v2), or the lines `name hierarchy cgroups enabled` of `/proc/cgroups` (v1).
    fn controllers(&self) -> BTreeSet<String> {
        let unified = self.lines("/sys/fs/cgroup/cgroup.controllers").flat_map(str::split_whitespace);
        let unified: BTreeSet<_> = unified.map(str::to_owned).collect();
        if !unified.is_empty() {
            return unified;
        }
        let enabled = |line: &str| {
            let words: Vec<_> = line.split_whitespace().collect();
            (words.len() == 4 && words[3] == "1").then(|| words[0].to_owned())
        };
        self.lines("/proc/cgroups").filter_map(enabled).collect()
    }

    fn selinux(&self) -> bool {
        self.lines("/sys/fs/selinux/enforce").any(|line| line.trim() == "1")
    }

    fn ufw(&self) -> bool {
        self.lines(UFW).any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes"))
    }

    /// `MemTotal`, bytes.
    fn memory(&self) -> u64 {
        let total = self.field("/proc/meminfo", "MemTotal").and_then(|value| value.split_whitespace().next());
        total.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0).saturating_mul(1024)
    }

    /// Devices and files in `/proc/swaps`.
    fn swap(&self) -> Vec<String> {
        let devices = self.lines("/proc/swaps").filter(|line| !line.starts_with("Filename"));
        devices.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    /// `CapEff`.
    fn capabilities(&self) -> u64 {
        self.field(STATUS, "CapEff").and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0)
    }
}
