//! The C compiler, for runc, flanneld and the pause program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// The C compiler for `arch`: `$CC`, `cc` on a machine of that architecture, or the usual cross compiler.
pub fn compiler(arch: &str) -> Result<PathBuf> {
    let chosen = std::env::var_os("CC").filter(|v| !v.is_empty()).map(PathBuf::from);
    let candidates = match chosen {
        Some(cc) => vec![cc],
        None if arch == native() => vec!["cc".into(), "gcc".into()],
        None => vec![cross(arch).into()],
    };
    match candidates.iter().find(|cc| answers(Command::new(cc).arg("--version"))) {
        Some(cc) => Ok(cc.clone()),
        None if arch == native() => Err(Error::artifact("no C compiler")
            .hint("Debian and Ubuntu: `apt-get install gcc libc6-dev`; Fedora: `dnf install gcc glibc-static`")),
        None => Err(Error::artifact(format!("no C compiler for {arch} on this {} machine", native()))
            .hint(format!("install {} or set CC, build on an {arch} machine, or use another source", cross(arch)))),
    }
}

/// Refuses early when runc cannot be built: it needs libseccomp, as a static library too.
pub fn check_libseccomp(arch: &str) -> Result<()> {
    let hint = if arch == native() {
        "Debian and Ubuntu: `apt-get install pkg-config libseccomp-dev`; Fedora: `dnf install pkgconf libseccomp-devel libseccomp-static glibc-static`"
    } else {
        "set PKG_CONFIG_LIBDIR to the folder of that architecture's libseccomp.pc, build on such a machine, or use another source"
    };
    if arch != native() && std::env::var_os("PKG_CONFIG_LIBDIR").is_none() {
        return Err(
            Error::artifact(format!("runc needs libseccomp for {arch}, this machine is {}", native())).hint(hint)
        );
    }
    if !answers(Command::new("pkg-config").arg("--version")) {
        return Err(Error::artifact("runc needs pkg-config, which is not installed").hint(hint));
    }
    let directory = Command::new("pkg-config").args(["--variable=libdir", "libseccomp"]).output();
    match directory {
        Ok(output) if output.status.success() => {
            let dir = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if Path::new(&dir).join("libseccomp.a").exists() {
                return Ok(());
            }
            Err(Error::artifact(format!("runc needs libseccomp as a static library: no libseccomp.a in {dir}"))
                .hint(hint))
        }
        _ => Err(Error::artifact("runc needs libseccomp, whose headers are not installed").hint(hint)),
    }
}

/// Compiles Kubernetes' pause.c, static and small.
pub fn pause(cc: &Path, source: &Path, version: &str, out: &Path) -> Command {
    let mut command = Command::new(cc);
    command.args(["-Os", "-Wall", "-static", "-s"]).arg(format!("-DVERSION=v{version}")).arg("-o").arg(out).arg(source);
    command
}

/// This machine's architecture as Go names it.
fn native() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn cross(arch: &str) -> String {
    let machine = if arch == "arm64" { "aarch64" } else { "x86_64" };
    format!("{machine}-linux-gnu-gcc")
}

fn answers(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}
