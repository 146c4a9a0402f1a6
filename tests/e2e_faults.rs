//! What each fault of a master costs by each way to the API servers: five runs each, median and worst, for docs/ha.md.

use std::collections::BTreeMap;
use std::fmt;
use std::thread::sleep;
use std::time::Duration;

use kbootstrap::cluster::Role;
use kbootstrap::inventory::{FrontEnd, LocalBalancer};
use kbootstrap::lab::{LabSpec, Off};
use kbootstrap::ui::Silent;

use crate::common::answers::Answers;
use crate::common::asker::{Api, Connections};
use crate::common::cluster::{Cluster, HEALTHY};
use crate::common::inside::inside;
use crate::common::steady::{Steady, figure, machine_is_busy};
use crate::e2e_balancers::{NODE, balanced, local};
use crate::e2e_ha::{HOSTS, leader_last};
use crate::e2e_virtual_address::{ask_for, held};

const RUNS: usize = 5;
/// What a new connection may wait for: half a second until it is given up, and another one.
const NEW: Duration = Duration::from_millis(700);
/// What a held connection may wait for, by haproxy, which ends those to who is gone …
const HELD_BY_HAPROXY: Duration = Duration::from_millis(1200);
/// … and by nginx, which leaves that to the client.
const HELD_BY_NGINX: Duration = Duration::from_secs(10);
/// What the host that is gone had taken, nobody answers, and nobody but the client itself can end the connection.
const HELD_BY_WHO_IS_GONE: Duration = Duration::from_secs(10);
/// Until the virtual address answers elsewhere.
const MOVED: Duration = Duration::from_millis(1500);

#[test]
#[ignore = "twenty minutes: make test-long"]
fn haproxy_on_nodes_and_behind_a_virtual_address_of_masters() {
    let cluster = Cluster::with(LabSpec { masters: 3, ..LabSpec::new("faults-haproxy", 4) });
    measured(cluster, LocalBalancer::Haproxy, FrontEnd::Haproxy, HELD_BY_HAPROXY);
}

#[test]
#[ignore = "twenty minutes: make test-long"]
fn nginx_on_nodes_and_behind_a_virtual_address_of_hosts_of_its_own() {
    let roles = ["n5", "n6"].map(|host| (host.to_owned(), vec![Role::Lb]));
    let spec = LabSpec { masters: 3, roles: roles.into(), ..LabSpec::new("faults-nginx", 6) };
    measured(Cluster::with(spec), LocalBalancer::Nginx, FrontEnd::Nginx, HELD_BY_NGINX);
}

fn measured(mut cluster: Cluster, local: LocalBalancer, front_end: FrontEnd, held_bound: Duration) {
    balanced(&cluster, local);
    ask_for(&cluster, front_end);
    cluster.up();
    cluster.up_finds_nothing("after the first");
    let held = held(&cluster);
    let mut table = Table::default();
    for _ in 0..RUNS {
        let killed = leader(&cluster);
        let kill = |cluster: &mut Cluster| {
            cluster.on(&killed, "systemctl kill --signal KILL kube-apiserver");
        };
        table.note("an API server is killed", seen(&mut cluster, &held.api, 5, kill));
        cluster.becomes_healthy(HEALTHY);

        let (leads, holder) = (leader(&cluster), held.holder(&cluster));
        let follower = HOSTS.into_iter().find(|host| *host != leads && *host != holder).unwrap();
        loses_its_power(&mut cluster, &held.api, follower, "a follower's power is cut", &mut table);
        let leads = leader(&cluster);
        let when = match held.holder(&cluster) == leads {
            true => "the power of the leader is cut, which is the address' holder",
            false => "the leader's power is cut",
        };
        loses_its_power(&mut cluster, &held.api, &leads, when, &mut table);
        let holder = held.holder(&cluster);
        loses_its_power(&mut cluster, &held.api, &holder, "the holder's power is cut", &mut table);
    }
    let arrangement = format!("{local:?} on nodes, {front_end:?} behind the virtual address").to_lowercase();
    for ((fault, way), seen) in &table.rows {
        figure(&format!("{arrangement}: {fault}, {way}: {seen}"));
    }
    for ((fault, way), seen) in &table.rows {
        let (new, held) = match (*way, fault.contains("killed")) {
            (_, true) => (NEW, NEW),
            (Way::Address, false) if fault.contains("holder") => (MOVED, HELD_BY_WHO_IS_GONE),
            _ => (NEW, held_bound),
        };
        let asked = [(&seen.new, new), (&seen.held, held)];
        for (times, bound) in asked.into_iter().filter(|_| !machine_is_busy()) {
            assert!(times.iter().all(|time| *time <= bound), "{fault}, {way}: {times:.2?}, and not {bound:.2?}");
        }
        assert_eq!(seen.lost, 0, "{fault}, {way}: acknowledged writes that are gone");
    }
}

