//! What is taken away from one host.

use serde::Serialize;

use crate::cluster::Layout;
use crate::components::{Catalogue, ComponentSpec};

/// What is taken away from one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Targets {
    /// Everything of ours goes, our records too.
    pub whole: bool,
    /// Units of services, in the order in which they are stopped.
    pub services: Vec<String>,
    /// Units of container runtimes, which stop after them.
    pub runtimes: Vec<String>,
    /// Slices of systemd whose processes are killed.
    pub slices: Vec<String>,
    /// Everything that is mounted under these directories is unmounted.
    pub mounts: Vec<String>,
    /// Network namespaces whose names begin so.
    pub namespaces: Vec<String>,
    /// Network devices.
    pub links: Vec<String>,
    /// Tables of nftables.
    pub tables: Vec<String>,
    /// Chains of iptables whose names hold this.
    pub chains: Vec<String>,
    /// Files.
    pub files: Vec<String>,
    /// Directories that go with everything in them.
    pub dirs: Vec<String>,
    /// Directories that go where nothing is in them, the deepest first.
    pub empty_dirs: Vec<String>,
    /// Packages of the distribution that were wanted and are not any more: what we installed for them goes.
    pub packages: Vec<String>,
    /// Records of ours that go last, once all else is gone: by them a run that was broken off is noticed.
    pub records: Vec<String>,
    /// Directories of the same components that stay: data and logs.
    pub stays: Vec<String>,
}

impl Targets {
    /// All that any component of the catalogue has, and our own records.
    pub fn all(catalogue: &Catalogue, layout: &Layout) -> Self {
        let mut targets = Targets { whole: true, ..Targets::default() };
        targets.stop(catalogue, catalogue.components.iter());
        let programs = catalogue.components.iter().flat_map(|spec| spec.programs).map(|program| program.path(layout));
        let units = targets.runtimes.iter().chain(&targets.services).map(|unit| format!("{}/{unit}", layout.units));
        targets.files = units.chain(programs).collect();
        targets
            .files
            .extend([&layout.sysctls, &layout.modules, &layout.tmpfiles, &layout.network_manager].map(Clone::clone));
        targets.files.extend(catalogue.footprint(|of| (of.files)(layout)));
        targets.dirs = catalogue.removed_dirs(layout);
        targets.dirs.push(layout.records.clone());
        targets.empty_dirs = catalogue.footprint(|of| (of.empty_dirs)(layout));
        targets.empty_dirs.reverse();
        targets.slices = catalogue.footprint(|of| owned(of.slices));
        targets.mounts = catalogue.footprint(|of| (of.mounts)(layout));
        targets.namespaces = catalogue.footprint(|of| owned(of.namespaces));
        targets.links = catalogue.footprint(|of| owned(of.links));
        targets.tables = catalogue.footprint(|of| owned(of.tables));
        targets.chains = catalogue.footprint(|of| owned(of.chains));
        targets.stays = catalogue.footprint(|of| (of.kept)(layout));
        targets
    }

    /// Units of components that are given in the order in which they start: what started last stops first.
    pub(super) fn stop<'a>(
        &mut self,
        catalogue: &Catalogue,
        components: impl DoubleEndedIterator<Item = &'a ComponentSpec>,
    ) {
        for spec in components.rev() {
            let list = if catalogue.is_runtime(spec.id) { &mut self.runtimes } else { &mut self.services };
            list.extend(spec.unit.map(|unit| unit.name()));
        }
    }
}

pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
