//! Done means in force, on two masters: an empty plan passes the same gates, encryption is read and Secrets are written
//! again, a deleted node comes back, and what keeps a cluster from working is named.

use std::fs;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kbootstrap::certs::{Client, Server};
use kbootstrap::lab::LabSpec;
use kbootstrap::pki::Certificate;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::cluster::Cluster;
use crate::common::run::At;

const MASTERS: [&str; 2] = ["n1", "n2"];
const PLAIN: &str = "k8s\0";

#[test]
fn what_up_says_is_done_is_in_force() {
    let cluster = Cluster::with(LabSpec { masters: 2, ..LabSpec::new("e2e-in-force", 2) });
    cluster.up();
    assert_eq!(cluster.up(), 0);
    a_deleted_node_comes_back(&cluster);
    an_empty_plan_waits_until_the_cluster_is_healthy(&cluster);
    dns_that_was_scaled_down_comes_back(&cluster);
    a_damaged_certificate_is_named_and_the_new_one_is_shown(&cluster);
    a_webhook_that_nobody_answers_is_named(&cluster);
    what_the_folder_lost_is_named_and_hinders_no_look(&cluster);
    encryption_is_in_force(&cluster);
}

#[test]
#[ignore = "API servers look every minute: make test-long"]
fn keys_change_without_a_secret_that_cannot_be_read() {
    let cluster = Cluster::with(LabSpec { masters: 2, ..LabSpec::new("e2e-keys", 2) });
    cluster.up();
    make_secrets(&cluster, "old", 60);
    a_second_key_writes_once_all_know_it(&cluster);
    a_key_that_nobody_needs_goes(&cluster);
    a_run_that_died_before_the_rewrite_is_gone_on_with(&cluster);
}

fn a_deleted_node_comes_back(cluster: &Cluster) {
    let before = cluster.get(&["node", "n2"]);
    cluster.kubectl(&["delete", "node", "n2"]);
    let plan = cluster.plan();
    assert_eq!(plan["cluster"], json!([{ "change": "register-node", "node": "n2" }]), "{plan}");
    let shown = cluster.run(&["plan"]).ok();
    shown.check(shown.stdout.contains("node n2: its kubelet runs, but the API has no such node"), "it should be named");
    assert_eq!(cluster.up(), 3);
    let after = cluster.get(&["node", "n2"]);
    assert_eq!(after["spec"]["podCIDR"], before["spec"]["podCIDR"], "its bridge and its pods stay what they are");
    for (key, value) in before["metadata"]["labels"].as_object().unwrap() {
        assert_eq!(after["metadata"]["labels"].get(key), Some(value), "{key}");
    }
    assert!(after["metadata"]["annotations"]["flannel.alpha.coreos.com/public-ip"].is_string(), "{after:#}");
    assert_eq!(cluster.up(), 0);
    cluster.run(&["verify"]).ok();
    a_host_does_not_choose_a_piece_beyond_the_pod_network(cluster);
}

/// All hosts would have a route to it.
fn a_host_does_not_choose_a_piece_beyond_the_pod_network(cluster: &Cluster) {
    let before = cluster.get(&["node", "n2"]);
    cluster.on("n2", "sed -i 's|^FLANNEL_SUBNET=.*|FLANNEL_SUBNET=198.51.100.7/32|' /run/flannel/subnet.env");
    cluster.kubectl(&["delete", "node", "n2"]);
    cluster.up();
    let after = cluster.get(&["node", "n2"]);
    let (was, is) = (before["spec"]["podCIDR"].as_str().unwrap(), after["spec"]["podCIDR"].as_str().unwrap());
    assert!(is.ends_with("/24") && is[..5] == was[..5], "{is} is given out of the pod network, as {was} was");
    assert_eq!(cluster.on("n1", "ip route show | grep 198.51.100 || true"), "");
    assert_eq!(cluster.up(), 0);
}

