//! `kbootstrap status`.

use time::OffsetDateTime;

use super::args::ClusterArgs;
use crate::artifacts::Store;
use crate::cli::{Ctx, FormatArgs};
use crate::engine::{Access, Session, shut_paths};
use crate::error::{Error, Result};
use crate::plan;
use crate::render;
use crate::status::{self, Sources, State, Status};
use crate::trust::Trust;
use crate::ui::{Cell, Table};

/// Show the cluster on one screen: hosts, components, versions, certificates, health
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap status -i prod.yaml
  watch -n 5 kbootstrap status -i prod.yaml --progress none
  kbootstrap status -i prod.yaml -o json | jq .healthy

What should not be there is named with the command that takes it away. \
Exit code 7 when something is not healthy.")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    output: FormatArgs,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        self.show(ctx, &self.cluster.open(ctx, "status", Access::Read)?)?;
        Ok(0)
    }

    fn show(&self, ctx: &Ctx, session: &Session) -> Result<()> {
        let trust = Trust::load(&session.catalogue, &session.cluster, &session.dir)?;
        let store = Store::open_default()?;
        let (catalogue, cluster, pool) = (&session.catalogue, &session.cluster, &session.pool);
        let objects = render::manifests(catalogue, cluster, &session.templates()?)?;
        let now = OffsetDateTime::now_utc();
        let shut = |facts: &_| shut_paths(session, facts);
        let (trust, store, objects, shut) = (&trust, &store, &objects, &shut);
        let kept = session.record()?;
        let kept = kept.as_ref();
        let status = status::ask(&Sources { catalogue, cluster, pool, trust, store, objects, kept, shut }, now);
        self.output.print(ctx, &status, || Ok(text(&status, ctx)))?;
        if status.healthy {
            return Ok(());
        }
        let error = Error::health(format!("cluster {} is not healthy", status.cluster));
        Err(status.remedies().into_iter().fold(error.detail(status.troubles().join("\n")), Error::hint))
    }
}

fn text(status: &Status, ctx: &Ctx) -> String {
    let mut text = format!("cluster {}  Kubernetes {}  {}\n\n", status.cluster, status.kubernetes, status.endpoint);
    let mut hosts = Table::new(&["HOST", "ADDRESS", "ROLES", "SYSTEM", "COMPONENT", "STATE", "VERSION", "DETAIL"]);
    for host in &status.hosts {
        let mut first = vec![
            host.name.clone().into(),
            host.address.clone().into(),
            host.roles.join(",").into(),
            host.system.clone().into(),
        ];
        if host.components.is_empty() {
            first.extend(["-".into(), Cell::colored("unreachable", "31"), "".into(), host.trouble.clone().into()]);
            hosts.row(first);
            continue;
        }
        for component in &host.components {
            let mut row = std::mem::replace(&mut first, vec!["".into(), "".into(), "".into(), "".into()]);
            row.push(component.name.clone().into());
            row.push(mark(component.state, &component.word));
            row.push(component.version.clone().into());
            row.push(component.detail.clone().into());
            hosts.row(row);
        }
    }
    text.push_str(&hosts.render(&ctx.out));
    text.push('\n');
    let mut cluster = Table::new(&["CLUSTER", "STATE", "DETAIL"]);
    for check in &status.checks {
        cluster.row(vec![check.name.clone().into(), mark(check.state, &check.word), check.detail.clone().into()]);
    }
    text.push_str(&cluster.render(&ctx.out));
    text.push('\n');
    text.push_str(&plan::leftovers_text(&status.leftovers, &ctx.out));
    text.push_str(if status.leftovers.is_empty() { "" } else { "\n" });
    let mut certificates = Table::new(&["CERTIFICATE", "EXPIRES", "DAYS"]);
    for certificate in &status.certificates {
        let code = match certificate.days {
            i64::MIN..7 => "31",
            7..30 => "33",
            _ => "32",
        };
        certificates.row(vec![
            certificate.name.clone().into(),
            certificate.not_after.clone().into(),
            Cell::colored(certificate.days.to_string(), code),
        ]);
    }
    text.push_str(&certificates.render(&ctx.out));
    text
}

fn mark(state: State, word: &str) -> Cell {
    match state {
        State::Good => Cell::colored(word, "32"),
        State::Warning => Cell::colored(word, "33"),
        State::Bad => Cell::colored(word, "31"),
    }
}
