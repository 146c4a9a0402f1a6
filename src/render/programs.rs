//! Programs and images of a host.

use super::Inputs;
use crate::error::{Error, Result};
use crate::state::{Content, File, HostState, Image};

/// Adds programs and images; all that cannot be had are reported.
pub(super) fn add(state: &mut HostState, inputs: &Inputs<'_>) -> Result<()> {
    let (catalogue, cluster) = (inputs.catalogue, inputs.cluster);
    let mut errors = Vec::new();
    for program in catalogue.programs(cluster, inputs.host) {
        match (inputs.programs)(program.artifact) {
            Ok(artifact) => {
                let path = program.path(&cluster.layout);
                let file = File { content: Content::Artifact(artifact), mode: 0o755, owner: "root".into() };
                state.waves.insert(path.clone(), program.wave);
                state.files.insert(path, file);
            }
            Err(error) => errors.push(error),
        }
    }
    for image in catalogue.on(cluster, inputs.host).flat_map(|spec| spec.images) {
        match (inputs.programs)(image.artifact) {
            Ok(artifact) => {
                let name = image.reference(&image.version(&cluster.versions));
                state.images.push(Image { name, artifact });
            }
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)
}
