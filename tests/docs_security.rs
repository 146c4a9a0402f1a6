//! The table of docs/security.md is the one that is tried on a cluster.

use crate::common::docs::assert_says;
use crate::common::stolen_worker::table;

const BEGIN: &str = "<!-- stolen worker: begin -->\n";
const END: &str = "<!-- stolen worker: end -->";

#[test]
fn the_table_of_the_stolen_worker_is_what_is_tried() {
    assert_says("docs/security.md", [BEGIN, END], &table());
}
