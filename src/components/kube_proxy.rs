//! kube-proxy.

use super::certificate::CertificateRow;
use super::kubernetes::{self, KLOG, NO_EFFECT};
use super::spec::*;
use crate::cluster::{ProxyMode, RemovedFlag, Role};
use crate::recipes::Project;
use crate::state::{After, Kept, Ready, Rolling, Rollout, Wave};

/// The component, its program and its table.
pub const NAME: &str = "kube-proxy";
/// Its unit.
pub const UNIT: &str = "kube-proxy.service";

const CONFIG: &str = "kube-proxy.yaml";

/// Where the way to Services begins, in each mode.
fn keeps(of: &Configured<'_>) -> Vec<Kept> {
    let address = of.value(CONFIG, "/bindAddress").as_str().unwrap_or_default();
    let ranges = of.value(CONFIG, "/clusterCIDR").as_str().unwrap_or_default();
    let ipv6 = address.contains(':') || ranges.contains(':');
    let family = if ipv6 { "ip6" } else { "ip" };
    let program = if ipv6 { "ip6tables" } else { "iptables" };
    let nft = |chain, holds| Kept::NftChain { family, table: NAME.into(), chain, holds };
    let iptables = |chain, holds| Kept::IptablesChain { program, table: "nat", chain, holds };
    let jumps = || vec![iptables("PREROUTING", "-j KUBE-SERVICES"), iptables("OUTPUT", "-j KUBE-SERVICES")];
    match of.value(CONFIG, "/mode").as_str() {
        Some("nftables") => vec![nft("nat-prerouting", "jump services"), nft("services", "vmap @service-ips")],
        Some("ipvs") => [vec![Kept::Device { name: "kube-ipvs0".into() }], jumps()].concat(),
        _ => jumps(),
    }
}

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "kube-proxy.",
    role: Some(Role::Node),
    runs_on: |_, host| host.is(Role::Node),
    programs: &[ProgramSpec::new(NAME, Project::Kubernetes, Wave::Node)],
    unit: Some(UnitSpec {
        program: NAME,
        rollout: Rollout { wave: Wave::Node, after: After::Objects, rolling: Rolling::Canary, ready: Ready::Runs },
        watched_by_restart: kubernetes::ca,
        restart_seconds: 2,
        noticed: "Services work on; their changes arrive some seconds later on the host",
        noticed_alone: "Services work on; their changes arrive some seconds later on the host",
    }),
    ports: &[
        PortSpec::loopback(10249, "kube-proxy, metrics on 127.0.0.1"),
        PortSpec::open(10256, "kube-proxy, health"),
    ],
    configs: &[ConfigSpec {
        template: CONFIG,
        path: |layout| format!("{}/kube-proxy.yaml", layout.kubernetes),
        format: Format::MergedYaml,
        copied_to: None,
    }],
    kubeconfig: Some(KubeconfigSpec {
        file: "kube-proxy.conf",
        user: "system:kube-proxy",
        certificate: NAME,
        local: false,
    }),
    certificates: |cluster| {
        let rows = CertificateRow::of_each_host(cluster, Role::Node, NAME, NAME, "kbootstrap:kube-proxy");
        rows.into_iter().map(|row| row.used_by(NAME)).collect()
    },
    dirs: kubernetes::dirs,
    modules: |cluster| match cluster.proxy_mode {
        ProxyMode::Ipvs => vec!["nf_conntrack", "ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"],
        _ => vec!["nf_conntrack"],
    },
    objects: &["rbac.yaml"],
    templates: &[
        template!("kube-proxy", "kube-proxy.flags"),
        template!("kube-proxy", "kube-proxy.service"),
        template!("kube-proxy", "kube-proxy.yaml"),
        template!("kube-proxy", "rbac.yaml"),
        template!("shared", "kubeconfig.yaml"),
    ],
    removed_flags: &[&[RemovedFlag::kubernetes("proxy-port-range", 31, NO_EFFECT)], KLOG],
    fields: include_str!("kube_proxy_fields.txt"),
    kernel: KernelSpec { keeps, without: "Services do not work there" },
    footprint: Footprint {
        dirs: |layout| vec![layout.kube_proxy.clone()],
        links: &["kube-ipvs0"],
        tables: &["kube-proxy"],
        chains: &["KUBE-"],
        ..Footprint::NONE
    },
    ..ComponentSpec::named(NAME)
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::cluster::Layout;

    #[test]
    fn what_kube_proxy_keeps_follows_its_mode() {
        let kept = |mode: &str, cidr: &str| -> Vec<String> {
            let config = json!({ "mode": mode, "bindAddress": "0.0.0.0", "clusterCIDR": cidr });
            let configs = BTreeMap::from([(CONFIG, config)]);
            let kept = keeps(&Configured { layout: &Layout::standard(), configs: &configs });
            kept.iter().map(|kept| kept.call().replace('\'', "")).collect()
        };
        let nftables = kept("nftables", "10.244.0.0/16");
        assert_eq!(nftables.len(), 2, "each costs some milliseconds every ten seconds");
        assert_eq!(nftables[1], "nft_chain ip kube-proxy services vmap @service-ips");
        assert!(kept("nftables", "fd00::/56").iter().all(|call| call.starts_with("nft_chain ip6 kube-proxy ")));
        let iptables = kept("iptables", "10.244.0.0/16");
        assert_eq!(iptables[0], "iptables_chain iptables nat PREROUTING -j KUBE-SERVICES");
        assert_eq!(kept("ipvs", "10.244.0.0/16")[0], "device kube-ipvs0");
    }
}
