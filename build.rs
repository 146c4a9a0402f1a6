//! Rebuild when a template changes: they are embedded into the program.

#![allow(clippy::print_stdout)] // this is how a build script speaks to cargo

fn main() {
    println!("cargo:rerun-if-changed=templates");
}
