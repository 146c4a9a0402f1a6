//! `kbootstrap verify`.

use std::collections::BTreeMap;

use super::args::ClusterArgs;
use crate::apply::Job;
use crate::artifacts::{self, EnsureOptions, Store};
use crate::cli::Ctx;
use crate::cluster::Role;
use crate::engine::{Access, Session, survey};
use crate::error::Result;
use crate::facts::{HostFacts, Questions};
use crate::plan::Desired;
use crate::plan::{HostPlan, Plan};
use crate::state::{HostState, Image};
use crate::trust::Trust;
use crate::ui::Format;
use crate::verify::{self, Credentials, Report};

const EXAMPLE: &str = "\
Examples:
  kbootstrap verify                       # the inventory is ./kbootstrap.yaml
  kbootstrap verify -i prod.yaml -o json

It runs a Deployment with one pod on every node in a namespace of its own (kbootstrap-verify-…), which it \
deletes again, also after a failure or Ctrl-C. The exit code is 7 when a check failed.";

/// Smoke-test the cluster in a namespace of its own
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How to print the result: text, or json for programs
    #[arg(short, long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
    output: Format,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let session = self.cluster.open(ctx, "verify", Access::Read)?;
        let result = self.verify(ctx, &session);
        session.finish(result)?;
        Ok(0)
    }

    fn verify(&self, ctx: &Ctx, session: &Session) -> Result<()> {
        let trust = Trust::load(&session.catalogue, &session.cluster, &session.dir)?;
        let image = deliver(session, &trust)?;
        let credentials = Credentials { kube: trust.super_admin(), etcd: trust.etcd_client() };
        let report = verify::cluster(
            &session.cluster,
            &credentials,
            &image,
            session.pool.connector(),
            &|host| session.pool.target(host),
            &session.interrupt,
            session.reporter(),
        )?;
        print(ctx, self.output, &report)?;
        report.verdict()
    }
}

/// Brings the test image to the nodes that lack it, and returns its name.
fn deliver(session: &Session, trust: &Trust) -> Result<String> {
    let cluster = &session.cluster;
    let store = Store::open_default()?;
    let facts = survey(cluster, &session.pool, &BTreeMap::<String, Questions>::new())?;
    let lock = session.dir.join("artifacts.lock");
    let mut name = String::new();
    let mut desired = Desired { hosts: BTreeMap::new(), objects: Vec::new(), addons: session.catalogue.addons.clone() };
    let mut plan = Plan { hosts: Vec::new(), objects: Some(Vec::new()) };
    let options = EnsureOptions { test_images: true, update_lock: false };
    for host in cluster.with_role(Role::Node) {
        let Some(facts) = facts.get(&host.name) else { continue };
        let programs =
            artifacts::ensure(&session.catalogue, cluster, &facts.arch, &lock, &store, session.reporter(), options)?;
        let artifact = programs.get("image-agnhost")?.clone();
        let image = session.catalogue.image(&artifact.name);
        name = image.map_or_else(|| artifact.name.clone(), |image| image.reference(&artifact.version));
        let image = Image { name: name.clone(), artifact };
        if lacks(facts, &image) {
            let state = HostState { host: host.name.clone(), images: vec![image.clone()], ..HostState::default() };
            desired.hosts.insert(host.name.clone(), state);
            plan.hosts.push(HostPlan { host: host.name.clone(), images: vec![image], ..HostPlan::default() });
        }
    }
    let job = Job {
        cluster,
        desired: &desired,
        facts: &facts,
        plan: &plan,
        pool: &session.pool,
        store: &store,
        trust,
        reporter: session.reporter(),
        interrupt: &session.interrupt,
    };
    job.run()?;
    Ok(name)
}

fn lacks(facts: &HostFacts, image: &Image) -> bool {
    !facts.images.contains(&image.name)
}

fn print(ctx: &Ctx, format: Format, report: &Report) -> Result<()> {
    match format {
        Format::Text => ctx.out.text(&report.table(&ctx.out)),
        Format::Json => ctx.out.json(report),
    }
}
