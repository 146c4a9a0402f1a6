//! What the process gives up before it does anything: it holds keys.

use rustix::fs::Mode;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask};
use rustix::system::sysinfo;
use rustix::thread::{CapabilitySet, capabilities};

/// Closes the ways by which keys in memory get to a disk, and the folders that are made to everybody else.
pub(super) fn protect() {
    let given = umask(Mode::empty());
    umask(given | Mode::WGRP | Mode::WOTH);
    // What a system refuses here leaves the process as it is everywhere else.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if swaps() && may_lock_all() {
        let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT);
    }
}

/// Where there is no swap when it starts, locking every page would cost a short command a seventh of its time for nothing.
fn swaps() -> bool {
    sysinfo().totalswap != 0
}

/// Under a limit, memory that is to be locked could not be had later on.
fn may_lock_all() -> bool {
    getrlimit(Resource::Memlock).current.is_none()
        || capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK))
}
