//! Hosts that were lost: what a session leaves out of the cluster, and what is still to be done about them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::held::{held, own_users};
use super::session::Session;
use crate::access::ApiAccess;
use crate::clients::kube;
use crate::cluster::{Cluster, Host, Revoked, Role};
use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::live::Live;
use crate::plan::{ClusterChange, Revocation};
use crate::record::{Record, Signature};
use crate::trust::{self, Trust};

/// What a command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A host's keys are to be worth nothing.
    Revoke(String),
    /// A host that was revoked is to be one of the cluster's again.
    LetIn(String),
}

/// Where it is written what a lost host takes.
const PAGE: &str = "docs/lost-hosts.md says what is to be changed, in which order";

/// Leaves the hosts out that were revoked, by the record in the cluster's folder and by what is asked for. What is to be said
/// of them comes back, and the host that is to be revoked, as it was.
///
/// # Errors
/// Refused: it is a master or a member of etcd, whose keys open more than can be shut by name.
pub(super) fn leave_out(
    catalogue: &Catalogue,
    cluster: &mut Cluster,
    kept: Option<&Record>,
    asked: Option<&Asked>,
    signature: Signature,
) -> Result<(Vec<String>, Option<Host>)> {
    let mut revoked = kept.map(|record| record.revoked.clone()).unwrap_or_default();
    let mut lost = None;
    let mut not_shut = None;
    match asked {
        Some(Asked::Revoke(name)) => {
            let host = as_it_was(cluster, kept, name).ok_or_else(|| Error::usage("the cluster has no nodes"))?;
            refuse_more_than_workers(catalogue, cluster, &host)?;
            let mut with = cluster.clone();
            with.hosts = vec![host.clone()];
            let users = own_users(catalogue, &with, &host);
            if let Some(known) = revoked.iter_mut().find(|known| known.name == *name) {
                let more = users.into_iter().filter(|user| !known.users.contains(user)).collect::<Vec<_>>();
                known.users.extend(more);
            } else {
                let known = cluster.host(name).is_some() || kept.is_some_and(|record| record.host(name).is_some());
                revoked.push(Revoked {
                    name: name.clone(),
                    address: known.then_some(host.address),
                    users,
                    secrets: Vec::new(),
                    since: signature.written,
                    by: signature.by,
                });
            }
            let had = and_what_is_left(catalogue, kept, host.clone());
            not_shut = (had.roles != host.roles).then(|| {
                let roles: Vec<&str> = had.roles.difference(&host.roles).map(|role| role.name()).collect();
                format!(
                    "{name} may still have keys of its former roles, {}, which are not shut by its name: {PAGE}",
                    roles.join(", ")
                )
            });
            lost = Some(had);
        }
        Some(Asked::LetIn(name)) => revoked.retain(|known| known.name != *name),
        None => {}
    }
    let gone = cluster.revoke(revoked);
    let unasked = |name: &&String| asked != Some(&Asked::Revoke((*name).clone()));
    let said = gone.iter().filter(unasked).filter_map(|name| cluster.revoked(name));
    let warnings = said.map(|Revoked { name, since, by, .. }| {
        format!(
            "{name} is left out: it was revoked on {since} by {by}; take it out of the inventory, or let it in again: \
             kbootstrap node revoke --undo {name}"
        )
    });
    Ok((warnings.chain(not_shut).collect(), lost))
}

/// The host of that name: of the inventory, of the record, or a worker of which nothing else is known.
fn as_it_was(cluster: &Cluster, kept: Option<&Record>, name: &str) -> Option<Host> {
    let known = kept.and_then(|kept| kept.all_hosts().find(|host| host.name == name));
    let recorded = || known.map(|host| host.host());
    let like_others = || {
        let other = cluster.with_role(Role::Node).next()?.clone();
        Some(Host { name: name.to_owned(), roles: [Role::Node].into(), ..other })
    };
    let mut host = cluster.host(name).cloned().or_else(recorded).or_else(like_others)?;
    // What it was by the last `up` counts, too: a role that was just taken out of the inventory has left its keys there.
    host.roles.extend(recorded().into_iter().flat_map(|was| was.roles));
    Some(host)
}

/// The host with the roles whose keys may have stayed there. That may be the word of the host itself, so nothing rests on it but
/// what is named.
fn and_what_is_left(catalogue: &Catalogue, kept: Option<&Record>, mut host: Host) -> Host {
    let known = kept.and_then(|kept| kept.all_hosts().find(|known| known.name == host.name));
    let left = known.into_iter().flat_map(|host| &host.left);
    let of = |name: &String| catalogue.components.iter().find(|spec| spec.id.0 == name)?.role;
    host.roles.extend(left.filter_map(of));
    host
}

