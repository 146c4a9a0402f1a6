//! States of the example cluster's hosts.

use std::collections::BTreeMap;

use crate::cluster::*;
use crate::components::{Catalogue, SysctlSpec};
use crate::error::Result;
use crate::facts::{CAP_SYS_RESOURCE, CONNTRACK_MAX, Cgroup, HostFacts, Sysctl};
use crate::render::{Common, Inputs, Templates, host_state};
use crate::secret::Secret;
use crate::state::{ArtifactRef, Content, EncryptionKey, File, HostState};

/// What systemd-nspawn, LXC and small virtual servers look like.
pub(super) fn container() -> HostFacts {
    let mut facts = HostFacts::default_host();
    facts.cgroup = Cgroup::V1;
    facts.capabilities &= !(1 << CAP_SYS_RESOURCE);
    let insists = kubelet_sysctls();
    let fixed = insists.iter().filter(|s| matches!(s, SysctlSpec::Exactly(..))).map(SysctlSpec::name);
    let fixed = fixed.chain([CONNTRACK_MAX]);
    for name in fixed {
        facts.sysctls.insert(name.into(), Sysctl { value: "0".into(), writable: false });
    }
    facts.modules.insert("vxlan".into(), crate::facts::Module::Missing);
    facts.programs.remove("nft");
    facts
}

pub(super) fn kubelet_sysctls() -> &'static [SysctlSpec] {
    Catalogue::standard().get("kubelet").unwrap().sysctls
}

/// The state of the host at `index`, with our templates.
pub(super) fn state(cluster: &Cluster, index: usize, facts: &HostFacts) -> Result<HostState> {
    state_with(cluster, index, facts, &Templates::embedded(&Catalogue::standard()))
}

pub(super) fn state_with(
    cluster: &Cluster,
    index: usize,
    facts: &HostFacts,
    templates: &Templates,
) -> Result<HostState> {
    let host = &cluster.hosts[index];
    host_state(&Inputs {
        catalogue: &Catalogue::standard(),
        cluster,
        common: &Common::of(cluster),
        host,
        facts,
        programs: &artifact,
        pki_files: &pki_files(host, &cluster.layout),
        encryption_keys: &[EncryptionKey { name: "key1".into(), secret: Secret::new([7; 32]) }],
        templates,
    })
}

#[allow(clippy::unnecessary_wraps)] // the type is the one that Inputs wants
fn artifact(name: &str) -> Result<ArtifactRef> {
    Ok(ArtifactRef { name: name.into(), version: "1.0.0".into(), sha256: format!("{:0>64}", name.len()), size: 1 })
}

/// The names that the PKI table gives a host of these roles.
fn pki_files(host: &Host, layout: &Layout) -> BTreeMap<String, File> {
    let mut files = BTreeMap::new();
    let mut add = |folder: &str, owner: &str, names: &[&str]| {
        for name in names {
            let secret = name.ends_with(".key");
            let content =
                if secret { Content::Secret(Secret::new(*b"key")) } else { Content::Text(format!("{name}\n").into()) };
            let mode = if secret { 0o600 } else { 0o644 };
            files.insert(format!("{folder}/{name}"), File { content, mode, owner: owner.into() });
        }
    };
    if host.is(Role::Etcd) {
        add(&layout.etcd_pki, "etcd", &["ca.crt", "server.crt", "server.key", "peer.crt", "peer.key"]);
    }
    if host.is(Role::Master) {
        let names = ["ca-signing.crt", "ca.key", "etcd-ca.crt", "front-proxy-ca.crt", "sa.pub", "sa.key"];
        add(&layout.pki, "root", &names);
    }
    let pairs: &[&str] = &[
        "apiserver",
        "apiserver-kubelet-client",
        "apiserver-etcd-client",
        "front-proxy-client",
        "admin",
        "controller-manager",
        "controller-manager-server",
        "scheduler",
        "scheduler-server",
    ];
    let node: &[&str] = &["kubelet-client", "kubelet", "kube-proxy", "flannel"];
    for (role, names) in [(Role::Master, pairs), (Role::Node, node)] {
        if host.is(role) {
            add(&layout.pki, "root", &["ca.crt"]);
            for name in names {
                add(&layout.pki, "root", &[&format!("{name}.crt"), &format!("{name}.key")]);
            }
        }
    }
    files
}

/// The text of a file; panics when there is none.
pub(super) fn text<'a>(state: &'a HostState, path: &str) -> &'a str {
    match &state.files.get(path).unwrap_or_else(|| panic!("{path} is not rendered")).content {
        Content::Text(text) => text,
        other => panic!("{path} is {other:?}"),
    }
}

/// The flags of a unit as its program gets them: systemd's quoting undone, a list where a flag stands twice.
pub(super) fn flags(state: &HostState, program: &str) -> BTreeMap<String, Vec<String>> {
    let unit = text(state, &format!("/etc/systemd/system/{program}.service"));
    let start = unit.find("ExecStart=").expect("a unit has ExecStart") + "ExecStart=".len();
    let command: Vec<_> = unit[start..]
        .lines()
        .scan(true, |more, line| {
            let this = more.then_some(line);
            *more = line.ends_with('\\');
            this.map(|line| line.trim_end_matches('\\'))
        })
        .collect();
    let words = shlex::split(&command.join(" ")).expect("quoting is closed");
    let mut flags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for word in words.iter().skip(1) {
        let (name, value) = word.strip_prefix("--").and_then(|w| w.split_once('=')).expect("--flag=value");
        flags.entry(name.into()).or_default().push(value.replace("%%", "%").replace("$$", "$"));
    }
    flags
}
