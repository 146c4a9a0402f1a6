//! What goes with each leftover that somebody has named: from hosts, and from the API.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::changes::{Known, Leftover, What, switched_off};
use crate::cluster::Cluster;
use crate::error::Result;
use crate::plan::{Removal, Takes};
use crate::render::{self, Templates};
use crate::reset::{self, Targets};
use crate::state::ComponentId;

pub(super) fn of(known: &Known<'_>, leftovers: Vec<Leftover>, templates: &Templates) -> Result<Vec<Removal>> {
    // Keys that belong to a role go with the last of its components, also where all of them are named at once.
    let is_named =
        |id: &ComponentId| leftovers.iter().any(|l| matches!(l.what, What::Component { .. }) && l.name == id.0);
    let named: Vec<ComponentId> = known.catalogue.components.iter().map(|spec| spec.id).filter(is_named).collect();
    let removal = |leftover: &Leftover| {
        let (takes, objects) = match &leftover.what {
            What::Component { hosts } => component(known, &leftover.name, hosts, &named, templates)?,
            What::Host { host, reachable: true } => {
                let targets = Targets::all(known.catalogue, &known.cluster.layout);
                (vec![Takes { hosts: vec![host.name.clone()], targets }], node(known, &host.name))
            }
            What::Host { host, .. } => (Vec::new(), node(known, &host.name)),
            What::Node => (Vec::new(), node(known, &leftover.name)),
        };
        Ok(Removal { leftover: leftover.clone(), takes, objects })
    };
    leftovers.iter().map(removal).collect()
}

/// What goes from the hosts, and the API objects that the cluster has because of the component alone. Of several that are
/// named, each takes what it has to itself once those before it are gone.
fn component(
    known: &Known<'_>,
    name: &str,
    hosts: &[String],
    named: &[ComponentId],
    templates: &Templates,
) -> Result<(Vec<Takes>, Vec<Value>)> {
    let Known { catalogue, cluster, .. } = *known;
    let Some(at) = named.iter().position(|id| id.0 == name) else { return Ok((Vec::new(), Vec::new())) };
    let (before, this) = (&named[..at], &named[at..=at]);
    let mut takes: BTreeMap<Targets, Vec<String>> = BTreeMap::new();
    for host in hosts {
        let mut off = switched_off(known, host);
        off.retain(|id| !before.contains(id));
        takes.entry(reset::switched_off(catalogue, cluster, host, &off, this)).or_default().push(host.clone());
    }
    let takes = takes.into_iter().map(|(targets, hosts)| Takes { hosts, targets }).collect();
    let identities = |cluster: &Cluster| -> Result<Vec<Value>> {
        Ok(render::manifests(catalogue, cluster, templates)?.iter().map(identity).collect())
    };
    let first = hosts.first().map_or("", String::as_str);
    let stay = identities(cluster)?;
    let with = identities(&reset::with(catalogue, cluster, first, this))?;
    Ok((takes, with.into_iter().filter(|object| !stay.contains(object)).collect()))
}

/// The node of that name, if there is one.
fn node(known: &Known<'_>, name: &str) -> Vec<Value> {
    let there = known.live.node(name).is_some();
    there.then(|| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})).into_iter().collect()
}

/// Which object it is, without what it says.
fn identity(object: &Value) -> Value {
    let mut metadata = json!({"name": object["metadata"]["name"]});
    if let Some(namespace) = object["metadata"].get("namespace") {
        metadata["namespace"] = namespace.clone();
    }
    json!({"apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": metadata})
}
