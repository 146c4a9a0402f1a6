//! A whole hierarchy of CAs and certificates from one file: what it is to be, what is there, what is to be done, doing it.
//!
//! The way through: [`load()`] reads the specification ([`model`]) and resolves it into a [`Hierarchy`], a list of
//! [`Item`]s with everything inherited and decided; [`look`] reads what lies in their places; [`decide`], a pure
//! function, says of every item what is to be done and why; [`apply`] does it. Knows nothing of clusters.

mod apply;
mod chain;
mod decide;
mod expand;
mod found;
mod item;
mod leftovers;
mod load;
pub mod model;
mod needed;
mod places;
mod plan;
mod resolve;
mod step;
#[cfg(test)]
mod tests;

pub use apply::{Job, Said, apply, rehearse};
pub use decide::{Options, decide};
pub use found::{Found, look};
pub use item::{Files, Hierarchy, Item, Kind, Upkeep};
pub use leftovers::sweep;
pub use load::{Loaded, load, parse, schema};
pub use plan::{Action, Plan, State, Step};
pub use resolve::resolve;
