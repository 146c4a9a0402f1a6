//! The catalogue: which components there are, and what can be asked of all of them.
//!
//! It is a value that whoever starts a command hands down, so that a test can hand down one with a component more.

use std::collections::BTreeSet;

use super::certificate::CertificateRow;
use super::descriptors::{Addon, LoadBalancer, NetworkPlugin, Runtime};
use super::spec::{ComponentSpec, Footprint, ImageSpec, PackageSpec, PortSpec, ProgramSpec, UnitSpec};
use super::{
    api_balancer, api_front_end, api_virtual_address, cni_plugins, containerd, coredns, data_plane, etcd, flanneld,
    kube_apiserver, kube_controller_manager, kube_proxy, kube_scheduler, kubectl, kubelet,
};
use crate::cluster::{self, Balancer, Cluster, Host, KnownComponent, Layout, VirtualAddress};
use crate::recipes::Project;
use crate::state::{ComponentId, Package};

/// Everything that kbootstrap can bring up.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// In the order in which they are started.
    pub components: Vec<ComponentSpec>,
    /// Container runtimes.
    pub runtimes: Vec<Runtime>,
    /// Network plugins.
    pub networks: Vec<NetworkPlugin>,
    /// What stands in front of the API servers.
    pub balancers: Vec<LoadBalancer>,
    /// What runs in pods for the cluster.
    pub addons: Vec<Addon>,
    /// Images of `verify` and the tests.
    pub test_images: Vec<ImageSpec>,
}

impl Catalogue {
    /// What kbootstrap brings up.
    pub fn standard() -> Self {
        Catalogue {
            components: vec![
                etcd::SPEC,
                kube_apiserver::SPEC,
                kube_controller_manager::SPEC,
                kube_scheduler::SPEC,
                api_balancer::SPEC,
                api_front_end::SPEC,
                api_virtual_address::SPEC,
                containerd::SPEC,
                kubelet::SPEC,
                kube_proxy::SPEC,
                cni_plugins::SPEC,
                flanneld::SPEC,
                kubectl::SPEC,
                coredns::SPEC,
                data_plane::SPEC,
            ],
            runtimes: vec![Runtime { component: containerd::ID }],
            networks: vec![NetworkPlugin { choice: cluster::NetworkPlugin::Flannel, components: &[flanneld::ID] }],
            balancers: vec![
                LoadBalancer {
                    components: &[api_balancer::ID],
                    choose: |balancing| balancing.local = balancing.local.or(Some(Balancer::Haproxy)),
                },
                LoadBalancer {
                    components: &[api_front_end::ID, api_virtual_address::ID],
                    choose: |balancing| {
                        balancing.virtual_address.get_or_insert_with(VirtualAddress::unknown);
                    },
                },
            ],
            addons: vec![coredns::ADDON],
            test_images: vec![ImageSpec {
                artifact: "image-agnhost",
                name: "registry.k8s.io/e2e-test-images/agnhost:",
                project: Project::Kubernetes,
                // The tag that each minor's own tests use (`test/images/agnhost/VERSION`).
                version: Some(|versions| match versions.kubernetes.minor {
                    ..=34 => "2.56".into(),
                    35 => "2.59".into(),
                    _ => "2.63.0".into(),
                }),
            }],
        }
    }

    /// The component of that name.
    pub fn get(&self, id: &str) -> Option<&ComponentSpec> {
        self.components.iter().find(|spec| spec.id.0 == id)
    }

