//! The inventory, its templates and the lock file, written as a record has them. A record is a master's word, and root on a
//! master is not to choose what lies on the operator's machine: of its files only templates that the inventory names are
//! written, into a folder that holds nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::{self, folder_of};
use crate::inventory::{self, Inventory};
use crate::record::Record;

/// What is to be written.
#[derive(Debug)]
pub struct Restore {
    /// Files that are not there yet.
    new: Vec<(PathBuf, String)>,
    /// Templates among them, which a person should have seen.
    pub templates: Vec<PathBuf>,
    /// Names in the record that its inventory does not have, and that are left out.
    pub unnamed: Vec<String>,
}

/// Decides it: the inventory at `path`, the templates that it names beside it, and the lock file at `lock`. `named` is the
/// record's inventory as it was read.
///
/// # Errors
/// Input, all at once: a file that is there and differs, templates whose names lead elsewhere or are hidden, links on the
/// way, a folder with other files.
pub fn restore_inventory(record: &Record, named: &Inventory, path: &Path, lock: &Path) -> Result<Restore> {
    let folder = folder_of(path);
    let place = std::path::absolute(&folder).map_err(|e| Error::io(format!("find {}", folder.display()), &e))?;
    let mut named = named.clone();
    inventory::anchor(&mut named, &place, std::env::home_dir().as_deref());
    let settings = inventory::check::component_settings(&named).into_iter().map(|(_, _, settings)| settings);
    let named: BTreeSet<PathBuf> =
        settings.flat_map(|settings| settings.templates.values()).map(|file| file.components().collect()).collect();

    let mut restore = Restore { new: Vec::new(), templates: Vec::new(), unnamed: Vec::new() };
    let mut wanted = vec![(path.to_owned(), &record.inventory.text)];
    let (mut templates, mut errors) = (Vec::new(), Vec::new());
    for (name, text) in &record.inventory.files {
        let name: PathBuf = Path::new(name).components().filter(|part| *part != Component::CurDir).collect();
        if !named.contains(&place.join(&name).components().collect::<PathBuf>()) {
            restore.unnamed.push(name.display().to_string());
        } else if let Some(fault) = fault(&name) {
            if !place.join(&name).exists() {
                let text = format!("the template {} is not written: {fault}", name.display());
                errors
                    .push(Error::input(text).hint("put it there from your backup, and run `kbootstrap recover` again"));
            }
        } else if let Some(link) = link(&folder, &name) {
            let text = format!("the template {} is not written: {} is a link", name.display(), link.display());
            errors.push(Error::input(text).hint("remove the link, or recover into a new folder: -i NEW/prod.yaml"));
        } else {
            wanted.push((folder.join(&name), text));
            templates.push(name);
        }
    }
    if !record.lock.is_empty() {
        wanted.push((lock.to_owned(), &record.lock));
    }
    for (path, text) in wanted {
        if !path.exists() {
            restore.new.push((path, text.clone()));
        } else if files::read(&path)?.as_slice() != text.as_bytes() {
            errors.push(
                Error::input(format!("{} is there, and differs from the record; nothing was written", path.display()))
                    .hint("move it away, or use it with -i and without --host"),
            );
        }
    }
    let is_new = |template: &PathBuf| restore.new.iter().any(|(path, _)| path == template);
    restore.templates = templates.iter().map(|name| folder.join(name)).filter(is_new).collect();
    if !restore.templates.is_empty() {
        errors.extend(strangers(&folder, &templates, path, lock).map(|stranger| {
            let text = format!("templates of the record are not written beside other files: {}", stranger.display());
            Error::input(text).hint("recover into a new folder: -i NEW/prod.yaml")
        }));
    }
    Error::all(errors)?;
    Ok(restore)
}

impl Restore {
    /// Writes all of it, over nothing; the value is what was written.
    ///
    /// # Errors
    /// I/O, and a file that has come there since.
    pub fn write(self) -> Result<Vec<PathBuf>> {
        for (path, text) in &self.new {
            let folder = folder_of(path);
            fs::create_dir_all(&folder).map_err(|e| Error::io(format!("make the folder {}", folder.display()), &e))?;
            if !files::write_new_private(path, text.as_bytes())? {
                return Err(Error::input(format!("{} is there, and is not written over", path.display()))
                    .hint("move it away; a link that leads to nothing is one, too"));
            }
        }
        Ok(self.new.into_iter().map(|(path, _)| path).collect())
    }
}

/// What is wrong with a name that a record gives to a template.
fn fault(name: &Path) -> Option<&'static str> {
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Some("it is outside of the inventory's folder");
    }
    if name.to_string_lossy().contains(char::is_control) {
        return Some("its name has control characters");
    }
    let is_hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    name.components().any(is_hidden).then_some("its name is hidden")
}

/// The first link on the way from the folder to the file, the file itself among them.
fn link(folder: &Path, name: &Path) -> Option<PathBuf> {
    let mut way: Vec<&Path> = name.ancestors().filter(|part| !part.as_os_str().is_empty()).collect();
    way.reverse();
    way.into_iter().map(|part| folder.join(part)).find(|path| path.is_symlink())
}

/// Something that is not the record's in the folders that templates are to go to: what others read or run there (a Makefile,
/// a start-up file) would be a master's choice. Of templates in a folder below the inventory's, that one counts.
fn strangers(folder: &Path, templates: &[PathBuf], inventory: &Path, lock: &Path) -> Option<PathBuf> {
    let ours: BTreeSet<PathBuf> = templates.iter().map(|name| folder.join(name)).collect();
    let tops: BTreeSet<PathBuf> =
        templates.iter().filter_map(|name| Some(folder.join(name.components().next()?))).collect();
    let beside = templates.iter().any(|name| name.components().count() == 1);
    let may_lie_beside = |path: &PathBuf| {
        path == inventory || tops.contains(path) || path.ends_with("clusters") || lock.starts_with(path)
    };
    let of_inventory = beside.then(|| entries(folder).into_iter().find(|path| !may_lie_beside(path))).flatten();
    of_inventory.or_else(|| tops.iter().filter(|top| top.is_dir()).find_map(|top| stranger_below(top, &ours)))
}

