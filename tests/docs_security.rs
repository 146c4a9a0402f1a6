//! The table of docs/security.md is the one that is tried on a cluster, that of docs/lost-hosts.md is the catalogue's.

use kbootstrap::cluster::{self, Known};
use kbootstrap::components::Catalogue;
use kbootstrap::engine::{Held, held};
use kbootstrap::inventory;

use crate::common::docs::assert_says;
use crate::common::stolen_worker::table;

const BEGIN: &str = "<!-- stolen worker: begin -->\n";
const END: &str = "<!-- stolen worker: end -->";

#[test]
fn the_table_of_the_stolen_worker_is_what_is_tried() {
    assert_says("docs/security.md", [BEGIN, END], &table());
}

const INVENTORY: &str = "\
cluster: prod
hosts:
- {name: m1, address: 10.0.0.11, roles: [etcd, master]}
- {name: n1, address: 10.0.0.21, roles: [node]}
";

#[test]
fn what_a_lost_host_held_is_asked_from_the_catalogue() {
    let loaded = inventory::parse("x.yaml", INVENTORY.as_bytes()).unwrap();
    let cluster = cluster::resolve(&loaded, &Known::default()).unwrap();
    let mut table = String::from("| host | key | whoever has it | ends by |\n|---|---|---|---|\n");
    for host in &cluster.hosts {
        for Held { path, opens, ended_by } in held(&Catalogue::standard(), &cluster, host) {
            table.push_str(&format!("| {} | `{path}` | {opens} | {ended_by} |\n", host.name));
        }
    }
    assert_says("docs/lost-hosts.md", ["<!-- held: begin -->\n", "<!-- held: end -->"], &table);
}
