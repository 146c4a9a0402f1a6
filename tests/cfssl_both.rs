//! For the tests of cfssl's face: the same shell steps with kbootstrap's links and with the real cfssl 1.6.5, and Go's own
//! verifier.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use kbootstrap::artifacts::Store;

use crate::pki_tools::{Folder, Ran};

/// Whose programs are called `cfssl` and `cfssljson`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Ours,
    Theirs,
}

/// The folder with the real programs, as `tools/setup.sh test` builds them. Without them the tests fail.
fn theirs() -> PathBuf {
    let folder = Store::open_default().expect("the cache").cache().join("tools/bin");
    for name in ["cfssl", "cfssljson"] {
        assert!(folder.join(name).is_file(), "{name} is not in {}: tools/setup.sh test builds it", folder.display());
    }
    folder
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

/// Runs shell steps in a folder.
pub fn sh(folder: &Folder, whose: Whose, script: &str) -> Ran {
    let programs = if whose == Whose::Ours { ours() } else { theirs() };
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let ran = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder.path("."))
        .env("PATH", path)
        .env("TZ", "UTC")
        .env_remove("CFSSL_CA_PK_PASSWORD")
        .output()
        .expect("start a shell");
    ran.into()
}

/// Our answer to shell steps, which must succeed.
pub fn ok(folder: &Folder, script: &str) -> Ran {
    let ran = sh(folder, Whose::Ours, script);
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
    let ran = Command::new(program).args(args).current_dir(folder.path(".")).output().expect("start the verifier");
    let Ran { code, stdout, stderr } = ran.into();
    if code == 0 { Ok(stdout) } else { Err(stderr) }
}

/// Go accepts it.
pub fn go_ok(folder: &Folder, line: &str) -> String {
    go(folder, line).unwrap_or_else(|e| panic!("{line}: {e}"))
}
