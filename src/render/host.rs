//! A host's desired state, put together.

use std::collections::BTreeMap;

use super::balancing::{BalancerContext, HeldContext};
use super::context::{Context, KernelContext};
use super::service::{self, private};
use super::{Inputs, programs};
use crate::cluster::Layout;
use crate::components::{ComponentSpec, data_plane};
use crate::error::{Error, Result};
use crate::facts;
use crate::state::{Dir, File, HostState};

/// Everything that the host must hold. All mistakes in the inventory's flags, configuration and templates are
/// reported at once.
pub fn host_state(inputs: &Inputs<'_>) -> Result<HostState> {
    let (cluster, host) = (inputs.cluster, inputs.host);
    let decisions = facts::decide(inputs.catalogue, cluster, host, inputs.facts);
    let mut state = HostState {
        host: host.name.clone(),
        files: inputs.pki_files.clone(),
        dirs: dirs(inputs),
        sysctls: decisions.sysctls.clone(),
        modules: decisions.modules.clone(),
        packages: inputs.catalogue.packages(cluster, host),
        ..HostState::default()
    };
    add_kernel_files(&mut state, &cluster.layout);
    if decisions.network_manager {
        add_network_manager(&mut state, inputs);
    }

    let mut context = Context::new(inputs.catalogue, cluster, inputs.common, host, inputs.facts, decisions)?;
    let mut errors: Vec<Error> = Vec::new();
    // What looks after the others' side of the kernel knows them all.
    let is_last = |spec: &&ComponentSpec| spec.id == data_plane::ID;
    let (last, others): (Vec<&ComponentSpec>, Vec<&ComponentSpec>) =
        inputs.catalogue.on(cluster, host).partition(is_last);
    for spec in others {
        state.users.extend(spec.users.iter().map(|user| (*user).to_owned()));
        context.balancer = BalancerContext::of(spec.id, cluster, inputs.facts);
        context.held = HeldContext::of(spec.id, cluster, host, inputs.facts);
        errors.extend(service::add(&mut state, inputs, &context, spec).err());
    }
    add_tmpfiles(&mut state, &cluster.layout);
    for spec in last {
        context.kernel = Some(KernelContext::of(&state, inputs.catalogue.on(cluster, host)));
        errors.extend(service::add(&mut state, inputs, &context, spec).err());
    }
    errors.extend(programs::add(&mut state, inputs).err());
    Error::all(errors)?;
    Ok(state)
}

fn add_kernel_files(state: &mut HostState, layout: &Layout) {
    if !state.sysctls.is_empty() {
        let lines: String = state.sysctls.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        state.files.insert(layout.sysctls.clone(), public(lines));
    }
    if !state.modules.is_empty() {
        let lines: String = state.modules.iter().map(|name| format!("{name}\n")).collect();
        state.files.insert(layout.modules.clone(), public(lines));
    }
}

/// Devices that components and network plugins make are theirs: NetworkManager would take them for its own, and undo them
/// with its connections.
fn add_network_manager(state: &mut HostState, inputs: &Inputs<'_>) {
    let specs = inputs.catalogue.on(inputs.cluster, inputs.host);
    let links: Vec<&str> = specs.flat_map(|spec| spec.footprint.links).copied().collect();
    if links.is_empty() {
        return;
    }
    let devices: Vec<_> = links.into_iter().chain([PODS_ENDS]).map(|name| format!("interface-name:{name}")).collect();
    let text = format!("[keyfile]\nunmanaged-devices+={}\n", devices.join(";"));
    state.files.insert(inputs.cluster.layout.network_manager.clone(), public(text));
}

/// Names of the host's ends of pods' cables (containernetworking plugins, `ip.SetupVeth`).
const PODS_ENDS: &str = "veth*";

/// What a unit makes once it is ready says to others that it is: after a boot not before it is so again.
fn add_tmpfiles(state: &mut HostState, layout: &Layout) {
    let made = state.units.iter().flat_map(|unit| unit.makes.keys());
    let lines: String = made.map(|path| format!("r! {path}\n")).collect();
    if !lines.is_empty() {
        state.files.insert(layout.tmpfiles.clone(), public(lines));
    }
}

fn public(text: String) -> File {
    File { mode: 0o644, ..private(text) }
}

/// Directories of ours; those of the system (`/usr/local/bin`, `/etc/systemd/system`) stay as they are.
fn dirs(inputs: &Inputs<'_>) -> BTreeMap<String, Dir> {
    let layout = &inputs.cluster.layout;
    let own = inputs.catalogue.on(inputs.cluster, inputs.host).flat_map(|spec| (spec.dirs)(layout));
    let records = [(layout.records.clone(), 0o700, "root")];
    own.chain(records).map(|(path, mode, owner)| (path, Dir { mode, owner: owner.into() })).collect()
}
