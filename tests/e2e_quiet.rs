//! For people who leave a terminal open: an `exec` and a watch on which nothing happens for long go on, by haproxy and by
//! nginx; and a master that was away gets its share of connections again.

use std::io::Read;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kbootstrap::inventory::{FrontEnd, LocalBalancer};
use kbootstrap::lab::{LabSpec, Off};
use kbootstrap::ui::Silent;

use crate::common::cluster::{Cluster, HEALTHY};
use crate::common::run::finish;
use crate::common::steady::{Steady, figure};
use crate::common::workload;
use crate::e2e_balancers::{balanced, nobody_noticed};
use crate::e2e_ha::HOSTS;
use crate::e2e_virtual_address::{ask_for, held};

/// A master that is back has its share after this.
const SHARE: Duration = Duration::from_mins(10);
const EXEC: Duration = Duration::from_mins(11);
const WATCH: Duration = Duration::from_mins(20);
/// A fifth of the connections is a share.
const FIFTH: usize = 5;

#[test]
#[ignore = "half an hour: make test-long"]
fn what_is_quiet_for_long_is_not_cut_off() {
    let mut cluster = Cluster::with(LabSpec { masters: 3, ..LabSpec::new("quiet", 4) });
    balanced(&cluster, LocalBalancer::Haproxy);
    ask_for(&cluster, FrontEnd::Nginx);
    workload::populate(&cluster);
    let held = held(&cluster);
    let away = HOSTS.into_iter().find(|host| *host != held.holder(&cluster) && *host != "n1").unwrap();
    cluster.lab_mut().poweroff(away, Off::Cut).unwrap();
    sleep(Duration::from_secs(15));
    cluster.lab_mut().start(away, &Silent).unwrap();
    cluster.becomes_healthy(HEALTHY);

    let (began, people) = (Instant::now(), Steady::start(&held.api, "share"));
    let address = format!("https://{}", held.api.address);
    let ways = [("haproxy on the node", "https://127.0.0.1:7443"), ("nginx behind the address", address.as_str())];
    let quiet: Vec<_> = ways.iter().enumerate().map(|(at, (way, url))| Quiet::start(&cluster, at, way, url)).collect();

    sleep((began + SHARE).saturating_duration_since(Instant::now()));
    let connections = HOSTS.map(|host| {
        let count = cluster.on(host, "ss -Htn state established '( sport = :6443 )' | wc -l");
        count.trim().parse::<usize>().unwrap()
    });
    let (all, of_it) =
        (connections.iter().sum::<usize>(), connections[HOSTS.iter().position(|host| *host == away).unwrap()]);
    figure(&format!("{away} is back for 10 minutes and has {of_it} of {all} connections: {connections:?}"));
    nobody_noticed(&people.end("ten quiet minutes"));

    sleep((began + EXEC).saturating_duration_since(Instant::now()));
    let quiet: Vec<_> = quiet.into_iter().map(|quiet| quiet.exec_ends(&cluster)).collect();
    sleep((began + WATCH).saturating_duration_since(Instant::now()));
    for quiet in quiet {
        quiet.watch_sees(&cluster);
    }
    assert!(of_it * FIFTH >= all, "{away} should have a fifth of the connections: {connections:?}");
}

/// Somebody's `exec` and watch by one way.
struct Quiet {
    way: String,
    port: usize,
    exec: Child,
    watch: Child,
}

impl Quiet {
    fn start(cluster: &Cluster, at: usize, way: &str, url: &str) -> Quiet {
        let port = 9000 + at;
        cluster.kubectl(&["create", "configmap", &format!("quiet-{port}")]);
        let kubectl = format!("exec kubectl --kubeconfig=/etc/kubernetes/admin.conf --server={url}");
        let start = |what: String| {
            let mut command = cluster.lab().ssh("n1", "root").unwrap();
            command.arg(format!("{kubectl} {what}")).stdin(Stdio::null()).stdout(Stdio::piped());
            command.spawn().unwrap()
        };
        let pod = pod(cluster);
        let exec = start(format!("exec {pod} -- /agnhost netexec --http-port={port} --udp-port=-1"));
        let watch = start(format!("get configmap quiet-{port} --watch-only -o name"));
        Quiet { way: way.to_owned(), port, exec, watch }
    }

    /// The program in the pod ends when it is asked to, which its `exec` must hear.
    fn exec_ends(mut self, cluster: &Cluster) -> Quiet {
        assert!(self.exec.try_wait().unwrap().is_none(), "{}: exec has ended before its time", self.way);
        let address = cluster.get(&[&pod(cluster)])["status"]["podIP"].as_str().unwrap().to_owned();
        cluster.try_on("n1", &format!("curl -s --max-time 3 http://{address}:{}/exit?code=0", self.port));
        let status = finish(&mut self.exec, Duration::from_secs(10));
        assert!(status.success(), "{}: exec was cut off: {status}", self.way);
        figure(&format!("{}: an exec went on after 11 minutes without a word", self.way));
        self
    }

    /// What it watches changes, which it must see.
    fn watch_sees(mut self, cluster: &Cluster) {
        assert!(self.watch.try_wait().unwrap().is_none(), "{}: the watch has ended before its time", self.way);
        cluster.kubectl(&["label", "configmap", &format!("quiet-{}", self.port), "seen=yes"]);
        sleep(Duration::from_secs(3));
        self.watch.kill().unwrap();
        let mut seen = String::new();
        self.watch.stdout.take().unwrap().read_to_string(&mut seen).unwrap();
        self.watch.wait().unwrap();
        assert!(
            seen.contains(&format!("configmap/quiet-{}", self.port)),
            "{}: the watch saw nothing: {seen}",
            self.way
        );
        figure(&format!("{}: a watch went on after 20 minutes without a word", self.way));
    }
}

/// The pod on n1.
fn pod(cluster: &Cluster) -> String {
    let pods = cluster.get(&["pods", "-l", "app=before", "--field-selector", "spec.nodeName=n1"]);
    format!("pod/{}", pods["items"][0]["metadata"]["name"].as_str().unwrap())
}
