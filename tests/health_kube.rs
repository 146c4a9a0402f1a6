//! A real control plane asked as a cluster's masters are. One test, as starting it takes seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kbootstrap::access::Pool;
use kbootstrap::clients::http::{Client, Request, Tls};
use kbootstrap::clients::kube;
use kbootstrap::cluster::{Host, Ssh, TransportKind};
use kbootstrap::error::{Kind, Result};
use kbootstrap::health::{Poll, Schedule, covers, deployment_ready, wait};
use kbootstrap::ui::report::render;
use kbootstrap::ui::{Event, Reporter, Silent};
use kbootstrap::verify::{self, Outcome, Report, Seed, Server, Ways};
use serde_json::json;
use tempfile::TempDir;

use crate::common::authority::Authority;
use crate::common::control_plane::ControlPlane;
use crate::common::loopback::{Here, Loopback};
use crate::common::programs::program;

static NEVER: AtomicBool = AtomicBool::new(false);

#[test]
fn a_control_plane_is_asked_and_changed() {
    let dir = TempDir::new().unwrap();
    let mut plane = ControlPlane::start(dir.path());
    certificates_are_shown_to_strangers(&plane, dir.path());
    strangers_are_told_apart(&plane, &Authority::new(dir.path(), "other-ca"));
    applied_objects_cover_what_was_desired(&plane);
    workloads_say_what_keeps_them(&plane);
    a_smoke_test_without_kubelets_fails_and_cleans_up(&plane);
    an_interrupted_smoke_test_cleans_up_too(&plane);
    a_dead_leader_shows_in_its_lease(&mut plane);
    without_etcd_the_api_server_is_not_ready(&mut plane);
}

/// `certinfo` on a live API server and etcd, and on the administrator's kubeconfig.
fn certificates_are_shown_to_strangers(plane: &ControlPlane, dir: &Path) {
    let (api, etcd, config) = (plane.address.to_string(), plane.etcd_address.to_string(), &plane.kubeconfig);
    let mut command = Command::new(env!("CARGO_BIN_EXE_kbootstrap"));
    command.args(["certinfo", "-o", "json", "--ca"]).arg(plane.ca.cert()).arg(&api).arg(&etcd).arg(config);
    let output = command.current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let shown = shown.as_array().unwrap();
    for place in [&api, &etcd] {
        let entry = shown.iter().find(|entry| entry["place"] == **place).unwrap();
        assert_eq!(entry["certificate"]["subject"]["common_name"], "kube-apiserver", "{entry:#}");
        assert_eq!(entry["chain"]["verified"], true, "{entry:#}");
    }
    assert_eq!(shown.len(), 4, "{shown:#?}");
    assert!(shown.iter().all(|entry| entry["chain"]["verified"] == true), "{shown:#?}");
}

