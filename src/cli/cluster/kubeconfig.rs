//! `kbootstrap kubeconfig`.

use super::args::ClusterArgs;
use crate::cli::Ctx;
use crate::engine::Access;
use crate::error::Result;
use crate::trust::Trust;

/// Write the administrator's kubeconfig again and say where it is, or print it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap kubeconfig -i prod.yaml  # writes it and prints its path
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
        let session = self.cluster.open(ctx, "kubeconfig", Access::Read)?;
        let trust = Trust::present(&session.catalogue, &session.cluster, &session.dir)?;
        let kubeconfig = trust.admin_kubeconfig(&session.cluster);
        let kubeconfig = kubeconfig.map_err(|e| e.context(session.dir.join("pki").display()))?;
        if self.print {
            ctx.out.bytes(kubeconfig.expose())?;
        } else {
            let path = trust.write_admin_kubeconfig(&session.cluster, &session.dir)?;
            ctx.out.line(&path.display().to_string())?;
        }
        Ok(0)
    }
}