/// Schedulers that run, and have lost their lease, as when they hang: no file and no unit differs.
fn an_empty_plan_waits_until_the_cluster_is_healthy(cluster: &Cluster) {
    let schedulers = |signal: &str| {
        for host in MASTERS {
            cluster.on(host, &format!("systemctl kill -s {signal} kube-scheduler"));
        }
    };
    schedulers("STOP");
    std::thread::sleep(Duration::from_secs(16));
    cluster.run(&["plan", "--exit-code"]).ok();
    let gate = At { event: "started", host: "", step: "the cluster is healthy" };
    let mut up = cluster.start(&["up"]).until(gate);
    std::thread::sleep(Duration::from_secs(2));
    let waits = !up.is_over();
    schedulers("CONT");
    let up = up.wait().ok();
    up.check(waits, "it should have waited for the lease");
    up.check(up.stdout.contains("nothing to change"), "nothing should differ");
}

fn dns_that_was_scaled_down_comes_back(cluster: &Cluster) {
    cluster.kubectl(&["-n", "kube-system", "scale", "deployment/coredns", "--replicas=0"]);
    let status = cluster.run(&["status"]).exits(7);
    status.check(status.stderr.contains("it was scaled to 0"), "status should name it");
    assert_eq!(cluster.up(), 1);
    cluster.run(&["status"]).ok();
}

/// CoreDNS ends where its host names no name server, and keeps the file that its pod was made with.
#[test]
#[ignore = "waits for pods that crash: make test-long"]
fn dns_comes_back_when_its_hosts_are_mended() {
    let cluster = Cluster::with(LabSpec { masters: 2, ..LabSpec::new("e2e-dns", 2) });
    cluster.up();
    for host in MASTERS {
        cluster.on(host, "cp -L /etc/resolv.conf /root/resolv.conf && echo '# none' >/etc/resolv.conf");
    }
    cluster.kubectl(&["-n", "kube-system", "delete", "pod", "-l", "k8s-app=kube-dns"]);
    let limit = Instant::now() + Duration::from_secs(60);
    let crashes = || cluster.try_kubectl(&["-n", "kube-system", "get", "pods"]).matches("CrashLoopBackOff").count();
    while crashes() < 2 {
        assert!(Instant::now() < limit, "CoreDNS should end without a name server{}", cluster.evidence());
        std::thread::sleep(Duration::from_millis(500));
    }
    cluster.run(&["up"]).exits(6).says("names no name server");
    for host in MASTERS {
        cluster.on(host, "cat /root/resolv.conf >/etc/resolv.conf");
    }
    let plan = cluster.run(&["plan"]).ok();
    plan.check(
        plan.stdout.matches("crashes again and again: another takes its place").count() == 2,
        "it should be shown",
    );
    assert_eq!(cluster.up(), 2);
    assert_eq!(cluster.up(), 0);
}

fn a_damaged_certificate_is_named_and_the_new_one_is_shown(cluster: &Cluster) {
    cluster.on("n1", "printf x > /etc/kubernetes/pki/apiserver.crt");
    let status = cluster.run(&["status"]).exits(7);
    status.check(status.stderr.contains("/etc/kubernetes/pki/apiserver.crt is no certificate"), "it should be named");
    assert_eq!(cluster.up(), 1);
    cluster.run(&["status"]).ok();
    // Issued again: `up` ends when servers show the new ones.
    let pki = cluster.state().join("pki");
    for name in ["apiserver-n2", "kubelet-n2", "etcd-server-n1", "etcd-peer-n1"] {
        fs::remove_file(pki.join(format!("{name}.pem"))).unwrap();
    }
    let up = cluster.run(&["up"]).ok();
    let shown = |event: &&Value| event["event"] == "done" && event["step"] == "new certificates are shown";
    up.check(up.events.iter().any(|event| shown(&event)), "it should have looked at what servers show");
    for (host, port, name) in [
        ("n2", 6443, "apiserver-n2"),
        ("n2", 10250, "kubelet-n2"),
        ("n1", 2379, "etcd-server-n1"),
        ("n1", 2380, "etcd-peer-n1"),
    ] {
        let server = Server { host: cluster.address(host), port };
        let client = Client { server_name: None, timeout: Duration::from_secs(5), identity: None, start: None };
        let there = server.chain(&client).unwrap();
        let ours = Certificate::from_pem(&fs::read(pki.join(format!("{name}.pem"))).unwrap(), name).unwrap();
        assert_eq!(there[0].der(), ours.der(), "{name}");
    }
    assert_eq!(cluster.up(), 0);
}

