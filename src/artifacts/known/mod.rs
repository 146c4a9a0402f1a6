//! Checksums of files on release sites that are shipped with the program: what a mirror says of them counts for nothing.
//!
//! `checksums.txt` is what `kbootstrap artifacts checksums` prints where the release sites can be reached.

use std::collections::BTreeMap;

use serde::Serialize;

use super::release::{Place, place};
use super::requirements::{ARCHITECTURES, Requirement, everything};
use crate::cluster::versions::{RELEASES, fitting};
use crate::components::Catalogue;
use crate::digest::is_sha256;
use crate::recipes::{module_sum, recipe};

const TABLE: &str = include_str!("checksums.txt");

/// A file on a release site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Published {
    /// Where the project publishes it; of an image its manifest.
    pub url: String,
    /// Its SHA-256, where the program knows it.
    pub sha256: Option<String>,
}

/// The SHA-256 of what a project publishes there; none where it is not known.
pub fn sha256(url: &str) -> Option<&'static str> {
    find(TABLE, url)
}

fn find<'t>(table: &'t str, url: &str) -> Option<&'t str> {
    let entries = table.lines().filter_map(|line| line.split_once("  "));
    entries.into_iter().find(|(hash, of)| *of == url && is_sha256(hash)).map(|(hash, _)| hash)
}

/// Where all is published that a version in the program's table of releases is downloaded from, by address.
pub(super) fn places(catalogue: &Catalogue) -> BTreeMap<String, Place> {
    let all = wanted(catalogue);
    all.iter().filter_map(place).map(|place| (place.url.clone(), place)).collect()
}

/// The files at these places, with what is known of them.
pub fn published(catalogue: &Catalogue) -> Vec<Published> {
    let known = |url: String| Published { sha256: sha256(&url).map(str::to_owned), url };
    places(catalogue).into_keys().map(known).collect()
}

/// The modules that programs are built from, and their hashes in the go.sum files that are shipped (`h1:…`).
pub fn modules(catalogue: &Catalogue) -> BTreeMap<String, &'static str> {
    let mut modules = BTreeMap::new();
    for recipe in wanted(catalogue).iter().filter_map(|thing| recipe(thing.project, &thing.release)) {
        for module in recipe.modules {
            if let Some(sum) = module_sum(&recipe, module) {
                modules.insert(format!("{module} v{}", recipe.version), sum);
            }
        }
    }
    modules
}

fn wanted(catalogue: &Catalogue) -> Vec<Requirement> {
    let releases = RELEASES.iter().filter_map(|release| release.kubernetes.parse().ok());
    let pairs = releases.flat_map(|kubernetes| ARCHITECTURES.map(|arch| (fitting(&kubernetes), arch)));
    pairs.flat_map(|(versions, arch)| everything(catalogue, &versions, arch, true)).collect()
}

/// The table's text from what is known of the files.
pub fn table(files: &[Published]) -> String {
    let mut text =
        String::from("# SHA-256 and address of files on release sites, for the versions that kbootstrap knows.\n");
    for file in files {
        match &file.sha256 {
            Some(sha256) => text.push_str(&format!("{sha256}  {}\n", file.url)),
            None => text.push_str(&format!("# missing: {}\n", file.url)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_that_of_the_releases_that_are_known() {
        let files = published(&Catalogue::standard());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/artifacts/known/checksums.txt");
            return std::fs::write(file, table(&files)).unwrap();
        }
        assert_eq!(TABLE, table(&files), "run `make checksums`; where no release site can be reached, UPDATE_DOCS=1");
        assert!(files.iter().any(|file| file.url.ends_with("linux/arm64/kubelet")));
    }

    #[test]
    fn a_hash_is_of_its_very_address() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let table = format!("# missing: https://x/c\n{a}  https://x/a\n{b}  https://x/a2\nshort  https://x/c\n");
        assert_eq!(find(&table, "https://x/a"), Some(a.as_str()));
        assert_eq!(find(&table, "https://x/a2"), Some(b.as_str()));
        assert_eq!(find(&table, "https://x/c"), None);
    }
}
