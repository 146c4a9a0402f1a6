//! `kbootstrap verify`.

use super::args::ClusterArgs;
use crate::cli::{Ctx, FormatArgs};
use crate::engine::{self, Access, Session};
use crate::error::Result;
use crate::verify;

/// What runs in the pods.
const TEST_IMAGE: &str = "image-agnhost";

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
    #[command(flatten)]
    output: FormatArgs,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let session = self.cluster.open(ctx, "verify", Access::Write)?;
        let result = self.verify(ctx, &session);
        session.finish(result)?;
        Ok(0)
    }

    fn verify(&self, ctx: &Ctx, session: &Session) -> Result<()> {
        let (image, prepared) = engine::prepare_image(session, TEST_IMAGE)?;
        if !prepared.found.plan.is_empty() {
            prepared.apply(session)?;
        }
        let (cluster, pool) = (&session.cluster, &session.pool);
        let listening = prepared.found.facts.values().flat_map(|facts| &facts.listening);
        let taken = listening.map(|socket| socket.port).collect();
        let (trust, interrupt) = (&prepared.trust, &session.interrupt);
        let report = verify::cluster(cluster, pool, trust, &image, taken, interrupt, session.reporter())?;
        self.output.print(ctx, &report, || Ok(report.table(&ctx.out)))?;
        report.verdict()
    }
}
