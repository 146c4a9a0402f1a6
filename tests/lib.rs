//! The integration tests: one binary, so that they link once.

mod common;

mod inventory_examples;
mod inventory_init;
mod inventory_mistakes;
