//! What a cluster chooses among, and what it is made of: each names components.

use crate::cluster;
use crate::state::ComponentId;

/// A container runtime.
#[derive(Debug, Clone, Copy)]
pub struct Runtime {
    /// Whose unit holds the images and runs the pods.
    pub component: ComponentId,
}

/// A network plugin.
#[derive(Debug, Clone, Copy)]
pub struct NetworkPlugin {
    /// How the inventory asks for it.
    pub choice: cluster::NetworkPlugin,
    /// Components that run only with it.
    pub components: &'static [ComponentId],
}

/// What stands in front of the API servers.
#[derive(Debug, Clone, Copy)]
pub struct LoadBalancer {
    /// Components that run only with it.
    pub components: &'static [ComponentId],
    /// A cluster that has it, whatever else of it is not known: where its components are found that should not be there.
    pub choose: fn(&mut cluster::Balancing),
}

/// Something that runs in pods for the cluster, and without which the cluster is not healthy.
#[derive(Debug, Clone, Copy)]
pub struct Addon {
    /// For people.
    pub title: &'static str,
    /// Whose objects and images it is made of.
    pub component: ComponentId,
    /// What is available once it works.
    pub gate: DeploymentGate,
}

/// A Deployment that must be available.
#[derive(Debug, Clone, Copy)]
pub struct DeploymentGate {
    /// Namespace.
    pub namespace: &'static str,
    /// Name.
    pub name: &'static str,
    /// The selector of its pods.
    pub pods: &'static str,
}
