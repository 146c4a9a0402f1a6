//! A fake release tree: programs with their checksums as projects publish them, and images as registries have them.

use flate2::write::GzEncoder;
use serde_json::json;

use crate::artifacts_fixture::{program, sha256};
use crate::artifacts_http::{Page, Server};

pub const KUBELET: &str = "https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubelet";
pub const RUNC: &str = "https://github.com/opencontainers/runc/releases/download/v1.5.2";
pub const REGISTRY: &str = "https://registry.k8s.io/v2/pause";

pub fn tgz<P: AsRef<str>>(members: &[(P, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        // As `tar -C dir .` writes it.
        let path = path.as_ref().as_bytes();
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path);
        header.set_cksum();
        tar.append(&header, &bytes[..]).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// An image of two layers behind an index, as registries have it.
pub fn image(server: &Server, base: &str, tag: &str) -> (String, Vec<u8>) {
    let layer = program("a layer", 5000);
    let config = json!({"architecture": "amd64", "os": "linux"}).to_string();
    let blob = |bytes: &[u8]| json!({"digest": format!("sha256:{}", sha256(bytes)), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(config.as_bytes()),
        "layers": [blob(&layer), blob(&layer)],
    })
    .to_string();
    let entry = |arch: &str, bytes: &[u8]| {
        json!({"digest": format!("sha256:{}", sha256(bytes)), "size": bytes.len(),
               "platform": {"os": "linux", "architecture": arch}})
    };
    let index = json!({
        "schemaVersion": 2,
        "manifests": [entry("arm64", b"another"), entry("amd64", manifest.as_bytes())],
    });
    server.put(&format!("{base}/manifests/{tag}"), Page::new(index.to_string()));
    let digest = sha256(manifest.as_bytes());
    server.put(&format!("{base}/manifests/sha256:{digest}"), Page::new(manifest));
    for bytes in [config.as_bytes(), &layer] {
        server.put(&format!("{base}/blobs/sha256:{}", sha256(bytes)), Page::new(bytes));
    }
    (digest, layer)
}

pub fn release_tree(server: &Server) {
    let file = |url: &str, body: Vec<u8>, checksum: &str| {
        let name = url.rsplit('/').next().unwrap();
        server.put(checksum, Page::new(format!("{}  {name}\n", sha256(&body))));
        server.put(url, Page::new(body));
    };
    let small = |name: &str| program(name, 4000);
    for name in ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet"] {
        let url = KUBELET.replace("kubelet", name);
        file(&url, small(name), &format!("{url}.sha256"));
    }
    let github = "https://github.com";
    let etcd = format!("{github}/etcd-io/etcd/releases/download/v3.6.14");
    let members = ["etcd", "etcdctl", "etcdutl"].map(|n| (format!("etcd-v3.6.14-linux-amd64/{n}"), small(n)));
    file(&format!("{etcd}/etcd-v3.6.14-linux-amd64.tar.gz"), tgz(&members), &format!("{etcd}/SHA256SUMS"));
    let url =
        format!("{github}/containerd/containerd/releases/download/v2.3.7/containerd-static-2.3.7-linux-amd64.tar.gz");
    let names = ["containerd", "containerd-shim-runc-v2", "ctr"];
    let members = names.map(|n| (format!("bin/{n}"), small(n)));
    file(&url, tgz(&members), &format!("{url}.sha256sum"));
    file(&format!("{RUNC}/runc.amd64"), small("runc"), &format!("{RUNC}/runc.sha256sum"));
    let url =
        format!("{github}/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz");
    let names = ["bandwidth", "bridge", "dummy", "firewall", "host-local", "loopback", "portmap"];
    let members = names.map(|n| (format!("./{n}"), small(n)));
    file(&url, tgz(&members), &format!("{url}.sha256"));
    let tag = "flannel-io/cni-plugin/releases/download/v1.9.1-flannel3";
    let url = format!("{github}/{tag}/cni-plugin-flannel-linux-amd64-v1.9.1.tgz");
    file(&url, tgz(&[("flannel-amd64", small("flannel"))]), &format!("{url}.sha256"));
    let url = format!("{github}/flannel-io/flannel/releases/download/v0.28.10/flanneld-amd64");
    server.put(&url, Page::new(small("flanneld")));
    let url = format!("{github}/coredns/coredns/releases/download/v1.14.7/coredns_1.14.7_linux_amd64.tgz");
    file(&url, tgz(&[("coredns", small("coredns"))]), &format!("{url}.sha256"));
    image(server, REGISTRY, "3.10.1");
    image(server, "https://registry.k8s.io/v2/e2e-test-images/agnhost", "2.63.0");
}
