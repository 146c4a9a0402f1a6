//! `kbootstrap pki apply`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime};

use serde::Serialize;
use time::OffsetDateTime;

use super::{Source, jobs};
use crate::cli::interrupt::interrupt;
use crate::cli::pki::output_args::CaPasswordArgs;
use crate::cli::progress::Progress;
use crate::cli::{Ctx, FormatArgs};
use crate::error::{Error, Result, WOULD_CHANGE};
use crate::files::lock::{self, FolderLock};
use crate::files::real;
use crate::hierarchy::{
    Action, Hierarchy, Job, Kind, Loaded, Options, Plan, Step, apply, decide, look, rehearse, sweep,
};
use crate::ui::{Printer, Reporter, duration};

/// Make what is missing, about to expire or changed; everything else stays as it is
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap pki apply pki.yaml --dry-run
  kbootstrap pki apply pki.yaml --dry-run \\
    --exit-code || echo \"something is to be done\"
  kbootstrap pki apply pki.yaml
  # for programs
  kbootstrap pki apply pki.yaml -o json
  # a new life for a CA; key and subject stay
  kbootstrap pki apply pki.yaml --renew-ca servers

The keys of CAs are never replaced unasked. A CA that is about to expire or differs from its specification is \
reported. Exit code 4: nothing was written, because of what is said. With --dry-run --exit-code, 10: something would be \
written; 0: nothing.")]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Only say what would be done, and why
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: exit with 10 when something would be written
    #[arg(long, requires = "dry_run")]
    exit_code: bool,
    /// Files may go outside the folder that relative paths start at; look at the specification first where it is not yours
    #[arg(long)]
    outside: bool,
    /// Issue this CA's certificate once more, with the same key and subject: what it has issued stays valid
    #[arg(long, value_name = "NAME")]
    renew_ca: Vec<String>,
    /// Replace this CA, key and all, and issue again everything that it has issued
    #[arg(long, value_name = "NAME")]
    replace_ca: Vec<String>,
    #[command(flatten)]
    ca_password: CaPasswordArgs,
    /// How many certificates are made at once [default: one per core]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    #[command(flatten)]
    output: FormatArgs,
    /// How progress is shown on standard error: auto, plain, json or none
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "HOW")]
    progress: Progress,
}

#[derive(Debug, Serialize)]
struct Summary<'a> {
    dry_run: bool,
    changes: usize,
    unchanged: usize,
    millis: u64,
    steps: Vec<&'a Step>,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub(super) fn run(self, ctx: &Ctx) -> Result<u8> {
        let began = Instant::now();
        let Loaded { hierarchy, folder, .. } = self.source.load()?;
        if !self.outside {
            stays_within(&hierarchy, self.source.base())?;
        }
        let reporter = self.progress.reporter(ctx);
        // Two runs at once would each write the half of a pair.
        let lock = if self.dry_run { None } else { lock(&folder, &*reporter)? };
        if lock.is_some() {
            self.sweep(&hierarchy, &*reporter)?;
        }
        let (now, jobs) = (OffsetDateTime::now_utc(), jobs(self.jobs));
        let found = look(&hierarchy, jobs)?;
        let options = Options {
            renew: self.renew_ca.iter().cloned().collect(),
            replace: self.replace_ca.iter().cloned().collect(),
        };
        let plan = decide(&hierarchy, &found, &options, now);
        plan.check()?;
        let mut told = plan.clone();
        if !plan.is_empty() {
            let (hierarchy, found, plan, options, interrupt) =
                (&hierarchy, &found, &plan, &options, &*interrupt("pki-apply", ctx.err_color)?);
            let passwords = &self.ca_password;
            let job = Job { hierarchy, found, plan, options, now, jobs, reporter: &*reporter, passwords, interrupt };
            let said = if self.dry_run { rehearse(&job)? } else { apply(&job)? };
            said.into_iter().for_each(|(index, warnings)| told.steps[index].warnings.extend(warnings));
        }
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let summary = self.summary(&told, millis);
        // What was warned of while it was done, is on standard error already.
        let shown = if self.dry_run { &told } else { &plan };
        self.output.print(ctx, &summary, || Ok(text(shown, self.dry_run, millis, &ctx.out)))?;
        Ok(if self.exit_code && !plan.is_empty() { WOULD_CHANGE } else { 0 })
    }

    /// Who holds the lock is alone: what is there of temporary files is nobody's any more.
    fn sweep(&self, hierarchy: &Hierarchy, reporter: &dyn Reporter) -> Result<()> {
        match sweep(hierarchy, SystemTime::now())? {
            0 => {}
            left => reporter.info(&format!("removed what a run that was killed has left: temporary files, {left}")),
        }
        Ok(())
    }

    fn summary<'a>(&self, plan: &'a Plan, millis: u64) -> Summary<'a> {
        let steps: Vec<_> = plan.steps.iter().filter(|s| s.action != Action::Keep || !s.warnings.is_empty()).collect();
        let changes = plan.changes();
        Summary { dry_run: self.dry_run, changes, unchanged: plan.steps.len() - changes, millis, steps }
    }
}

