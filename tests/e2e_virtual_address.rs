//! The virtual address: it comes to a running cluster, stays where it is as long as its host leads to an API server, and
//! moves within seconds when it does not. The figures are those of docs/ha.md.

use std::net::{IpAddr, SocketAddr};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kbootstrap::cluster::Role;
use kbootstrap::inventory::{FrontEnd, VirtualAddress};
use kbootstrap::lab::Off;
use kbootstrap::ui::Silent;

use crate::common::answers::Answers;
use crate::common::asker::{Api, Connections};
use crate::common::cluster::{Cluster, HEALTHY};
use crate::common::steady::{Steady, figure, machine_is_busy};
use crate::e2e_balancers::{NODE, nobody_noticed};

/// In these times a fault must be over, on a machine that has nothing else to do.
const POWER_CUT: Duration = Duration::from_millis(1500);
/// Half a second, and as long a try that was on its way.
const CLEAN_STOP: Duration = Duration::from_millis(500 + 500);
const FRONT_END_STAYS_DEAD: Duration = Duration::from_secs(3);
const FRONT_END_DIES_ONCE: Duration = Duration::from_secs(2);
/// From the first API server that is ready again to an address that answers.
const ALL_WERE_DOWN: Duration = Duration::from_secs(5);

/// The address that people use.
pub struct Held {
    pub api: Api,
    /// Who can hold it.
    hosts: Vec<String>,
}

/// Writes it into the inventory: the hundredth address of the lab's network.
pub fn ask_for(cluster: &Cluster, front_end: FrontEnd) {
    let address = address(cluster).to_string();
    cluster.edit(|inventory| {
        let held = VirtualAddress { address, front_end: Some(front_end), ..Default::default() };
        inventory.api_load_balancer.virtual_address = Some(held);
    });
}

fn address(cluster: &Cluster) -> IpAddr {
    in_the_lab(cluster, 100)
}

fn in_the_lab(cluster: &Cluster, last: u8) -> IpAddr {
    let [a, b, c, _] = cluster.lab().state().gateway.octets();
    IpAddr::from([a, b, c, last])
}

/// Of a cluster that has it.
pub fn held(cluster: &Cluster) -> Held {
    held_at(cluster, address(cluster))
}

fn held_at(cluster: &Cluster, address: IpAddr) -> Held {
    let alone = cluster.with_role(Role::Lb);
    let (hosts, port) = match alone.is_empty() {
        true => (cluster.with_role(Role::Master), 8443),
        false => (alone, 6443),
    };
    Held { api: Api { address: SocketAddr::new(address, port), tls: cluster.identity("ca", "admin") }, hosts }
}

/// `plan` names it, `up` brings it, and nobody else notices.
pub fn comes_to_a_running_cluster(cluster: &Cluster) -> Held {
    ask_for(cluster, FrontEnd::Haproxy);
    somebody_who_has_it_is_heard(cluster, address(cluster));
    let plan = cluster.run(&["plan"]).ok();
    plan.check(plan.stdout.contains("enable and start api-virtual-address.service"), "the plan should name it");
    cluster.up();
    cluster.up_finds_nothing("after the virtual address came");
    let held = held(cluster);
    is_shown(cluster, &held);
    held
}

/// `status` says who holds it; neither kubelets nor flanneld take it for the host's own.
pub fn is_shown(cluster: &Cluster, held: &Held) {
    let (address, holder) = (held.api.address.ip(), held.holder(cluster));
    let status = cluster.run(&["status"]).ok();
    status.check(status.stdout.contains(&format!("{address} by {holder}")), "status should say who holds it");
    let node = cluster.get(&["node", &holder]);
    assert!(!node.to_string().contains(&address.to_string()), "{node:#}");
}

