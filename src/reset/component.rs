//! What components that were switched off on a host have there to themselves: what the host would not hold without
//! them. Data and logs stay.

use std::collections::BTreeSet;

use super::targets::{Targets, owned};
use crate::cluster::{Cluster, Host, Role};
use crate::components::{Catalogue, ComponentSpec};
use crate::record;
use crate::state::ComponentId;
use crate::trust;

/// The cluster as it would be if the host ran these components, too.
pub fn with(catalogue: &Catalogue, cluster: &Cluster, host: &str, components: &[ComponentId]) -> Cluster {
    let mut cluster = cluster.clone();
    for plugin in &catalogue.networks {
        if plugin.components.iter().any(|id| components.contains(id)) {
            cluster.networks.plugin = plugin.choice;
        }
    }
    for balancer in &catalogue.balancers {
        if balancer.components.iter().any(|id| components.contains(id)) {
            (balancer.choose)(&mut cluster.balancing);
        }
    }
    if let Some(host) = cluster.hosts.iter_mut().find(|other| other.name == host) {
        host.roles.extend(components.iter().filter_map(|id| catalogue.get(id.0)?.role));
    }
    cluster
}

/// What goes from the host with the components `gone`. `off` are all that it has and should not have, `gone` among them.
/// What belongs to a role, as the CA's key does, goes with the last of its components.
pub fn switched_off(
    catalogue: &Catalogue,
    cluster: &Cluster,
    host: &str,
    off: &[ComponentId],
    gone: &[ComponentId],
) -> Targets {
    let stay: Vec<ComponentId> = off.iter().filter(|id| !gone.contains(id)).copied().collect();
    let (before, after) = (with(catalogue, cluster, host, off), with(catalogue, cluster, host, &stay));
    let (Some(was), Some(is)) = (before.host(host), after.host(host)) else { return Targets::default() };
    let kept: Vec<&ComponentSpec> = catalogue.on(&after, is).filter(|spec| !gone.contains(&spec.id)).collect();
    let is_kept = |id: ComponentId| kept.iter().any(|spec| spec.id == id);
    // What has no unit is never seen to be switched off: it goes with the role.
    let goes = |spec: &&ComponentSpec| gone.contains(&spec.id) || (spec.unit.is_none() && !is_kept(spec.id));
    let going: Vec<&ComponentSpec> = catalogue.on(&before, was).filter(goes).collect();
    Difference { before: &before, was, after: &after, is, going, kept }.targets(catalogue)
}

/// A host with the components that go, and without.
struct Difference<'a> {
    before: &'a Cluster,
    was: &'a Host,
    after: &'a Cluster,
    is: &'a Host,
    going: Vec<&'a ComponentSpec>,
    kept: Vec<&'a ComponentSpec>,
}

