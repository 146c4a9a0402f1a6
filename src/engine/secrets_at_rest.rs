//! How Secrets lie in etcd against what the inventory asks, and how they come to be so without one of them being
//! unreadable for anybody at any time.
//!
//! An API server reads its configuration of encryption again by itself, each in its own minute. So a key is used only when
//! all of them know it, and Secrets are written again only when all of them write as asked. What an API server has
//! read is recorded on its host: a run that died before is noticed by the next.

use std::collections::{BTreeMap, BTreeSet};

use super::retired_keys;
use crate::cluster::{Cluster, Host, Role};
use crate::components::kube_apiserver;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::facts::HostFacts;
use crate::health::{Asked, AtRest, Written};
use crate::live::Live;
use crate::plan::{ClusterChange, Encryption};
use crate::render::encryption_configuration;
use crate::secret::Secret;
use crate::state::EncryptionKey;
use crate::trust::Trust;

/// Flags that make Secrets in etcd somebody else's matter.
const THEIR_OWN: [&str; 2] = ["encryption-provider-config", "etcd-prefix"];

/// How Secrets come to lie as asked.
#[derive(Default)]
pub(super) struct Look {
    /// What API servers are to have.
    pub(super) encryption: Encryption,
    /// Secrets that are to be written again.
    pub(super) change: Option<ClusterChange>,
    /// Names of keys that go from the API servers.
    pub(super) retired: Vec<String>,
}

/// What is to be done, as far as etcd can be asked. A key in use that the cluster's folder does not have is refused.
pub(super) fn look(cluster: &Cluster, trust: &Trust, facts: &BTreeMap<String, HostFacts>, live: &Live) -> Result<Look> {
    let keys = trust.encryption_keys();
    let Some(writes) = keys.first().filter(|_| is_ours(cluster)) else { return Ok(Look::default()) };
    let key = cluster.encrypt_secrets.then(|| writes.name.clone());
    let masters = masters(cluster, facts);
    let wanted = sha256(encryption_configuration(keys, cluster.encrypt_secrets).expose());
    let unread =
        masters.iter().filter(|(_, has)| has.read != Some(&*wanted)).map(|(name, _)| (*name).to_owned()).collect();
    let running: Vec<&Has<'_>> = masters.iter().filter(|(_, has)| has.runs).map(|(_, has)| has).collect();
    // Where no member answers nothing is known, as with objects.
    let all = live.members.values().find_map(|members| members.secrets.as_ref());
    let retired = retired_keys::retired(keys, &masters, all)?;
    let none = AtRest::default();
    let all = all.unwrap_or(&none);
    known(all, keys)?;
    // A key that Secrets are encrypted with is known to all API servers, or nobody would have written with it.
    let in_use = all.secrets.contains_key(&Written::Secretbox(writes.name.clone()));
    let first = if in_use { None } else { first(keys, cluster.encrypt_secrets, &running) };
    let count = all.not_as(key.as_deref().map_or(Asked::Plain, Asked::Key)).len();
    let change = (count > 0).then_some(ClusterChange::RewriteSecrets { count, encrypt: cluster.encrypt_secrets });
    Ok(Look { encryption: Encryption { key, unread, first }, change, retired })
}

/// Whoever configures encryption by flags of their own does it by hand.
fn is_ours(cluster: &Cluster) -> bool {
    cluster.with_role(Role::Master).all(|host| {
        let settings = host.settings(kube_apiserver::ID.0);
        settings.is_none_or(|settings| !THEIR_OWN.iter().any(|flag| settings.flags.contains_key(*flag)))
    })
}

fn runs(facts: Option<&HostFacts>, program: &str) -> bool {
    let unit = facts.and_then(|facts| facts.units.get(&format!("{program}.service")));
    unit.is_some_and(|unit| unit.active == "active")
}

