//! A first inventory for machines of one's own: short, commented, and right as it is.

use std::collections::HashMap;
use std::fmt::Write;
use std::net::IpAddr;

use super::model::{Host, Role, Ssh, TransportKind};
use super::ranges::Ranges;

/// The taint that keeps ordinary pods away from a master.
pub const TAINT: &str = "node-role.kubernetes.io/control-plane:NoSchedule";

/// What `kbootstrap init` is to write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// The cluster's name.
    pub cluster: String,
    /// Kubernetes version; none: the newest known is named in a comment.
    pub kubernetes: Option<String>,
    /// The newest version that is known, for that comment.
    pub newest: String,
    /// `host[:port]` in front of the masters.
    pub endpoint: Option<String>,
    /// How hosts are reached; each can say it in another way.
    pub ssh: Ssh,
    /// Pod network; none: one that fits the hosts.
    pub pods: Option<String>,
    /// Service network, likewise.
    pub services: Option<String>,
    /// The hosts.
    pub hosts: Vec<Host>,
}

/// Addresses by what is to run there. The same address in several lists is one host with several roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Masters, which are etcd members and nodes too.
    pub masters: Vec<String>,
    /// Nodes.
    pub nodes: Vec<String>,
    /// etcd members; none: on masters, as many as can vote.
    pub etcd: Vec<String>,
}

impl Draft {
    /// The inventory's text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.head(&mut text);
        self.networks(&mut text);
        text.push_str(OPTIONS);
        self.hosts(&mut text);
        text
    }

    fn head(&self, text: &mut String) {
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        line("# An inventory of kbootstrap: one cluster and its hosts. docs/inventory.md has every field.".into());
        line("# What is commented out shows a default or an example. Check it with `kbootstrap check -i FILE`.".into());
        line("".into());
        line("# Names the cluster's folder (clusters/NAME beside this file) and the kubeconfig context.".into());
        line(format!("cluster: {}", quoted(&self.cluster)));
        line("".into());
        line("# `1.36` means the newest patch release of 1.36 that kbootstrap knows.".into());
        match &self.kubernetes {
            Some(version) => line(format!("kubernetes: {}", quoted(version))),
            None => line(format!("# kubernetes: {}", self.newest)),
        }
        line("".into());
        line("# The address of what balances over the masters' port 6443, where the site has it.".into());
        match &self.endpoint {
            Some(endpoint) => line(format!("controlPlaneEndpoint: {}", quoted(endpoint))),
            None => line("# controlPlaneEndpoint: api.example.com:6443".into()),
        }
        let masters = self.hosts.iter().filter(|host| host.roles.contains(&Role::Master)).count();
        if masters > 1 && self.endpoint.is_none() {
            line("".into());
            line("# Without it each node has a balancer of its own over the masters: haproxy, or nginx.".into());
            line("# apiLoadBalancer: {local: haproxy}".into());
        }
        line("".into());
        line("ssh:".into());
        line("  # Anyone but root needs sudo.".into());
        line(format!("  user: {}", quoted(self.ssh.user.as_deref().unwrap_or("root"))));
        match self.ssh.port {
            Some(port) => line(format!("  port: {port}")),
            None => line("  # port: 22".into()),
        }
        match self.ssh.keys.is_empty() {
            true => line("  # keys: [~/.ssh/id_ed25519]".into()),
            false => line(format!("  keys: [{}]", keys(&self.ssh))),
        }
    }

    /// The defaults as comments, or others where a host lies in them or has IPv6.
    fn networks(&self, text: &mut String) {
        let addresses: Vec<IpAddr> = self.hosts.iter().filter_map(|host| host.address.parse().ok()).collect();
        let nodes = self.hosts.iter().filter(|host| host.roles.contains(&Role::Node)).count();
        let fitting = Ranges::fitting(&addresses, nodes);
        let pods = self.pods.as_deref().unwrap_or(fitting.pods);
        let services = self.services.as_deref().unwrap_or(fitting.services);
        let default = (pods, services) == (Ranges::DEFAULT.pods, Ranges::DEFAULT.services);
        let (written, comment) = if default { ("# ", "#   ") } else { ("", "  # ") };
        let (pods, services) = (quoted(pods), quoted(services));
        let _ = write!(text, "\n{written}networks:\n{written}  pods: {pods}\n{written}  services: {services}\n");
        let _ = write!(
            text,
            "{comment}dnsDomain: cluster.local\n{comment}plugin: flannel             # or none: bring your own\n"
        );
    }

    fn hosts(&self, text: &mut String) {
        text.push_str("\n# A host's roles: etcd (1, 3 or 5 hosts), master (the control plane), node (runs pods). A host can have all three.\n");
        text.push_str(
            "# A master that is a node too reaches pods, which webhooks need; its taint keeps ordinary pods away.\n",
        );
        text.push_str("hosts:\n");
        // Writing to a String cannot fail.
        for host in &self.hosts {
            let _ = write!(text, "- name: {}\n  address: {}\n", quoted(&host.name), quoted(&host.address));
            if let Some(address) = &host.ssh_address {
                let _ = writeln!(text, "  sshAddress: {}", quoted(address));
            }
            let roles: Vec<&str> = host.roles.iter().map(|role| role.name()).collect();
            let _ = writeln!(text, "  roles: [{}]", roles.join(", "));
            let taints: Vec<String> = host.taints.iter().map(|taint| quoted(taint)).collect();
            if !taints.is_empty() {
                let _ = writeln!(text, "  taints: [{}]", taints.join(", "));
            }
            let ssh = own(&host.ssh);
            if !ssh.is_empty() {
                let _ = writeln!(text, "  ssh: {{{ssh}}}");
            }
        }
        text.push_str("  # labels: {topology.kubernetes.io/zone: a}\n");
        text.push_str("  # sshAddress: node-1.mgmt.example.com    # where SSH uses another address than the cluster\n");
    }
}

