//! docs/changes.md: its table is made from where each field is defined.

use kbootstrap::inventory::{Change, fields};

use crate::common::docs::assert_says;

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

#[test]
fn the_table_of_changes_is_that_of_the_fields() {
    assert_says("docs/changes.md", [BEGIN, END], &format!("{}\n", table()));
}
