//! Reading the name constraints of a CA from JSON: `"permitted": {"dns": […]}` and `"excluded"`.

use super::json::Fields;
use crate::pki::names::subtrees::Subtrees;

/// What is permitted, and what is excluded. cfssl knows neither: by lenient rules both are unknown keys.
pub(crate) fn read(f: &mut Fields<'_>) -> (Subtrees, Subtrees) {
    if !f.is_strict() {
        return Default::default();
    }
    (f.object("permitted", subtrees).unwrap_or_default(), f.object("excluded", subtrees).unwrap_or_default())
}

fn subtrees(f: &mut Fields<'_>) -> Subtrees {
    let read =
        Subtrees { dns: f.strings("dns"), ip: f.strings("ip"), email: f.strings("email"), uri: f.strings("uri") };
    for entry in read.entries() {
        if let Err(error) = entry.base {
            f.error(&format!("{}[{}]", entry.kind, entry.index), error);
        }
    }
    read
}
