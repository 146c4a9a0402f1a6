//! Three hosts that are each etcd member, master and node, behind a balancer: settings roll through one at a time while
//! clients go on, a setting that does not work stops at the first, a stopped member is started before others restart,
//! and a host whose power is cut comes back.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kbootstrap::lab::{LabSpec, Off};
use kbootstrap::ui::Silent;
use serde_json::{Value, json};

use crate::common::asker::Api;
use crate::common::balancer::Balancer;
use crate::common::cluster::{Cluster, HEALTHY};
use crate::common::load::{Ask, Load, Seen, Service};
use crate::common::run::Run;
use crate::common::steady::{Figures, Steady, machine_is_busy};

pub const HOSTS: [&str; 3] = ["n1", "n2", "n3"];
const UNITS: [&str; 8] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "containerd",
    "kubelet",
    "kube-proxy",
    "flanneld",
];

/// The longest that nobody's write succeeds when a host without the leader of etcd is gone, by a balancer that has noticed
/// that after a second at the most.
const FOLLOWER: Duration = Duration::from_millis(1500);
/// The same of the leader's host: the others wait for it for one to two seconds, and choose another.
const LEADER: Duration = Duration::from_millis(3000);

/// An object that the API server has to ask etcd for.
const API_READ: Ask =
    Ask { method: "GET", path: "/api/v1/namespaces/default", media_type: "", body: |_| String::new() };
const API_WRITE: Ask = Ask {
    method: "PATCH",
    path: "/api/v1/namespaces/default/configmaps/load?fieldManager=load&force=true",
    media_type: "application/apply-patch+yaml",
    body: |turn| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "load"}, "data": {"turn": turn.to_string()}})
            .to_string()
    },
};
/// Key and value are base64: `load`, and the turn as far as it can be told apart.
const ETCD_READ: Ask = Ask {
    method: "POST",
    path: "/v3/kv/range",
    media_type: "application/json",
    body: |_| json!({"key": "bG9hZA=="}).to_string(),
};
/// What the member has, without asking the others.
const ETCD_OWN: Ask = Ask { body: |_| json!({"key": "bG9hZA==", "serializable": true}).to_string(), ..ETCD_READ };
const ETCD_WRITE: Ask = Ask {
    method: "POST",
    path: "/v3/kv/put",
    media_type: "application/json",
    body: |turn| json!({"key": "bG9hZA==", "value": format!("{turn:08}")}).to_string(),
};

#[test]
fn masters_change_one_at_a_time_and_a_host_comes_back() {
    // Its seconds are people's: what else this machine does, as building, goes behind.
    let _ = rustix::process::setpriority_process(None, -10);
    let mut cluster = Cluster::with(LabSpec { masters: 3, ..LabSpec::new("ha-e2e", 3) });
    let balancer = balancer(&cluster);
    cluster.edit(|inventory| {
        inventory.control_plane_endpoint = Some(balancer.address().to_string());
        inventory.ssh.connect_timeout = Some(4);
    });
    comes_up(&cluster);
    let api = people(&cluster, &balancer);
    everything_rolls(&cluster, &api);
    a_gate_is_shut_to_others_alone(&cluster);
    what_does_not_work_stops_at_the_first(&cluster);
    a_stopped_member_starts_before_others_restart(&cluster, &api);
    a_host_without_power_comes_back(&mut cluster, &balancer, &api);
    the_leader_may_lose_its_power(&mut cluster, &api);
}

/// A TCP balancer in front of the API servers, outside.
pub fn balancer(cluster: &Cluster) -> Balancer {
    let gateway = SocketAddr::new(IpAddr::V4(cluster.lab().state().gateway), 6443);
    Balancer::start(gateway, servers(cluster, 6443).into_iter().map(|(_, address)| address).collect())
}

