//! File systems: how much is free, and which hierarchy cgroups have.

use std::collections::BTreeMap;

use super::answer::Sections;
use super::{Group, Questions};
use crate::facts::{Cgroup, Disk, HostFacts};

/// File systems.
pub(super) const GROUP: Group = Group {
    shell: include_str!("disks.sh"),
    ask: |questions: &Questions, _, variables| variables.list("disk", &questions.disk),
    read,
};

fn read(sections: &Sections, facts: &mut HostFacts) {
    facts.cgroup = cgroup(sections);
    facts.disks = disks(sections);
}

fn cgroup(sections: &Sections) -> Cgroup {
    match sections.first("filesystems").split(' ').next() {
        Some("cgroup2fs") => Cgroup::V2,
        _ => Cgroup::V1,
    }
}

/// Pairs of lines (asked path, existing path) joined with `type free-blocks blocks blocksize path` of each existing one.
fn disks(sections: &Sections) -> BTreeMap<String, Disk> {
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