/// Another one is asked for: a host has it as soon as `up` has ended, and none has the first.
pub fn becomes_another_one(cluster: &Cluster, first: &Held) {
    let (before, address) = (first.api.address.ip(), in_the_lab(cluster, 101));
    cluster.edit(|inventory| {
        inventory.api_load_balancer.virtual_address.as_mut().unwrap().address = address.to_string();
    });
    somebody_who_has_it_is_heard(cluster, address);
    cluster.up();
    let held = held_at(cluster, address);
    is_shown(cluster, &held);
    // Begins, when it answers.
    Answers::start(&held.api, Connections::New).longest();
    for host in &held.hosts {
        let (_, said) = cluster.try_on(host, "ip -o address show");
        assert!(!said.contains(&format!(" {before}/")), "{host} still has the first:\n{said}");
    }
    cluster.up_finds_nothing("after another virtual address");
}

/// Before any host of ours holds it: somebody who has the address, and somebody who multicasts with its router id, as keepalived
/// does where it is not told otherwise.
fn somebody_who_has_it_is_heard(cluster: &Cluster, address: IpAddr) {
    let (host, stranger) = (cluster.address(NODE), in_the_lab(cluster, 77));
    let link = format!("L=$(ip -o address show | sed -n 's/^[0-9]*: \\([^ ]*\\) .* {host}\\/.*/\\1/p')");
    let router = kbootstrap::cluster::VirtualAddress::router_id_of(address);
    let advert = format!("printf '\\061\\{router:03o}\\144\\001\\000\\144\\000\\000'");
    cluster.on(
        NODE,
        &format!(
            "{link}; ip address add {address}/32 dev $L; ip address add {stranger}/32 dev $L
            cat >/root/adverts <<'END'
while {advert} | socat -u - IP4-SENDTO:224.0.0.18:112,bind={stranger}; do sleep 0.3; done
END
            systemd-run --quiet --collect --unit=stranger sh /root/adverts"
        ),
    );
    let words = [
        format!("somebody answers at {address} already"),
        format!("{stranger} multicasts with the VRRP router id {router}"),
    ];
    for command in [&["check"][..], &["up", "--yes"]] {
        let run = cluster.run(command).exits(6);
        for said in &words {
            run.check(run.stdout.contains(said) || run.stderr.contains(said), said);
        }
    }
    cluster.on(
        NODE,
        &format!(
            "systemctl stop stranger; rm /root/adverts
            {link}; ip address delete {address}/32 dev $L; ip address delete {stranger}/32 dev $L"
        ),
    );
}

/// Others take the address where they hear nothing of its holder.
pub fn two_that_do_not_hear_each_other_are_named(cluster: &Cluster, held: &Held) {
    let holder = held.holder(cluster);
    cluster.on(
        &holder,
        "nft -f - <<END
table inet deaf {
  chain in { type filter hook input priority 0; meta l4proto 112 drop; }
  chain out { type filter hook output priority 0; meta l4proto 112 drop; }
}
END",
    );
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        let status = cluster.run(&["status"]);
        if status.code == 7 && status.stdout.contains("several hold it") {
            break;
        }
        status.check(Instant::now() < limit, "two hosts hold the address, and status should say so");
    }
    cluster.on(&holder, "nft delete table inet deaf");
    held.holder(cluster);
}

/// The API server of its host stops, its front end is killed once, keepalived is killed.
pub fn stays_where_it_is(cluster: &Cluster, held: &Held) {
    let holder = held.holder(cluster);
    let clients = Steady::start(&held.api, "holder");
    cluster.on(&holder, "systemctl stop kube-apiserver && systemctl start kube-apiserver");
    let figures = clients.end("the API server beside the virtual address stops and starts");
    assert_eq!(held.holder(cluster), holder, "an API server that stops is no reason to move");
    nobody_noticed(&figures);
    cluster.becomes_healthy(HEALTHY);

    let answers = Answers::start(&held.api, Connections::New);
    cluster.on(&holder, "kill -KILL $(systemctl show -P MainPID api-front-end)");
    sleep(Duration::from_secs(4));
    within(answers.end("the holder's front end is killed once"), FRONT_END_DIES_ONCE);
    assert!(held.holder(cluster) == holder || machine_is_busy(), "it is back before anybody takes it for dead");

    let holder = held.holder(cluster);
    let answers = Answers::start(&held.api, Connections::New);
    cluster.on(&holder, "systemctl kill --signal KILL api-virtual-address");
    sleep(Duration::from_secs(5));
    within(answers.end("keepalived of the holder is killed"), POWER_CUT);
    held.holder(cluster);
}

