//! `kbootstrap lab`.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use ipnet::Ipv4Net;

use crate::cli::{Ctx, FormatArgs};
use crate::cluster::Role;
use crate::error::{Error, Result};
use crate::lab::{self, Debian, Folders, Lab, LabSpec, LabStatus, Off, System, role_name};
use crate::ui::{Cell, Plain, Reporter, Table, Terminal, stderr};

const EXAMPLE: &str = "\
Examples:
  # n1: etcd, master and node; n2 and n3: nodes
  kbootstrap lab up -n 3
  # a second lab beside it
  kbootstrap lab up -n 4 --masters 3 --name ha
  # hosts with Debian 11
  kbootstrap lab up -n 2 --debian 11 --name old
  kbootstrap lab ssh n1 systemctl status
  kbootstrap lab poweroff n2 && kbootstrap lab start n2
  kbootstrap lab down --all

Hosts are systemd-nspawn containers with a systemd and an sshd of their own, on a private network. \
Labs lie in ~/.cache/kbootstrap, or in $KBOOTSTRAP_CACHE.";

/// Throwaway systemd hosts on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make hosts and an inventory of them; start those that are off
    #[command(after_help = "Example: kbootstrap lab up -n 3 && kbootstrap up -i \"$(kbootstrap lab inventory)\"")]
    Up(UpArgs),
    /// Show all labs
    #[command(after_help = "Example: kbootstrap lab list -o json")]
    List {
        #[command(flatten)]
        output: FormatArgs,
    },
    /// Print the path of a lab's inventory
    #[command(after_help = "Example: kbootstrap status -i \"$(kbootstrap lab inventory --name demo)\"")]
    Inventory {
        #[command(flatten)]
        lab: Which,
    },
    /// Open a shell on a host, or run a command there
    #[command(after_help = "Example: kbootstrap lab ssh n1 journalctl -b -u kubelet")]
    Ssh(SshArgs),
    /// Switch a host off; its disk stays
    #[command(after_help = "Example: kbootstrap lab poweroff n2 --cut")]
    Poweroff {
        /// The host
        host: String,
        #[command(flatten)]
        lab: Which,
        /// Pull the cables: take the network away, then kill everything at once
        #[arg(long)]
        cut: bool,
        /// Seconds to wait for an orderly end before the cables are pulled
        #[arg(long, default_value_t = 20, conflicts_with = "cut")]
        timeout: u64,
    },
    /// Start a host that is off
    #[command(after_help = "Example: kbootstrap lab start n2")]
    Start {
        /// The host
        host: String,
        #[command(flatten)]
        lab: Which,
    },
    /// Remove a lab with all that is on its hosts
    #[command(after_help = "Example: kbootstrap lab down --all")]
    Down {
        #[command(flatten)]
        lab: Which,
        /// Every lab
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The lab; may be left out where there is only one
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, clap::Args)]
struct UpArgs {
    /// How many hosts
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 3)]
    hosts: u32,
    /// The lab's and the cluster's name
    #[arg(long, default_value = "demo")]
    name: String,
    /// How many hosts, from n1 on, are masters and etcd members as well as nodes
    #[arg(long, default_value_t = 1)]
    masters: u32,
    /// Other roles for one host, for example n1=etcd,master (repeatable)
    #[arg(long, value_name = "HOST=ROLE,…", value_parser = parse_roles)]
    roles: Vec<(String, Vec<Role>)>,
    /// The hosts' release of Debian: 11, 12 or 13
    #[arg(long, value_name = "RELEASE", default_value_t)]
    debian: Debian,
    /// Nothing on the hosts but the minimal system, systemd and sshd
    #[arg(long)]
    minimal: bool,
    /// The hosts' network [default: a free 10.99.x.0/24]
    #[arg(long, value_name = "CIDR")]
    subnet: Option<Ipv4Net>,
    /// What stands in front of several masters; a lab has no balancer [default: the first master]
    #[arg(long, value_name = "HOST:PORT")]
    endpoint: Option<String>,
    /// Where to write the inventory [default: into the lab's folder]
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, clap::Args)]
struct SshArgs {
    #[command(flatten)]
    lab: Which,
    /// Log in as this user: root, or admin, who has sudo
    #[arg(long, default_value = "root")]
    user: String,
    /// The host
    host: String,
    /// The command; none: a shell
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let folders = Folders::from_env()?;
        match self.command {
            Command::Up(args) => up(ctx, &folders, args)?,
            Command::List { output } => list(ctx, &folders, output)?,
            Command::Inventory { lab } => {
                ctx.out.line(&lab.open(&folders)?.inventory_path().display().to_string())?;
            }
            Command::Ssh(args) => return ssh(&folders, args),
            Command::Poweroff { host, lab, cut, timeout } => {
                let how = if cut { Off::Cut } else { Off::Orderly(Duration::from_secs(timeout)) };
                lab.open(&folders)?.poweroff(&host, how)?;
                ctx.out.line(&format!("{host} is off"))?;
            }
            Command::Start { host, lab } => {
                lab.open(&folders)?.start(&host, &*reporter(ctx))?;
                ctx.out.line(&format!("{host} is on"))?;
            }
            Command::Down { lab, all } => down(ctx, &folders, &lab, all)?,
        }
        Ok(0)
    }
}

