//! docs/artifacts.md: what is known of release sites' files, and of modules, as the program has it.

use std::collections::BTreeMap;

use kbootstrap::artifacts::{modules, published};
use kbootstrap::components::Catalogue;

use crate::common::docs::assert_says;

const BEGIN: &str = "<!-- made from src/artifacts/known/checksums.txt and src/recipes/modules -->\n";
const END: &str = "<!-- end -->";

fn tables() -> String {
    let mut folders: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for file in published(&Catalogue::standard()) {
        let folder = file.url.replace("amd64", "ARCH").replace("arm64", "ARCH");
        let folder = match folder.split_once("dl.k8s.io") {
            Some(_) => format!("{}/…", folder.rsplit_once('/').unwrap().0),
            None => folder,
        };
        let (known, all) = folders.entry(folder).or_default();
        *known += usize::from(file.sha256.is_some());
        *all += 1;
    }
    let mut text = String::from("\n| files on release sites | checksums that are shipped |\n|---|---|\n");
    text.extend(folders.into_iter().map(|(folder, (known, all))| {
        let said = if known == all { format!("all {all}") } else { format!("**missing**: {} of {all}", all - known) };
        format!("| {} | {said} |\n", folder.trim_start_matches("https://"))
    }));
    text.push_str("\n| modules that are built | hash in the go.sum that is shipped |\n|---|---|\n");
    text.extend(modules(&Catalogue::standard()).into_iter().map(|(module, sum)| format!("| {module} | `{sum}` |\n")));
    text
}

#[test]
fn the_tables_say_what_is_known_and_what_is_missing() {
    assert_says("docs/artifacts.md", [BEGIN, END], &format!("{}\n", tables()));
}
