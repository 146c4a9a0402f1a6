//! The Go toolchain: found, asked for its version, run with a log.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use serde::Deserialize;

use super::environment::Environment;
use crate::artifacts::store::ours;
use crate::children;
use crate::error::{Error, Result};

/// A Go toolchain that runs.
pub struct Go<'a> {
    program: PathBuf,
    /// What ends everything that is started.
    pub interrupt: &'a AtomicBool,
    /// `go1.26.8`.
    pub version: String,
    /// Where it keeps compiled packages and modules.
    pub caches: Vec<PathBuf>,
    /// What its commands, and the C compiler's, run with.
    pub environment: Environment,
}

/// Asks the toolchain who it is.
pub fn find<'a>(program: &Path, interrupt: &'a AtomicBool) -> Result<Go<'a>> {
    let hint = "install Go (https://go.dev/dl), or name it: `artifacts: [{build: {go: /usr/local/go/bin/go}}]`";
    let shown = program.display();
    let (mut answer, mut words) = (temporary()?, temporary()?);
    let mut command = Command::new(program);
    command.args(["env", "-json"]).stdin(Stdio::null());
    command.stdout(another(&answer)?).stderr(another(&words)?);
    let status = children::run(command, interrupt, |e| Error::artifact(format!("cannot run {shown}: {e}")).hint(hint))?;
    if !status.success() {
        return Err(Error::artifact(format!("{shown} env failed"))
            .detail(String::from_utf8_lossy(&contents(&mut words)?).trim().to_owned())
            .hint(hint));
    }
    let foreign = |why: &str| Error::artifact(format!("{shown} env answered what is not Go's: {why}")).hint(hint);
    let env: BTreeMap<String, String> =
        serde_json::from_slice(&contents(&mut answer)?).map_err(|e| foreign(&e.to_string()))?;
    let of = |name: &str| env.get(name).cloned().ok_or_else(|| foreign(&format!("no {name}")));
    let caches: Vec<PathBuf> = vec![of("GOCACHE")?.into(), of("GOMODCACHE")?.into()];
    ours::check(caches.iter().map(PathBuf::as_path))?;
    let environment = Environment::new(&env, |name| std::env::var_os(name));
    Ok(Go { program: program.to_owned(), interrupt, version: of("GOVERSION")?, caches, environment })
}

/// A file for what a program says: nobody has to read while it runs.
fn temporary() -> Result<File> {
    tempfile::tempfile().map_err(|e| Error::io("make a temporary file", &e))
}

fn another(file: &File) -> Result<File> {
    file.try_clone().map_err(|e| Error::io("write to a temporary file", &e))
}

fn contents(file: &mut File) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes));
    read.map_err(|e| Error::io("read a temporary file", &e))?;
    Ok(bytes)
}

impl Go<'_> {
    /// A command in a folder, for Linux on `arch`, with the environment of builds.
    pub fn command(&self, dir: &Path, arch: &str, cgo: bool) -> Command {
        let mut command = Command::new(&self.program);
        self.environment.give(&mut command);
        command.current_dir(dir).stdin(Stdio::null());
        command.env("GOOS", "linux").env("GOARCH", arch).env("CGO_ENABLED", if cgo { "1" } else { "0" });
        command
    }

    /// Downloads a module and says which folder it is in.
    pub fn module_dir(&self, dir: &Path, module: &str, log: &Path) -> Result<PathBuf> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Module {
            #[serde(default)]
            dir: PathBuf,
            #[serde(default)]
            error: String,
        }
        let mut command = self.command(dir, "amd64", false);
        let mut said = temporary()?;
        command.args(["mod", "download", "-json", module]).stdout(another(&said)?).stderr(append(log)?);
        let status = children::run(command, self.interrupt, |e| Error::io("run go mod download", e))?;
        let answer: Module =
            serde_json::from_slice(&contents(&mut said)?).map_err(|_| failed("go mod download", log))?;
        if answer.error.is_empty() && status.success() {
            return Ok(answer.dir);
        }
        Err(Error::artifact(format!("cannot have the Go module {module}")).detail(answer.error).hint(PROXY))
    }
}

const PROXY: &str = "modules come from GOPROXY (`go env GOPROXY`); set it to a proxy that this machine can reach";

/// Runs a command with its output in the log; its last lines are in the error.
pub fn logged(mut command: Command, log: &Path, interrupt: &AtomicBool) -> Result<()> {
    let mut file = append(log)?;
    let io = |e: &std::io::Error| Error::io(format!("write {}", log.display()), e);
    let words: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
    let what = format!("{} {}", command.get_program().to_string_lossy(), words.first().map_or("", |w| w));
    writeln!(file, "$ {} {}", command.get_program().to_string_lossy(), words.join(" ")).map_err(|e| io(&e))?;
    command.stdout(file.try_clone().map_err(|e| io(&e))?).stderr(file);
    let status = children::run(command, interrupt, |e| Error::artifact(format!("cannot run {what}: {e}")))?;
    if status.success() { Ok(()) } else { Err(failed(&what, log)) }
}

fn append(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .map_err(|e| Error::io(format!("write {}", log.display()), &e))
}

fn failed(what: &str, log: &Path) -> Error {
    let lines = last_lines(log, 12);
    let error = Error::artifact(format!("{what} failed; all of its output is in {}", log.display()));
    let unreachable = ["dial tcp", "i/o timeout", "no such host", "connection refused", "404 Not Found", "410 Gone"];
    let error = if unreachable.iter().any(|sign| lines.contains(sign)) { error.hint(PROXY) } else { error };
    error.detail(lines)
}

/// The log's last lines.
fn last_lines(log: &Path, count: usize) -> String {
    let tail = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(8192)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = tail().unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_go_says_how_to_get_one() {
        let error = find(Path::new("/nonexistent/go"), &AtomicBool::new(false)).err().unwrap();
        insta::assert_snapshot!(error, @"cannot run /nonexistent/go: No such file or directory (os error 2)");
        assert!(error.hints[0].contains("install Go"));
    }

    #[test]
    fn a_failure_shows_the_last_lines_and_where_the_rest_is() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("build.log");
        let mut command = Command::new("sh");
        command.args(["-c", "seq 1 40; echo 'dial tcp: lookup proxy: no such host' >&2; exit 1"]);
        let error = logged(command, &log, &AtomicBool::new(false)).unwrap_err();
        assert!(error.message.contains(&log.display().to_string()), "{error}");
        assert!(error.details[0].starts_with("30\n") && error.details[0].ends_with("no such host"), "{error:?}");
        assert!(error.hints[0].contains("GOPROXY"), "{error:?}");
    }
}
