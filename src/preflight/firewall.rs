//! What chains of a firewall do to packets, as far as can be read from their rules.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::rules::{self, Action, Packet};
use crate::facts::paths::{Chain, Hook};

/// Rules and policies that keep packets out of the host, as a person finds them there.
pub(super) fn against(chains: &[Chain]) -> Vec<String> {
    let mut seen = Vec::new();
    for chain in chains.iter().filter(|chain| chain.hook == Hook::Input) {
        if chain.drops {
            seen.push(policy(chain));
        }
        let bad = |rule: &&String| rules::stops(rule) && !rules::is_for_invalid(rule);
        seen.extend(chain.rules.iter().filter(bad).map(|rule| format!("{}: {rule}", chain.name)));
    }
    // What iptables says first, nft says again.
    if seen.iter().any(|rule| rule.starts_with("iptables")) {
        seen.retain(|rule| !rule.starts_with("nft ip filter ") && !rule.starts_with("nft ip6 filter "));
    }
    seen.truncate(5);
    seen
}

/// The chain, and its rule or policy, that stops packets on their way from or to pods. With iptables, flannel adds rules of
/// its own to iptables' chain, before the policy.
pub(super) fn stops(chains: &[Chain], pods: IpNet, nftables: bool) -> Option<(&Chain, String)> {
    let packet = |from_pod, to_pod, redirected| Packet { pods, from_pod, to_pod, redirected };
    // To other pods, to the world, and from the world through a Service.
    let packets = [packet(true, true, false), packet(true, false, false), packet(false, true, true)];
    let on_the_way = |chain: &&Chain| chain.hook == Hook::Forward && !other_family(chain, pods);
    let mut named = BTreeMap::new();
    for chain in chains {
        named.entry(chain.name.as_str()).or_insert(chain);
    }
    let mut walks = packets.map(|packet| Walk { named: &named, packet, ends: BTreeMap::new() });
    chains.iter().filter(on_the_way).find_map(|chain| {
        walks.iter_mut().find_map(|walk| match walk.through(chain, 0) {
            Some(End::Stopped(rule)) => Some((chain, rule.to_owned())),
            Some(End::Accepted) => None,
            None => (chain.drops && (nftables || !is_iptables(chain))).then(|| (chain, policy(chain))),
        })
    })
}

/// How a packet leaves a chain; none: at its end.
#[derive(Clone, Copy)]
enum End<'a> {
    Accepted,
    Stopped(&'a str),
}

/// As deep as the kernel lets chains of nftables nest (NFT_JUMP_STACK_SIZE).
const DEEPEST: u32 = 16;

/// One packet. Each chain is walked once, whoever leads to it: a host may describe a firewall in which the ways are without
/// number. A chain that leads to itself ends there.
struct Walk<'a> {
    named: &'a BTreeMap<&'a str, &'a Chain>,
    packet: Packet,
    ends: BTreeMap<&'a str, Option<End<'a>>>,
}

