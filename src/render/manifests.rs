//! Objects that the API must hold: the cluster's own RBAC, the network plugin's, the addons.

use serde_json::Value;

use super::context::ManifestContext;
use super::templates::Templates;
use super::yaml;
use crate::cluster::{Cluster, Role};
use crate::components::{Catalogue, ComponentSpec};
use crate::error::{Error, Result};

/// The objects, in the order in which they are applied, as the API server returns them: a field that is here is in
/// the live object with the same value. Overrides are those of the first master.
pub fn manifests(catalogue: &Catalogue, cluster: &Cluster, templates: &Templates) -> Result<Vec<Value>> {
    let master = cluster.with_role(Role::Master).next().ok_or_else(|| Error::input("the cluster has no master"))?;
    let context = ManifestContext::new(catalogue, cluster)?;
    let is_addon = |spec: &&ComponentSpec| catalogue.addons.iter().any(|addon| addon.component == spec.id);
    let specs = catalogue.components.iter().filter(|spec| is_addon(spec) || catalogue.is_used(cluster, spec));
    let mut objects = Vec::new();
    for (spec, name) in specs.flat_map(|spec| spec.objects.iter().map(move |name| (spec, name))) {
        let text = templates.render(master, spec, name, &context)?;
        objects.extend(yaml::parse_all(&format!("template {name}"), &text)?);
    }
    Ok(objects)
}
