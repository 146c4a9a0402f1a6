//! What the smoke test creates: a namespace with a Deployment over all nodes, a Service, a ConfigMap and a Secret; and
//! beside it, as ports of hosts are not for everybody, another namespace with a Deployment that has one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Fixture, Seed, Ways, locked};
use crate::clients::kube::{self, Node, Taint};
use crate::error::Result;

/// Marks our namespaces, so that a later run finds what a killed one left.
pub(super) const LABEL: (&str, &str) = ("kbootstrap/purpose", "verify");
/// agnhost's netexec listens here.
pub(super) const PORT: u16 = 8080;
/// The same for datagrams.
pub(super) const UDP_PORT: u16 = 8081;
pub(super) const SERVICE_PORT: u16 = 80;
/// Name of everything in the namespace.
pub(super) const NAME: &str = "web";
pub(super) const KEY: &str = "value";
/// Ports of hosts are taken from these: below what connections of the host's own use, and not those of Services.
const HOST_PORTS: std::ops::Range<u16> = 20_000..30_000;
pub(super) const CONFIG_MAP_FILE: &str = "/verify/config/value";
pub(super) const SECRET_FILE: &str = "/verify/secret/value";

/// Names and values of this run.
pub(super) struct Names {
    pub namespace: String,
    pub config: String,
    pub secret: String,
    pub host_port: u16,
    image: String,
    nodes: Vec<String>,
}

/// Which of the two Deployments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// What the Service leads to.
    Web,
    /// It has a port of each host, and asks its DNS server by TCP.
    WithPorts,
}

impl Names {
    pub fn new(seed: &Seed, ways: &Ways<'_>) -> Self {
        Names {
            namespace: format!("kbootstrap-verify-{}", seed.suffix),
            config: format!("config-{}", seed.token),
            secret: format!("secret-{}", seed.token),
            host_port: host_port(seed.port, &ways.taken),
            image: ways.image.clone(),
            nodes: ways.nodes.iter().map(|host| host.name.clone()).collect(),
        }
    }

    /// The namespace of the pods with ports of their hosts.
    pub fn with_ports(&self) -> String {
        format!("{}-ports", self.namespace)
    }

    /// All that is to be removed again.
    pub fn namespaces(&self) -> [String; 2] {
        [self.namespace.clone(), self.with_ports()]
    }

    fn object(&self, which: Which, api_version: &str, kind: &str, rest: Value) -> Value {
        let namespace = if which == Which::Web { self.namespace.clone() } else { self.with_ports() };
        let mut object = json!({
            "apiVersion": api_version, "kind": kind, "metadata": {"name": NAME, "namespace": namespace}
        });
        if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
            object.extend(rest);
        }
        object
    }

    /// In the order in which they are applied.
    fn objects(&self, tolerations: &[Value]) -> Vec<Value> {
        let web = |api_version, kind, rest| self.object(Which::Web, api_version, kind, rest);
        vec![
            namespace(&self.namespace, "restricted"),
            web("v1", "ServiceAccount", json!({"automountServiceAccountToken": false})),
            web("v1", "ConfigMap", json!({"data": {KEY: self.config}})),
            web("v1", "Secret", json!({"stringData": {KEY: self.secret}})),
            web("apps/v1", "Deployment", self.deployment(Which::Web, tolerations)),
            web(
                "v1",
                "Service",
                json!({"spec": {"type": "NodePort", "selector": {"app": NAME}, "ports": [
                    {"name": "http", "port": SERVICE_PORT, "targetPort": PORT, "protocol": "TCP"},
                    {"name": "udp", "port": SERVICE_PORT, "targetPort": UDP_PORT, "protocol": "UDP"}
                ]}}),
            ),
        ]
    }

    /// The same for the pods with ports of their hosts, which no standard but the widest allows.
    fn objects_with_ports(&self, tolerations: &[Value]) -> Vec<Value> {
        let deployment = self.deployment(Which::WithPorts, tolerations);
        vec![
            namespace(&self.with_ports(), "privileged"),
            self.object(Which::WithPorts, "apps/v1", "Deployment", deployment),
        ]
    }

    fn deployment(&self, which: Which, tolerations: &[Value]) -> Value {
        let mut pod = self.pod(tolerations);
        if which == Which::WithPorts {
            pod["dnsConfig"]["options"] = json!([{"name": "use-vc"}]);
            pod["serviceAccountName"] = json!("default");
            pod["volumes"] = json!([]);
            pod["containers"][0]["volumeMounts"] = json!([]);
            pod["containers"][0]["ports"] = json!([{"containerPort": PORT, "hostPort": self.host_port}]);
        }
        json!({"spec": {
            "replicas": self.nodes.len(),
            "selector": {"matchLabels": {"app": NAME}},
            "template": {"metadata": {"labels": {"app": NAME}}, "spec": pod}
        }})
    }

    fn pod(&self, tolerations: &[Value]) -> Value {
        // A term can name one node only.
        let terms: Vec<Value> = self
            .nodes
            .iter()
            .map(|node| json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}))
            .collect();
        json!({
            "serviceAccountName": NAME,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": 1,
            "tolerations": tolerations,
            "affinity": {
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}},
                "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                    {"labelSelector": {"matchLabels": {"app": NAME}}, "topologyKey": "kubernetes.io/hostname"}
                ]}
            },
            // A name that cannot be resolved is reported within seconds.
            "dnsConfig": {"options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "2"}]},
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"}
            },
            "containers": [{
                "name": NAME,
                "image": self.image,
                "imagePullPolicy": "IfNotPresent",
                "args": ["netexec", format!("--http-port={PORT}"), format!("--udp-port={UDP_PORT}")],
                "ports": [{"containerPort": PORT}],
                "readinessProbe": {"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 1},
                "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]}
                },
                "volumeMounts": [
                    {"name": "config", "mountPath": "/verify/config", "readOnly": true},
                    {"name": "secret", "mountPath": "/verify/secret", "readOnly": true}
                ]
            }],
            "volumes": [
                {"name": "config", "configMap": {"name": NAME}},
                {"name": "secret", "secret": {"secretName": NAME}}
            ]
        })
    }
}

