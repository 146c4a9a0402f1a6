//! What parts there are: one file per component, with all of its facts.
//!
//! A component that is missing from a list somewhere else would silently not be started, not checked or not reset, so
//! there is no other list. [`Catalogue`] is what the later stages ask; how to add a component is in docs/extending.md.

pub mod api_balancer;
pub mod api_front_end;
pub mod api_virtual_address;
mod catalogue;
mod certificate;
mod cni_plugins;
pub mod containerd;
pub mod coredns;
pub mod data_plane;
mod descriptors;
pub mod etcd;
pub mod flanneld;
pub mod kube_apiserver;
pub mod kube_controller_manager;
pub mod kube_proxy;
mod kube_scheduler;
mod kubectl;
pub mod kubelet;
mod kubernetes;
mod release;
mod spec;

pub use crate::recipes::Project;
pub use catalogue::Catalogue;
pub use certificate::{Authority, CertificateRow, Placement, Profile};
pub use descriptors::{Addon, DeploymentGate, LoadBalancer, NetworkPlugin, Runtime};
pub use release::release;
pub use spec::{
    ComponentSpec, ConfigSpec, Configured, Footprint, Format, ImageSpec, KernelSpec, KubeconfigSpec, PackageSpec,
    PortSpec, ProgramKind, ProgramSpec, Protocol, SysctlSpec, Template, UnitSpec,
};