fn strangers_are_told_apart(plane: &ControlPlane, other: &Authority) {
    let mut transport = Loopback;
    let foreign = other.issue("admin", "ec:P-256", "/O=system:masters/CN=admin", "", 10);
    let mut client =
        Client::connect(&mut transport, plane.address, "127.0.0.1", &plane.ca.identity_of(&foreign)).unwrap();
    let error = kube::readyz(&mut client).unwrap_err();
    assert_eq!(error.kind, Kind::Connect);
    assert!(error.message.ends_with("GET /readyz: 401 Unauthorized"), "{}", error.message);
    assert!(
        error.details[0]
            .starts_with("client certificate: O=system:masters, CN=admin issued by CN=other-ca, valid until")
    );
    drop(client);

    let nobody = plane.ca.identity("nobody", "sec1:secp384r1", "/CN=nobody");
    let mut client = Client::connect(&mut transport, plane.address, "127.0.0.1", &nobody).unwrap();
    let error = kube::nodes(&mut client).unwrap_err();
    assert_eq!(error.kind, Kind::Health);
    assert!(error.message.contains(r#"403 nodes is forbidden: User "nobody" cannot list"#), "{}", error.message);
    assert!(client.is_open());
}

fn applied_objects_cover_what_was_desired(plane: &ControlPlane) {
    let mut transport = Loopback;
    let client = &mut plane.client(&mut transport);
    let mut desired = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "dns", "namespace": "kube-system"}, "spec": {
        "replicas": 0, "selector": {"matchLabels": {"app": "dns"}}, "template": {"metadata": {"labels": {"app": "dns"}}, "spec": {
            "containers": [{"name": "dns", "image": "dns:1", "args": ["-conf", "/c"], "env": [], "securityContext": {"privileged": false},
                "ports": [{"containerPort": 53, "protocol": "UDP", "name": "dns"}, {"containerPort": 53, "name": "dns-tcp"}],
                "resources": {"limits": {"memory": "1024Mi", "cpu": 0.5}, "requests": {"cpu": "1000m"}}}],
            "hostNetwork": false, "tolerations": [{"operator": "Exists"}]}}}});
    desired["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("100m");
    let path = kube::path("apps/v1", "Deployment", "kube-system", "dns").unwrap();
    assert_eq!(kube::get(client, &path).unwrap(), None);
    kube::apply(client, &desired).unwrap();
    let live = kube::get(client, &path).unwrap().unwrap();
    assert_eq!(covers(&live, &desired), Vec::<String>::new());

    // Applying the same again writes nothing.
    let again = kube::apply(client, &desired).unwrap();
    assert_eq!(again["metadata"]["generation"], live["metadata"]["generation"]);

    kube::patch(
        client,
        &path,
        &json!({"spec": {"template": {"spec": {"hostNetwork": true}}}, "metadata": {"labels": {"mine": "x"}}}),
    )
    .unwrap();
    let drifted = kube::get(client, &path).unwrap().unwrap();
    assert_eq!(covers(&drifted, &desired), [".spec.template.spec.hostNetwork"]);
    let repaired = kube::apply(client, &desired).unwrap();
    assert_eq!(covers(&repaired, &desired), Vec::<String>::new());
    assert_eq!(repaired["metadata"]["labels"]["mine"], "x", "other people's fields stay");

    for object in [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}, "stringData": {"a": "ü"}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"}, "spec": {"clusterIP": "10.96.0.10",
            "selector": {"a": "b"}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]}}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "kbootstrap:test"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}]}),
    ] {
        let live = kube::apply(client, &object).unwrap();
        assert_eq!(covers(&live, &object), Vec::<String>::new(), "{}", object["kind"]);
    }
    let mut service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"},
        "spec": {"clusterIP": "10.96.0.10", "selector": {"a": "c"}, "ports": [{"port": 53}]}});
    assert_eq!(kube::would_refuse(client, &service).unwrap(), None);
    service["spec"]["clusterIP"] = json!("10.96.0.11");
    let words = kube::would_refuse(client, &service).unwrap().expect("the address of a Service stays");
    assert!(words.contains("may not change once set"), "{words}");
    let untouched = kube::get(client, "/api/v1/namespaces/default/services/s").unwrap().unwrap();
    assert_eq!(untouched["spec"]["selector"], json!({"a": "b"}), "to be asked changes nothing");
    let refused = kube::apply(
        client,
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "A", "namespace": "default"}}),
    );
    let refused = refused.unwrap_err();
    assert!(refused.message.contains(r#"422 ConfigMap "A" is invalid: metadata.name"#), "{}", refused.message);
    assert!(kube::delete(client, &path).unwrap());
    // A thousand names in one answer: chunks, and many of them.
    let names = kube::list(client, "/apis/rbac.authorization.k8s.io/v1/clusterroles", "").unwrap();
    assert!(names.len() > 50);
    assert!(client.is_open(), "all of it over one connection");
}

fn workloads_say_what_keeps_them(plane: &ControlPlane) {
    let mut transport = Loopback;
    let client = &mut plane.client(&mut transport);
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}});
    kube::apply(client, &node).unwrap();
    let status = json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "no CNI"}],
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "nodeInfo": {"kubeletVersion": "v1.36.3"}}});
    kube::patch(client, "/api/v1/nodes/n1/status", &status).unwrap();
    let nodes = kube::nodes(client).unwrap();
    assert_eq!((nodes.len(), nodes[0].ready, nodes[0].message.as_str()), (1, false, "no CNI"));
    assert_eq!(nodes[0].internal_ip, "10.0.0.1");
    assert!(kube::delete(client, "/api/v1/nodes/n1").unwrap());

    let absent = deployment_ready(client, "kube-system", "absent", None).unwrap();
    assert_eq!((absent.ready, absent.detail.as_str()), (false, "there is no such Deployment"));
}

