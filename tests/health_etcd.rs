//! A real etcd asked over mutual TLS, and what is said when one side refuses the other's certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use base64::Engine;
use kbootstrap::clients::etcd;
use kbootstrap::clients::http::{Client, Identity, Tls};
use kbootstrap::error::{Error, Kind, Result};
use kbootstrap::health::{Poll, Schedule, unless_connected, wait};
use kbootstrap::ui::report::render;
use tempfile::TempDir;

use crate::common::authority::{Authority, Issued};
use crate::common::loopback::Loopback;
use crate::common::process::{Server, free_addresses};
use crate::common::programs::program;

/// One etcd member with TLS for clients; they must show a certificate of `clients`.
pub fn start_etcd(dir: &Path, address: SocketAddr, peer: SocketAddr, server: &Issued, clients: &Authority) -> Server {
    let mut command = Command::new(program("etcd"));
    command
        .arg("--name=m1")
        .arg(format!("--data-dir={}", dir.join("etcd-data").display()))
        .arg(format!("--listen-client-urls=https://{address}"))
        .arg(format!("--advertise-client-urls=https://{address}"))
        .arg(format!("--listen-peer-urls=http://{peer}"))
        .arg(format!("--initial-advertise-peer-urls=http://{peer}"))
        .arg(format!("--initial-cluster=m1=http://{peer}"))
        .arg(format!("--cert-file={}", server.cert.display()))
        .arg(format!("--key-file={}", server.key.display()))
        .arg(format!("--trusted-ca-file={}", clients.cert().display()))
        .args(["--client-cert-auth", "--unsafe-no-fsync"]);
    Server::start("etcd", dir, &mut command)
}

/// Waits until etcd says that it is healthy.
pub fn await_etcd(server: &mut Server, address: SocketAddr, identity: &Identity) {
    let never = AtomicBool::new(false);
    let healthy = wait("etcd is not healthy", Schedule::new(30, 50), &never, || {
        server.assert_running();
        unless_connected(look(address, identity))
    });
    healthy.unwrap_or_else(|e| panic!("{}\n{}", render(&e, false), server.last_words()));
}

fn look(address: SocketAddr, identity: &Identity) -> Result<Poll<()>> {
    let mut transport = Loopback;
    let mut client = Client::connect(&mut transport, address, "127.0.0.1", identity)?;
    let health = etcd::health(&mut client)?;
    Ok(if health.healthy { Poll::Ready(()) } else { Poll::Pending(health.reason) })
}

#[test]
fn members_status_and_values_over_one_connection() {
    let dir = TempDir::new().unwrap();
    let ca = Authority::new(dir.path(), "etcd-ca");
    let server = ca.issue("server", "ec:P-256", "/CN=m1", "IP:127.0.0.1", 10);
    let [address, peer] = free_addresses();
    let mut running = start_etcd(dir.path(), address, peer, &server, &ca);
    let identity = ca.identity("client", "ec:P-256", "/CN=admin");
    await_etcd(&mut running, address, &identity);

    let mut transport = Loopback;
    let mut client = Client::connect(&mut transport, address, "127.0.0.1", &identity).unwrap();
    let members = etcd::members(&mut client).unwrap();
    assert_eq!(members.len(), 1);
    assert_eq!((members[0].name.as_str(), members[0].learner), ("m1", false));
    assert_eq!(members[0].client_urls, [format!("https://{address}")]);

    let status = etcd::status(&mut client).unwrap();
    assert!(status.leads(), "{status:?}");
    assert_eq!(status.id, members[0].id);
    assert!(status.version.starts_with("3.") && status.raft_index > 0 && status.db_size > 0, "{status:?}");
    assert_eq!(status.errors, Vec::<String>::new());

    // A megabyte there and back: bodies of many TLS records, chunked or not.
    let value = vec![b'x'; 1_000_000];
    let body = serde_json::json!({"key": base64(b"/k"), "value": base64(&value)}).to_string();
    let put = client.request("POST", "/v3/kv/put", "application/json", body.as_bytes()).unwrap();
    assert_eq!(put.status, 200);
    assert_eq!(etcd::read(&mut client, "/k").unwrap(), Some(value));
    assert_eq!(etcd::read(&mut client, "/absent").unwrap(), None);
    assert!(client.is_open(), "all of it over one connection");
    every_form_of_key(&ca, address);
}

