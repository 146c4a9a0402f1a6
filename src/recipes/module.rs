//! Go modules of our own that require the projects': the files that lie here, and go.mod for other versions.

use include_dir::{Dir, include_dir};

use super::Recipe;

/// A folder for each recipe.
pub static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/recipes/modules");

/// The folder with go.mod and go.sum of that very version.
pub fn fixed(recipe: &Recipe) -> Option<&'static Dir<'static>> {
    FILES.get_dir(format!("{}/{}", recipe.name, recipe.version))
}

/// The hash of a module at the recipe's version in the go.sum that is shipped (`h1:…`, which `go` holds its files to).
pub fn module_sum(recipe: &Recipe, module: &str) -> Option<&'static str> {
    let mut files = fixed(recipe)?.files();
    let text = files.find(|file| file.path().ends_with("go.sum"))?.contents_utf8()?;
    let start = format!("{module} v{} ", recipe.version);
    text.lines().find_map(|line| line.strip_prefix(&start))
}

/// A go.mod that requires the recipe's modules. Kubernetes replaces its staging modules by paths, which do not count
/// when it is required by another module, so they are pinned to the releases of the same number.
pub fn go_mod(recipe: &Recipe, upstream: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::super::{Project, recipe};
    use super::*;

    #[test]
    fn kubernetes_staging_modules_are_pinned_to_the_release() {
        let recipe = recipe(Project::Kubernetes, "1.33.9").unwrap();
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
