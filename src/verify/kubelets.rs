//! The way from the API server to each kubelet, which `exec`, `logs` and `port-forward` take.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::ask::Send;
use super::network::by_host;
use super::path::{Expects, Path};
use super::report::Record;
use super::rounds::{self, PathEnding};
use super::{Fixture, locked, verdict};
use crate::components::kubelet;

/// The check's name.
pub(super) const CHECK: &str = "kubelets";
/// A kubelet that is about to start listens within seconds.
const SETTLING: Duration = Duration::from_secs(3);

/// Tries all of them at once; what needs a kubelet leaves out those that are not reached.
pub(super) fn reach(fixture: &Fixture<'_>, record: &mut Record<'_>) {
    record.begin(&format!("check {CHECK}"));
    let paths = paths(fixture);
    let fates = rounds::run(fixture, &paths);
    let tried: Vec<_> = paths.iter().zip(&fates).collect();
    let shut = |(path, fate): &(&Path, &rounds::Fate)| {
        matches!(fate.ending, PathEnding::Fails(..)).then(|| path.door.as_ref().map(|(node, ..)| node.clone()))?
    };
    *locked(&fixture.shut_kubelets) = tried.iter().filter_map(shut).collect::<BTreeSet<_>>();
    let millis = fates.iter().map(|fate| fate.millis).max().unwrap_or_default();
    record.conclude(CHECK, millis, verdict::conclude(fixture, CHECK, &tried));
}

fn paths(fixture: &Fixture<'_>) -> Vec<Path> {
    let master = &fixture.ways.master.host.name;
    let to = |node: &crate::cluster::Host| Path {
        check: CHECK,
        from: format!("the API server's host {master}"),
        to: format!("the kubelet at {}:{}", node.name, kubelet::PORT),
        settles: SETTLING,
        door: Some((node.name.clone(), "tcp", kubelet::PORT)),
        ..by_host(master, SocketAddr::new(node.address, kubelet::PORT), Send::Nothing, Expects::Open)
    };
    fixture.ways.nodes.iter().map(to).collect()
}
