//! `certinfo HOST:PORT` against servers of openssl: of each TLS version, with names, with a demand for our certificate.

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::authority::Authority;
use crate::common::process::{Server as Running, free_addresses};
use crate::health_etcd::{await_etcd, start_etcd};
use crate::pki_tools::{Folder, with_ca};

/// `openssl s_server`, which ends with the test.
struct Server {
    _running: Running,
    port: u16,
}

impl Server {
    fn start(folder: &Folder, options: &str) -> Self {
        // The port is free now; should another program take it first, the server says so and the test fails.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let line = format!("s_server -accept 127.0.0.1:{port} -quiet {options}");
        let mut command = Command::new("openssl");
        command.args(line.split(' ')).current_dir(folder.path(""));
        let mut running = Running::start("s_server", &folder.path(""), &mut command);
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            running.assert_running();
            assert!(Instant::now() < end, "openssl {line} does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Server { _running: running, port }
    }
}

fn folder() -> Folder {
    let folder = with_ca(r#"{"algo":"ecdsa","size":521}"#);
    folder.write("int.json", r#"{"CN":"intermediate"}"#);
    folder.write("a.json", r#"{"CN":"a","hosts":["a.example","127.0.0.1"]}"#);
    folder.write("b.json", r#"{"CN":"b","hosts":["b.example"],"key":{"algo":"rsa","size":2048}}"#);
    folder.ok("gencert -ca ca.pem -ca-key ca-key.pem -config config.json -profile intermediate int.json --out int");
    for name in ["a", "b"] {
        let below = "-ca int.pem -ca-key int-key.pem -config config.json -profile peer";
        folder.ok(&format!("gencert {below} {name}.json --out {name}"));
    }
    folder
}

fn chain(folder: &Folder, line: &str) -> Vec<Value> {
    folder.json(&format!("certinfo {line} -o json")).as_array().unwrap().clone()
}

#[test]
fn every_tls_version_and_a_demand_for_our_certificate_show_the_chain() {
    let folder = folder();
    for version in ["-tls1_2", "-tls1_3"] {
        for demand in ["", " -Verify 1 -verify_return_error -CAfile ca.pem"] {
            let server =
                Server::start(&folder, &format!("-cert a.pem -key a-key.pem -cert_chain int.pem {version}{demand}"));
            let all = chain(&folder, &format!("127.0.0.1:{} --ca ca.pem", server.port));
            assert_eq!(all.len(), 2, "{version}{demand}: {all:#?}");
            assert_eq!(all[0]["place"], format!("127.0.0.1:{}", server.port));
            assert_eq!(all[0]["certificate"]["subject"]["common_name"], "a");
            assert_eq!(all[0]["chain"]["verified"], true, "{all:#?}");
            assert_eq!(all[1]["place"], format!("127.0.0.1:{} (chain 1)", server.port));
        }
    }
}

#[test]
fn etcd_shows_its_certificate_to_strangers() {
    let folder = Folder::new();
    let dir = folder.path("");
    let ca = Authority::new(&dir, "etcd-ca");
    let server = ca.issue("server", "ec:P-256", "/CN=m1", "IP:127.0.0.1", 10);
    let [address, peer] = free_addresses();
    let mut running = start_etcd(&dir, address, peer, &server, &ca);
    await_etcd(&mut running, address, &ca.identity("client", "ec:P-256", "/CN=admin"));
    let all = chain(&folder, &format!("{address} --ca etcd-ca/ca.crt"));
    assert_eq!(all.len(), 1);
    assert_eq!((&all[0]["chain"]["verified"], &all[0]["days_left"]), (&true.into(), &9.into()), "{all:#?}");
    let report = folder.ok(&format!("certlint {address}"));
    assert_eq!(report.stdout, "1 certificate and 0 keys: 0 errors, 0 warnings, 0 notices\n");
}

#[test]
fn the_server_name_chooses_and_must_be_covered() {
    let folder = folder();
    let options = "-cert a.pem -key a-key.pem -cert_chain int.pem -servername b.example -cert2 b.pem -key2 b-key.pem";
    let server = Server::start(&folder, options);
    let address = format!("127.0.0.1:{}", server.port);
    let leaf = |options: &str| chain(&folder, &format!("{address} --ca ca.pem int.pem {options}"))[0].clone();
    let b = leaf("--servername b.example");
    assert_eq!(b["certificate"]["subject"]["common_name"], "b", "{b:#}");
    assert_eq!(b["chain"]["verified"], true, "{b:#}");
    let wrong = leaf("--servername c.example");
    assert_eq!(wrong["chain"]["why"], "it is not for c.example", "{wrong:#}");
    let linted = |name: &str| {
        let run = folder.kbootstrap(&format!("certlint {address} --servername {name} -o json"), "");
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|finding| finding["rule"] == "san-not-asked").map(|finding| finding["what"].clone())
    };
    assert_eq!(linted("b.example"), None);
    assert_eq!(linted("c.example").unwrap(), "the server was asked by c.example, and it is not for that");
    let stranger = chain(&folder, &address);
    assert_eq!(
        stranger[0]["chain"]["why"],
        "the issuer `C=CN, ST=Beijing, L=Beijing, O=k8s + O=second, OU=System, CN=root` of its CA is not at hand"
    );
}

#[test]
fn a_root_that_a_server_sends_proves_nothing() {
    let folder = folder();
    let server = Server::start(&folder, "-cert a.pem -key a-key.pem -cert_chain int.pem");
    folder.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout self.key -out self.pem -days 5 -subj /CN=self -addext subjectAltName=IP:127.0.0.1");
    let alone = Server::start(&folder, "-cert self.pem -key self.key");
    let all = chain(&folder, &format!("127.0.0.1:{} 127.0.0.1:{}", server.port, alone.port));
    let own = all.iter().find(|e| e["certificate"]["subject"]["common_name"] == "self").unwrap();
    assert_eq!(own["chain"]["why"], "it is self-signed, and nothing says that it is to be trusted");
    assert_eq!(chain(&folder, &format!("127.0.0.1:{} --ca self.pem", alone.port))[0]["chain"]["verified"], true);
}

#[test]
fn what_is_no_tls_server_is_told_with_exit_code_5() {
    let folder = Folder::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = folder.refused(&format!("certinfo {closed}"));
    assert!(text.contains("cannot connect: Connection refused") && text.ends_with("exit code 5"), "{text}");
    // It takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let began = Instant::now();
    let text = folder.refused(&format!("certinfo {} --timeout 1", silent.local_addr().unwrap()));
    assert!(text.contains("no certificate came: no answer within 1 s") && text.ends_with("exit code 5"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(10));
    // It speaks another protocol.
    let ssh = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = ssh.local_addr().unwrap();
    let speaker = std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = ssh.accept().unwrap();
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
        // Open until the other side has read it.
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
    });
    let text = folder.refused(&format!("certinfo {address}"));
    speaker.join().unwrap();
    assert!(text.contains("check that a TLS server listens there") && text.ends_with("exit code 5"), "{text}");
}

#[test]
fn servers_without_a_common_cipher_suite_are_told_so() {
    let folder = folder();
    for options in ["-tls1_2 -cipher AES128-GCM-SHA256", "-tls1_2 -cipher ECDHE-RSA-AES128-SHA256"] {
        let server = Server::start(&folder, &format!("-cert b.pem -key b-key.pem {options}"));
        let text = folder.refused(&format!("certinfo 127.0.0.1:{}", server.port));
        assert!(text.contains("HandshakeFailure") && text.contains("no common cipher suite"), "{options}: {text}");
        assert!(text.ends_with("exit code 5"), "{text}");
    }
    let server = Server::start(&folder, "-cert b.pem -key b-key.pem -tls1_1 -cipher ALL:@SECLEVEL=0");
    let text = folder.refused(&format!("certinfo 127.0.0.1:{}", server.port));
    assert!(text.contains("ProtocolVersion") && text.contains("no version from TLS 1.2 on"), "{text}");
}

#[test]
fn keys_that_we_cannot_verify_are_shown_all_the_same() {
    let folder = Folder::new();
    for (name, algorithm) in [("ed448", "ed448"), ("pss", "rsa-pss")] {
        folder.openssl(&format!("genpkey -algorithm {algorithm} -out {name}.key"));
        folder.openssl(&format!("req -x509 -key {name}.key -out {name}.pem -days 5 -subj /CN={name}"));
        for version in ["-tls1_2", "-tls1_3"] {
            let server = Server::start(&folder, &format!("-cert {name}.pem -key {name}.key {version}"));
            let all = chain(&folder, &format!("127.0.0.1:{}", server.port));
            assert_eq!(all[0]["certificate"]["subject"]["common_name"], name, "{version}");
        }
    }
}
