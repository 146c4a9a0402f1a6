//! Three masters with a balancer on each node: clients on a node go on while an API server is killed and while a master's power
//! fails, and so do people at the virtual address; what stands in front changes on a running cluster.

use std::net::{Ipv4Addr, SocketAddr};

use kbootstrap::cluster::LOCAL_API_PORT;
use kbootstrap::inventory::{FrontEnd, LocalBalancer};
use kbootstrap::lab::LabSpec;

use crate::common::asker::{Api, Connections};
use crate::common::cluster::{Cluster, HEALTHY};
use crate::common::inside::inside;
use crate::common::steady::{Figures, Steady, machine_is_busy};
use crate::e2e_virtual_address as virtual_address;

/// A node that is no master.
pub const NODE: &str = "n4";

#[test]
fn nodes_go_on_without_a_master() {
    let mut cluster = Cluster::with(LabSpec { masters: 3, ..LabSpec::new("balanced-e2e", 4) });
    balanced(&cluster, LocalBalancer::Haproxy);
    virtual_address::ask_for(&cluster, FrontEnd::Haproxy);
    cluster.up();
    is_healthy(&cluster);
    cluster.up_finds_nothing("after the first");
    let held = virtual_address::held(&cluster);
    virtual_address::is_shown(&cluster, &held);

    let clients = on_node(&cluster);
    cluster.on("n1", "systemctl kill --signal KILL kube-apiserver");
    cluster.becomes_healthy(HEALTHY);
    nobody_noticed(&clients.end("an API server is killed, haproxy"));

    virtual_address::two_that_do_not_hear_each_other_are_named(&cluster, &held);
    virtual_address::stays_where_it_is(&cluster, &held);
    virtual_address::moves_when_it_must(&cluster, &held);

    let clients = on_node(&cluster);
    virtual_address::survives_its_host(&mut cluster, &held);
    let figures = clients.end("the power of the virtual address' holder, a master, is cut: another node's own haproxy");
    for seen in &figures {
        assert!(seen.lost.is_empty(), "acknowledged writes that are gone: {seen}");
    }
}

#[test]
#[ignore = "four minutes: make test-long"]
fn what_stands_in_front_changes_on_a_running_cluster() {
    let cluster = Cluster::with(LabSpec { masters: 3, ..LabSpec::new("fronts-e2e", 4) });
    balanced(&cluster, LocalBalancer::Haproxy);
    cluster.up();

    let clients = on_node(&cluster);
    let held = virtual_address::comes_to_a_running_cluster(&cluster);
    nobody_noticed(&clients.end("a virtual address comes to a running cluster"));
    is_healthy(&cluster);

    balanced(&cluster, LocalBalancer::Nginx);
    virtual_address::ask_for(&cluster, FrontEnd::Nginx);
    let (node, people) = (on_node(&cluster), Steady::start(&held.api, "people"));
    cluster.up();
    nobody_noticed(&node.end("nginx takes haproxy's place, a node's own"));
    nobody_noticed(&people.end("nginx takes haproxy's place, at the virtual address"));
    is_healthy(&cluster);
    cluster.up_finds_nothing("after another balancer");
    virtual_address::becomes_another_one(&cluster, &held);
}

/// Each node has a balancer of its own, of this kind.
pub fn balanced(cluster: &Cluster, kind: LocalBalancer) {
    cluster.edit(|inventory| {
        inventory.control_plane_endpoint = None;
        inventory.api_load_balancer.local = Some(kind);
        inventory.ssh.connect_timeout = Some(4);
    });
}

/// The API by a node's own balancer, asked on that node.
pub fn local(cluster: &Cluster) -> Api {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, LOCAL_API_PORT));
    Api { address, tls: cluster.identity("ca", "admin") }
}

/// Clients on n4, which is only a node.
fn on_node(cluster: &Cluster) -> Steady {
    let api = local(cluster);
    inside(cluster, NODE, move || Steady::start(&api, "local")).join().unwrap()
}

/// Every request succeeded, and what was acknowledged is there. Of a machine that is busy only the latter can be asked, and where
/// it has much to do some may be late.
#[track_caller]
pub fn nobody_noticed(figures: &[Figures]) {
    let busy = machine_is_busy();
    for seen in figures {
        assert!(seen.requests > 50 && seen.lost.is_empty(), "{seen}");
        assert!(busy || seen.failed.len() == seen.excused(), "{seen}: {:#?}", seen.failed);
    }
    assert!(figures.iter().any(|seen| seen.connections == Connections::Held));
}

fn is_healthy(cluster: &Cluster) {
    let status = cluster.run(&["status", "-o", "json"]).ok().json();
    let hosts = status["hosts"].as_array().unwrap();
    let balancers = hosts.iter().flat_map(|host| host["components"].as_array().unwrap());
    let balancers: Vec<_> = balancers.filter(|component| component["name"] == "api-balancer").collect();
    assert_eq!(balancers.len(), 4, "{status:#}");
    for balancer in balancers {
        assert_eq!(balancer["detail"], "leads to a ready API server", "{balancer:#}");
    }
    // Ours runs, and the distribution's never did.
    for program in ["haproxy", "keepalived"] {
        let unit = format!(
            "systemctl is-enabled {program}; systemctl is-active {program}; journalctl -q -u {program} -o cat -g Started"
        );
        assert_eq!(cluster.try_on("n1", &unit).1, "masked\ninactive\n");
    }
}
