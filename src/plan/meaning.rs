//! What a plan means to those who use the cluster, on one screen: what has changed in the inventory, what starts, what
//! restarts, and what may be noticed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::print::new_master;
use super::{Plan, Removal, Revocation, UnitAction, UnitChange, Upgrade};
use crate::changes::{Difference, Joining};
use crate::cluster::Cluster;
use crate::components::Catalogue;
use crate::ui::{Cell, Printer, Table};

/// What a plan means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Meaning {
    /// What is due to this program's version; none where it was here last.
    pub upgrade: Option<Upgrade>,
    /// What has changed in the inventory since the last `up`, each with its class.
    pub fields: Vec<Difference>,
    /// Services that start, which nobody notices.
    pub starts: Vec<Hosts>,
    /// Services that restart, on one host after the other or on several at once.
    pub restarts: Vec<Hosts>,
    /// Members of etcd and masters that join those that there are, each with its steps.
    pub joins: Vec<String>,
    /// Services that read their configuration again, and go on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reloads: Vec<Hosts>,
    /// What is taken away because somebody has named it.
    pub removes: Vec<String>,
    /// Hosts whose keys become worth nothing, and what goes with them.
    pub revokes: Vec<String>,
}

/// A component and the hosts on which the same is done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hosts {
    /// Its name.
    pub component: String,
    /// Where.
    pub hosts: Vec<String>,
    /// In which order, where there are several.
    pub order: &'static str,
    /// What may be noticed, and for how long; empty for nothing.
    pub noticed: String,
}

impl Meaning {
    /// Of a plan, with what has changed since the last.
    pub fn of(catalogue: &Catalogue, cluster: &Cluster, plan: &Plan, fields: Vec<Difference>) -> Self {
        let on = |action| {
            let mut by_component: BTreeMap<usize, Hosts> = BTreeMap::new();
            for (host, unit) in plan.hosts.iter().flat_map(|host| host.units.iter().map(move |u| (&host.host, u))) {
                if unit.action == Some(action) {
                    let (at, new) = row(catalogue, cluster, unit);
                    by_component.entry(at).or_insert(new).hosts.push(host.clone());
                }
            }
            by_component.into_values().collect()
        };
        let masters = plan.new_masters().map(new_master);
        let joins = plan.joining().map(Joining::words).chain(masters).collect();
        let removes = plan.removals().map(Removal::meaning).collect();
        let revokes = plan.revocations().map(Revocation::meaning).collect();
        let (starts, restarts) = (on(UnitAction::Start), on(UnitAction::Restart));
        let reloads = on(UnitAction::Reload);
        Meaning { upgrade: None, fields, starts, restarts, joins, reloads, removes, revokes }
    }

    /// As a person reads it; empty where there is nothing to say.
    pub fn text(&self, out: &Printer) -> String {
        let mut text = self.upgrade.as_ref().map_or(String::new(), |upgrade| upgrade.text(out));
        if !self.fields.is_empty() {
            text.push_str("What has changed in the inventory:\n");
        }
        for field in &self.fields {
            for line in field.words() {
                text.push_str(&format!("  {} {line}\n", out.paint("33", "~")));
            }
            text.push_str(&format!("      {}: {}\n", field.class.name(), field.note));
        }
        if !self.joins.is_empty() {
            text.push_str("What joins the cluster, one after the other:\n");
        }
        for joins in &self.joins {
            text.push_str(&format!("  {} {joins}\n", out.paint("32", "+")));
        }
        if !self.starts.is_empty() {
            text.push_str(&format!("What starts: {}\n", listed(&self.starts)));
        }
        if !self.reloads.is_empty() {
            text.push_str(&format!("What reads its configuration again, and goes on: {}\n", listed(&self.reloads)));
        }
        if !self.restarts.is_empty() {
            text.push_str("What restarts, and what may be noticed:\n");
            let mut table = Table::new(&["  COMPONENT", "HOSTS", "ORDER", "MAY BE NOTICED"]);
            for restart in &self.restarts {
                let noticed = if restart.noticed.is_empty() { "nothing" } else { &restart.noticed };
                let order = if restart.hosts.len() > 1 { restart.order } else { "" };
                table.row(vec![
                    Cell::from(format!("  {}", restart.component)),
                    Cell::from(restart.hosts.join(", ")),
                    Cell::from(order),
                    Cell::from(noticed.to_owned()),
                ]);
            }
            text.push_str(&table.render(out));
        }
        if !self.removes.is_empty() {
            text.push_str("What is taken away:\n");
        }
        for removes in &self.removes {
            text.push_str(&format!("  {} {removes}\n", out.paint("31", "-")));
        }
        if !self.revokes.is_empty() {
            text.push_str("Who is shut out:\n");
        }
        for revokes in &self.revokes {
            text.push_str(&format!("  {} {revokes}\n", out.paint("31", "-")));
        }
        text
    }
}

