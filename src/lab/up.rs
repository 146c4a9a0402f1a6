//! Bringing a lab up: from nothing, from what an interrupted run left, or from hosts that are switched off.

use std::path::{Path, PathBuf, absolute};

use ipnet::Ipv4Net;

use super::cgroup::Hierarchies;
use super::folders::{Folders, LabFolder};
use super::lock::Lock;
use super::spec::{self, LabSpec};
use super::state::{HostState, State};
use super::{Lab, disk, down, host, inventory, machine, network, subnet, tree};
use crate::error::{Error, Result};
use crate::files;
use crate::ui::{Reporter, step};

/// Brings the lab up. One that is up already stays as it is; one that was never finished is removed and made again.
/// On failure nothing is left behind.
pub fn up(folders: &Folders, spec: &LabSpec, reporter: &dyn Reporter) -> Result<Lab> {
    spec.check()?;
    machine::check()?;
    spare_inventory(spec)?;
    let tree = tree::ensure(folders, spec.system, reporter)?;
    let folder = folders.lab(&spec.name)?;
    let lock = Lock::make(&folder, down::PATIENCE)?;
    match State::load(&folder)? {
        Some(state) if state.complete => return again(&lock, state, spec, folder, reporter),
        Some(state) => {
            reporter.info(&format!("removing what an interrupted run left of lab {}", spec.name));
            down::clear(&lock, &state, &folder)?;
        }
        None => {}
    }
    match make_new(&lock, folders, spec, &folder, &tree, reporter) {
        Ok(state) => Ok(Lab { folder, state }),
        Err(error) => {
            if let Err(second) = down::clear_and_remove(&lock, &folder) {
                reporter.warn(&format!("could not clean up: {second}; try `kbootstrap lab down --name {}`", spec.name));
            }
            Err(error)
        }
    }
}

fn make_new(
    lock: &Lock,
    folders: &Folders,
    spec: &LabSpec,
    folder: &LabFolder,
    tree: &Path,
    reporter: &dyn Reporter,
) -> Result<State> {
    machine::raise_inotify_limits(reporter);
    machine::load_modules();
    let hierarchies = Hierarchies::read()?;
    let state = claim_network(lock, folders, spec, folder, tree, &hierarchies)?;
    make(lock, state, spec, folder, &hierarchies, reporter)
}

/// An inventory is written only where there is none, or this lab's.
fn spare_inventory(spec: &LabSpec) -> Result<()> {
    match &spec.inventory {
        Some(path) if path.exists() && !inventory::is_ours(path, &spec.name) => {
            Err(Error::usage(format!("{} exists and is not this lab's inventory", path.display()))
                .hint("name another file with --inventory, or leave it out"))
        }
        _ => Ok(()),
    }
}

/// What will be made, decided before any of it is.
pub(super) fn plan(
    spec: &LabSpec,
    folder: &LabFolder,
    subnet: Ipv4Net,
    tree: &Path,
    cgroups: impl Fn(&str) -> Vec<PathBuf>,
) -> State {
    let id = folder.id();
    let hosts = (1..).zip(spec.hosts()).map(|(i, host)| HostState {
        address: spec::address(subnet, spec.hosts, i),
        roles: host.roles,
        netns: network::netns_name(&id, &host.name),
        veth: network::veth_name(&id, &host.name),
        cgroups: cgroups(&host.name),
        name: host.name,
    });
    State {
        name: spec.name.clone(),
        subnet,
        gateway: spec::gateway(subnet),
        bridge: network::bridge_name(&id),
        system: spec.system,
        tree: tree.to_owned(),
        inventory: spec.inventory.as_ref().and_then(|p| absolute(p).ok()).unwrap_or_else(|| folder.inventory()),
        complete: false,
        hosts: hosts.collect(),
        id,
    }
}

fn cgroup_name(name: &str, folder: &LabFolder) -> String {
    format!("{name}-{}", folder.id())
}

/// Chooses the network and claims it by making the bridge; two labs that come up at once do not choose the same.
fn claim_network(
    held: &Lock,
    folders: &Folders,
    spec: &LabSpec,
    folder: &LabFolder,
    tree: &Path,
    hierarchies: &Hierarchies,
) -> Result<State> {
    let _file = files::lock::wait(Path::new("/run/kbootstrap-lab.lock"), || {})?;
    let subnet = subnet::choose(spec.subnet, folders, &spec.name)?;
    let cgroup_name = cgroup_name(&spec.name, folder);
    let state = plan(spec, folder, subnet, tree, |host| hierarchies.of(&cgroup_name, host));
    state.save(folder)?;
    network::make_bridge(held, &state)?;
    Ok(state)
}