fn host(name: &str) -> Host {
    Host {
        name: name.into(),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        roles: BTreeSet::new(),
        labels: BTreeMap::new(),
        taints: Vec::new(),
        ssh: Ssh {
            transport: TransportKind::Local,
            address: "127.0.0.1".into(),
            port: Some(22),
            user: Some("root".into()),
            keys: Vec::new(),
            known_hosts: None,
            host_key: None,
            connect_timeout: Some(5),
        },
        components: BTreeMap::new(),
        waive: BTreeSet::new(),
    }
}

fn ways<'a>(plane: &ControlPlane, pool: &'a Pool) -> Ways<'a> {
    let server = |address, identity| Server { host: host("loopback"), address, tls: Tls::new(identity).unwrap() };
    Ways {
        without_policies: Some("flannel"),
        pool,
        master: server(plane.address, &plane.admin),
        etcd: Some(server(plane.etcd_address, &plane.etcd_client)),
        stranger: Tls::anonymous(&plane.admin.ca_pem).unwrap(),
        nodes: vec![host("n1")],
        image: "agnhost:test".into(),
        kubectl: program("kubectl").display().to_string(),
        kubeconfig: plane.kubeconfig.display().to_string(),
        dns_domain: "cluster.local".into(),
        services: "10.96.0.0/16".parse().unwrap(),
        api_service: "10.96.0.1".parse().unwrap(),
        flannel: true,
        taken: BTreeSet::new(),
        limit: Duration::from_secs(20),
    }
}

fn a_smoke_test_without_kubelets_fails_and_cleans_up(plane: &ControlPlane) {
    let pool = Pool::new(Box::new(Here), false, 8);
    let seed = Seed::random().unwrap();
    let ways = ways(plane, &pool);
    let report = verify::run(&ways, &seed, &NEVER, &Silent).unwrap();
    assert!(Duration::from_millis(report.millis) <= ways.limit, "{report:#?}");
    let outcome = |name: &str| report.checks.iter().find(|check| check.name == name).unwrap();
    for name in ["objects", "no-anonymous", "rbac", "secret-encrypted", "cleanup"] {
        assert_eq!(outcome(name).outcome, Outcome::Passed, "{name}: {}", outcome(name).detail);
    }
    assert_eq!(outcome("secret-encrypted").detail, "by secretbox in etcd");
    assert_eq!(outcome("no-anonymous").detail, "401 without a client certificate");
    for name in ["pod-to-pod", "service-name", "exec", "secret"] {
        assert_eq!((outcome(name).outcome, outcome(name).ok), (Outcome::NotTried, false), "{name}");
    }
    let untried = report.checks.iter().filter(|check| check.outcome == Outcome::NotTried).count();
    let count = format!("2 of {} checks failed: kubelets, pods; {untried} were not tried: exec, ", report.checks.len());
    assert!(report.verdict().unwrap_err().message.starts_with(&count), "{report:#?}");
    let error = render(&report.verdict().unwrap_err(), false);
    assert!(error.contains("pods: not every node runs its pod after "), "{error}");
    assert!(error.contains("last seen: no running pod on n1\n"), "{error}");
    assert!(error.contains("node n1 has not joined the cluster\n"), "{error}");
    assert!(error.contains("not scheduled: Unschedulable: no nodes available to schedule pods"), "{error}");
    assert!(error.contains("refused by the kubelet at n1:10250"), "{error}");
    assert_nothing_left(plane, &report);
}

