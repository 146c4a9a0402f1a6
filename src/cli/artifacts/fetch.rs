//! `kbootstrap artifacts fetch`: for an inventory, or for a version without one.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use semver::Version;

use super::{everything, print_records};
use crate::artifacts::{self, ARCHITECTURES, EnsureOptions, Programs, Store, ensure_requirements};
use crate::cli::cluster::ClusterArgs;
use crate::cli::interrupt::interrupt;
use crate::cli::progress::Progress;
use crate::cli::{Ctx, FormatArgs};
use crate::engine::{Access, fetch_packages};
use crate::error::{Error, Result};
use crate::inventory::{Build, Download, Source};

/// Bring programs and images into the store: those of an inventory, or of a Kubernetes version
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kbootstrap artifacts fetch -i prod.yaml
  kbootstrap artifacts fetch -i prod.yaml --update-lock
  kbootstrap artifacts fetch --kubernetes 1.36.3 --arch amd64 --arch arm64
  kbootstrap artifacts fetch --kubernetes 1.36.3 --source ./bin \\
    --source download

With an inventory, its versions and sources hold, and the cluster's artifacts.lock pins what came. \
For hosts of others than amd64 give --arch. Hosts are asked only where the cluster needs packages of their distribution: which \
they lack. `up` fetches for what the lock file has programs for.")]
pub(super) struct Fetch {
    /// The inventory [default: kbootstrap.yaml in this folder]
    #[arg(short, long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// The cluster's folder [default: clusters/NAME beside the inventory]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// No inventory: all that this version needs; the other programs are those that fit it
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["inventory", "state"])]
    kubernetes: Option<Version>,
    /// Architecture (repeat it for several)
    #[arg(long, default_value = "amd64", value_parser = ARCHITECTURES)]
    arch: Vec<String>,
    /// Let the inventory name programs to run, and have this machine for a host
    #[arg(long, conflicts_with = "kubernetes")]
    trust_inventory: bool,
    /// The images that verify and the tests use, too
    #[arg(long)]
    test_images: bool,
    /// Where from, tried in this order (repeat it): download, build, or a folder or bundle
    #[arg(long, value_name = "download|build|PATH")]
    source: Vec<String>,
    /// Put before each URL's host and path
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// With --kubernetes: pin what came in this file, and hold to what it pins
    #[arg(long, value_name = "FILE", requires = "kubernetes")]
    lock: Option<PathBuf>,
    /// Take what the sources deliver even where the lock pins other bytes
    #[arg(long)]
    update_lock: bool,
    /// Take what a mirror on plain HTTP brings where no lock pins it: nothing vouches for it
    #[arg(long)]
    trust_plain_http: bool,
    /// How progress is shown on standard error: auto, plain, json or none
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "HOW")]
    progress: Progress,
    #[command(flatten)]
    output: FormatArgs,
}

impl Fetch {
    pub(super) fn run(self, ctx: &Ctx) -> Result<u8> {
        let store = Store::open_default()?;
        let sources = sources(&self.source, self.mirror.as_deref())?;
        let fetched = match &self.kubernetes {
            Some(version) => self.for_version(version, &sources, &store, ctx)?,
            None => self.for_inventory(sources, &store, ctx)?,
        };
        let records = fetched.iter().flat_map(Programs::iter).map(|a| store.record(&a.sha256));
        print_records(ctx, &store, &records.collect::<Result<Vec<_>>>()?, self.output)
    }

    fn for_inventory(&self, sources: Vec<Source>, store: &Store, ctx: &Ctx) -> Result<Vec<Programs>> {
        let args = ClusterArgs {
            inventory: self.inventory.clone(),
            state: self.state.clone(),
            trust_inventory: self.trust_inventory,
            accept_new_host_keys: false,
            ssh_config: None,
            at_once: crate::access::AT_ONCE,
            progress: self.progress,
        };
        let mut session = args.open(ctx, "artifacts-fetch", Access::Write)?;
        if !sources.is_empty() {
            session.cluster.sources = sources;
        }
        let lock = session.artifacts_lock();
        let (catalogue, cluster) = (&session.catalogue, &session.cluster);
        let ensure = |arch| {
            artifacts::ensure(
                catalogue,
                cluster,
                arch,
                &lock,
                store,
                session.reporter(),
                self.options(&session.interrupt),
            )
        };
        let fetch = || {
            let mut all: Vec<Programs> = self.arch.iter().map(|arch| ensure(arch)).collect::<Result<_>>()?;
            all.push(fetch_packages(&session, store, self.update_lock)?.into_iter().collect());
            Ok(all)
        };
        session.finish(fetch())
    }

    fn for_version(&self, version: &Version, sources: &[Source], store: &Store, ctx: &Ctx) -> Result<Vec<Programs>> {
        if self.update_lock && self.lock.is_none() {
            return Err(Error::usage("--update-lock needs --lock FILE, or an inventory in place of --kubernetes"));
        }
        let reporter = self.progress.reporter(ctx);
        let interrupt = interrupt("artifacts-fetch", ctx.err_color)?;
        let each = self.arch.iter().map(|arch| {
            let wanted = everything(version, arch, self.test_images);
            ensure_requirements(&wanted, sources, self.lock.as_deref(), store, &*reporter, self.options(&interrupt))
        });
        each.collect()
    }

    fn options<'a>(&self, interrupt: &'a AtomicBool) -> EnsureOptions<'a> {
        let Fetch { test_images, update_lock, trust_plain_http, .. } = *self;
        EnsureOptions { test_images, update_lock, trust_plain_http, interrupt: Some(interrupt) }
    }
}

fn sources(names: &[String], mirror: Option<&str>) -> Result<Vec<Source>> {
    let download = || Some(Download { mirror: mirror.map(str::to_owned) });
    let source = |name: &String| match name.as_str() {
        "download" => Source { download: download(), ..Source::default() },
        "build" => Source { build: Some(Build::default()), ..Source::default() },
        path => Source { folder: Some(path.into()), ..Source::default() },
    };
    let mut sources: Vec<_> = names.iter().map(source).collect();
    if sources.is_empty() && mirror.is_some() {
        sources.push(Source { download: download(), ..Source::default() });
    }
    if mirror.is_some() && sources.iter().all(|s| s.download.is_none()) {
        return Err(Error::usage("--mirror is for the source `download`, which is not among those named"));
    }
    Ok(sources)
}
