//! Building from source with Go, from module files that lie in this repository.

mod cc;
mod disk_space;
mod environment;
mod go;
mod module;
mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Job, Supplied, Supplier};
use crate::artifacts::requirements::Requirement;
use crate::artifacts::store::OriginKind;
use crate::error::Result;
use crate::inventory::Build;
use crate::parallel;
use crate::recipes::Project;

/// Modules built at the same time. Each uses all processors while it compiles and one while it links.
const AT_ONCE: usize = 2;

/// The build source.
pub struct BuildSource {
    go: PathBuf,
}

impl BuildSource {
    /// With the inventory's settings.
    pub fn new(settings: &Build) -> Self {
        BuildSource { go: settings.go.clone().unwrap_or_else(|| "go".into()) }
    }
}

impl Supplier for BuildSource {
    fn title(&self) -> String {
        "build".into()
    }
    fn kind(&self) -> OriginKind {
        OriginKind::Build
    }

    fn supply(&self, wanted: &[Requirement], job: &Job<'_>) -> Vec<(Requirement, Result<Supplied>)> {
        let go = match go::find(&self.go, job.interrupt) {
            Ok(go) => go,
            Err(error) => return refuse(wanted, &error),
        };
        go.environment.left_out.iter().for_each(|said| job.reporter.warn(said));
        let mut groups: BTreeMap<(Project, String, String), Vec<Requirement>> = BTreeMap::new();
        for thing in wanted {
            let key = (thing.project, thing.release.clone(), thing.arch.clone());
            groups.entry(key).or_default().push(thing.clone());
        }
        let groups: Vec<_> = groups.into_values().collect();
        parallel::each(&groups, AT_ONCE, |group| run::group(&go, group, job)).into_iter().flatten().collect()
    }
}

fn refuse(wanted: &[Requirement], error: &crate::error::Error) -> Vec<(Requirement, Result<Supplied>)> {
    wanted.iter().map(|thing| (thing.clone(), Err(error.clone()))).collect()
}
