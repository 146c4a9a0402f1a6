//! Where the tests find the Kubernetes programs.

use std::path::PathBuf;

/// The program of that name. A test that cannot have its program fails: nothing is skipped in silence.
pub fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("KBOOTSTRAP_TEST_PROGRAMS")
        .unwrap_or_else(|| panic!("{name}: set KBOOTSTRAP_TEST_PROGRAMS to a folder with the Kubernetes programs"));
    let path = PathBuf::from(folder).join(name);
    assert!(path.is_file(), "{}: there is no such program", path.display());
    path
}
