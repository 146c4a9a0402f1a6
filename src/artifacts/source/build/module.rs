//! A module of our own that requires the project's, so that `go build` can build its programs.
//!
//! For the versions in this repository go.mod and go.sum are fixed: every module's bytes are known before anything is
//! built. For any other version they are made by `go mod tidy`, which Go checks against its checksum database.

use std::fs;
use std::path::Path;

use include_dir::{Dir, DirEntry};

use super::go::{Go, logged};
use crate::error::{Error, Result};
use crate::recipes::{FILES, Recipe, fixed, go_mod};

/// Writes the module into `dir`.
pub fn prepare(go: &Go<'_>, recipe: &Recipe, dir: &Path, log: &Path) -> Result<()> {
    let folder = FILES
        .get_dir(recipe.name)
        .ok_or_else(|| Error::internal(format!("no recipe is built in for {}", recipe.name)))?;
    for entry in folder.entries() {
        match entry {
            DirEntry::File(file) => write(&dir.join(file_name(file.path())), file.contents())?,
            DirEntry::Dir(sub) if sub.path().ends_with("stubs") => write_tree(sub, &dir.join("stubs"))?,
            DirEntry::Dir(_) => {}
        }
    }
    match fixed(recipe) {
        Some(files) => files.files().try_for_each(|f| write(&dir.join(file_name(f.path())), f.contents()))?,
        None => make(go, recipe, dir, log)?,
    }
    // `go build` believes the hashes that lie beside the modules in its cache; this hashes the modules.
    let mut verify = go.command(dir, "amd64", false);
    verify.args(["mod", "verify"]);
    logged(verify, log, go.interrupt).map_err(|e| e.context(format!("{} {}", recipe.name, recipe.version)))
}

fn make(go: &Go<'_>, recipe: &Recipe, dir: &Path, log: &Path) -> Result<()> {
    let upstream = match recipe.name {
        "kubernetes" => {
            write(&dir.join("go.mod"), b"module kbootstrap.invalid/probe\n")?;
            let module = go.module_dir(dir, &format!("k8s.io/kubernetes@v{}", recipe.version), log)?;
            let path = module.join("go.mod");
            fs::read_to_string(&path).map_err(|e| Error::io(format!("read {}", path.display()), &e))?
        }
        _ => String::new(),
    };
    write(&dir.join("go.mod"), go_mod(recipe, &upstream).as_bytes())?;
    let _ = fs::remove_file(dir.join("go.sum"));
    let mut tidy = go.command(dir, "amd64", false);
    tidy.args(["mod", "tidy"]);
    logged(tidy, log, go.interrupt).map_err(|e| e.context(format!("{} {}", recipe.name, recipe.version)))
}

fn write_tree(from: &Dir<'_>, to: &Path) -> Result<()> {
    for entry in from.entries() {
        match entry {
            DirEntry::File(file) => write(&to.join(file_name(file.path())), file.contents())?,
            DirEntry::Dir(sub) => write_tree(sub, &to.join(file_name(sub.path())))?,
        }
    }
    Ok(())
}

fn file_name(path: &Path) -> &Path {
    path.file_name().map_or(path, Path::new)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let io = |e: &std::io::Error| Error::io(format!("write {}", path.display()), e);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| io(&e))?;
    }
    fs::write(path, bytes).map_err(|e| io(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts::requirements::tests::everything;
    use crate::recipes::{package, recipe};

    #[test]
    fn default_versions_have_fixed_module_files() {
        for thing in everything() {
            let recipe = recipe(thing.project, &thing.release).unwrap();
            let files = fixed(&recipe).unwrap_or_else(|| panic!("{} {}", recipe.name, recipe.version));
            let names: Vec<_> = files.files().map(|f| file_name(f.path()).display().to_string()).collect();
            assert_eq!(names, ["go.mod", "go.sum"]);
        }
    }

    #[test]
    fn everything_but_pause_is_a_go_package() {
        let without: Vec<_> = everything().into_iter().filter(|w| package(&w.name).is_none()).map(|w| w.name).collect();
        assert_eq!(without, ["image-pause"]);
    }
}
