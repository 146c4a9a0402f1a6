//! Templates of the inventory's, rendered by a process of their own that the system gives little memory and time.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::{Resource, Rlimit, Signal, setrlimit};

use crate::components::Catalogue;
use crate::error::{Error, Result};
use crate::render::{Job, LARGEST, Renderer};

/// The one argument with which this program renders the template on its standard input.
pub const ARGUMENT: &str = "render-one-template";

/// Bytes of memory, the program's own among them.
const MEMORY: u64 = 512 << 20;
/// Of the processor.
const SECONDS: u64 = 20;

/// What a process of its own says: the text, or what is wrong with the template.
type Answer = Result<String, String>;

/// Renders by running `program` with [`ARGUMENT`].
pub fn renderer(program: PathBuf) -> Renderer {
    Renderer::new(move |job| ask(&program, job))
}

/// The other side: renders the template on standard input under the limits. The value is the answer's bytes.
///
/// # Errors
/// Internal: what came is no template of [`renderer`].
pub fn answer(catalogue: &Catalogue) -> Result<Vec<u8>> {
    let limit = |resource, most| {
        let limited = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
        limited.map_err(|e| Error::io("limit a process", &e.into()))
    };
    limit(Resource::As, MEMORY)?;
    limit(Resource::Cpu, SECONDS)?;
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(|e| Error::io("read a template", &e))?;
    let job: Job = serde_json::from_slice(&bytes).map_err(|e| Error::internal(format!("read a template: {e}")))?;
    let answer: Answer = job.render(catalogue);
    serde_json::to_vec(&answer).map_err(|e| Error::internal(format!("answer with a template: {e}")))
}

fn ask(program: &Path, job: &Job) -> Result<Answer> {
    let failed = |e: &io::Error| Error::io(format!("render a template with {}", program.display()), e);
    let input = serde_json::to_vec(job).map_err(|e| Error::internal(format!("write a template: {e}")))?;
    let mut command = Command::new(program);
    command.arg(ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|e| failed(&e))?;
    // Where it has ended before it took all, its status says why.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(&input);
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        // In JSON a character has six at the most.
        let most = u64::try_from(6 * LARGEST + 64).unwrap_or(u64::MAX);
        stdout.take(most).read_to_end(&mut output).map_err(|e| failed(&e))?;
    }
    let status = child.wait().map_err(|e| failed(&e))?;
    match serde_json::from_slice(&output) {
        Ok(answer) if status.success() => Ok(answer),
        _ => why(status)
            .map(Err)
            .ok_or_else(|| Error::internal(format!("{} {ARGUMENT} gave no answer: {status}", program.display()))),
    }
}

/// What a template did to the process that it ended.
fn why(status: ExitStatus) -> Option<String> {
    let is = |signal: Signal| status.signal() == Some(signal.as_raw());
    if is(Signal::XCPU) || is(Signal::KILL) {
        return Some(format!("it takes more than {SECONDS} seconds"));
    }
    // Memory that is not to be had ends a process so; its stack is memory, too.
    let of_memory = is(Signal::ABORT) || is(Signal::SEGV) || is(Signal::BUS);
    of_memory.then(|| format!("it takes more than {} MiB of memory", MEMORY >> 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_the_process_ended_says_what_the_template_did() {
        let status = |signal: Signal| why(ExitStatus::from_raw(signal.as_raw()));
        assert_eq!(status(Signal::ABORT).as_deref(), Some("it takes more than 512 MiB of memory"));
        assert_eq!(status(Signal::XCPU).as_deref(), Some("it takes more than 20 seconds"));
        assert_eq!((status(Signal::INT), why(ExitStatus::from_raw(0))), (None, None));
    }

    #[test]
    fn a_program_that_is_not_there_or_answers_nothing_is_no_mistake_of_the_template() {
        let job = Job { path: "a".into(), source: "x".into(), context: serde_json::Value::Null };
        assert!(ask(Path::new("/nonexistent/kbootstrap"), &job).unwrap_err().message.contains("/nonexistent/"));
        assert!(ask(Path::new("/bin/true"), &job).unwrap_err().message.contains("gave no answer"));
    }
}
