//! What a running cluster's hosts look like from outside: files, flags, ports, certificates.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::common::cluster::Cluster;

/// Units of ours, wherever they run.
pub const UNITS: [&str; 8] = [
    "etcd.service",
    "kube-apiserver.service",
    "kube-controller-manager.service",
    "kube-scheduler.service",
    "containerd.service",
    "kubelet.service",
    "kube-proxy.service",
    "flanneld.service",
];

/// Which life of each unit runs: `host unit` → invocation and when it became active.
pub fn lives(cluster: &Cluster) -> BTreeMap<String, String> {
    let mut lives = BTreeMap::new();
    for host in cluster.hosts() {
        let script = format!(
            "for u in {}; do systemctl show -p LoadState -p InvocationID -p ActiveEnterTimestampMonotonic --value $u \
             | paste -sd ' ' | sed \"s/^/$u /\"; done",
            UNITS.join(" ")
        );
        for line in cluster.on(&host, &script).lines().filter(|line| !line.contains("not-found")) {
            let (unit, life) = line.split_once(' ').unwrap();
            lives.insert(format!("{host} {unit}"), life.to_owned());
        }
    }
    lives
}

/// The units that run another life than before.
pub fn restarted(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let keys = before.keys().chain(after.keys());
    let mut changed: Vec<String> = keys.filter(|key| before.get(*key) != after.get(*key)).cloned().collect();
    changed.sort();
    changed.dedup();
    changed
}

/// CIS 1.1.x and 4.1.x: modes and owners of files.
pub fn check_modes(cluster: &Cluster, host: &str) {
    let script = "stat -c '%a %U:%G %n' /etc/kubernetes /etc/kubernetes/{*.conf,*.yaml} /etc/kubernetes/pki /etc/kubernetes/pki/* /etc/etcd/pki/* \
                  /var/lib/etcd /var/lib/kubelet/config.yaml /etc/cni/net.d/* /etc/containerd/config.toml \
                  /etc/systemd/system/{etcd,kube-*,kubelet,containerd,flanneld}.service /var/log/kubernetes/* \
                  /var/lib/kbootstrap";
    let text = cluster.on(host, &format!("bash -c \"{script}\""));
    let mut seen = 0;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (mode, owner, path) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let mode = u32::from_str_radix(mode, 8).unwrap();
        let (most, owners): (u32, &[&str]) = match path {
            "/etc/kubernetes" | "/etc/kubernetes/pki" => (0o755, &["root:root"]),
            // 1.1.11, 1.1.12
            "/var/lib/etcd" => (0o700, &["etcd:etcd"]),
            "/var/lib/kbootstrap" => (0o700, &["root:root"]),
            // etcd runs as its own user; the client certificate for health checks is root's
            _ if path.starts_with("/etc/etcd/pki/") && path.ends_with(".key") => (0o600, &["etcd:etcd", "root:root"]),
            _ if path.starts_with("/etc/etcd/pki/") => (0o644, &["etcd:etcd", "root:root"]),
            // 1.1.20, 4.1.7
            _ if path.ends_with(".crt") || path.ends_with(".pub") => (0o644, &["root:root"]),
            // 1.1.1 to 1.1.8, 1.1.13 to 1.1.21, 4.1.1 to 4.1.10
            _ => (0o600, &["root:root"]),
        };
        assert!(mode & !most == 0 && owners.contains(&owner), "{host}: {line}: at most {most:o} of {owners:?}");
        seen += 1;
    }
    assert!(seen > 40, "{host}: too few files were looked at:\n{text}");
    for unit in UNITS {
        assert!(text.contains(&format!("/etc/systemd/system/{unit}")), "{host}: no {unit} in\n{text}");
    }
}

/// A CIS rule on a running process: its id, the flag, and which values pass; none: the flag must not be there.
type Rule = (&'static str, &'static str, Option<fn(&str) -> bool>);

const ANY: Option<fn(&str) -> bool> = Some(|_| true);
const TRUE: Option<fn(&str) -> bool> = Some(|value| value == "true");
const FALSE: Option<fn(&str) -> bool> = Some(|value| value == "false");
const LOOPBACK: Option<fn(&str) -> bool> = Some(|value| value == "127.0.0.1");

fn at_least(value: &str, least: u32) -> bool {
    value.parse::<u32>().is_ok_and(|number| number >= least)
}
fn lists(value: &str, wanted: &str) -> bool {
    value.split(',').any(|word| word == wanted)
}

