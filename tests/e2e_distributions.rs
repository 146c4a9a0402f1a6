//! Clusters on the systems that people have, and beside the firewalls that they use. Packages come from the mirror of the
//! machine's own apt.

use std::io::Write as _;
use std::time::Instant;

use kbootstrap::cluster::ProxyMode;
use kbootstrap::lab::{Debian, LabSpec, System};
use serde_json::Value;

use crate::common::cluster::Cluster;
use crate::common::mirror::Mirror;
use crate::e2e_heals::Site;

fn lab(name: &str, system: System) -> LabSpec {
    LabSpec { system, ..LabSpec::new(name, 2) }
}

/// `up` makes a cluster in which everything works, and finds nothing to do when it runs again.
fn comes_up(cluster: &Cluster, what: &str) {
    let timed = |run: &mut dyn FnMut()| {
        let began = Instant::now();
        run();
        began.elapsed().as_secs_f64()
    };
    let mut changes = 0;
    let first = timed(&mut || changes = cluster.up());
    assert!(changes > 0);
    let verify = cluster.run(&["verify", "-o", "json"]).ok().json();
    let checks = verify["checks"].as_array().unwrap().len();
    let mut left = 1;
    let second = timed(&mut || left = cluster.up());
    assert_eq!(left, 0, "a second up of {what} changed something");
    cluster.run(&["status"]).ok();
    let _ = writeln!(
        std::io::stderr(),
        "figure: {what}: up {first:.1} s, {checks} checks of verify, second up {second:.1} s"
    );
}

fn release(debian: Debian) {
    let cluster = Cluster::with(lab(&format!("e2e-debian-{debian}"), System { debian, minimal: false }));
    comes_up(&cluster, &format!("Debian {debian}"));
}

#[test]
#[ignore = "a tree of its own, fetched from a mirror: make test-long"]
fn debian_11() {
    release(Debian::Bullseye);
}

#[test]
#[ignore = "beside the other releases: make test-long"]
fn debian_12() {
    release(Debian::Bookworm);
}

#[test]
#[ignore = "a tree of its own, fetched from a mirror: make test-long"]
fn debian_13() {
    release(Debian::Trixie);
}

/// `check`'s findings of some names that fail or warn: host, name, what is to be typed.
fn commands(findings: &Value, names: &[&str]) -> Vec<(String, String, String)> {
    let findings = findings.as_array().unwrap().iter();
    let meant = findings.filter(|finding| names.iter().any(|name| finding["check"] == *name));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let command = |finding: &Value| text(finding, "remedy").split('`').nth(1).unwrap_or_default().to_owned();
    meant.map(|finding| (text(finding, "host"), text(finding, "check"), command(finding))).collect()
}

#[test]
#[ignore = "a tree of its own, and packages from a mirror: make test-long"]
fn a_minimal_host_says_what_it_lacks_and_that_is_all_it_lacks() {
    for debian in [Debian::Bookworm, Debian::Trixie] {
        let cluster = Cluster::with(lab(&format!("e2e-minimal-{debian}"), System { debian, minimal: true }));
        let mirror = Mirror::start(&cluster);
        let check = cluster.run(&["check", "-o", "json"]).exits(6);
        let all = commands(&check.json(), &["tools", "conntrack", "iptables", "nftables"]);
        for host in cluster.hosts() {
            let said: Vec<_> = all.iter().filter(|(of, ..)| *of == host).collect();
            for name in ["tools", "conntrack", "iptables"] {
                check.check(said.iter().any(|(_, check, _)| check == name), &format!("{host} should lack {name}"));
            }
            let command = &said[0].2;
            check.check(said.iter().all(|(.., other)| other == command), "one command brings all");
            mirror.install(&cluster, &host, command);
        }
        let found = cluster.run(&["check", "-o", "json"]).ok().json();
        assert_eq!(commands(&found, &["tools", "conntrack", "iptables", "nftables", "paths"]), [], "{found:#}");
        comes_up(&cluster, &format!("a minimal Debian {debian}"));
    }
}

