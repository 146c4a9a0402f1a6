//! Labels and taints of nodes as the inventory wants them.
//!
//! They are set through the API: a kubelet may not give itself labels of `node-role.kubernetes.io`, and sets the others,
//! and its taints, only when it registers. Annotations on the node name what was set this way, so that what leaves the
//! inventory leaves the node, too. What others have put on the node stays.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ObjectChange;
use super::objects::title;
use crate::cluster::{Host, Taint};
use crate::components::kubelet;
use crate::render;

/// Keys of the labels that are on the node because the inventory said so, with commas.
const OUR_LABELS: &str = "kbootstrap/labels";
/// Such taints, as `KEY:EFFECT`.
const OUR_TAINTS: &str = "kbootstrap/taints";

/// What one node must have.
pub struct Marks<'a> {
    labels: BTreeMap<String, String>,
    taints: &'a [Taint],
    /// Whether what stands on the node of what the inventory once had was written by nobody but `up`.
    believed: bool,
}

/// Whether nobody but administrators can have written what stands on nodes of what the inventory once had: the policy that
/// keeps kubelets from it is one of the `desired` objects, and was there before this run, by what `changes` of them (nothing:
/// nobody knows).
pub fn are_believed(desired: &[Value], changes: Option<&[ObjectChange]>) -> bool {
    let policy: Vec<String> =
        desired.iter().filter(|object| object["metadata"]["name"] == kubelet::POLICY).map(title).collect();
    !policy.is_empty() && changes.is_some_and(|all| all.iter().all(|change| !policy.contains(&change.object)))
}

impl<'a> Marks<'a> {
    /// As the inventory says; what the inventory had once is believed of the node itself, or not ([`are_believed`]).
    pub fn of(host: &'a Host, believed: bool) -> Self {
        Marks { labels: render::node_labels(host), taints: render::node_taints(host), believed }
    }

    /// What goes unless [`are_believed`]: labels and taints that the node names as those that the inventory had once. Its kubelet
    /// could have written that, to be rid of what others have put there.
    pub fn doubted(&self, node: &Value) -> Vec<String> {
        let all = Marks { labels: self.labels.clone(), believed: true, ..*self };
        let (labels, taints) = (all.old_labels(node), all.old_taints(node));
        let said = labels.into_iter().map(|key| format!("label {key}"));
        let said = said.chain(taints.into_iter().map(|taint| format!("taint {taint}")));
        said.filter(|_| !self.believed).collect()
    }

    /// Fields of the node that are not as they should be.
    pub fn differing(&self, node: &Value) -> Vec<String> {
        let label = |(key, value): (&String, &String)| {
            (node["metadata"]["labels"][key] != **value).then(|| format!(".metadata.labels.{key}"))
        };
        let taint = |taint: &Taint| {
            let there = present(node).iter().any(|found| same(found, taint) && value(found) == taint.value);
            (!there).then(|| format!(".spec.taints[{}:{}]", taint.key, taint.effect))
        };
        let recorded = |(key, text): (&str, String)| {
            (annotation(node, key) != text).then(|| format!(".metadata.annotations.{key}"))
        };
        let old_labels = self.old_labels(node).into_iter().map(|key| format!(".metadata.labels.{key}"));
        let old_taints = self.old_taints(node).into_iter().map(|taint| format!(".spec.taints[{taint}]"));
        let wanted = self.labels.iter().filter_map(label).chain(self.taints.iter().filter_map(taint));
        wanted.chain(old_labels).chain(old_taints).chain(self.record().into_iter().filter_map(recorded)).collect()
    }

