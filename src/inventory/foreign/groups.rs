//! Hosts, groups and variables, as Ansible understands them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

/// Variables by name.
pub type Vars = BTreeMap<String, Value>;

/// Everything that an inventory of Ansible says.
#[derive(Debug, Default)]
pub struct Groups {
    /// Names in the order of the file.
    pub order: Vec<String>,
    /// Each host's own variables.
    hosts: HashMap<String, Vars>,
    groups: BTreeMap<String, Group>,
}

#[derive(Debug, Default)]
struct Group {
    hosts: BTreeSet<String>,
    children: BTreeSet<String>,
    vars: Vars,
}

/// The group that every host is in.
pub const ALL: &str = "all";

impl Groups {
    /// A host of a group, known or new.
    pub fn host(&mut self, group: &str, name: &str) -> &mut Vars {
        if !self.hosts.contains_key(name) {
            self.order.push(name.to_owned());
        }
        if group != ALL {
            self.group(group).hosts.insert(name.to_owned());
        }
        self.hosts.entry(name.to_owned()).or_default()
    }
    /// A group's variables.
    pub fn vars(&mut self, group: &str) -> &mut Vars {
        &mut self.group(group).vars
    }
    /// Puts a group under another.
    pub fn child(&mut self, group: &str, child: &str) {
        self.group(child);
        self.group(group).children.insert(child.to_owned());
    }
    /// A group, known or new.
    pub fn declare(&mut self, group: &str) {
        self.group(group);
    }
    /// All groups by name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str).filter(|name| *name != ALL)
    }

    fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_default()
    }

    /// What holds of each host, in the order of the file.
    pub fn resolved(&self) -> Vec<Resolved> {
        let members: BTreeMap<&str, BTreeSet<&str>> =
            self.groups.keys().map(|g| (g.as_str(), self.members(g))).collect();
        let empty = Vars::new();
        let mut by_depth: Vec<(usize, &str)> =
            self.groups.keys().filter(|g| *g != ALL).map(|g| (self.depth(g), g.as_str())).collect();
        by_depth.sort_unstable();
        let one = |name: &String| {
            let groups: Vec<&str> = by_depth
                .iter()
                .map(|(_, group)| *group)
                .filter(|group| members[group].contains(name.as_str()))
                .collect();
            let mut vars = self.groups.get(ALL).map_or_else(Vars::new, |all| all.vars.clone());
            for group in &groups {
                vars.extend(self.groups[*group].vars.clone());
            }
            vars.extend(self.hosts.get(name).unwrap_or(&empty).clone());
            Resolved { name: name.clone(), groups: groups.into_iter().map(str::to_owned).collect(), vars }
        };
        self.order.iter().map(one).collect()
    }

    /// The hosts of a group and of those under it.
    fn members(&self, group: &str) -> BTreeSet<&str> {
        let (mut members, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![group]);
        while let Some(name) = open.pop() {
            let Some(group) = self.groups.get(name).filter(|_| seen.insert(name)) else { continue };
            members.extend(group.hosts.iter().map(String::as_str));
            open.extend(group.children.iter().map(String::as_str));
        }
        members
    }

    /// Groups above a group: variables of what is deeper win.
    fn depth(&self, group: &str) -> usize {
        let (mut seen, mut open, mut depth) = (BTreeSet::from([group]), vec![group], 0);
        while !open.is_empty() {
            let parents =
                self.groups.iter().filter(|(_, above)| open.iter().any(|name| above.children.contains(*name)));
            open = parents.map(|(name, _)| name.as_str()).filter(|name| seen.insert(*name)).collect();
            depth += 1;
        }
        depth
    }
}

/// A host with everything that its groups say of it.
#[derive(Debug)]
pub struct Resolved {
    /// As it is written.
    pub name: String,
    /// The groups that it is in, also by those under them.
    pub groups: Vec<String>,
    /// Its own variables before those of its groups.
    pub vars: Vars,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearer_to_the_host_wins() {
        let mut groups = Groups::default();
        groups.host("workers", "n1");
        groups.child("cluster", "workers");
        // A circle is not followed for ever.
        groups.child("workers", "cluster");
        for (group, value) in [(ALL, "all"), ("cluster", "cluster"), ("workers", "workers")] {
            groups.vars(group).insert(group.into(), value.into());
        }
        groups.vars(ALL).insert("user".into(), "of all".into());
        groups.vars("workers").insert("user".into(), "of workers".into());
        let host = &groups.resolved()[0];
        assert_eq!((host.groups.len(), host.vars["user"].as_str()), (2, Some("of workers")));
        groups.host(ALL, "n1").insert("user".into(), "own".into());
        assert_eq!(groups.resolved()[0].vars["user"], "own");
        assert_eq!(groups.order, ["n1"]);
    }
}
