//! What the smoke test creates: a namespace with a Deployment over all nodes, a Service, a ConfigMap and a Secret.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Fixture, Seed};
use crate::clients::kube::{self, Node, Taint};
use crate::error::Result;

/// Marks our namespaces, so that a later run finds what a killed one left.
pub(super) const LABEL: (&str, &str) = ("kbootstrap/purpose", "verify");
/// agnhost's netexec listens here.
pub(super) const PORT: u16 = 8080;
pub(super) const SERVICE_PORT: u16 = 80;
/// Name of everything in the namespace.
pub(super) const NAME: &str = "web";
pub(super) const KEY: &str = "value";
pub(super) const CONFIG_MAP_FILE: &str = "/verify/config/value";
pub(super) const SECRET_FILE: &str = "/verify/secret/value";

/// Names and values of this run.
pub(super) struct Names {
    pub namespace: String,
    pub config: String,
    pub secret: String,
    pub dns_domain: String,
    image: String,
    nodes: Vec<String>,
}

impl Names {
    pub fn new(seed: &Seed, nodes: &[(String, IpAddr)], image: &str, dns_domain: &str) -> Self {
        Names {
            namespace: format!("kbootstrap-verify-{}", seed.suffix),
            config: format!("config-{}", seed.token),
            secret: format!("secret-{}", seed.token),
            dns_domain: dns_domain.to_owned(),
            image: image.to_owned(),
            nodes: nodes.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    fn object(&self, api_version: &str, kind: &str, rest: Value) -> Value {
        let mut object = json!({
            "apiVersion": api_version, "kind": kind, "metadata": {"name": NAME, "namespace": self.namespace}
        });
        if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
            object.extend(rest);
        }
        object
    }

    /// In the order in which they are applied.
    fn objects(&self, tolerations: &[Value]) -> Vec<Value> {
        vec![
            self.namespace_object(),
            self.object("v1", "ServiceAccount", json!({"automountServiceAccountToken": false})),
            self.object("v1", "ConfigMap", json!({"data": {KEY: self.config}})),
            self.object("v1", "Secret", json!({"stringData": {KEY: self.secret}})),
            self.object("apps/v1", "Deployment", self.deployment(tolerations)),
            self.object(
                "v1",
                "Service",
                json!({"spec": {
                    "type": "NodePort", "selector": {"app": NAME}, "ports": [{"port": SERVICE_PORT, "targetPort": PORT}]
                }}),
            ),
        ]
    }

    fn namespace_object(&self) -> Value {
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": {
            "app.kubernetes.io/managed-by": "kbootstrap",
            LABEL.0: LABEL.1,
            "pod-security.kubernetes.io/enforce": "restricted"
        }}})
    }

    fn deployment(&self, tolerations: &[Value]) -> Value {
        json!({"spec": {
            "replicas": self.nodes.len(),
            "selector": {"matchLabels": {"app": NAME}},
            "template": {"metadata": {"labels": {"app": NAME}}, "spec": self.pod(tolerations)}
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
                "args": ["netexec", format!("--http-port={PORT}"), "--udp-port=8081"],
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

/// Check `objects`: all of it is accepted, by admission too.
pub(super) fn create(fixture: &mut Fixture<'_, '_>) -> Result<String> {
    let objects = fixture.names.objects(&tolerations(&kube::nodes(fixture.kube)?));
    for object in &objects {
        kube::apply(fixture.kube, object)?;
    }
    Ok(format!("{} in namespace {}", objects.len(), fixture.names.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_replica_for_every_node_and_only_there() {
        let seed = Seed { suffix: "abc".into(), token: "t0k3n".into() };
        let nodes = [("n1".to_owned(), IpAddr::from([10, 0, 0, 1])), ("n2".to_owned(), IpAddr::from([10, 0, 0, 2]))];
        let names = Names::new(&seed, &nodes, "agnhost:1", "cluster.local");
        let deployment = names.object("apps/v1", "Deployment", names.deployment(&[]));
        assert_eq!(deployment["metadata"], json!({"name": "web", "namespace": "kbootstrap-verify-abc"}));
        assert_eq!(deployment["spec"]["replicas"], 2);
        let terms = "/spec/template/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/1/matchFields/0/values";
        assert_eq!(deployment.pointer(terms), Some(&json!(["n2"])));
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