    /// The annotations that name what the inventory says.
    fn record(&self) -> [(&'static str, String); 2] {
        let labels: Vec<&str> = self.labels.keys().map(String::as_str).collect();
        let taints: Vec<String> = self.taints.iter().map(|t| format!("{}:{}", t.key, t.effect)).collect();
        [(OUR_LABELS, labels.join(",")), (OUR_TAINTS, taints.join(","))]
    }

    /// Labels on the node that the inventory had once.
    fn old_labels<'n>(&self, node: &'n Value) -> Vec<&'n str> {
        let there = |key: &&str| self.believed && node["metadata"]["labels"][*key].is_string();
        recorded(node, OUR_LABELS).filter(|key| !self.labels.contains_key(*key)).filter(there).collect()
    }

    /// Taints on the node that the inventory had once.
    fn old_taints<'n>(&self, node: &'n Value) -> Vec<&'n str> {
        let wanted = |name: &str| self.taints.iter().any(|t| is_named(name, &t.key, &t.effect));
        let there = |name: &&str| self.believed && present(node).iter().any(|found| is_found(name, found));
        recorded(node, OUR_TAINTS).filter(|name| !wanted(name)).filter(there).collect()
    }

    /// A merge patch (RFC 7396). It replaces the list of taints as a whole, so it names the version of the node that it
    /// was made for: if somebody else was faster, the API server refuses it.
    pub fn patch(&self, node: &Value) -> Value {
        let mut labels: Map<String, Value> = self.labels.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        labels.extend(self.old_labels(node).into_iter().map(|key| (key.to_owned(), Value::Null)));
        let annotations: Map<String, Value> =
            self.record().into_iter().map(|(key, text)| (key.to_owned(), json!(text))).collect();
        let mut patch = json!({ "metadata": { "labels": labels, "annotations": annotations } });
        let old = self.old_taints(node);
        if !self.taints.is_empty() || !old.is_empty() {
            let others = present(node).iter().filter(|found| {
                !self.taints.iter().any(|taint| same(found, taint)) && !old.iter().any(|name| is_found(name, found))
            });
            let mut taints: Vec<Value> = others.cloned().collect();
            taints.extend(self.taints.iter().map(|t| json!({ "key": t.key, "value": t.value, "effect": t.effect })));
            patch["metadata"]["resourceVersion"] = node["metadata"]["resourceVersion"].clone();
            patch["spec"] = json!({ "taints": taints });
        }
        patch
    }
}

fn annotation<'n>(node: &'n Value, key: &str) -> &'n str {
    node["metadata"]["annotations"][key].as_str().unwrap_or_default()
}

fn recorded<'n>(node: &'n Value, key: &str) -> impl Iterator<Item = &'n str> {
    annotation(node, key).split(',').filter(|name| !name.is_empty())
}

/// Whether a taint is what `KEY:EFFECT` names.
fn is_named(name: &str, key: &str, effect: &str) -> bool {
    name.rsplit_once(':') == Some((key, effect))
}

fn is_found(name: &str, found: &Value) -> bool {
    let text = |field: &str| found[field].as_str().unwrap_or_default();
    is_named(name, text("key"), text("effect"))
}

fn present(node: &Value) -> &[Value] {
    node["spec"]["taints"].as_array().map_or(&[], Vec::as_slice)
}

/// A key has one taint of each effect.
fn same(found: &Value, taint: &Taint) -> bool {
    found["key"] == *taint.key && found["effect"] == *taint.effect
}

