//! `kbootstrap init`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::cli::context::{Ctx, not_a_format};
use crate::cluster::{self, Known, versions};
use crate::error::{Error, Result};
use crate::files;
use crate::inventory::{self, DEFAULT_FILE, Draft, check::names};

/// Write a commented inventory for machines of your own
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap init -o prod.yaml --master 10.0.0.11 --node 10.0.0.21 --node 10.0.0.22
  kbootstrap init -o ha.yaml --master 10.0.0.11 --master 10.0.0.12 --master 10.0.0.13 \\
      --node 10.0.0.21 --endpoint api.example.com:6443 --user admin
  kbootstrap init -o - --master 10.0.0.11")]
pub struct Args {
    /// File to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    output: PathBuf,
    /// Name of the cluster [default: the file's name]
    #[arg(long)]
    name: Option<String>,
    /// Address of a master (repeat for more); it is an etcd member and a node too
    #[arg(long, value_name = "ADDRESS", required = true)]
    master: Vec<IpAddr>,
    /// Address of a node (repeat for more)
    #[arg(long, value_name = "ADDRESS")]
    node: Vec<IpAddr>,
    /// Address of an etcd member (repeat: 1, 3 or 5) [default: the masters]
    #[arg(long, value_name = "ADDRESS")]
    etcd: Vec<IpAddr>,
    /// What balances over the masters; needed with several
    #[arg(long, value_name = "HOST[:PORT]")]
    endpoint: Option<String>,
    /// SSH login name
    #[arg(long, default_value = "root")]
    user: String,
    /// Kubernetes version, for example 1.36.3 or 1.36 [default: the newest that is known]
    #[arg(long, value_name = "VERSION")]
    kubernetes: Option<String>,
    /// Overwrite the file
    #[arg(long)]
    force: bool,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        not_a_format(&self.output, "the file to write")?;
        if self.master.len() > 1 && self.endpoint.is_none() {
            return Err(Error::usage(format!("{} masters need --endpoint", self.master.len()))
                .hint("it is the address of what balances over the masters' port 6443"));
        }
        let text = self.draft().text();
        let shown = self.output.display().to_string();
        let loaded = inventory::parse(&shown, text.as_bytes())?;
        let cluster = cluster::resolve(&loaded, &Known::default())?;
        if self.output == Path::new("-") {
            ctx.out.text(&text)?;
            return Ok(0);
        }
        write(&self.output, &text, self.force)?;
        let file = if self.output == Path::new(DEFAULT_FILE) { String::new() } else { format!(" -i {shown}") };
        let hosts = if cluster.hosts.len() == 1 { "1 host".into() } else { format!("{} hosts", cluster.hosts.len()) };
        ctx.out.line(&format!("{shown}: cluster {} with {hosts}", cluster.name))?;
        ctx.out.line(&format!("next: kbootstrap check{file}"))?;
        Ok(0)
    }

    fn draft(&self) -> Draft {
        let texts = |list: &[IpAddr]| list.iter().map(IpAddr::to_string).collect();
        Draft {
            cluster: self.name.clone().unwrap_or_else(|| name_from(&self.output)),
            kubernetes: self.kubernetes.clone(),
            newest: versions::RELEASES[0].kubernetes.into(),
            endpoint: self.endpoint.clone(),
            user: Some(self.user.clone()),
            masters: texts(&self.master),
            nodes: texts(&self.node),
            etcd: texts(&self.etcd),
        }
    }
}

/// The file's name, where it can name a cluster.
fn name_from(output: &Path) -> String {
    let stem = output.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    if stem != "kbootstrap" && names::label(&stem).is_ok() { stem } else { "kubernetes".into() }
}

fn write(path: &Path, text: &str, force: bool) -> Result<()> {
    let folder = files::folder_of(path);
    if !folder.is_dir() {
        return Err(Error::usage(format!("write {}: there is no folder {}", path.display(), folder.display())));
    }
    if force {
        files::write_public(path, text.as_bytes())
    } else if files::write_new(path, text.as_bytes())? {
        Ok(())
    } else {
        Err(Error::usage(format!("{} is there already", path.display())).hint("`--force` overwrites it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_the_cluster() {
        assert_eq!(name_from(Path::new("sites/Prod.yaml")), "prod");
        assert_eq!(name_from(Path::new("kbootstrap.yaml")), "kubernetes");
        assert_eq!(name_from(Path::new("-")), "kubernetes");
        assert_eq!(name_from(Path::new("my_site.yaml")), "kubernetes");
    }
}
