//! What services may do on their hosts and in the API, on a cluster of one master and a worker.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kbootstrap::clients::http::{Client, Identity, Request, Response, Tls};
use kbootstrap::secret::Secret;
use serde_json::{Value, json};

use crate::common::cluster::Cluster;
use crate::common::run::Run;
use crate::common::stolen_worker::{At, KEYS, RENEWAL, TRIES, Try};
use crate::pki_tools::Folder;

/// Files of a worker that would be a master's.
const PLANTED: [&str; 3] = [
    "/etc/kubernetes/pki/sa.key",
    "/var/lib/kbootstrap/units/etcd.service",
    "/var/lib/kbootstrap/units/kube-apiserver.service",
];
/// A label that kubelets set again whenever they start, were they told so.
const ZONE: &str = "topology.kubernetes.io/zone";

/// CoreDNS stays where it is when the worker goes: nothing has to be waited for.
pub fn worker_of_its_own(cluster: &Cluster) {
    cluster.edit(|inventory| {
        inventory.hosts[1].taints.push("rights=:NoSchedule".into());
        inventory.hosts[1].labels.insert(ZONE.into(), "a".into());
    });
}

/// On a cluster that runs with such a worker.
pub fn services_may_do_what_they_need_and_no_more(cluster: &Cluster) {
    services_may_do_little_on_their_hosts(cluster);
    controllers_show_certificates_of_ours(cluster);
    folders_on_the_way_can_be_read(cluster);
    what_others_could_change_is_found_before_a_push(cluster);
    accounts_of_our_namespaces_get_no_tokens(cluster);
    policies_that_nobody_enforces_are_named(cluster);
    a_kubelet_registers_and_goes_on(cluster);
    a_stolen_worker_can_do_what_the_table_says(cluster);
    what_a_worker_named_before_the_policy_takes_nothing_away(cluster);
    assert_eq!(cluster.up(), 0, "flanneld and kube-proxy have worked on with what they may do");
    a_revoked_worker_can_do_nothing(cluster);
    cluster.on("n2", &format!("rm {}", PLANTED.join(" ")));
}

