//! Text that means something to a person, a shell or a URL: names that were meant, quoting, addresses; how
//! wide it is, and what of it may be shown.

mod address;
mod columns;
mod encoding;
mod nearest;
mod percent;
mod quote;
mod shorten;
mod shown;

pub use address::{bracketed, host_port, split_host_port};
pub use columns::{columns, width};
pub use encoding::{unmarked, utf8, utf16};
pub use nearest::nearest;
pub use percent::percent_encoded;
pub use quote::{sh_path, sh_quote, sh_word};
pub use shorten::{glimpse, shortened};
pub use shown::{is_harmful, shown, shown_json, shown_line, told};
