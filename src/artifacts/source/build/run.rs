//! Builds what is wanted of one project: module files, compiler, image, store.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::super::{Job, Supplied};
use super::go::{Go, logged};
use super::{cc, disk_space, module, refuse};
use crate::artifacts::image;
use crate::artifacts::lock::BUILT;
use crate::artifacts::requirements::Requirement;
use crate::artifacts::store::{Origin, OriginKind};
use crate::error::{Error, Result};
use crate::recipes::{Cgo, Recipe, arguments, cgo, fixed, package, recipe};
use crate::ui::step::{self, megabytes};

/// Builds things of one project, release and architecture, one after the other.
pub fn group(go: &Go<'_>, wanted: &[Requirement], job: &Job<'_>) -> Vec<(Requirement, Result<Supplied>)> {
    let Some(first) = wanted.first() else { return Vec::new() };
    let Some(recipe) = recipe(first.project, &first.release) else {
        return refuse(wanted, &Error::artifact(format!("nobody knows how {} is built", first.title())));
    };
    match Workshop::open(go, recipe, &first.arch, job) {
        Ok(workshop) => wanted.iter().map(|thing| (thing.clone(), workshop.make(thing))).collect(),
        Err(error) => refuse(wanted, &error),
    }
}

/// Not Go, but in Kubernetes' module.
const PAUSE: &str = "k8s.io/kubernetes/build/pause";

/// A prepared folder to build in.
struct Workshop<'a> {
    go: &'a Go<'a>,
    recipe: Recipe,
    dir: PathBuf,
    log: PathBuf,
    job: &'a Job<'a>,
}

impl<'a> Workshop<'a> {
    fn open(go: &'a Go<'a>, recipe: Recipe, arch: &str, job: &'a Job<'a>) -> Result<Self> {
        let dir = job.store.folder(format!("build/{}-{}-{arch}", recipe.name, recipe.version))?;
        let io = |e: std::io::Error| Error::io(format!("make {}", dir.display()), &e);
        job.store.folder(dir.join("out"))?;
        let folders = go.caches.iter().map(PathBuf::as_path).chain([job.store.dir()]);
        disk_space::check(folders, disk_space::needed(recipe.name))?;
        let log = dir.join("build.log");
        File::create(&log).map_err(io)?;
        let unchecked = &go.environment.unchecked;
        if fixed(&recipe).is_none() && !unchecked.is_empty() {
            job.reporter.warn(&format!(
                "{} {}: of modules that GONOSUMDB names ({unchecked}) the proxy's word is taken",
                recipe.name, recipe.version
            ));
        }
        module::prepare(go, &recipe, &dir, &log)?;
        Ok(Workshop { go, recipe, dir, log, job })
    }

    fn make(&self, thing: &Requirement) -> Result<Supplied> {
        step::run(self.job.reporter, "", format!("build {}", thing.name), |_| {
            let built = match package(&thing.name) {
                Some(package) => self.compile_go(thing, &package)?,
                None => self.compile_pause(thing)?,
            };
            let file = self.wrap(thing, built)?;
            let supplied = self.job.accept(thing, &file, self.origin(thing))?;
            // The store has it; raw programs of a release would take most of a gigabyte.
            let _ = fs::remove_file(&file);
            let note = megabytes(supplied.artifact.size);
            Ok((supplied, note))
        })
    }

    fn compile_go(&self, thing: &Requirement, package: &str) -> Result<PathBuf> {
        let (cgo, _) = cgo(&thing.name, &thing.arch);
        let out = self.dir.join("out").join(&thing.name);
        let mut command = self.go.command(&self.dir, &thing.arch, cgo == Cgo::Static);
        if cgo == Cgo::Static {
            if thing.name == "runc" {
                cc::check_libseccomp(&thing.arch)?;
            }
            command.env("CC", cc::compiler(&thing.arch)?);
        }
        let mut words = arguments(&self.recipe, &thing.name, package, &thing.arch);
        let package = words.pop().unwrap_or_default();
        command.args(words).arg("-o").arg(&out).arg(package);
        logged(command, &self.log, self.go.interrupt)?;
        Ok(out)
    }

    fn compile_pause(&self, thing: &Requirement) -> Result<PathBuf> {
        let compiler = cc::compiler(&thing.arch)?;
        let module = self.go.module_dir(&self.dir, "k8s.io/kubernetes", &self.log)?;
        let out = self.dir.join("out").join(&thing.name);
        let source = module.join("build/pause/linux/pause.c");
        let mut command = cc::pause(&compiler, &source, &thing.version, &out);
        self.go.environment.give(&mut command);
        logged(command, &self.log, self.go.interrupt)?;
        Ok(out)
    }

    /// A program as it is; for an image, the OCI tar around it.
    fn wrap(&self, thing: &Requirement, built: PathBuf) -> Result<PathBuf> {
        let Some(spec) = image::spec(thing) else { return Ok(built) };
        let tar = built.with_extension("tar");
        image::write(&spec, &built, &tar)?;
        remove(&built)?;
        Ok(tar)
    }

    fn origin(&self, thing: &Requirement) -> Origin {
        let package = package(&thing.name).unwrap_or_else(|| PAUSE.into());
        let from = format!("{BUILT}{package} v{} with {}", self.recipe.version, self.go.version);
        Origin { kind: OriginKind::Build, from }
    }
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|e| Error::io(format!("remove {}", path.display()), &e))
}