fn stranger_below(folder: &Path, ours: &BTreeSet<PathBuf>) -> Option<PathBuf> {
    entries(folder).into_iter().find_map(|path| match path.is_dir() && !path.is_symlink() {
        true => stranger_below(&path, ours),
        false => (!ours.contains(&path)).then_some(path),
    })
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).into_iter().flatten().flatten();
    // As the paths of the record are written.
    let mut all: Vec<PathBuf> = read.map(|entry| folder.join(entry.file_name())).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::cluster::example;
    use crate::record::{RecordedInventory, Signature};

    struct Site(tempfile::TempDir);

    impl Site {
        fn new() -> Self {
            Site(tempfile::tempdir().unwrap())
        }
        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }
        /// Of a record with these files, all of which hold `x`; the first ones are named by the inventory.
        fn restore(&self, named: &[&str], more: &[&str]) -> Result<Restore> {
            let rows: Vec<String> = named.iter().enumerate().map(|(n, file)| format!("t{n}: {file:?}")).collect();
            let text = format!(
                "cluster: demo\nhosts:\n- {{name: m1, address: 10.0.0.1, roles: [etcd, master]}}\ncomponents: {{etcd: {{templates: {{{}}}}}}}\n",
                rows.join(", ")
            );
            let files = named.iter().chain(more).map(|name| (name.to_string(), "x".to_owned())).collect();
            let signature = Signature { written: "2026-01-01T00:00:00Z".into(), by: "ann@desk".into() };
            let recorded = RecordedInventory::new("prod.yaml", &text, files);
            let record = Record::new(&example::cluster("1.36.3"), recorded, "lock".into(), signature);
            let inventory = inventory::parse("prod.yaml", text.as_bytes()).unwrap().inventory;
            restore_inventory(&record, &inventory, &self.path("prod.yaml"), &self.path("clusters/demo/artifacts.lock"))
        }
        fn refused(&self, named: &[&str]) -> String {
            let error = self.restore(named, &[]).unwrap_err();
            error.message.replace(&self.0.path().display().to_string(), "")
        }
    }

    #[test]
    fn what_the_inventory_names_is_written_and_nothing_else() {
        let site = Site::new();
        let named = ["own.j2", "./units/kubelet.service"];
        let restore = site.restore(&named, &[".bash_profile", "units/Makefile", "../up", "/etc/cron.d/x"]).unwrap();
        assert_eq!(restore.templates, [site.path("units/kubelet.service"), site.path("own.j2")]);
        assert_eq!(restore.unnamed, ["../up", ".bash_profile", "/etc/cron.d/x", "units/Makefile"]);
        assert_eq!(restore.write().unwrap().len(), 4);
        assert_eq!(fs::read_to_string(site.path("units/kubelet.service")).unwrap(), "x");
        let names: Vec<PathBuf> = entries(site.0.path());
        assert_eq!(names, ["clusters", "own.j2", "prod.yaml", "units"].map(|name| site.path(name)));
        // Again there is nothing to do, whatever else has come there.
        fs::write(site.path("notes"), "").unwrap();
        assert!(site.restore(&named, &[]).unwrap().write().unwrap().is_empty());
        fs::write(site.path("own.j2"), "y").unwrap();
        assert_eq!(site.refused(&named), "/own.j2 is there, and differs from the record; nothing was written");
    }

    #[test]
    fn hidden_names_names_outside_and_links_are_refused() {
        let site = Site::new();
        for name in [".bash_profile", ".ssh/config", "a/.git/hooks/pre-commit"] {
            assert_eq!(site.refused(&[name]), format!("the template {name} is not written: its name is hidden"));
        }
        let outside = "the template ../up is not written: it is outside of the inventory's folder";
        assert_eq!(site.refused(&["../up"]), outside);
        fs::create_dir(site.path("home")).unwrap();
        symlink(site.path("home"), site.path("units")).unwrap();
        symlink(site.path("home/new"), site.path("own.j2")).unwrap();
        assert_eq!(site.refused(&["units/a/x"]), "the template units/a/x is not written: /units is a link");
        assert_eq!(site.refused(&["own.j2"]), "the template own.j2 is not written: /own.j2 is a link");
    }

    #[test]
    fn templates_have_a_folder_of_their_own() {
        let site = Site::new();
        fs::create_dir_all(site.path("tools/bin")).unwrap();
        fs::write(site.path("tools/bin/deploy"), "").unwrap();
        let beside = |path: &str| format!("templates of the record are not written beside other files: {path}");
        assert_eq!(site.refused(&["Makefile"]), beside("/tools"));
        assert_eq!(site.refused(&["tools/run"]), beside("/tools/bin/deploy"));
        assert_eq!(site.restore(&["units/x"], &[]).unwrap().write().unwrap().len(), 3);
    }

    #[test]
    fn a_link_in_the_place_of_the_lock_is_not_followed() {
        let site = Site::new();
        fs::create_dir_all(site.path("clusters/demo")).unwrap();
        symlink(site.path("profile"), site.path("clusters/demo/artifacts.lock")).unwrap();
        let error = site.restore(&[], &[]).unwrap().write().unwrap_err();
        assert!(error.message.ends_with("artifacts.lock is there, and is not written over"), "{error}");
        assert!(!site.path("profile").exists());
    }
}