fn comes_up(cluster: &Cluster) {
    let run = cluster.run(&["up", "--yes", "-o", "json"]).ok();
    // None of them is ready before the others are there.
    let started = |host: &str| at(&run, "started", host, "start etcd");
    let done = |host: &str| at(&run, "done", host, "start etcd");
    let last_start = HOSTS.iter().map(|host| started(host)).max();
    run.check(HOSTS.iter().all(|host| Some(done(host)) > last_start), "members should start together");
    let status = is_healthy(cluster);
    let etcd = components(&status, "etcd");
    assert_eq!(etcd.values().filter(|c| c["detail"].as_str().unwrap().starts_with("leader")).count(), 1, "{etcd:?}");
    assert_eq!(etcd.values().filter(|c| c["detail"].as_str().unwrap().starts_with("follower")).count(), 2, "{etcd:?}");
    let leases: Vec<&Value> = status["checks"].as_array().unwrap().iter().filter(|c| c["word"] == "leads").collect();
    assert_eq!(leases.len(), 2, "{status:#}");
}

/// By the balancer, which only tries whether ports are open.
fn people(cluster: &Cluster, balancer: &Balancer) -> Api {
    Api { address: balancer.address(), tls: cluster.identity("ca", "admin") }
}

/// People's requests all succeed, and what was acknowledged is there. Where the machine has much to do, some may be late.
fn all_goes_on(run: &Run<'_>, figures: &[Figures]) {
    for seen in figures {
        run.check(seen.requests > 200, &format!("the clients should have been busy: {seen}"));
        run.check(seen.failed.len() == seen.excused(), &format!("{seen}: {:#?}", seen.failed));
        run.check(seen.lost.is_empty(), &format!("{seen}: {:?}", seen.lost));
        // An API server that ends says so to what comes between its last request and the end of its connections.
        run.check(seen.later <= HOSTS.len(), &format!("too many were asked to come later: {seen}"));
    }
}

/// Settings of etcd and API servers, which concern nobody else; and then something new for every service.
fn everything_rolls(cluster: &Cluster, api: &Api) {
    set(cluster, "kube-apiserver", "max-requests-inflight", Some(json!(500)));
    set(cluster, "etcd", "quota-backend-bytes", Some(json!(4_294_967_296_u64)));
    let plan = cluster.plan();
    for host in plan["hosts"].as_array().unwrap() {
        let units: Vec<_> = host["units"].as_array().unwrap().iter().map(|u| (&u["name"], &u["action"])).collect();
        let restart = |name: &str| (json!(name), json!("restart"));
        let (etcd, api) = (restart("etcd.service"), restart("kube-apiserver.service"));
        assert_eq!(units, [(&etcd.0, &etcd.1), (&api.0, &api.1)], "{host:#}");
    }

    let service = "{% extends \"UNIT/UNIT.service\" %}\n{% block service %}\nEnvironment=ROLLED=yes\n{% endblock %}\n";
    cluster.edit(|inventory| {
        for unit in UNITS {
            let file = cluster.inventory().with_file_name(format!("{unit}.template"));
            fs::write(&file, service.replace("UNIT", unit)).unwrap();
            let templates = &mut inventory.components.entry(unit.into()).or_default().templates;
            templates.insert(format!("{unit}.service"), file);
        }
    });
    let members = leader_last(&is_healthy(cluster));
    let (steady, load) = (Steady::start(api, "all"), Load::start(&[etcd(cluster)]));
    let run = cluster.run(&["up", "--yes", "-o", "json"]).ok();
    let (seen, figures) = (load.end(), steady.end("every service of every host restarts"));

    let masters = order_of(&run, |step| step.contains("etcd") || step.contains("kube-apiserver"));
    assert_eq!(masters, rolled("etcd and kube-apiserver", &members));
    let restarted = |unit: &&str| HOSTS.iter().all(|host| run.events.iter().any(|e| is_restart(e, host, unit)));
    let missed: Vec<&&str> = UNITS.iter().filter(|unit| !restarted(unit)).collect();
    run.check(missed.is_empty(), &format!("not everything restarted everywhere: {missed:?}"));
    all_goes_on(&run, &figures);
    nothing_was_lost(&run, &seen);
    // The clients were there to see: each member was away once while it restarted.
    assert_eq!(seen.away("etcd").len(), 3, "{:#?}", seen.outages);
    for (unit, flag) in
        [("etcd", "--quota-backend-bytes=4294967296"), ("kube-apiserver", "--max-requests-inflight=500")]
    {
        for host in HOSTS {
            let script = format!("tr '\\0' '\\n' < /proc/$(systemctl show -p MainPID --value {unit})/cmdline");
            assert!(cluster.on(host, &script).lines().any(|line| line == flag), "{host}: {unit} runs without {flag}");
        }
    }
    is_healthy(cluster);
}