fn loses_its_power(cluster: &mut Cluster, address: &Api, host: &str, when: &'static str, table: &mut Table) {
    // Longer than an API server waits for a member that it asked and that is gone.
    let row = seen(cluster, address, 12, |cluster| cluster.lab_mut().poweroff(host, Off::Cut).unwrap());
    table.note(when, row);
    cluster.lab_mut().start(host, &Silent).unwrap();
    cluster.becomes_healthy(HEALTHY);
}

/// What clients see of a fault and of so many seconds after it.
fn seen(cluster: &mut Cluster, address: &Api, seconds: u64, fault: impl FnOnce(&mut Cluster)) -> [(Way, Row); 2] {
    let watch = Watch::start(cluster, address);
    sleep(Duration::from_secs(1));
    fault(cluster);
    sleep(Duration::from_secs(seconds));
    watch.end()
}

fn leader(cluster: &Cluster) -> String {
    leader_last(&cluster.becomes_healthy(HEALTHY)).remove(2)
}

/// By which way the API servers are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Node,
    Address,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Node => "a node by its own balancer",
            Way::Address => "people by the virtual address",
        })
    }
}

/// What clients of one way see.
struct Clients {
    new: Answers,
    held: Answers,
    writes: Steady,
}

impl Clients {
    fn start(api: &Api, name: &str) -> Clients {
        Clients {
            new: Answers::start(api, Connections::New),
            held: Answers::start(api, Connections::Held),
            // Those with new connections would keep this machine busy with handshakes.
            writes: Steady::by(&[Connections::Held], api, name),
        }
    }

    fn end(self) -> Row {
        let (new, held) = (self.new.longest(), self.held.longest());
        let figures = self.writes.figures();
        let lost = figures.iter().map(|seen| seen.lost.len()).sum();
        let writes = figures.iter().map(|seen| seen.longest_gap).max().unwrap();
        Row { new: vec![new], held: vec![held], writes: vec![writes], lost }
    }
}

/// Clients of both ways.
struct Watch([(Way, Clients); 2]);

impl Watch {
    fn start(cluster: &Cluster, address: &Api) -> Watch {
        let local = local(cluster);
        let node = inside(cluster, NODE, move || Clients::start(&local, "node")).join().unwrap();
        Watch([(Way::Node, node), (Way::Address, Clients::start(address, "address"))])
    }

    fn end(self) -> [(Way, Row); 2] {
        self.0.map(|(way, clients)| (way, clients.end()))
    }
}

/// The longest times of all runs.
#[derive(Default)]
struct Row {
    new: Vec<Duration>,
    held: Vec<Duration>,
    writes: Vec<Duration>,
    lost: usize,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let both = |times: &[Duration]| {
            let mut sorted = times.to_vec();
            sorted.sort_unstable();
            format!("{:.2?}, at worst {:.2?}", sorted[sorted.len() / 2], sorted[sorted.len() - 1])
        };
        write!(f, "new {}; held {}; writes {}", both(&self.new), both(&self.held), both(&self.writes))
    }
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<(&'static str, Way), Row>,
}

impl Table {
    fn note(&mut self, fault: &'static str, seen: [(Way, Row); 2]) {
        for (way, row) in seen {
            let all = self.rows.entry((fault, way)).or_default();
            all.new.extend(row.new);
            all.held.extend(row.held);
            all.writes.extend(row.writes);
            all.lost += row.lost;
        }
    }
}
