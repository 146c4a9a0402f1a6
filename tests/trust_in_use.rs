//! What hosts have in use is neither replaced by something new nor by somebody else's: the folder after each sort of loss,
//! against a host that runs with what the whole folder had.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kbootstrap::cluster::Role;
use kbootstrap::components::Catalogue;
use kbootstrap::facts::HostFacts;
use kbootstrap::pki::{Key, KeyKind};
use kbootstrap::trust::{self, Trust};
use kbootstrap::ui::Silent;
use time::OffsetDateTime;

use crate::trust_bundles::{desired, holds};
use crate::trust_folder::{Folder, cluster, foreign_ca};

const SA: &str = "/etc/kubernetes/pki/sa.key";
const SA_PUBLIC: &str = "/etc/kubernetes/pki/sa.pub";

/// A folder, and what its master answers.
fn running(settings: &str) -> (Folder, HostFacts) {
    let folder = Folder::filled();
    let trust = folder.ensure(settings).unwrap();
    let facts = holds(&desired(&trust, settings).hosts["m1"], &cluster(settings).hosts[0]);
    (folder, facts)
}

/// What is said of the folder and the host; nothing where they fit.
fn said(folder: &Folder, facts: &HostFacts) -> String {
    let files = || fs::read_dir(folder.dir.path()).unwrap().count() + fs::read_dir(folder.pki("")).unwrap().count();
    let before = files();
    let facts = BTreeMap::from([("m1".to_owned(), facts.clone())]);
    let trust = folder.look("");
    assert_eq!(files(), before, "who looks writes nothing");
    let fits = |trust: Trust| trust.in_use(&cluster(""), folder.dir.path(), &facts);
    match trust.and_then(fits) {
        Ok(()) => String::new(),
        Err(error) => folder.shown(&error).replace(&folder.dir.path().display().to_string(), "clusters/prod"),
    }
}

#[test]
fn a_whole_folder_and_a_bare_host_fit() {
    let (folder, facts) = running("");
    assert_eq!(said(&folder, &facts), "");
    assert_eq!(said(&folder, &HostFacts::default_host()), "");
    let empty = Folder::new();
    fs::create_dir(empty.pki("")).unwrap();
    assert_eq!(said(&empty, &HostFacts::default_host()), "", "all is to be made");
}

