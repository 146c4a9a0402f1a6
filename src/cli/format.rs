//! How a command prints what it found or did.

use serde::Serialize;

use super::Ctx;
use crate::error::Result;
use crate::ui::Format;

/// The flag that says it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct FormatArgs {
    /// How to print: text, or json for programs
    #[arg(short, long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
    output: Format,
}

impl FormatArgs {
    /// Prints the value for programs, or the text that is made of it for people.
    pub fn print(self, ctx: &Ctx, value: &impl Serialize, text: impl FnOnce() -> Result<String>) -> Result<()> {
        match self.output {
            Format::Json => ctx.out.json(value),
            Format::Text => ctx.out.text(&text()?),
        }
    }
}