/// Without the key nobody can read these Secrets: the API servers must keep it.
fn known(all: &AtRest, keys: &[EncryptionKey]) -> Result<()> {
    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    let errors = all.with_other_keys(&names).into_iter().map(|(key, count)| {
        Error::pki(format!(
            "{count} of the Secrets in etcd are encrypted with {key}, which encryption.key does not have"
        ))
        .hint(format!("put {key} back into it, behind the key that is to write: it can go when none is left"))
    });
    Error::all(errors)
}

/// What a master has.
#[derive(Debug, Clone, Default)]
pub(super) struct Has<'a> {
    /// Its API server runs.
    pub(super) runs: bool,
    /// SHA-256 of the file that lies there.
    pub(super) lies: Option<&'a str>,
    /// Names of the keys in it, in its order.
    pub(super) keys: Vec<&'a str>,
    /// SHA-256 of what its API server was last seen to have read, where that is recorded.
    pub(super) read: Option<&'a str>,
}

fn masters<'a>(cluster: &'a Cluster, facts: &'a BTreeMap<String, HostFacts>) -> Vec<(&'a str, Has<'a>)> {
    let (config, record) = (cluster.layout.encryption(), cluster.layout.encryption_read());
    let has = |host: &'a Host| {
        let facts = facts.get(&host.name);
        let lies = facts.and_then(|facts| facts.files.get(&config)).map(|file| file.sha256.as_str());
        // The record holds a hash, and what is known of it is the hash of that.
        let recorded = facts.and_then(|facts| facts.files.get(&record));
        let read = lies.filter(|lies| recorded.is_some_and(|file| file.sha256 == record_sha256(lies)));
        let keys = facts.map(|facts| facts.encryption_keys.iter().map(|key| key.name.as_str()).collect());
        let has = Has { runs: runs(facts, kube_apiserver::ID.0), lies, keys: keys.unwrap_or_default(), read };
        (host.name.as_str(), has)
    };
    cluster.with_role(Role::Master).map(has).collect()
}

/// SHA-256 of the record that this configuration was read.
fn record_sha256(config: &str) -> String {
    sha256(format!("{config}\n").as_bytes())
}

/// What the API servers that run must all have read first; none where each can read at once what any of them writes.
fn first(keys: &[EncryptionKey], encrypt: bool, running: &[&Has<'_>]) -> Option<Secret> {
    let wanted = encryption_configuration(keys, encrypt);
    let wanted_sha256 = sha256(wanted.expose());
    // What is written in plain everybody reads, and a single API server reads what it writes.
    if !encrypt || running.len() < 2 || running.iter().all(|has| has.lies == Some(&*wanted_sha256)) {
        return None;
    }
    let known: Vec<Option<Order>> = running.iter().map(|has| order(keys, has)).collect();
    let all_know = |key: usize| known.iter().all(|order| order.as_ref().is_some_and(|order| order.keys.contains(&key)));
    if all_know(0) {
        return None;
    }
    // They go on writing as they do, and learn the others. Where it is not known how, they write in plain meanwhile.
    let order =
        known.iter().flatten().find(|order| !order.encrypt || order.keys.first().is_some_and(|key| all_know(*key)));
    let (mut places, encrypts) = order.map_or((Vec::new(), false), |order| (order.keys.clone(), order.encrypt));
    places.extend((0..keys.len()).filter(|key| !places.contains(key)).collect::<BTreeSet<_>>());
    let ordered: Vec<EncryptionKey> = places.into_iter().map(|key| keys[key].clone()).collect();
    Some(encryption_configuration(&ordered, encrypts))
}

/// Places of keys in the order in which a configuration has them, and whether the first of them writes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    keys: Vec<usize>,
    encrypt: bool,
}

