//! A host's answer to the probe: refused, or facts that every check can judge; whatever it says, it costs little.
#![no_main]

use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use kbootstrap::cluster::{self, Cluster, Known};
use kbootstrap::components::Catalogue;
use kbootstrap::{facts, inventory, preflight};
use kbootstrap_fuzz::{MIB, within};
use libfuzzer_sys::fuzz_target;

fn example() -> &'static (Catalogue, Cluster) {
    static EXAMPLE: OnceLock<(Catalogue, Cluster)> = OnceLock::new();
    EXAMPLE.get_or_init(|| {
        let text = "cluster: c\nhosts:\n- {name: n1, address: 10.0.0.1, roles: [etcd, master, node]}\n";
        let cluster = cluster::resolve(&inventory::parse("x", text.as_bytes()).unwrap(), &Known::default()).unwrap();
        (Catalogue::standard(), cluster)
    })
}

fuzz_target!(|data: &[u8]| {
    let (catalogue, cluster) = example();
    // The texts of the answer are read into owned ones, and the clock of the host is any.
    within(32 * data.len() + 2 * MIB, || {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let Ok(facts) = facts::parse(data, "n", at(1_763_735_756), at(1_763_735_757)) else { return };
        let host = &cluster.hosts[0];
        for finding in preflight::check(catalogue, cluster, host, &facts) {
            assert!(!finding.remedy.is_empty(), "{finding}");
        }
        facts::decide(catalogue, cluster, host, &facts);
    });
});
