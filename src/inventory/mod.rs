//! What the user wrote: the inventory file, its mistakes explained with their place.

mod model;

pub use model::*;
