//! CoreDNS: the cluster's DNS, in pods.

use super::descriptors::{Addon, DeploymentGate};
use super::spec::*;
use crate::cluster::Role;
use crate::recipes::Project;

const NAME: &str = "coredns";
/// The Service that pods ask.
pub const SERVICE: &str = "kube-dns";

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "CoreDNS.",
    runs_on: |_, host| host.is(Role::Node),
    images: &[ImageSpec {
        artifact: "image-coredns",
        name: "registry.k8s.io/coredns/coredns:v",
        project: Project::Coredns,
        version: None,
    }],
    objects: &["coredns.yaml"],
    templates: &[template!("coredns", "coredns.yaml")],
    ..ComponentSpec::named(NAME)
};

pub(super) const ADDON: Addon = Addon {
    title: "CoreDNS",
    component: SPEC.id,
    gate: DeploymentGate { namespace: "kube-system", name: "coredns", pods: "k8s-app=kube-dns" },
};