fn refuse_more_than_workers(catalogue: &Catalogue, cluster: &Cluster, host: &Host) -> Result<()> {
    if !host.is(Role::Master) && !host.is(Role::Etcd) {
        return Ok(());
    }
    let roles: Vec<&str> = host.roles.iter().map(|role| role.name()).collect();
    let mut with = cluster.clone();
    if with.host(&host.name).is_none() {
        with.hosts.push(host.clone());
    }
    let error = Error::refused(format!(
        "{} is {}: its keys open more than can be shut by its name; nothing was touched",
        host.name,
        roles.join(", ")
    ));
    let keys = held(catalogue, &with, host);
    let error = keys
        .iter()
        .fold(error, |error, key| error.detail(format!("{}: {}; ends by {}", key.path, key.opens, key.ended_by)));
    Err(error.hint("shut it out of the network first").hint(PAGE))
}

/// What is still to be done about the hosts that were revoked.
pub(super) fn changes(session: &Session, trust: &Trust, live: &Live) -> Result<Vec<ClusterChange>> {
    let recorded = |name: &str| live.record.as_ref().is_some_and(|record| record.has_revoked(name));
    let mut changes = Vec::new();
    for Revoked { name, users, .. } in &session.cluster.revoked {
        let (new, node) = (!recorded(name), live.node(name).is_some());
        if !new && !node {
            continue;
        }
        let mut revocation =
            Revocation { host: name.clone(), new, users: users.clone(), node, ..Revocation::default() };
        if let Some(master) = live.api.as_ref().and_then(|api| session.cluster.host(&api.master)) {
            let mut access = ApiAccess::new(&session.pool, master, trust)?;
            let (pods, volumes) = access.ask(|client| {
                let pods = kube::pods_on(client, name)?;
                let claim = pods.iter().any(|pod| !kube::claims_of(pod).is_empty());
                let volumes = if claim { kube::volumes(client)? } else { Vec::new() };
                Ok((pods, volumes))
            })?;
            let secrets: BTreeSet<String> = pods.iter().flat_map(|pod| kube::secrets_of(pod, &volumes)).collect();
            revocation.secrets = secrets.into_iter().collect();
            revocation.pods = pods.iter().map(title).collect();
        }
        changes.push(ClusterChange::Revoke(Box::new(revocation)));
    }
    Ok(changes)
}

/// Hosts that were revoked, with the Secrets that their pods could read: by the records, and by what is found now.
pub(super) fn with_secrets(revoked: &[Revoked], live: &Live, changes: &[ClusterChange]) -> Vec<Revoked> {
    let found = |name: &str| {
        let all = changes.iter().filter_map(|change| match change {
            ClusterChange::Revoke(revocation) if revocation.host == name => Some(&revocation.secrets),
            _ => None,
        });
        all.flatten().cloned().collect::<Vec<_>>()
    };
    let with = |one: &Revoked| {
        let recorded = live.records.values().flat_map(|record| &record.revoked).filter(|known| known.name == one.name);
        let recorded = recorded.flat_map(|known| known.secrets.iter().cloned());
        let secrets: BTreeSet<String> = recorded.chain(one.secrets.iter().cloned()).chain(found(&one.name)).collect();
        Revoked { secrets: secrets.into_iter().collect(), ..one.clone() }
    };
    revoked.iter().map(with).collect()
}

/// The Secrets that pods could read of the host which is asked for; `kept` is the folder's own record, `revoked` what the record
/// is to say.
pub(super) fn exposed(asked: Option<&Asked>, live: &Live, kept: Option<&Record>, revoked: &[Revoked]) -> Vec<String> {
    let Some(Asked::Revoke(name) | Asked::LetIn(name)) = asked else { return Vec::new() };
    let records = live.records.values().chain(kept).flat_map(|record| &record.revoked).chain(revoked);
    let of_host = records.filter(|known| known.name == *name).flat_map(|known| known.secrets.iter().cloned());
    of_host.collect::<BTreeSet<_>>().into_iter().collect()
}

/// `NAMESPACE/NAME`
fn title(pod: &Value) -> String {
    let text = |pointer| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
}

