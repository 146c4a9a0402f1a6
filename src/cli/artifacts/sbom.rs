//! `kbootstrap artifacts sbom`.

use std::path::{Path, PathBuf};

use super::existing;
use crate::artifacts::sbom;
use crate::cli::Ctx;
use crate::cli::cluster::ClusterArgs;
use crate::cli::progress::Progress;
use crate::components::Catalogue;
use crate::engine::Access;
use crate::error::Result;

/// Print what a cluster runs and where it came from, as a CycloneDX document
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap artifacts sbom -i prod.yaml > prod.cdx.json
  kbootstrap artifacts sbom --lock clusters/prod/artifacts.lock

It tells what artifacts.lock pins: name, version, architecture, SHA-256, source. No host is asked; `plan` says \
whether hosts run it.")]
pub(super) struct Sbom {
    /// The inventory [default: kbootstrap.yaml in this folder]
    #[arg(short, long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// The cluster's folder [default: clusters/NAME beside the inventory]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// No inventory: what this lock file pins, named after its folder
    #[arg(long, value_name = "FILE", conflicts_with_all = ["inventory", "state"])]
    lock: Option<PathBuf>,
}

impl Sbom {
    pub(super) fn run(self, ctx: &Ctx) -> Result<u8> {
        let (name, lock) = match self.lock {
            Some(lock) => (folder_name(&lock), lock),
            None => {
                let args = ClusterArgs {
                    inventory: self.inventory,
                    state: self.state,
                    // Nothing that it names is run or read here.
                    trust_inventory: true,
                    accept_new_host_keys: false,
                    ssh_config: None,
                    at_once: crate::access::AT_ONCE,
                    progress: Progress::default(),
                };
                let session = args.open(ctx, "artifacts-sbom", Access::Read)?;
                (session.cluster.name.clone(), session.artifacts_lock())
            }
        };
        ctx.out.json(&sbom(&existing(&lock)?, &name, &Catalogue::standard()))?;
        Ok(0)
    }
}

/// `prod` of `clusters/prod/artifacts.lock`.
fn folder_name(lock: &Path) -> String {
    let absolute = std::path::absolute(lock).unwrap_or_else(|_| lock.to_owned());
    let folder = absolute.parent().and_then(Path::file_name);
    folder.map_or_else(|| "cluster".into(), |name| name.to_string_lossy().into_owned())
}