/// A specification from somebody else could write anywhere.
fn stays_within(hierarchy: &Hierarchy, base: &Path) -> Result<()> {
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let inside = real(base);
    let files = hierarchy.items.iter().flat_map(|item| item.files.all());
    let outside = files.filter(|file| !real(file).starts_with(&inside));
    let outside: Vec<_> = outside.map(|file| file.display().to_string()).collect();
    match outside.as_slice() {
        [] => Ok(()),
        [file] => Err(Error::input(format!("{file} is outside {}", base.display()))),
        files => {
            let error = Error::input(format!("{} files are outside {}", files.len(), base.display()));
            Err(error.detail(files.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n")))
        }
    }
    .map_err(|error| {
        error.hint("if they are to go there, say so: --outside, or --dir with the folder that holds them all")
    })
}

/// Waits until no other run is at work in the folder; the lock goes away with the process.
fn lock(folder: &Path, reporter: &dyn Reporter) -> Result<Option<FolderLock>> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |e: &std::io::Error| Error::input(format!("cannot use the folder {}: {e}", folder.display()));
    fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    lock::folder(folder, |text| reporter.info(text))
}

/// More lines than this on one subject are counted, not shown.
const SHOWN: usize = 40;

fn text(plan: &Plan, dry_run: bool, millis: u64, out: &Printer) -> String {
    let mut text = String::new();
    let changed: Vec<&Step> = plan.steps.iter().filter(|step| step.action != Action::Keep).collect();
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    for (n, step) in changed.iter().enumerate() {
        // CAs are few, and matter.
        if n >= SHOWN && step.kind == Kind::Certificate {
            *left_out.entry(verb(step, dry_run)).or_default() += 1;
            continue;
        }
        let verb = out.paint("32", verb(step, dry_run));
        text += &format!("{verb} {} {}: {}\n", step.kind.word(), out.paint("1", &step.name), step.reasons.join("; "));
    }
    for (verb, count) in left_out {
        text += &format!("{verb} {count} more certificates (all of them with -o json)\n");
    }
    for step in &plan.steps {
        for warning in &step.warnings {
            text += &format!("{} {} {}: {warning}\n", out.paint("33", "warning:"), step.kind.word(), step.name);
        }
    }
    let (changes, all) = (plan.changes(), plan.steps.len());
    let took = duration(millis);
    text + &match (changes, dry_run) {
        (0, _) if plan.warns() => format!("nothing to do unasked: see the warnings ({took})\n"),
        (0, _) => format!("nothing to do: all {all} are as they should be ({took})\n"),
        (_, true) => format!("{changes} of {all} would be written, {} stay as they are\n", all - changes),
        (_, false) => format!("{changes} of {all} written, {} stay as they are ({took})\n", all - changes),
    }
}

fn verb(step: &Step, dry_run: bool) -> &'static str {
    match (step.action, dry_run) {
        (Action::Keep, _) => "kept",
        (Action::Make, true) => "would make",
        (Action::Make, false) => "made",
        (Action::Issue, true) => "would issue",
        (Action::Issue, false) => "issued",
        (Action::Renew, true) => "would renew",
        (Action::Renew, false) => "renewed",
        (Action::Chain, true) => "would write the chain of",
        (Action::Chain, false) => "wrote the chain of",
    }
}