impl Addresses {
    /// The hosts, named by what they are.
    pub fn hosts(&self) -> Vec<Host> {
        let members = self.members();
        let alone = self.nodes.iter().all(|node| self.masters.contains(node));
        let mut count: HashMap<&str, usize> = HashMap::new();
        let mut hosts = vec![];
        for address in self.all() {
            let (master, member) = (self.masters.contains(address), members.contains(&address));
            let node = master || self.nodes.contains(address);
            let kind = if master {
                "master"
            } else if node {
                "node"
            } else {
                "etcd"
            };
            let number = count.entry(kind).and_modify(|n| *n += 1).or_insert(1);
            let tainted = master && !alone && !self.nodes.contains(address);
            let roles = [(member, Role::Etcd), (master, Role::Master), (node, Role::Node)];
            hosts.push(Host {
                name: format!("{kind}-{number}"),
                address: address.clone(),
                roles: roles.into_iter().filter_map(|(has, role)| has.then_some(role)).collect(),
                taints: tainted.then(|| TAINT.to_owned()).into_iter().collect(),
                ..Host::default()
            });
        }
        hosts
    }

    /// etcd members: those asked for, or masters; of an even number the last is left out.
    fn members(&self) -> Vec<&String> {
        if !self.etcd.is_empty() {
            return self.etcd.iter().collect();
        }
        let most = self.masters.len().min(5);
        self.masters.iter().take(if most.is_multiple_of(2) { most.saturating_sub(1) } else { most }).collect()
    }

    /// Every address once: masters, then etcd members, then nodes.
    fn all(&self) -> Vec<&String> {
        let mut all: Vec<&String> = vec![];
        for address in self.masters.iter().chain(&self.etcd).chain(&self.nodes) {
            if !all.contains(&address) {
                all.push(address);
            }
        }
        all
    }
}

/// What a host's `ssh` says of its own.
fn own(ssh: &Ssh) -> String {
    let fields = [
        ssh.user.as_ref().map(|user| format!("user: {}", quoted(user))),
        ssh.port.map(|port| format!("port: {port}")),
        (!ssh.keys.is_empty()).then(|| format!("keys: [{}]", keys(ssh))),
        (ssh.transport == Some(TransportKind::Local)).then(|| "transport: local".to_owned()),
    ];
    fields.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn keys(ssh: &Ssh) -> String {
    ssh.keys.iter().map(|key| quoted(&key.to_string_lossy())).collect::<Vec<_>>().join(", ")
}

/// As it is where that is plain text in YAML, in double quotes otherwise.
pub fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '~')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'/' | b'~'))
        && text != "~"
        && !text.ends_with(':');
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

const OPTIONS: &str = r#"
# proxy:
#   mode: auto                  # nftables, iptables or ipvs; auto: by each host's kernel

# pki:
#   authorities: separate       # or single: one CA for kubernetes, etcd and front-proxy
#   key: {algo: ecdsa, size: 256}
#   expiry: 1y
#   caExpiry: 10y
#   extraSans: [api.example.com]

