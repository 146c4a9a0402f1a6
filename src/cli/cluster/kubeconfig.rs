//! `kbootstrap kubeconfig`.

use time::OffsetDateTime;

use super::args::ClusterArgs;
use crate::cli::Ctx;
use crate::engine::Access;
use crate::error::Result;
use crate::trust;

/// Write the administrator's kubeconfig anew and say where it is, or print it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap kubeconfig -i prod.yaml                     # writes it and prints its path
  export KUBECONFIG=$(kbootstrap kubeconfig -i prod.yaml)
  kbootstrap kubeconfig -i prod.yaml --print > ~/.kube/config

The file holds a private key: it is written with mode 0600. Nothing is asked of the hosts.")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Print the kubeconfig itself, key and all
    #[arg(long)]
    print: bool,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let session = self.cluster.open(ctx, "kubeconfig", Access::Write)?;
        let result = trust::ensure(
            &session.catalogue,
            &session.cluster,
            &session.dir,
            OffsetDateTime::now_utc(),
            session.reporter(),
        )
        .and_then(|trust| {
            if self.print {
                ctx.out.bytes(trust.admin_kubeconfig(&session.cluster)?.expose())
            } else {
                let path = trust.write_admin_kubeconfig(&session.cluster, &session.dir)?;
                ctx.out.line(&path.display().to_string())
            }
        });
        session.finish(result)?;
        Ok(0)
    }
}
