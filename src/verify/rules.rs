//! What kube-proxy has put into a node's kernel: whether it has heard of a Service already.

use std::net::IpAddr;

/// What kube-proxy needs a rule for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A Service's address, protocol (`tcp` or `udp`) and port.
    Service(IpAddr, &'static str, u16),
    /// A port of every node, with its protocol.
    NodePort(&'static str, u16),
}

/// What a node's kernel holds for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// A rule that leads to pods.
    Yes,
    /// Other Services, but not this one.
    No,
    /// Nothing of kube-proxy's.
    NoRules,
    /// It cannot be seen.
    Untold,
}

/// Prints what kube-proxy has in the kernel, in either of the modes that can be read.
pub(super) const SCRIPT: &str = "for family in ip ip6; do nft list table $family kube-proxy 2>/dev/null; done\n\
    for save in iptables-save ip6tables-save; do $save -t nat 2>/dev/null | grep -e KUBE-; done\n\
    command -v nft || command -v iptables-save\n";

/// What the output of [`SCRIPT`] says of it. kube-proxy lists a Service that has no pods elsewhere.
pub(super) fn known(output: &str, entry: &Entry) -> Known {
    let (element, nat) = match entry {
        Entry::Service(address, protocol, port) => {
            let mask = if address.is_ipv4() { 32 } else { 128 };
            (format!("{address} . {protocol} . {port} "), Some((format!(" -d {address}/{mask} "), *protocol, *port)))
        }
        Entry::NodePort(protocol, port) => (format!("{protocol} . {port} "), None),
    };
    // An element of a map: `10.96.0.1 . tcp . 443 : goto service-…`; its counters and comments stand between.
    let leads = |element: &str| {
        element
            .split_once(": ")
            .is_some_and(|(_, verdict)| verdict.starts_with("goto service-") || verdict.starts_with("goto external-"))
    };
    let in_map = output.match_indices(&element).any(|(at, _)| {
        let begins = output[..at].ends_with(['\t', ' ', '{', '\n']) && !output[..at].ends_with(". ");
        begins && leads(output[at..].split([',', '}', '\n']).next().unwrap_or_default())
    });
    let in_chain = output.lines().filter(|line| line.starts_with("-A KUBE-")).any(|line| {
        let (to, protocol, port) = match (&nat, entry) {
            (Some((to, protocol, port)), _) => (to.as_str(), *protocol, *port),
            (None, Entry::NodePort(protocol, port)) => ("-A KUBE-NODEPORTS ", *protocol, *port),
            _ => return false,
        };
        let leads = line.contains("-j KUBE-SVC-") || line.contains("-j KUBE-EXT-");
        let port = line.contains(&format!("--dport {port} ")) && line.contains(&format!("-p {protocol} "));
        line.contains(to) && port && leads
    });
    let has = |mark: &str| output.contains(mark);
    match in_map || in_chain {
        true => Known::Yes,
        false if has("chain services") || has("-A KUBE-SERVICES ") => Known::No,
        false if output.lines().any(|line| line.ends_with("/nft") || line.ends_with("/iptables-save")) => {
            Known::NoRules
        }
        false => Known::Untold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NFT: &str = "table ip kube-proxy {\n\
        \tset cluster-ips {\n\t\ttype ipv4_addr\n\t\telements = { 10.96.0.1, 10.96.0.10 }\n\t}\n\
        \tmap no-endpoint-services {\n\t\telements = { 10.96.9.9 . tcp . 80 comment \"a/b\" : goto reject-chain }\n\t}\n\
        \tmap service-ips {\n\t\telements = { 10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https,\n\
        \t\t\t     10.96.0.10 . udp . 53 : goto service-FY5PMXPG-kube-system/kube-dns/udp/dns }\n\t}\n\
        \tmap service-nodeports {\n\t\telements = { tcp . 30726 : goto external-ABC-x/web/tcp/ }\n\t}\n\
        \tchain services {\n\t}\n}\n/usr/sbin/nft\n";

    const IPTABLES: &str = "-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment \"default/kubernetes:https cluster IP\" -m tcp --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y\n\
        -A KUBE-NODEPORTS -d 127.0.0.0/8 -p tcp -m tcp --dport 30726 -m nfacct -j KUBE-EXT-X\n\
        -A KUBE-SVC-NPX46M4PTMTKRN6Y ! -s 10.244.0.0/16 -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-MARK-MASQ\n/usr/sbin/iptables-save\n";

    fn service(address: &str, protocol: &'static str, port: u16) -> Entry {
        Entry::Service(address.parse().unwrap(), protocol, port)
    }

    #[test]
    fn kube_proxy_has_heard_of_it_or_not_yet() {
        for (output, what) in [(NFT, "nftables"), (IPTABLES, "iptables")] {
            assert_eq!(known(output, &service("10.96.0.1", "tcp", 443)), Known::Yes, "{what}");
            assert_eq!(known(output, &service("10.96.0.1", "udp", 443)), Known::No, "{what}");
            assert_eq!(known(output, &service("10.96.0.1", "tcp", 44)), Known::No, "{what}");
            assert_eq!(known(output, &service("10.96.7.7", "tcp", 80)), Known::No, "{what}");
            assert_eq!(known(output, &Entry::NodePort("tcp", 30726)), Known::Yes, "{what}");
            assert_eq!(known(output, &Entry::NodePort("tcp", 30727)), Known::No, "{what}");
            assert_eq!(known(output, &Entry::NodePort("udp", 30726)), Known::No, "{what}");
        }
        assert_eq!(known(NFT, &service("10.96.0.10", "udp", 53)), Known::Yes);
    }

    #[test]
    fn a_service_without_pods_is_not_there_yet() {
        assert_eq!(known(NFT, &service("10.96.9.9", "tcp", 80)), Known::No);
    }

    #[test]
    fn no_rules_at_all_and_no_way_to_see_them() {
        assert_eq!(known("/usr/sbin/nft\n", &Entry::NodePort("tcp", 30726)), Known::NoRules);
        assert_eq!(known("", &Entry::NodePort("tcp", 30726)), Known::Untold);
    }
}