# Where programs and images come from, tried in this order.
# artifacts:
# - folder: ./bundle
# - download: {}                # or {mirror: "https://mirror.example.com"}
# - build: {}                   # from source with Go

# Flags and configuration of each component; a host's own `components` win over these.
# components:
#   kube-apiserver:
#     flags: {event-ttl: 2h}
#   kubelet:
#     config: {maxPods: 200}

# Preflight checks that may fail.
# waive: [swap]
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(masters: &[&str], nodes: &[&str], etcd: &[&str]) -> Draft {
        let owned = |list: &[&str]| list.iter().map(|s| s.to_string()).collect();
        let addresses = Addresses { masters: owned(masters), nodes: owned(nodes), etcd: owned(etcd) };
        Draft { cluster: "prod".into(), newest: "1.36.3".into(), hosts: addresses.hosts(), ..Draft::default() }
    }

    fn roles(draft: &Draft) -> Vec<String> {
        let loaded = crate::inventory::parse("x", draft.text().as_bytes()).unwrap();
        let words = |h: &crate::inventory::Host| h.roles.iter().map(|r| r.name()).collect::<Vec<_>>().join("+");
        loaded.inventory.hosts.iter().map(|h| format!("{} {}", h.name, words(h))).collect()
    }

    #[test]
    fn etcd_goes_on_as_many_masters_as_can_vote() {
        assert_eq!(roles(&draft(&["10.0.0.1"], &[], &[])), ["master-1 etcd+master+node"]);
        let two = roles(&draft(&["10.0.0.1", "10.0.0.2"], &["10.0.0.3"], &[]));
        assert_eq!(two, ["master-1 etcd+master+node", "master-2 master+node", "node-1 node"]);
    }

    #[test]
    fn one_address_is_one_host() {
        let both = roles(&draft(&["10.0.0.1"], &["10.0.0.1", "10.0.0.4"], &["10.0.0.4"]));
        assert_eq!(both, ["master-1 master+node", "node-1 etcd+node"]);
        let apart = roles(&draft(&["10.0.0.1"], &["10.0.0.2"], &["10.0.0.3"]));
        assert_eq!(apart, ["master-1 master+node", "etcd-1 etcd", "node-1 node"]);
    }

    #[test]
    fn what_is_commented_out_is_an_inventory_too() {
        let draft = draft(&["10.0.0.11"], &["10.0.0.21"], &[]);
        // Prose stays a comment: it is what does not look like a key, a list entry or something within one.
        let yaml = |bare: &str| {
            let key = bare.split_once(':').map(|(key, _)| key);
            bare.starts_with([' ', '-']) || key.is_some_and(|key| !key.contains([' ', '`']))
        };
        let uncomment = |line: &str| match line.trim_start().strip_prefix("# ") {
            Some(bare) if yaml(bare) => format!("{}{bare}", &line[..line.len() - line.trim_start().len()]),
            _ => line.to_owned(),
        };
        let text: Vec<String> = draft.text().lines().map(uncomment).collect();
        let text = text.join("\n").replace("folder: ./bundle", "folder: /bundle");
        let loaded = crate::inventory::parse("x", text.as_bytes()).unwrap();
        loaded.report(vec![]).unwrap();
        let inventory = &loaded.inventory;
        assert!(
            inventory.networks.pods.is_some() && inventory.pki.key.is_some() && !inventory.waive.is_empty(),
            "{text}"
        );
        assert_eq!((inventory.artifacts.len(), inventory.components.len()), (3, 2));
    }

    #[test]
    fn networks_keep_clear_of_the_hosts() {
        assert!(draft(&["10.0.0.1"], &[], &[]).text().contains("\n# networks:\n#   pods: 10.244.0.0/16\n"));
        let clash = draft(&["10.96.0.1"], &["10.244.0.2"], &[]).text();
        assert!(clash.contains("\nnetworks:\n  pods: 172.20.0.0/16\n  services: 172.21.0.0/16\n  # dns"), "{clash}");
        assert!(draft(&["fd00::1"], &[], &[]).text().contains("  services: fd10:96::/112\n"));
    }

    #[test]
    fn odd_texts_are_quoted() {
        assert_eq!(quoted("10.0.0.1"), "10.0.0.1");
        assert_eq!(quoted("~/.ssh/id_ed25519"), "~/.ssh/id_ed25519");
        assert_eq!(quoted("::1"), "\"::1\"");
        assert_eq!(quoted("a: b"), "\"a: b\"");
    }
}
