//! `kbootstrap certlint`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use crate::certlint::{self, Finding, Inputs, Severity};
use crate::certs::{Client, Settings, Source, StartTls};
use crate::cli::password::OfStores;
use crate::cli::{Ctx, FormatArgs};
use crate::error::{Error, Kind, Result};
use crate::text::{nearest, shown_line};
use crate::ui::{Cell, Printer, Table, stderr};

/// Name what openssl, Go, browsers or Java will refuse in certificates and keys, with the reference
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  # a folder: certificates, chains, keys
  kbootstrap certlint pki
  # what needs the CA is looked at too
  kbootstrap certlint server.pem ca.pem -o json
  kbootstrap certlint www.example.net:443 --ignore validity-398-days
  # what is looked for
  kbootstrap certlint --rules

The exit code is 4 when there are errors, and 0 when there are only warnings and notices.")]
pub struct Args {
    /// Files (PEM, DER, kubeconfig, PKCS#12), folders, servers (HOST:PORT); `-`: standard input
    #[arg(value_name = "PATH|HOST:PORT", required_unless_present = "rules")]
    paths: Vec<OsString>,
    /// List all rules
    #[arg(long, conflicts_with = "paths")]
    rules: bool,
    /// Leave out what this rule finds (repeat for more)
    #[arg(long, value_name = "RULE")]
    ignore: Vec<String>,
    /// Ask servers for this name (SNI), in place of their host
    #[arg(long, value_name = "NAME")]
    servername: Option<String>,
    /// Ask servers for TLS in this protocol first: smtp, lmtp, imap, pop3, sieve, nntp, ftp, ldap, postgres, mysql, xmpp,
    /// xmpp-server. Its usual port need not be named
    #[arg(long, value_name = "PROTOCOL", value_enum, hide_possible_values = true)]
    starttls: Option<StartTls>,
    /// File with the password of PKCS#12 stores; else KBOOTSTRAP_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    output: FormatArgs,
}

/// What is printed for programs.
#[derive(Serialize)]
struct Report<'a> {
    certificates: usize,
    keys: usize,
    errors: usize,
    warnings: usize,
    notices: usize,
    findings: &'a [Finding],
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        if self.rules {
            return self.list(ctx).map(|()| 0);
        }
        self.check_ignored()?;
        let passwords = OfStores::new(self.password_file.clone());
        let timeout = Duration::from_secs(5);
        let client = Client { server_name: self.servername.clone(), timeout, identity: None, start: self.starttls };
        let port = self.starttls.map(StartTls::port);
        let sources = self.paths.iter().map(|path| Source::parse_or_server(path, port)).collect::<Result<Vec<_>>>()?;
        let mut inputs = Inputs::read(&sources, Settings { passwords: &passwords, client: &client });
        let (errors, locked) = (std::mem::take(&mut inputs.errors), std::mem::take(&mut inputs.locked));
        if inputs.counts() == (0, 0) && errors.is_empty() {
            Error::all(locked)?;
            return Err(Error::pki("there is neither a certificate nor a key in any of these files"));
        }
        let findings = certlint::lint(&inputs, &self.ignore, OffsetDateTime::now_utc());
        let report = report(&inputs, &findings);
        self.output.print(ctx, &report, || Ok(text(&report, &ctx.out)))?;
        passed_over(locked.len());
        Error::all(errors)?;
        Ok(if report.errors > 0 { Kind::Pki.exit_code() } else { 0 })
    }

    fn check_ignored(&self) -> Result<()> {
        let unknown = self.ignore.iter().filter(|id| !certlint::rules().any(|rule| rule.id == id.as_str()));
        Error::all(unknown.map(|id| {
            let near = nearest(id, certlint::rules().map(|rule| rule.id));
            let all = || "`kbootstrap certlint --rules` lists them".to_owned();
            Error::usage(format!("there is no rule `{id}`")).meant(near, all)
        }))
    }

    fn list(&self, ctx: &Ctx) -> Result<()> {
        let mut table = Table::new(&["RULE", "SEVERITY", "WHAT", "REFUSED BY", "REFERENCE"]);
        for rule in certlint::rules() {
            let severity = Cell::colored(rule.severity.name(), color(rule.severity));
            let [id, title, by, reference] = [rule.id, rule.title, rule.rejected_by, rule.reference].map(Cell::from);
            table.row(vec![id, severity, title, by, reference]);
        }
        let rules = certlint::rules().collect::<Vec<_>>();
        self.output.print(ctx, &rules, || Ok(table.render(&ctx.out)))
    }
}

/// What a person who is not root may not read, keys above all.
fn passed_over(locked: usize) {
    let what = if locked == 1 { "1 file or folder" } else { &format!("{locked} files or folders") };
    if locked > 0 {
        stderr::line(&format!("note: passed over: {what} that cannot be read"));
    }
}

fn report<'a>(inputs: &Inputs, findings: &'a [Finding]) -> Report<'a> {
    let (certificates, keys) = inputs.counts();
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings, notices) = (count(Severity::Error), count(Severity::Warning), count(Severity::Notice));
    Report { certificates, keys, errors, warnings, notices, findings }
}

fn text(report: &Report<'_>, printer: &Printer) -> String {
    let (mut text, mut last) = (String::new(), ("", ""));
    for finding in report.findings {
        let head = (finding.place.as_str(), finding.subject.as_str());
        if head != last {
            let gap = if last.0.is_empty() { "" } else { "\n" };
            let place = printer.paint("1", &shown_line(head.0));
            text.push_str(&format!("{gap}{place}: {}\n", shown_line(head.1)));
            last = head;
        }
        let severity = printer.paint(color(finding.severity), &format!("{:<7}", finding.severity.name()));
        text.push_str(&format!("  {severity}  {}  [{}]\n", shown_line(&finding.what), finding.rule));
        text.push_str(&format!("           refused by: {}\n", finding.rejected_by));
        text.push_str(&format!("           see: {}\n", finding.reference));
    }
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let looked = [plural(report.certificates, "certificate"), plural(report.keys, "key")].join(" and ");
    let found = [plural(report.errors, "error"), plural(report.warnings, "warning"), plural(report.notices, "notice")]
        .join(", ");
    let gap = if text.is_empty() { "" } else { "\n" };
    text.push_str(&format!("{gap}{looked}: {found}\n"));
    text
}

fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "31",
        Severity::Warning => "33",
        Severity::Notice => "36",
    }
}