impl Which {
    fn open(&self, folders: &Folders) -> Result<Lab> {
        Lab::open(folders, &self.resolve(folders)?)
    }

    fn resolve(&self, folders: &Folders) -> Result<String> {
        let labs: Vec<_> = lab::list(folders)?.into_iter().map(|lab| lab.name).collect();
        match (&self.name, labs.as_slice()) {
            (Some(name), _) if labs.contains(name) => Ok(name.clone()),
            (Some(name), _) => Err(Error::usage(format!("there is no lab {name}"))
                .hint("`kbootstrap lab list` shows all labs; `kbootstrap lab up` makes one")),
            (None, [only]) => Ok(only.clone()),
            (None, []) => Err(Error::usage("there is no lab").hint("`kbootstrap lab up -n 3` makes one")),
            (None, several) => Err(Error::usage("there are several labs: say which")
                .hint(format!("--name, one of {}", several.join(", ")))),
        }
    }
}

fn parse_roles(text: &str) -> Result<(String, Vec<Role>), String> {
    let (host, roles) = text.split_once('=').ok_or("write HOST=ROLE,…, for example n1=etcd,master")?;
    let role = |name: &str| {
        let known = [Role::Etcd, Role::Master, Role::Node].into_iter().find(|role| role_name(*role) == name);
        known.ok_or_else(|| format!("`{name}` is no role: use etcd, master, node"))
    };
    Ok((host.to_owned(), roles.split(',').map(role).collect::<Result<_, _>>()?))
}

fn reporter(ctx: &Ctx) -> Box<dyn Reporter> {
    if stderr::is_terminal() { Box::new(Terminal::new(ctx.out.color())) } else { Box::new(Plain::new()) }
}

fn up(ctx: &Ctx, folders: &Folders, args: UpArgs) -> Result<()> {
    let spec = LabSpec {
        name: args.name,
        hosts: args.hosts,
        masters: args.masters,
        roles: args.roles.into_iter().collect::<BTreeMap<_, _>>(),
        system: System { debian: args.debian, minimal: args.minimal },
        subnet: args.subnet,
        endpoint: args.endpoint,
        inventory: args.inventory,
    };
    let lab = lab::up(folders, &spec, &*reporter(ctx))?;
    let status = lab::list(folders)?.into_iter().find(|status| status.name == lab.name());
    args.output.print(ctx, &status, || {
        let table = table(status.as_slice()).render(&ctx.out);
        Ok(format!("{table}inventory: {}\n", lab.inventory_path().display()))
    })
}

fn list(ctx: &Ctx, folders: &Folders, output: FormatArgs) -> Result<()> {
    let labs = lab::list(folders)?;
    output.print(ctx, &labs, || {
        let none = "no labs; `kbootstrap lab up -n 3` makes one\n".to_owned();
        Ok(if labs.is_empty() { none } else { table(&labs).render(&ctx.out) })
    })
}