/// As each start has shut it, until the API server was ready.
fn a_gate_is_shut_to_others_alone(cluster: &Cluster) {
    for host in HOSTS {
        let left = cluster
            .on(host, "nft list tables; journalctl -q -o cat -u kube-apiserver -g 'to others all the same' || :");
        assert!(!left.contains("kbootstrap-api-gate") && !left.contains("all the same"), "{host}: {left}");
    }
    let port = SocketAddr::new(cluster.address("n1").parse().unwrap(), 6443);
    let connects = || TcpStream::connect_timeout(&port, Duration::from_secs(5)).map(drop).map_err(|e| e.kind());
    cluster.on("n1", "sh /etc/kubernetes/api-gate.sh shut && nft list table inet kbootstrap-api-gate");
    assert_eq!(connects(), Err(ErrorKind::ConnectionRefused));
    let ready = cluster.on("n1", "kubectl --kubeconfig=/etc/kubernetes/admin.conf get --raw=/readyz");
    assert_eq!(ready, "ok");
    cluster.on("n1", "sh /etc/kubernetes/api-gate.sh open");
    assert_eq!(connects(), Ok(()));
}

fn is_restart(event: &Value, host: &str, unit: &str) -> bool {
    let step = event["step"].as_str().unwrap_or_default();
    let restarts = step.strip_prefix("restart ").is_some_and(|units| units.split(" and ").any(|name| name == unit));
    event["event"] == "done" && event["host"] == host && restarts
}

/// The scheduler has no way to say that it is ready: that it does not come up must be seen all the same. What ran before runs
/// again then.
fn what_does_not_work_stops_at_the_first(cluster: &Cluster) {
    let before = units(cluster, &HOSTS);
    set(cluster, "kube-scheduler", "leader-elect-lease-duration", Some(json!("soon")));
    let said = "n1: kube-scheduler.service does not run with what is new; what ran before is put back, and runs";
    let run = cluster.run(&["up", "--yes"]).exits(6).says(said);
    run.check(run.stderr.contains("leader-elect-lease-duration"), "the scheduler's own words should be there");
    let after = units(cluster, &HOSTS);
    for host in ["n2", "n3"] {
        assert_eq!(before[host], after[host], "{host} was touched after the change had failed on n1");
    }

    let plan = cluster.plan();
    let restarts = |host: &Value| host["units"][0]["action"] == "restart";
    assert!(plan["hosts"].as_array().unwrap().iter().all(restarts), "the change is still to be made: {plan:#}");
    is_healthy(cluster);

    set(cluster, "kube-scheduler", "leader-elect-lease-duration", None);
    let run = cluster.run(&["up", "--yes", "-o", "json"]).ok();
    assert_eq!(order(&run), Vec::<String>::new(), "all is as it was: {run}");
}

