//! `kbootstrap render`.

mod tree;

use std::path::PathBuf;

use super::args::ClusterArgs;
use crate::cli::context::{Ctx, not_a_format};
use crate::engine::{self, Access};
use crate::error::Result;
use crate::state::Content;

/// Write every host's files to a folder, for reading and for git diff
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # asks the hosts for their facts
  kbootstrap render -i prod.yaml -o tree
  # takes every host for an ordinary Debian 12
  kbootstrap render -i prod.yaml -o tree --offline

Keys are never written: where a host holds one, the file says so. HOST.json has modes, owners, units and settings. \
Nothing else is written: certificates that `up` would issue are left out, and it says so. \
Links below the folder are not followed, and files that no earlier run has written are not replaced.")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The folder to write to; files of an earlier run that are no longer wanted are removed from it
    #[arg(short = 'o', long, value_name = "DIR")]
    output_dir: PathBuf,
    /// Do not ask the hosts: take each for a default host
    #[arg(long)]
    offline: bool,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        not_a_format(&self.output_dir, "the folder to write to (HOST.json in it is JSON)")?;
        let session = self.cluster.open(ctx, "render", Access::Read)?;
        let desired = engine::desired(&session, self.offline)?;
        let states: Vec<_> = desired.hosts.values().collect();
        let left = tree::write(&self.output_dir, &states, &desired.objects)?;
        let files = || desired.hosts.values().flat_map(|h| h.files.values());
        let left_out = files().filter(|file| file.content == Content::ToIssue).count();
        let (written, hosts) = (files().count() - left_out, desired.hosts.len());
        ctx.out.line(&format!("{written} files of {hosts} hosts in {}", self.output_dir.display()))?;
        if left_out > 0 {
            let text = format!("{left_out} files are left out: certificates and keys that `kbootstrap up` will issue");
            session.reporter().info(&text);
        }
        for path in left {
            let text =
                format!("{} stays: it is not wanted any more, but was changed since it was written", path.display());
            session.reporter().warn(&text);
        }
        Ok(0)
    }
}
