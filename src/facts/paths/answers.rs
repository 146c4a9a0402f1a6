//! What hosts answer to the scripts of a try. Nothing here panics, whatever they say.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::End;
use crate::components::Protocol;
use crate::text::told;

/// More than this of one thing that a host says is not kept, characters.
const LONGEST: usize = 1000;

/// What a host listens on for the try, and its firewall.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listens {
    /// Ports.
    pub ports: BTreeSet<(Protocol, u16)>,
    /// Why it does not listen on others.
    pub failed: Option<String>,
    /// The chains that packets pass on their way in or through, and those that these jump to.
    pub chains: Vec<Chain>,
}

/// A chain of the host's firewall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// `iptables INPUT`, `nft inet filter input`: the table's name goes before.
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
    /// Those that another chain sends there.
    Called,
}

/// Lines of a host's answer that are read: its script gives at most 3,000 of a table.
const LINES: usize = 3000 * 8;

impl Listens {
    /// Lines `listens tcp 6443`, `failed why`, `iptables` with one of `iptables -S`, `nft-table family name` and `nft` with
    /// one of `nft list table`.
    pub fn read(text: &str) -> Self {
        let mut all = Listens::default();
        let mut tables = Tables::default();
        for line in text.lines().take(LINES) {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("listens", port) => all.ports.extend(port_of(port)),
                ("failed", why) => drop(all.failed.get_or_insert_with(|| shown(why))),
                ("iptables", line) => tables.iptables(line.trim()),
                ("nft-table", table) => tables.nft_table = shown(table),
                ("nft", line) => tables.nft(line.trim()),
                _ => {}
            }
        }
        all.chains = tables.chains;
        all
    }
}

/// Chains, as their lines come.
#[derive(Debug, Default)]
struct Tables {
    chains: Vec<Chain>,
    /// `inet filter`.
    nft_table: String,
    /// The chain of nft whose lines come now; none between chains, and in one that packets on their way out pass.
    nft_chain: Option<usize>,
    /// A line that goes on in the next one.
    begun: String,
}

impl Tables {
    fn add(&mut self, name: String, hook: Hook, drops: bool) -> usize {
        self.chains.push(Chain { name, hook, drops, rules: Vec::new() });
        self.chains.len() - 1
    }

    /// A line of `iptables -S`.
    fn iptables(&mut self, line: &str) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["-P", name @ ("INPUT" | "FORWARD"), policy] => {
                let hook = if name == "FORWARD" { Hook::Forward } else { Hook::Input };
                self.add(format!("iptables {name}"), hook, policy == "DROP");
            }
            ["-N", name] => drop(self.add(format!("iptables {}", shown(name)), Hook::Called, false)),
            ["-A", name, ..] => {
                let named = |chain: &&mut Chain| chain.name.strip_prefix("iptables ") == Some(name);
                self.chains.iter_mut().find(named).into_iter().for_each(|chain| chain.rules.push(shown(line)));
            }
            _ => {}
        }
    }

    /// A line of `nft list table`. Long sets take several.
    fn nft(&mut self, line: &str) {
        let line =
            if self.begun.is_empty() { line.to_owned() } else { format!("{} {line}", std::mem::take(&mut self.begun)) };
        match (line.split_whitespace().collect::<Vec<_>>().as_slice(), self.nft_chain) {
            (["chain", name, "{"], _) => {
                let name = format!("nft {} {}", self.nft_table, shown(name));
                self.nft_chain = Some(self.add(name, Hook::Called, false));
            }
            (["}"], _) => self.nft_chain = None,
            (["type", ..], Some(at)) => {
                let chain = &mut self.chains[at];
                chain.drops = line.contains("policy drop");
                match () {
                    () if line.contains(" hook forward ") => chain.hook = Hook::Forward,
                    () if line.contains(" hook input ") => chain.hook = Hook::Input,
                    () => {
                        self.chains.truncate(at);
                        self.nft_chain = None;
                    }
                }
            }
            (_, Some(_)) if line.matches('{').count() > line.matches('}').count() && line.len() < 10_000 => {
                self.begun = line
            }
            (_, Some(at)) => self.chains[at].rules.push(shown(&line)),
            _ => {}
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

fn shown(text: &str) -> String {
    told(text, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_and_the_chains_of_both_programs() {
        let text = "listens tcp 6443\nlistens udp 8472\nfailed Failed to listen: Address in use\n\
            iptables -P INPUT DROP\niptables -P FORWARD ACCEPT\niptables -P OUTPUT ACCEPT\niptables -N own\n\
            iptables -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\niptables -A own -j DROP\n\
            nft-table inet filter\nnft table inet filter {\n\
            nft set hosts {\nnft type ipv4_addr\nnft }\n\
            nft chain forward {\n\
            nft type filter hook forward priority filter; policy drop;\nnft ip saddr { 10.0.0.0/8,\nnft 11.0.0.0/8 } accept\n\
            nft jump more\nnft }\nnft chain more {\nnft return\nnft }\n\
            nft chain out {\nnft type filter hook output priority filter; policy accept;\nnft drop\nnft }\nnft }\n";
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
                chain("iptables own", Hook::Called, false, &["-A own -j DROP"]),
                chain(
                    "nft inet filter forward",
                    Hook::Forward,
                    true,
                    &["ip saddr { 10.0.0.0/8, 11.0.0.0/8 } accept", "jump more"]
                ),
                chain("nft inet filter more", Hook::Called, false, &["return"]),
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
