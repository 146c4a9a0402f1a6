//! Every dependency has its reason in docs/decisions/dependencies.md, and every row is a dependency.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn read(path: &str) -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Names under `[dependencies]` and `[dev-dependencies]`.
fn declared() -> BTreeSet<String> {
    let manifest = read("Cargo.toml");
    let sections =
        manifest.split("\n[").filter(|s| s.starts_with("dependencies]") || s.starts_with("dev-dependencies]"));
    let lines = sections.flat_map(|section| section.lines().skip(1));
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn every_dependency_has_its_reason() {
    let text = read("docs/decisions/dependencies.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let names = rows.clone().filter_map(|line| line.split('`').nth(1)).map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(names, declared());
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells.len() == 6 && cells[2..5].iter().all(|cell| cell.len() > 2), "{row}");
    }
}

#[test]
fn every_decision_is_in_the_index() {
    let index = read("docs/decisions/README.md");
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/decisions");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || index.contains(&format!("({name})")), "{name} is not in the index");
    }
}
