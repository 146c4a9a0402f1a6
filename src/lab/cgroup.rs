//! A cgroup of its own for each host, in every hierarchy that the machine has.
//!
//! On cgroup v1 and hybrid machines a host lies below this process's own cgroups. The line `0::` counts as well: without
//! it systemd-nspawn puts every host into one `/payload`, and each kubelet takes the others' pods for orphans.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::mounts::{self, Mount};
use crate::error::{Error, Result};

/// How long processes may take to go after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(15);

/// The machine's hierarchies, as this process sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchies {
    bases: Vec<PathBuf>,
    /// Whether there is nothing but cgroup v2.
    pub unified: bool,
}

impl Hierarchies {
    /// Reads them.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string("/proc/self/cgroup").map_err(|e| Error::io("read /proc/self/cgroup", &e))?;
        let found = Self::find(&text, &mounts::all()?);
        if found.bases.is_empty() {
            return Err(Error::local("no cgroup hierarchy is mounted on this machine"));
        }
        Ok(found)
    }

    fn find(own: &str, mounts: &[Mount]) -> Self {
        let unified = mounts.iter().any(|m| m.kind == "cgroup2" && m.point == Path::new("/sys/fs/cgroup"));
        let bases = own.lines().filter_map(|line| base(line, mounts, unified)).collect();
        Hierarchies { bases, unified }
    }

    /// The host's cgroup in each of them.
    pub fn of(&self, lab: &str, host: &str) -> Vec<PathBuf> {
        self.bases.iter().map(|base| base.join("kb").join(lab).join(host)).collect()
    }
}

/// Where one line of `/proc/self/cgroup` (`id:controllers:path`) lies in the file system.
fn base(line: &str, mounts: &[Mount], unified: bool) -> Option<PathBuf> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    let mount = match controllers.split(',').next()? {
        "" => mounts.iter().find(|m| m.kind == "cgroup2")?,
        first => mounts.iter().find(|m| m.kind == "cgroup" && m.options.split(',').any(|o| o == first))?,
    };
    // cgroup v2 gives controllers only to children of a cgroup without processes, or of the root: ours has processes.
    let path = if unified { "/" } else { path };
    let below = path.strip_prefix(mount.root.trim_end_matches('/')).unwrap_or(path);
    Some(mount.point.join(below.trim_start_matches('/')))
}

/// Makes a host's cgroup with the two above it.
pub fn make(cgroup: &Path) -> Result<()> {
    let mut levels: Vec<&Path> = cgroup.ancestors().take(3).collect();
    levels.reverse();
    for level in levels {
        if let Some(parent) = level.parent() {
            hand_down(parent);
        }
        // Another lab that goes away may take the upper levels with it just now.
        fs::create_dir_all(level).map_err(|e| Error::io(format!("make cgroup {}", level.display()), &e))?;
        fill_cpuset(level)?;
    }
    Ok(())
}

/// cgroup v2: children get the controllers that their parent hands down. Each that cannot be is left out.
fn hand_down(parent: &Path) {
    let controllers = fs::read_to_string(parent.join("cgroup.controllers")).unwrap_or_default();
    for controller in controllers.split_ascii_whitespace() {
        let _ = fs::write(parent.join("cgroup.subtree_control"), format!("+{controller}"));
    }
}

/// cgroup v1: a new cpuset is empty, and no process can enter it.
fn fill_cpuset(level: &Path) -> Result<()> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let file = level.join(name);
        if level.join("cgroup.controllers").exists() || !file.exists() {
            continue;
        }
        let copy = || match fs::read_to_string(&file)?.trim() {
            "" => fs::write(&file, fs::read_to_string(level.with_file_name(name))?),
            _ => Ok(()),
        };
        copy().map_err(|e| Error::io(format!("fill {}", file.display()), &e))?;
    }
    Ok(())
}