fn value(taint: &Value) -> &str {
    taint["value"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(taints: &[Taint]) -> Marks<'_> {
        Marks { labels: [("disk".to_owned(), "ssd".to_owned())].into(), taints, believed: true }
    }
    fn dedicated() -> [Taint; 1] {
        [Taint { key: "dedicated".into(), value: "db".into(), effect: "NoSchedule".into() }]
    }
    fn node(disk: &str, dedicated: &str) -> Value {
        json!({
            "metadata": {
                "resourceVersion": "7",
                "labels": { "disk": disk, "kubernetes.io/os": "linux" },
                "annotations": { "kbootstrap/labels": "disk", "kbootstrap/taints": "dedicated:NoSchedule" },
            },
            "spec": { "taints": [
                { "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" },
                { "key": "dedicated", "value": dedicated, "effect": "NoSchedule" },
            ] },
        })
    }

    #[test]
    fn labels_and_taints_of_others_are_no_difference() {
        assert_eq!(marks(&dedicated()).differing(&node("ssd", "db")), Vec::<String>::new());
        let differing = marks(&dedicated()).differing(&node("hdd", "web"));
        assert_eq!(differing, [".metadata.labels.disk", ".spec.taints[dedicated:NoSchedule]"]);
        let new = [
            ".metadata.labels.disk",
            ".spec.taints[dedicated:NoSchedule]",
            ".metadata.annotations.kbootstrap/labels",
            ".metadata.annotations.kbootstrap/taints",
        ];
        assert_eq!(marks(&dedicated()).differing(&json!({})), new);
    }

    #[test]
    fn a_patch_keeps_the_taints_of_others_and_is_refused_when_they_change() {
        let patch = marks(&dedicated()).patch(&node("hdd", "web"));
        let expected = json!({
            "metadata": {
                "labels": { "disk": "ssd" },
                "annotations": { "kbootstrap/labels": "disk", "kbootstrap/taints": "dedicated:NoSchedule" },
                "resourceVersion": "7",
            },
            "spec": { "taints": [
                { "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" },
                { "key": "dedicated", "value": "db", "effect": "NoSchedule" },
            ] },
        });
        assert_eq!(patch, expected);
    }

    #[test]
    fn what_leaves_the_inventory_leaves_the_node_and_what_it_never_named_stays() {
        let none = Marks { labels: BTreeMap::new(), taints: &[], believed: true };
        let differing = [
            ".metadata.labels.disk",
            ".spec.taints[dedicated:NoSchedule]",
            ".metadata.annotations.kbootstrap/labels",
            ".metadata.annotations.kbootstrap/taints",
        ];
        assert_eq!(none.differing(&node("hdd", "web")), differing);
        let expected = json!({
            "metadata": {
                "labels": { "disk": null },
                "annotations": { "kbootstrap/labels": "", "kbootstrap/taints": "" },
                "resourceVersion": "7",
            },
            "spec": { "taints": [{ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" }] },
        });
        assert_eq!(none.patch(&node("hdd", "web")), expected);

        let by_hand = json!({ "metadata": { "labels": { "disk": "hdd" } }, "spec": { "taints": [] } });
        assert_eq!(none.differing(&by_hand), Vec::<String>::new());
        let patch = none.patch(&by_hand);
        assert_eq!((&patch["metadata"]["labels"], patch.get("spec")), (&json!({}), None));
    }

    #[test]
    fn what_a_kubelet_could_have_written_takes_nothing_away() {
        let mut stolen = node("ssd", "db");
        stolen["metadata"]["annotations"] = json!({
            "kbootstrap/labels": "disk,node-restriction.kubernetes.io/tenant",
            "kbootstrap/taints": "dedicated:NoSchedule,quarantine:NoSchedule",
        });
        stolen["metadata"]["labels"]["node-restriction.kubernetes.io/tenant"] = json!("a");
        let taints = stolen["spec"]["taints"].as_array_mut().unwrap();
        taints.push(json!({ "key": "quarantine", "effect": "NoSchedule" }));
        let taints = dedicated();
        let believed = marks(&taints);
        assert_eq!(believed.doubted(&stolen), [""; 0]);
        let differing = believed.differing(&stolen);
        assert_eq!(differing[0], ".metadata.labels.node-restriction.kubernetes.io/tenant");
        let doubted = Marks { believed: false, ..believed };
        let both = ["label node-restriction.kubernetes.io/tenant", "taint quarantine:NoSchedule"];
        assert_eq!(doubted.doubted(&stolen), both);
        // What it says is put right, so that the next run may believe it.
        let said = [".metadata.annotations.kbootstrap/labels", ".metadata.annotations.kbootstrap/taints"];
        assert_eq!(doubted.differing(&stolen), said);
        let patch = doubted.patch(&stolen);
        assert_eq!(patch["metadata"]["labels"], json!({ "disk": "ssd" }));
        assert_eq!(patch["metadata"]["annotations"]["kbootstrap/taints"], "dedicated:NoSchedule");
        assert_eq!(patch["spec"]["taints"].as_array().unwrap().len(), 3, "{patch}");
    }

    #[test]
    fn nodes_are_believed_once_the_policy_was_there_before() {
        let object = |kind: &str, name: &str| json!({ "kind": kind, "metadata": { "name": name } });
        let policy = object("ValidatingAdmissionPolicy", kubelet::POLICY);
        let desired = [policy.clone(), object("ValidatingAdmissionPolicyBinding", kubelet::POLICY)];
        let change = |object: &Value| ObjectChange { object: title(object), create: true, fields: Vec::new() };
        assert!(are_believed(&desired, Some(&[])));
        assert!(are_believed(&desired, Some(&[change(&object("ConfigMap", "coredns"))])));
        assert!(!are_believed(&desired, Some(&[change(&desired[1])])));
        assert!(!are_believed(&desired, None) && !are_believed(&[], Some(&[])));
    }
}
