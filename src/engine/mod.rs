//! What every command does with a cluster: open it, ask its hosts, decide what differs, make it so. It has no terminal:
//! where events go, what interrupts it and what is printed is up to the caller.

mod agreed;
pub mod confined;
mod desire;
mod endpoint;
mod folder;
mod held;
mod images;
mod links;
mod objects;
mod packages;
mod paths;
mod prepare;
mod programs;
mod record;
#[cfg(test)]
mod release_0_1_0;
mod removals;
mod retired_keys;
mod revocation;
#[cfg(test)]
mod revoked_tests;
mod secrets_at_rest;
mod session;
mod skip;
mod survey;
mod tree;
mod upgrade;
#[cfg(test)]
mod upgrade_tests;

pub use desire::{desire, names_only};
pub use folder::ClusterFolder;
pub use held::{Held, held};
pub use images::prepare_image;
pub use packages::fetch_packages;
pub use paths::shut as shut_paths;
pub use prepare::{Checked, PlanOptions, Prepared, Preview, check, prepare, preview};
pub use revocation::{Asked, forget_keys};
pub use session::{Access, Options, Session, resolve};
pub use survey::survey;
pub use tree::desired;