const APISERVER: &[Rule] = &[
    ("1.2.1", "anonymous-auth", FALSE),
    ("1.2.2", "token-auth-file", None),
    ("1.2.4", "kubelet-client-certificate", ANY),
    ("1.2.4", "kubelet-client-key", ANY),
    ("1.2.5", "kubelet-certificate-authority", ANY),
    ("1.2.6", "authorization-mode", Some(|v| !lists(v, "AlwaysAllow"))),
    ("1.2.7", "authorization-mode", Some(|v| lists(v, "Node"))),
    ("1.2.8", "authorization-mode", Some(|v| lists(v, "RBAC"))),
    ("1.2.10", "enable-admission-plugins", Some(|v| !lists(v, "AlwaysAdmit"))),
    ("1.2.12, 1.2.13", "disable-admission-plugins", None),
    ("1.2.14", "enable-admission-plugins", Some(|v| lists(v, "NodeRestriction"))),
    ("1.2.15", "profiling", FALSE),
    ("1.2.16", "audit-log-path", ANY),
    ("1.2.17", "audit-log-maxage", Some(|v| at_least(v, 30))),
    ("1.2.18", "audit-log-maxbackup", Some(|v| at_least(v, 10))),
    ("1.2.19", "audit-log-maxsize", Some(|v| at_least(v, 100))),
    ("1.2.21", "service-account-lookup", None),
    ("1.2.22", "service-account-key-file", ANY),
    ("1.2.23", "etcd-certfile", ANY),
    ("1.2.23", "etcd-keyfile", ANY),
    ("1.2.24", "tls-cert-file", ANY),
    ("1.2.24", "tls-private-key-file", ANY),
    ("1.2.25", "client-ca-file", ANY),
    ("1.2.26", "etcd-cafile", ANY),
    ("1.2.27", "encryption-provider-config", ANY),
    ("1.2.30", "service-account-extend-token-expiration", FALSE),
    ("3.2.1", "audit-policy-file", ANY),
];
const CONTROLLER_MANAGER: &[Rule] = &[
    ("1.3.1", "terminated-pod-gc-threshold", Some(|v| at_least(v, 1))),
    ("1.3.2", "profiling", FALSE),
    ("1.3.3", "use-service-account-credentials", TRUE),
    ("1.3.4", "service-account-private-key-file", ANY),
    ("1.3.5", "root-ca-file", ANY),
    ("1.3.7", "bind-address", LOOPBACK),
];
const SCHEDULER: &[Rule] = &[("1.4.1", "profiling", FALSE), ("1.4.2", "bind-address", LOOPBACK)];
const ETCD: &[Rule] = &[
    ("2.1", "cert-file", ANY),
    ("2.1", "key-file", ANY),
    ("2.2", "client-cert-auth", TRUE),
    ("2.3", "auto-tls", None),
    ("2.4", "peer-cert-file", ANY),
    ("2.4", "peer-key-file", ANY),
    ("2.5", "peer-client-cert-auth", TRUE),
    ("2.6", "peer-auto-tls", None),
];

/// CIS 1.2.x to 2.x on the command lines of the running processes, as a scanner reads them; etcd runs as its own user.
pub fn check_flags(cluster: &Cluster, host: &str) {
    for (unit, rules) in [
        ("kube-apiserver", APISERVER),
        ("kube-controller-manager", CONTROLLER_MANAGER),
        ("kube-scheduler", SCHEDULER),
        ("etcd", ETCD),
    ] {
        let words =
            cluster.on(host, &format!("tr '\\0' '\\n' < /proc/$(systemctl show -p MainPID --value {unit})/cmdline"));
        let flags: BTreeMap<&str, &str> =
            words.lines().filter_map(|word| word.strip_prefix("--")?.split_once('=')).collect();
        for (id, flag, passes) in rules {
            let found = flags.get(flag);
            let good = match passes {
                Some(passes) => found.is_some_and(|value| passes(value)),
                None => found.is_none(),
            };
            assert!(good, "{host}: CIS {id}: {unit} --{flag} is {found:?}\n{words}");
        }
    }
    let user = cluster.on(host, "stat -c %U /proc/$(systemctl show -p MainPID --value etcd)");
    assert_eq!(user.trim(), "etcd");
}

/// CIS 4.2.x: what the running kubelet says that its configuration is.
pub fn check_kubelet(cluster: &Cluster, node: &str) {
    let text = cluster.kubectl(&["get", "--raw", &format!("/api/v1/nodes/{node}/proxy/configz")]);
    let value: Value = serde_json::from_str(&text).unwrap();
    let config = &value["kubeletconfig"];
    let expect = |id: &str, pointer: &str, good: &dyn Fn(&Value) -> bool| {
        let found = config.pointer(pointer).unwrap_or(&Value::Null);
        assert!(good(found), "{node}: CIS {id}: {pointer} is {found}");
    };
    expect("4.2.1", "/authentication/anonymous/enabled", &|v| v == false);
    expect("4.2.2", "/authorization/mode", &|v| v == "Webhook");
    expect("4.2.3", "/authentication/x509/clientCAFile", &|v| v.is_string());
    expect("4.2.4", "/readOnlyPort", &|v| v.is_null() || v == 0);
    expect("4.2.5", "/streamingConnectionIdleTimeout", &|v| v != "0s");
    expect("4.2.6", "/makeIPTablesUtilChains", &|v| v == true);
    expect("4.2.9", "/tlsCertFile", &|v| v.is_string());
    expect("4.2.9", "/tlsPrivateKeyFile", &|v| v.is_string());
    expect("4.2.10", "/rotateCertificates", &|v| v == true);
    expect("4.2.13", "/podPidsLimit", &|v| v.as_i64().is_some_and(|n| n > 0));
    expect("4.2.14", "/seccompDefault", &|v| v == true);
}

