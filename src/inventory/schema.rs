//! The inventory's JSON Schema, made from the types: editors complete by it, and [`super::load`] checks by it.

use serde_json::{Value, json};

use super::model::Inventory;

/// The JSON Schema (draft 2020-12) of an inventory that sets something of these components, each with what it is; with
/// none of them, of any. `docs/inventory.schema.json` is the one with ours, written out.
pub fn schema(components: &[(&str, &str)]) -> Value {
    let mut schema = schemars::schema_for!(Inventory).to_value();
    let name = |(name, about): &(&str, &str)| json!({ "const": name, "description": about, "type": "string" });
    let mut names = json!({ "description": "What can be configured one by one.", "type": "string" });
    if !components.is_empty() {
        names = json!({
            "description": "What can be configured one by one.",
            "oneOf": components.iter().map(name).collect::<Vec<_>>(),
        });
    }
    schema["$defs"]["Component"] = names;
    schema
}