/// On hosts with a firewall at work: `check` names what is shut and the commands in the firewall's words, after which all is
/// right and stays so whatever is done to the firewall.
fn beside(cluster: Cluster, name: &str, word: &str, again: &[&str]) {
    let check = cluster.run(&["check", "-o", "json"]).exits(6);
    let shut = commands(&check.json(), &["paths", "forward"]);
    for host in cluster.hosts() {
        for sort in ["paths", "forward"] {
            let found = shut.iter().find(|(of, check, _)| *of == host && check == sort);
            check.check(found.is_some_and(|(.., command)| command.contains(word)), &format!("{sort} of {host}"));
        }
        let said = commands(&check.json(), &["firewall"]);
        let (.., command) = said.iter().find(|(of, ..)| *of == host).unwrap();
        check.check(shut.iter().filter(|(of, ..)| *of == host).all(|(.., other)| other == command), "one command");
        cluster.on(&host, command);
    }
    let found = cluster.run(&["check", "-o", "json"]).ok().json();
    assert_eq!(commands(&found, &["paths", "forward"]), [], "{found:#}");
    comes_up(&cluster, name);
    let site = Site::on(cluster, ProxyMode::Nftables);
    site.heal(again);
    site.cluster.run(&["verify"]).ok();
    assert_eq!(site.cluster.up(), 0);
}

fn with_package(name: &str, package: &str, then: &str) -> Cluster {
    let cluster = Cluster::new(name, 2);
    let mirror = Mirror::start(&cluster);
    std::thread::scope(|scope| {
        for host in cluster.hosts() {
            let (cluster, mirror) = (&cluster, &mirror);
            scope.spawn(move || {
                mirror.install(cluster, &host, &format!("apt-get install {package}"));
                cluster.on(&host, then);
            });
        }
    });
    cluster
}

/// It would take the addresses of the cluster's devices away, were it not told to leave them alone.
#[test]
#[ignore = "packages from a mirror: make test-long"]
fn beside_networkmanager() {
    let cluster =
        with_package("e2e-networkmanager", "network-manager", "systemctl is-active NetworkManager systemd-udevd");
    comes_up(&cluster, "NetworkManager");
    for host in cluster.hosts() {
        let states = cluster.on(&host, "nmcli -t -f DEVICE,STATE device");
        for device in ["cni0", "flannel.1"] {
            assert!(states.contains(&format!("{device}:unmanaged\n")), "{host}: {states}");
        }
    }
    // Nobody but the host's own people says what is in it.
    let servers = cluster.on("n2", "cat /etc/resolv.conf");
    assert!(servers.contains("nameserver "), "{servers}");
    // One that was there before it was told so.
    let file = "/etc/NetworkManager/conf.d/90-kubernetes.conf";
    let taken = format!("rm {file} && systemctl restart NetworkManager && sleep 2 && nmcli -t -f DEVICE,STATE device");
    let states = cluster.on("n2", &taken);
    assert!(states.contains("cni0:connected"), "{states}");
    assert!(cluster.up() > 0);
    let states = cluster.on("n2", "sleep 1; nmcli -t -f DEVICE,STATE device");
    assert!(states.contains("cni0:unmanaged") && states.contains("flannel.1:unmanaged"), "{states}");
    let site = Site::on(cluster, ProxyMode::Nftables);
    let off = "nmcli networking off && sleep 1 && nmcli networking on";
    site.heal(&[
        "systemctl restart NetworkManager",
        off,
        &format!("rm {file}; systemctl restart NetworkManager; sleep 2; {off}"),
    ]);
    assert_eq!(site.cluster.up(), 1, "the file");
}

#[test]
#[ignore = "packages from a mirror: make test-long"]
fn beside_firewalld() {
    let cluster = with_package("e2e-firewalld", "firewalld", "systemctl is-active firewalld");
    beside(cluster, "firewalld", "firewall-cmd ", &["firewall-cmd --reload", "systemctl restart firewalld"]);
}

#[test]
#[ignore = "packages from a mirror: make test-long"]
fn beside_ufw() {
    let cluster = with_package("e2e-ufw", "ufw", "ufw allow 22/tcp && ufw --force enable");
    beside(cluster, "ufw", "ufw allow ", &["ufw reload", "ufw disable && ufw --force enable"]);
}
