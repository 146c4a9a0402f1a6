//! Processor, memory, disk, swap.

use super::finding::HostCheck;
use crate::cluster::Role;
use crate::components::kubelet;
use crate::facts::Disk;

/// What programs can be had for.
pub(super) const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

pub(super) fn check(check: &mut HostCheck) {
    arch(check);
    cpus(check);
    memory(check);
    disk(check);
    pressure(check);
    swap(check);
}

fn arch(check: &mut HostCheck) {
    let arch = &check.facts.arch;
    if !ARCHITECTURES.contains(&arch.as_str()) {
        check.fail("arch", format!("the processor is {arch}"), "use a host with an amd64 or arm64 processor");
    }
}

/// kubeadm's NumCPU: a master wants two.
fn cpus(check: &mut HostCheck) {
    let cpus = check.facts.cpus;
    if check.host.is(Role::Master) && cpus == 1 {
        check.warn("cpus", "a master with 1 CPU", "give it 2 CPUs or more; one makes a slow control plane");
    }
}

const MB: u64 = 1_000_000;
const GB: u64 = 1_000_000_000;

/// kubeadm's Mem asks for 1700 MB on masters; below the lower figure, programs are killed while they start.
fn memory(check: &mut HostCheck) {
    let memory = check.facts.memory;
    let (enough, least) = if check.host.is(Role::Master) { (1700 * MB, 900 * MB) } else { (900 * MB, 400 * MB) };
    if memory == 0 || memory >= enough {
        return;
    }
    let finding = format!("{} MB of memory", memory / MB);
    let remedy = format!("give it {} MB or more", enough / MB);
    if memory < least { check.fail("memory", finding, remedy) } else { check.warn("memory", finding, remedy) }
}

fn disk(check: &mut HostCheck) {
    let layout = &check.cluster.layout;
    // Programs of an earlier run are there already; a new version still needs room beside the old one.
    let programs = if check.facts.known { 200 * MB } else { 700 * MB };
    let mut needs = vec![(&layout.bin, "programs", programs, GB)];
    let containerd = check.cluster.layout.containerd_data.clone();
    if check.host.is(Role::Etcd) {
        // etcd stops taking writes at its quota of 2 GB by default, and keeps a snapshot beside it.
        needs.push((&layout.etcd_data, "etcd's data", GB, 4 * GB));
    }
    if check.host.is(Role::Node) {
        needs.push((&containerd, "images and containers", 2 * GB, 10 * GB));
        needs.push((&layout.kubelet, "pods' volumes", GB, 2 * GB));
    }
    for (path, what, least, enough) in needs {
        let Some(Disk { free, .. }) = check.facts.disks.get(path).copied() else { continue };
        let finding = format!("{} MB free for {what} in {path}", free / MB);
        let remedy = format!(
            "make room: {} MB at least, better {} MB, or mount a larger disk at {path}",
            least / MB,
            enough / MB
        );
        if free < least {
            check.fail("disk", finding, remedy);
        } else if free < enough {
            check.warn("disk", finding, remedy);
        }
    }
}

/// Where the inventory does not set `evictionHard`, the kubelet evicts pods and takes no new ones when less than these
/// parts of a disk are free, however large it is
/// (<https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds>).
fn pressure(check: &mut HostCheck) {
    let decided = check.host.settings(kubelet::ID.0).is_some_and(|kubelet| kubelet.config.contains_key("evictionHard"));
    if decided || !check.host.is(Role::Node) {
        return;
    }
    let (containerd, kubelet) = (check.cluster.layout.containerd_data.clone(), check.cluster.layout.kubelet.clone());
    let short = |(path, least): &(String, u64)| {
        // One with next to nothing free was found already.
        let disk = check.facts.disks.get(path).filter(|disk| disk.free >= 2 * GB)?;
        let part = disk.free.saturating_mul(100) / disk.size.max(1);
        (part < *least).then(|| {
            format!("{part} % of the disk of {path} is free: with less than {least} % the kubelet takes no pods")
        })
    };
    let Some(finding) = [(containerd, 15), (kubelet, 10)].iter().find_map(short) else { return };
    let remedy = "make room; or set limits that fit: `components: {kubelet: {config: {evictionHard: {imagefs.available: 2Gi, \
                  nodefs.available: 1Gi, nodefs.inodesFree: 5%, memory.available: 100Mi}}}}`";
    // A cluster that runs must be mendable while a disk is full.
    if check.facts.known { check.warn("disk", finding, remedy) } else { check.fail("disk", finding, remedy) }
}

/// The kubelet does not start beside swap, unless its configuration says `failSwapOn: false`.
fn swap(check: &mut HostCheck) {
    let allowed = check.host.settings(kubelet::ID.0).and_then(|settings| settings.config.get("failSwapOn"));
    if check.host.is(Role::Node) && !check.facts.swap.is_empty() && allowed != Some(&false.into()) {
        let devices = check.facts.swap.join(" ");
        check.fail(
            "swap",
            format!("swap is on: {devices}"),
            "`swapoff -a`, and take its lines out of /etc/fstab: `sed -ri '/\\sswap\\s/s/^/#/' /etc/fstab`; \
             or let the kubelet accept it: `components: {kubelet: {config: {failSwapOn: false}}}`",
        );
    }
}
