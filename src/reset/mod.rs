//! Takes a host back: services, pods, mounts, interfaces, rules and files of ours, and says what stays.

use std::io::empty;

use crate::cluster::Layout;
use crate::error::{Error, Result};
use crate::remote::{Transport, host_lock, sh_quote};

/// Programs of ours, in the layout's `bin`.
const PROGRAMS: &str = "kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl etcd etcdctl \
                        etcdutl containerd containerd-shim-runc-v2 ctr runc flanneld";
/// CNI plugins of ours.
const CNI_PLUGINS: &str = "bridge host-local loopback portmap bandwidth firewall flannel";
/// Units of ours, in the order in which they are stopped.
const UNITS: &str = "kubelet.service kube-proxy.service flanneld.service kube-scheduler.service \
                     kube-controller-manager.service kube-apiserver.service etcd.service containerd.service";

/// Folders that our programs make or that we made above ours, the deepest first; they go where nothing is in them.
const EMPTY_DIRS: &str = "/etc/cni /opt/cni/bin /opt/cni /opt/containerd/bin /opt/containerd/lib /opt/containerd";

/// What a reset never touches; it is told to the person.
pub const LEFT: [&str; 4] = [
    "the `etcd` system user and loaded kernel modules",
    "kernel settings as they are until the next boot",
    "audit logs in /var/log/kubernetes",
    "the cluster's folder on this machine: certificates, CA keys, logs",
];

/// Takes the host back and returns what was done, a line each.
pub fn reset(transport: &mut dyn Transport, layout: &Layout) -> Result<Vec<String>> {
    let output = transport.run(&script(layout), &mut empty())?;
    let lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    if output.status == 0 {
        return Ok(lines);
    }
    let left: Vec<&str> = lines.iter().filter_map(|l| l.strip_prefix("left: ")).collect();
    Err(Error::remote(format!("{}: not everything could be removed: {}", transport.host(), left.join(", ")))
        .detail(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        .hint("a reboot of the host frees what is still in use; then run `kbootstrap reset` again"))
}

fn script(layout: &Layout) -> String {
    let dirs = [
        &layout.kubernetes,
        &layout.etcd,
        &layout.etcd_data,
        &layout.kubelet,
        &layout.cni_conf,
        &layout.records,
        "/etc/kube-flannel",
        "/etc/containerd",
        "/var/lib/containerd",
        "/run/containerd",
        "/run/nri",
        "/var/lib/cni",
        "/run/flannel",
        "/var/log/pods",
        "/var/log/containers",
        "/var/lib/kube-proxy",
        "/var/lib/kube-scheduler",
    ]
    .map(|d: &str| d.to_owned())
    .join(" ");
    let mounts = format!("{} /run/containerd /var/lib/containerd /run/netns", layout.kubelet);
    let files = "/etc/sysctl.d/90-kubernetes.conf /etc/modules-load.d/kubernetes.conf /etc/crictl.yaml";
    let set = |name: &str, value: &str| format!("{name}={}\n", sh_quote(value));
    [
        host_lock::wait(),
        host_lock::hold(),
        set("BIN", &layout.bin),
        set("PROGRAMS", PROGRAMS),
        set("CNI_BIN", &layout.cni_bin),
        set("CNI_PLUGINS", CNI_PLUGINS),
        set("UNITS", UNITS),
        set("UNIT_DIR", &layout.units),
        set("DIRS", &dirs),
        set("FILES", files),
        set("EMPTY_DIRS", EMPTY_DIRS),
        set("STAGED", &format!("{}/staged", layout.records)),
        set("POD_MOUNTS", &mounts),
        include_str!("reset.sh").to_owned(),
        host_lock::forget(),
        "exit $failed\n".to_owned(),
    ]
    .concat()
}