/// Takes the keys out of the folder that were made for a host which is let in again: it gets new ones. Their names come back.
pub fn forget_keys(session: &Session, name: &str) -> Result<Vec<String>> {
    trust::discard(&session.catalogue, &session.cluster, &session.dir, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;
    use crate::error::Kind;

    fn signature() -> Signature {
        Signature { written: "2026-01-01T00:00:00Z".into(), by: "ann@desk".into() }
    }

    #[test]
    fn a_worker_is_left_out_with_its_users_and_a_master_is_not() {
        let catalogue = Catalogue::standard();
        let ask = |asked: Asked| {
            let mut cluster = example::cluster("1.36.3");
            leave_out(&catalogue, &mut cluster, None, Some(&asked), signature()).map(|left| (cluster, left))
        };
        let (cluster, (warnings, lost)) = ask(Asked::Revoke("n1".into())).unwrap();
        assert_eq!((warnings.len(), lost.unwrap().name), (0, "n1".to_owned()));
        assert_eq!(cluster.revoked[0].users, ["system:node:n1", "kube-proxy:n1", "flannel:n1"]);
        assert_eq!(cluster.revoked[0].address, Some([10, 0, 0, 21].into()));
        let error = ask(Asked::Revoke("m1".into())).unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        assert!(error.details.iter().any(|line| line.contains("/etc/kubernetes/pki/ca.key")), "{:#?}", error.details);
        // Its keys are still there when its role was only taken out of the inventory.
        let inventory = crate::record::RecordedInventory::new("c.yaml", "", Default::default());
        let record = Record::new(&example::cluster("1.36.3"), inventory, String::new(), signature());
        let mut edited = example::cluster("1.36.3");
        edited.hosts.push(example::host("m2", 12, &[Role::Etcd, Role::Master]));
        edited.hosts[0].roles = [Role::Node].into();
        let asked = Asked::Revoke("m1".into());
        let error = leave_out(&catalogue, &mut edited, Some(&record), Some(&asked), signature()).unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        // And when that was long ago, and nobody took them away.
        let mut record = record;
        record.hosts[0].roles = [Role::Node].into();
        assert!(leave_out(&catalogue, &mut edited.clone(), Some(&record), Some(&asked), signature()).is_ok());
        record.hosts[0].left = ["kube-apiserver".to_owned()].into();
        let (warnings, lost) = leave_out(&catalogue, &mut edited, Some(&record), Some(&asked), signature()).unwrap();
        assert!(warnings[0].starts_with("m1 may still have keys of its former roles, master, which"), "{warnings:?}");
        assert!(lost.unwrap().is(Role::Master), "what lies there is named");
        assert_eq!(edited.revoked[0].users, ["system:node:m1", "kube-proxy:m1", "flannel:m1"], "and no shared user");
        let (cluster, _) = ask(Asked::Revoke("n9".into())).unwrap();
        assert_eq!((cluster.hosts.len(), cluster.revoked[0].address), (2, None), "it may only be a node");
    }

    #[test]
    fn the_inventory_still_has_it_and_it_is_said() {
        let (catalogue, mut cluster) = (Catalogue::standard(), example::cluster("1.36.3"));
        let inventory = crate::record::RecordedInventory::new("c.yaml", "", Default::default());
        let mut revoked = cluster.clone();
        leave_out(&catalogue, &mut revoked, None, Some(&Asked::Revoke("n1".into())), signature()).unwrap();
        let record = Record::new(&revoked, inventory, String::new(), signature());
        let (warnings, _) = leave_out(&catalogue, &mut cluster, Some(&record), None, signature()).unwrap();
        assert_eq!(cluster.hosts.len(), 1);
        insta::assert_snapshot!(warnings.join("\n"), @"n1 is left out: it was revoked on 2026-01-01T00:00:00Z by ann@desk; take it out of the inventory, or let it in again: kbootstrap node revoke --undo n1");
        let mut again = example::cluster("1.36.3");
        let asked = Asked::LetIn("n1".into());
        leave_out(&catalogue, &mut again, Some(&record), Some(&asked), signature()).unwrap();
        assert_eq!((again.hosts.len(), again.revoked.len()), (2, 0));
    }

    #[test]
    fn a_plugin_that_was_switched_off_leaves_no_user_that_is_let_in() {
        let (catalogue, mut cluster) = (Catalogue::standard(), example::cluster("1.36.3"));
        cluster.networks.plugin = crate::cluster::NetworkPlugin::None;
        leave_out(&catalogue, &mut cluster, None, Some(&Asked::Revoke("n1".into())), signature()).unwrap();
        assert_eq!(cluster.revoked[0].users, ["system:node:n1", "kube-proxy:n1", "flannel:n1"]);
    }
}
