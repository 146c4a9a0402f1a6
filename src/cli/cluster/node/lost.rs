//! What a lost host held, and what no command does about it.

use crate::cluster::{Authorities, NetworkPlugin, Role};
use crate::engine::{self, Held, Session};
use crate::ui::{Cell, Printer, Table};

/// What lay on the host that is to be revoked.
pub(super) fn held(session: &Session) -> Vec<Held> {
    let Some(host) = &session.lost else { return Vec::new() };
    let mut with = session.cluster.clone();
    with.hosts.push(host.clone());
    engine::held(&session.catalogue, &with, host)
}

pub(super) fn held_text(held: &[Held], out: &Printer) -> String {
    let mut table = Table::new(&["KEY", "WHOEVER HAS IT", "ENDS BY"]);
    for Held { path, opens, ended_by } in held {
        table.row([path.as_str(), opens, ended_by].map(Cell::from).to_vec());
    }
    table.render(out) + "\n"
}

/// What is still to be done by hand, a line each.
pub(super) fn remains(session: &Session, secrets: &[String], skipped: &[String]) -> Vec<String> {
    let cluster = &session.cluster;
    let mut lines = Vec::new();
    let away = cluster.with_role(Role::Master).map(|host| host.name.as_str());
    let away: Vec<&str> = away.filter(|name| skipped.iter().any(|skipped| skipped == name)).collect();
    if !away.is_empty() {
        let names = away.join(", ");
        lines.push(format!(
            "keep {names} away until `kbootstrap up` has brought it what the others have: its API server would let the node in"
        ));
    }
    if !secrets.is_empty() {
        lines.push(format!("change what these Secrets say, which its pods could read: {}", secrets.join(", ")));
    }
    lines.push("change what pods could read that ran there before, and what else lay on its disks".to_owned());
    let address = session.lost.as_ref().map(|host| host.address.to_string()).unwrap_or_default();
    let overlay = match cluster.networks.plugin {
        NetworkPlugin::Flannel => ", UDP port 8472 above all: the pod network takes packets from anybody",
        NetworkPlugin::None => "",
    };
    lines.push(format!("shut it out of the network ({address}){overlay}"));
    if cluster.pki.authorities == Authorities::Single {
        lines.push(
            "pki.authorities is single: etcd takes every certificate of that CA, these too, until the CA is new; let nobody but \
             masters reach the ports 2379 and 2380"
                .into(),
        );
    }
    lines.push("take it out of the inventory; a machine in its place takes another name".into());
    lines
}

pub(super) fn remains_text(lines: &[String], out: &Printer) -> String {
    let lines = lines.iter().map(|line| format!("  {} {line}\n", out.paint("33", "!")));
    format!("What is still to be done by hand:\n{}", lines.collect::<String>())
}