/// `etcd (m1, m2), kubelet (n1)`
fn listed(components: &[Hosts]) -> String {
    let each = components.iter().map(|each| format!("{} ({})", each.component, each.hosts.join(", ")));
    each.collect::<Vec<_>>().join(", ")
}

fn row(catalogue: &Catalogue, cluster: &Cluster, unit: &UnitChange) -> (usize, Hosts) {
    let at = catalogue.components.iter().position(|spec| spec.id == unit.component);
    let spec = at.map(|at| &catalogue.components[at]);
    let kind = spec.and_then(|spec| Some((spec, spec.unit?)));
    let noticed = kind.map_or("", |(spec, unit)| {
        let alone = cluster.hosts.iter().filter(|host| (spec.runs_on)(cluster, host)).count() == 1;
        if alone { unit.noticed_alone } else { unit.noticed }
    });
    let (component, order) = (unit.component.to_string(), unit.rollout.rolling.order());
    let new = Hosts { component, hosts: Vec::new(), order, noticed: noticed.to_owned() };
    (at.unwrap_or(usize::MAX), new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::example;
    use crate::inventory::Change;
    use crate::plan::HostPlan;
    use crate::state::{After, ComponentId, Ready, Rolling, Rollout, Wave};

    fn unit(component: &'static str, action: UnitAction) -> UnitChange {
        UnitChange {
            unmask: false,
            part_of: None,
            name: format!("{component}.service"),
            component: ComponentId(component),
            rollout: Rollout { wave: Wave::Node, after: After::Nothing, rolling: Rolling::Canary, ready: Ready::Runs },
            action: Some(action),
            enable: false,
            reason: String::new(),
            key: String::new(),
        }
    }

    #[test]
    fn who_restarts_and_who_notices() {
        let host = |name: &str, units| HostPlan { host: name.into(), units, ..HostPlan::default() };
        let apiserver = unit("kube-apiserver", UnitAction::Restart);
        let proxy = || unit("kube-proxy", UnitAction::Restart);
        let hosts =
            vec![host("m1", vec![proxy(), apiserver]), host("n1", vec![proxy(), unit("flanneld", UnitAction::Start)])];
        let field = Difference {
            path: "networks.nodePorts".into(),
            class: Change::Rolling,
            from: Some("30000-32767".into()),
            to: Some("30000-31000".into()),
            note: "API servers restart".into(),
        };
        let plan = Plan { hosts, ..Plan::default() };
        let cluster = example::cluster("1.36.3");
        let meaning = Meaning::of(&Catalogue::standard(), &cluster, &plan, vec![field]);
        insta::assert_snapshot!(meaning.text(&Printer::new(true)), @r"
        What has changed in the inventory:
          ~ networks.nodePorts: 30000-32767 → 30000-31000
              rolling: API servers restart
        What starts: flanneld (n1)
        What restarts, and what may be noticed:
          COMPONENT       HOSTS   ORDER                               MAY BE NOTICED
          kube-apiserver  m1                                          the API is away for up to 10 s: it is the only one
          kube-proxy      m1, n1  the first, then the others at once  Services work on; their changes arrive some seconds later on the host
        ");
        assert_eq!(Meaning::default().text(&Printer::new(true)), "");
    }
}