/// The front end dies and stays dead, keepalived is stopped, all API servers were down.
pub fn moves_when_it_must(cluster: &Cluster, held: &Held) {
    let holder = held.holder(cluster);
    let answers = Answers::start(&held.api, Connections::New);
    cluster.on(&holder, "systemctl kill --signal KILL api-front-end; systemctl stop api-front-end");
    sleep(Duration::from_secs(6));
    within(answers.end("the holder's front end dies and stays dead"), FRONT_END_STAYS_DEAD);
    let next = held.holder(cluster);
    assert_ne!(next, holder, "a dead front end must not hold the address");
    cluster.on(&holder, "systemctl start api-front-end");
    sleep(Duration::from_secs(4));
    assert_eq!(held.holder(cluster), next, "who is well again does not take it back");

    let answers = Answers::start(&held.api, Connections::New);
    cluster.on(&next, "systemctl stop api-virtual-address");
    sleep(Duration::from_secs(2));
    within(answers.end("keepalived of the holder is stopped"), CLEAN_STOP);
    cluster.on(&next, "systemctl start api-virtual-address");
    cluster.becomes_healthy(HEALTHY);

    let masters = cluster.with_role(Role::Master);
    for master in &masters {
        cluster.on(master, "systemctl stop --no-block kube-apiserver");
    }
    for master in &masters {
        cluster.on(master, "while systemctl -q is-active kube-apiserver; do sleep 0.2; done");
    }
    // Its start ends when it is ready.
    cluster.on(&masters[0], "systemctl start kube-apiserver");
    let ready = Instant::now();
    let answers = Answers::start(&held.api, Connections::New);
    let took = ready.elapsed();
    figure(&format!("all API servers were down: the address answers {took:.2?} after one of them is ready"));
    answers.end("from then on");
    within(took, ALL_WERE_DOWN);
    held.holder(cluster);
    for master in &masters[1..] {
        cluster.on(master, "systemctl start kube-apiserver");
    }
    cluster.becomes_healthy(HEALTHY);
}

/// Its holder's power is cut, and comes back.
pub fn survives_its_host(cluster: &mut Cluster, held: &Held) {
    let holder = held.holder(cluster);
    let answers = Answers::start(&held.api, Connections::New);
    sleep(Duration::from_secs(1));
    cluster.lab_mut().poweroff(&holder, Off::Cut).unwrap();
    sleep(Duration::from_secs(6));
    within(answers.end("the holder's power is cut"), POWER_CUT);
    let next = held.holder_but(cluster, &holder);
    cluster.lab_mut().start(&holder, &Silent).unwrap();
    cluster.becomes_healthy(HEALTHY);
    assert_eq!(held.holder(cluster), next, "the host that is back does not take the address back");
}

impl Held {
    /// The one host that has the address; a move takes a moment.
    pub fn holder(&self, cluster: &Cluster) -> String {
        self.holder_but(cluster, "")
    }

    /// The same where one of the hosts is off.
    fn holder_but(&self, cluster: &Cluster, off: &str) -> String {
        let address = self.api.address.ip();
        let has = |host: &&String| {
            let (code, said) = cluster.try_on(host, "ip -o address show");
            code == 0 && said.contains(&format!(" {address}/"))
        };
        let limit = Instant::now() + Duration::from_secs(5);
        loop {
            let holders: Vec<&String> = self.hosts.iter().filter(|host| *host != off).filter(has).collect();
            match holders.as_slice() {
                [one] => return (*one).clone(),
                _ => assert!(Instant::now() < limit, "{address} is on {holders:?}{}", cluster.evidence()),
            }
        }
    }
}

/// A machine that is busy is given three times as long.
#[track_caller]
fn within(gap: Duration, limit: Duration) {
    let limit = if machine_is_busy() { limit * 3 } else { limit };
    assert!(gap <= limit, "{gap:.2?}, and not {limit:.2?}");
}
