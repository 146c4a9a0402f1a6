//! Roles: every host has one, etcd can vote, and there is a master.

use super::host;
use crate::document::Mistake;
use crate::document::Path;
use crate::inventory::model::{Inventory, Role};

/// Mistakes in how roles are given out.
pub fn check(inventory: &Inventory) -> Vec<Mistake> {
    let mut mistakes = vec![];
    for (i, one) in inventory.hosts.iter().enumerate() {
        let at = host(i).key("roles");
        if one.roles.is_empty() {
            let message = format!("host {} has no role", one.name);
            mistakes.push(Mistake::key(at.clone(), message).hint("give it one or more of etcd, master, node"));
        }
        for (n, role) in one.roles.iter().enumerate() {
            if one.roles[..n].contains(role) {
                let message = format!("host {} has the role {} twice", one.name, role.name());
                mistakes.push(Mistake::at(at.index(n), message));
            }
        }
    }
    if !inventory.hosts.is_empty() {
        mistakes.extend(etcd(inventory));
        mistakes.extend(masters(inventory));
    }
    mistakes
}

fn etcd(inventory: &Inventory) -> Option<Mistake> {
    let members: Vec<&str> = named(inventory, Role::Etcd);
    let hosts = Path::root().key("hosts");
    match members.len() {
        0 => Some(
            Mistake::whole(hosts, "no host has the role `etcd`").hint("add `etcd` to the roles of 1, 3 or 5 hosts"),
        ),
        1 | 3 | 5 => None,
        n => {
            let mistake = Mistake::whole(hosts, format!("{n} hosts have the role `etcd`: {}", members.join(", ")));
            Some(if n % 2 == 0 {
                mistake.hint(format!(
                    "{n} members survive no more failures than {} would: take the role from one host, or give it to one more",
                    n - 1
                ))
            } else {
                mistake.hint("more than 5 members make every write slower: use 1, 3 or 5")
            })
        }
    }
}

fn masters(inventory: &Inventory) -> Option<Mistake> {
    named(inventory, Role::Master).is_empty().then(|| {
        Mistake::whole(Path::root().key("hosts"), "no host has the role `master`")
            .hint("add `master` to the roles of the host that is to run kube-apiserver")
    })
}

fn named(inventory: &Inventory, role: Role) -> Vec<&str> {
    inventory.hosts.iter().filter(|h| h.roles.contains(&role)).map(|h| h.name.as_str()).collect()
}