/// In which order a master has our keys. Of several it must be known that its API server has read that file.
fn order(keys: &[EncryptionKey], has: &Has<'_>) -> Option<Order> {
    let lies = has.lies.filter(|lies| keys.len() == 1 || has.read == Some(lies))?;
    let place = |name: &&str| keys.iter().position(|key| key.name == **name);
    let places: Vec<usize> = has.keys.iter().map(place).collect::<Option<_>>()?;
    let ordered: Vec<EncryptionKey> = places.iter().map(|place| keys[*place].clone()).collect();
    // Whether the first key or nothing writes is seen by trying.
    let encrypt = [true, false]
        .into_iter()
        .find(|encrypt| sha256(encryption_configuration(&ordered, *encrypt).expose()) == lies)?;
    Some(Order { keys: places, encrypt })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<EncryptionKey> {
        names
            .iter()
            .map(|name| EncryptionKey { name: (*name).into(), secret: Secret::new([name.as_bytes()[0]; 32]) })
            .collect()
    }

    /// A configuration with these keys, and the master that has it.
    struct Lies<'a>(&'a [&'a str], String);

    fn lies<'a>(names: &'a [&'a str], encrypt: bool) -> Lies<'a> {
        Lies(names, sha256(encryption_configuration(&keys(names), encrypt).expose()))
    }

    fn has<'a>(Lies(names, config): &'a Lies<'_>, read: bool) -> Has<'a> {
        Has { runs: true, lies: Some(config), keys: names.to_vec(), read: read.then_some(config) }
    }

    /// What masters that have read these must read first, as the names in its order, `-` for plain before them.
    fn before(wanted: &[&str], encrypt: bool, masters: &[Has<'_>]) -> String {
        let masters: Vec<&Has<'_>> = masters.iter().collect();
        let Some(text) = first(&keys(wanted), encrypt, &masters) else { return String::new() };
        let text = String::from_utf8(text.expose().to_vec()).unwrap();
        let words = text.lines().filter_map(|line| match line.trim() {
            "- identity: {}" => Some("-"),
            other => other.strip_prefix("- name: "),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn encryption_switched_on_or_off_needs_no_step_before_it() {
        let (on, off) = (lies(&["a"], true), lies(&["a"], false));
        assert_eq!(before(&["a"], true, &[has(&off, false), has(&off, true)]), "");
        assert_eq!(before(&["a"], false, &[has(&on, true), has(&on, true)]), "");
    }

    #[test]
    fn a_new_key_is_known_to_all_before_it_writes() {
        let old = lies(&["a"], true);
        assert_eq!(before(&["b", "a"], true, &[has(&old, true), has(&old, true)]), "a b -");
        assert_eq!(before(&["b", "a"], true, &[has(&old, true)]), "", "nobody else reads what it writes");
        let learnt = lies(&["a", "b"], true);
        assert_eq!(before(&["b", "a"], true, &[has(&learnt, true), has(&learnt, true)]), "");
        assert_eq!(before(&["b", "a"], true, &[has(&learnt, true), has(&old, true)]), "a b -", "a run that died");
        let plain = lies(&["a"], false);
        assert_eq!(before(&["b", "a"], true, &[has(&plain, true), has(&plain, true)]), "- a b");
    }

    #[test]
    fn what_is_not_known_to_be_read_is_not_relied_on() {
        let (old, learnt) = (lies(&["a"], true), lies(&["a", "b"], true));
        assert_eq!(before(&["b", "a"], true, &[has(&learnt, true), has(&learnt, false)]), "- b a");
        let foreign = Lies(&["a"], "0".repeat(64));
        assert_eq!(before(&["b", "a"], true, &[has(&old, true), has(&foreign, true)]), "- b a");
    }

    #[test]
    fn keys_in_use_stay() {
        let mut all = AtRest::default();
        assert!(known(&all, &keys(&["b"])).is_ok());
        all.secrets.insert(Written::Secretbox("a".into()), vec!["default/x".into(), "default/y".into()]);
        assert!(known(&all, &keys(&["b", "a"])).is_ok());
        let error = known(&all, &keys(&["b"])).unwrap_err();
        insta::assert_snapshot!(error, @"2 of the Secrets in etcd are encrypted with a, which encryption.key does not have");
    }
}
