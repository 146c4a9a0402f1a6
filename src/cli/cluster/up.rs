//! `kbootstrap up`.

use std::time::Instant;

use super::args::{ClusterArgs, PlanArgs};
use super::plan::{Shown, plan_text};
use crate::changes::Leftover;
use crate::cli::{Ctx, FormatArgs, confirm};
use crate::engine::{Access, Preview, Session, prepare};
use crate::error::{Error, Kind, Result};
use crate::preflight;
use crate::ui::{Event, duration};

/// Bring the cluster up, or bring it to what the inventory says
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap up -i prod.yaml
  # kbootstrap.yaml in this folder
  kbootstrap up
  # for scripts: restarts what must be restarted without asking
  kbootstrap up -i prod.yaml --yes
  # a summary for programs
  kbootstrap up -i prod.yaml -o json
  # takes away what was switched off
  kbootstrap up --remove flanneld
  # takes back a host that has left the inventory
  kbootstrap up --remove n3
  # goes on without a host that is away
  kbootstrap up --skip n2

Run it as often as you like: what is right is left alone, nothing is restarted without need, and a run that \
was interrupted is resumed. What a running cluster cannot take is refused before anything is touched. Before running \
services are restarted or anything is removed, it says what may be noticed and asks; without a terminal and without \
--yes it prints the plan and ends with 2. What should not be there any more is named and stays, until --remove names \
it, too. `kbootstrap plan` shows beforehand what it would do.")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Do not ask before services are restarted or anything is removed
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    output: FormatArgs,
    #[command(flatten)]
    how: PlanArgs,
}

#[derive(Debug, serde::Serialize)]
struct Summary {
    cluster: String,
    changes: usize,
    millis: u64,
    kubeconfig: std::path::PathBuf,
    leftovers: Vec<Leftover>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<String>,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let session = self.cluster.open(ctx, "up", Access::Write)?;
        let result = self.up(ctx, &session).map_err(|error| match error.kind {
            Kind::Interrupted if error.hints.is_empty() => {
                error.hint("run `kbootstrap up` again: it goes on from here")
            }
            _ => error,
        });
        session.finish(result)
    }

    fn up(&self, ctx: &Ctx, session: &Session) -> Result<u8> {
        let began = Instant::now();
        let reporter = session.reporter();
        let stage = |title: &str| reporter.report(&Event::Stage { title: title.into() });
        stage("look at the hosts");
        let agree = |found: &Preview| self.agree(ctx, session, found);
        let prepared = self.output.told(ctx, prepare(session, self.how.options(), &agree))?;
        for (finding, hosts) in preflight::together(&prepared.found.findings) {
            let hosts = hosts.join(", ");
            reporter.warn(&format!("{hosts}: {}: {} ({})", finding.check, finding.finding, finding.remedy));
        }
        prepared.found.warnings.iter().for_each(|warning| reporter.warn(warning));
        let plan = &prepared.found.plan;
        for leftover in &plan.leftovers {
            reporter.warn(&format!("{} ({})", leftover.said, leftover.remedy));
        }
        let changes = plan.changes();
        if plan.is_empty() {
            reporter.info("everything is as the inventory says");
        } else {
            let word = if changes == 1 { "change" } else { "changes" };
            stage(&format!("apply {changes} {word}"));
        }
        prepared.apply(session)?;
        // Last: where a new endpoint does not work after all, the old way in still does.
        let kubeconfig = prepared.trust.write_admin_kubeconfig(&session.cluster, &session.dir)?;
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (leftovers, skipped) = (plan.leftovers.clone(), prepared.found.skipped.clone());
        let summary =
            Summary { cluster: session.cluster.name.clone(), changes, millis, kubeconfig, leftovers, skipped };
        self.output.print(ctx, &summary, || Ok(text(&summary, plan.is_empty())))?;
        Ok(0)
    }

    /// Asks before anything that runs is restarted, and before anything is taken away.
    fn agree(&self, ctx: &Ctx, session: &Session, found: &Preview) -> Result<()> {
        let taken = found.plan.removals().next().is_some() || found.plan.revocations().next().is_some();
        let what = match (found.plan.restarts(), taken) {
            (false, false) => return Ok(()),
            (true, false) => "running services would be restarted",
            (false, true) => "something would be taken away",
            (true, true) => "running services would be restarted and something taken away",
        };
        if self.yes {
            return Ok(());
        }
        if !confirm::can_ask() {
            self.output.print(ctx, &Shown::of(found), || plan_text(ctx, session, found))?;
            return Err(Error::usage(format!("{what}, and there is no terminal to ask on"))
                .hint("nothing was touched; the same command with --yes does it"));
        }
        confirm::go_on(&found.meaning.text(&ctx.out))
    }
}

fn text(summary: &Summary, nothing: bool) -> String {
    let took = duration(summary.millis);
    let kubectl = format!("  kubectl --kubeconfig {} get nodes\n", summary.kubeconfig.display());
    if nothing {
        format!("cluster {}: nothing to change ({took})\n", summary.cluster)
    } else {
        let changes = if summary.changes == 1 { "1 change".into() } else { format!("{} changes", summary.changes) };
        format!("cluster {} is up: {changes} in {took}\n{kubectl}", summary.cluster)
    }
}
