//! What the user wrote: the inventory file, its mistakes explained with their place.
//!
//! [`load`] reads the file by way of [`crate::document`]. What the values mean is checked by [`check`] and, where it depends
//! on defaults and versions, by [`crate::cluster::resolve`], which reports
//! everything that anybody found at once. What other tools write is recognised by [`foreign`].

mod change;
pub mod check;
mod draft;
mod files;
mod find;
pub mod foreign;
mod load;
mod model;
mod ranges;
mod schema;

pub use crate::document::{Mistake, Path, words};
pub use change::{Change, Field, fields};
pub use draft::{Addresses, Draft, quoted};
pub use files::anchor;
pub use find::{DEFAULT_FILE, find, state_dir};
pub use load::{Loaded, load, parse};
pub use model::*;
pub use ranges::Ranges;
pub use schema::schema;