/// Kills every process in these cgroups and below, and removes them, bottom up, with the levels above that nobody else
/// uses. Kills again what enters meanwhile.
pub fn destroy(cgroups: &[PathBuf]) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let pids = processes(cgroups);
        for pid in &pids {
            kill_if_in(*pid, cgroups);
        }
        let failed = cgroups.iter().filter_map(|cgroup| remove(cgroup).err().map(|e| (cgroup, e))).next();
        match failed {
            None => return Ok(()),
            Some((cgroup, e)) if Instant::now() > deadline => {
                let error = Error::io(format!("remove cgroup {}", cgroup.display()), &e);
                return Err(error.detail(format!("processes that do not end after SIGKILL: {pids:?}")));
            }
            // The kernel needs a moment for the last process.
            Some(_) => sleep(Duration::from_millis(5)),
        }
    }
}

fn remove(cgroup: &Path) -> io::Result<()> {
    for dir in tree(cgroup).iter().rev() {
        match fs::remove_dir(dir) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    for level in cgroup.ancestors().skip(1).take(2) {
        let _ = fs::remove_dir(level); // Another host or lab may be in there.
    }
    Ok(())
}

/// The descriptor pins the process; only then is its cgroup looked at, so that a PID that was given away is spared.
fn kill_if_in(pid: i32, cgroups: &[PathBuf]) {
    let Some(raw) = Pid::from_raw(pid) else { return };
    if let Ok(fd) = pidfd_open(raw, PidfdFlags::empty())
        && processes(cgroups).contains(&pid)
    {
        let _ = pidfd_send_signal(&fd, Signal::KILL);
    }
}

fn processes(cgroups: &[PathBuf]) -> BTreeSet<i32> {
    let mut pids = BTreeSet::new();
    for cgroup in cgroups {
        for dir in tree(cgroup) {
            let text = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
            pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0));
        }
    }
    pids
}

/// A cgroup and all below it, parents first.
fn tree(cgroup: &Path) -> Vec<PathBuf> {
    let mut dirs = vec![cgroup.to_owned()];
    let mut next = 0;
    while let Some(dir) = dirs.get(next).cloned() {
        next += 1;
        let children = fs::read_dir(&dir).into_iter().flatten().filter_map(|entry| entry.ok());
        dirs.extend(children.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()));
    }
    dirs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(root: &str, point: &str, kind: &str, options: &str) -> Mount {
        Mount { root: root.into(), point: point.into(), kind: kind.into(), options: options.into() }
    }

    #[test]
    fn a_hybrid_machine_has_its_v2_hierarchy_too() {
        let mounts = [
            mount("/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
            mount("/", "/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,name=systemd"),
            mount("/", "/sys/fs/cgroup/unified", "cgroup2", "rw"),
        ];
        let own = "9:name=systemd:/a\n4:memory:/not/mounted\n1:cpu,cpuacct:/b/c\n0::/\n";
        let found = Hierarchies::find(own, &mounts);
        assert!(!found.unified);
        let paths: Vec<_> = found.of("demo", "n1").iter().map(|p| p.display().to_string()).collect();
        assert_eq!(
            paths,
            [
                "/sys/fs/cgroup/systemd/a/kb/demo/n1",
                "/sys/fs/cgroup/cpu,cpuacct/b/c/kb/demo/n1",
                "/sys/fs/cgroup/unified/kb/demo/n1"
            ]
        );
    }

    #[test]
    fn on_a_v2_machine_hosts_lie_below_the_root() {
        let mounts = [mount("/", "/sys/fs/cgroup", "cgroup2", "rw")];
        let found = Hierarchies::find("0::/user.slice/session-1.scope\n", &mounts);
        assert!(found.unified);
        assert_eq!(found.of("demo", "n1"), [Path::new("/sys/fs/cgroup/kb/demo/n1")]);
    }

    #[test]
    fn a_mount_that_shows_a_part_only_is_counted_from_there() {
        let mounts = [mount("/docker/x", "/sys/fs/cgroup/pids", "cgroup", "rw,pids")];
        let found = Hierarchies::find("8:pids:/docker/x/y\n", &mounts);
        assert_eq!(found.of("l", "h"), [Path::new("/sys/fs/cgroup/pids/y/kb/l/h")]);
    }
}
