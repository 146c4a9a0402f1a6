//! Versions that a running cluster can go to in passing: a newer patch release of the same minor. All else is an
//! upgrade or a downgrade, with an order of its own.

use std::collections::BTreeSet;

use semver::Version;

use super::{Known, refusal};
use crate::error::Error;

/// A node's kubelet says itself which versions run there, so the word of one stops nobody: API servers decide for
/// Kubernetes, whose kubelets are never newer, and for containerd what the last `up` brought, or what most nodes have.
pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    let (wanted, live) = (&known.cluster.versions, known.live);
    let kubernetes = live.api.as_ref().and_then(|api| api.version.clone());
    // Of several members, for an interrupted change leaves them apart, the one that is farthest.
    let etcd = live.members.values().filter_map(|members| members.version.clone());
    [
        refusal_of("kubernetes", &wanted.kubernetes, kubernetes, KUBERNETES),
        refusal_of("versions.etcd", &wanted.etcd, etcd.max(), ETCD),
        containerd(known),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Either of the two that it takes is enough: a record may be forged, too.
fn containerd(known: &Known<'_>) -> Option<Error> {
    let wanted = &known.cluster.versions.containerd;
    let of = |live| refusal_of("versions.containerd", wanted, live, CONTAINERD);
    let refused = of(most(known.nodes().filter_map(|node| node.runtime.clone()).collect()))?;
    match recorded(known, "versions.containerd") {
        Some(recorded) => of(Some(recorded)).map(|_| refused),
        None => Some(refused),
    }
}

/// The one in the middle: fewer than half of them cannot move it beyond what the others say. Of two the newer.
fn most(mut all: Vec<Version>) -> Option<Version> {
    all.sort();
    let middle = all.len() / 2;
    (!all.is_empty()).then(|| all.swap_remove(middle))
}

fn recorded(known: &Known<'_>, field: &str) -> Option<Version> {
    Version::parse(known.live.record.as_ref()?.setting(field)?.as_str()?).ok()
}

/// Nodes whose kubelets say of themselves what cannot be, or what nobody brought there.
pub(super) fn doubts(known: &Known<'_>) -> Vec<String> {
    let api = known.live.api.as_ref().and_then(|api| api.version.clone());
    let wanted = &known.cluster.versions.containerd;
    let brought = [Some(wanted.clone()), recorded(known, "versions.containerd")];
    let brought: BTreeSet<(u64, u64)> = brought.iter().flatten().map(|v| (v.major, v.minor)).collect();
    let mut doubts = Vec::new();
    for node in known.nodes() {
        let newer = node.kubelet.as_ref().zip(api.as_ref()).filter(|(kubelet, api)| kubelet > api);
        doubts.extend(newer.map(|(kubelet, api)| {
            format!(
                "the kubelet of {} says that it is {kubelet}, newer than kube-apiserver {api}: not believed",
                node.name
            )
        }));
        let other = node.runtime.as_ref().filter(|runtime| !brought.contains(&(runtime.major, runtime.minor)));
        doubts.extend(other.map(|runtime| {
            format!("the kubelet of {} says that containerd {runtime} runs there, which `up` did not bring", node.name)
        }));
    }
    doubts
}

const KUBERNETES: &str = "put the old version back; masters go minor by minor, all API servers before any kubelet, each \
                          node drained first (https://kubernetes.io/releases/version-skew-policy/)";
const ETCD: &str = "put the old version back; another minor of etcd takes a snapshot first, and a downgrade its own protocol \
                    (https://etcd.io/docs/v3.6/upgrades/)";
const CONTAINERD: &str = "put the old version back; each node is drained and its pods are removed before another containerd \
                          takes over";

fn refusal_of(field: &str, wanted: &Version, live: Option<Version>, remedy: &str) -> Option<Error> {
    let live = live?;
    let what = match ((wanted.major, wanted.minor), (live.major, live.minor)) {
        (to, from) if to > from => "an upgrade",
        (to, from) if to < from => "a downgrade",
        _ if wanted < &live => "a downgrade",
        _ => return None,
    };
    Some(refusal(
        format!("{field} is {wanted}: that is {what} of a running cluster, which `up` does not do in passing"),
        format!("the cluster runs {live}"),
        remedy,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_newer_patch_release_is_no_operation() {
        let refused = |wanted: &str, live: &str| {
            let live = Version::parse(live).ok();
            refusal_of("kubernetes", &Version::parse(wanted).unwrap(), live, "").map(|e| e.message)
        };
        assert_eq!(refused("1.36.3", "1.36.3"), None);
        assert_eq!(refused("1.36.3", "1.36.1"), None);
        assert!(refused("1.36.1", "1.36.3").unwrap().contains("a downgrade"));
        assert!(refused("1.37.0", "1.36.3").unwrap().contains("an upgrade"));
        assert!(refused("1.35.9", "1.36.3").unwrap().contains("a downgrade"));
        assert_eq!(refusal_of("kubernetes", &Version::new(1, 36, 3), None, ""), None);
    }
}