fn assert_nothing_left(plane: &ControlPlane, report: &Report) {
    let mut transport = Loopback;
    let client = &mut plane.client(&mut transport);
    for namespace in [report.namespace.clone(), format!("{}-ports", report.namespace)] {
        assert_eq!(kube::get(client, &format!("/api/v1/namespaces/{namespace}")).unwrap(), None);
    }
}

/// Sets a flag as soon as a check begins.
struct Interrupt<'a>(&'a str, &'a AtomicBool);
impl Reporter for Interrupt<'_> {
    fn report(&self, event: &Event) {
        if matches!(event, Event::Started { step, .. } if step.ends_with(self.0)) {
            self.1.store(true, Ordering::Relaxed);
        }
    }
}

fn an_interrupted_smoke_test_cleans_up_too(plane: &ControlPlane) {
    let pool = Pool::new(Box::new(Here), false, 8);
    let flag = AtomicBool::new(false);
    let seed = Seed { suffix: "interrupted".into(), token: "t".into(), port: 1 };
    let error = verify::run(&ways(plane, &pool), &seed, &flag, &Interrupt("pods", &flag)).unwrap_err();
    assert_eq!(error.kind, Kind::Interrupted);
    assert_eq!(error.details, ["namespace kbootstrap-verify-interrupted is being deleted"]);
    let gone = |client: &mut Client<'_>| -> Result<Poll<()>> {
        let left = kube::get(client, "/api/v1/namespaces/kbootstrap-verify-interrupted")?;
        Ok(left.map_or(Poll::Ready(()), |left| Poll::Pending(left["status"].to_string())))
    };
    let mut transport = Loopback;
    let mut client = plane.client(&mut transport);
    wait("the namespace is not gone", Schedule::new(30, 100), &NEVER, || gone(&mut client)).unwrap();
}

fn a_dead_leader_shows_in_its_lease(plane: &mut ControlPlane) {
    let mut transport = Loopback;
    let mut client = plane.client(&mut transport);
    let mut until = |wanted: [bool; 2]| {
        wait("the leases are otherwise", Schedule::new(30, 100), &NEVER, || {
            let leases = kube::leases(&mut client)?;
            let alive = [leases[0].alive, leases[1].alive];
            Ok(if alive == wanted { Poll::Ready(leases) } else { Poll::Pending(format!("{leases:?}")) })
        })
        .unwrap()
    };
    let leases = until([true, true]);
    assert!(leases.iter().all(|lease| !lease.holder.is_empty() && lease.duration_seconds == 3.0), "{leases:?}");
    plane.scheduler = None;
    let leases = until([true, false]);
    assert!(leases[1].age_seconds > 3.0, "{leases:?}");
}

fn without_etcd_the_api_server_is_not_ready(plane: &mut ControlPlane) {
    plane.etcd = None;
    let mut transport = Loopback;
    let mut client = plane.client(&mut transport);
    let seen = wait("the API server calls itself ready", Schedule::new(30, 100), &NEVER, || {
        let ready = kube::readyz(&mut client)?;
        Ok(if ready.ready { Poll::Pending(String::new()) } else { Poll::Ready(ready.failing) })
    });
    assert!(seen.unwrap().iter().any(|check| check == "etcd"));
    let refused =
        client.send(&Request { timeout: Duration::from_millis(200), ..Request::new("GET", "/api/v1/secrets") });
    let error = refused.unwrap_err();
    assert_eq!(error.kind, Kind::Health);
    assert!(error.message.ends_with("no answer in time"), "{}", error.message);
}
