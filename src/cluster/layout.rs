//! Where everything lies on a host: the one file that knows. Another preset is another constructor, and nothing else.

use serde::{Deserialize, Serialize};

/// Paths on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Programs.
    pub bin: String,
    /// Other programs of the distribution's packages.
    pub tools: String,
    /// Kubernetes configuration and kubeconfigs.
    pub kubernetes: String,
    /// Kubernetes certificates and keys.
    pub pki: String,
    /// etcd's configuration.
    pub etcd: String,
    /// etcd's certificates and keys, owned by the `etcd` user.
    pub etcd_pki: String,
    /// etcd's data.
    pub etcd_data: String,
    /// kubelet's root.
    pub kubelet: String,
    /// systemd units.
    pub units: String,
    /// CNI programs.
    pub cni_bin: String,
    /// CNI network configuration.
    pub cni_conf: String,
    /// The container runtime's configuration.
    pub containerd: String,
    /// Images and containers.
    pub containerd_data: String,
    /// The container runtime's socket and mounts.
    pub containerd_run: String,
    /// flannel's configuration.
    pub flannel: String,
    /// Kernel settings for the next boot.
    pub sysctls: String,
    /// Kernel modules for the next boot.
    pub modules: String,
    /// Audit logs.
    pub logs: String,
    /// kbootstrap's own records on the host: hashes of what was verified on arrival, images to import.
    pub records: String,
    /// Above [`Layout::cni_conf`].
    pub cni: String,
    /// Above [`Layout::cni_bin`].
    pub cni_programs: String,
    /// What CNI plugins remember: addresses, for example.
    pub cni_data: String,
    /// The container runtime's own programs.
    pub containerd_programs: String,
    /// What extends the container runtime.
    pub nri: String,
    /// crictl's configuration.
    pub crictl: String,
    /// What flannel says of this node's network.
    pub flannel_run: String,
    /// The script that keeps others away from an API server that is not ready.
    pub api_gate: String,
    /// The script that looks after the kernel's side of a node.
    pub data_plane: String,
    /// What it remembers until the next boot.
    pub data_plane_run: String,
    /// Files that go at boot.
    pub tmpfiles: String,
    /// What NetworkManager is to leave alone.
    pub network_manager: String,
    /// Logs of pods.
    pub pod_logs: String,
    /// Names of these logs by container.
    pub container_logs: String,
    /// The configuration of a node's own balancer.
    pub api_balancer: String,
    /// The configuration of what takes connections at the virtual address.
    pub api_front_end: String,
    /// The configuration of what holds the virtual address.
    pub api_virtual_address: String,
    /// nginx' module for streams.
    pub nginx_stream: String,
    /// nginx' modules, where its packages are RPM's.
    pub nginx_modules: String,
    /// Programs of the distribution's packages.
    pub sbin: String,
    /// kube-proxy's home.
    pub kube_proxy: String,
    /// kube-scheduler's home.
    pub kube_scheduler: String,
}

impl Layout {
    /// The paths that kube-bench, kubeadm users and distributions expect.
    pub fn standard() -> Self {
        Layout {
            bin: "/usr/local/bin".into(),
            tools: "/usr/bin".into(),
            kubernetes: "/etc/kubernetes".into(),
            pki: "/etc/kubernetes/pki".into(),
            etcd: "/etc/etcd".into(),
            etcd_pki: "/etc/etcd/pki".into(),
            etcd_data: "/var/lib/etcd".into(),
            kubelet: "/var/lib/kubelet".into(),
            units: "/etc/systemd/system".into(),
            cni_bin: "/opt/cni/bin".into(),
            cni_conf: "/etc/cni/net.d".into(),
            containerd: "/etc/containerd".into(),
            containerd_data: "/var/lib/containerd".into(),
            containerd_run: "/run/containerd".into(),
            flannel: "/etc/kube-flannel".into(),
            sysctls: "/etc/sysctl.d/90-kubernetes.conf".into(),
            modules: "/etc/modules-load.d/kubernetes.conf".into(),
            logs: "/var/log/kubernetes".into(),
            records: "/var/lib/kbootstrap".into(),
            cni: "/etc/cni".into(),
            cni_programs: "/opt/cni".into(),
            cni_data: "/var/lib/cni".into(),
            containerd_programs: "/opt/containerd".into(),
            nri: "/run/nri".into(),
            crictl: "/etc/crictl.yaml".into(),
            flannel_run: "/run/flannel".into(),
            api_gate: "/etc/kubernetes/api-gate.sh".into(),
            data_plane: "/etc/kubernetes/data-plane.sh".into(),
            data_plane_run: "/run/kbootstrap-data-plane".into(),
            tmpfiles: "/etc/tmpfiles.d/kubernetes.conf".into(),
            network_manager: "/etc/NetworkManager/conf.d/90-kubernetes.conf".into(),
            pod_logs: "/var/log/pods".into(),
            container_logs: "/var/log/containers".into(),
            api_balancer: "/etc/kubernetes/api-balancer".into(),
            api_front_end: "/etc/kubernetes/api-front-end".into(),
            api_virtual_address: "/etc/kubernetes/api-virtual-address".into(),
            nginx_stream: "/usr/lib/nginx/modules/ngx_stream_module.so".into(),
            nginx_modules: "/usr/lib64/nginx/modules".into(),
            sbin: "/usr/sbin".into(),
            kube_proxy: "/var/lib/kube-proxy".into(),
            kube_scheduler: "/var/lib/kube-scheduler".into(),
        }
    }

    /// What service accounts' tokens are signed with, and what they are checked by.
    pub fn service_account(&self) -> (String, String) {
        (format!("{}/sa.key", self.pki), format!("{}/sa.pub", self.pki))
    }

    /// What Secrets in etcd are encrypted with.
    pub fn encryption(&self) -> String {
        format!("{}/encryption.yaml", self.kubernetes)
    }

    /// The encrypted copy of what only the operator's folder has, and what can be known of it without opening it.
    pub fn recovery(&self) -> (String, String) {
        (format!("{}/recovery.age", self.records), format!("{}/recovery.json", self.records))
    }

    /// The SHA-256 of [`Layout::encryption`] that kube-apiserver was last seen to have read.
    pub fn encryption_read(&self) -> String {
        format!("{}/encryption", self.records)
    }

    /// Where packages of the distribution lie until they are installed.
    pub fn packages(&self) -> String {
        format!("{}/packages", self.records)
    }

    /// Which packages we have installed on the host, and which units we have masked for that.
    pub fn packages_record(&self) -> String {
        format!("{}/installed-packages", self.records)
    }

    /// Where a try of the paths between hosts keeps what came; its units are named so, too.
    pub fn tries() -> &'static str {
        "/run/kbootstrap-try"
    }

    /// Where the container runtime is asked.
    pub fn containerd_socket(&self) -> String {
        format!("{}/containerd.sock", self.containerd_run)
    }
}