/// The folder came back from a backup of the CAs.
#[test]
fn keys_that_a_host_has_are_not_made_again_and_all_of_them_are_named() {
    let (folder, facts) = running("");
    folder.remove(&["sa.key", "sa.pub", "encryption.key", "generated.json"]);
    insta::assert_snapshot!(said(&folder, &facts), @r"
    error: pki/sa.key is not there, and hosts have it in use
      m1 (/etc/kubernetes/pki/sa.key)
    hint: `kbootstrap recover -i INVENTORY --only sa.key` takes it from there

    error: pki/encryption.key is not there, and hosts have it in use
      m1 (/etc/kubernetes/encryption.yaml)
    hint: `kbootstrap recover -i INVENTORY --only encryption.key` takes it from there

    2 errors
    ");
    // With the record of what was made here it is the same.
    let (folder, facts) = running("");
    folder.remove(&["sa.key", "encryption.key"]);
    assert!(said(&folder, &facts).contains("hosts have it in use"));
    insta::assert_snapshot!(said(&folder, &HostFacts::default_host()), @r"
    error: pki/sa.key was made here and is gone: with a new one no service account's token would be valid any more
    hint: bring it back from your backup of the cluster's folder
    hint: if the cluster never ran, or is to start over, take sa.key out of generated.json beside it

    error: pki/encryption.key was made here and is gone: with a new one the Secrets of a running cluster could not be read
    hint: bring it back from your backup of the cluster's folder
    hint: if the cluster never ran, or is to start over, take encryption.key out of generated.json beside it

    2 errors
    ");
}

#[test]
fn cas_that_hosts_trust_are_not_made_again() {
    let (folder, facts) = running("");
    for name in ["ca", "etcd-ca", "front-proxy-ca"] {
        folder.remove(&[&format!("{name}.pem"), &format!("{name}-key.pem")]);
    }
    insta::assert_snapshot!(said(&folder, &facts), @r"
    error: pki/ca.pem is not there, and hosts have this CA in use
      m1 (/etc/kubernetes/pki/ca.crt)
    hint: with a new CA nothing in the cluster would trust anything else
    hint: `kbootstrap recover -i INVENTORY --only ca.pem --only ca-key.pem` takes it from there
    hint: or bring it back from your backup of the cluster's folder

    error: pki/etcd-ca.pem is not there, and hosts have this CA in use
      m1 (/etc/etcd/pki/ca.crt)
    hint: with a new CA nothing in the cluster would trust anything else
    hint: `kbootstrap recover -i INVENTORY --only etcd-ca.pem` takes it from there
    hint: or bring it back from your backup of the cluster's folder

    error: pki/front-proxy-ca.pem is not there, and hosts have this CA in use
      m1 (/etc/kubernetes/pki/front-proxy-ca.crt)
    hint: with a new CA nothing in the cluster would trust anything else
    hint: `kbootstrap recover -i INVENTORY --only front-proxy-ca.pem` takes it from there
    hint: or bring it back from your backup of the cluster's folder

    3 errors
    ");
    // Certificates that count as a person's own are not what is wrong.
    folder.remove(&["generated.json"]);
    assert!(said(&folder, &facts).starts_with("error: pki/ca.pem is not there"), "{}", said(&folder, &facts));
}

#[test]
fn the_signing_key_is_offered_where_a_host_has_it() {
    let (folder, facts) = running("");
    folder.remove(&["ca-key.pem"]);
    insta::assert_snapshot!(said(&folder, &facts), @r"
    error: pki/ca-key.pem is not there, and hosts have it in use
      m1 (/etc/kubernetes/pki/ca.key)
    hint: `kbootstrap recover -i INVENTORY --only ca-key.pem` takes it from there
    ");
    insta::assert_snapshot!(said(&folder, &HostFacts::default_host()), @r"
    error: CA ca: its key pki/ca-key.pem is not there
    hint: the controller manager signs kubelets' renewed certificates with it
    ");
    let mut gone = facts;
    gone.files.remove("/etc/kubernetes/pki/ca.key");
    assert!(said(&folder, &gone).contains("its key pki/ca-key.pem is not there"));
}

#[test]
fn another_service_account_key_is_refused_and_the_same_one_written_otherwise_is_not() {
    let (folder, facts) = running("");
    let (key, public) = (folder.read("sa.key"), folder.read("sa.pub"));
    let other = Key::generate(KeyKind::EcdsaP256).unwrap();
    fs::write(folder.pki("sa.key"), other.to_pem().expose()).unwrap();
    assert!(said(&folder, &facts).contains("pki/sa.pub does not hold the public key of sa.key"));
    folder.remove(&["sa.pub"]);
    insta::assert_snapshot!(said(&folder, &facts), @r"
    error: hosts sign service accounts' tokens with another key than pki/sa.key
      m1: /etc/kubernetes/pki/sa.key
    hint: with this one no service account's token would be valid any more
    hint: when the cluster runs, this is not its key: is --state right, or is there a backup of the folder?
    ");

    let same = Key::from_pem(key.as_bytes(), "sa.key").unwrap();
    fs::write(folder.pki("sa.key"), same.to_pkcs8_pem().expose()).unwrap();
    fs::write(folder.pki("sa.pub"), &public).unwrap();
    assert_eq!(said(&folder, &facts), "", "the public key tells");
    // Either of the two on the host may be damaged, and is mended.
    fs::write(folder.pki("sa.key"), &key).unwrap();
    let mut damaged = facts.clone();
    damaged.certificates.insert(SA_PUBLIC.into(), "junk".into());
    assert_eq!(said(&folder, &damaged), "");
    let mut damaged = facts.clone();
    damaged.files.get_mut(SA).unwrap().sha256 = "0".repeat(64);
    assert_eq!(said(&folder, &damaged), "");
    damaged.certificates.remove(SA_PUBLIC);
    assert!(said(&folder, &damaged).contains("with another key"), "nothing proves that it is ours");
    // Several public keys: tokens of an earlier key are accepted too.
    let both = other.public().to_pem() + &public;
    fs::write(folder.pki("sa.pub"), &both).unwrap();
    let mut two = facts;
    two.certificates.insert(SA_PUBLIC.into(), both);
    assert_eq!(said(&folder, &two), "");
}

#[test]
fn keys_of_encryption_stay_under_their_names_and_further_ones_may_come() {
    let (folder, mut facts) = running("");
    let first = STANDARD.encode(fs::read(folder.pki("encryption.key")).unwrap());
    let second = STANDARD.encode([8; 32]);
    let with = |text: String| {
        fs::write(folder.pki("encryption.key"), text).unwrap();
        said(&folder, &facts)
    };
    assert_eq!(with(format!("key1 {first}\n")), "");
    assert_eq!(with(format!("key2 {second}\nkey1 {first}\n")), "", "a further one that writes");
    assert_eq!(with(format!("key1 {first}\nkey2 {second}\n")), "", "a further one that reads");
    let refused = [with(format!("key1 {second}\n")), with(format!("key2 {first}\n")), with(format!("key2 {second}\n"))];
    assert!(refused.iter().all(|text| !text.contains(&first) && !text.contains(&second)));
    insta::assert_snapshot!(refused.join("\n"), @r"
    error: hosts encrypt Secrets with other keys than those in pki/encryption.key
      m1: /etc/kubernetes/encryption.yaml: key1: another key of this name
    hint: without them the Secrets of a running cluster could not be read
    hint: a further key is added as a line of its own; those that are in use stay, under their names

    error: hosts encrypt Secrets with other keys than those in pki/encryption.key
      m1: /etc/kubernetes/encryption.yaml: key1: a key that is not in the folder
    hint: without them the Secrets of a running cluster could not be read
    hint: a further key is added as a line of its own; those that are in use stay, under their names

    error: hosts encrypt Secrets with other keys than those in pki/encryption.key
      m1: /etc/kubernetes/encryption.yaml: key1: a key that is not in the folder
    hint: without them the Secrets of a running cluster could not be read
    hint: a further key is added as a line of its own; those that are in use stay, under their names
    ");
    fs::write(folder.pki("encryption.key"), format!("key1 {first}\n")).unwrap();
    let read_only =
        |name: &str, sha256: &str| kbootstrap::facts::EncryptionKeyFact { name: name.into(), sha256: sha256.into() };
    facts.encryption_keys.push(read_only("key0", "of another"));
    assert_eq!(said(&folder, &facts), "", "whether it is needed, etcd says");
    facts.encryption_keys.push(read_only("kms", ""));
    assert!(said(&folder, &facts).contains("kms: a key that cannot be compared"));
    facts.encryption_keys.clear();
    assert_eq!(said(&folder, &facts), "", "an empty file holds no key");
    facts.encryption_keys.push(kbootstrap::facts::EncryptionKeyFact { name: "kms".into(), sha256: String::new() });
    assert!(said(&folder, &facts).contains("kms: a key that cannot be compared"));
}

#[test]
fn switching_encryption_off_and_on_is_no_other_key() {
    let (folder, _) = running("");
    for settings in ["encryptSecrets: false\n", "encryptSecrets: true\n"] {
        let trust = folder.ensure(settings).unwrap();
        let facts = holds(&desired(&trust, settings).hosts["m1"], &cluster(settings).hosts[0]);
        assert_eq!(facts.encryption_keys.len(), 1);
        assert_eq!(said(&folder, &facts), "");
    }
}

#[test]
fn a_folder_of_another_cluster_is_refused_whole() {
    let (_, facts) = running("");
    let other = Folder::filled();
    let text = said(&other, &facts);
    for part in ["hosts have other CAs", "with another key than pki/sa.key", "key1: another key of this name"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // One CA of somebody else's.
    let (folder, facts) = running("");
    let (certificate, key) = foreign_ca("etcd-ca", folder.now);
    fs::write(folder.pki("etcd-ca.pem"), certificate).unwrap();
    fs::write(folder.pki("etcd-ca-key.pem"), key).unwrap();
    assert!(said(&folder, &facts).contains("m1: /etc/etcd/pki/ca.crt"));
}

/// A node that is in others' hands says that it holds what only masters hold, and other than the folder does.
#[test]
fn what_a_node_says_of_masters_secrets_counts_for_nothing() {
    let (folder, mut lies) = running("");
    lies.files.get_mut(SA).unwrap().sha256 = "0".repeat(64);
    lies.certificates.insert(SA_PUBLIC.into(), Key::generate(KeyKind::EcdsaP256).unwrap().public().to_pem());
    lies.encryption_keys[0].sha256 = "0".repeat(64);
    // The same words of the host as a master and as a node.
    let said = |folder: &Folder, role: Role| {
        let mut cluster = cluster("");
        cluster.hosts[0].roles = [role].into();
        let trust =
            trust::look(&Catalogue::standard(), &cluster, folder.dir.path(), OffsetDateTime::now_utc(), &Silent);
        let facts = BTreeMap::from([("m1".to_owned(), lies.clone())]);
        let fits = trust.and_then(|trust| trust.in_use(&cluster, folder.dir.path(), &facts));
        fits.map_or_else(|error| folder.shown(&error), |()| String::new())
    };
    assert_eq!(said(&folder, Role::Node), "");
    for words in ["sign service accounts' tokens with another key", "encrypt Secrets with other keys"] {
        let text = said(&folder, Role::Master);
        assert!(text.contains(words), "{text}");
    }
    folder.remove(&["sa.key", "sa.pub", "encryption.key", "ca.pem", "ca-key.pem", "generated.json"]);
    let text = said(&folder, Role::Node);
    assert!(!text.contains("in use"), "{text}");
    assert!(said(&folder, Role::Master).contains("hosts have this CA in use"));
}
