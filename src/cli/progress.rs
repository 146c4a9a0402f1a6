//! How progress is shown on standard error.

use super::Ctx;
use crate::ui::{Event, Json, Level, Plain, Reporter, Terminal, report, stderr};

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Progress {
    /// Live on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// A line per step.
    Plain,
    /// A JSON object per event.
    Json,
    /// Not at all; warnings are said.
    None,
}

/// Says what a person should look at, and nothing else.
struct Warnings {
    color: bool,
}

impl Reporter for Warnings {
    fn report(&self, event: &Event) {
        if let Event::Message { level: Level::Warning, host, text } = event {
            let place = if host.is_empty() { String::new() } else { format!("{host}: ") };
            report::warn(&format!("{place}{text}"), self.color);
        }
    }
}

impl Progress {
    /// Where events go.
    pub fn reporter(self, ctx: &Ctx) -> Box<dyn Reporter> {
        let terminal = stderr::is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb");
        match self {
            Progress::Auto if terminal => Box::new(Terminal::new(ctx.err_color)),
            Progress::Auto | Progress::Plain => Box::new(Plain::new()),
            Progress::Json => Box::new(Json),
            Progress::None => Box::new(Warnings { color: ctx.err_color }),
        }
    }
}
