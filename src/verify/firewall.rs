//! The rule that stands in the way, as the host itself lists its firewall.

/// Prints a host's rules: those of nftables, then those that only iptables can show.
pub(super) const SCRIPT: &str =
    "nft list ruleset 2>/dev/null; iptables-save 2>/dev/null; ip6tables-save 2>/dev/null; :";

/// Who keeps these tables and chains drops nothing that is meant to pass.
const OURS: [&str; 3] = ["kube-proxy", "flannel-ipv4", "flannel-ipv6"];
/// Words that stop a packet.
const STOPS: [&str; 2] = ["drop", "reject"];
/// Hooks that what comes to a host, or passes through it, meets.
const HOOKS: [&str; 3] = ["prerouting", "input", "forward"];

/// The rule among the output of [`SCRIPT`] that stops packets to this port, in the host's own words; else the first
/// chain that stops whatever nothing else accepts. `None` where no such rule can be seen.
pub(super) fn rule(output: &str, protocol: &str, port: u16) -> Option<String> {
    let (mut table, mut chain) = (String::new(), String::new());
    let (mut exact, mut general) = (None, None);
    for line in output.lines().map(str::trim) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["table", family, name, ..] => table = format!("{family} {name}"),
            ["chain", name, ..] => chain = name.to_owned(),
            _ if line.starts_with('*') => table = format!("iptables {}", &line[1..]),
            [first, "DROP", ..] if first.starts_with(':') => {
                general = general.or(Some(format!("chain {} of {table} drops what it does not accept", &first[1..])));
            }
            ["-A", name, ..] if !name.starts_with("KUBE-") => {
                let stops = words.windows(2).any(|pair| pair[0] == "-j" && ["DROP", "REJECT"].contains(&pair[1]));
                let ours = words.windows(2).all(|pair| pair[0] != "-p" || pair[1] == protocol);
                let ports = after(&words, &["--dport", "--dports"]);
                match ports {
                    Some(ports) if stops && ours && covers(ports.split(','), port) => {
                        exact = exact.or(Some(format!("{table}: {line}")));
                    }
                    None if stops && words.len() == 4 => general = general.or(Some(format!("{table}: {line}"))),
                    _ => {}
                }
            }
            _ if OURS.iter().any(|ours| table.ends_with(ours)) => {}
            ["type", "filter", "hook", hook, ..] if HOOKS.contains(&hook) && line.contains("policy drop") => {
                general = general.or(Some(format!("chain {chain} of table {table} drops what it does not accept")));
            }
            _ if words.iter().any(|word| STOPS.contains(word)) && matches(line, protocol, port) => {
                exact = exact.or(Some(format!("table {table}, chain {chain}: {line}")));
            }
            _ => {}
        }
    }
    exact.or(general)
}

/// Whether a rule of nftables is about the port: `tcp dport 80`, `tcp dport 1-99`, `tcp dport { 80, 443 }`.
fn matches(line: &str, protocol: &str, port: u16) -> bool {
    let marks = [format!("{protocol} dport "), "th dport ".to_owned()];
    let Some(rest) = marks.iter().find_map(|mark| line.split_once(mark.as_str())).map(|(_, rest)| rest) else {
        return false;
    };
    match rest.strip_prefix("{ ").and_then(|set| set.split_once('}')) {
        Some((set, _)) => covers(set.split(','), port),
        None => covers(rest.split(' ').take(1), port),
    }
}

/// Whether a port is among single ones and ranges (`80`, `1-99`, `1:99`).
fn covers<'a>(mut ports: impl Iterator<Item = &'a str>, port: u16) -> bool {
    ports.any(|text| {
        let (first, last) = text.trim().split_once(['-', ':']).unwrap_or((text.trim(), text.trim()));
        matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if (first..=last).contains(&port))
    })
}

fn after<'a>(words: &[&'a str], marks: &[&str]) -> Option<&'a str> {
    words.windows(2).find(|pair| marks.contains(&pair[0])).map(|pair| pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NFT: &str = "table ip kube-proxy {\n\tchain reject-chain {\n\t\treject\n\t}\n\
        \tchain nodeports {\n\t\ttcp dport 30726 drop\n\t}\n}\n\
        table inet site {\n\tchain early {\n\t\ttype filter hook prerouting priority raw; policy accept;\n\
        \t\ttcp dport { 8000, 30000-30800 } counter packets 4 bytes 240 drop\n\
        \t\tudp dport 8472 reject\n\t}\n\
        \tchain in {\n\t\ttype filter hook input priority filter; policy drop;\n\t\ttcp dport 22 accept\n\t}\n\
        \tchain out {\n\t\ttype filter hook output priority filter; policy drop;\n\t}\n}\n";
    const IPTABLES: &str = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n\
        -A INPUT -p tcp -m multiport --dports 22,6443 -j ACCEPT\n\
        -A INPUT -p tcp -m tcp --dport 30000:32767 -j REJECT --reject-with icmp-port-unreachable\n\
        -A KUBE-SERVICES -d 10.96.9.9/32 -p tcp -m tcp --dport 80 -j REJECT\nCOMMIT\n";

    #[test]
    fn the_rule_is_named_in_the_hosts_words() {
        let said = |output, protocol, port| rule(output, protocol, port).unwrap_or_default();
        insta::assert_snapshot!(said(NFT, "tcp", 30726), @"table inet site, chain early: tcp dport { 8000, 30000-30800 } counter packets 4 bytes 240 drop");
        insta::assert_snapshot!(said(NFT, "udp", 8472), @"table inet site, chain early: udp dport 8472 reject");
        insta::assert_snapshot!(said(IPTABLES, "tcp", 30726), @"iptables filter: -A INPUT -p tcp -m tcp --dport 30000:32767 -j REJECT --reject-with icmp-port-unreachable");
    }

    #[test]
    fn else_the_chain_that_lets_nothing_else_in() {
        let said = |output, protocol, port| rule(output, protocol, port).unwrap_or_default();
        insta::assert_snapshot!(said(NFT, "tcp", 31000), @"chain in of table inet site drops what it does not accept");
        insta::assert_snapshot!(said(IPTABLES, "udp", 8472), @"chain INPUT of iptables filter drops what it does not accept");
        assert_eq!(rule("*filter\n:INPUT ACCEPT [0:0]\n", "tcp", 80), None);
        let last = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\n";
        assert_eq!(rule(last, "tcp", 80).unwrap(), "iptables filter: -A INPUT -j DROP");
    }
}