impl<'a> Walk<'a> {
    fn through(&mut self, chain: &'a Chain, depth: u32) -> Option<End<'a>> {
        if let Some(end) = self.ends.get(chain.name.as_str()) {
            return *end;
        }
        self.ends.insert(&chain.name, None);
        let end = self.rules(chain, depth);
        self.ends.insert(&chain.name, end);
        end
    }

    fn rules(&mut self, chain: &'a Chain, depth: u32) -> Option<End<'a>> {
        for rule in &chain.rules {
            match rules::action(rule, &self.packet) {
                Some(Action::Accept) => return Some(End::Accepted),
                Some(Action::Stop) => return Some(End::Stopped(rule)),
                Some(Action::Return) => return None,
                Some(Action::Jump(name, comes_back)) => {
                    let table = chain.name.rsplit_once(' ').map(|(table, _)| table).unwrap_or_default();
                    let callee = self.named.get(format!("{table} {name}").as_str()).filter(|_| depth < DEEPEST);
                    let end = callee.copied().and_then(|callee| self.through(callee, depth + 1));
                    if end.is_some() || !comes_back {
                        return end;
                    }
                }
                None => {}
            }
        }
        None
    }
}

fn policy(chain: &Chain) -> String {
    match chain.name.strip_prefix("iptables ") {
        Some(name) => format!("iptables -P {name} DROP"),
        None => format!("{}: policy drop", chain.name),
    }
}

fn is_iptables(chain: &Chain) -> bool {
    ["iptables ", "nft ip filter ", "nft ip6 filter "].iter().any(|table| chain.name.starts_with(table))
}

fn other_family(chain: &Chain, pods: IpNet) -> bool {
    let other = if pods.addr().is_ipv6() { "nft ip " } else { "nft ip6 " };
    chain.name.starts_with(other) || ["nft bridge ", "nft arp "].iter().any(|family| chain.name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(name: &str, hook: Hook, drops: bool, rules: &[&str]) -> Chain {
        Chain { name: name.into(), hook, drops, rules: rules.iter().map(|rule| (*rule).to_owned()).collect() }
    }

    fn stopped_in(chains: &[Chain], nftables: bool) -> Option<String> {
        stops(chains, "10.244.0.0/16".parse().unwrap(), nftables).map(|(_, rule)| rule)
    }

    fn stopped(name: &str, drops: bool, rules: &[&str], nftables: bool) -> Option<String> {
        stopped_in(&[chain(name, Hook::Forward, drops, rules)], nftables)
    }

    #[test]
    fn what_docker_leaves_stops_pods_unless_flannel_is_in_the_same_chain() {
        let docker = ["-A FORWARD -j DOCKER-USER", "-A FORWARD -j DOCKER-FORWARD"];
        assert_eq!(stopped("iptables FORWARD", true, &docker, true).as_deref(), Some("iptables -P FORWARD DROP"));
        assert_eq!(stopped("iptables FORWARD", true, &docker, false), None, "flanneld adds its rules there");
        assert_eq!(stopped("iptables FORWARD", false, &docker, true), None);
        let both = |rule: &str| {
            let back = rule.replace("-s", "-d").replace("-i", "-o");
            stopped("iptables FORWARD", true, &[rule, &back], true)
        };
        for rule in ["-A FORWARD -s 10.0.0.0/8 -j ACCEPT", "-A FORWARD -i cni0 -j ACCEPT"] {
            assert_eq!(both(rule), None, "{rule}");
            assert!(stopped("iptables FORWARD", true, &[rule], true).is_some(), "{rule}: nobody reaches a node port");
        }
        let flannels = ["-A FLANNEL-FWD -s 10.244.0.0/16 -j ACCEPT", "-A FLANNEL-FWD -d 10.244.0.0/16 -j ACCEPT"];
        let chains = [
            chain("iptables FORWARD", Hook::Forward, true, &["-A FORWARD -j FLANNEL-FWD"]),
            chain("iptables FLANNEL-FWD", Hook::Called, false, &flannels),
        ];
        assert_eq!(stopped_in(&chains, true), None);
        assert!(both("-A FORWARD -s 10.244.1.0/24 -j ACCEPT").is_some(), "one node's pods");
        assert!(both("-A FORWARD -s 10.244.0.0/16 -p tcp -j ACCEPT").is_some(), "names are asked by UDP");
    }

    #[test]
    fn a_last_rule_for_everything_is_a_policy_too() {
        let old = ["-A FORWARD -i docker0 -j DROP", "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"];
        assert_eq!(stopped("iptables FORWARD", false, &old, false).as_deref(), Some(old[1]));
        let nft = ["ct state established,related accept", "counter packets 3 bytes 180 drop"];
        assert_eq!(stopped("nft inet filter forward", false, &nft, true).as_deref(), Some(nft[1]));
        assert_eq!(stopped("nft ip6 filter forward", true, &nft, true), None);
        let open = ["ip saddr 10.244.0.0/16 accept", "ct status dnat accept", "drop"];
        assert_eq!(stopped("nft inet filter forward", true, &open, true), None);
        assert!(
            stopped("nft inet filter forward", true, &[], false).is_some(),
            "what flanneld adds to iptables' chain does not undo what another one drops"
        );
    }

    /// As firewalld 1.3 makes them.
    fn firewalld(zones: &[&str]) -> Vec<Chain> {
        let forward = [
            "ct state { established, related } accept",
            "ct status dnat accept",
            "iifname \"lo\" accept",
            "ct state invalid drop",
            "ip6 daddr { ::/96, ::ffff:0.0.0.0/96 } reject with icmpv6 addr-unreachable",
            "jump filter_FORWARD_ZONES",
            "reject with icmpx admin-prohibited",
        ];
        vec![
            chain("nft inet firewalld filter_FORWARD", Hook::Forward, false, &forward),
            chain("nft inet firewalld filter_FORWARD_ZONES", Hook::Called, false, zones),
            chain(
                "nft inet firewalld filter_FWD_public",
                Hook::Called,
                false,
                &["jump filter_FWD_public_allow", "reject with icmpx admin-prohibited"],
            ),
            chain("nft inet firewalld filter_FWD_public_allow", Hook::Called, false, &["oifname \"host0\" accept"]),
            chain("nft inet firewalld filter_FWD_trusted", Hook::Called, false, &["accept"]),
        ]
    }

    #[test]
    fn firewalld_stops_pods_until_their_network_is_trusted() {
        let shut = firewalld(&["goto filter_FWD_public"]);
        assert_eq!(stopped_in(&shut, true).as_deref(), Some("reject with icmpx admin-prohibited"));
        let open = firewalld(&["ip saddr 10.244.0.0/16 goto filter_FWD_trusted", "goto filter_FWD_public"]);
        assert_eq!(stopped_in(&open, true), None);
        let other = firewalld(&["ip saddr 10.9.0.0/16 goto filter_FWD_trusted", "goto filter_FWD_public"]);
        assert!(stopped_in(&other, true).is_some());
    }

    #[test]
    fn ufw_stops_pods_until_their_ways_are_allowed() {
        let ufw = |user: &[&str]| {
            vec![
                chain(
                    "iptables FORWARD",
                    Hook::Forward,
                    true,
                    &["-A FORWARD -j ufw-before-forward", "-A FORWARD -j ufw-track-forward"],
                ),
                chain(
                    "iptables ufw-before-forward",
                    Hook::Called,
                    false,
                    &[
                        "-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                        "-A ufw-before-forward -p icmp -m icmp --icmp-type 8 -j ACCEPT",
                        "-A ufw-before-forward -j ufw-user-forward",
                    ],
                ),
                chain("iptables ufw-user-forward", Hook::Called, false, user),
            ]
        };
        assert_eq!(stopped_in(&ufw(&[]), true).as_deref(), Some("iptables -P FORWARD DROP"));
        let from = "-A ufw-user-forward -s 10.244.0.0/16 -j ACCEPT";
        let to = "-A ufw-user-forward -d 10.244.0.0/16 -j ACCEPT";
        assert_eq!(stopped_in(&ufw(&[from, to]), true), None);
        assert!(stopped_in(&ufw(&[from]), true).is_some());
        assert!(stopped_in(&ufw(&["-A ufw-user-forward -s 10.244.0.0/16 -j DROP", from, to]), false).is_some());
    }

    #[test]
    fn chains_that_call_each_other_come_to_an_end() {
        let round = [
            chain("iptables FORWARD", Hook::Forward, false, &["-A FORWARD -j A"]),
            chain("iptables A", Hook::Called, false, &["-A A -j A", "-A A -j DROP"]),
        ];
        assert!(stopped_in(&round, true).is_some());
    }

    #[test]
    fn a_firewall_that_was_made_to_be_walked_for_ever_is_not() {
        fn many(rule: &str) -> Vec<&str> {
            vec![rule; 300]
        }
        let into_itself = [
            chain("iptables FORWARD", Hook::Forward, false, &["-A FORWARD -j A"]),
            chain("iptables A", Hook::Called, false, &many("-A A -j A")),
        ];
        assert_eq!(stopped_in(&into_itself, true), None);
        let mut ladder = vec![chain("iptables FORWARD", Hook::Forward, false, &["-A FORWARD -j C0"])];
        for step in 0..DEEPEST - 1 {
            let rule = format!("-A C{step} -j C{}", step + 1);
            ladder.push(chain(&format!("iptables C{step}"), Hook::Called, false, &many(&rule)));
        }
        ladder.push(chain(&format!("iptables C{}", DEEPEST - 1), Hook::Called, false, &["-A C -j DROP"]));
        assert_eq!(stopped_in(&ladder, true).as_deref(), Some("-A C -j DROP"));
    }

    #[test]
    fn a_firewall_is_named_once() {
        let chains = [
            chain("iptables INPUT", Hook::Input, true, &["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"]),
            chain("nft ip filter INPUT", Hook::Input, true, &["tcp dport 22 counter accept"]),
            chain("nft inet filter input", Hook::Input, false, &["ct state invalid drop", "tcp dport 6443 reject"]),
            chain("iptables FORWARD", Hook::Forward, true, &[]),
        ];
        assert_eq!(against(&chains), ["iptables -P INPUT DROP", "nft inet filter input: tcp dport 6443 reject"]);
    }
}
