//! What chains of a firewall do to packets, as far as can be read from their rules.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::facts::paths::{Chain, Hook};

/// Rules and policies that keep packets out of the host, as a person finds them there.
pub(super) fn against(chains: &[Chain]) -> Vec<String> {
    let mut seen = Vec::new();
    for chain in chains.iter().filter(|chain| chain.hook == Hook::Input) {
        if chain.drops {
            seen.push(policy(chain));
        }
        seen.extend(chain.rules.iter().filter(|rule| ends_badly(rule)).map(|rule| format!("{}: {rule}", chain.name)));
    }
    // What iptables says first, nft says again.
    if seen.iter().any(|rule| rule.starts_with("iptables")) {
        seen.retain(|rule| !rule.starts_with("nft ip filter ") && !rule.starts_with("nft ip6 filter "));
    }
    seen.truncate(5);
    seen
}

/// The rule or policy of a chain on the way of pods' packets that stops them, if one does. With iptables, flannel adds a
/// rule of its own before the policy.
pub(super) fn stops(chain: &Chain, pods: IpNet, nftables: bool) -> Option<String> {
    if chain.hook != Hook::Forward || other_family(chain, pods) {
        return None;
    }
    for rule in &chain.rules {
        if accepts(rule, pods) {
            return None;
        }
        if ends_badly(rule) && is_for_all(rule) {
            return Some(rule.clone());
        }
    }
    (chain.drops && nftables).then(|| policy(chain))
}

fn policy(chain: &Chain) -> String {
    match chain.name.strip_prefix("iptables ") {
        Some(name) => format!("iptables -P {name} DROP"),
        None => format!("{}: policy drop", chain.name),
    }
}

fn other_family(chain: &Chain, pods: IpNet) -> bool {
    let other = if pods.addr().is_ipv6() { "nft ip " } else { "nft ip6 " };
    chain.name.starts_with(other) || ["nft bridge ", "nft arp "].iter().any(|family| chain.name.starts_with(family))
}

fn words(rule: &str) -> impl Iterator<Item = &str> {
    rule.split_whitespace()
}

/// `-j DROP`, `-j REJECT …`, `drop`, `reject with …`.
fn ends_badly(rule: &str) -> bool {
    words(rule).any(|word| ["DROP", "REJECT", "drop", "reject"].contains(&word))
}

/// It has no condition.
fn is_for_all(rule: &str) -> bool {
    let mut words = words(rule);
    match words.next() {
        Some("-A") => words.nth(1) == Some("-j"),
        first => first.is_some_and(|first| ["drop", "reject", "counter"].contains(&first)),
    }
}

/// It lets all packets of pods through, by their addresses or by the bridge that they come from; flannel's own jump does.
fn accepts(rule: &str, pods: IpNet) -> bool {
    let accept = words(rule).any(|word| ["ACCEPT", "accept"].contains(&word));
    let covers = |word: &str| {
        let network: Option<IpNet> = word.parse().ok().or_else(|| word.parse::<IpAddr>().ok().map(IpNet::from));
        network.is_some_and(|network| network.contains(&pods))
    };
    let bridge = |word: &str| word.trim_matches('"') == "cni0";
    let all = is_accept_for_all(rule);
    words(rule).any(|word| word == "FLANNEL-FWD")
        || accept && (all || words(rule).any(|word| covers(word) || bridge(word)))
}

fn is_accept_for_all(rule: &str) -> bool {
    rule.trim() == "accept" || matches!(words(rule).collect::<Vec<_>>()[..], ["-A", _, "-j", "ACCEPT"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(name: &str, hook: Hook, drops: bool, rules: &[&str]) -> Chain {
        Chain { name: name.into(), hook, drops, rules: rules.iter().map(|rule| (*rule).to_owned()).collect() }
    }

    fn stopped(name: &str, drops: bool, rules: &[&str], nftables: bool) -> Option<String> {
        stops(&chain(name, Hook::Forward, drops, rules), "10.244.0.0/16".parse().unwrap(), nftables)
    }

    #[test]
    fn what_docker_leaves_stops_pods_unless_flannel_is_in_the_same_chain() {
        let docker = ["-A FORWARD -j DOCKER-USER", "-A FORWARD -j DOCKER-FORWARD"];
        assert_eq!(stopped("iptables FORWARD", true, &docker, true).as_deref(), Some("iptables -P FORWARD DROP"));
        assert_eq!(stopped("iptables FORWARD", true, &docker, false), None, "flanneld adds its rules there");
        assert_eq!(stopped("iptables FORWARD", false, &docker, true), None);
        for rule in ["-A FORWARD -s 10.0.0.0/8 -j ACCEPT", "-A FORWARD -i cni0 -j ACCEPT", "-A FORWARD -j FLANNEL-FWD"]
        {
            assert_eq!(stopped("iptables FORWARD", true, &[rule], true), None, "{rule}");
        }
        let one_node = "-A FORWARD -s 10.244.1.0/24 -j ACCEPT";
        assert!(stopped("iptables FORWARD", true, &[one_node], true).is_some());
    }

    #[test]
    fn a_last_rule_for_everything_is_a_policy_too() {
        let old = ["-A FORWARD -i docker0 -j DROP", "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"];
        assert_eq!(stopped("iptables FORWARD", false, &old, false).as_deref(), Some(old[1]));
        let nft = ["ct state established,related accept", "counter packets 3 bytes 180 drop"];
        assert_eq!(stopped("nft inet filter forward", false, &nft, true).as_deref(), Some(nft[1]));
        assert_eq!(stopped("nft ip6 filter forward", true, &nft, true), None);
        let open = ["ip saddr 10.244.0.0/16 accept", "drop"];
        assert_eq!(stopped("nft inet filter forward", true, &open, true), None);
    }

    #[test]
    fn a_firewall_is_named_once() {
        let chains = [
            chain("iptables INPUT", Hook::Input, true, &["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"]),
            chain("nft ip filter INPUT", Hook::Input, true, &["tcp dport 22 counter accept"]),
            chain("nft inet filter input", Hook::Input, false, &["tcp dport 6443 reject"]),
            chain("iptables FORWARD", Hook::Forward, true, &[]),
        ];
        assert_eq!(against(&chains), ["iptables -P INPUT DROP", "nft inet filter input: tcp dport 6443 reject"]);
    }
}
