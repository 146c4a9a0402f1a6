//! File systems: how much is free, whether they can be written and run from, and which hierarchy cgroups have.

use std::collections::BTreeMap;

use super::answer::Sections;
use super::boot::MOUNTS;
use super::{Group, Questions};
use crate::facts::{Cgroup, Disk, HostFacts, Mount};

/// File systems.
pub(super) const GROUP: Group = Group {
    shell: include_str!("disks.sh"),
    ask: |questions: &Questions, _, variables| variables.list("disk", &questions.disk),
    read,
};

fn read(sections: &Sections, facts: &mut HostFacts) {
    facts.cgroup = cgroup(sections);
    facts.disks = disks(sections);
    facts.mounts = mounts(sections);
}

fn cgroup(sections: &Sections) -> Cgroup {
    match sections.first("filesystems").split(' ').next() {
        Some("cgroup2fs") => Cgroup::V2,
        _ => Cgroup::V1,
    }
}

/// What was asked, the nearest path that exists, and that without links.
fn asked<'a>(sections: &Sections<'a>) -> Vec<[&'a str; 3]> {
    let lines: Vec<_> = sections.lines("disk").collect();
    lines.chunks_exact(3).map(|lines| [lines[0], lines[1], lines[2]]).collect()
}

/// Lines `type free-blocks blocks blocksize free-inodes inodes path` of each path that exists.
fn disks(sections: &Sections) -> BTreeMap<String, Disk> {
    let mut disks = BTreeMap::new();
    for line in sections.lines("filesystems") {
        let mut parts = line.splitn(7, ' ').skip(1);
        let mut number = || parts.next().and_then(|word| word.parse::<u64>().ok());
        let numbers = (number(), number(), number(), number(), number());
        if let (Some(free), Some(all), Some(block), Some(free_inodes), Some(inodes)) = numbers {
            let (free, size) = (free.saturating_mul(block), all.saturating_mul(block));
            let disk = Disk { free, size, free_inodes: (inodes > 0).then_some(free_inodes), inodes };
            disks.insert(parts.next().unwrap_or_default(), disk);
        }
    }
    asked(sections).into_iter().filter_map(|[path, near, _]| Some((path.to_owned(), *disks.get(near)?))).collect()
}

/// Lines of `/proc/self/mountinfo`. Of mounts on one point the last is seen.
fn mounts(sections: &Sections) -> BTreeMap<String, Mount> {
    // A node full of pods has some thousands.
    let all: Vec<Mount> = sections.lines("matches").filter_map(mount).take(10_000).collect();
    let holder = |[path, _, real]: [&str; 3]| {
        let above = |mount: &&Mount| {
            let rest = real.strip_prefix(mount.point.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mount = all.iter().filter(above).max_by_key(|mount| mount.point.trim_end_matches('/').len())?;
        Some((path.to_owned(), mount.clone()))
    };
    asked(sections).into_iter().take(1000).filter_map(holder).collect()
}

/// `/proc/self/mountinfo:7:36 35 98:0 / /mnt rw,noexec master:1 - ext3 /dev/root rw,errors=continue`.
fn mount(line: &str) -> Option<Mount> {
    let (_, line) = line.strip_prefix(MOUNTS)?.strip_prefix(':')?.split_once(':')?;
    let (mount, file_system) = line.split_once(" - ")?;
    let mut words = mount.split(' ').skip(4);
    let (point, options) = (words.next()?, words.next()?);
    let has = |options: &str, wanted: &str| options.split(',').any(|option| option == wanted);
    Some(Mount {
        point: point.to_owned(),
        read_only: has(options, "ro") || has(file_system.rsplit(' ').next().unwrap_or_default(), "ro"),
        noexec: has(options, "noexec"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_without_links_and_the_last_on_its_point() {
        let text =
            "\x1en disk\n/usr/local/bin\n/usr/local/bin\n/usr/local/bin\n/opt/cni/bin\n/opt\n/data/opt\n/usrx\n/\n/\n\
            \x1en matches\n/etc/fstab:1:/swap none swap sw 0 0\n\
            M:1:22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
            M:2:30 22 8:2 / /usr ro,relatime - ext4 /dev/sda2 ro\nM:3:31 22 8:3 / /usr rw,noexec - ext4 /dev/sda3 rw\n\
            M:9:32 22 8:4 / /data rw - ext4 /dev/sda4 ro,errors=remount-ro\n\x1en end\n1\n"
                .replace("M:", "/proc/self/mountinfo:");
        let sections = Sections::split(&text, "n").unwrap();
        let mounts = mounts(&sections);
        let told = |path: &str| (mounts[path].point.as_str(), mounts[path].read_only, mounts[path].noexec);
        assert_eq!(told("/usr/local/bin"), ("/usr", false, true));
        assert_eq!(told("/opt/cni/bin"), ("/data", true, false));
        assert_eq!(told("/usrx"), ("/", false, false));
    }
}