    /// The components of a host.
    pub fn on<'a>(&'a self, cluster: &'a Cluster, host: &'a Host) -> impl Iterator<Item = &'a ComponentSpec> {
        self.components.iter().filter(move |spec| (spec.runs_on)(cluster, host))
    }

    /// The components of any host.
    pub fn in_use<'a>(&'a self, cluster: &'a Cluster) -> impl Iterator<Item = &'a ComponentSpec> {
        self.components.iter().filter(move |spec| self.is_used(cluster, spec))
    }

    /// Whether any host runs the component.
    pub fn is_used(&self, cluster: &Cluster, spec: &ComponentSpec) -> bool {
        cluster.hosts.iter().any(|host| (spec.runs_on)(cluster, host))
    }

    /// The units of a host, in the order in which they are started.
    pub fn units<'a>(
        &'a self,
        cluster: &'a Cluster,
        host: &'a Host,
    ) -> impl Iterator<Item = (&'a ComponentSpec, UnitSpec)> {
        self.on(cluster, host).filter_map(|spec| Some((spec, spec.unit?)))
    }

    /// The programs of a host.
    pub fn programs<'a>(&'a self, cluster: &'a Cluster, host: &'a Host) -> impl Iterator<Item = &'a ProgramSpec> {
        self.on(cluster, host).flat_map(|spec| spec.programs)
    }

    /// The packages of its distribution that a host must have, in the order of their names.
    pub fn packages(&self, cluster: &Cluster, host: &Host) -> Vec<Package> {
        let of = |spec: &ComponentSpec| {
            let (id, layout) = (spec.id, &cluster.layout);
            let package = move |package: PackageSpec| Package {
                name: package.name.to_owned(),
                program: (package.program)(layout),
                units: package.units.iter().map(|unit| (*unit).to_owned()).collect(),
                least: package.least,
                components: BTreeSet::from([id]),
            };
            (spec.packages)(cluster).into_iter().map(package).collect::<Vec<_>>()
        };
        Package::together(self.on(cluster, host).flat_map(of))
    }

    /// All ports, with whose they are, in the order of their numbers.
    pub fn ports(&self) -> Vec<(PortSpec, &ComponentSpec)> {
        let ports = self.components.iter().flat_map(|spec| spec.ports.iter().map(move |port| (*port, spec)));
        let mut ports: Vec<_> = ports.collect();
        ports.sort_by_key(|(port, _)| port.number);
        ports
    }

    /// Kernel modules that the host's components need, whether its kernel has them or not.
    pub fn modules(&self, cluster: &Cluster, host: &Host) -> BTreeSet<String> {
        self.on(cluster, host).flat_map(|spec| (spec.modules)(cluster)).map(str::to_owned).collect()
    }

    /// All certificates of the cluster but the operator's own, in the order in which they are issued.
    pub fn certificates(&self, cluster: &Cluster) -> Vec<CertificateRow> {
        self.components.iter().flat_map(|spec| (spec.certificates)(cluster)).collect()
    }

    /// The image of that artifact name.
    pub fn image(&self, artifact: &str) -> Option<&ImageSpec> {
        let images = self.components.iter().flat_map(|spec| spec.images).chain(&self.test_images);
        images.into_iter().find(|image| image.artifact == artifact)
    }

    /// Whether the component is a container runtime.
    pub fn is_runtime(&self, id: ComponentId) -> bool {
        self.runtimes.iter().any(|runtime| runtime.component == id)
    }

    /// What the inventory's checks must know: the components that it can set something of.
    pub fn known(&self) -> Vec<KnownComponent> {
        let configurable = self.components.iter().filter(|spec| !spec.templates.is_empty());
        let known = |spec: &ComponentSpec| KnownComponent {
            name: spec.id.0,
            about: spec.about,
            role: spec.role,
            plugin: self.networks.iter().find(|plugin| plugin.components.contains(&spec.id)).map(|p| p.choice),
            templates: spec.template_names(),
            ports: spec.ports.iter().map(|port| port.number).collect(),
            removed_flags: spec.removed_flags,
            removed_values: spec.removed_values,
            fields: spec.fields,
        };
        configurable.map(known).collect()
    }

    /// Everything of one sort that a reset takes away, of all components, each once.
    pub fn footprint<T: Ord>(&self, of: impl Fn(&Footprint) -> Vec<T>) -> Vec<T> {
        let all = self.components.iter().flat_map(|spec| of(&spec.footprint));
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Directories that a reset removes with everything in them; those inside of others are not named.
    pub fn removed_dirs(&self, layout: &Layout) -> Vec<String> {
        let mut stay = self.footprint(|footprint| (footprint.kept)(layout));
        stay.extend(self.footprint(|footprint| (footprint.empty_dirs)(layout)));
        let own = self.components.iter().flat_map(|spec| (spec.dirs)(layout)).map(|(path, _, _)| path);
        let mut dirs: BTreeSet<String> = own.filter(|path| !stay.contains(path)).collect();
        dirs.extend(self.footprint(|footprint| (footprint.dirs)(layout)));
        let inside = |path: &String| dirs.iter().any(|other| path.starts_with(&format!("{other}/")));
        dirs.iter().filter(|path| !inside(path)).cloned().collect()
    }
}
