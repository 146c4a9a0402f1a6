//! A module of our own that requires the project's, so that `go build` can build its programs.
//!
//! For the versions in this repository go.mod and go.sum are fixed: every module's bytes are known before anything is
//! built. For any other version they are made by `go mod tidy`, which Go checks against its checksum database.

use std::fs;
use std::path::Path;

use include_dir::{Dir, DirEntry, include_dir};

use super::go::{Go, logged};
use super::recipe::Recipe;
use crate::error::{Error, Result};

static RECIPES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/artifacts/recipes");

/// Writes the module into `dir`.
pub fn prepare(go: &Go, recipe: &Recipe, dir: &Path, log: &Path) -> Result<()> {
    let folder = RECIPES
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
        Some(files) => files.files().try_for_each(|f| write(&dir.join(file_name(f.path())), f.contents())),
        None => make(go, recipe, dir, log),
    }
}

/// The folder with go.mod and go.sum of that very version.
fn fixed(recipe: &Recipe) -> Option<&'static Dir<'static>> {
    RECIPES.get_dir(format!("{}/{}", recipe.name, recipe.version))
}

fn make(go: &Go, recipe: &Recipe, dir: &Path, log: &Path) -> Result<()> {
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
    logged(tidy, log).map_err(|e| e.context(format!("{} {}", recipe.name, recipe.version)))
}

/// A go.mod that requires the recipe's modules. Kubernetes replaces its staging modules by paths, which do not count
/// when it is required by another module, so they are pinned to the releases of the same number.
fn go_mod(recipe: &Recipe, upstream: &str) -> String {
    let mut text = format!("module kbootstrap.invalid/{}\n\ngo 1.24.0\n\n", recipe.name);
    if let Some(line) = upstream.lines().find(|line| line.starts_with("godebug default=")) {
        text.push_str(&format!("{line}\n\n"));
    }
    for module in recipe.modules {
        text.push_str(&format!("require {module} v{}\n", recipe.version));
    }
    let staging =
        upstream.lines().filter_map(|line| line.trim().split_once(" => ./staging/")).map(|(module, _)| module);
    let release = recipe.version.split_once('.').map_or("", |(_, rest)| rest);
    for module in staging {
        text.push_str(&format!("replace {module} => {module} v0.{release}\n"));
    }
    if recipe.name == "flannel" {
        for part in ["common", "vpc"] {
            let module = format!("tencentcloud-sdk-go/tencentcloud/{part}");
            text.push_str(&format!("replace github.com/tencentcloud/{module} => ./stubs/tencentcloud/{part}\n"));
        }
    }
    text
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
    use super::super::super::wanted::tests::everything;
    use super::super::recipe::recipe;
    use super::*;

    #[test]
    fn default_versions_have_fixed_module_files() {
        for thing in everything() {
            let recipe = recipe(&thing);
            let files = fixed(&recipe).unwrap_or_else(|| panic!("{} {}", recipe.name, recipe.version));
            let names: Vec<_> = files.files().map(|f| file_name(f.path()).display().to_string()).collect();
            assert_eq!(names, ["go.mod", "go.sum"]);
        }
    }

    #[test]
    fn kubernetes_staging_modules_are_pinned_to_the_release() {
        let thing = everything().into_iter().find(|w| w.name == "kubelet").unwrap();
        let mut recipe = recipe(&thing);
        recipe.version = "1.33.9".into();
        let upstream =
            "go 1.24.0\n\ngodebug default=go1.24\n\nreplace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n)\n";
        insta::assert_snapshot!(go_mod(&recipe, upstream), @r#"
        module kbootstrap.invalid/kubernetes

        go 1.24.0

        godebug default=go1.24

        require k8s.io/kubernetes v1.33.9
        replace k8s.io/api => k8s.io/api v0.33.9
        "#);
    }
}
