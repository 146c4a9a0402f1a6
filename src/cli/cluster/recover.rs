//! `kbootstrap recover`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::args::ClusterArgs;
use crate::access::Pool;
use crate::age::Identity;
use crate::cli::{Ctx, confirm, interrupt};
use crate::engine::{Access, ClusterFolder, Session};
use crate::error::{Error, Result};
use crate::files;
use crate::inventory::{self, DEFAULT_FILE, check::names};
use crate::recover::{self, Choice, Reach, Report, Restore};
use crate::remote::{Connector, Interrupt, Operator, SshConfig};
use crate::text::sh_path;
use crate::trust;
use crate::ui::{Cell, Format, Table};

/// Bring back the cluster's folder, or single files of it, from the hosts
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # all that is missing and that hosts have
  kbootstrap recover -i prod.yaml
  kbootstrap recover -i prod.yaml --only sa.key --only encryption.key
  kbootstrap recover -i prod.yaml --identity recovery.txt
  # on a machine that has nothing
  kbootstrap recover --host 10.0.0.11 -i prod.yaml

Nothing that is there is overwritten, and nothing is changed on the hosts. What several hosts hold must be the same on \
all of them. Keys that only the folder had, those of the CAs of etcd and the front proxy, are on no host; with a recoveryKey in the inventory the masters have \
an encrypted copy, which --identity opens.")]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Address of a master: take the inventory from there too, and write it where -i says
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// Only this file of pki/, for example sa.key (repeat for more)
    #[arg(long, value_name = "FILE")]
    only: Vec<String>,
    /// Where hosts hold different files, take this one's
    #[arg(long, value_name = "HOST")]
    from: Option<String>,
    /// Private key of age (a file of age-keygen, 0600) that opens the encrypted copy on the masters
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// SSH login name [default: as the inventory says]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// SSH port [default: as the inventory says]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// SSH private key (repeat for more) [default: as the inventory says]
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// SSH known_hosts [default: as the inventory says]
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<PathBuf>,
    /// Do not ask before templates of the masters' record are written
    #[arg(short, long)]
    yes: bool,
    /// How to print what was done: text, or json for programs
    #[arg(short, long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
    output: Format,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let reach = Reach {
            user: self.user.clone(),
            port: self.port,
            keys: self.key.clone(),
            known_hosts: self.known_hosts.clone(),
        };
        if let Some(address) = &self.host {
            self.inventory(ctx, address, &reach)?;
        }
        let mut session = self.cluster.open(ctx, "recover", Access::Write)?;
        session.pool.add_key_file(reach.known_hosts.as_deref());
        for host in &mut session.cluster.hosts {
            reach.apply(host);
        }
        let result = self.recover(ctx, &session);
        session.finish(result)?;
        Ok(0)
    }

    fn recover(&self, ctx: &Ctx, session: &Session) -> Result<()> {
        let (catalogue, cluster, dir) = (&session.catalogue, &session.cluster, &session.dir);
        self.check(session)?;
        let asked = recover::ask(catalogue, cluster, &session.pool)?;
        for (host, error) in &asked.silent {
            session.reporter().warn(&format!("{host} could not be asked: {}", error.of_host(host)));
        }
        let from = self.from.as_deref();
        let opened = match &self.identity {
            Some(path) => Some(recover::open_copy(catalogue, cluster, &asked, from, &identities(path)?)?),
            None => None,
        };
        let choice = Choice { from, only: &self.only, opened: opened.as_ref() };
        let mut report = recover::restore(catalogue, cluster, dir, &asked, choice)?;
        let completed = if self.only.is_empty() { self.complete(session, &mut report) } else { Ok(()) };
        match self.output {
            Format::Json => ctx.out.json(&report)?,
            Format::Text => ctx.out.text(&text(&report, ctx))?,
        }
        completed
    }

    /// Writes inventory, templates and lock file as the master at `address` has them on record.
    fn inventory(&self, ctx: &Ctx, address: &str, reach: &Reach) -> Result<()> {
        let reporter = self.cluster.progress.reporter(ctx);
        let operator = Operator::from_env(SshConfig::named(self.cluster.ssh_config.as_deref()));
        let connector = Connector::new(operator, Interrupt::from(interrupt::interrupt("recover", ctx.err_color)?));
        let mut pool = Pool::new(Box::new(connector), self.cluster.accept_new_host_keys, self.cluster.at_once);
        pool.add_key_file(reach.known_hosts.as_deref());
        let record = recover::read_record(&pool, &reach.host(address), reach, self.from.as_deref(), &*reporter)?;
        let path = self.cluster.inventory.clone().unwrap_or_else(|| DEFAULT_FILE.into());
        let loaded = inventory::parse(&path.display().to_string(), record.inventory.text.as_bytes())?;
        // Its name decides where the folder is: it must be one.
        Error::all(names::label(&loaded.inventory.cluster).err().map(Error::input))?;
        if !self.cluster.trust_inventory {
            recover::refuse_this_machine(&loaded.inventory, address)?;
        }
        let dir = inventory::state_dir(&path, &loaded.inventory.cluster, self.cluster.state.as_deref());
        let (named, trusted) = (self.cluster.state.is_some(), self.cluster.trust_inventory);
        ClusterFolder { inventory: &path, dir: &dir, named, trusted }.judge()?;
        let restore = recover::restore_inventory(&record, &loaded.inventory, &path, &dir.join("artifacts.lock"))?;
        for name in &restore.unnamed {
            reporter.warn(&format!("the record has a file {name} that its inventory does not name: it is left out"));
        }
        self.ask(&restore)?;
        for written in restore.write()? {
            reporter.info(&format!("wrote {}", written.display()));
        }
        Ok(())
    }

    /// The inventory and the lock go where the operator has said; the names of templates are a master's.
    fn ask(&self, restore: &Restore) -> Result<()> {
        if self.yes || restore.templates.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = restore.templates.iter().map(|path| path.display().to_string()).collect();
        let meaning = "The master's record has templates that are to be written here:";
        if confirm::can_ask() {
            return confirm::go_on(&format!("{meaning}\n{}\n", names.join("\n")));
        }
        Err(Error::usage(
            "recover asks before it writes templates that a master has on record, and there is no terminal to ask on",
        )
        .detail(names.join("\n"))
        .hint("nothing was written; with --yes they are"))
    }

    /// Names of files and hosts that there are.
    fn check(&self, session: &Session) -> Result<()> {
        let names = recover::names(&session.catalogue, &session.cluster);
        let unknown = self.only.iter().filter(|name| !names.contains(name)).map(|name| {
            Error::usage(format!("--only {name}: there is no such file that hosts hold"))
                .hint(format!("those that they hold are {}", names.join(", ")))
        });
        let stranger = self.from.iter().filter(|name| session.cluster.host(name).is_none()).map(|name| {
            let hosts: Vec<&str> = session.cluster.hosts.iter().map(|host| host.name.as_str()).collect();
            Error::usage(format!("--from {name}: there is no such host"))
                .hint(format!("the hosts are {}", hosts.join(", ")))
        });
        Error::all(unknown.chain(stranger))
    }

    /// What is on no host and can be made without loss is made: it has to be signed by a CA that is there.
    fn complete(&self, session: &Session, report: &mut Report) -> Result<()> {
        let (catalogue, cluster, dir) = (&session.catalogue, &session.cluster, &session.dir);
        let (now, reporter) = (OffsetDateTime::now_utc(), session.reporter());
        if report.missing.iter().any(|missing| missing.fatal) {
            return Err(Error::pki(format!("{} is not complete", dir.join("pki").display()))
                .detail(report.fatal().join("\n"))
                .hint("bring these back from your backup of the folder, and run `kbootstrap recover` again"));
        }
        report.issued = trust::look(catalogue, cluster, dir, now, reporter)?.to_issue().to_vec();
        let trust = trust::ensure(catalogue, cluster, dir, now, reporter)?;
        trust.write_admin_kubeconfig(cluster, dir).map(drop)
    }
}

