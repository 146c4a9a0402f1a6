//! The `kbootstrap` program: everything is in the library, this is its door.

use std::process::ExitCode;

fn main() -> ExitCode {
    kbootstrap::run(std::env::args_os().collect())
}
