//! Removing a lab: all that its state names, however much of it there is, and nothing else.

use std::fs;
use std::time::Duration;

use super::folders::{Folders, LabFolder};
use super::host::{self, Off};
use super::lock::Lock;
use super::state::{self, State};
use super::{inventory, machine, mounts, network};
use crate::error::{Error, Result};
use crate::ui::{Event, Reporter};

/// What a killed `lab up` had started ends by itself within this time.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Removes the lab. That there is none is no error; the value says whether there was one.
pub fn down(folders: &Folders, name: &str, reporter: &dyn Reporter) -> Result<bool> {
    machine::check_root()?;
    let folder = folders.lab(name)?;
    let Some(lock) = Lock::existing(&folder, PATIENCE)? else { return Ok(false) };
    let began = std::time::Instant::now();
    let step = format!("remove lab {name}");
    reporter.report(&Event::Started { host: String::new(), step: step.clone() });
    clear_and_remove(&lock, &folder)?;
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    reporter.report(&Event::Done { host: String::new(), step, millis, note: String::new() });
    Ok(true)
}

/// Removes every lab; the value names them. One that cannot be removed does not keep the others.
pub fn down_all(folders: &Folders, reporter: &dyn Reporter) -> Result<Vec<String>> {
    let names = state::names(folders)?;
    let errors: Vec<_> = names.iter().filter_map(|name| down(folders, name, reporter).err()).collect();
    Error::all(errors)?;
    Ok(names)
}

/// Ends the hosts and takes away what the kernel and the machine keep for the lab. Nothing is switched off in order:
/// the disks are thrown away next.
pub(super) fn clear(lock: &Lock, state: &State, folder: &LabFolder) -> Result<()> {
    let errors: Vec<Error> = std::thread::scope(|scope| {
        let end = |host: &state::HostState| host::switch_off(lock, host, &folder.host(&host.name), Off::Cut);
        let threads: Vec<_> = state.hosts.iter().map(|host| scope.spawn(move || end(host))).collect();
        threads
            .into_iter()
            .filter_map(|t| t.join().unwrap_or_else(|_| Err(Error::internal("a thread of the lab panicked"))).err())
            .collect()
    });
    Error::all(errors)?;
    network::remove_bridge(lock, state)?;
    mounts::remove_folder(&folder.path().join("hosts"))?;
    // ssh-keygen would ask before it overwrites one of these.
    for file in [folder.key(), folder.key().with_extension("pub"), folder.known_hosts()] {
        remove_file(&file)?;
    }
    if inventory::is_ours(&state.inventory, &state.name) {
        remove_file(&state.inventory)?;
    }
    Ok(())
}

fn remove_file(path: &std::path::Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(format!("remove {}", path.display()), &e)),
        _ => Ok(()),
    }
}

/// [`clear`], then the lab's folder; the state, which says what there is to remove, is in it and goes last.
pub(super) fn clear_and_remove(lock: &Lock, folder: &LabFolder) -> Result<()> {
    if let Some(state) = State::load(folder)? {
        clear(lock, &state, folder)?;
    }
    mounts::remove_folder(folder.path())
}
