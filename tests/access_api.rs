//! Who is taken for an API server, by the certificates that a cluster really has.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use kbootstrap::access::{ApiAccess, Pool};
use kbootstrap::clients::http::{Request, Tls};
use kbootstrap::error::{Error, Kind};
use kbootstrap::health::{Poll, Schedule, unless_connected, wait};

use crate::common::loopback::Here;
use crate::common::process::{Server, free_addresses};
use crate::trust_folder::{Folder, cluster};

/// What answers at the address with one of the cluster's certificates and its key, as whoever has them can.
fn impostor(folder: &Folder, stem: &str, at: SocketAddr) -> Server {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-quiet", "-www", "-accept", &at.to_string()]);
    command.arg("-cert").arg(folder.pki(&format!("{stem}.pem")));
    command.arg("-key").arg(folder.pki(&format!("{stem}-key.pem")));
    Server::start(stem, folder.dir.path(), &mut command)
}

#[test]
fn a_kubelets_certificate_makes_no_api_server() {
    for settings in ["", "pki: {authorities: single}\n"] {
        let folder = Folder::new();
        let trust = folder.ensure(settings).unwrap();
        let tls = Tls::new(&trust.super_admin()).unwrap();
        let host = cluster(settings).hosts.remove(0);
        let pool = Pool::new(Box::new(Here), false, 1);
        let asked = |stem: &str| -> Result<u16, Error> {
            let [at] = free_addresses();
            let mut server = impostor(&folder, stem, at);
            // The address is in all of these certificates.
            wait("nobody listens", Schedule::new(30, 50), &AtomicBool::new(false), || {
                server.assert_running();
                unless_connected(
                    std::net::TcpStream::connect(at)
                        .map(|_| Poll::Ready(()))
                        .map_err(|e| Error::connect(e.to_string())),
                )
            })?;
            let answer = ApiAccess::at(&pool, &host, at, &tls)?.client()?.send(&Request::new("GET", "/"))?;
            Ok(answer.status)
        };
        assert_eq!(asked("apiserver-m1"), Ok(200));
        for stem in ["kubelet-m1", "controller-manager-server-m1", "scheduler-server-m1"] {
            let refused = asked(stem).unwrap_err();
            assert_eq!(refused.kind, Kind::Connect, "{stem}");
            assert!(
                refused.message.ends_with("the server's certificate is refused: it is not for kubernetes"),
                "{refused:?}"
            );
        }
    }
}
