//! `kbootstrap init`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::cli::context::{Ctx, not_a_format};
use crate::cluster::{self, Known, versions};
use crate::error::{Error, Result};
use crate::files;
use crate::inventory::foreign::{self, Import, common};
use crate::inventory::{self, Addresses, DEFAULT_FILE, Draft, Ssh, check::names};
use crate::ui::report;

/// Write a commented inventory for machines of your own
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap init -o prod.yaml --master 10.0.0.11 --node 10.0.0.21 \\
    --node 10.0.0.22
  kbootstrap init -o ha.yaml --master 10.0.0.11 --master 10.0.0.12 \\
    --master 10.0.0.13 \\
      --node 10.0.0.21 --endpoint api.example.com:6443 --user admin
  kbootstrap init -o prod.yaml --from inventory/mycluster/hosts.yaml \\
    --endpoint api.example.com
  kbootstrap init --from hosts.ini --user admin
  kbootstrap init -o - --master 10.0.0.11")]
pub struct Args {
    /// File to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    output: PathBuf,
    /// Name of the cluster [default: the file's name]
    #[arg(long)]
    name: Option<String>,
    /// Take the hosts from a file of another tool: an inventory of Ansible or kubespray (INI or YAML; groups such as
    /// kube_control_plane, kube_node, etcd, masters, workers), or a configuration of k0sctl or RKE
    #[arg(long, value_name = "FILE", conflicts_with_all = ["master", "node", "etcd"])]
    from: Option<PathBuf>,
    /// Address of a master (repeat for more); it is an etcd member and a node too
    #[arg(long, value_name = "ADDRESS", required_unless_present = "from")]
    master: Vec<IpAddr>,
    /// Address of a node (repeat for more)
    #[arg(long, value_name = "ADDRESS")]
    node: Vec<IpAddr>,
    /// Address of an etcd member (repeat: 1, 3 or 5) [default: the masters]
    #[arg(long, value_name = "ADDRESS")]
    etcd: Vec<IpAddr>,
    /// What balances over several masters, where the site has it [default: each node has a balancer of its own]
    #[arg(long, value_name = "HOST[:PORT]")]
    endpoint: Option<String>,
    /// SSH login name [default: root, or what the file of --from says]
    #[arg(long)]
    user: Option<String>,
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
        let (draft, notes) = self.draft()?;
        let text = draft.text();
        let shown = self.output.display().to_string();
        let loaded = inventory::parse(&shown, text.as_bytes())?;
        let cluster = cluster::resolve(&loaded, &Known::default())?;
        if self.output == Path::new("-") {
            ctx.out.text(&text)?;
            say(ctx, &notes);
            return Ok(0);
        }
        write(&self.output, &text, self.force)?;
        say(ctx, &notes);
        let file = if self.output == Path::new(DEFAULT_FILE) { String::new() } else { format!(" -i {shown}") };
        let hosts = if cluster.hosts.len() == 1 { "1 host".into() } else { format!("{} hosts", cluster.hosts.len()) };
        ctx.out.line(&format!("{shown}: cluster {} with {hosts}", cluster.name))?;
        ctx.out.line(&format!("next: kbootstrap check{file}"))?;
        Ok(0)
    }

    /// What to write, and what is to be said about it.
    fn draft(&self) -> Result<(Draft, Vec<String>)> {
        let texts = |list: &[IpAddr]| list.iter().map(IpAddr::to_string).collect();
        let mut import = match &self.from {
            Some(file) => read(file)?,
            None => {
                let (masters, nodes, etcd) = (texts(&self.master), texts(&self.node), texts(&self.etcd));
                Import { hosts: Addresses { masters, nodes, etcd }.hosts(), ..Import::default() }
            }
        };
        if self.user.is_some() {
            import.hosts.iter_mut().for_each(|host| host.ssh.user = None);
        }
        let ssh = common(&mut import.hosts);
        let draft = Draft {
            cluster: self.name.clone().unwrap_or_else(|| name_from(&self.output)),
            kubernetes: self.kubernetes.clone(),
            newest: versions::RELEASES[0].kubernetes.into(),
            endpoint: self.endpoint.clone().or(import.endpoint),
            ssh: Ssh { user: self.user.clone().or(ssh.user), ..ssh },
            pods: import.pods,
            services: import.services,
            hosts: import.hosts,
        };
        Ok((draft, import.notes))
    }
}

/// A file of another tool, with a note where Ansible would read more than it.
fn read(file: &Path) -> Result<Import> {
    let shown = file.display();
    if file.is_dir() {
        return Err(Error::input(format!("{shown} is a folder")).hint("name the file in it that has the hosts"));
    }
    let bytes = files::bounded::bytes(file).map_err(|e| Error::input(format!("read {shown}: {e}")))?;
    let mut import = foreign::import(&shown.to_string(), &bytes)?;
    let beside = |name: &str| files::folder_of(file).join(name).is_dir();
    if let Some(folder) = ["group_vars", "host_vars"].into_iter().find(|name| beside(name)) {
        import.notes.push(format!(
            "{folder}/ beside it is not read: `ansible-inventory -i {shown} --list -y` writes everything into one file"
        ));
    }
    Ok(import)
}

/// What was not taken.
fn say(ctx: &Ctx, notes: &[String]) {
    notes.iter().for_each(|note| report::warn(note, ctx.err_color));
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
