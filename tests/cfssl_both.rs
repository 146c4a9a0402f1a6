//! For the tests of cfssl's face: the same shell steps with kbootstrap's links and with the real cfssl 1.6.5, where the
//! latter is at hand, and Go's own verifier.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::pki_tools::{Folder, Ran};

/// Whose programs are called `cfssl` and `cfssljson`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Ours,
    Theirs,
}

#[allow(clippy::print_stderr)] // a test has nowhere else to say that it compared nothing
/// The folder with the real programs, as `make bench` builds them.
pub fn theirs() -> Option<PathBuf> {
    let cache = std::env::var_os("KBOOTSTRAP_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/kbootstrap")))?;
    let folder = cache.join("tools/bin");
    let there = folder.join("cfssl").is_file() && folder.join("cfssljson").is_file();
    if !there {
        eprintln!("the real cfssl is not in {}: nothing is compared with it", folder.display());
    }
    there.then_some(folder)
}

/// A folder with links to our program.
fn ours() -> PathBuf {
    static LINKS: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = LINKS.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = Command::new(env!("CARGO_BIN_EXE_kbootstrap")).arg("install-links").arg(folder.path()).output();
        assert!(made.as_ref().is_ok_and(|made| made.status.success()), "{made:?}");
        folder
    });
    folder.path().to_owned()
}

/// Runs shell steps in a folder; none where the programs are not there.
pub fn sh(folder: &Folder, whose: Whose, script: &str) -> Option<Ran> {
    let programs = if whose == Whose::Ours { ours() } else { theirs()? };
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder.path("."))
        .env("PATH", path)
        .env("TZ", "UTC")
        .env_remove("CFSSL_CA_PK_PASSWORD")
        .output()
        .expect("start a shell");
    Some(Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Our answer to shell steps, which must succeed.
pub fn ok(folder: &Folder, script: &str) -> Ran {
    let ran = sh(folder, Whose::Ours, script).expect("our own programs are there");
    assert_eq!(ran.code, 0, "{script}\n{ran:#?}");
    ran
}

/// What Go says; `line` is the arguments of tests/go/verify.go.
pub fn go(folder: &Folder, line: &str) -> Result<String, String> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("verify-{}", std::process::id()));
        let built =
            Command::new("go").args(["build", "-o"]).arg(&program).arg(root.join("tests/go/verify.go")).output();
        assert!(built.as_ref().is_ok_and(|built| built.status.success()), "build tests/go/verify.go: {built:?}");
        program
    });
    let args = shlex::split(line).expect("quotes match");
    let output = Command::new(program).args(args).current_dir(folder.path(".")).output().expect("start the verifier");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Go accepts it.
pub fn go_ok(folder: &Folder, line: &str) -> String {
    go(folder, line).unwrap_or_else(|e| panic!("{line}: {e}"))
}
