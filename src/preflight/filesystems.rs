//! File systems that cannot be written, run from, or hold one more file.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::HostCheck;
use crate::cluster::{Cluster, Host, Role};
use crate::components::{Catalogue, kubelet};
use crate::facts::{Disk, Mount};

pub(super) fn check(check: &mut HostCheck) {
    mounts(check);
    inodes(check);
}

/// Folders that are written to on the host.
pub(super) fn written(catalogue: &Catalogue, cluster: &Cluster, host: &Host) -> BTreeSet<String> {
    let layout = &cluster.layout;
    let parent = |path: &str| path.rsplit_once('/').map(|(parent, _)| parent.to_owned()).unwrap_or_default();
    let mut folders: BTreeSet<String> = [&layout.bin, &layout.units, &layout.records].map(Clone::clone).into();
    for spec in catalogue.on(cluster, host) {
        folders.extend((spec.dirs)(layout).into_iter().map(|(path, ..)| path));
        folders.extend((spec.data)(layout));
    }
    if host.is(Role::Node) {
        folders.extend([parent(&layout.sysctls), parent(&layout.modules), layout.cni_conf.clone()]);
        folders.insert(layout.cni_bin.clone());
    }
    folders
}

/// A finding for each mount, with the folders that are meant.
fn mounts(check: &mut HostCheck) {
    let layout = &check.cluster.layout;
    let mut read_only: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut noexec: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for folder in written(check.catalogue, check.cluster, check.host) {
        let Some(Mount { point, read_only: unwritable, noexec: no_programs }) = check.facts.mounts.get(&folder) else {
            continue;
        };
        if *no_programs && [&layout.bin, &layout.cni_bin].contains(&&folder) {
            noexec.entry(point).or_default().push(folder.clone());
        }
        if *unwritable {
            read_only.entry(point).or_default().push(folder);
        }
    }
    for (point, folders) in read_only {
        let finding = format!("{point} is mounted read-only, and {} must be written", folders.join(", "));
        let remedy = format!(
            "`mount -o remount,rw {point}`, and see why it is so: `journalctl -k -g remount` after an error of the disk, \
             /etc/fstab; or mount something that can be written at these folders"
        );
        check.fail("mounts", finding, remedy);
    }
    for (point, folders) in noexec {
        let finding = format!("{point} is mounted noexec, and programs must run from {}", folders.join(", "));
        let remedy = format!("`mount -o remount,exec {point}`, and take noexec out of its line in /etc/fstab");
        check.fail("mounts", finding, remedy);
    }
}

/// Below the first, unpacking fails; below the second (parts of a hundred), the kubelet takes no pods
/// (`nodefs.inodesFree`, `imagefs.inodesFree`).
fn inodes(check: &mut HostCheck) {
    const PRESSURE: u64 = 5;
    let layout = &check.cluster.layout;
    let mut needs = vec![(&layout.bin, 200)];
    if check.host.is(Role::Etcd) {
        needs.push((&layout.etcd_data, 100));
    }
    if check.host.is(Role::Node) {
        needs.extend([(&layout.containerd_data, 20_000), (&layout.kubelet, 2_000)]);
    }
    let decided = check.host.settings(kubelet::ID.0).is_some_and(|kubelet| kubelet.config.contains_key("evictionHard"));
    for (path, least) in needs {
        let Some(Disk { free_inodes: Some(free), inodes, .. }) = check.facts.disks.get(path).copied() else { continue };
        let remedy = format!(
            "delete what nobody needs: `du --inodes -x -d 3 {path} | sort -n | tail`, from the mount point on; or mount a \
             file system with more inodes at {path}"
        );
        let kubelets = [&layout.containerd_data, &layout.kubelet].contains(&path) && !decided;
        if free < least {
            check.fail("inodes", format!("{path} has room for {free} more files, and {least} are needed"), remedy);
        } else if kubelets && free.saturating_mul(100) / inodes.max(1) < PRESSURE {
            let finding = format!(
                "{free} of {inodes} inodes are free at {path}: with less than {PRESSURE} % the kubelet takes no pods"
            );
            // A cluster that runs must be mendable.
            if check.facts.known {
                check.warn("inodes", finding, remedy)
            } else {
                check.fail("inodes", finding, remedy)
            }
        }
    }
}
