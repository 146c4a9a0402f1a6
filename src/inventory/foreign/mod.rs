//! What other tools write their hosts into: recognised by name where it is given as an inventory, and read for
//! `kbootstrap init --from`.

mod ansible;
mod groups;
mod ini;
mod machines;
mod range;
mod recognise;
mod yaml;

use super::model::{Host, Role, Ssh};
use crate::error::{Error, Result};
use crate::text::utf8;

pub use recognise::{Foreign, recognise};

/// What could be taken from a file of another tool.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// The hosts, with their roles.
    pub hosts: Vec<Host>,
    /// What stands in front of the masters.
    pub endpoint: Option<String>,
    /// Pod network.
    pub pods: Option<String>,
    /// Service network.
    pub services: Option<String>,
    /// What was not taken, or taken in another way than it was written; for people.
    pub notes: Vec<String>,
}

/// Reads a file of another tool; `name` is what errors call it.
///
/// # Errors
/// Input: it is none that can be read, or hosts in it have no address, with everything that is wrong.
pub fn import(name: &str, bytes: &[u8]) -> Result<Import> {
    let text = std::str::from_utf8(utf8(bytes, name)?).map_err(|_| Error::input(format!("{name}: not UTF-8 text")))?;
    if recognise::is_ours(text) {
        return Err(Error::input(format!("{name}: this is an inventory of kbootstrap already")));
    }
    let Some(foreign) = recognise(text) else {
        return Err(Error::input(format!("{name}: this is no file of hosts that kbootstrap knows"))
            .hint("it can be an inventory of Ansible or kubespray (INI or YAML), or a configuration of k0sctl or RKE")
            .hint("`ansible-inventory -i FILE --list -y` writes any inventory that Ansible reads as YAML"));
    };
    let mut import = foreign.read(name)?;
    masters_are_nodes(&mut import);
    members_can_vote(&mut import);
    Ok(import)
}

/// A master reaches pods only as a node; its taint keeps ordinary pods away.
fn masters_are_nodes(import: &mut Import) {
    let alone = import.hosts.iter().all(|host| host.roles.contains(&Role::Master) || !host.roles.contains(&Role::Node));
    for host in &mut import.hosts {
        if host.roles.contains(&Role::Master) && !host.roles.contains(&Role::Node) {
            host.roles.push(Role::Node);
            if !alone {
                host.taints = vec![super::draft::TAINT.into()];
            }
        }
    }
}

/// etcd on 1, 3 or 5 hosts: on those that have the role, or on masters where none has.
fn members_can_vote(import: &mut Import) {
    let with = |import: &Import, role: Role| -> Vec<usize> {
        (0..import.hosts.len()).filter(|i| import.hosts[*i].roles.contains(&role)).collect()
    };
    let (written, masters) = (with(import, Role::Etcd), with(import, Role::Master));
    let candidates = if written.is_empty() { &masters } else { &written };
    let votes = match candidates.len().min(5) {
        even if even % 2 == 0 => even.saturating_sub(1),
        odd => odd,
    };
    let members = &candidates[..votes];
    for (i, host) in import.hosts.iter_mut().enumerate() {
        host.roles.retain(|role| *role != Role::Etcd);
        if members.contains(&i) {
            host.roles.insert(0, Role::Etcd);
        }
    }
    let names =
        |indices: &[usize]| indices.iter().map(|i| import.hosts[*i].name.as_str()).collect::<Vec<_>>().join(", ");
    if written.is_empty() {
        import.notes.push(format!("no host is named for etcd: {} has it", names(members)));
    } else if votes < written.len() {
        let left = names(&written[votes..]);
        import.notes.push(format!("etcd needs 1, 3 or 5 hosts, and {} are named: {left} is left out", written.len()));
    }
    import.hosts.retain(|host| !host.roles.is_empty());
}

/// What all hosts have in common goes into the cluster's `ssh`.
pub fn common(hosts: &mut [Host]) -> Ssh {
    fn same<T: PartialEq + Clone>(hosts: &mut [Host], field: fn(&mut Ssh) -> &mut T, empty: &T) -> Option<T> {
        let first = field(&mut hosts.first()?.ssh.clone()).clone();
        if first == *empty || hosts.iter().any(|host| *field(&mut host.ssh.clone()) != first) {
            return None;
        }
        hosts.iter_mut().for_each(|host| *field(&mut host.ssh) = empty.clone());
        Some(first)
    }
    Ssh {
        user: same(hosts, |ssh| &mut ssh.user, &None).flatten(),
        port: same(hosts, |ssh| &mut ssh.port, &None).flatten(),
        keys: same(hosts, |ssh| &mut ssh.keys, &vec![]).unwrap_or_default(),
        ..Ssh::default()
    }
}
