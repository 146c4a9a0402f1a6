//! The inventory's JSON Schema, made from the types: editors complete by it, and [`super::load`] checks by it.

use serde_json::Value;

use super::model::Inventory;

/// The JSON Schema (draft 2020-12) of an inventory; `docs/inventory.schema.json` is the same, written out.
pub fn schema() -> Value {
    schemars::schema_for!(Inventory).to_value()
}

#[cfg(test)]
mod tests {
    use super::super::model::Component;
    use super::*;
    use crate::document::{Wanted, choices};

    #[test]
    fn component_names_are_those_of_the_types() {
        let schema = schema();
        let names = &schema["properties"]["components"]["propertyNames"];
        let names = choices(Wanted::of(&schema, names).schema).unwrap();
        assert_eq!(names, Component::ALL.map(Component::name));
    }
}
