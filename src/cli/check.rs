//! `kbootstrap check`.

use std::collections::BTreeMap;

use super::Ctx;
use super::session::{ClusterArgs, Session, Use};
use crate::error::{Error, Kind, Result};
use crate::operate::survey;
use crate::preflight::{self, Finding, Severity};
use crate::ui::{Cell, Format, Table};

/// Look at the inventory and every host: what would go wrong, before anything is touched
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap check -i prod.yaml
  kbootstrap check -i prod.yaml -o json

Every check has a name; one that you accept is waived by that name: `waive: [swap]` for all hosts or for one.
The checks are described in docs/preflight.md.")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How to print: text, or json for programs
    #[arg(short, long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
    output: Format,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let session = Session::open(ctx, &self.cluster, "check", Use::Look)?;
        let result = self.check(ctx, &session);
        session.finish(result)
    }

    fn check(&self, ctx: &Ctx, session: &Session) -> Result<u8> {
        let cluster = &session.cluster;
        let questions: BTreeMap<_, _> =
            cluster.hosts.iter().map(|h| (h.name.clone(), preflight::questions(cluster, h))).collect();
        let facts = survey(cluster, &session.pool, &questions)?;
        let findings = preflight::check_all(cluster, &facts);
        let failed = findings.iter().filter(|f| f.stops()).count();
        match self.output {
            Format::Json => ctx.out.json(&findings)?,
            Format::Text => ctx.out.text(&text(&findings, cluster.hosts.len(), ctx))?,
        }
        if failed > 0 {
            return Err(Error::new(Kind::Remote, format!("{failed} preflight checks failed"))
                .hint("mend them as the table says, or waive a check by its name in the inventory"));
        }
        Ok(0)
    }
}

fn text(findings: &[Finding], hosts: usize, ctx: &Ctx) -> String {
    if findings.is_empty() {
        return format!("{} hosts: all {} checks passed\n", hosts, preflight::CHECKS.len());
    }
    let mut table = Table::new(&["HOST", "CHECK", "", "FOUND", "WHAT TO DO"]);
    for f in findings {
        let mark = match (f.waived, f.severity) {
            (true, _) => Cell::colored("waived", "2"),
            (false, Severity::Fail) => Cell::colored("fails", "31"),
            (false, Severity::Warn) => Cell::colored("warning", "33"),
        };
        table.row(vec![f.host.clone().into(), f.check.into(), mark, f.finding.clone().into(), f.remedy.clone().into()]);
    }
    table.render(ctx.out.color())
}
