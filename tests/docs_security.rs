//! The table of docs/security.md is the one that is tried on a cluster.

use std::fs;
use std::path::PathBuf;

use crate::common::stolen_worker::table;

const BEGIN: &str = "<!-- stolen worker: begin -->\n";
const END: &str = "<!-- stolen worker: end -->";

/// With `UPDATE_DOCS` it is written.
#[test]
fn the_table_of_the_stolen_worker_is_what_is_tried() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let text = fs::read_to_string(&file).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (_, tail) = rest.split_once(END).unwrap();
    let now = format!("{head}{BEGIN}{}{END}{tail}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &now).unwrap();
    }
    assert!(now == fs::read_to_string(&file).unwrap(), "out of date: run `UPDATE_DOCS=1 cargo test docs_security`");
}
