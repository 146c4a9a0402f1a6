//! Running the machine's own programs.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::error::{Error, Result};

/// Runs a program to its end; a failure carries what it said on standard error.
pub fn run<S: AsRef<OsStr>>(program: &str, args: &[S]) -> Result<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    let output = command.output().map_err(|e| Error::io(format!("run {program}"), &e))?;
    check(&describe(program, args), output)
}

/// Runs a program with this on its standard input.
pub fn feed<S: AsRef<OsStr>>(program: &str, args: &[S], input: &str) -> Result<Vec<u8>> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| Error::io(format!("run {program}"), &e))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that stops reading says why on standard error.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| Error::io(format!("wait for {program}"), &e))?;
    check(&describe(program, args), output).map_err(|e| e.detail(input.trim_end()))
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
    let mut error = Error::internal(format!("`{what}` failed ({})", output.status));
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
        let error = feed("sh", &["-c", "read line; echo no $line >&2; exit 3"], "bread\n").unwrap_err();
        assert_eq!(error.details, ["no bread", "bread"]);
        assert!(error.message.ends_with("failed (exit status: 3)"), "{}", error.message);
    }
}
