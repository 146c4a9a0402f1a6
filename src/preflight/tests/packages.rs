//! Packages of the distribution, for a component that does not exist.

use crate::cluster::{Cluster, Role, example};
use crate::components::{Catalogue, ComponentSpec, PackageSpec};
use crate::facts::{Disk, HostFacts, PackageFact, PackageManager, PackageState};
use crate::preflight::{Finding, check};

const FRONT: ComponentSpec = ComponentSpec {
    role: Some(Role::Master),
    runs_on: |_, host| host.is(Role::Master),
    packages: |_| {
        vec![PackageSpec {
            name: "haproxy",
            program: |layout| format!("{}/haproxy", layout.sbin),
            units: &["haproxy.service"],
            least: (2, 4),
        }]
    },
    ..ComponentSpec::named("front")
};

/// What is found on a master that must have haproxy.
pub fn found(change: impl FnOnce(&mut HostFacts)) -> Vec<Finding> {
    let mut catalogue = Catalogue::standard();
    catalogue.components.push(FRONT);
    let cluster =
        Cluster { hosts: vec![example::host("m1", 11, &[Role::Etcd, Role::Master])], ..example::cluster("1.36.3") };
    let mut facts = HostFacts::default_host();
    change(&mut facts);
    let findings = check(&catalogue, &cluster, cluster.host("m1").unwrap(), &facts);
    findings.into_iter().filter(|finding| finding.check == "packages").collect()
}

/// A finding of every sort.
pub fn examples() -> Vec<Finding> {
    use PackageState::{Installed, Unfinished};
    let rpm = |facts: &mut HostFacts| {
        facts.packages.manager = Some(PackageManager::Rpm);
        facts.programs.remove("apt-get");
        facts.programs.insert("dnf".into());
    };
    let full = |facts: &mut HostFacts| {
        let disk = Disk { free: 100_000_000, size: 1 << 40, free_inodes: None, inodes: 0 };
        facts.disks.insert("/usr/sbin".into(), disk);
    };
    [
        found(|facts| has(facts, "2.2.9-2+deb11u6", Installed, true)),
        found(|facts| has(facts, "2.6.12-1", Installed, false)),
        found(|facts| has(facts, "2.6.12-1", Unfinished, true)),
        found(|facts| facts.packages.programs.extend(["/usr/sbin/haproxy".to_owned()])),
        found(rpm),
        found(full),
    ]
    .concat()
}

fn told(findings: Vec<Finding>) -> String {
    findings
        .iter()
        .map(|f| format!("{:?}: {}\n  -> {}", f.severity, f.finding, f.remedy))
        .collect::<Vec<_>>()
        .join("\n")
}

fn has(facts: &mut HostFacts, version: &str, state: PackageState, program: bool) {
    let fact = PackageFact { arch: "amd64".into(), version: version.into(), state };
    facts.packages.known.insert("haproxy".into(), fact);
    facts.packages.programs.extend(program.then(|| "/usr/sbin/haproxy".to_owned()));
}

#[test]
fn what_can_be_installed_is_no_finding_and_what_cannot_is_named() {
    assert_eq!(told(found(|_| {})), "", "it is brought");
    assert_eq!(told(found(|facts| has(facts, "2.6.12-1", PackageState::Installed, true))), "");
    insta::assert_snapshot!(told(examples()), @"
    Fail: package haproxy is 2.2.9-2+deb11u6, and 2.4 or newer is needed
      -> `apt-get install haproxy` brings what the distribution has; else a newer release of the distribution
    Fail: package haproxy 2.6.12-1 is installed, and /usr/sbin/haproxy is not there
      -> install it again: `apt-get install --reinstall haproxy`
    Fail: package haproxy is unpacked and not configured: dpkg was interrupted, or failed
      -> `dpkg --configure -a`, then `apt-get -f install`
    Fail: /usr/sbin/haproxy is there, and no package haproxy that it is of: installing that would replace it
      -> move it away, or have the package bring it: `apt-get install haproxy`
    Fail: the package is not there: haproxy; only on Debian, Ubuntu and their kin are they brought
      -> `dnf install haproxy`
    Fail: 100 MB are free at /usr/sbin, and 314 MB are needed to install haproxy
      -> delete what nobody needs: `apt-get clean`, `journalctl --vacuum-size=50M`
    ");
}
