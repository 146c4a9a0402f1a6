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
            let hosts = takes.hosts.join(", ");
            lines(&takes.targets).iter().for_each(|line| text.push_str(&format!("      {hosts}: {line}\n")));
        }
        self.objects.iter().for_each(|object| text.push_str(&format!("      API: {}\n", title(object))));
        text
    }

    /// What goes, in a few words.
    pub(super) fn title(&self) -> String {
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
    let list = |title: &str, names: &[&[String]]| {
        let names = names.concat();
        (!names.is_empty()).then(|| format!("{title} {}", names.join(", ")))
    };
    let stays = list("stays:", &[&targets.stays]);
    // All of it is what `reset` documents.
    if targets.whole {
        return stays.into_iter().collect();
    }
    [
        list("services", &[&targets.services, &targets.runtimes]),
        list("pods in", &[&targets.slices]),
        list("files", &[&targets.files]),
        list("folders", &[&targets.dirs]),
        list("interfaces", &[&targets.links]),
        list("nftables tables", &[&targets.tables]),
        list("iptables chains", &[&targets.chains]),
        stays,
    ]
    .into_iter()
    .flatten()
    .collect()
}
