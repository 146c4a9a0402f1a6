//! kbootstrap 0.1.0, built from its commit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What was released as 0.1.0.
const COMMIT: &str = "c119e11fa9478ced391ebf9b4a0621f007447249";

/// The program; it is built once for each `target` folder. The repository's history must be there.
pub fn program() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/release-0.1.0");
    let (source, built) = (folder.join("source"), folder.join("build"));
    if !source.join("Cargo.toml").exists() {
        fs::create_dir_all(&source).unwrap();
        let mut archive = Command::new("git")
            .args(["archive", "--format=tar", COMMIT])
            .current_dir(root)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let tar = archive.stdout.take().unwrap();
        let unpacked = Command::new("tar").args(["-x", "-C"]).arg(&source).stdin(tar).status().unwrap();
        let archived = archive.wait().unwrap();
        assert!(
            archived.success() && unpacked.success(),
            "commit {COMMIT} must be in the repository: fetch its history"
        );
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--bin", "kbootstrap", "--target-dir"]).arg(&built).current_dir(&source);
    // Cargo sets these for tests of this version.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG") || name == "CARGO_MANIFEST_DIR")
    {
        cargo.env_remove(name);
    }
    assert!(cargo.env("CARGO_INCREMENTAL", "0").status().unwrap().success(), "0.1.0 could not be built");
    built.join("debug/kbootstrap")
}
