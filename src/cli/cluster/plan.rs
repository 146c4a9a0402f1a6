//! `kbootstrap plan`.

use super::args::{ClusterArgs, PlanArgs};
use crate::cli::{Ctx, FormatArgs};
use crate::engine::{self, Access, Preview, Session};
use crate::error::{Result, WOULD_CHANGE};
use crate::plan::{self, Diffs, FileDifference, FileKind, Meaning, Plan};
use crate::preflight::{self, Finding};

/// Show what would change, host by host, as a diff
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap plan -i prod.yaml
  # what it means, without the diffs
  kbootstrap plan -i prod.yaml --summary
  kbootstrap plan -i prod.yaml -o json | jq '.meaning.restarts'
  # what would be taken away with it
  kbootstrap plan -i prod.yaml --remove flanneld

Nothing is changed, on the hosts or here: certificates that `up` would issue and programs that it would fetch are named. \
Secrets are named, never shown. What should not be there is named with the command that takes it away; it is no change. \
Exit code 0: nothing would change; 10 with --exit-code: something would; 9: a running cluster cannot \
take it (with -o json the reasons stand in `refused`).")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    output: FormatArgs,
    /// Only what it means: what has changed, what restarts, what may be noticed
    #[arg(long)]
    summary: bool,
    /// Exit with 10 when something would change
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    how: PlanArgs,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        self.show(ctx, &self.cluster.open(ctx, "plan", Access::Read)?)
    }

    fn show(&self, ctx: &Ctx, session: &Session) -> Result<u8> {
        let preview = self.output.told(ctx, engine::preview(session, self.how.options()))?;
        let Preview { plan, .. } = &preview;
        self.output.print(ctx, &Shown::of(&preview), || match self.summary {
            true => Ok(format!("{}{}", meant(ctx, &preview), plan::total(plan, refused(&preview)))),
            false => plan_text(ctx, session, &preview),
        })?;
        preview.warnings.iter().for_each(|warning| session.reporter().warn(warning));
        // The plan is what was asked for; that `up` would not begin with it is said after it.
        preflight::refuse(&preview.findings)?;
        Ok(if self.exit_code && !preview.plan.is_empty() { WOULD_CHANGE } else { 0 })
    }
}

/// The plan for programs.
#[derive(Debug, serde::Serialize)]
pub(super) struct Shown<'a> {
    meaning: &'a Meaning,
    #[serde(flatten)]
    plan: &'a Plan,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skipped: &'a [String],
}

impl<'a> Shown<'a> {
    pub(super) fn of(preview: &'a Preview) -> Self {
        Shown { meaning: &preview.meaning, plan: &preview.plan, skipped: &preview.skipped }
    }
}

/// What the plan means, and what it changes.
pub(super) fn plan_text(ctx: &Ctx, session: &Session, preview: &Preview) -> Result<String> {
    let present = present(session, preview)?;
    let meaning = meant(ctx, preview);
    let space = if meaning.is_empty() { "" } else { "\n" };
    Ok(format!(
        "{meaning}{space}{}",
        plan::text(&preview.plan, &preview.desired.hosts, &present, refused(preview), &ctx.out)
    ))
}

/// Whether `up` would stop at what preflight found.
fn refused(preview: &Preview) -> bool {
    preview.findings.iter().any(Finding::stops)
}

/// What the plan means, and what should not be there and stays.
fn meant(ctx: &Ctx, preview: &Preview) -> String {
    preview.meaning.text(&ctx.out) + &plan::leftovers_text(&preview.plan.leftovers, &ctx.out)
}

/// The present texts of configuration files that would be replaced.
fn present(session: &Session, preview: &Preview) -> Result<Diffs> {
    let mut all = Diffs::new();
    for plan in &preview.plan.hosts {
        let wanted: Vec<&str> = plan
            .files
            .iter()
            .filter(|f| f.kind == FileKind::Text && f.change == FileDifference::Replace)
            .map(|f| f.path.as_str())
            .collect();
        let Some(host) = session.cluster.host(&plan.host) else { continue };
        if !wanted.is_empty() {
            let mut transport = session.pool.take(host)?;
            all.insert(plan.host.clone(), crate::facts::read_texts(&mut *transport, &wanted)?);
        }
    }
    Ok(all)
}
