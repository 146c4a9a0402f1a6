//! The machine: kernel, systemd, cgroups, modules, settings, memory, disks.

use std::collections::{BTreeMap, BTreeSet};

use super::sections::Sections;
use crate::facts::{Cgroup, Disk, Module, Os, Sysctl};

/// What `uname` said.
pub(super) struct Uname {
    pub(super) release: String,
    pub(super) version: (u32, u32),
    pub(super) hostname: String,
    pub(super) arch: String,
}

impl Uname {
    pub(super) fn read(sections: &Sections) -> Option<Self> {
        let mut lines = sections.lines("uname");
        let release = lines.next()?.trim();
        let (hostname, machine) = lines.next()?.trim().rsplit_once(' ')?;
        let arch = match machine {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let version = kernel_version(release)?;
        Some(Uname { release: release.into(), version, hostname: hostname.into(), arch: arch.into() })
    }
}

fn kernel_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Small files, as `tail -v` prints them one after the other.
pub(super) struct Texts<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Texts<'a> {
    pub(super) fn read(sections: &Sections<'a>) -> Self {
        let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut path = "";
        for line in sections.lines("texts") {
            match line.strip_prefix("==> ").and_then(|rest| rest.strip_suffix(" <==")) {
                Some(next) => path = next,
                None => texts.entry(path).or_default().push(line),
            }
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

    pub(super) fn os(&self) -> Os {
        Os::from_pairs(self.lines("/etc/os-release").filter_map(|line| line.split_once('=')))
    }

    pub(super) fn machine_id(&self) -> String {
        self.lines("/etc/machine-id").next().unwrap_or_default().trim().into()
    }

    pub(super) fn nameservers(&self) -> Vec<String> {
        let server = |line: &str| Some(line.strip_prefix("nameserver")?.split_whitespace().next()?.to_owned());
        self.lines("/etc/resolv.conf").filter_map(server).collect()
    }

    /// From `cgroup.controllers` (v2), or the lines `name hierarchy cgroups enabled` of `/proc/cgroups` (v1).
    pub(super) fn controllers(&self) -> BTreeSet<String> {
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

    pub(super) fn selinux(&self) -> bool {
        self.lines("/sys/fs/selinux/enforce").any(|line| line.trim() == "1")
    }

    pub(super) fn ufw(&self) -> bool {
        self.lines("/etc/ufw/ufw.conf").any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes"))
    }

    /// `MemTotal`, bytes.
    pub(super) fn memory(&self) -> u64 {
        let total = self.field("/proc/meminfo", "MemTotal").and_then(|value| value.split_whitespace().next());
        total.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0).saturating_mul(1024)
    }

    /// Devices and files in `/proc/swaps`.
    pub(super) fn swap(&self) -> Vec<String> {
        let devices = self.lines("/proc/swaps").filter(|line| !line.starts_with("Filename"));
        devices.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    /// `CapEff`.
    pub(super) fn capabilities(&self) -> u64 {
        self.field("/proc/self/status", "CapEff").and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0)
    }
}

/// systemd's version: `systemd 252 (252.39-1~deb12u1)`.
pub(super) fn systemd(sections: &Sections) -> Option<u32> {
    sections.first("systemd").strip_prefix("systemd ")?.split_whitespace().next()?.parse().ok()
}

pub(super) fn cgroup(sections: &Sections) -> Cgroup {
    match sections.first("filesystems").split(' ').next() {
        Some("cgroup2fs") => Cgroup::V2,
        _ => Cgroup::V1,
    }
}

/// Lines `present|loadable|missing name`, where a name may be the end of a file's path; a later line knows better.
pub(super) fn modules(sections: &Sections) -> BTreeMap<String, Module> {
    let mut modules = BTreeMap::new();
    for (word, name) in sections.lines("modules").filter_map(|line| line.split_once(' ')) {
        let name = name.trim_start_matches('/').trim_end_matches(".ko").replace('-', "_");
        let module = match word {
            "present" => Module::Present,
            "loadable" => Module::Loadable,
            _ => Module::Missing,
        };
        let known = modules.entry(name).or_insert(module);
        if rank(module) > rank(*known) {
            *known = module;
        }
    }
    modules
}

fn rank(module: Module) -> u8 {
    match module {
        Module::Missing => 0,
        Module::Loadable => 1,
        Module::Present => 2,
    }
}

/// Lines `w|r net/ipv4/ip_forward value`.
pub(super) fn sysctls(sections: &Sections) -> BTreeMap<String, Sysctl> {
    let one = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let (way, path, value) = (parts.next()?, parts.next()?, parts.next().unwrap_or(""));
        Some((path.replace('/', "."), Sysctl { value: value.trim().into(), writable: way == "w" }))
    };
    sections.lines("sysctls").filter_map(one).collect()
}

/// Pairs of lines (asked path, existing path) joined with `type free-blocks blocks blocksize path` of each existing one.
pub(super) fn disks(sections: &Sections) -> BTreeMap<String, Disk> {
    let mut disks = BTreeMap::new();
    for line in sections.lines("filesystems") {
        let mut parts = line.splitn(5, ' ').skip(1);
        let mut number = || parts.next().and_then(|word| word.parse::<u64>().ok());
        if let (Some(free), Some(all), Some(block)) = (number(), number(), number()) {
            let disk = Disk { free: free.saturating_mul(block), size: all.saturating_mul(block) };
            disks.insert(parts.next().unwrap_or_default(), disk);
        }
    }
    let lines: Vec<_> = sections.lines("disk").collect();
    let pairs = lines.chunks_exact(2).filter_map(|pair| Some((pair[0].to_owned(), *disks.get(pair[1])?)));
    pairs.collect()
}
