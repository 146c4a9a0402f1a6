//! Where programs come from: each entry names exactly one source.

use crate::document::Mistake;
use crate::document::Path;
use crate::inventory::model::{Inventory, Source};

/// Mistakes in `artifacts` and `packages`.
pub fn check(inventory: &Inventory) -> Vec<Mistake> {
    let entries = inventory.artifacts.iter().enumerate();
    let sources = entries.filter_map(|(i, source)| one(&Path::root().key("artifacts").index(i), source));
    sources.chain(packages(inventory)).collect()
}

fn packages(inventory: &Inventory) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (id, archive) in &inventory.packages {
        let at = Path::root().key("packages").key(id);
        let mirror = archive.mirror.iter().map(|address| ("mirror", address));
        let security =
            archive.security.iter().filter(|address| *address != "none").map(|address| ("security", address));
        for (field, address) in mirror.chain(security) {
            if !is_url(address) {
                let mistake = Mistake::at(at.key(field), format!("`{address}` is not a URL"));
                mistakes.push(mistake.hint("it begins with https:// or http://, and ends before /dists/"));
            } else if address.trim_end_matches('/').split('/').any(|part| part == "dists") {
                let mistake = Mistake::at(at.key(field), format!("`{address}` is inside of an archive"));
                mistakes.push(mistake.hint("write what stands before /dists/"));
            }
        }
    }
    mistakes
}

fn is_url(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains([' ', '@']))
}

fn one(at: &Path, source: &Source) -> Option<Mistake> {
    let fields = [
        ("folder", source.folder.is_some()),
        ("download", source.download.is_some()),
        ("build", source.build.is_some()),
    ];
    let named: Vec<&str> = fields.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    match named.as_slice() {
        [] => Some(
            Mistake::at(at.clone(), "this source names nothing")
                .hint("write one of `- folder: PATH`, `- download: {}`, `- build: {}`"),
        ),
        [_] => mirror(at, source),
        several => Some(
            Mistake::at(at.clone(), format!("one source with {}", several.join(" and ")))
                .hint("write a list entry for each: they are tried in that order"),
        ),
    }
}

fn mirror(at: &Path, source: &Source) -> Option<Mistake> {
    let mirror = source.download.as_ref()?.mirror.as_ref()?;
    let rest = mirror.strip_prefix("https://").or_else(|| mirror.strip_prefix("http://"));
    if rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(' ')) {
        return None;
    }
    let path = at.key("download").key("mirror");
    Some(Mistake::at(path, format!("`{mirror}` is not a URL")).hint("it begins with https:// or http://"))
}
