//! kubectl, for people on masters.

use super::spec::*;
use crate::cluster::Role;
use crate::recipes::Project;
use crate::state::Wave;

pub(super) const SPEC: ComponentSpec = ComponentSpec {
    about: "kubectl.",
    role: Some(Role::Master),
    runs_on: |_, host| host.is(Role::Master),
    programs: &[ProgramSpec::new("kubectl", Project::Kubernetes, Wave::Tools)],
    ..ComponentSpec::named("kubectl")
};
