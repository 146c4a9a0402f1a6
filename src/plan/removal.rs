//! What somebody has named to be taken away, and what goes with it.

use serde::Serialize;
use serde_json::Value;

use super::objects::title;
use crate::changes::{Leftover, What};
use crate::reset::Targets;
use crate::ui::Printer;

/// A leftover that is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// What it is.
    #[serde(flatten)]
    pub leftover: Leftover,
    /// What goes from hosts.
    pub takes: Vec<Takes>,
    /// API objects that go, by kind and name.
    pub objects: Vec<Value>,
}

/// Hosts from which the same goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Takes {
    /// Where.
    pub hosts: Vec<String>,
    /// What.
    pub targets: Targets,
}

impl Removal {
    /// What goes from the host.
    pub fn targets(&self, host: &str) -> Option<&Targets> {
        self.takes.iter().find(|takes| takes.hosts.iter().any(|name| name == host)).map(|takes| &takes.targets)
    }

    /// Hosts from which something goes.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.takes.iter().flat_map(|takes| takes.hosts.iter().map(String::as_str))
    }

    /// Whether a node is deleted only when it is not Ready: where its host was just taken back, it does not know yet.
    pub fn asks_node(&self) -> bool {
        !matches!(self.leftover.what, What::Host { reachable: true, .. })
    }

    /// In words, a line and what belongs to it.
    pub(super) fn text(&self, out: &Printer) -> String {
        let mut text = format!("  {} {}\n", out.paint("31", "-"), self.title());
        for takes in &self.takes {
            text.push_str(&format!("      {}:\n", takes.hosts.join(", ")));
            lines(&takes.targets).iter().for_each(|line| text.push_str(&format!("        {line}\n")));
        }
        self.objects.iter().for_each(|object| text.push_str(&format!("      API: {}\n", title(object))));
        text
    }

    /// What it means, in a line.
    pub(super) fn meaning(&self) -> String {
        format!("{}{}", self.title(), self.leftover.cost)
    }

    /// What goes, in a few words.
    fn title(&self) -> String {
        let name = &self.leftover.name;
        match &self.leftover.what {
            What::Component { hosts } => format!("{name} on {}", hosts.join(", ")),
            What::Host { host, reachable: true } => format!("everything of ours on the host {name} ({})", host.address),
            What::Host { .. } => format!("what is known of the host {name}"),
            What::Node => format!("the node {name}"),
        }
    }
}

