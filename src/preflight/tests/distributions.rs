//! What RHEL and its kin, SUSE and Ubuntu have otherwise than Debian.

use super::*;
use crate::facts::decide;

/// The findings with their remedies.
fn told(change: impl FnOnce(&mut HostFacts)) -> String {
    let cluster = cluster();
    let host = cluster.host("n1").unwrap();
    let mut facts = good(host);
    change(&mut facts);
    let findings = check(&Catalogue::standard(), &cluster, host, &facts);
    let shown = findings.iter().map(|f| format!("{} {:?}: {}\n  -> {}", f.check, f.severity, f.finding, f.remedy));
    shown.collect::<Vec<_>>().join("\n")
}

fn has(facts: &mut HostFacts, manager: &str, nft: &str) {
    facts.programs.remove("apt-get");
    facts.programs.insert(manager.into());
    facts.nft = Some(nft.parse().unwrap());
}

fn mode(facts: &HostFacts) -> ProxyMode {
    let cluster = cluster();
    decide(&Catalogue::standard(), &cluster, cluster.host("n1").unwrap(), facts).proxy_mode
}

#[test]
fn a_rhel_9_with_selinux_and_firewalld_and_few_packages() {
    let told = told(|facts| {
        facts.os.id = "rhel".into();
        has(facts, "dnf", "1.0.4");
        facts.selinux = true;
        facts.units.insert("firewalld.service".into(), unit("active"));
        for program in ["conntrack", "ip", "ss", "iptables"] {
            facts.programs.remove(program);
        }
    });
    insta::assert_snapshot!(told, @r"
    selinux Warn: SELinux is enforcing; containers and hostPath volumes may be refused
      -> `setenforce 0`, and `SELINUX=permissive` in /etc/selinux/config; or install container-selinux
    iptables Fail: there is no iptables program, which flannel runs
      -> `dnf install conntrack-tools iproute iptables`
    conntrack Warn: there is no conntrack program; kube-proxy works without it, people who look for lost connections do not
      -> `dnf install conntrack-tools iproute iptables`
    tools Fail: there is no ip program; addresses and routes are read with it
      -> `dnf install conntrack-tools iproute iptables`
    tools Warn: there is no ss program, so nobody looked at which ports are taken
      -> `dnf install conntrack-tools iproute iptables`
    firewall Warn: firewalld runs
      -> what the cluster needs is opened by `firewall-cmd --permanent --add-port=10250/tcp --add-port=8472/udp && firewall-cmd --permanent --zone=trusted --add-source=10.244.0.0/16 && firewall-cmd --reload`, once
    ");
}

/// The package manager says it, whatever the distribution calls itself.
#[test]
fn packages_are_asked_from_the_host() {
    let told = told(|facts| {
        facts.os.id = "debian".into();
        has(facts, "zypper", "1.0.8");
        facts.programs.remove("mount");
    });
    assert_eq!(
        told,
        "tools Fail: there is no mount program; the kubelet mounts volumes with it\n  -> `zypper install util-linux`"
    );
}

#[test]
fn an_ubuntu_with_resolved_and_ufw() {
    let told = told(|facts| {
        facts.os.id = "ubuntu".into();
        facts.nameservers = vec!["127.0.0.53".into()];
        facts.resolv_conf_link = Some("../run/systemd/resolve/stub-resolv.conf".into());
        facts.systemd_resolved = true;
        facts.ufw = true;
    });
    insta::assert_snapshot!(told, @r"
    firewall Warn: ufw is enabled
      -> what the cluster needs is opened by `ufw allow 10250/tcp && ufw allow 8472/udp && ufw allow from 10.244.0.0/16 && ufw route allow from 10.244.0.0/16 && ufw route allow to 10.244.0.0/16`, once
    ");
}

/// Ubuntu 20.04 and RHEL 8 have an nft that kube-proxy does not understand.
#[test]
fn an_old_nft_means_iptables_and_is_no_finding() {
    let mut old = good(cluster().host("n1").unwrap());
    old.nft = Some("0.9.3".parse().unwrap());
    assert_eq!(mode(&old), ProxyMode::Iptables);
    assert_eq!(told(|facts| facts.nft = old.nft.clone()), "");
    old.nft = Some("1.0.4".parse().unwrap());
    assert_eq!(mode(&old), ProxyMode::Nftables);
}

/// A master is opened for what others reach there, and no more: nobody but itself asks its etcd.
#[test]
fn only_ports_that_other_hosts_need_are_opened() {
    let cluster = cluster();
    let mut facts = good(cluster.host("m1").unwrap());
    facts.ufw = true;
    let of = |cluster: &Cluster| {
        let findings = check(&Catalogue::standard(), cluster, cluster.host("m1").unwrap(), &facts);
        findings.into_iter().find(|finding| finding.check == "firewall").unwrap().remedy
    };
    assert_eq!(of(&cluster), "what the cluster needs is opened by `ufw allow 6443/tcp`, once");
    let mut larger = cluster.clone();
    larger.hosts.push(example::host("m2", 12, &[Role::Etcd, Role::Master]));
    assert_eq!(of(&larger), "what the cluster needs is opened by `ufw allow 2379,2380,6443/tcp`, once");
}
