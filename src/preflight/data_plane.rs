//! What takes the kernel's side of a node away, and what of it nobody brings back.

use super::finding::HostCheck;
use crate::cluster::Role;

/// Loads the host's own rules.
pub(super) const NFTABLES: &str = "nftables.service";

pub(super) fn check(check: &mut HostCheck) {
    if !check.host.is(Role::Node) {
        return;
    }
    let loads =
        check.facts.units.get(NFTABLES).is_some_and(|unit| unit.enabled == "enabled" || unit.active == "active");
    if loads && !check.facts.flushes.is_empty() {
        let files = check.facts.flushes.join(", ");
        check.warn(
            "data-plane",
            format!(
                "{files} has `flush ruleset`, and {NFTABLES} is enabled: `systemctl reload nftables` takes away the rules \
                 of kube-proxy and flanneld, too; they come back within 30 s, host ports of pods do not"
            ),
            format!("in {files}, `destroy table inet filter` (or whatever tables it makes) instead of `flush ruleset`"),
        );
    }
    for words in check.facts.lost_for_good.clone() {
        check.warn("data-plane", words, "it cannot be brought back from outside the pods");
    }
}
