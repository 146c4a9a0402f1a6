//! What the user wrote: the inventory file, its mistakes explained with their place.
//!
//! [`load`] reads the file (text → tree with places → shape by the JSON Schema → types). What the values mean is
//! checked by [`check`] and, where it depends on defaults and versions, by [`crate::cluster::resolve`], which reports
//! everything that anybody found at once.

pub mod check;
mod draft;
mod files;
mod find;
mod load;
mod lookalike;
mod mistake;
mod model;
mod nearest;
mod path;
mod scalar;
mod schema;
mod shape;
mod text;
mod wanted;
mod yaml;

pub use draft::Draft;
pub use find::{DEFAULT_FILE, find, state_dir};
pub use load::{Loaded, load, parse};
pub use mistake::Mistake;
pub use model::*;
pub use nearest::nearest;
pub use path::Path;
pub use schema::schema;