/// With one member stopped another restart would end the quorum.
fn a_stopped_member_starts_before_others_restart(cluster: &Cluster, api: &Api) {
    // Its API server, which asks no other, stops before it.
    cluster.on("n2", "systemctl stop etcd && ! systemctl -q is-active kube-apiserver");
    set(cluster, "etcd", "snapshot-count", Some(json!(20_000)));
    let status = cluster.run(&["status", "-o", "json"]).exits(7).json();
    let others: Vec<String> = leader_last(&status).into_iter().filter(|host| host != "n2").collect();
    let steady = Steady::start(api, "stopped");
    let run = cluster.run(&["up", "--yes", "-o", "json"]).ok();
    let figures = steady.end("a stopped member starts, the others restart");
    let first = ["n2 start etcd", "n1 etcd is healthy", "n2 start kube-apiserver", "n2 kube-apiserver is ready"];
    let expected = [first.map(str::to_owned).to_vec(), rolled("etcd and kube-apiserver", &others)].concat();
    // A controller whose API server was away for ten seconds has ended, and starts, too.
    let seen = order_of(&run, |step| step.contains("etcd") || step.contains("kube-apiserver"));
    assert_eq!(seen, expected, "{run}");
    all_goes_on(&run, &figures);
}

fn a_host_without_power_comes_back(cluster: &mut Cluster, balancer: &Balancer, api: &Api) {
    let survivors = ["n2", "n3"];
    let status = cluster.becomes_healthy(HEALTHY);
    if leader_last(&status)[2] == "n1" {
        leads(cluster, "n2");
    }
    loses_its_power(cluster, "n1", api, "a follower's power is cut", FOLLOWER);
    answers(cluster, balancer.address());

    let status = cluster.run(&["status", "-o", "json"]).exits(7).says("n1");
    let seen = status.json();
    let trouble = |host: usize| seen["hosts"][host]["trouble"].as_str().unwrap();
    status.check(!trouble(0).is_empty() && trouble(1).is_empty() && trouble(2).is_empty(), "only n1 is unreachable");
    for name in ["etcd", "kube-apiserver"] {
        let good = components(&seen, name).into_iter().filter(|(_, c)| c["state"] == "good").map(|(host, _)| host);
        assert_eq!(good.collect::<Vec<_>>(), survivors, "{name}: {seen:#}");
    }

    let before = units(cluster, &survivors);
    set(cluster, "kube-apiserver", "max-requests-inflight", Some(json!(600)));
    let run = cluster.run(&["up", "--yes"]).exits(5).says("n1").says("can be left out: `--skip HOST`");
    run.check(!run.stderr.contains("n2:") && !run.stderr.contains("n3:"), "only n1 is to blame");
    assert_eq!(before, units(cluster, &survivors), "hosts were touched although one was away");
    what_can_do_without_it_is_done_without_it(cluster, &survivors);

    cluster.lab_mut().start("n1", &Silent).unwrap();
    cluster.becomes_healthy(HEALTHY);
    let run = cluster.run(&["up", "--yes", "-o", "json"]).ok();
    assert_eq!(order(&run), rolled("kube-apiserver", &["n1".to_owned()]), "it needs what it has missed, and no more");
    assert_eq!(cluster.up(), 0);
}

fn the_leader_may_lose_its_power(cluster: &mut Cluster, api: &Api) {
    let leader = leader_last(&is_healthy(cluster)).remove(2);
    loses_its_power(cluster, &leader, api, "the leader's power is cut", LEADER);
}

/// What people notice when a host is gone without a word.
fn loses_its_power(cluster: &mut Cluster, host: &str, api: &Api, when: &str, limit: Duration) {
    let steady = Steady::start(api, host);
    sleep(Duration::from_secs(2));
    cluster.lab_mut().poweroff(host, Off::Cut).unwrap();
    // Longer than an API server waits for a member that it asked and that is gone.
    sleep(Duration::from_secs(12));
    for seen in steady.end(when) {
        assert!(seen.longest_gap <= limit || machine_is_busy(), "{when}: {seen}: {:#?}", seen.failed);
        assert!(seen.lost.is_empty(), "{when}: {seen}: {:?}", seen.lost);
    }
}

/// Has that member lead.
fn leads(cluster: &Cluster, host: &str) {
    let ask = "etcdctl --cacert=/etc/etcd/pki/ca.crt --cert=/etc/etcd/pki/healthcheck-client.crt \
               --key=/etc/etcd/pki/healthcheck-client.key --endpoints=https://127.0.0.1:2379";
    let members = cluster.on(host, &format!("{ask} member list"));
    let id = members.lines().find(|line| line.contains(&format!(" {host},"))).and_then(|line| line.split(',').next());
    let leader = leader_last(&is_healthy(cluster)).remove(2);
    cluster.on(&leader, &format!("{ask} move-leader {}", id.unwrap()));
}

