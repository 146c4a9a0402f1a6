//! What a person sees: events on their way to the terminal, the log and the JSON stream; tables and diffs.

mod event;
mod printer;

pub use event::{Event, Level, Reporter, Silent};
pub use printer::{Format, Printer};
