//! Files that an inventory names: where relative paths start, and whether templates are there.

use std::path::{Path as FilePath, PathBuf};

use super::model::{ComponentSettings, Inventory};
use crate::document::{Mistake, Path};
use crate::files::is_within;

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
    inventory.packages.values_mut().filter_map(|archive| archive.keyring.as_mut()).for_each(fix);
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

/// What an inventory asks of the operator's machine beyond reading files beside it: it is from somebody else, perhaps.
pub fn beyond(inventory: &Inventory, folder: &FilePath) -> Vec<Mistake> {
    let hint = "an inventory of somebody else could do this to have your files or your machine; if you trust it: --trust-inventory";
    let mut found = vec![];
    let mut say = |at: Path, message: String| found.push(Mistake::at(at, message).hint(hint));
    for (at, _, settings) in super::check::component_settings(inventory) {
        for (name, file) in settings.templates.iter().filter(|(_, file)| !is_within(file, folder)) {
            let message = format!("the template {} is outside the inventory's folder", file.display());
            say(at.key("templates").key(name), message);
        }
    }
    for (i, source) in inventory.artifacts.iter().enumerate() {
        let go = source.build.as_ref().and_then(|build| build.go.as_ref());
        // A bare name is looked up in PATH.
        if let Some(go) = go.filter(|go| go.components().count() > 1) {
            let at = Path::root().key("artifacts").index(i).key("build").key("go");
            say(at, format!("the program {} is to be run on this machine", go.display()));
        }
    }
    // Of several, one is enough: they are a mistake of their own.
    if let Some((host, at)) = super::check::local(inventory).next() {
        let name = &inventory.hosts[host].name;
        say(at, format!("{name} is to be this machine: all that runs as root on a host would run here"));
    }
    found
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
    fn what_a_stranger_could_ask_for_needs_a_word() {
        let text = b"cluster: a\nhosts:\n- {name: m, address: 10.0.0.1, roles: [etcd, master]}\n\
            components: {etcd: {templates: {etcd.service: ~/.ssh/id, a: own.j2}}}\n\
            artifacts: [{build: {go: go}}, {build: {go: ./x}}]\n";
        let (folder, home) = (FilePath::new("/nonexistent/site"), FilePath::new("/nonexistent/op"));
        let mut inventory = crate::inventory::parse("a.yaml", text).unwrap().inventory;
        anchor(&mut inventory, folder, Some(home));
        let found: Vec<String> = beyond(&inventory, folder).into_iter().map(|m| m.message).collect();
        insta::assert_debug_snapshot!(found, @r#"
        [
            "the template /nonexistent/op/.ssh/id is outside the inventory's folder",
            "the program /nonexistent/site/./x is to be run on this machine",
        ]
        "#);
    }

    #[test]
    fn to_have_this_machine_for_a_host_needs_a_word() {
        let places = |ssh: &str, own: &str| {
            let text = format!(
                "cluster: a\nssh: {ssh}\nhosts:\n- {{name: m, address: 10.0.0.1, roles: [etcd], ssh: {own}}}\n"
            );
            let inventory = crate::inventory::parse("a.yaml", text.as_bytes()).unwrap().inventory;
            let at = crate::inventory::check::local(&inventory).map(|(_, at)| at.to_string());
            let found = beyond(&inventory, FilePath::new("/nonexistent")).into_iter().map(|m| m.message);
            at.zip(found).collect::<Vec<_>>()
        };
        let message = "m is to be this machine: all that runs as root on a host would run here".to_owned();
        let (local, none) = ("{transport: local}", "{}");
        assert_eq!(places(local, none), [("ssh.transport".to_owned(), message.clone())]);
        assert_eq!(places(none, local), [("hosts[0].ssh.transport".to_owned(), message)]);
        assert_eq!(places(local, "{transport: ssh}"), []);
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