impl Difference<'_> {
    fn targets(&self, catalogue: &Catalogue) -> Targets {
        let layout = &self.before.layout;
        let mut targets = Targets {
            files: self.files(),
            dirs: self.dirs(),
            empty_dirs: self.only(|spec| (spec.footprint.empty_dirs)(layout)),
            slices: self.only(|spec| owned(spec.footprint.slices)),
            mounts: self.only(|spec| (spec.footprint.mounts)(layout)),
            namespaces: self.only(|spec| owned(spec.footprint.namespaces)),
            links: self.only(|spec| owned(spec.footprint.links)),
            tables: self.only(|spec| owned(spec.footprint.tables)),
            chains: self.only(|spec| owned(spec.footprint.chains)),
            packages: self.packages(),
            stays: self.only(|spec| [(spec.data)(layout), (spec.footprint.kept)(layout)].concat()),
            ..Targets::default()
        };
        targets.empty_dirs.reverse();
        targets.stop(catalogue, self.going.iter().copied());
        let units = targets.services.iter().chain(&targets.runtimes);
        targets.records = units.map(|unit| format!("{}/units/{unit}", layout.records)).collect();
        targets
    }

    /// What those that go have and those that stay have not.
    fn only(&self, of: impl Fn(&ComponentSpec) -> Vec<String>) -> Vec<String> {
        let kept: BTreeSet<String> = self.kept.iter().flat_map(|spec| of(spec)).collect();
        let going: BTreeSet<String> = self.going.iter().flat_map(|spec| of(spec)).collect();
        going.difference(&kept).cloned().collect()
    }

    /// Packages that nothing of what stays wants.
    fn packages(&self) -> Vec<String> {
        let names = |specs: &[&ComponentSpec], cluster: &Cluster| -> BTreeSet<String> {
            specs.iter().flat_map(|spec| (spec.packages)(cluster)).map(|package| package.name.to_owned()).collect()
        };
        names(&self.going, self.before).difference(&names(&self.kept, self.after)).cloned().collect()
    }

    fn files(&self) -> Vec<String> {
        let kept = self.kept.iter().flat_map(|spec| files(spec, self.before, self.was));
        let kept: BTreeSet<String> = kept.chain(of_roles(self.after, self.is)).collect();
        let going = self.going.iter().flat_map(|spec| files(spec, self.before, self.was));
        let mut going: BTreeSet<String> = going.chain(of_roles(self.before, self.was)).collect();
        let layout = &self.before.layout;
        // Where others need such settings, too, it is the plan that changes their files.
        let last = |has: &dyn Fn(&ComponentSpec) -> bool| {
            self.going.iter().any(|spec| has(spec)) && !self.kept.iter().any(|spec| has(spec))
        };
        going.extend(last(&|spec| !spec.sysctls.is_empty()).then(|| layout.sysctls.clone()));
        going.extend(last(&|spec| !(spec.modules)(self.before).is_empty()).then(|| layout.modules.clone()));
        let makes = |spec: &ComponentSpec| spec.configs.iter().any(|config| config.copied_to.is_some());
        going.extend(last(&makes).then(|| layout.tmpfiles.clone()));
        going.extend(last(&|spec| !spec.footprint.links.is_empty()).then(|| layout.network_manager.clone()));
        going.difference(&kept).cloned().collect()
    }

    /// Directories in which there is nothing but what goes.
    fn dirs(&self) -> Vec<String> {
        let layout = &self.before.layout;
        let own = |spec: &ComponentSpec| {
            let dirs = (spec.dirs)(layout).into_iter().map(|(path, _, _)| path);
            dirs.chain((spec.footprint.dirs)(layout)).collect::<Vec<_>>()
        };
        let mut stays: BTreeSet<String> = self.kept.iter().flat_map(|spec| own(spec)).collect();
        stays.extend(self.kept.iter().flat_map(|spec| files(spec, self.before, self.was)));
        for spec in self.going.iter().chain(&self.kept) {
            stays.extend((spec.data)(layout));
            stays.extend((spec.footprint.kept)(layout));
            stays.extend((spec.footprint.empty_dirs)(layout));
        }
        let in_use = |dir: &String| stays.iter().any(|path| path == dir || path.starts_with(&format!("{dir}/")));
        self.only(own).into_iter().filter(|dir| !in_use(dir)).collect()
    }
}

/// Files of one component on the host, whatever makes them.
fn files(spec: &ComponentSpec, cluster: &Cluster, host: &Host) -> Vec<String> {
    let layout = &cluster.layout;
    let mut files: Vec<String> = spec.programs.iter().map(|program| program.path(layout)).collect();
    files.extend(spec.unit.map(|unit| format!("{}/{}", layout.units, unit.name())));
    for config in spec.configs {
        files.push((config.path)(layout));
        files.extend(config.copied_to.map(|to| to(layout)));
    }
    let kubeconfigs = spec.kubeconfig.iter().chain(spec.for_people);
    files.extend(kubeconfigs.map(|kubeconfig| format!("{}/{}", layout.kubernetes, kubeconfig.file)));
    let places = (spec.certificates)(cluster).into_iter().flat_map(|row| row.placements);
    files.extend(places.filter(|place| place.host == host.name).flat_map(|p| [Some(p.certificate), p.key]).flatten());
    files.extend((spec.footprint.files)(layout));
    files
}

/// Files that a host has by its roles: CAs and their keys, the keys of service accounts, what is kept on masters.
fn of_roles(cluster: &Cluster, host: &Host) -> Vec<String> {
    let rows = trust::authorities(cluster).into_iter();
    let places = rows.flat_map(|row| row.placements.into_iter().chain(row.signers));
    let places = places.filter(|place| place.host == host.name);
    let mut files: Vec<String> = places.flat_map(|place| [Some(place.certificate), place.key]).flatten().collect();
    if host.is(Role::Master) {
        let layout = &cluster.layout;
        let ((private, public), (copy, about)) = (layout.service_account(), layout.recovery());
        files.extend([private, public, copy, about, layout.encryption_read(), record::file(layout)]);
    }
    files
}
