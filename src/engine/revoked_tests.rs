//! Who was revoked, by records of several places.

use super::agreed::disagreement;
use super::revocation::{Asked, leave_out, with_secrets};
use crate::cluster::{Revoked, example};
use crate::components::Catalogue;
use crate::live::Live;
use crate::plan::{ClusterChange, Revocation};
use crate::record::{Record, RecordedInventory, Signature};

fn signature(written: &str) -> Signature {
    Signature { written: written.into(), by: "ann@desk".into() }
}

fn revoked(name: &str, secrets: &[&str]) -> Revoked {
    Revoked {
        name: name.into(),
        address: None,
        users: vec![format!("system:node:{name}")],
        secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect(),
        since: "2026-01-01T00:00:00Z".into(),
        by: "ann@desk".into(),
    }
}

fn record(written: &str, names: &[&str]) -> Record {
    let inventory = RecordedInventory::new("c.yaml", "", Default::default());
    let signature = signature(written);
    let record = Record::new(&example::cluster("1.36.3"), inventory, String::new(), signature);
    Record { revoked: names.iter().map(|name| revoked(name, &[])).collect(), ..record }
}

const OLD: &str = "2026-01-01T00:00:00Z";
const NEW: &str = "2026-01-02T00:00:00Z";
const NEWEST: &str = "2026-01-03T00:00:00Z";

/// What is said where the folder has revoked `ours` and records say this.
fn said(ours: &[&str], records: &[(&str, Record)]) -> Vec<String> {
    let mut cluster = example::cluster("1.36.3");
    cluster.revoke(ours.iter().map(|name| revoked(name, &[])).collect());
    let records = records.iter().map(|(place, record)| ((*place).to_owned(), record.clone())).collect();
    let errors = disagreement(&cluster, None, &records, record(OLD, ours).written_at());
    errors.iter().map(|error| format!("{}; {}", error.message, error.details.join(", "))).collect()
}

#[test]
fn one_masters_newer_record_does_not_hide_who_was_revoked() {
    let hidden = said(&[], &[("m1", record(NEW, &["n1"])), ("m2", record(NEWEST, &[]))]);
    assert_eq!(hidden.len(), 1);
    assert!(hidden[0].starts_with("n1 was revoked on") && hidden[0].ends_with("by the record of m1"), "{hidden:?}");
    let old = said(&[], &[("m1", record(OLD, &["n1"]))]);
    assert!(old.is_empty(), "it was let in here since: {old:?}");
}

#[test]
fn one_masters_record_alone_lets_nobody_in() {
    assert!(said(&["n1"], &[("m1", record(OLD, &["n1"])), ("m2", record(NEWEST, &[]))]).is_empty());
    assert!(said(&["n1"], &[("m1", record(NEW, &["n1"])), ("m2", record(NEWEST, &[]))]).is_empty());
    let undone = said(&["n1"], &[("m1", record(NEW, &[])), ("m2", record(NEW, &[]))]);
    assert_eq!(undone, ["n1 was let in again, which this folder does not know yet; by the record of m1, m2"]);
}

#[test]
fn what_a_lost_host_could_read_is_remembered() {
    let live = Live {
        records: [("m1".to_owned(), Record { revoked: vec![revoked("n1", &["a/b"])], ..record(OLD, &[]) })].into(),
        ..Live::default()
    };
    let found = Revocation { host: "n1".into(), secrets: vec!["c/d".into()], ..Revocation::default() };
    let other = Revocation { host: "n2".into(), secrets: vec!["x/y".into()], ..Revocation::default() };
    let changes = [found, other].map(|one| ClusterChange::Revoke(Box::new(one)));
    let all = with_secrets(&[revoked("n1", &["e/f"])], &live, &changes);
    assert_eq!(all[0].secrets, ["a/b", "c/d", "e/f"]);
    assert_eq!(with_secrets(&all, &Live::default(), &[]), all, "its pods are gone");
}

#[test]
fn who_is_revoked_again_is_refused_under_users_that_were_not_known_then() {
    let (catalogue, mut cluster) = (Catalogue::standard(), example::cluster("1.36.3"));
    let asked = Asked::Revoke("n1".into());
    leave_out(&catalogue, &mut cluster, Some(&record(OLD, &["n1"])), Some(&asked), signature(NEW)).unwrap();
    assert_eq!(cluster.revoked.len(), 1);
    assert_eq!(cluster.revoked[0].users, ["system:node:n1", "kube-proxy:n1", "flannel:n1"]);
}
