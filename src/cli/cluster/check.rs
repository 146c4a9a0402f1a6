//! `kbootstrap check`.

use super::args::ClusterArgs;
use crate::cli::{Ctx, FormatArgs};
use crate::engine::{self, Access, Checked, Session};
use crate::error::{Error, Kind, Result};
use crate::preflight::{self, Finding, Severity};
use crate::ui::Printer;

/// Look at the inventory and every host: what would go wrong, before anything is touched
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap check -i prod.yaml
  kbootstrap check -i prod.yaml -o json

Every check has a name; one that you accept is waived by that name: `waive: [swap]` for all hosts or for one. \
The checks are described in docs/preflight.md. Where the cluster runs already, what it cannot take of the inventory is \
said too.")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    output: FormatArgs,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        self.check(ctx, &self.cluster.open(ctx, "check", Access::Read)?)
    }

    fn check(&self, ctx: &Ctx, session: &Session) -> Result<u8> {
        let Checked { hosts, findings, trouble } = engine::check(session)?;
        let failed = findings.iter().filter(|f| f.stops()).count();
        let checks = preflight::checks(&session.catalogue).len();
        self.output.print(ctx, &findings, || Ok(text(&findings, checks, hosts, &ctx.out)))?;
        let message = match failed {
            0 => None,
            1 => Some("a preflight check failed".to_owned()),
            many => Some(format!("{many} preflight checks failed")),
        };
        let failure = message.map(|message| {
            Error::new(Kind::Remote, message)
                .hint("mend them as is said above, or waive a check by its name in the inventory")
        });
        Error::all(failure.into_iter().chain(trouble.err()))?;
        Ok(0)
    }
}

/// What several hosts have in common is said once.
fn text(findings: &[Finding], checks: usize, hosts: usize, out: &Printer) -> String {
    let all = if hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") };
    if hosts == 0 {
        return String::new();
    }
    if findings.is_empty() {
        return format!("{all}: all {checks} checks passed\n");
    }
    let mut text = String::new();
    for (finding, names) in preflight::together(findings) {
        let mark = match (finding.waived, finding.severity) {
            (true, _) => out.paint("2", "waived"),
            (false, Severity::Fail) => out.paint("31", "fails"),
            (false, Severity::Warn) => out.paint("33", "warning"),
        };
        let name = out.paint("1", &finding.check);
        text.push_str(&format!("{name} {mark} on {}\n  {}\n", names.join(", "), finding.finding));
        text.push_str(&format!("  {} {}\n\n", out.paint("36", "->"), finding.remedy));
    }
    let count = |wanted: &dyn Fn(&Finding) -> bool| findings.iter().filter(|f| wanted(f)).count();
    let fails = count(&Finding::stops);
    let warns = count(&|f| !f.waived && f.severity == Severity::Warn);
    let waived = count(&|f| f.waived);
    text.push_str(&format!("{all}: {fails} failed, {warns} warnings, {waived} waived\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hosts_have_in_common_is_said_once() {
        let finding = |host: &str, check: &str, severity, finding: &str, waived| Finding {
            host: host.into(),
            check: check.into(),
            severity,
            finding: finding.into(),
            remedy: "do this".into(),
            waived,
        };
        let findings = [
            finding("n1", "cgroup", Severity::Warn, "cgroup v1", false),
            finding("n1", "swap", Severity::Fail, "swap is on", false),
            finding("n2", "cgroup", Severity::Warn, "cgroup v1", false),
            finding("n2", "swap", Severity::Fail, "swap is on", true),
        ];
        insta::assert_snapshot!(text(&findings, 38, 2, &Printer::new(true)), @r"
        cgroup warning on n1, n2
          cgroup v1
          -> do this

        swap fails on n1
          swap is on
          -> do this

        swap waived on n2
          swap is on
          -> do this

        2 hosts: 1 failed, 2 warnings, 1 waived
        ");
        assert_eq!(text(&[], 38, 1, &Printer::new(true)), "1 host: all 38 checks passed\n");
    }
}
