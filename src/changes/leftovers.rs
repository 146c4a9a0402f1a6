//! What should not be there: components that were switched off, hosts that have left, nodes that no host stands behind.
//! It is named whenever somebody looks, and goes only when somebody names it.

use serde::Serialize;

use super::hosts::OF_ROLES;
use super::{Known, join};
use crate::cluster::Role;
use crate::components::{ComponentSpec, kube_apiserver};
use crate::error::{Error, Result};
use crate::facts::HostFacts;
use crate::live::{Node, Stray, StrayState};
use crate::record::RecordedHost;
use crate::state::ComponentId;

/// Something that should not be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// What `--remove` takes.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
    /// The same in words.
    pub said: String,
    /// What takes it away, or what else can be done.
    pub remedy: String,
    /// What people notice when it goes, as the end of a sentence; empty for nothing.
    pub cost: String,
    /// Whether `--remove` takes it away.
    pub removable: bool,
}

/// What a leftover is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum What {
    /// A component on hosts that do not run it any more.
    Component {
        /// Where.
        hosts: Vec<String>,
    },
    /// A host that has left the inventory.
    Host {
        /// As it was.
        #[serde(skip)]
        host: Box<RecordedHost>,
        /// Whether it can be asked, and so be taken back.
        reachable: bool,
    },
    /// A node that no host of the inventory stands behind.
    Node,
}

/// Everything that should not be there.
pub fn leftovers(known: &Known<'_>) -> Vec<Leftover> {
    let components = known.catalogue.components.iter().filter_map(|spec| component(known, spec));
    let hosts = known.live.strays.iter().filter_map(|stray| host(known, stray));
    components.chain(hosts).chain(nodes(known)).collect()
}

/// Components that kbootstrap once started on the host, or brought keys for, and that the host does not run any more.
pub fn switched_off(known: &Known<'_>, host: &str) -> Vec<ComponentId> {
    let is_off = |spec: &&ComponentSpec| {
        let runs = known.cluster.host(host).is_some_and(|host| (spec.runs_on)(known.cluster, host));
        let started = spec.unit.is_some_and(|unit| known.was_started(host, &unit.name()));
        !runs && (started || has_keys(known, host, spec.id))
    };
    known.catalogue.components.iter().filter(is_off).map(|spec| spec.id).collect()
}

/// The leftovers of these names, and all others.
///
/// # Errors
/// Usage: there is none of such a name, or it cannot be removed.
pub fn to_remove(leftovers: Vec<Leftover>, names: &[String]) -> Result<(Vec<Leftover>, Vec<Leftover>)> {
    let removable: Vec<&str> = leftovers.iter().filter(|l| l.removable).map(|l| l.name.as_str()).collect();
    let wrong = names.iter().filter_map(|name| {
        let mut there = leftovers.iter().filter(|leftover| leftover.name == *name).peekable();
        if there.peek().is_none() {
            let hint = match removable.as_slice() {
                [] => "there is nothing that should not be there".to_owned(),
                names => format!("what can be removed: {}", join(names)),
            };
            return Some(Error::usage(format!("there is nothing called `{name}` that could be removed")).hint(hint));
        }
        let stays = there.find(|leftover| !leftover.removable)?;
        Some(Error::usage(format!("{name} cannot be removed: {}", stays.said)).hint(stays.remedy.clone()))
    });
    Error::all(wrong)?;
    Ok(leftovers.into_iter().partition(|leftover| names.contains(&leftover.name)))
}

/// Whether keys of a master are there, on a host where kbootstrap has been: they count more than a program does.
fn has_keys(known: &Known<'_>, host: &str, id: ComponentId) -> bool {
    let layout = &known.cluster.layout;
    let keys = [layout.service_account().0, layout.encryption()];
    let there = |facts: &HostFacts| facts.known && keys.iter().any(|key| facts.files.contains_key(key));
    id == kube_apiserver::ID && known.facts.get(host).is_some_and(there)
}

