//! flanneld: the network plugin `flannel`.

use serde_json::Value;

use super::certificate::CertificateRow;
use super::cni_plugins::plugin;
use super::kubernetes::pki;
use super::spec::*;
use crate::cluster::{Host, NetworkPlugin, Role};
use crate::recipes::Project;
use crate::state::{After, ComponentId, Kept, Ready, Rolling, Rollout, Wave};

/// flanneld.
pub const ID: ComponentId = ComponentId("flanneld");
/// Its unit.
pub const UNIT: &str = "flanneld.service";
/// Its VXLAN's device.
pub const DEVICE: &str = "flannel.1";

/// Whether the host's flannel makes a VXLAN: another backend makes another device, or none.
pub fn has_vxlan(host: &Host) -> bool {
    let config = host.settings(ID.0).map(|settings| &settings.config);
    !config.and_then(|config| config.get("Backend")).is_some_and(|backend| *backend != Value::Null)
}

const NET_CONF: &str = "net-conf.json";
const CONFLIST: &str = "10-flannel.conflist";

/// What flanneld keeps, by its backend; rules of iptables it looks after by itself, every 5 seconds
/// (`--iptables-resync`).
fn keeps(of: &Configured<'_>) -> Vec<Kept> {
    let is = |pointer: &str| of.value(NET_CONF, pointer).as_bool();
    let ipv6 = is("/EnableIPv6").unwrap_or(false) && !is("/EnableIPv4").unwrap_or(true);
    let (device, family, table, variable) = match ipv6 {
        false => ("flannel", "ip", "flannel-ipv4", "FLANNEL_SUBNET"),
        true => ("flannel-v6", "ip6", "flannel-ipv6", "FLANNEL_IPV6_SUBNET"),
    };
    let file = format!("{}/subnet.env", of.layout.flannel_run);
    let mut kept = vec![Kept::RunFile { path: file.clone() }];
    // Other backends have other devices, or none; routes to nodes on the same network are not the overlay's.
    if of.value(NET_CONF, "/Backend/Type") == "vxlan" && is("/Backend/DirectRouting") != Some(true) {
        let number = |pointer, otherwise| of.value(NET_CONF, pointer).as_u64().unwrap_or(otherwise);
        let vni = u32::try_from(number("/Backend/VNI", 1)).unwrap_or(1);
        let port = u16::try_from(number("/Backend/Port", 0)).unwrap_or(0);
        let port = if port == 0 { 8472 } else { port };
        kept.push(Kept::Vxlan { name: format!("{device}.{vni}"), vni, port });
    }
    if is("/EnableNFTables") == Some(true) {
        let table = table.to_owned();
        kept.push(Kept::NftChain { family, table, chain: "postrtg", holds: "masquerade" });
    }
    if of.value(CONFLIST, "/plugins/0/type") == "flannel" {
        let name = of.value(CONFLIST, "/plugins/0/delegate/bridge").as_str().unwrap_or("cni0").to_owned();
        kept.push(Kept::Bridge { name, file, variable });
        kept.push(Kept::HostPorts { results: format!("{}/results", of.layout.cni_data) });
    }
    kept
}

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "flanneld.",
    role: Some(Role::Node),
    runs_on: |cluster, host| host.is(Role::Node) && cluster.networks.plugin == NetworkPlugin::Flannel,
    programs: &[
        ProgramSpec::new("flanneld", Project::Flannel, Wave::Node),
        ProgramSpec { project: Project::CniFlannel, ..plugin("cni-flannel", "flannel") },
    ],
    unit: Some(UnitSpec {
        program: "flanneld",
        // It gives up where its node has no piece of the pod network yet, or where it may not look at it.
        rollout: Rollout { wave: Wave::Node, after: After::Registered, rolling: Rolling::Canary, ready: Ready::Runs },
        watched_by_restart: |cluster| pki(cluster, &["ca.crt"]),
        // It ends when its node is not registered yet, which on a first start is a matter of a second or two.
        restart_seconds: 1,
        noticed: "pods keep their network",
        noticed_alone: "pods keep their network",
    }),
    ports: &[PortSpec {
        protocol: Protocol::Udp,
        ..PortSpec::open(8472, "flannel's VXLAN (UDP)").reached_by(&[Role::Node])
    }],
    configs: &[
        ConfigSpec {
            template: NET_CONF,
            path: |layout| format!("{}/net-conf.json", layout.flannel),
            format: Format::MergedJson,
            copied_to: None,
        },
        ConfigSpec {
            template: CONFLIST,
            path: |layout| format!("{}/10-flannel.conflist", layout.flannel),
            format: Format::Json,
            // Where containerd looks, once the network is there.
            copied_to: Some(|layout| format!("{}/10-flannel.conflist", layout.cni_conf)),
        },
    ],
    kubeconfig: Some(KubeconfigSpec { file: "flannel.conf", user: "flannel", certificate: "flannel", local: false }),
    certificates: |cluster| {
        let runs = cluster.networks.plugin == NetworkPlugin::Flannel;
        let rows = || CertificateRow::of_each_host(cluster, Role::Node, "flannel", "flannel", "kbootstrap:flannel");
        let rows = runs.then(rows).unwrap_or_default();
        rows.into_iter().map(|row| row.used_by(ID.0)).collect()
    },
    dirs: |layout| vec![(layout.flannel.clone(), 0o755, "root")],
    modules: |_| vec!["vxlan"],
    objects: &["rbac.yaml", "admission.yaml"],
    templates: &[
        template!("flanneld", "10-flannel.conflist"),
        template!("flanneld", "admission.yaml"),
        template!("flanneld", "flanneld.flags"),
        template!("flanneld", "flanneld.service"),
        template!("flanneld", "net-conf.json"),
        template!("flanneld", "rbac.yaml"),
        template!("shared", "kubeconfig.yaml"),
    ],
    repeated_flags: &["iface", "iface-regex"],
    kernel: KernelSpec { keeps, without: "pods do not reach those of other nodes, or anything outside" },
    footprint: Footprint {
        dirs: |layout| vec![layout.flannel_run.clone()],
        links: &[DEVICE, "flannel-v6.1"],
        tables: &["flannel-ipv4", "flannel-ipv6"],
        chains: &["FLANNEL-"],
        ..Footprint::NONE
    },
    ..ComponentSpec::named(ID.0)
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::Layout;

    fn kept(net_conf: Value, conflist: Value) -> Vec<String> {
        let configs = BTreeMap::from([(NET_CONF, net_conf), (CONFLIST, conflist)]);
        let kept = keeps(&Configured { layout: &Layout::standard(), configs: &configs });
        kept.iter().map(|kept| kept.call().replace('\'', "")).collect()
    }

    #[test]
    fn what_flanneld_keeps_follows_its_configuration() {
        let conflist = json!({ "plugins": [{ "type": "flannel", "delegate": {} }] });
        let ours = json!({ "EnableNFTables": true, "Backend": { "Type": "vxlan" } });
        let all = [
            "file /run/flannel/subnet.env",
            "vxlan flannel.1 1 8472",
            "nft_chain ip flannel-ipv4 postrtg masquerade",
            "bridge cni0 /run/flannel/subnet.env FLANNEL_SUBNET",
            "host_ports /var/lib/cni/results",
        ];
        assert_eq!(kept(ours, conflist.clone()), all);
        let other = json!({ "Backend": { "Type": "vxlan", "VNI": 7, "Port": 4789 } });
        assert_eq!(kept(other, Value::Null), ["file /run/flannel/subnet.env", "vxlan flannel.7 7 4789"]);
        for backend in [json!({ "Type": "host-gw" }), json!({ "Type": "vxlan", "DirectRouting": true })] {
            assert_eq!(kept(json!({ "Backend": backend }), Value::Null), ["file /run/flannel/subnet.env"]);
        }
        let ipv6 =
            json!({ "EnableIPv4": false, "EnableIPv6": true, "EnableNFTables": true, "Backend": { "Type": "vxlan" } });
        let ipv6 = kept(ipv6, conflist);
        assert_eq!(ipv6[1..3], ["vxlan flannel-v6.1 1 8472", "nft_chain ip6 flannel-ipv6 postrtg masquerade"]);
        assert!(ipv6[3].ends_with("FLANNEL_IPV6_SUBNET"));
    }
}
