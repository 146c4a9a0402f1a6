//! How a command prints what it found or did.

use serde::Serialize;

use super::Ctx;
use crate::error::{Error, Kind, Result};
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

    /// Hands the outcome on; where the cluster refused, programs are told what and why on standard output, too.
    pub fn told<T>(self, ctx: &Ctx, outcome: Result<T>) -> Result<T> {
        if let (Format::Json, Err(error)) = (self.output, &outcome)
            && error.kind == Kind::Refused
        {
            ctx.out.json(&Refusals::of(error))?;
        }
        outcome
    }
}

/// What a cluster cannot take, for programs.
#[derive(Debug, Serialize)]
struct Refusals<'a> {
    refused: Vec<Refusal<'a>>,
}

#[derive(Debug, Serialize)]
struct Refusal<'a> {
    message: &'a str,
    details: &'a [String],
    hints: &'a [String],
}

impl<'a> Refusals<'a> {
    fn of(error: &'a Error) -> Self {
        let refusal = |e: &'a Error| Refusal { message: &e.message, details: &e.details, hints: &e.hints };
        Refusals { refused: error.each().map(refusal).collect() }
    }
}
