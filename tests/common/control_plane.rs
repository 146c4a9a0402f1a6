//! A real control plane on loopback: etcd, kube-apiserver, kube-controller-manager and kube-scheduler.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use kbootstrap::clients::http::{Client, Identity};
use kbootstrap::clients::kube;
use kbootstrap::error::Result;
use kbootstrap::health::{Poll, Schedule, unless_connected, wait};
use kbootstrap::ui::report::render;
use serde_json::json;

use super::authority::{Authority, Issued};
use super::loopback::Loopback;
use super::process::{Server, free_addresses};
use super::programs::program;
use crate::health_etcd::{await_etcd, start_etcd};

/// Everything that runs, and who may ask it.
pub struct ControlPlane {
    pub ca: Authority,
    pub etcd: Option<Server>,
    pub scheduler: Option<Server>,
    pub address: SocketAddr,
    pub etcd_address: SocketAddr,
    /// cluster-admin.
    pub admin: Identity,
    /// A client of etcd.
    pub etcd_client: Identity,
    /// A cluster-admin's kubeconfig.
    pub kubeconfig: PathBuf,
    _apiserver: Server,
    _controller_manager: Server,
}

impl ControlPlane {
    /// Starts it all and waits until the API server is ready. Secrets are encrypted.
    pub fn start(dir: &Path) -> ControlPlane {
        let ca = Authority::new(dir, "kubernetes");
        let server = ca.issue("server", "sec1:prime256v1", "/CN=kube-apiserver", "IP:127.0.0.1,DNS:kubernetes", 10);
        let client = ca.issue("admin", "ec:P-256", "/O=system:masters/CN=admin", "", 10);
        let [address, etcd_address, peer, manager, scheduler] = free_addresses();
        let admin = ca.identity_of(&client);
        let mut etcd = start_etcd(dir, etcd_address, peer, &server, &ca);
        await_etcd(&mut etcd, etcd_address, &admin);

        let kubeconfig = write_kubeconfig(dir, &ca, &client, address);
        let mut apiserver = start_apiserver(dir, address, etcd_address, &ca, &server, &client);
        await_apiserver(&mut apiserver, address, &admin);
        let start = |name: &str, at: SocketAddr| {
            let mut command = Command::new(program(name));
            command
                .arg(format!("--kubeconfig={}", kubeconfig.display()))
                .arg("--bind-address=127.0.0.1")
                .arg(format!("--secure-port={}", at.port()))
                // Short, so that a dead leader shows soon.
                .args(["--leader-elect-lease-duration=3s", "--leader-elect-renew-deadline=2s"])
                .arg("--leader-elect-retry-period=1s");
            if name == "kube-controller-manager" {
                command.arg(format!("--service-account-private-key-file={}", server.key.display()));
                command.arg(format!("--cert-dir={}", dir.join("manager").display()));
            }
            Server::start(name, dir, &mut command)
        };
        let controller_manager = start("kube-controller-manager", manager);
        let scheduler = Some(start("kube-scheduler", scheduler));
        let etcd_client = admin.clone();
        ControlPlane {
            ca,
            etcd: Some(etcd),
            scheduler,
            address,
            etcd_address,
            admin,
            etcd_client,
            kubeconfig,
            _apiserver: apiserver,
            _controller_manager: controller_manager,
        }
    }

    /// A connection as cluster-admin.
    pub fn client<'t>(&self, transport: &'t mut Loopback) -> Client<'t> {
        Client::connect(transport, self.address, "127.0.0.1", &self.admin).unwrap()
    }
}

fn start_apiserver(
    dir: &Path,
    address: SocketAddr,
    etcd: SocketAddr,
    ca: &Authority,
    server: &Issued,
    client: &Issued,
) -> Server {
    let encryption = dir.join("encryption.json");
    let key = "c2l4dGVlbi1ieXRlcy10d2ljZS1zaXh0ZWVuLTMyITE="; // 32 bytes
    let config = json!({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": [
        {"resources": ["secrets"], "providers": [{"secretbox": {"keys": [{"name": "key1", "secret": key}]}}, {"identity": {}}]}
    ]});
    std::fs::write(&encryption, config.to_string()).unwrap();
    let mut command = Command::new(program("kube-apiserver"));
    let file = |flag: &str, path: &Path| format!("--{flag}={}", path.display());
    command
        .args([file("client-ca-file", &ca.cert()), file("tls-cert-file", &server.cert)])
        .args([file("tls-private-key-file", &server.key), file("etcd-cafile", &ca.cert())])
        .args([file("etcd-certfile", &client.cert), file("etcd-keyfile", &client.key)])
        .args([file("service-account-key-file", &server.key), file("service-account-signing-key-file", &server.key)])
        .args([file("encryption-provider-config", &encryption), file("cert-dir", &dir.join("apiserver"))])
        .arg(format!("--etcd-servers=https://{etcd}"))
        .arg(format!("--secure-port={}", address.port()))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none"])
        .args(["--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16"])
        .args(["--authorization-mode=Node,RBAC", "--anonymous-auth=false"]);
    Server::start("kube-apiserver", dir, &mut command)
}

fn await_apiserver(server: &mut Server, address: SocketAddr, admin: &Identity) {
    let never = AtomicBool::new(false);
    let ready = wait("kube-apiserver is not ready", Schedule::new(90, 100), &never, || {
        server.assert_running();
        unless_connected(look(address, admin))
    });
    ready.unwrap_or_else(|e| panic!("{}\n{}", render(&e, false), server.last_words()));
}

fn look(address: SocketAddr, admin: &Identity) -> Result<Poll<()>> {
    let mut transport = Loopback;
    let mut client = Client::connect(&mut transport, address, "127.0.0.1", admin)?;
    match kube::readyz(&mut client) {
        Ok(ready) if ready.ready => Ok(Poll::Ready(())),
        Ok(ready) => Ok(Poll::Pending(ready.failing.join(", "))),
        // It knows no roles yet.
        Err(error) if error.message.contains(": 403 ") => Ok(Poll::Pending(error.message)),
        Err(error) => Err(error),
    }
}

fn write_kubeconfig(dir: &Path, ca: &Authority, client: &Issued, address: SocketAddr) -> PathBuf {
    let path = dir.join("admin.conf");
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": format!("https://{address}"), "certificate-authority": ca.cert()}}],
        "users": [{"name": "admin", "user": {"client-certificate": client.cert, "client-key": client.key}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}]});
    std::fs::write(&path, config.to_string()).unwrap();
    path
}