fn component(known: &Known<'_>, spec: &ComponentSpec) -> Option<Leftover> {
    let unit = spec.unit?.name();
    let hosts = known.cluster.hosts.iter().map(|host| host.name.clone());
    let hosts: Vec<String> = hosts.filter(|host| switched_off(known, host).contains(&spec.id)).collect();
    let running: Vec<&String> = hosts.iter().filter(|host| known.runs(host, &unit)).collect();
    let (id, on) = (spec.id, join(&hosts));
    let state = match (running.len(), hosts.len()) {
        (_, 0) => return None,
        (0, _) => "it does not run, but its files and keys are there".to_owned(),
        (all, hosts) if all == hosts => "it runs there".to_owned(),
        _ => format!("it runs on {}", join(&running)),
    };
    let network = known.catalogue.networks.iter().any(|plugin| {
        plugin.components.contains(&id) && plugin.choice != known.cluster.networks.plugin && !running.is_empty()
    });
    let cost = match network {
        true => "; pods lose their network between hosts, unless another plugin gives them one",
        false => "",
    };
    // A role that runs is refused as such.
    let removable = running.is_empty() || !OF_ROLES.iter().any(|(_, of_role)| *of_role == unit);
    let remedy = match removable {
        true => format!("`kbootstrap up --remove {id}` stops it and takes away what only it has there{cost}"),
        false => back(),
    };
    Some(Leftover {
        name: id.to_string(),
        said: format!("{id} is still on {on}, where the inventory does not have it: {state}"),
        what: What::Component { hosts },
        cost: cost.to_owned(),
        remedy,
        removable,
    })
}

fn host(known: &Known<'_>, stray: &Stray) -> Option<Leftover> {
    let Stray { host, state } = stray;
    let name = &host.name;
    let node = known.live.node(name);
    let deletes = if node.is_some() { ", and deletes its node" } else { "" };
    let (is, remedy, removable) = match state {
        StrayState::Clean => return None,
        StrayState::Runs(units) => (format!("runs {}", join(units)), back(), false),
        StrayState::Unreachable(why) if node.is_some_and(|node| node.ready) => {
            (format!("cannot be asked, but its node is Ready ({why})"), back(), false)
        }
        StrayState::Unreachable(why) => (
            format!("cannot be asked ({why})"),
            format!("`kbootstrap up --remove {name}` forgets it{deletes}; files and keys on the host itself stay"),
            true,
        ),
        StrayState::Stopped => {
            let data = if host.roles.contains(&Role::Etcd) { ", its data of etcd too" } else { "" };
            let takes =
                format!("`kbootstrap up --remove {name}` takes it back as `kbootstrap reset` does{data}{deletes}");
            ("still has files and keys".to_owned(), takes, true)
        }
    };
    Some(Leftover {
        name: name.clone(),
        said: format!("the host {name} ({}) has left the inventory and {is}", host.address),
        remedy,
        cost: String::new(),
        what: What::Host { host: Box::new(host.clone()), reachable: matches!(state, StrayState::Stopped) },
        removable,
    })
}

fn back() -> String {
    "put it back into the inventory, or stop what runs there first".into()
}

/// Nodes without a host; where the host itself is a leftover, or was revoked, its node goes with it.
fn nodes(known: &Known<'_>) -> Vec<Leftover> {
    let has_host = |node: &&Node| known.cluster.with_role(Role::Node).any(|host| host.name == node.name);
    let stray = |node: &&Node| known.live.strays.iter().any(|stray| stray.is_left() && stray.host.name == node.name);
    known.nodes().filter(|node| !has_host(node) && !stray(node)).map(of_node).collect()
}

fn of_node(node: &Node) -> Leftover {
    let name = &node.name;
    let (is, remedy) = match node.ready {
        true => ("it is Ready, so something runs it", back()),
        false => ("it is not Ready", format!("`kbootstrap up --remove {name}` deletes it")),
    };
    Leftover {
        name: name.clone(),
        what: What::Node,
        said: format!("the node {name} has no host in the inventory: {is}"),
        remedy,
        cost: String::new(),
        removable: !node.ready,
    }
}
