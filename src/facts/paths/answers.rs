//! What hosts answer to the scripts of a try. Nothing here panics, whatever they say.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::End;
use crate::components::Protocol;

/// What a host listens on for the try, and its firewall.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listens {
    /// Ports.
    pub ports: BTreeSet<(Protocol, u16)>,
    /// Why it does not listen on others.
    pub failed: Option<String>,
    /// The chains that packets pass first, on their way in or through.
    pub chains: Vec<Chain>,
}

/// A chain of the host's firewall that packets pass first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// `iptables INPUT`, `nft inet filter input`.
    pub name: String,
    /// Which packets.
    pub hook: Hook,
    /// What is not decided by a rule is dropped.
    pub drops: bool,
    /// Its rules, as its program writes them.
    pub rules: Vec<String>,
}

/// Where packets pass it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Hook {
    /// Those for the host.
    Input,
    /// Those that go through it, as those of pods do.
    Forward,
}

impl Listens {
    /// Lines `listens tcp 6443`, `failed why`, `chain name`, `rule text`.
    pub fn read(text: &str) -> Self {
        let mut all = Listens::default();
        for line in text.lines() {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("listens", port) => all.ports.extend(port_of(port)),
                ("failed", why) => drop(all.failed.get_or_insert_with(|| shown(why))),
                ("chain", name) => {
                    let hook = if name.ends_with("FORWARD") { Hook::Forward } else { Hook::Input };
                    all.chains.push(Chain { name: shown(name), hook, drops: false, rules: Vec::new() });
                }
                ("rule", rule) => all.chains.last_mut().into_iter().for_each(|chain| chain.read(rule.trim())),
                _ => {}
            }
        }
        all
    }
}

impl Chain {
    /// A line of `iptables -S CHAIN` or `nft list chain`.
    fn read(&mut self, line: &str) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["-P", _, policy] => self.drops = policy == "DROP",
            ["type", ..] => {
                self.drops = line.contains("policy drop");
                self.hook = if line.contains("hook forward") { Hook::Forward } else { Hook::Input };
            }
            [] | ["}"] | ["table" | "chain", ..] => {}
            _ => self.rules.push(shown(line)),
        }
    }
}

/// What a host says of the paths that it tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dialled {
    /// By the path's number. One that is missing was not answered.
    pub ends: BTreeMap<usize, End>,
    /// Why nothing was tried.
    pub failed: Option<String>,
}

impl Dialled {
    /// Lines `open 3`, `refused 4`, `no-way 5 its words`; at last `done`.
    pub fn read(text: &str) -> Self {
        let mut all = Dialled::default();
        let mut done = false;
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (number, words) = rest.split_once(' ').unwrap_or((rest, ""));
            let end = match word {
                "open" => End::Open,
                "refused" => End::Refused,
                "no-way" => End::NoWay(shown(words)),
                "failed" => {
                    all.failed = Some(shown(rest));
                    continue;
                }
                _ => {
                    done |= word == "done";
                    continue;
                }
            };
            all.ends.extend(number.parse().ok().map(|number| (number, end)));
        }
        if !done && all.failed.is_none() {
            all.failed = Some("the host did not come to the end of it".into());
        }
        all
    }
}

/// The numbers of the paths whose datagrams came: lines `nonce number`.
pub(super) fn heard(text: &str, nonce: &str) -> BTreeSet<usize> {
    let number = |line: &str| line.strip_prefix(nonce)?.trim().parse().ok();
    text.lines().filter_map(number).collect()
}

fn port_of(text: &str) -> Option<(Protocol, u16)> {
    let (protocol, port) = text.split_once(' ')?;
    let protocol = if protocol == "udp" { Protocol::Udp } else { Protocol::Tcp };
    Some((protocol, port.parse().ok()?))
}

/// A host's words for a terminal: one line, not endless.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_and_the_chains_of_both_programs() {
        let text = "listens tcp 6443\nlistens udp 8472\nfailed Failed to listen: Address in use\n\
            chain iptables INPUT\nrule -P INPUT DROP\nrule -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n\
            chain iptables FORWARD\nrule -P FORWARD ACCEPT\n\
            chain nft inet filter forward\nrule table inet filter {\nrule chain forward {\n\
            rule type filter hook forward priority filter; policy drop;\nrule ip saddr 10.0.0.0/8 accept\nrule }\nrule }\n";
        let read = Listens::read(text);
        assert_eq!(read.ports, [(Protocol::Tcp, 6443), (Protocol::Udp, 8472)].into());
        assert_eq!(read.failed.as_deref(), Some("Failed to listen: Address in use"));
        let chain = |name: &str, hook, drops, rules: &[&str]| Chain {
            name: name.into(),
            hook,
            drops,
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        };
        assert_eq!(
            read.chains,
            [
                chain("iptables INPUT", Hook::Input, true, &["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"]),
                chain("iptables FORWARD", Hook::Forward, false, &[]),
                chain("nft inet filter forward", Hook::Forward, true, &["ip saddr 10.0.0.0/8 accept"]),
            ]
        );
    }

    #[test]
    fn who_is_not_heard_of_was_not_answered() {
        let read = Dialled::read("open 0\nrefused 2\nno-way 12 No route to host\nopen x\ndone\n");
        let ends = [(0, End::Open), (2, End::Refused), (12, End::NoWay("No route to host".into()))];
        assert_eq!(read, Dialled { ends: ends.into(), failed: None });
        assert!(Dialled::read("open 0\n").failed.is_some(), "a script that was cut off says nothing of the rest");
        assert_eq!(Dialled::read("failed there is no bash\n").failed.as_deref(), Some("there is no bash"));
        assert_eq!(heard("ab 3\nab 4\nac 5\n", "ab"), [3, 4].into());
    }
}