/// systemd's measure of what runs, by unit and host; at most so many tenths.
fn services_may_do_little_on_their_hosts(cluster: &Cluster) {
    for (host, units) in [
        ("n1", &["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "flanneld"][..]),
        ("n2", &["kube-proxy", "flanneld"]),
    ] {
        for unit in units {
            let most = if ["kube-proxy", "flanneld"].contains(unit) { 50 } else { 25 };
            let (code, said) =
                cluster.try_on(host, &format!("systemd-analyze security --no-pager --threshold={most} {unit}.service"));
            assert!(code == 0 && said.contains("Overall exposure level"), "{host}: {unit} is above {most}:\n{said}");
        }
    }
    // The processes themselves: what is not theirs is not there.
    for unit in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        let hidden = "/var/lib/etcd /etc/etcd /var/lib/kubelet /var/lib/containerd /var/lib/kbootstrap";
        let script = format!(
            "p=$(systemctl show -p MainPID --value {unit}); nsenter -t $p -m find {hidden} -mindepth 1 -maxdepth 1; \
             grep CapEff /proc/$p/status"
        );
        let said = cluster.on("n1", &script);
        let lines: BTreeSet<&str> = said.lines().collect();
        assert_eq!(lines, BTreeSet::from(["CapEff:\t0000000000000000"]), "{unit}");
    }
}

/// A client that trusts the cluster's CA and nothing else, at the ports that only the host reaches.
fn controllers_show_certificates_of_ours(cluster: &Cluster) {
    let ca = "/etc/kubernetes/pki/ca.crt";
    let shown = |port: u16| {
        let script =
            format!("curl -sS --cacert {ca} -o /dev/null -w '%{{http_code}}' https://localhost:{port}/healthz");
        assert_eq!(cluster.on("n1", &script), "200", "port {port}");
        let ask = "openssl s_client -connect 127.0.0.1";
        cluster.on(
            "n1",
            &format!(
                "{ask}:{port} -CAfile {ca} -verify_return_error </dev/null 2>/dev/null | openssl x509 -noout -serial"
            ),
        )
    };
    for (port, name) in [(10257, "controller-manager-server-n1"), (10259, "scheduler-server-n1")] {
        let first = shown(port);
        // Issued again: shown without a restart, before `up` has ended.
        let life = |cluster: &Cluster| {
            cluster.on("n1", "systemctl show -p InvocationID kube-controller-manager kube-scheduler")
        };
        let lives = life(cluster);
        fs::remove_file(cluster.state().join(format!("pki/{name}.pem"))).unwrap();
        cluster.up();
        assert_ne!(shown(port), first, "{name}");
        assert_eq!(life(cluster), lives, "nothing restarts for it");
    }
}

fn folders_on_the_way_can_be_read(cluster: &Cluster) {
    let modes = cluster.on("n2", "stat -c '%a %n' /etc/cni /etc/cni/net.d /opt/cni /opt/cni/bin");
    assert_eq!(modes, "755 /etc/cni\n755 /etc/cni/net.d\n755 /opt/cni\n755 /opt/cni/bin\n");
}

/// By everybody who looks: a push would stop at the one, and put a file in the place of the other.
fn what_others_could_change_is_found_before_a_push(cluster: &Cluster) {
    // Only root reads the key by which etcd is asked, and etcd cannot exchange it.
    let key = "/etc/etcd/pki/healthcheck-client.key";
    assert_eq!(
        cluster.on("n1", &format!("stat -c '%a %U' {key} /etc/etcd/pki /etc/etcd")),
        "600 root\n755 root\n755 root\n"
    );
    let (code, said) = cluster.try_on("n1", &format!("setpriv --reuid=etcd --clear-groups cat {key}"));
    assert!(code != 0 && said.contains("Permission denied"), "{said}");

    let words = "/opt belongs to daemon (1), who so could have root write elsewhere";
    cluster.on("n2", "chown daemon /opt");
    for (command, code) in [(&["check"][..], 6), (&["plan"], 6), (&["status"], 7), (&["up", "--yes"], 6)] {
        let run = cluster.run(command).exits(code);
        let said = format!("{}{}", run.stdout, run.stderr);
        run.check(said.contains(words) && said.contains("`chown -h root:root /opt`"), "who, and what to do");
    }
    cluster.on("n2", "chown root /opt");

    let place = "/etc/kubernetes/kube-proxy.yaml";
    cluster.on("n2", &format!("mv {place} /root/elsewhere && ln -s /root/elsewhere {place}"));
    let words = format!("{place} is a link, where a file should be");
    let plan = cluster.run(&["plan"]).ok();
    plan.check(plan.stdout.contains(&format!("~ {place}")), "it would be put there");
    let check = cluster.run(&["check"]).ok();
    check.check(check.stdout.contains(&words) || check.stderr.contains(&words), "it is found");
    assert!(cluster.up() > 0);
    assert_eq!(cluster.on("n2", &format!("stat -c %F {place} /root/elsewhere")), "regular file\nregular file\n");
    assert_eq!(cluster.up(), 0);
}

fn accounts_of_our_namespaces_get_no_tokens(cluster: &Cluster) {
    for namespace in ["kube-system", "kube-public", "kube-node-lease"] {
        let account = cluster.get(&["-n", namespace, "serviceaccount", "default"]);
        assert_eq!(account["automountServiceAccountToken"], false, "{account:#}");
        let labels = &cluster.get(&["namespace", namespace])["metadata"]["labels"];
        assert!(labels["pod-security.kubernetes.io/enforce"].is_string(), "{namespace}: {labels}");
    }
    let refused = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "outside"},
        "spec": {"ports": [{"port": 80}], "externalIPs": ["192.0.2.1"]}});
    let file = cluster.state().join("outside.json");
    fs::write(&file, refused.to_string()).unwrap();
    let said = cluster.try_kubectl(&["apply", "--dry-run=server", "-f", file.to_str().unwrap()]);
    fs::remove_file(file).unwrap();
    assert!(!said.contains("created"), "DenyServiceExternalIPs should refuse it: {said}");
}

