//! What a reset takes away of the network: what is ours by its name, and nothing that only mentions it.

use std::process::Command;

use kbootstrap::cluster::Layout;
use kbootstrap::reset::{Targets, script};

/// Runs `before`, the reset and `after` in a network of their own, where named namespaces are their own, too; what is said.
fn reset(before: &str, targets: Targets, after: &str) -> String {
    let text = format!(
        "set -e\nmount -t tmpfs none /run/netns\n{before}\nset +e\n( {} )\necho \"status $?\"\n{after}\n",
        script(&targets, &Layout::standard())
    );
    let output =
        Command::new("unshare").args(["--mount", "--net", "--propagation", "private", "sh", "-c", &text]).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

fn chains() -> Targets {
    Targets { chains: ["CNI-", "FLANNEL-", "KUBE-"].map(String::from).into(), ..Targets::default() }
}

#[test]
fn only_chains_of_ours_go_and_what_leads_to_them() {
    for tool in ["iptables", "ip6tables"] {
        let before = format!(
            r#"t={tool}
$t -N KUBE-FORWARD; $t -A KUBE-FORWARD -j ACCEPT; $t -N KUBE-DEEP; $t -A KUBE-FORWARD -j KUBE-DEEP
$t -A FORWARD -m comment --comment 'kubernetes "forwarding" rules' -j KUBE-FORWARD
$t -t nat -N CNI-a1; $t -t nat -A POSTROUTING -m comment --comment 'name: "cbr0"' -j CNI-a1; $t -t nat -A OUTPUT -g CNI-a1
$t -A INPUT -p tcp --dport 2379 -m comment --comment 'site: NON-KUBE-HOSTS -j KUBE-FORWARD' -j DROP
$t -N SITE-NO-KUBE-NET; $t -A SITE-NO-KUBE-NET -p tcp --dport 22 -j DROP; $t -A INPUT -j SITE-NO-KUBE-NET
$t -P FORWARD DROP"#
        );
        let said = reset(&before, chains(), &format!("{tool}-save"));
        assert!(said.contains(&format!("removed: our {tool} chains")) && said.contains("status 0"), "{said}");
        for stays in [
            "--comment \"site: NON-KUBE-HOSTS -j KUBE-FORWARD\" -j DROP",
            "-A SITE-NO-KUBE-NET -p tcp -m tcp --dport 22 -j DROP",
            "-A INPUT -j SITE-NO-KUBE-NET",
            ":FORWARD DROP",
        ] {
            assert!(said.contains(stays), "{stays}: {said}");
        }
        for goes in [":KUBE-", ":CNI-", "forwarding", "cbr0", "CNI-a1"] {
            assert!(!said.contains(goes), "{goes}: {said}");
        }
    }
}

#[test]
fn where_there_are_no_chains_of_ours_nothing_is_written() {
    let said = reset("iptables -A INPUT -m comment --comment KUBE-X -j DROP", chains(), "iptables-save");
    assert!(!said.contains("removed:") && said.contains("--comment KUBE-X -j DROP"), "{said}");
}

#[test]
fn only_namespaces_of_pods_go() {
    let targets = Targets { namespaces: vec!["cni-".into()], ..Targets::default() };
    let before = "for n in qrouter-site vpn cni-1 cni-2; do ip netns add $n; done";
    let said = reset(before, targets, "ip netns list | sort | paste -sd ' '");
    assert!(said.ends_with("status 0\nqrouter-site vpn\n"), "{said}");
    // The catalogue names none of their mounts, either.
    let catalogue = kbootstrap::components::Catalogue::standard();
    let mounts = catalogue.footprint(|of| (of.mounts)(&Layout::standard()));
    assert!(!mounts.is_empty() && mounts.iter().all(|mount| !mount.contains("netns")), "{mounts:?}");
}