fn lines(targets: &Targets) -> Vec<String> {
    let each = |title: &'static str, names: &[String]| -> Vec<String> {
        names.iter().map(|name| format!("{title} {name}")).collect()
    };
    let stays = each("stays:", &targets.stays);
    // `reset` names the kinds of what it takes, not each thing.
    if targets.whole {
        return [vec!["all services, pods, files, interfaces and rules of ours".to_owned()], stays].concat();
    }
    [
        each("service", &targets.services),
        each("service", &targets.runtimes),
        each("all pods in", &targets.slices),
        each("what was installed for the package", &targets.packages),
        each("file", &targets.files),
        each("folder", &targets.dirs),
        each("interface", &targets.links),
        each("nftables table", &targets.tables),
        each("iptables chains", &targets.chains),
        stays,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::{NetworkPlugin, example};
    use crate::components::{Catalogue, flanneld};
    use crate::plan::{ClusterChange, Diffs, Meaning, Plan, leftovers_text, text};
    use crate::record::{Record, RecordedHost, RecordedInventory, Signature};
    use crate::reset::switched_off;

    fn leftover(name: &str, what: What, cost: &str) -> Leftover {
        let (said, remedy) = (format!("{name} is there"), format!("`kbootstrap up --remove {name}` takes it away"));
        Leftover { name: name.into(), what, said, remedy, cost: cost.into(), removable: true }
    }

    fn recorded(name: &str) -> RecordedHost {
        let signature = Signature { written: String::new(), by: String::new() };
        let inventory = RecordedInventory::new("c.yaml", "", Default::default());
        Record::new(&example::cluster("1.36.3"), inventory, String::new(), signature).host(name).unwrap().clone()
    }

    #[test]
    fn a_plan_says_what_goes_and_from_where_and_names_what_stays() {
        let (catalogue, mut cluster) = (Catalogue::standard(), example::cluster("1.36.3"));
        cluster.networks.plugin = NetworkPlugin::None;
        let ids = [flanneld::ID];
        let targets = switched_off(&catalogue, &cluster, "n1", &ids, &ids);
        let hosts = vec!["m1".to_owned(), "n1".to_owned()];
        let network = "; pods lose their network between hosts";
        let flanneld = Removal {
            leftover: leftover("flanneld", What::Component { hosts: hosts.clone() }, network),
            takes: vec![Takes { hosts, targets }],
            objects: vec![json!({"kind": "ClusterRole", "metadata": {"name": "kbootstrap:flannel"}})],
        };
        let node = json!({"kind": "Node", "metadata": {"name": "n1"}});
        let targets = Targets::all(&catalogue, &cluster.layout);
        let host = Removal {
            leftover: leftover("n1", What::Host { host: Box::new(recorded("n1")), reachable: true }, ""),
            takes: vec![Takes { hosts: vec!["n1".into()], targets }],
            objects: vec![node.clone()],
        };
        let gone = Removal { leftover: leftover("n8", What::Node, ""), takes: Vec::new(), objects: vec![node] };
        let changes = [flanneld, host, gone].map(|removal| ClusterChange::Remove(Box::new(removal))).to_vec();
        let leftovers = vec![leftover("n7", What::Node, "")];
        let plan = Plan { objects: Some(Vec::new()), cluster: changes, leftovers, ..Plan::default() };
        let out = Printer::new(true);
        let meaning = Meaning::of(&catalogue, &cluster, &plan, Vec::new()).text(&out);
        let words = text(&plan, &Default::default(), &Diffs::new(), false, &out);
        insta::assert_snapshot!(meaning + &leftovers_text(&plan.leftovers, &out) + &words, @"
        What is taken away:
          - flanneld on m1, n1; pods lose their network between hosts
          - everything of ours on the host n1 (10.0.0.21)
          - the node n8
        What should not be there:
          ! n7 is there
              `kbootstrap up --remove n7` takes it away
        API objects: nothing to change
        cluster: 3 changes
          - flanneld on m1, n1
              m1, n1:
                service flanneld.service
                file /etc/cni/net.d/10-flannel.conflist
                file /etc/kube-flannel/10-flannel.conflist
                file /etc/kube-flannel/net-conf.json
                file /etc/kubernetes/flannel.conf
                file /etc/kubernetes/pki/flannel.crt
                file /etc/kubernetes/pki/flannel.key
                file /etc/systemd/system/flanneld.service
                file /etc/tmpfiles.d/kubernetes.conf
                file /opt/cni/bin/flannel
                file /usr/local/bin/flanneld
                folder /etc/kube-flannel
                folder /run/flannel
                interface flannel-v6.1
                interface flannel.1
                nftables table flannel-ipv4
                nftables table flannel-ipv6
                iptables chains FLANNEL-
              API: ClusterRole kbootstrap:flannel
          - everything of ours on the host n1 (10.0.0.21)
              n1:
                all services, pods, files, interfaces and rules of ours
                stays: /var/log/kubernetes
              API: Node n1
          - the node n8
              API: Node n1

        3 changes on 2 hosts; `kbootstrap up --remove flanneld --remove n1 --remove n8` makes them
        ");
    }

    #[test]
    fn what_should_not_be_there_and_stays_is_no_change() {
        let plan =
            Plan { objects: Some(Vec::new()), leftovers: vec![leftover("n7", What::Node, "")], ..Plan::default() };
        assert!(plan.is_empty());
        let value = serde_json::to_value(&plan).unwrap();
        assert_eq!(value["leftovers"][0]["what"], "node");
        assert_eq!(value["leftovers"][0]["name"], "n7");
    }

    #[test]
    fn a_node_is_asked_unless_its_host_was_just_taken_back() {
        let removal = |what| Removal { leftover: leftover("n1", what, ""), takes: Vec::new(), objects: Vec::new() };
        assert!(removal(What::Node).asks_node());
        assert!(removal(What::Host { host: Box::new(recorded("n1")), reachable: false }).asks_node());
        assert!(!removal(What::Host { host: Box::new(recorded("n1")), reachable: true }).asks_node());
    }
}