/// What a kubelet writes about its node, now and when its Node is new, is what the policies leave it.
fn a_kubelet_registers_and_goes_on(cluster: &Cluster) {
    let registers = |before: &str| {
        cluster.on(
            "n2",
            &format!(
                "since=$(date '+%F %T'); {before}; for i in $(seq 600); do journalctl -u kubelet --since \"$since\" | \
                 grep -q 'Successfully registered node' && exit 0; sleep 0.1; done; \
                 journalctl -u kubelet --since \"$since\" | tail -n 20; exit 1"
            ),
        )
    };
    let labels = || cluster.get(&["node", "n2"])["metadata"]["labels"].clone();
    let before = labels();
    assert_eq!((&before["kubernetes.io/hostname"], &before[ZONE]), (&json!("n2"), &json!("a")), "{before}");
    // Somebody has changed labels that it sets when it starts: it starts all the same.
    cluster.kubectl(&["label", "--overwrite", "node", "n2", "kubernetes.io/hostname=odd", &format!("{ZONE}=b")]);
    registers("systemctl restart kubelet");
    let after = labels();
    assert_eq!((&after["kubernetes.io/hostname"], &after[ZONE]), (&json!("n2"), &json!("b")), "{after}");
    assert_eq!(cluster.up(), 1, "the zone is the inventory's");
    assert_eq!(labels(), before);
    // Its Node is made again, by itself.
    cluster.kubectl(&["delete", "node", "n2"]);
    registers("systemctl restart kubelet");
    // With another piece of the pod network; no pod is there that had one of the old.
    cluster.on("n2", "ip link del cni0 2>/dev/null; systemctl restart flanneld");
    cluster.up();
    assert_eq!(labels(), before);
    let node = cluster.get(&["node", "n2"]);
    let attach = "volumes.kubernetes.io/controller-managed-attach-detach";
    assert_eq!(node["metadata"]["annotations"][attach], "true", "{node:#}");
    cluster.kubectl(&["wait", "--for=condition=Ready", "node/n2", "--timeout=60s"]);
    assert_eq!(cluster.up(), 0);
    // The Lease of the old Node goes with it, and is made again.
    let mut tries = 0;
    let uid = &cluster.get(&["node", "n2"])["metadata"]["uid"];
    let lease = ["-n", "kube-node-lease", "lease", "n2", "--ignore-not-found", "-o", "json"];
    while !cluster.kubectl(&[&["get"][..], &lease].concat()).contains(uid.as_str().unwrap()) {
        tries += 1;
        assert!(tries < 120, "its kubelet should renew the Lease of the new Node{}", cluster.evidence());
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let denied = cluster.on("n2", "journalctl -u kubelet -u flanneld -q | grep -c 'ValidatingAdmissionPolicy' || true");
    assert_eq!(
        denied.trim(),
        "0",
        "{}",
        cluster.on("n2", "journalctl -u kubelet -u flanneld | grep Validating | tail -n 3")
    );
}

/// On a cluster that had no such policy, its kubelet could have called what others have put on its Node the inventory's.
fn what_a_worker_named_before_the_policy_takes_nothing_away(cluster: &Cluster) {
    let binding = ["validatingadmissionpolicybinding", "kbootstrap-kubelet"];
    cluster.kubectl(&["taint", "node", "n2", "quarantine=:NoSchedule"]);
    cluster.kubectl(&["label", "node", "n2", "node-restriction.kubernetes.io/tenant=a"]);
    cluster.kubectl(&[&["delete"][..], &binding].concat());
    let named = r#"{"metadata":{"annotations":{"kbootstrap/labels":"node-restriction.kubernetes.io/tenant","kbootstrap/taints":"quarantine:NoSchedule"}}}"#;
    let (_, _, kubelet) = stolen_keys(cluster).remove(0);
    let names = Try { body: named, path: "/api/v1/nodes/n2", method: "PATCH", ..TRIES[0] };
    let mut tries = 0;
    // The policy is in force for some moments yet.
    while tried(cluster, &names, "kubelet-client", &kubelet, &[]).status != 200 {
        tries += 1;
        assert!(tries < 100, "nothing should hold it back any more");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let plan = cluster.run(&["plan"]).ok();
    let words = "so it stays: label node-restriction.kubernetes.io/tenant, taint quarantine:NoSchedule";
    plan.check(plan.events.iter().any(|event| event.to_string().contains(words)), "it should be named");
    cluster.up();
    let node = cluster.get(&["node", "n2"]);
    assert_eq!(node["metadata"]["labels"]["node-restriction.kubernetes.io/tenant"], "a", "{node:#}");
    assert!(node["spec"]["taints"].to_string().contains("quarantine"), "{node:#}");
    assert_eq!(cluster.up(), 0);
    cluster.kubectl(&["taint", "node", "n2", "quarantine-"]);
    cluster.kubectl(&["label", "node", "n2", "node-restriction.kubernetes.io/tenant-"]);
}

/// Every row of the table, with each of the keys that lie on the worker.
fn a_stolen_worker_can_do_what_the_table_says(cluster: &Cluster) {
    let (words, keys) = (words(cluster), stolen_keys(cluster));
    let mut wrong = Vec::new();
    for (at, (stem, name, tls)) in keys.iter().enumerate() {
        for row in TRIES.iter().chain([&RENEWAL]) {
            let response = tried(cluster, row, stem, tls, &words);
            let expected = if row.works[at] { 200..=299 } else { 403..=403 };
            if !expected.contains(&response.status) {
                wrong.push(format!("{name}: {}: {} {}", row.what, response.status, response.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}{}", wrong.join("\n"), cluster.evidence());
}

/// What lies on the worker, as somebody has it who has read its disk: stem, name, and the means to connect.
fn stolen_keys(cluster: &Cluster) -> Vec<(&'static str, &'static str, Tls)> {
    let read = |path: &str| fs::read(cluster.file("n2", path)).unwrap();
    let tls = |stem: &str| {
        Tls::new(&Identity {
            ca_pem: read("/etc/kubernetes/pki/ca.crt"),
            cert_pem: read(&format!("/etc/kubernetes/pki/{stem}.crt")),
            key_pem: Secret::new(read(&format!("/etc/kubernetes/pki/{stem}.key"))),
        })
    };
    KEYS.iter().map(|(stem, name)| (*stem, *name, tls(stem).unwrap())).collect()
}

/// What is answered to a row of the table.
fn tried(cluster: &Cluster, row: &Try, stem: &str, tls: &Tls, words: &[(&'static str, String)]) -> Response {
    let filled =
        |text: &str| words.iter().fold(text.replace("KEY", stem), |text, (name, value)| text.replace(name, value));
    let port = if row.at == At::Api { 6443 } else { 10250 };
    let (host, path, body) = (cluster.address("n1"), filled(row.path), filled(row.body));
    let stream = TcpStream::connect((host.as_str(), port)).unwrap();
    let mut client = Client::over(Box::new(stream), format!("n1:{port}"), &host, tls).unwrap();
    let media_type = match row.method {
        "PATCH" if row.path.contains("/approval") => "application/merge-patch+json",
        "PATCH" => "application/strategic-merge-patch+json",
        _ => "application/json",
    };
    let body = (!body.is_empty()).then_some((media_type, body.as_bytes()));
    client.send(&Request { body, ..Request::new(row.method, &path) }).unwrap()
}

/// The worker is revoked: no row of the table works any more, nor what was open or handed out before; and it stays so.
fn a_revoked_worker_can_do_nothing(cluster: &Cluster) {
    let (words, keys) = (words(cluster), stolen_keys(cluster));
    let bound = ["--bound-object-kind", "Pod", "--bound-object-name", "own"];
    let token = cluster.kubectl(&[&["-n", "rights", "create", "token", "default"][..], &bound].concat());
    assert!(cluster.takes_token(&token));
    let watch = format!("https://{}:6443/api/v1/pods?watch=1", cluster.address("n1"));
    let start = format!(
        "cd /etc/kubernetes/pki; curl -sN --cacert ca.crt --cert kubelet-client.crt --key kubelet-client.key \
         \"{watch}&timeoutSeconds=3600&fieldSelector=spec.nodeName%3Dn2\" >/run/watch 2>&1 & echo $! >/run/watch.pid; \
         for i in $(seq 100); do grep -q ADDED /run/watch && exit 0; sleep 0.1; done; cat /run/watch; exit 1"
    );
    cluster.on("n2", &start);

    masters_and_strangers_are_not_revoked(cluster);
    a_worker_does_not_keep_itself_from_being_revoked(cluster, &keys[0].2);
    let asked = cluster.run(&["node", "revoke", "n2"]).exits(2).says("there is no terminal to ask on");
    asked.check(asked.stdout.contains("refused everything: system:node:n2, kube-proxy:n2, flannel:n2"), "it is shown");
    let shown = cluster.run(&["node", "revoke", "n2", "--dry-run", "-o", "json"]).ok().json();
    let secrets = json!(["rights/own", "rights/stage"]);
    assert_eq!(shown["secrets"], secrets, "its pod's, and that of its volume's driver: {shown}");
    assert_eq!((shown["held"].as_array().unwrap().len(), &shown["done"]), (4, &json!(false)), "{shown}");
    assert!(cluster.get(&["node", "n2"])["metadata"]["name"] == "n2", "only shown until now");
    let done = cluster.run(&["node", "revoke", "n2", "--yes", "-o", "json"]).ok().json();
    assert_eq!((&done["done"], &done["secrets"]), (&json!(true), &secrets), "{done}");
    let again = cluster.run(&["node", "revoke", "n2", "--yes", "-o", "json"]).ok().json();
    assert_eq!(again["secrets"], secrets, "its pods are gone, and what they could read is still known: {again}");
    for held in [&["node", "n2"][..], &["-n", "kube-node-lease", "lease", "n2"], &["-n", "rights", "pod", "own"]] {
        let there = cluster.kubectl(&[&["get", "--ignore-not-found", "-o", "name"][..], held].concat());
        assert_eq!(there, "", "no finalizer keeps it");
    }
    assert_eq!(cluster.get(&["-n", "rights", "pods"])["items"].as_array().unwrap().len(), 1, "that of the other node");

    let mut open = Vec::new();
    for (stem, name, tls) in &keys {
        for row in TRIES.iter().chain([&RENEWAL]) {
            let response = tried(cluster, row, stem, tls, &words);
            // An authorizer that does not answer is an error, and a denial.
            let expected = if row.at == At::Api { 500 } else { 403 };
            if response.status != expected {
                open.push(format!("{name}: {}: {} {}", row.what, response.status, response.text()));
            }
        }
    }
    assert!(open.is_empty(), "{}{}", open.join("\n"), cluster.evidence());
    assert!(!cluster.takes_token(&token), "the token of its pod");
    cluster.on(
        "n2",
        "for i in $(seq 100); do kill -0 $(cat /run/watch.pid) 2>/dev/null || exit 0; sleep 0.1; done; exit 1",
    );

    // It does not come back by itself, and not by `up`.
    let again = "since=$(date '+%F %T'); systemctl restart --no-block kubelet; for i in $(seq 300); do \
                 journalctl -u kubelet --since \"$since\" | grep -q 'Unable to register node' && exit 0; sleep 0.1; done; exit 1";
    cluster.on("n2", again);
    let left_out = |run: &Run<'_>| run.events.iter().any(|event| event.to_string().contains("n2 is left out"));
    let plan = cluster.run(&["plan", "--exit-code"]).ok();
    plan.check(left_out(&plan), "it says that the inventory still has it");
    let up = cluster.run(&["up", "--yes", "-o", "json"]).ok();
    assert_eq!(up.json()["changes"], 0);
    up.check(left_out(&up), "and so does this");
    let status = cluster.run(&["status"]).ok();
    status.check(status.stdout.contains("shut out") && status.stdout.contains("n2 since "), "it names who is revoked");
    assert_eq!(cluster.kubectl(&["get", "nodes", "-o", "name"]), "node/n1\n");
    a_node_that_was_found_is_let_in_with_new_keys(cluster, &keys);
}

/// It says of itself what would refuse every plan, has files as if it had been a master, and what the API has of it is held,
/// as its kubelet could hold it before there was a policy.
fn a_worker_does_not_keep_itself_from_being_revoked(cluster: &Cluster, kubelet: &Tls) {
    cluster
        .on("n2", &format!("systemctl stop kubelet; for file in {}; do echo deadbeef >$file; done", PLANTED.join(" ")));
    let address = cluster.address("n1");
    let says = format!(
        r#"{{"status":{{"nodeInfo":{{"kubeletVersion":"v1.99.0","containerRuntimeVersion":"containerd://99.0.0"}},"addresses":[{{"type":"InternalIP","address":"{address}"}}]}}}}"#
    );
    let body: &'static str = says.leak();
    let says = Try { body, path: "/api/v1/nodes/n2/status", method: "PATCH", ..TRIES[0] };
    assert_eq!(tried(cluster, &says, "kubelet-client", kubelet, &[]).status, 200);
    let plan = cluster.run(&["plan"]).ok();
    for words in ["n2 says that it is 1.99.0", "n2 says that containerd 99.0.0", &format!("its address is {address}")] {
        plan.check(plan.events.iter().any(|event| event.to_string().contains(words)), words);
    }
    let hold = r#"{"metadata":{"finalizers":["example.com/stay"]}}"#;
    for object in [&["node", "n2"][..], &["-n", "kube-node-lease", "lease", "n2"], &["-n", "rights", "pod", "own"]] {
        cluster.kubectl(&[&["patch"][..], object, &["--type=merge", "-p", hold]].concat());
    }
}

/// Their keys open more than a name can shut; and a slip of the hand shuts nobody out.
fn masters_and_strangers_are_not_revoked(cluster: &Cluster) {
    let master = cluster.run(&["node", "revoke", "n1", "--yes"]).exits(9).says("/etc/kubernetes/pki/ca.key");
    master.check(master.stderr.contains("docs/lost-hosts.md"), "and where it is written what to do");
    cluster.run(&["node", "revoke", "n3", "--yes"]).exits(2).says("there is no host and no node n3");
    cluster.run(&["node", "revoke", "--undo", "n2", "--yes"]).exits(2).says("n2 is not revoked");
    assert_eq!(cluster.up(), 0, "nothing was touched");
}

fn a_node_that_was_found_is_let_in_with_new_keys(cluster: &Cluster, old: &[(&'static str, &'static str, Tls)]) {
    let key = |stem: &str| fs::read(cluster.file("n2", &format!("/etc/kubernetes/pki/{stem}.key"))).unwrap();
    let before: Vec<Vec<u8>> = old.iter().map(|(stem, ..)| key(stem)).collect();
    cluster.run(&["node", "revoke", "--undo", "n2"]).exits(2).says("there is no terminal to ask on");
    let undone = cluster.run(&["node", "revoke", "--undo", "n2", "--yes"]).ok();
    undone.check(undone.stdout.contains("could read, are known: rights/own, rights/stage"), "it says what was exposed");
    assert!(old.iter().zip(before).all(|((stem, ..), before)| key(stem) != before), "all keys are new");
    for (stem, name, tls) in &stolen_keys(cluster) {
        let response = tried(cluster, &TRIES[0], stem, tls, &[("OWN", "n2".into())]);
        assert_eq!(response.status, 200, "{name}: {}", response.text());
    }
    cluster.run(&["plan", "--exit-code"]).ok();
}

/// What the placeholders of the table stand for; the pods and Secrets that it speaks of run by then.
fn words(cluster: &Cluster) -> Vec<(&'static str, String)> {
    let images = cluster.on("n1", "ctr -n k8s.io images ls -q");
    let image = images.lines().find(|image| image.contains("/pause:")).unwrap();
    let mut items = vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rights"}})];
    for (name, node) in [("own", "n2"), ("other", "n1")] {
        let metadata = json!({"name": name, "namespace": "rights"});
        items.push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"key": "value"}}));
        items.push(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {
            "nodeName": node, "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "pause", "image": image, "imagePullPolicy": "Never"}],
            "volumes": [{"name": "secret", "secret": {"secretName": name}}],
        }}));
    }
    // Its driver is not there, so it stays pending; its node may read the driver's Secret all the same.
    items.extend([
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "rights"}, "spec": {
            "capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
            "claimRef": {"namespace": "rights", "name": "data"},
            "csi": {"driver": "nobody.example", "volumeHandle": "a",
                "nodeStageSecretRef": {"namespace": "rights", "name": "stage"}}}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"namespace": "rights", "name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": "rights",
                "resources": {"requests": {"storage": "1Mi"}}}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "rights", "name": "waits"}, "spec": {
            "nodeName": "n2", "containers": [{"name": "pause", "image": image, "imagePullPolicy": "Never"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}}),
    ]);
    let file = cluster.state().join("rights.json");
    fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()).unwrap();
    cluster.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    fs::remove_file(file).unwrap();
    cluster.kubectl(&["-n", "rights", "wait", "--for=condition=Ready", "pod/own", "pod/other", "--timeout=60s"]);
    let node = |name: &str| cluster.get(&["node", name])["metadata"].clone();
    let mac = |name: &str| {
        let data = node(name)["annotations"]["flannel.alpha.coreos.com/backend-data"].as_str().unwrap().to_owned();
        serde_json::from_str::<Value>(&data).unwrap()["VtepMAC"].as_str().unwrap().to_owned()
    };
    let uid = |pod: &str| cluster.get(&["-n", "rights", "pod", pod])["metadata"]["uid"].as_str().unwrap().to_owned();
    vec![
        ("UID_OWN", uid("own")),
        ("UID_OTHER", uid("other")),
        ("UID_NODE", node("n2")["uid"].as_str().unwrap().to_owned()),
        ("MAC_OWN", mac("n2")),
        ("MAC_OTHER", mac("n1")),
        ("LONG", "x".repeat(5000)),
        ("OWN", "n2".into()),
        ("OTHER", "n1".into()),
        ("CSR", request_as("system:node:n1")),
        ("RENEWAL_REQUEST", request_as("system:node:n2")),
    ]
}

