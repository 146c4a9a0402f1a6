//! `kbootstrap node revoke`.

use std::time::Instant;

use super::{let_in, lost};
use crate::cli::cluster::args::{ClusterArgs, PlanArgs};
use crate::cli::cluster::plan::{Shown, plan_text};
use crate::cli::{Ctx, FormatArgs, confirm};
use crate::engine::{Access, Asked, Held, Preview, Session, prepare, preview};
use crate::error::{Error, Result};
use crate::preflight;
use crate::ui::duration;

/// Make the keys of a node that was lost worth nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap node revoke n3 --dry-run     # what it held, and what would be done
  kbootstrap node revoke n3
  kbootstrap node revoke n3 --yes -o json # for scripts
  kbootstrap node revoke --undo n3        # it was found, and nobody had it

API servers refuse the users of its keys everything from then on, whatever certificates they get; for that they restart, one \
after the other, which also ends what was open. Then its Node and its pods are deleted. The host itself is not asked, and \
left out of every later run, also where the inventory still has it. What its pods could read is named: that is to be \
changed by hand. What else differs between inventory and cluster is done with it, and shown before. A new machine in \
its place takes another name: who has the keys of old would be let in with it.

Masters and members of etcd cannot be shut out by name; docs/lost-hosts.md says what to do.")]
pub struct Args {
    /// The node
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Let it in again, with new keys
    #[arg(long)]
    undo: bool,
    /// Only show it
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    output: FormatArgs,
    #[command(flatten)]
    how: PlanArgs,
}

/// For programs.
#[derive(serde::Serialize)]
struct Report<'a> {
    host: &'a str,
    /// Whether anything was done.
    done: bool,
    /// What lay on it.
    held: Vec<Held>,
    /// Secrets that are to be changed.
    secrets: &'a [String],
    /// What else is to be done, a line each.
    remains: Vec<String>,
    #[serde(flatten)]
    plan: Shown<'a>,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let access = if self.dry_run { Access::Read } else { Access::Write };
        let asked = if self.undo { Asked::LetIn } else { Asked::Revoke };
        let session = self.cluster.open_for(ctx, "node-revoke", access, Some(asked(self.name.clone())))?;
        let result = match self.undo {
            true => let_in::run(ctx, &session, &self.name, self.dry_run, self.yes, self.how.options()),
            false => self.output.told(ctx, self.revoke(ctx, &session)),
        };
        session.finish(result)?;
        Ok(0)
    }

    fn revoke(&self, ctx: &Ctx, session: &Session) -> Result<()> {
        if self.dry_run {
            let found = preview(session, self.how.options())?;
            self.show(ctx, session, &found, false)?;
            return preflight::refuse(&found.findings);
        }
        let began = Instant::now();
        let prepared = prepare(session, self.how.options(), &|found| self.agree(ctx, session, found))?;
        let changes = prepared.found.plan.changes();
        prepared.apply(session)?;
        let took = duration(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        self.output.print(ctx, &self.report(session, &prepared.found, true), || {
            let name = &self.name;
            let done = match changes {
                0 => format!("{name} was shut out before: nothing to change ({took})\n"),
                _ => format!("{name} is shut out ({took})\n"),
            };
            Ok(done + &lost::remains_text(&remains(session, &prepared.found), &ctx.out))
        })
    }

    fn agree(&self, ctx: &Ctx, session: &Session, found: &Preview) -> Result<()> {
        if self.yes || found.plan.is_empty() {
            return Ok(());
        }
        if !confirm::can_ask() {
            self.show(ctx, session, found, false)?;
            return Err(Error::usage(format!("{} would be shut out, and there is no terminal to ask on", self.name))
                .hint("nothing was touched; the same command with --yes does it"));
        }
        confirm::go_on(&(self.text(ctx, session, found)? + "\n"))
    }

    fn show(&self, ctx: &Ctx, session: &Session, found: &Preview, done: bool) -> Result<()> {
        self.output.print(ctx, &self.report(session, found, done), || self.text(ctx, session, found))
    }

    fn text(&self, ctx: &Ctx, session: &Session, found: &Preview) -> Result<String> {
        let held = lost::held_text(&lost::held(session), &ctx.out);
        let remains = lost::remains_text(&remains(session, found), &ctx.out);
        Ok(format!("{held}{}\n{remains}", plan_text(ctx, session, found)?))
    }

    fn report<'a>(&'a self, session: &Session, found: &'a Preview, done: bool) -> Report<'a> {
        let (held, remains) = (lost::held(session), remains(session, found));
        Report { host: &self.name, done, held, secrets: &found.exposed, remains, plan: Shown::of(found) }
    }
}

/// What is still to be done by hand.
fn remains(session: &Session, found: &Preview) -> Vec<String> {
    lost::remains(session, &found.exposed, &found.skipped)
}
