//! `kbootstrap pki check`.

use std::path::Path;

use time::OffsetDateTime;

use super::{Source, jobs};
use crate::cli::{Ctx, FormatArgs};
use crate::error::{Error, Result};
use crate::hierarchy::{Action, Options, Plan, State, Step, decide, look};
use crate::ui::{Cell, Printer, Table};

/// Show how every CA and certificate is; nothing is written
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap pki check pki.yaml
  kbootstrap pki check pki.yaml -o json

Exit code 0: everything is as it should be; 4: something is missing, about to expire, or not as specified.")]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    output: FormatArgs,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub(super) fn run(self, ctx: &Ctx) -> Result<u8> {
        let hierarchy = self.source.load()?.hierarchy;
        let now = OffsetDateTime::now_utc();
        let found = look(&hierarchy, jobs(None))?;
        let plan = decide(&hierarchy, &found, &Options::default(), now);
        self.output.print(ctx, &plan.steps, || Ok(table(&plan, now, &ctx.out)))?;
        let mut problems = plan.problems.clone();
        let wanting = plan.steps.iter().filter(|s| s.state != State::Good || s.action != Action::Keep).count();
        if wanting > 0 && problems.is_empty() {
            let text = match wanting {
                1 => "1 is not as it should be".to_owned(),
                many => format!("{many} are not as they should be"),
            };
            problems.push(hints(&plan, &self.source.file).into_iter().fold(Error::pki(text), Error::hint));
        }
        Error::all(problems)?;
        Ok(0)
    }
}

/// The hint: `pki apply` is named only for what it does without a flag.
fn hints(plan: &Plan, file: &Path) -> Vec<String> {
    let applies = (!plan.is_empty()).then(|| format!("kbootstrap pki apply {}", file.display()));
    let asks = plan.warns().then(|| "see the remarks for what `pki apply` does not mend unasked".to_owned());
    applies.into_iter().chain(asks).collect()
}

fn table(plan: &Plan, now: OffsetDateTime, out: &Printer) -> String {
    let mut table = Table::new(&["KIND", "NAME", "STATE", "ENDS", "DAYS", "REMARK"]);
    let mut steps: Vec<&Step> = plan.steps.iter().collect();
    // What ends first stands first.
    steps.sort_by_key(|step| step.not_after);
    for step in steps {
        let (word, color) = match step.state {
            State::Good if step.action == Action::Chain => ("chain", "33"),
            State::Good => ("good", "32"),
            State::Missing => ("missing", "31"),
            State::Due => ("due", "33"),
            State::Expired => ("expired", "31"),
            State::Changed => ("changed", "33"),
            State::Wrong => ("wrong", "31"),
            State::Unknown => ("unknown", "33"),
        };
        let days = step.not_after.map(|end| (end - now).whole_seconds().div_euclid(86_400).to_string());
        let remark = step.reasons.iter().chain(&step.warnings).cloned().collect::<Vec<_>>().join("; ");
        table.row(vec![
            Cell::from(step.kind.word()),
            Cell::from(step.name.as_str()),
            Cell::colored(word, color),
            Cell::from(step.not_after.map(|end| end.date().to_string()).unwrap_or_default()),
            Cell::from(days.unwrap_or_default()),
            Cell::from(remark),
        ]);
    }
    table.render(out)
}
