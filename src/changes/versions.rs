//! Versions that a running cluster can go to in passing: a newer patch release of the same minor. All else is an
//! upgrade or a downgrade, with an order of its own.

use semver::Version;

use super::{Known, refusal};
use crate::error::Error;

pub(super) fn refusals(known: &Known<'_>) -> Vec<Error> {
    let (wanted, live) = (&known.cluster.versions, known.live);
    let api = live.api.as_ref();
    let nodes = || api.iter().flat_map(|api| &api.nodes);
    // Of several, for an interrupted change leaves them apart, the one that is farthest.
    let kubernetes = nodes().filter_map(|node| node.kubelet.clone()).chain(api.and_then(|api| api.version.clone()));
    let etcd = live.members.values().filter_map(|members| members.version.clone());
    let containerd = nodes().filter_map(|node| node.runtime.clone());
    [
        refusal_of("kubernetes", &wanted.kubernetes, kubernetes.max(), KUBERNETES),
        refusal_of("versions.etcd", &wanted.etcd, etcd.max(), ETCD),
        refusal_of("versions.containerd", &wanted.containerd, containerd.max(), CONTAINERD),
    ]
    .into_iter()
    .flatten()
    .collect()
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
