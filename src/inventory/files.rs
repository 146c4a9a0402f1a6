//! Files that an inventory names: where relative paths start, and whether templates are there.

use std::path::{Path as FilePath, PathBuf};

use super::model::{ComponentSettings, Inventory};
use crate::document::{Mistake, Path};

/// Makes paths independent of the current folder: relative ones start at the inventory's folder, `~/` at the user's.
pub fn anchor(inventory: &mut Inventory, folder: &FilePath, home: Option<&FilePath>) {
    let fix = |path: &mut PathBuf| *path = anchored(path, folder, home);
    let ssh = std::iter::once(&mut inventory.ssh).chain(inventory.hosts.iter_mut().map(|host| &mut host.ssh));
    for ssh in ssh {
        ssh.keys.iter_mut().for_each(fix);
        ssh.known_hosts.iter_mut().for_each(fix);
    }
    for source in &mut inventory.artifacts {
        source.folder.iter_mut().for_each(fix);
        // A bare name is looked up in PATH.
        let go = source.build.iter_mut().filter_map(|build| build.go.as_mut());
        go.filter(|go| go.components().count() > 1).for_each(fix);
    }
    let hosts = inventory.hosts.iter_mut().flat_map(|host| host.components.values_mut());
    for settings in inventory.components.values_mut().chain(hosts) {
        settings.templates.values_mut().for_each(fix);
    }
}

fn anchored(path: &FilePath, folder: &FilePath, home: Option<&FilePath>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => folder.join(path),
    }
}

/// Template files that `exists` does not find.
pub fn missing_templates(inventory: &Inventory, exists: &dyn Fn(&FilePath) -> bool) -> Vec<Mistake> {
    let mut mistakes = vec![];
    let mut check = |at: Path, settings: &ComponentSettings| {
        for (name, file) in &settings.templates {
            if !exists(file) {
                let message = format!("template file {} does not exist", file.display());
                let hint = "paths start at the inventory's folder";
                mistakes.push(Mistake::at(at.key("templates").key(name), message).hint(hint));
            }
        }
    };
    for (at, _, settings) in super::check::component_settings(inventory) {
        check(at, settings);
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_at_the_inventory_or_at_home() {
        let at = |path: &str| anchored(FilePath::new(path), FilePath::new("/site"), Some(FilePath::new("/home/op")));
        assert_eq!(at("keys/id"), FilePath::new("/site/keys/id"));
        assert_eq!(at("~/.ssh/id"), FilePath::new("/home/op/.ssh/id"));
        assert_eq!(at("/abs"), FilePath::new("/abs"));
    }

    #[test]
    fn a_bare_program_name_stays_for_path() {
        let text = b"cluster: a\nhosts: []\nartifacts: [{build: {go: go1.26}}, {build: {go: ./go}}]\n";
        let mut inventory = super::super::parse("x", text).unwrap().inventory;
        anchor(&mut inventory, FilePath::new("/site"), None);
        let go: Vec<_> = inventory.artifacts.iter().map(|s| s.build.clone().unwrap().go.unwrap()).collect();
        assert_eq!(go, [PathBuf::from("go1.26"), PathBuf::from("/site/./go")]);
    }
}