fn make(
    lock: &Lock,
    mut state: State,
    spec: &LabSpec,
    folder: &LabFolder,
    hierarchies: &Hierarchies,
    reporter: &dyn Reporter,
) -> Result<State> {
    let public_key = disk::make_key(lock, &folder.key(), &format!("kbootstrap lab {}", state.name))?;
    let known_hosts = on_all(&state.hosts, reporter, |host| {
        let folder = folder.host(&host.name);
        disk::make(&folder)?;
        disk::mount(lock, &state, &folder)?;
        let known = disk::personalize(lock, &state, host, &folder, &public_key)?;
        host::switch_on(lock, &state, host, &folder, hierarchies.unified)?;
        Ok(known)
    })?;
    files::write_public(&folder.known_hosts(), known_hosts.concat().as_bytes())?;
    files::write_public(&state.inventory, inventory::render(&state, spec, folder).as_bytes())?;
    state.complete = true;
    state.save(folder)?;
    Ok(state)
}

/// The lab is there: starts those of its hosts that are off, for example after the machine itself was restarted.
fn again(lock: &Lock, mut state: State, spec: &LabSpec, folder: LabFolder, reporter: &dyn Reporter) -> Result<Lab> {
    let same = spec
        .hosts()
        .into_iter()
        .map(|h| (h.name, h.roles))
        .eq(state.hosts.iter().map(|h| (h.name.clone(), h.roles.clone())))
        && spec.system == state.system
        && spec.subnet.is_none_or(|subnet| subnet.trunc() == state.subnet);
    if !same {
        return Err(Error::usage(format!("there is a lab {} already, and it is another one", state.name))
            .hint("choose another --name")
            .hint(format!("or remove it first: kbootstrap lab down --name {}", state.name)));
    }
    let off: Vec<_> = state.hosts.iter().filter(|h| !host::is_on(&folder.host(&h.name))).cloned().collect();
    if off.is_empty() {
        reporter.info(&format!("lab {} is up already", state.name));
    }
    start(lock, &mut state, &folder, &off, reporter)?;
    Ok(Lab { folder, state })
}

/// Starts hosts that have a disk.
pub(super) fn start(
    lock: &Lock,
    state: &mut State,
    folder: &LabFolder,
    hosts: &[HostState],
    reporter: &dyn Reporter,
) -> Result<()> {
    if hosts.is_empty() {
        return Ok(());
    }
    machine::raise_inotify_limits(reporter);
    machine::load_modules();
    let hierarchies = Hierarchies::read()?;
    let name = cgroup_name(&state.name, folder);
    for host in hosts {
        // Whatever is left of its last life goes first.
        host::switch_off(lock, host, &folder.host(&host.name), host::Off::Cut)?;
        if let Some(host) = state.hosts.iter_mut().find(|h| h.name == host.name) {
            host.cgroups = hierarchies.of(&name, &host.name);
        }
    }
    state.save(folder)?;
    network::make_bridge(lock, state)?;
    let chosen: Vec<_> =
        state.hosts.iter().filter(|h| hosts.iter().any(|wanted| wanted.name == h.name)).cloned().collect();
    on_all(&chosen, reporter, |host| {
        let folder = folder.host(&host.name);
        disk::mount(lock, state, &folder)?;
        host::switch_on(lock, state, host, &folder, hierarchies.unified)
    })
    .map(drop)
}

/// Does it for all hosts at once and reports each; all failures are returned.
fn on_all<T: Send>(
    hosts: &[HostState],
    reporter: &dyn Reporter,
    work: impl Fn(&HostState) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let results: Vec<Result<T>> = std::thread::scope(|scope| {
        let threads: Vec<_> = hosts.iter().map(|host| scope.spawn(|| reported(host, reporter, &work))).collect();
        threads
            .into_iter()
            .map(|t| t.join().unwrap_or_else(|_| Err(Error::internal("a thread of the lab panicked"))))
            .collect()
    });
    let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(|result| result.is_ok());
    Error::all(bad.into_iter().filter_map(std::result::Result::err))?;
    Ok(good.into_iter().filter_map(std::result::Result::ok).collect())
}

fn reported<T>(host: &HostState, reporter: &dyn Reporter, work: impl Fn(&HostState) -> Result<T>) -> Result<T> {
    step::run(reporter, &host.name, "boot", |_| Ok((work(host)?, host.address.to_string())))
}
