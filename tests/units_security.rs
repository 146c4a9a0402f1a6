//! How much rendered services may do on their hosts, by systemd's own measure: from 0 (nothing) to 10 (everything).

use std::process::Command;

use crate::pki_tools::Folder;

/// The most that each may come to, in tenths. kubelet and containerd run other people's containers, and are as they are.
const MOST: [(&str, u32); 6] = [
    ("etcd", 25),
    ("kube-apiserver", 25),
    ("kube-controller-manager", 25),
    ("kube-scheduler", 25),
    ("kube-proxy", 50),
    ("flanneld", 50),
];

const INVENTORY: &str = "cluster: prod\nhosts: [{name: m1, address: 10.0.0.11, roles: [etcd, master, node]}]\n";

#[test]
fn services_may_do_little_on_their_hosts() {
    let folder = Folder::new();
    folder.write("prod.yaml", INVENTORY);
    folder.ok("render -i prod.yaml -o tree --offline");
    for (unit, most) in MOST {
        let judged = judge(&folder, unit, most);
        assert!(judged.0, "{unit} is above {most}:\n{}", judged.1);
    }
    assert!(!judge(&folder, "kubelet", 50).0, "it would find one that may do much");
}

/// Whether the unit is at most that exposed, and what systemd says of it.
fn judge(folder: &Folder, unit: &str, most: u32) -> (bool, String) {
    let path = folder.path(&format!("tree/m1/etc/systemd/system/{unit}.service"));
    let ran = Command::new("systemd-analyze")
        .args(["security", "--no-pager", "--offline=yes", &format!("--threshold={most}")])
        .arg(path)
        .output()
        .expect("systemd-analyze of systemd 250 or newer");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("Overall exposure level"), "{unit}: {said}");
    (ran.status.success(), said)
}
