//! Text that means something to a person, a shell or a URL: names that were meant, quoting, addresses.

mod address;
mod nearest;
mod quote;
mod shorten;

pub use address::{bracketed, host_port, split_host_port};
pub use nearest::nearest;
pub use quote::sh_quote;
pub use shorten::{glimpse, shortened};