/// A request for a client certificate of a node, as the API takes it.
fn request_as(node: &str) -> String {
    let folder = Folder::new();
    folder.write("node.json", json!({"CN": node, "names": [{"O": "system:nodes"}]}).to_string());
    let made: Value = serde_json::from_str(&folder.ok("genkey node.json").stdout).unwrap();
    STANDARD.encode(made["csr"].as_str().unwrap())
}

fn policies_that_nobody_enforces_are_named(cluster: &Cluster) {
    let policy = |name: &str| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "default"}, "spec": {"podSelector": {}}})
    };
    let file = cluster.state().join("policies.json");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [policy("a"), policy("b")]});
    fs::write(&file, list.to_string()).unwrap();
    cluster.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    let words = "NetworkPolicy default/a and one other are not enforced: flannel does not look at them";
    let named = |run: &Run<'_>, words: &str| run.events.iter().any(|event| event.to_string().contains(words));
    for command in ["plan", "verify"] {
        let run = cluster.run(&[command]).ok();
        run.check(named(&run, words), "it should name them");
    }
    let status = cluster.run(&["status"]).ok();
    status.check(status.stdout.contains(words), "it should name them");
    cluster.kubectl(&["delete", "-f", file.to_str().unwrap()]);
    fs::remove_file(file).unwrap();
    let plan = cluster.run(&["plan"]).ok();
    plan.check(!named(&plan, "enforced"), "there is none any more");
}