/// PKCS#8, SEC1 and PKCS#1; the curves and sizes that an inventory may ask for.
fn every_form_of_key(ca: &Authority, address: SocketAddr) {
    for (file, key) in
        [("a", "sec1:secp384r1"), ("b", "sec1:secp521r1"), ("c", "pkcs1:2048"), ("d", "ed:25519"), ("e", "ec:P-521")]
    {
        let identity = ca.identity(file, key, "/CN=admin");
        let mut transport = Loopback;
        let mut client = Client::connect(&mut transport, address, "127.0.0.1", &identity).unwrap();
        assert!(etcd::health(&mut client).unwrap_or_else(|e| panic!("{key}: {}", render(&e, false))).healthy);
    }
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn refused_certificates_are_told_by_name() {
    let dir = TempDir::new().unwrap();
    let ca = Authority::new(dir.path(), "etcd-ca");
    let other = Authority::new(dir.path(), "other-ca");
    let server = ca.issue("server", "sec1:secp521r1", "/CN=m1", "IP:127.0.0.1,DNS:m1", 10);
    let [address, peer, silent] = free_addresses();
    let mut running = start_etcd(dir.path(), address, peer, &server, &ca);
    let good = ca.identity("client", "ec:P-256", "/CN=admin");
    await_etcd(&mut running, address, &good);

    let stranger = other.issue("client", "ec:P-256", "/CN=stranger", "", 10);
    let expired = ca.issue("old", "ec:P-256", "/CN=old", "", -1);
    let ask = |tls: Tls, name: &str| -> Error {
        let mut transport = Loopback;
        let mut client = Client::dial(&mut transport, address, name, &tls).unwrap();
        etcd::health(&mut client).unwrap_err()
    };
    let tell = |error: Error| {
        assert_eq!(error.kind, Kind::Connect);
        mask(&render(&error, false), address)
    };

    insta::assert_snapshot!(tell(ask(Tls::new(&other.identity_of(&stranger)).unwrap(), "127.0.0.1")), @"
    error: GET /health: ADDRESS (asked through loopback): the server's certificate is refused: it is not signed by a CA that we trust (CN=other-ca)
      server certificate: CN=m1 issued by CN=etcd-ca, for 127.0.0.1, m1, valid until DATE
    hint: the server still runs with an older certificate, or this is another cluster
    ");
    insta::assert_snapshot!(tell(ask(Tls::new(&good).unwrap(), "127.0.0.2")), @"
    error: GET /health: ADDRESS (asked through loopback): the server's certificate is refused: it is not for 127.0.0.2
      server certificate: CN=m1 issued by CN=etcd-ca, for 127.0.0.1, m1, valid until DATE
    hint: issue the certificate again with this name or address in it
    ");
    insta::assert_snapshot!(tell(ask(Tls::anonymous(&good.ca_pem).unwrap(), "127.0.0.1")), @"error: GET /health: ADDRESS (asked through loopback): the server wants a client certificate, and there was none to show");
    insta::assert_snapshot!(tell(ask(Tls::new(&ca.identity_of(&stranger)).unwrap(), "127.0.0.1")), @"
    error: GET /health: ADDRESS (asked through loopback): our client certificate is refused: its CA is not one that the server trusts
      client certificate: CN=stranger issued by CN=other-ca, valid until DATE
    hint: compare the CA in the server's configuration with the certificate's issuer
    ");
    insta::assert_snapshot!(tell(ask(Tls::new(&ca.identity_of(&expired)).unwrap(), "127.0.0.1")), @"
    error: GET /health: ADDRESS (asked through loopback): our client certificate is refused: it has expired, by the server's clock
      client certificate: CN=old issued by CN=etcd-ca, valid until DATE
    hint: renew the certificate; compare the clocks
    ");

    // A key that is another certificate's, and things that are no PEM.
    let mixed = Identity { key_pem: other.identity_of(&stranger).key_pem, ..good.clone() };
    insta::assert_snapshot!(Tls::new(&mixed).unwrap_err(), @"client certificate CN=admin: the private key does not belong to it");
    let no_key = Identity { key_pem: kbootstrap::secret::Secret::new(*b"hunter2"), ..good.clone() };
    insta::assert_snapshot!(Tls::new(&no_key).unwrap_err(), @"client key: no PKCS#8, PKCS#1 or SEC1 key in the PEM text");
    insta::assert_snapshot!(Tls::anonymous(b"").unwrap_err(), @"CA certificate: no certificate in the PEM text");

    let mut transport = Loopback;
    let refused = Client::connect(&mut transport, silent, "127.0.0.1", &good).err().unwrap();
    assert_eq!(refused.kind, Kind::Connect);
}

/// Ports and dates differ from run to run.
fn mask(text: &str, address: SocketAddr) -> String {
    let text = text.replace(&address.to_string(), "ADDRESS");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        if let Some(at) = line.find("valid until ") {
            line.truncate(at + "valid until".len());
            line.push_str(" DATE");
        }
    }
    lines.join("\n")
}
