//! A host that only a jump host can reach, as most sites have them.

use std::fs;

use crate::common::cluster::Cluster;

#[test]
fn a_host_behind_a_bastion_is_reached_through_it() {
    let cluster = Cluster::new("e2e-bastion", 2);
    let (bastion, inner) = (cluster.address("n1"), cluster.address("n2"));
    // Nobody but the bastion gets through to its SSH server, this machine least of all.
    cluster.on(
        "n2",
        &format!(
            "nft 'add table inet site'\n\
             nft 'add chain inet site input {{ type filter hook input priority 0; }}'\n\
             nft 'add rule inet site input tcp dport 22 ip saddr != {bastion} ct state new drop'\n"
        ),
    );
    cluster.edit(|inventory| inventory.ssh.connect_timeout = Some(4));
    cluster.run(&["check", "--ssh-config", "none"]).exits(5).says(&format!("n2: cannot connect to {inner}:22"));

    let (mut key, mut known) = (String::new(), String::new());
    cluster.edit(|inventory| {
        key = inventory.ssh.keys[0].display().to_string();
        known = inventory.ssh.known_hosts.as_ref().unwrap().display().to_string();
    });
    let config = cluster.inventory().with_file_name("ssh_config");
    let text = format!(
        "Host bastion\n HostName {bastion}\n User root\n IdentityFile {key}\n UserKnownHostsFile {known}\n\
         Host {inner}\n ProxyJump bastion\n"
    );
    fs::write(&config, text).unwrap();
    cluster.run(&["check", "--ssh-config", "ssh_config"]).ok();
    cluster.run(&["up", "--yes", "--ssh-config", "ssh_config"]).ok();
    let status = cluster.run(&["status", "-o", "json", "--ssh-config", "ssh_config"]).ok();
    status.check(status.json()["healthy"] == true, "the cluster should be healthy");
}
