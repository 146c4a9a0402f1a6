//! File systems.

use super::*;

fn mounted(name: &str, folder: &str, read_only: bool, noexec: bool) -> Vec<String> {
    found(name, |_, facts| {
        let mount = Mount { point: "/data".into(), read_only, noexec };
        facts.mounts.insert(folder.into(), mount);
    })
}

#[test]
fn what_cannot_be_written_or_run_from_is_found_by_its_mount() {
    assert_eq!(
        mounted("n1", "/usr/local/bin", true, true),
        [
            "mounts Fail /data is mounted read-only, and /usr/local/bin must be written",
            "mounts Fail /data is mounted noexec, and programs must run from /usr/local/bin",
        ]
    );
    assert_eq!(
        mounted("m1", "/var/lib/etcd", true, true),
        ["mounts Fail /data is mounted read-only, and /var/lib/etcd must be written"]
    );
    assert!(mounted("n1", "/var/lib/kubelet", false, true).is_empty(), "volumes may be noexec");
    assert!(mounted("n1", "/var/lib/etcd", true, false).is_empty(), "nothing is written there on a node");
}

#[test]
fn every_folder_that_is_written_is_asked_about() {
    let cluster = cluster();
    let asked = |host: usize| questions(&Catalogue::standard(), &cluster, &cluster.hosts[host]).disk;
    let (master, node) = (asked(0), asked(1));
    for folder in ["/usr/local/bin", "/etc/systemd/system", "/etc/kubernetes/pki", "/var/lib/kbootstrap"] {
        assert!(master.contains(folder) && node.contains(folder), "{folder}");
    }
    assert!(master.contains("/etc/etcd/pki") && !node.contains("/etc/etcd/pki"));
    assert!(node.contains("/opt/cni/bin") && node.contains("/etc/sysctl.d") && node.contains("/etc/modules-load.d"));
}

#[test]
fn no_room_for_more_files() {
    let inodes = |path: &str, free: Option<u64>, known: bool| {
        let path = path.to_owned();
        found("n1", move |_, facts| {
            facts.disks.insert(path, Disk { free_inodes: free, inodes: 1_000_000, ..disk(40_000_000_000) });
            facts.known = known;
        })
    };
    assert_eq!(
        inodes("/usr/local/bin", Some(7), true),
        ["inodes Fail /usr/local/bin has room for 7 more files, and 200 are needed"]
    );
    let few = "1000000 inodes are free at /var/lib/containerd: with less than 5 % the kubelet takes no pods";
    assert_eq!(inodes("/var/lib/containerd", Some(40_000), false), [format!("inodes Fail 40000 of {few}")]);
    assert_eq!(inodes("/var/lib/containerd", Some(40_000), true), [format!("inodes Warn 40000 of {few}")]);
    assert!(inodes("/var/lib/containerd", None, false).is_empty(), "btrfs counts none");
}
