//! One rule of a firewall, as iptables or nft writes it: whether a packet meets its conditions, and what becomes of it then.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::components::flanneld;

/// A packet that begins a connection through a node, as the cluster needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    /// The pod network.
    pub(super) pods: IpNet,
    /// It comes from a pod.
    pub(super) from_pod: bool,
    /// It goes to a pod.
    pub(super) to_pod: bool,
    /// It was for another address before, that of a Service or a port of the host.
    pub(super) redirected: bool,
}

/// Whether a packet meets a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Yes,
    No,
    /// It depends on what is not known of the packet, or on what is not understood of the condition.
    Perhaps,
}

/// What a rule does with a packet that meets all of its conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Accept,
    /// Dropped or rejected.
    Stop,
    Return,
    /// Whether it comes back from there.
    Jump(String, bool),
}

/// What becomes of the packet by this rule; none where the rule does not decide, or not surely.
pub(super) fn action(rule: &str, packet: &Packet) -> Option<Action> {
    let words = words(rule);
    let (met, action) = if words.first().is_some_and(|word| word == "-A") {
        iptables(&words[2.min(words.len())..], packet)
    } else {
        nft(&words, packet)
    };
    action.filter(|_| met == Met::Yes)
}

/// Whether it stops what meets its conditions, whatever those are.
pub(super) fn stops(rule: &str) -> bool {
    words(rule).iter().any(|word| ["DROP", "REJECT", "drop", "reject"].contains(&word.as_str()))
}

/// Whether it is only for packets that belong to no connection.
pub(super) fn is_for_invalid(rule: &str) -> bool {
    words(rule)
        .windows(2)
        .any(|pair| matches!([pair[0].as_str(), &pair[1]], ["state" | "--ctstate" | "--state", "invalid" | "INVALID"]))
}