/// A setting of API servers rolls over those that are there; another restart of etcd would end the quorum.
fn what_can_do_without_it_is_done_without_it(cluster: &Cluster, survivors: &[&str]) {
    cluster.run(&["up", "--yes", "--skip", "n7"]).exits(2).says("there is no host n7");
    let before = units(cluster, survivors);
    set(cluster, "etcd", "snapshot-count", Some(json!(30_000)));
    let refused = "n1 cannot be left out: etcd on n2 is to be restarted, and takes the quorum with it";
    cluster.run(&["up", "--yes", "--skip", "n1"]).exits(9).says(refused);
    cluster.run(&["plan", "--skip", "n1", "--skip", "n2"]).exits(9).says("1 of the 3 members of etcd");
    set(cluster, "etcd", "snapshot-count", Some(json!(20_000)));
    assert_eq!(before, units(cluster, survivors), "hosts were touched by what was refused");

    let load = Load::start(&[api_of(cluster, survivors)]);
    let run = cluster.run(&["up", "--yes", "--skip", "n1", "-o", "json"]).ok();
    let seen = load.end();
    let survivors: Vec<String> = survivors.iter().map(|host| (*host).to_owned()).collect();
    assert_eq!(order(&run), rolled("kube-apiserver", &survivors), "{run}");
    assert_eq!(run.json()["skipped"], json!(["n1"]), "{run}");
    run.check(run.events.iter().any(|event| event.to_string().contains("n1 is left out")), "it should be said");
    nothing_was_lost(&run, &seen);
    let again = cluster.run(&["up", "--skip", "n1"]).ok();
    again.check(again.stdout.contains("nothing to change"), "all is done that could be done");
}

fn nothing_was_lost(run: &Run<'_>, seen: &Seen) {
    run.check(seen.answered > 500 && seen.switching > 100, &format!("the clients should have been busy: {seen:?}"));
    run.check(seen.lost.is_empty(), &format!("requests that nobody answered: {:#?}", seen.lost));
    let collisions = seen.collisions();
    run.check(collisions.is_empty(), &format!("servers that were away together: {collisions:#?}"));
}

/// The API answers through the balancer; etcd may first have to find a new leader.
fn answers(cluster: &Cluster, address: SocketAddr) {
    let limit = Instant::now() + Duration::from_secs(15);
    let service = Service { servers: vec![("balancer".into(), address)], ..api(cluster) };
    while let Err(error) = service.try_once() {
        assert!(Instant::now() < limit, "the API does not answer: {error:?}{}", cluster.evidence());
        sleep(Duration::from_millis(100));
    }
}

fn is_healthy(cluster: &Cluster) -> Value {
    let status = cluster.run(&["status", "-o", "json"]).ok();
    status.check(status.json()["healthy"] == true, "the cluster should be healthy");
    status.json()
}

/// A component as `status` shows it, by host.
fn components(status: &Value, name: &str) -> BTreeMap<String, Value> {
    let hosts = status["hosts"].as_array().unwrap().iter();
    let components = hosts.flat_map(|host| host["components"].as_array().unwrap().iter().map(move |c| (host, c)));
    components
        .filter(|(_, component)| component["name"] == name)
        .map(|(host, component)| (host["name"].as_str().unwrap().to_owned(), component.clone()))
        .collect()
}

/// Sets a flag of a component in the inventory, or takes it back.
fn set(cluster: &Cluster, component: &str, flag: &str, value: Option<Value>) {
    cluster.edit(|inventory| {
        let flags = &mut inventory.components.entry(component.into()).or_default().flags;
        match value {
            Some(value) => drop(flags.insert(flag.to_owned(), value)),
            None => drop(flags.remove(flag)),
        }
    });
}

