//! What a person sees: events on their way to the terminal, the log and the JSON stream; tables and diffs.

#![expect(clippy::disallowed_methods, reason = "this is the place that cleans what is written")]

mod event;
mod fit;
mod old_logs;
mod plain;
mod printer;
pub mod report;
mod reporters;
pub mod stderr;
pub mod step;
mod table;
mod terminal;

pub use event::{Event, Level, Reporter, Silent};
pub use plain::Plain;
pub use printer::{Format, Printer, stderr_color};
pub use reporters::{Json, LogFile, duration};
pub use table::{Cell, Table};
pub use terminal::Terminal;