/// Only these ports are open to others, none speaks plain HTTP, and none answers a stranger.
pub fn check_ports(cluster: &Cluster, host: &str, expected: &[u16]) {
    let mut open: Vec<u16> = cluster
        .on(host, "ss -Hltn | awk '{ print $4 }'")
        .lines()
        .filter(|address| !address.starts_with("127.") && !address.starts_with("[::1]"))
        .map(|address| address.rsplit(':').next().unwrap().parse().unwrap())
        .filter(|port| *port != 22)
        .collect();
    open.sort_unstable();
    open.dedup();
    assert_eq!(open, expected, "{host}: ports that others can reach");
    let address = cluster.address(host);
    for port in open {
        let answer = plain_http(&address, port);
        // Go's own words for "TLS only"; everything else must hang up without a word.
        let refused = answer.is_empty() || answer.contains("Client sent an HTTP request to an HTTPS server");
        assert!(refused, "{host}:{port} answers plain HTTP: {answer}");
    }
}

fn plain_http(address: &str, port: u16) -> String {
    let mut stream = TcpStream::connect((address, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // A server that hangs up at once may do so by a reset; what it said before counts.
    let _ = stream.read_to_end(&mut bytes);
    // A TLS alert is a record of type 21.
    if bytes.first() == Some(&21) { String::new() } else { String::from_utf8_lossy(&bytes).into_owned() }
}

/// Who has no certificate is a stranger to the API server, to the kubelets and to etcd.
pub fn check_strangers(cluster: &Cluster) {
    let status = |url: &str| {
        let script = format!("curl -sk -m 20 -o /dev/null -w '%{{http_code}} %{{exitcode}}' {url}");
        cluster.try_on("n1", &script).1.trim().to_owned()
    };
    let master = cluster.address("n1");
    for path in ["", "healthz", "api", "api/v1/secrets", "version"] {
        assert_eq!(status(&format!("https://{master}:6443/{path}")), "401 0", "/{path}");
    }
    for host in cluster.hosts() {
        let node = cluster.address(&host);
        assert_eq!(status(&format!("https://{node}:10250/pods")), "401 0", "kubelet of {host}");
    }
    let etcd = status(&format!("https://{master}:2379/version"));
    assert!(etcd.starts_with("000") && !etcd.ends_with(" 0"), "etcd without a client certificate: {etcd}");
}

/// Every certificate on the host verifies with openssl against its CA for its purpose, and its key is its own.
pub fn check_certificates(cluster: &Cluster, host: &str) {
    let pki = cluster.file(host, "/etc/kubernetes/pki");
    let etcd = cluster.file(host, "/etc/etcd/pki");
    let mut checked = Vec::new();
    for folder in [&pki, &etcd].into_iter().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if path.extension().is_none_or(|e| e != "crt") || name.ends_with("ca") {
                continue;
            }
            // A CA: its key is ca.key, what is trusted is beside it.
            if name == "ca-signing" {
                assert_eq!(fs::read_to_string(&path).unwrap().matches("BEGIN CERTIFICATE").count(), 1, "{host}");
                openssl_verifies(&path, &pki.join("ca.crt"), "any");
                continue;
            }
            let ca = match name.as_str() {
                _ if folder == &etcd => etcd.join("ca.crt"),
                "apiserver-etcd-client" => pki.join("etcd-ca.crt"),
                "front-proxy-client" => pki.join("front-proxy-ca.crt"),
                _ => pki.join("ca.crt"),
            };
            let purposes: &[&str] = match name.as_str() {
                "peer" => &["sslserver", "sslclient"],
                "apiserver" | "kubelet" | "server" => &["sslserver"],
                name if name.ends_with("-server") => &["sslserver"],
                _ => &["sslclient"],
            };
            for purpose in purposes {
                openssl_verifies(&path, &ca, purpose);
            }
            let own = |args: &[&str], file: &Path| openssl(&[args, &[file.to_str().unwrap()]].concat());
            let public = own(&["x509", "-noout", "-pubkey", "-in"], &path);
            assert_eq!(public, own(&["pkey", "-pubout", "-in"], &path.with_extension("key")), "{name}: another key");
            checked.push(name);
        }
    }
    assert!(checked.len() >= 4, "{host}: too few certificates: {checked:?}");
}

fn openssl_verifies(certificate: &Path, ca: &Path, purpose: &str) {
    let (certificate, ca) = (certificate.to_str().unwrap(), ca.to_str().unwrap());
    let said = openssl(&["verify", "-x509_strict", "-purpose", purpose, "-CAfile", ca, certificate]);
    assert!(said.trim_end().ends_with(": OK"), "{said}");
}

fn openssl(args: &[&str]) -> String {
    let output = Command::new("openssl").args(args).output().unwrap();
    assert!(output.status.success(), "openssl {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
