//! What a unit keeps in the kernel and in /run while it runs: state like a file, which a firewall's reload or a network's
//! restart takes away.

use serde::Serialize;

use crate::text::sh_quote;

/// Something that is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kept {
    /// A network device.
    Device {
        /// Its name.
        name: String,
    },
    /// An overlay of flannel's: a device, its address, and for each other node a route, a neighbour and a forwarding
    /// entry.
    Vxlan {
        /// The device's name.
        name: String,
        /// VXLAN network identifier.
        vni: u32,
        /// UDP port.
        port: u16,
    },
    /// Rules in a chain of nftables.
    NftChain {
        /// `ip` or `ip6`.
        family: &'static str,
        /// The table's name.
        table: String,
        /// The chain's name.
        chain: &'static str,
        /// A part of one of its rules.
        holds: &'static str,
    },
    /// Rules in a chain of iptables.
    IptablesChain {
        /// `iptables` or `ip6tables`.
        program: &'static str,
        /// `nat`.
        table: &'static str,
        /// `PREROUTING`.
        chain: &'static str,
        /// A part of one of its rules.
        holds: &'static str,
    },
    /// A file in /run.
    RunFile {
        /// Its path.
        path: String,
    },
    /// The bridge that pods are attached to. A CNI plugin makes it, and nobody looks after it.
    Bridge {
        /// The device's name.
        name: String,
        /// A file of lines `VARIABLE=ADDRESS/LENGTH`.
        file: String,
        /// The variable that has the bridge's address.
        variable: &'static str,
    },
    /// Rules by which ports of the host reach pods: what made them is gone, so they can only be missed.
    HostPorts {
        /// Directory of what CNI plugins have answered.
        results: String,
    },
}

impl Kept {
    /// Whether a unit makes it and makes it again when it is restarted.
    pub fn comes_with_its_unit(&self) -> bool {
        !matches!(self, Kept::Bridge { .. } | Kept::HostPorts { .. })
    }

    /// The network device.
    pub fn device(&self) -> Option<&str> {
        match self {
            Kept::Device { name } | Kept::Vxlan { name, .. } | Kept::Bridge { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Whether its routes and neighbours are looked at.
    pub fn is_overlay(&self) -> bool {
        matches!(self, Kept::Vxlan { .. })
    }

    /// As the script that looks after it calls its own functions.
    pub fn call(&self) -> String {
        let (vni, port);
        let (function, words): (&str, Vec<&str>) = match self {
            Kept::Device { name } => ("device", vec![name]),
            Kept::Vxlan { name, vni: number, port: udp } => {
                (vni, port) = (number.to_string(), udp.to_string());
                ("vxlan", vec![name, &vni, &port])
            }
            Kept::NftChain { family, table, chain, holds } => ("nft_chain", vec![family, table, chain, holds]),
            Kept::IptablesChain { program, table, chain, holds } => {
                ("iptables_chain", vec![program, table, chain, holds])
            }
            Kept::RunFile { path } => ("file", vec![path]),
            Kept::Bridge { name, file, variable } => ("bridge", vec![name, file, variable]),
            Kept::HostPorts { results } => ("host_ports", vec![results]),
        };
        let words: String = words.iter().map(|word| format!(" {}", sh_quote(word))).collect();
        format!("{function}{words}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_one_call_whose_words_stay_words() {
        let vxlan = Kept::Vxlan { name: "flannel.7".into(), vni: 7, port: 4789 };
        assert_eq!(vxlan.call(), "vxlan 'flannel.7' '7' '4789'");
        let chain =
            Kept::NftChain { family: "ip", table: "kube-proxy".into(), chain: "services", holds: "vmap @service-ips" };
        assert_eq!(chain.call(), "nft_chain 'ip' 'kube-proxy' 'services' 'vmap @service-ips'");
        assert_eq!(Kept::RunFile { path: "/run/it's".into() }.call(), r"file '/run/it'\''s'");
    }
}