/// By host: unit files with their hashes, and which life of each unit runs.
fn units(cluster: &Cluster, hosts: &[&str]) -> BTreeMap<String, String> {
    // The timer starts its service every ten seconds.
    let script = "cd /etc/systemd/system && sha256sum -- *.service && \
                  ls *.service | grep -v data-plane | xargs systemctl show -p Id -p InvocationID --";
    hosts.iter().map(|host| ((*host).to_owned(), cluster.on(host, script))).collect()
}

/// The steps on units and their gates, as they happened; nothing of it may happen at once.
fn order(run: &Run<'_>) -> Vec<String> {
    order_of(run, |_| true)
}

/// The same of some steps.
fn order_of(run: &Run<'_>, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let mut running = 0;
    for event in &run.events {
        let (host, step) = (event["host"].as_str().unwrap_or_default(), event["step"].as_str().unwrap_or_default());
        let counts = !host.is_empty() && !step.starts_with("push ") && wanted(step);
        if !counts || !matches!(event["event"].as_str(), Some("started" | "done")) {
            continue;
        }
        match event["event"] == "started" {
            true => {
                run.check(running == 0, &format!("{step} on {host} began while another step ran"));
                steps.push(format!("{host} {step}"));
                running += 1;
            }
            false => running -= 1,
        }
    }
    steps
}

/// The order in which etcd members are to restart.
pub fn leader_last(status: &Value) -> Vec<String> {
    let members = components(status, "etcd");
    let leads = |host: &&str| members[*host]["detail"].as_str().unwrap().starts_with("leader");
    let (leader, others): (Vec<&str>, Vec<&str>) = HOSTS.into_iter().partition(leads);
    assert_eq!(leader.len(), 1, "{members:?}");
    others.into_iter().chain(leader).map(str::to_owned).collect()
}

/// What a roll looks like, of API servers or of members with them.
fn rolled(components: &str, hosts: &[String]) -> Vec<String> {
    let mut steps = vec!["another kube-apiserver is ready".into(), format!("restart {components}")];
    if components.starts_with("etcd") {
        steps.insert(0, "etcd can spare this member".into());
        steps.push("etcd is healthy".into());
    }
    steps.push("kube-apiserver is ready".into());
    hosts.iter().flat_map(|host| steps.iter().map(move |step| format!("{host} {step}"))).collect()
}

/// The place of an event among all of a run.
fn at(run: &Run<'_>, kind: &str, host: &str, step: &str) -> usize {
    let is = |event: &Value| event["event"] == kind && event["host"] == host && event["step"] == step;
    let place = run.events.iter().position(is);
    run.check(place.is_some(), &format!("{kind} {step} on {host} never happened"));
    place.unwrap_or_default()
}

fn etcd(cluster: &Cluster) -> Service {
    let tls = cluster.identity("etcd-ca", "etcd-healthcheck-client");
    Service { name: "etcd", servers: servers(cluster, 2379), tls, own: ETCD_OWN, read: ETCD_READ, write: ETCD_WRITE }
}

fn api(cluster: &Cluster) -> Service {
    api_of(cluster, &HOSTS)
}

/// The API servers of these masters, asked by the operator.
pub fn api_of(cluster: &Cluster, masters: &[&str]) -> Service {
    let tls = cluster.identity("ca", "super-admin");
    Service {
        name: "kube-apiserver",
        servers: servers_of(cluster, masters, 6443),
        tls,
        own: API_READ,
        read: API_READ,
        write: API_WRITE,
    }
}

fn servers(cluster: &Cluster, port: u16) -> Vec<(String, SocketAddr)> {
    servers_of(cluster, &HOSTS, port)
}

fn servers_of(cluster: &Cluster, hosts: &[&str], port: u16) -> Vec<(String, SocketAddr)> {
    let server = |host: &&str| ((*host).to_owned(), format!("{}:{port}", cluster.address(host)).parse().unwrap());
    hosts.iter().map(server).collect()
}