/// What lets pods onto nodes that their owner reserved or cordoned. Nodes that are sick are left out: a Deployment whose
/// pods tolerate a pressure gets new ones as fast as kubelet evicts them.
fn tolerations(nodes: &[Node]) -> Vec<Value> {
    let of_the_owner = |taint: &&Taint| {
        !taint.key.starts_with("node.kubernetes.io/") || taint.key == "node.kubernetes.io/unschedulable"
    };
    let taints = nodes.iter().flat_map(|node| &node.taints).filter(of_the_owner);
    let wanted: BTreeSet<(&str, &str)> = taints.map(|taint| (taint.key.as_str(), taint.effect.as_str())).collect();
    wanted.iter().map(|(key, effect)| json!({"key": key, "operator": "Exists", "effect": effect})).collect()
}

fn namespace(name: &str, standard: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {
        "app.kubernetes.io/managed-by": "kbootstrap",
        LABEL.0: LABEL.1,
        "pod-security.kubernetes.io/enforce": standard
    }}})
}

/// A port of hosts that nobody listens at; `number` decides which.
fn host_port(number: u16, taken: &BTreeSet<u16>) -> u16 {
    let begin = HOST_PORTS.start + number % HOST_PORTS.len() as u16;
    let all = (begin..HOST_PORTS.end).chain(HOST_PORTS.start..begin);
    all.into_iter().find(|port| !taken.contains(port)).unwrap_or(begin)
}

/// Check `objects`: all of it is accepted, by admission too. Whether pods may have ports of their hosts is for others to
/// tell.
pub(super) fn create(fixture: &Fixture<'_>) -> Result<String> {
    let tolerations = tolerations(&fixture.ask(kube::nodes)?);
    let apply = |objects: &[Value]| {
        fixture.ask(|client| objects.iter().try_for_each(|object| kube::apply(client, object).map(drop)))
    };
    let objects = fixture.names.objects(&tolerations);
    apply(&objects)?;
    if fixture.ways.flannel {
        *locked(&fixture.without_ports) = apply(&fixture.names.objects_with_ports(&tolerations)).err();
    }
    Ok(format!("{} in namespace {}", objects.len(), fixture.names.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            namespace: "kbootstrap-verify-abc".into(),
            config: "config-t0k3n".into(),
            secret: "secret-t0k3n".into(),
            host_port: 20_001,
            image: "agnhost:1".into(),
            nodes: vec!["n1".into(), "n2".into()],
        }
    }

    #[test]
    fn one_replica_for_every_node_and_only_there() {
        let names = names();
        let deployment = names.object(Which::Web, "apps/v1", "Deployment", names.deployment(Which::Web, &[]));
        assert_eq!(deployment["metadata"], json!({"name": "web", "namespace": "kbootstrap-verify-abc"}));
        assert_eq!(deployment["spec"]["replicas"], 2);
        let terms = "/spec/template/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/1/matchFields/0/values";
        assert_eq!(deployment.pointer(terms), Some(&json!(["n2"])));
    }

    #[test]
    fn a_port_of_the_hosts_is_in_a_namespace_of_its_own() {
        let names = names();
        let standard = "/metadata/labels/pod-security.kubernetes.io~1enforce";
        assert_eq!(names.objects(&[])[0].pointer(standard), Some(&json!("restricted")));
        let with_ports = names.objects_with_ports(&[]);
        assert_eq!(with_ports[0].pointer(standard), Some(&json!("privileged")));
        assert_eq!(with_ports[1]["metadata"]["namespace"], "kbootstrap-verify-abc-ports");
        let host_port = "/spec/template/spec/containers/0/ports/0/hostPort";
        assert_eq!(with_ports[1].pointer(host_port), Some(&json!(20_001)));
        assert_eq!(names.objects(&[])[4].pointer(host_port), None);
    }

    #[test]
    fn no_port_that_somebody_listens_at() {
        assert_eq!(host_port(7, &BTreeSet::new()), 20_007);
        assert_eq!(host_port(10_007, &BTreeSet::from([20_007, 20_008])), 20_009);
        assert_eq!(host_port(9_999, &BTreeSet::from([29_999])), 20_000);
    }

    #[test]
    fn an_owners_taints_are_tolerated_and_a_nodes_sickness_is_not() {
        let taint = |key: &str, effect: &str| Taint { key: key.into(), effect: effect.into() };
        let node = |taints: &[Taint]| Node {
            name: "n1".into(),
            ready: true,
            reason: String::new(),
            message: String::new(),
            pressures: Vec::new(),
            taints: taints.to_vec(),
            unschedulable: false,
            kubelet: String::new(),
            internal_ip: String::new(),
            heartbeat: None,
        };
        let master = taint("node-role.kubernetes.io/control-plane", "NoSchedule");
        let nodes = [
            node(&[master.clone(), taint("node.kubernetes.io/disk-pressure", "NoSchedule")]),
            node(&[master, taint("node.kubernetes.io/unschedulable", "NoSchedule")]),
        ];
        let keys: Vec<_> = tolerations(&nodes).iter().map(|toleration| toleration["key"].clone()).collect();
        assert_eq!(keys, ["node-role.kubernetes.io/control-plane", "node.kubernetes.io/unschedulable"]);
    }
}
