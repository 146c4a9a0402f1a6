//! Running the machine's own programs.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

use crate::error::{Error, Result};

/// Runs a program to its end; a failure carries what it said on standard error.
pub fn run<S: AsRef<OsStr>>(program: &str, args: &[S]) -> Result<Vec<u8>> {
    run_with(Stdio::null(), program, args)
}

/// [`run`] with this standard input.
pub fn run_with<S: AsRef<OsStr>>(stdin: Stdio, program: &str, args: &[S]) -> Result<Vec<u8>> {
    let output = Command::new(program).args(args).stdin(stdin).output();
    check(&describe(program, args), output.map_err(|e| Error::io(format!("run {program}"), &e))?)
}

fn describe<S: AsRef<OsStr>>(program: &str, args: &[S]) -> String {
    let mut text = program.to_owned();
    for arg in args {
        text.push(' ');
        text.push_str(&arg.as_ref().to_string_lossy());
    }
    text
}

fn check(what: &str, output: Output) -> Result<Vec<u8>> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    let mut error = Error::local(format!("`{what}` failed ({})", output.status));
    let said = String::from_utf8_lossy(&output.stderr);
    if !said.trim().is_empty() {
        error = error.detail(said.trim_end());
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_the_program_said() {
        let error = run("sh", &["-c", "echo no bread >&2; exit 3"]).unwrap_err();
        assert_eq!(error.details, ["no bread"]);
        assert!(error.message.ends_with("failed (exit status: 3)"), "{}", error.message);
    }
}
