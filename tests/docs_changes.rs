//! docs/changes.md: its table is made from where each field is defined.

use std::fs;
use std::path::Path;

use kbootstrap::inventory::{Change, fields};

const BEGIN: &str = "<!-- made from src/inventory/model.rs -->\n";
const END: &str = "<!-- end -->";

fn table() -> String {
    let mut text = String::new();
    for class in [Change::Live, Change::Rolling, Change::NewThings, Change::Operation, Change::Fixed] {
        text.push_str(&format!("\n### {}\n\n| field | what happens |\n|---|---|\n", class.title()));
        let of_class = fields().into_values().filter(|field| field.change == class);
        text.extend(of_class.map(|field| format!("| `{}` | {} |\n", field.path, field.note)));
    }
    text
}

/// With `UPDATE_DOCS` it is written.
#[test]
fn the_table_of_changes_is_that_of_the_fields() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/changes.md");
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table begins somewhere");
    let (_, after) = rest.split_once(END).expect("and ends");
    let now = format!("{before}{BEGIN}{}\n{END}{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &now).unwrap();
    }
    assert!(now == fs::read_to_string(&file).unwrap(), "out of date: run `UPDATE_DOCS=1 cargo test docs_changes`");
}
