//! Packages of the distribution on real hosts: a made-up one from an archive of the test's, and haproxy from the mirror of this
//! machine, signed by Debian.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use kbootstrap::artifacts::{Lock, Store};
use kbootstrap::cluster::Role;
use kbootstrap::components::{Catalogue, ComponentSpec, KernelSpec, PackageSpec, UnitSpec};
use kbootstrap::engine::{PlanOptions, Prepared, Session, preview};
use kbootstrap::error::Error;
use kbootstrap::inventory::PackageArchive;
use kbootstrap::reset::{self, Targets};
use kbootstrap::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};
use kbootstrap::status::State;

use crate::common::archive::{Archive, of_this_machine};
use crate::common::cluster::Cluster;
use crate::common::engine::{self, try_up, up};

/// A unit of ours, which runs what a package brings.
const FRONT: ComponentSpec = ComponentSpec {
    about: "What stands in front.",
    role: Some(Role::Master),
    runs_on: |_, host| host.is(Role::Master),
    unit: Some(UnitSpec {
        program: "front",
        rollout: Rollout { wave: Wave::Etcd, after: After::Nothing, rolling: Rolling::Canary, ready: Ready::Runs },
        watched_by_restart: |_| Vec::new(),
        restart_seconds: 1,
        noticed: "",
        noticed_alone: "",
    }),
    kernel: KernelSpec { keeps: |_| Vec::new(), without: "" },
    ..ComponentSpec::named("front")
};

const LANTERN: ComponentSpec = ComponentSpec {
    packages: |_| {
        vec![PackageSpec {
            name: "kb-lantern",
            program: |layout| format!("{}/kb-lanternd", layout.sbin),
            units: &["kb-lantern.service"],
            least: (2, 0),
        }]
    },
    templates: &[("front.flags", ""), ("front.service", FRONT_UNIT)],
    ..FRONT
};

const FRONT_UNIT: &str = "[Service]\nType=exec\nExecStart=/usr/sbin/kb-lanternd ours\nRestart=always\n\
                          [Install]\nWantedBy=multi-user.target\n";
/// Leaves a file wherever it was started from.
const DAEMON: &str = "#!/bin/sh\necho \"$1\" >>/run/kb-lantern-started\nexec sleep infinity\n";
const THEIR_UNIT: &str = "[Service]\nExecStart=/usr/sbin/kb-lanternd theirs\n[Install]\nWantedBy=multi-user.target\n";
/// As debhelper writes it, as far as it matters here.
const POSTINST: &str = "#!/bin/sh\nset -e\nwhile [ -e /run/kb-lantern-slow ]; do sleep 0.1; done\nif [ -e /run/kb-lantern-fails ]; then echo 'there is no wick' >&2; exit 1; fi\n\
                        if [ -d /run/systemd/system ]; then\n  deb-systemd-helper unmask kb-lantern.service >/dev/null || true\n  \
                        deb-systemd-helper enable kb-lantern.service >/dev/null || true\n  systemctl daemon-reload\n  \
                        deb-systemd-invoke start kb-lantern.service >/dev/null || true\nfi\n";
const PRERM: &str = "#!/bin/sh\nset -e\ndeb-systemd-invoke stop kb-lantern.service >/dev/null || true\n";

fn lantern() -> (Archive, PathBuf) {
    let mut archive = Archive::new();
    archive.package("Package: kb-oil\nVersion: 1.4-2", &[("/usr/share/kb-oil", 0o644, "oil\n")], &[]);
    let control =
        "Package: kb-lantern\nVersion: 2.1-1\nPre-Depends: kb-oil\nDepends: libc6 (>= 2.28), init-system-helpers";
    let files = [
        ("/usr/sbin/kb-lanternd", 0o755, DAEMON),
        ("/lib/systemd/system/kb-lantern.service", 0o644, THEIR_UNIT),
        ("/etc/kb-lantern.conf", 0o644, "light = green\n"),
    ];
    let scripts = [("postinst", POSTINST), ("prerm", PRERM), ("conffiles", "/etc/kb-lantern.conf\n")];
    let deb = archive.package(control, &files, &scripts);
    archive.publish("bookworm");
    (archive, deb)
}

fn open(cluster: &Cluster, component: ComponentSpec) -> Session {
    let mut catalogue = Catalogue::standard();
    catalogue.components.push(component);
    engine::open(cluster, catalogue, "packages")
}

/// Packages that a plan changes.
fn packages(plan: &kbootstrap::plan::Plan) -> Vec<String> {
    let all = plan.hosts.iter().flat_map(|host| &host.packages);
    all.map(|package| format!("{} {} {}", package.name, package.version, package.install)).collect()
}

