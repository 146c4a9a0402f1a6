//! Who trusts whom: the cluster's certificate table, issued into the cluster's folder and laid out for each host.

mod table;

pub use table::*;