fn a_webhook_that_nobody_answers_is_named(cluster: &Cluster) {
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "policy" },
        "webhooks": [{
            "name": "deny.example.com", "failurePolicy": "Fail", "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "clientConfig": { "service": { "namespace": "default", "name": "gone" } },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"] }],
        }],
    });
    let file = cluster.state().join("webhook.json");
    fs::write(&file, webhook.to_string()).unwrap();
    cluster.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    cluster.run(&["status"]).exits(7).says("deny.example.com");
    let warns = |args: &[&str]| {
        let run = cluster.run(args).ok();
        let named = run.events.iter().any(|event| event.to_string().contains("deny.example.com"));
        run.check(named, "the webhook should be named");
    };
    warns(&["plan"]);
    warns(&["up"]);
    cluster.kubectl(&["delete", "validatingwebhookconfiguration", "policy"]);
    cluster.run(&["status"]).ok();
}

fn what_the_folder_lost_is_named_and_hinders_no_look(cluster: &Cluster) {
    let pki = cluster.state().join("pki");
    let aside = |name: &str| (pki.join(name), cluster.state().join(name));
    for name in ["encryption.key", "etcd-ca-key.pem"] {
        let (path, kept) = aside(name);
        fs::rename(path, kept).unwrap();
    }
    let status = cluster.run(&["status"]).ok();
    status.check(status.stdout.contains("the key of CA etcd-ca is not in the cluster's folder"), "it should be named");
    cluster.run(&["verify"]).ok();
    for name in ["encryption.key", "etcd-ca-key.pem"] {
        let (path, kept) = aside(name);
        fs::rename(kept, path).unwrap();
    }
}

/// Off and on again, while Secrets are written all the time: all of them are readable on every master at any time, and
/// as asked when `up` is done.
fn encryption_is_in_force(cluster: &Cluster) {
    make_secrets(cluster, "old", 60);
    assert_eq!(written(cluster), ["k8s:enc:secretbox:v1:key1:"]);
    cluster.edit(|inventory| inventory.encrypt_secrets = Some(false));
    let up = reencrypt(cluster);
    assert!(up["changes"].as_u64().unwrap() >= 3, "{up}");
    assert_eq!(written(cluster), [PLAIN]);
    assert_eq!(cluster.up(), 0);
    cluster.edit(|inventory| inventory.encrypt_secrets = Some(true));
    let plan = cluster.plan();
    let rewrite = &plan["cluster"][0];
    assert_eq!((&rewrite["change"], &rewrite["encrypt"]), (&json!("rewrite-secrets"), &json!(true)), "{plan}");
    assert!(rewrite["count"].as_u64().unwrap() >= 60, "{plan}");
    let shown = cluster.run(&["plan"]).ok();
    shown.check(shown.stdout.contains("Secrets in etcd are written again, encrypted"), "the plan should say so");
    reencrypt(cluster);
    assert_eq!(written(cluster), ["k8s:enc:secretbox:v1:key1:"]);
    assert_eq!(cluster.up(), 0);
}

fn a_second_key_writes_once_all_know_it(cluster: &Cluster) {
    let path = cluster.state().join("pki/encryption.key");
    let old = STANDARD.encode(fs::read(&path).unwrap());
    let new = STANDARD.encode([9u8; 32]);
    fs::write(&path, format!("key2 {new}\nkey1 {old}\n")).unwrap();
    reencrypt(cluster);
    assert_eq!(written(cluster), ["k8s:enc:secretbox:v1:key2:"]);
    assert_eq!(cluster.up(), 0);
}

