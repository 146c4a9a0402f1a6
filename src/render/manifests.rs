//! Objects that the API must hold: the cluster's own RBAC, flannel's, CoreDNS.

use serde_json::Value;

use super::context::ManifestContext;
use super::templates::Templates;
use super::yaml;
use crate::cluster::{Cluster, Component, NetworkPlugin, Role};
use crate::error::{Error, Result};

/// The objects, in the order in which they are applied, as the API server returns them: a field that is here is in
/// the live object with the same value. Overrides are those of the first master.
pub fn manifests(cluster: &Cluster, templates: &Templates) -> Result<Vec<Value>> {
    let master = cluster.with_role(Role::Master).next().ok_or_else(|| Error::input("the cluster has no master"))?;
    let context = ManifestContext::new(cluster)?;
    let mut sources = vec![(Component::KubeApiserver, "rbac.yaml")];
    if cluster.networks.plugin == NetworkPlugin::Flannel {
        sources.push((Component::Flanneld, "rbac.yaml"));
    }
    sources.push((Component::Coredns, "coredns.yaml"));
    let mut objects = Vec::new();
    for (component, name) in sources {
        let text = templates.render(master, component, name, &context)?;
        objects.extend(yaml::parse_all(&format!("template {name}"), &text)?);
    }
    Ok(objects)
}