/// The identities of a file that nobody else can read.
fn identities(path: &Path) -> Result<Vec<Identity>> {
    let shown = path.display().to_string();
    let bytes = files::read(path)?;
    let mode = fs::metadata(path).map_err(|e| Error::io(format!("read {shown}"), &e))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::input(format!("{shown} can be read by others: its mode is {:03o}", mode & 0o777))
            .hint(format!("chmod 600 {}", sh_path(path))));
    }
    Identity::all_from_file(&bytes, &shown)
}

fn text(report: &Report, ctx: &Ctx) -> String {
    let mut files = Table::new(&["FILE", "STATE", "DETAIL"]);
    for file in &report.files {
        let state = if file.was_there { "was there" } else { "recovered" };
        files.row(vec![file.file.clone().into(), Cell::colored(state, "32"), file.hosts.join(", ").into()]);
    }
    for name in &report.issued {
        files.row(vec![name.clone().into(), Cell::colored("made new", "33"), "no host that answered has it".into()]);
    }
    for missing in &report.missing {
        files.row(vec![missing.file.clone().into(), Cell::colored("missing", "31"), missing.means.clone().into()]);
    }
    let mut text = files.render(&ctx.out);
    if !report.silent.is_empty() {
        text.push_str(&format!("not asked: {}\n", report.silent.join(", ")));
    }
    text
}