fn table(labs: &[LabStatus]) -> Table {
    let mut table = Table::new(&["LAB", "NETWORK", "HOST", "ADDRESS", "ROLES", "STATE", "PID"]);
    for lab in labs {
        let subnet = lab.subnet.map_or("-".into(), |subnet| subnet.to_string());
        if lab.hosts.is_empty() {
            let rest = ["-"; 3].map(Cell::from);
            let cells = [Cell::from(&*lab.name), subnet.clone().into()].into_iter().chain(rest);
            table.row(cells.chain([Cell::colored("unfinished", "33"), "-".into()]).collect());
        }
        for host in &lab.hosts {
            let state = match (lab.complete, host.on) {
                (false, _) => Cell::colored("unfinished", "33"),
                (true, true) => Cell::colored("on", "32"),
                (true, false) => Cell::colored("off", "31"),
            };
            let roles: Vec<_> = host.roles.iter().map(|role| role_name(*role)).collect();
            table.row(vec![
                (&*lab.name).into(),
                subnet.clone().into(),
                (&*host.name).into(),
                host.address.to_string().into(),
                roles.join(",").into(),
                state,
                host.pid.map_or("-".into(), |pid| pid.to_string()).into(),
            ]);
        }
    }
    table
}

/// Becomes the OpenSSH client; its exit code is the command's.
fn ssh(folders: &Folders, args: SshArgs) -> Result<u8> {
    let lab = args.lab.open(folders)?;
    if !lab.is_on(&args.host) {
        lab.address(&args.host)?;
        return Err(Error::connect(format!("{} is off", args.host)).hint(format!(
            "kbootstrap lab start {} --name {}",
            args.host,
            lab.name()
        )));
    }
    let error = lab.ssh(&args.host, &args.user)?.args(&args.command).exec();
    Err(Error::io("run ssh", &error))
}

fn down(ctx: &Ctx, folders: &Folders, which: &Which, all: bool) -> Result<()> {
    let reporter = reporter(ctx);
    let gone = match (&which.name, all) {
        (_, true) => lab::down_all(folders, &*reporter)?,
        // Asked for by name, it is enough that it is not there.
        (Some(name), _) => lab::down(folders, name, &*reporter)?.then(|| name.clone()).into_iter().collect(),
        (None, _) => {
            let name = which.resolve(folders)?;
            lab::down(folders, &name, &*reporter)?;
            vec![name]
        }
    };
    let text = if gone.is_empty() { "there was no lab".to_owned() } else { format!("removed {}", gone.join(", ")) };
    ctx.out.line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Printer;

    #[test]
    fn roles_are_read_by_name() {
        assert_eq!(parse_roles("n1=etcd,master"), Ok(("n1".into(), vec![Role::Etcd, Role::Master])));
        insta::assert_snapshot!(parse_roles("n1=worker").unwrap_err(), @"`worker` is no role: use etcd, master, node");
    }

    #[test]
    fn the_table_shows_what_is_off_or_unfinished() {
        let status = |name: &str, complete, hosts| LabStatus {
            name: name.into(),
            complete,
            subnet: "10.99.7.0/24".parse().ok(),
            inventory: None,
            folder: "/c".into(),
            hosts,
        };
        let host = |name: &str, pid: Option<i32>| lab::HostStatus {
            name: name.into(),
            address: [10, 99, 7, 11].into(),
            roles: vec![Role::Etcd, Role::Master],
            on: pid.is_some(),
            pid,
        };
        let labs = [status("a", true, vec![host("n1", Some(42)), host("n2", None)]), status("b", false, Vec::new())];
        insta::assert_snapshot!(table(&labs).render(&Printer::new(true)), @r"
        LAB  NETWORK       HOST  ADDRESS     ROLES        STATE       PID
        a    10.99.7.0/24  n1    10.99.7.11  etcd,master  on          42
        a    10.99.7.0/24  n2    10.99.7.11  etcd,master  off         -
        b    10.99.7.0/24  -     -           -            unfinished  -
        ");
    }
}
