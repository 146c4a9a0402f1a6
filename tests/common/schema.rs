//! JSON Schemas that are made from types, and lie in docs/.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The schema in docs/ is that of the types; with `UPDATE_SCHEMA` it is written.
#[track_caller]
pub fn is_up_to_date(name: &str, schema: &Value) {
    let file = docs().join(name);
    let now = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == now, "docs/{name} is out of date: run `UPDATE_SCHEMA=1 cargo test schema`");
}

/// The document names every field of the schema.
#[track_caller]
pub fn is_documented(name: &str, schema: &Value) {
    let text = fs::read_to_string(docs().join(name)).unwrap();
    let types = schema["$defs"].as_object().unwrap().values().chain([schema]);
    let fields = types.filter_map(|t| t["properties"].as_object()).flat_map(|fields| fields.keys());
    let missing: Vec<&String> = fields.filter(|field| !text.contains(&format!("`{field}`"))).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

fn docs() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}
