//! The probe: one script that asks a host for everything at once, and what reads its answer.
//!
//! A group of sections is two files of one name: the shell that answers, and beside it the Rust that says what is asked
//! and reads the answer. [`GROUPS`] lists them. Reading is pure and never panics, whatever a host answers.

mod answer;
mod ask;
mod boot;
mod clock;
mod disks;
mod files;
mod images;
mod kernel;
mod lost;
mod machine;
mod network;
mod packages;
mod programs;
mod script;
mod units;
mod ways;

use std::time::SystemTime;

use super::{HostFacts, Questions};
use crate::cluster::Layout;
use crate::error::Result;
use answer::{Sections, incomplete};
pub use ask::probe;
use script::Variables;
pub use script::script;

/// Some sections of the probe: what is asked, and what the answer means.
struct Group {
    /// The shell. It begins each of its sections with `section NAME`.
    shell: &'static str,
    /// The variables that its shell reads.
    ask: fn(&Questions, &Layout, &mut Variables),
    /// Reads its sections; what a host does not say stays as it is.
    read: fn(&Sections, &mut HostFacts),
}

/// In the order in which they are asked. `units` comes before `files`, which comes before `ways`, `clock` before everything.
const GROUPS: [Group; 13] = [
    clock::GROUP,
    machine::GROUP,
    kernel::GROUP,
    disks::GROUP,
    boot::GROUP,
    network::GROUP,
    programs::GROUP,
    packages::GROUP,
    units::GROUP,
    files::GROUP,
    ways::GROUP,
    images::GROUP,
    lost::GROUP,
];

/// Nothing is asked beyond what the shell asks always.
fn no_questions(_: &Questions, _: &Layout, _: &mut Variables) {}

/// Reads the answer to a script with that nonce, which the operator's clock saw start at `started` and end at `ended`.
///
/// # Errors
/// `Remote` when the answer is not one, ends too early, or has a section twice.
pub fn parse(stdout: &[u8], nonce: &str, started: SystemTime, ended: SystemTime) -> Result<HostFacts> {
    let text = String::from_utf8_lossy(stdout);
    let sections = Sections::split(&text, nonce)?;
    let mut facts = HostFacts::default();
    for group in &GROUPS {
        (group.read)(&sections, &mut facts);
    }
    if facts.kernel_release.is_empty() {
        return Err(incomplete(sections.text("texts")).detail("the host told no kernel"));
    }
    clock::compare(&sections, started, ended, &mut facts)?;
    Ok(facts)
}

#[cfg(test)]
mod tests;