/// What is between quotation marks is one word, without them; a set in braces is one word, its members joined by commas.
fn words(rule: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let (mut word, mut quoted, mut set) = (String::new(), false, false);
    for c in rule.chars() {
        match c {
            '"' => quoted = !quoted,
            '{' if !quoted => set = true,
            '}' if !quoted => set = false,
            c if c.is_whitespace() && set && !quoted => {}
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    all.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        all.push(word);
    }
    all
}

impl Met {
    fn and(self, other: Met) -> Met {
        match (self, other) {
            (Met::No, _) | (_, Met::No) => Met::No,
            (Met::Yes, Met::Yes) => Met::Yes,
            _ => Met::Perhaps,
        }
    }
    fn not(self, negated: bool) -> Met {
        match self {
            Met::Yes if negated => Met::No,
            Met::No if negated => Met::Yes,
            met => met,
        }
    }
}

impl From<bool> for Met {
    fn from(met: bool) -> Met {
        if met { Met::Yes } else { Met::No }
    }
}

impl Packet {
    /// One of these states of connections.
    fn state(&self, states: &str) -> Met {
        states
            .split(',')
            .any(|state| state.eq_ignore_ascii_case("new") || state == "untracked" || self.is_redirected(state))
            .into()
    }
    fn is_redirected(&self, status: &str) -> bool {
        self.redirected && status.eq_ignore_ascii_case("dnat")
    }

    /// An address in one of these networks; one end is a pod or is not.
    fn address(&self, is_pod: bool, networks: &str) -> Met {
        let met = networks.split(',').map(|word| match network(word) {
            None => Met::Perhaps,
            Some(network) if network.prefix_len() == 0 => Met::Yes,
            Some(network) if network.contains(&self.pods) => {
                if is_pod {
                    Met::Yes
                } else {
                    Met::Perhaps
                }
            }
            Some(network) if self.pods.contains(&network) => {
                if is_pod {
                    Met::Perhaps
                } else {
                    Met::No
                }
            }
            Some(_) => {
                if is_pod {
                    Met::No
                } else {
                    Met::Perhaps
                }
            }
        });
        any(met)
    }

    /// A device: packets of pods pass those that the cluster makes, others those that it does not.
    fn device(&self, is_pod: bool, names: &str) -> Met {
        let met = names.split(',').map(|name| {
            let ours = ["cni0", flanneld::DEVICE].contains(&name)
                || ["cni*", "cni+", "flannel*", "flannel+", "flannel.+"].contains(&name);
            match (ours, is_pod) {
                (true, is_pod) => is_pod.into(),
                (false, true) => Met::No,
                (false, false) => {
                    if name == "lo" {
                        Met::No
                    } else {
                        Met::Perhaps
                    }
                }
            }
        });
        any(met)
    }
}

fn any(all: impl Iterator<Item = Met>) -> Met {
    all.fold(Met::No, |one, other| match (one, other) {
        (Met::Yes, _) | (_, Met::Yes) => Met::Yes,
        (Met::No, Met::No) => Met::No,
        _ => Met::Perhaps,
    })
}

fn network(word: &str) -> Option<IpNet> {
    word.parse().ok().or_else(|| word.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The words after `-A CHAIN`.
fn iptables(words: &[String], packet: &Packet) -> (Met, Option<Action>) {
    let mut met = Met::Yes;
    let mut negated = false;
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_default();
        let condition = match word {
            "!" => {
                negated = true;
                continue;
            }
            "-j" | "-g" => {
                let target = value();
                let action = match target {
                    "ACCEPT" => Some(Action::Accept),
                    "DROP" | "REJECT" => Some(Action::Stop),
                    "RETURN" => Some(Action::Return),
                    "LOG" | "NFLOG" | "MARK" | "CONNMARK" | "NOTRACK" | "TCPMSS" | "CT" => None,
                    chain => Some(Action::Jump(chain.to_owned(), word == "-j")),
                };
                return (met, action);
            }
            "--comment" | "-m" => {
                value();
                continue;
            }
            "-s" => packet.address(packet.from_pod, value()),
            "-d" => packet.address(packet.to_pod, value()),
            "-i" => packet.device(packet.from_pod, value()),
            "-o" => packet.device(packet.to_pod, value()),
            "--ctstate" | "--state" => packet.state(value()),
            _ => Met::Perhaps,
        };
        met = met.and(condition.not(negated));
        negated = false;
    }
    (met, None)
}

/// All words of a rule.
fn nft(words: &[String], packet: &Packet) -> (Met, Option<Action>) {
    let mut met = Met::Yes;
    let ipv6 = packet.pods.addr().is_ipv6();
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let action = match word {
            "accept" => Some(Action::Accept),
            "drop" | "reject" => Some(Action::Stop),
            "return" => Some(Action::Return),
            "jump" | "goto" => Some(Action::Jump(words.next().unwrap_or_default().to_owned(), word == "jump")),
            _ => None,
        };
        if action.is_some() {
            return (met, action);
        }
        let negated = |words: &mut std::iter::Peekable<_>| words.next_if(|word: &&str| *word == "!=").is_some();
        let condition = match word {
            "ip" | "ip6" => {
                let field = words.next().unwrap_or_default();
                let negated = negated(&mut words);
                let value = words.next().unwrap_or_default();
                if (word == "ip6") != ipv6 {
                    Met::No
                } else {
                    let met = match field {
                        "saddr" => packet.address(packet.from_pod, value),
                        "daddr" => packet.address(packet.to_pod, value),
                        _ => Met::Perhaps,
                    };
                    met.not(negated)
                }
            }
            "iifname" | "iif" | "oifname" | "oif" => {
                let negated = negated(&mut words);
                let is_pod = if word.starts_with("iif") { packet.from_pod } else { packet.to_pod };
                packet.device(is_pod, words.next().unwrap_or_default()).not(negated)
            }
            "ct" => {
                let field = words.next().unwrap_or_default();
                let negated = negated(&mut words);
                match (field, words.next().unwrap_or_default()) {
                    ("state", value) => packet.state(value).not(negated),
                    ("status", value) => {
                        Met::from(value.split(',').any(|status| packet.is_redirected(status))).not(negated)
                    }
                    _ => Met::Perhaps,
                }
            }
            "counter" => {
                while words.next_if(|word| ["packets", "bytes"].contains(word) || word.parse::<u64>().is_ok()).is_some()
                {
                }
                continue;
            }
            "comment" => {
                words.next();
                continue;
            }
            "log" => {
                while words.next_if(|word| ["prefix", "level", "group", "flags"].contains(word)).is_some() {
                    words.next();
                }
                continue;
            }
            _ => Met::Perhaps,
        };
        met = met.and(condition);
    }
    (met, None)
}
