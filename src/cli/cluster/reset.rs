//! `kbootstrap reset`.

use std::collections::BTreeMap;

use super::args::ClusterArgs;
use crate::cli::{Ctx, FormatArgs, confirm};
use crate::cluster::Host;
use crate::engine::{Access, Session};
use crate::error::{Error, Result};
use crate::reset::{self, Targets};
use crate::ui::Printer;

/// Take hosts back: services, files, mounts, interfaces, rules
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # every host of the inventory; asks first
  kbootstrap reset -i prod.yaml
  kbootstrap reset -i prod.yaml --host n2
  # for scripts
  kbootstrap reset -i prod.yaml --yes -o json

All data of etcd on these hosts is deleted. The cluster's folder on this machine stays: the next `up` uses \
the same certificates.")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Only this host; may be given several times
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    output: FormatArgs,
}

/// What was done, and what never is.
#[derive(Debug, serde::Serialize)]
struct Report {
    hosts: BTreeMap<String, Vec<String>>,
    left: [String; 4],
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let session = self.cluster.open(ctx, "reset", Access::Write)?;
        let hosts = self.hosts(&session)?;
        self.ask(&session, &hosts)?;
        let result = self.reset(ctx, &session, &hosts);
        session.finish(result)?;
        Ok(0)
    }

    fn hosts(&self, session: &Session) -> Result<Vec<Host>> {
        let known: Vec<&str> = session.cluster.hosts.iter().map(|h| h.name.as_str()).collect();
        Error::all(self.host.iter().filter(|name| !known.contains(&name.as_str())).map(|name| {
            Error::usage(format!("there is no host {name} in {}", session.inventory.display()))
                .hint(format!("its hosts are {}", known.join(", ")))
        }))?;
        let wanted = |host: &&Host| self.host.is_empty() || self.host.contains(&host.name);
        Ok(session.cluster.hosts.iter().filter(wanted).cloned().collect())
    }

    fn ask(&self, session: &Session, hosts: &[Host]) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if !confirm::can_ask() {
            return Err(Error::usage("reset asks first, and there is no terminal to ask on").hint("give --yes"));
        }
        let names: Vec<&str> = hosts.iter().map(|h| h.name.as_str()).collect();
        let name = &session.cluster.name;
        let question = format!(
            "Services, files and all etcd data of cluster {name} on {} will be deleted.\nType the cluster's name to go on: ",
            names.join(", ")
        );
        if confirm::ask(&question)? == *name {
            return Ok(());
        }
        Err(Error::usage("nothing was touched: the answer was not the cluster's name"))
    }

    fn reset(&self, ctx: &Ctx, session: &Session, hosts: &[Host]) -> Result<()> {
        let layout = &session.cluster.layout;
        let targets = Targets::all(&session.catalogue, layout);
        let results = session.pool.each_host(hosts, |host| {
            let mut transport = session.pool.take(host)?;
            reset::reset(&mut *transport, &targets, layout)
        });
        let mut errors = Vec::new();
        let mut report = Report { hosts: BTreeMap::new(), left: reset::left(layout) };
        for (host, result) in hosts.iter().zip(results) {
            match result {
                Ok(lines) => drop(report.hosts.insert(host.name.clone(), lines)),
                Err(error) => errors.push(error),
            }
        }
        self.output.print(ctx, &report, || Ok(report.text(&ctx.out)))?;
        Error::all(errors)
    }
}

impl Report {
    fn text(&self, out: &Printer) -> String {
        let mut text = String::new();
        for (host, lines) in &self.hosts {
            text.push_str(&format!("{}:\n", out.paint("1", host)));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
        text.push_str("left as it is:\n");
        self.left.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        text
    }
}
