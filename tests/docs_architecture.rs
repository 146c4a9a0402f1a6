//! docs/architecture.md against the code: every module is in its table, and uses only what its row says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The last row of the ground, which every module may use.
const END_OF_GROUND: &str = "text";

struct Row {
    module: String,
    may_use: BTreeSet<String>,
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Words between backticks.
fn code(cell: &str) -> impl Iterator<Item = String> + '_ {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The table under `## The modules`.
fn table() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let section = text.split("## The modules").nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').collect();
        Row { module: code(cells[1]).next().unwrap(), may_use: code(cells[3]).collect() }
    };
    rows.map(row).collect()
}

/// Modules of the crate, from its files.
fn modules() -> BTreeSet<String> {
    let names = fs::read_dir(root().join("src")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let names = names.map(|name| name.trim_end_matches(".rs").to_owned());
    names.filter(|name| name != "lib" && name != "main").collect()
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests"))
}

pub fn sources(path: &Path, all: &mut Vec<PathBuf>) {
    if path.is_dir() {
        // Tests may look further than what they test.
        for entry in fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).filter(|p| !is_test(p)) {
            sources(&entry, all);
        }
    } else if path.extension().is_some_and(|e| e == "rs") {
        all.push(path.to_owned());
    }
}

/// Modules that a module names in its code, without its tests and comments, with a file that does.
fn used_by(module: &str) -> BTreeMap<String, PathBuf> {
    let mut used = named_by(module, "crate::");
    // In a module's own file the crate is `super`, too.
    for file in [format!("{module}.rs"), format!("{module}/mod.rs")].map(|file| root().join("src").join(file)) {
        used.extend(named_in(&file, "super::").into_iter().map(|name| (name, file.clone())));
    }
    used.remove(module);
    used
}

/// What the code of a folder or file below `src` names after a prefix.
fn named_by(module: &str, prefix: &str) -> BTreeMap<String, PathBuf> {
    let mut files = Vec::new();
    sources(&root().join("src").join(module), &mut files);
    sources(&root().join("src").join(format!("{module}.rs")), &mut files);
    let mut used = BTreeMap::new();
    for file in files {
        for name in named_in(&file, prefix) {
            used.entry(name).or_insert_with(|| file.clone());
        }
    }
    used
}

/// The same for one file, which may be missing.
fn named_in(file: &Path, prefix: &str) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let body = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = body.lines().filter(|line| !line.trim_start().starts_with("//"));
    let names = lines.flat_map(|line| line.split(prefix).skip(1));
    names.map(|name| name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn every_module_is_in_the_table_and_every_row_is_a_module() {
    let rows: BTreeSet<String> = table().into_iter().map(|row| row.module).collect();
    assert_eq!(rows, modules());
}

#[test]
fn a_module_uses_what_its_row_says_and_nothing_below_it() {
    let rows = table();
    let ground = 1 + rows.iter().position(|row| row.module == END_OF_GROUND).unwrap();
    assert_eq!(rows.last().unwrap().module, "cli");
    let mut wrong = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let used = used_by(&row.module);
        for (name, file) in &used {
            match rows.iter().position(|above| above.module == *name) {
                Some(above) if above >= at => wrong.push(format!("{} uses {name}, which is below it", file.display())),
                Some(above) if above >= ground && row.module != "cli" && !row.may_use.contains(name) => {
                    wrong.push(format!("{} uses {name}, which its row does not say", file.display()));
                }
                Some(_) => {}
                None => wrong.push(format!("{} uses {name}, which is no module", file.display())),
            }
        }
        let idle = row.may_use.iter().filter(|name| !used.contains_key(*name));
        wrong.extend(idle.map(|name| format!("{} does not use {name}, though its row says so", row.module)));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The rooms of `pki`, each of which may use those before it.
const ROOMS_OF_PKI: [&str; 8] = ["rules", "encoding", "key", "names", "x509", "spec", "issue", "check"];

#[test]
fn rooms_of_pki_use_only_rooms_before_them() {
    let mut wrong = Vec::new();
    for (at, room) in ROOMS_OF_PKI.iter().enumerate() {
        let module = format!("pki/{room}");
        assert!(["", ".rs"].iter().any(|end| root().join(format!("src/{module}{end}")).exists()), "{module}");
        for prefix in ["pki::", "super::super::"] {
            let above = |name: &String| name == room || ROOMS_OF_PKI[..at].contains(&name.as_str());
            let used = named_by(&module, prefix).into_iter().filter(|(name, _)| !above(name));
            wrong.extend(used.map(|(name, file)| format!("{} uses {name}, which is not before it", file.display())));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn files_and_types_that_the_nouns_name_are_there() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let section = text.split("## The nouns").nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() >= 10, "{section}");
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        let source = fs::read_to_string(root().join(code(cells[2]).next().unwrap())).unwrap();
        for noun in code(cells[1]) {
            let is_there = ["struct", "enum"].iter().any(|kind| source.contains(&format!("pub {kind} {noun}")));
            assert!(is_there, "{noun} is not in {}", cells[2]);
        }
    }
}