/// A single Secret that is still encrypted with it keeps it.
fn a_key_that_nobody_needs_goes(cluster: &Cluster) {
    let path = cluster.state().join("pki/encryption.key");
    let both = fs::read_to_string(&path).unwrap();
    let (first, second) = both.trim().split_once('\n').unwrap();
    fs::write(&path, format!("{second}\n")).unwrap();
    cluster.run(&["up", "--yes"]).exits(4).says("key2: a key that is not in the folder");
    fs::write(&path, format!("{first}\n")).unwrap();
    let plan = cluster.run(&["plan"]).ok();
    let said = |event: &Value| event.to_string().contains("key1 goes from the API servers; backups of etcd");
    plan.check(plan.events.iter().any(said), "it should be said");
    reencrypt(cluster);
    for host in MASTERS {
        let names = cluster.on(host, "grep -o 'name: key.' /etc/kubernetes/encryption.yaml");
        assert_eq!(names.trim(), "name: key2", "{host}");
    }
    assert_eq!(written(cluster), ["k8s:enc:secretbox:v1:key2:"]);
    assert_eq!(cluster.up(), 0);
}

/// The files are right, Secrets are not: written by an API server that had not read the file yet.
fn a_run_that_died_before_the_rewrite_is_gone_on_with(cluster: &Cluster) {
    cluster.edit(|inventory| inventory.encrypt_secrets = Some(false));
    let rewrite = At { event: "started", host: "", step: "Secrets in etcd are as asked" };
    let killed = cluster.start(&["up"]).until(rewrite).signal(Signal::KILL);
    killed.check(killed.code == -9, "it should have been killed");
    assert_eq!(written(cluster), ["k8s:enc:secretbox:v1:key2:"]);
    let plan = cluster.plan();
    assert_eq!(plan["cluster"][0]["change"], "rewrite-secrets", "{plan}");
    assert!(cluster.up() >= 1);
    assert_eq!(written(cluster), [PLAIN]);
    assert_eq!(cluster.up(), 0);
}

/// `up`, while Secrets are made and read on both masters without a break; its summary.
fn reencrypt(cluster: &Cluster) -> Value {
    let mut up = cluster.start(&["up", "-o", "json"]);
    let began = Instant::now();
    let (run, mut made) = (cluster.get(&["secrets"])["items"].as_array().unwrap().len(), 0);
    while !up.is_over() {
        assert!(began.elapsed() < Duration::from_secs(400));
        let server = |host: &str| format!("--server=https://{}:6443", cluster.address(host));
        for (writer, reader) in [("n1", "n2"), ("n2", "n1")] {
            let name = format!("new-{run}-{made}");
            cluster.kubectl(&[&server(writer), "create", "secret", "generic", &name, "--from-literal=a=b"]);
            cluster.kubectl(&[&server(reader), "get", "secrets", "-A", "-o", "name"]);
            made += 1;
        }
    }
    assert!(made > 10, "{made}");
    up.wait().ok().json()
}

fn make_secrets(cluster: &Cluster, name: &str, count: usize) {
    let secret = |n| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": format!("{name}{n}") }, "data": { "a": "Yg==" } });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": (0..count).map(secret).collect::<Vec<_>>() });
    let file = cluster.state().join("secrets.json");
    fs::write(&file, list.to_string()).unwrap();
    cluster.kubectl(&["create", "-f", file.to_str().unwrap()]);
}

/// What all Secrets in etcd begin with, up to the name of the key.
fn written(cluster: &Cluster) -> Vec<String> {
    let etcdctl = "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/pki/ca.crt \
                   --cert=/etc/etcd/pki/healthcheck-client.crt --key=/etc/etcd/pki/healthcheck-client.key";
    let text = cluster.on("n1", &format!("{etcdctl} get --prefix /registry/secrets/ -w json 2>/dev/null"));
    let answer: Value = serde_json::from_str(&text).unwrap();
    let kvs = answer["kvs"].as_array().unwrap();
    assert!(kvs.len() >= 60);
    let mut heads: Vec<String> = kvs
        .iter()
        .map(|kv| {
            let value = STANDARD.decode(kv["value"].as_str().unwrap()).unwrap();
            let colons = value.iter().enumerate().filter(|(_, byte)| **byte == b':').map(|(at, _)| at + 1);
            let end = if value.starts_with(b"k8s:enc:") { colons.take(5).last().unwrap() } else { 4 };
            String::from_utf8_lossy(&value[..end]).into_owned()
        })
        .collect();
    heads.sort();
    heads.dedup();
    heads
}