fn shown(session: &Session, prepared: &Prepared, package: &str) -> (State, String, String) {
    let status = engine::shown(session, prepared);
    let name = format!("package {package}");
    let row = status.hosts[0].components.iter().find(|component| component.name == name).unwrap();
    (row.state, row.version.clone(), row.detail.clone())
}

fn take_back(session: &Session) -> Vec<String> {
    let mut transport = session.pool.take(&session.cluster.hosts[0]).unwrap();
    let layout = &session.cluster.layout;
    reset::reset(&mut *transport, &Targets::all(&session.catalogue, layout), layout).unwrap()
}

fn all_details(error: &Error) -> String {
    format!("{}\n{}\n{}", error.message, error.details.join("\n"), error.hints.join("\n"))
}

#[test]
fn a_package_is_installed_with_its_unit_masked_and_taken_back() {
    let (archive, deb) = lantern();
    let cluster = Cluster::new("e2e-packages", 1);
    let keyring = archive.keyring();
    cluster.edit(|inventory| {
        let (mirror, keyring) = (Some(archive.mirror()), Some(keyring.clone()));
        inventory.packages =
            BTreeMap::from([("debian".to_owned(), PackageArchive { mirror, security: None, keyring })]);
    });
    let on = |script: &str| cluster.on("n1", script);

    // A plan asks no archive, and says what it does not know yet.
    let session = open(&cluster, LANTERN);
    let planned = preview(&session, PlanOptions::default()).unwrap();
    assert_eq!(packages(&planned.plan), ["kb-lantern  true"]);
    assert!(archive.server.take_seen().is_empty());

    // A run whose dpkg is killed half-way is finished by a later one.
    on("touch /run/kb-lantern-slow");
    let killed = std::thread::scope(|scope| {
        let run = scope.spawn(|| try_up(&session).err());
        on("for i in $(seq 3000); do
              [ \"$(dpkg-query -W -f '${db:Status-Status}' kb-lantern 2>/dev/null)\" != half-configured ] || break
              sleep 0.1
            done
            kill -9 $(pidof dpkg) && rm /run/kb-lantern-slow");
        run.join().unwrap()
    });
    assert_eq!(killed.expect("dpkg was killed").message, "n1: packages could not be installed");

    // What stops half-way says why in the host's own words, and is finished by the next run.
    on("touch /run/kb-lantern-fails");
    let error = try_up(&session).err().expect("it has no wick");
    let said = all_details(&error);
    assert!(said.contains("n1: packages could not be installed") && said.contains("there is no wick"), "{said}");
    assert_eq!(on("dpkg-query -W -f '${db:Status-Abbrev}' kb-lantern"), "iF ");
    assert_eq!(on("readlink /etc/systemd/system/kb-lantern.service"), "/dev/null\n");
    on("rm /run/kb-lantern-fails");
    let finished = up(&session);
    assert_eq!(packages(&finished.found.plan), ["kb-lantern 2.1-1 true"], "what is there already stays");
    assert_eq!(on("cat /run/kb-lantern-started"), "ours\n", "the distribution's unit never ran");
    assert_eq!(on("systemctl is-active front"), "active\n");
    assert_eq!(cluster.try_on("n1", "systemctl is-enabled kb-lantern").1, "masked\n");
    let record =
        on("stat -c '%a %U' /var/lib/kbootstrap/installed-packages && sort /var/lib/kbootstrap/installed-packages");
    assert_eq!(
        record,
        "600 root\nmask kb-lantern.service kb-lantern\npackage kb-lantern kb-lantern 2.1-1 purge\npackage kb-oil kb-lantern 1.4-2 purge\n"
    );
    assert_eq!(on("ls /var/lib/kbootstrap/packages"), "");
    let lock = Lock::read(&session.artifacts_lock()).unwrap();
    let pins: Vec<_> =
        lock.packages.iter().map(|pin| format!("{} {} {}", pin.release, pin.name, pin.version)).collect();
    assert_eq!(pins, ["debian/bookworm kb-lantern 2.1-1", "debian/bookworm kb-oil 1.4-2"]);

    // Nothing is left to do, and nobody is asked more than once.
    archive.server.take_seen();
    assert_eq!(packages(&up(&session).found.plan), [""; 0]);
    assert!(archive.server.take_seen().is_empty());
    assert_eq!(shown(&session, &finished, "kb-lantern"), (State::Good, "2.1-1".into(), "by kbootstrap".into()));

    // Somebody gives the unit back: it is masked again, and does not run.
    on("systemctl unmask kb-lantern && systemctl start kb-lantern");
    assert_eq!(shown(&session, &finished, "kb-lantern").0, State::Warning);
    let again = up(&session);
    assert_eq!(packages(&again.found.plan), ["kb-lantern 2.1-1 false"]);
    assert_eq!(
        cluster.try_on("n1", "systemctl is-active kb-lantern; systemctl is-enabled kb-lantern").1,
        "inactive\nmasked\n"
    );

    // A reset takes away what is ours, and gives back what is theirs.
    let lines = take_back(&session);
    assert!(lines.iter().any(|line| line.contains("removed: packages") && line.contains("kb-lantern")), "{lines:?}");
    assert!(lines.contains(&"given back: kb-lantern.service".to_owned()), "{lines:?}");
    let left = "dpkg-query -W kb-lantern kb-oil 2>/dev/null; ls -d /etc/kb-lantern.conf /usr/sbin/kb-lanternd \
                /etc/systemd/system/kb-lantern.service /var/lib/kbootstrap 2>/dev/null";
    assert_eq!(cluster.try_on("n1", left).1, "");

    // What a host has by itself is used, runs on, and stays.
    let at = cluster.file("n1", "/root/kb-lantern.deb");
    fs::copy(&deb, at).unwrap();
    on(
        "dpkg --force-depends -i /root/kb-lantern.deb >/dev/null 2>&1; dpkg-query -W kb-lantern && rm -f /run/kb-lantern-started && systemctl restart kb-lantern",
    );
    let own = up(&session);
    assert_eq!(packages(&own.found.plan), [""; 0]);
    assert_eq!(
        cluster
            .try_on("n1", "systemctl is-active kb-lantern; cat /var/lib/kbootstrap/installed-packages")
            .1
            .lines()
            .next(),
        Some("active")
    );
    assert_eq!(shown(&session, &own, "kb-lantern"), (State::Good, "2.1-1".into(), "the host's own".into()));
    take_back(&session);
    assert_eq!(on("systemctl is-active kb-lantern; test -x /usr/sbin/kb-lanternd"), "active\n");
}

const HAPROXY: ComponentSpec = ComponentSpec {
    packages: |_| {
        vec![PackageSpec {
            name: "haproxy",
            program: |layout| format!("{}/haproxy", layout.sbin),
            units: &["haproxy.service"],
            least: (2, 0),
        }]
    },
    templates: &[("front.flags", ""), ("front.service", HAPROXY_UNIT)],
    ..FRONT
};
const HAPROXY_UNIT: &str = "[Service]\nType=exec\nRuntimeDirectory=front\n\
    ExecStartPre=/bin/sh -c 'printf \"frontend f\\n mode tcp\\n bind 127.0.0.1:7480\\n timeout client 1s\\n\" >/run/front/front.cfg'\n\
    ExecStart=/usr/sbin/haproxy -db -f /run/front/front.cfg\nRestart=always\n[Install]\nWantedBy=multi-user.target\n";

/// Debian's own signature, index, package and maintainer scripts. `e2e_balancers` has them in `make test`.
#[test]
#[ignore = "fetches from a mirror, beside e2e_balancers: make test-long"]
fn haproxy_comes_from_debian_and_only_ours_runs() {
    assert_eq!(HAPROXY.id, ComponentId("front"));
    let (mirror, security) = of_this_machine();
    let cluster = Cluster::new("e2e-haproxy", 1);
    cluster.edit(|inventory| {
        let archive = PackageArchive { mirror: Some(mirror.clone()), security: Some(security.clone()), keyring: None };
        inventory.packages = BTreeMap::from([("debian".to_owned(), archive)]);
    });
    assert_eq!(cluster.try_on("n1", "dpkg-query -W haproxy 2>/dev/null").1, "", "the host does not have it");
    let session = open(&cluster, HAPROXY);
    let prepared = up(&session);
    let installed = packages(&prepared.found.plan);
    assert!(installed.iter().any(|package| package.starts_with("haproxy 2.")), "{installed:?}");
    assert_eq!(cluster.on("n1", "systemctl is-active front; ss -Hltn 'sport = :7480' | wc -l"), "active\n1\n");
    assert_eq!(
        cluster.try_on("n1", "systemctl is-active haproxy; systemctl is-enabled haproxy").1,
        "inactive\nmasked\n"
    );
    assert_eq!(cluster.on("n1", "journalctl -q -u haproxy -o cat | grep -c Started || :"), "0\n", "it never ran");
    let lock = Lock::read(&session.artifacts_lock()).unwrap();
    let pin = lock.packages.iter().find(|pin| pin.name == "haproxy").unwrap();
    assert!(Store::open_default().unwrap().has(&pin.locked().artifact()));
    assert_eq!(packages(&up(&session).found.plan), [""; 0]);
    take_back(&session);
    let left =
        "dpkg-query -W haproxy 2>/dev/null; ls /usr/sbin/haproxy /etc/systemd/system/haproxy.service 2>/dev/null";
    assert_eq!(cluster.try_on("n1", left).1, "");
}
