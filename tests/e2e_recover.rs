//! The operator's folder is lost, and comes back from the hosts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kbootstrap::inventory::Inventory;
use serde_json::json;

use crate::common::cluster::Cluster;
use crate::e2e_hosts as hosts;
use crate::e2e_life::no_secret_in;

/// Made by age-keygen, for tests only.
const RECIPIENT: &str = "age1vn3hj3yjmku3chqrdd3fvye6azrn3vy8at6cvn3jdn3vug0j8ggstph5cr";
const IDENTITY: &str = "AGE-SECRET-KEY-1D9U0MNRNQM70GU7LTRTD76AV3CCLA66A9C6ME0F83RGCY45GD7GSWPL9XU";

#[test]
fn a_lost_folder_comes_back() {
    let cluster = Cluster::new("e2e-recover", 1);
    cluster.edit(|inventory| inventory.recovery_key = Some(RECIPIENT.into()));
    assert!(cluster.up() > 50);
    a_lost_folder_is_found_on_the_hosts(&cluster);
}

/// The folder comes back whole, with the keys that only it had, and the cluster does not notice.
fn a_lost_folder_is_found_on_the_hosts(cluster: &Cluster) {
    cluster.kubectl(&["create", "secret", "generic", "from-before", "--from-literal=a=b"]);
    let token = cluster.kubectl(&["create", "token", "default"]);
    let before = hosts::lives(cluster);
    let (pki, kept) = (cluster.state().join("pki"), cluster.inventory().with_file_name("kept"));

    // Back from a backup of the CAs alone: nothing is made in the place of what the hosts have.
    fs::rename(&pki, &kept).unwrap();
    fs::create_dir(&pki).unwrap();
    for name in ["ca", "etcd-ca", "front-proxy-ca"] {
        for file in [format!("{name}.pem"), format!("{name}-key.pem")] {
            fs::copy(kept.join(&file), pki.join(&file)).unwrap();
        }
    }
    let files = || fs::read_dir(&pki).unwrap().count();
    for command in ["up", "plan"] {
        let refused = cluster.run(&[command]).exits(4);
        for file in ["sa.key", "encryption.key"] {
            let hint = format!("kbootstrap recover -i INVENTORY --only {file}");
            refused.check(refused.stderr.contains(&hint), "what is in use should be offered");
        }
        assert_eq!(files(), 6, "{command} has made something");
    }
    fs::remove_dir_all(&pki).unwrap();
    cluster.run(&["up"]).exits(4);
    assert!(!pki.join("ca.pem").exists());

    let identity = cluster.inventory().with_file_name("recovery.txt");
    fs::write(&identity, IDENTITY).unwrap();
    let args = ["recover", "-o", "json", "--identity", identity.to_str().unwrap()];
    let open = cluster.run(&args).exits(3);
    open.check(open.stderr.contains("can be read by others"), "the identity must be one's own");
    fs::set_permissions(&identity, PermissionsExt::from_mode(0o600)).unwrap();
    let recover = cluster.run(&args).ok();
    let report = recover.json();
    assert_eq!((&report["missing"], &report["issued"]), (&json!([]), &json!(["super-admin"])), "{report:#}");
    for name in ["etcd-ca-key.pem", "front-proxy-ca-key.pem", "sa.key", "encryption.key"] {
        assert!(fs::read(pki.join(name)).unwrap() == fs::read(kept.join(name)).unwrap(), "{name} is another");
    }
    no_secret_in(cluster, "what recover prints", &(recover.stdout + &recover.stderr));
    cluster.run(&["plan", "--exit-code"]).ok();
    assert_eq!(cluster.up(), 0);
    assert_eq!(hosts::restarted(&before, &hosts::lives(cluster)), Vec::<String>::new());
    assert_eq!(cluster.get(&["secret", "from-before"])["data"]["a"], "Yg==");
    assert!(cluster.takes_token(&token), "tokens from before are valid");
    nothing_but_a_masters_address(cluster, &kept, &identity);
}

/// On a machine that has nothing but the recovery key, and knows a master's address.
fn nothing_but_a_masters_address(cluster: &Cluster, kept: &Path, identity: &Path) {
    let (inventory, state) =
        (cluster.inventory().with_file_name("again.yaml"), cluster.inventory().with_file_name("again"));
    let known: Inventory = serde_saphyr::from_str(&fs::read_to_string(cluster.inventory()).unwrap()).unwrap();
    let ssh = known.ssh;
    let (known_hosts, key) = (ssh.known_hosts.unwrap(), ssh.keys[0].clone());
    let address = cluster.address("n1");
    let args = [
        "recover",
        "--host",
        &address,
        "-i",
        inventory.to_str().unwrap(),
        "--state",
        state.to_str().unwrap(),
        "--known-hosts",
        known_hosts.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
        "--identity",
        identity.to_str().unwrap(),
    ];
    cluster.run(&args).ok();
    assert_eq!(fs::read_to_string(&inventory).unwrap(), fs::read_to_string(cluster.inventory()).unwrap());
    for name in ["pki/etcd-ca-key.pem", "pki/ca-key.pem", "pki/encryption.key"] {
        let before = kept.join(name.trim_start_matches("pki/"));
        assert!(fs::read(state.join(name)).unwrap() == fs::read(before).unwrap(), "{name} is another");
    }
    let own = ["-i", inventory.to_str().unwrap(), "--state", state.to_str().unwrap()];
    cluster.run(&[&["plan"][..], &own].concat()).ok();
    // Again it changes nothing, and over another inventory it does not go.
    cluster.run(&args).ok();
    fs::write(&inventory, "cluster: other\n").unwrap();
    let refused = cluster.run(&args).exits(3);
    refused.check(refused.stderr.contains("differs from the record; nothing was written"), "it should be refused");
}
