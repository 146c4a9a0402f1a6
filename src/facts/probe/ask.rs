//! Asking a host.

use std::io;
use std::time::{Duration, SystemTime};

use super::answer::Answer;
use super::{parse, script};
use crate::cluster::Layout;
use crate::error::{Error, Kind, Result};
use crate::facts::{HostFacts, Questions};
use crate::random::nonce;
use crate::remote::{Output, Transport, host_lock};

/// What `timeout` ends with when it had to end a script.
const TIMED_OUT: i32 = 124;

/// How long the host may take for its answer. Hashing everything again takes longer than trusting the record.
pub(super) fn host_limit(questions: &Questions) -> Duration {
    Duration::from_secs(if questions.rehash { 600 } else { 60 })
}

/// How long the operator waits for it: the script's own limit, and the way.
fn limit(questions: &Questions) -> Duration {
    host_limit(questions) + Duration::from_secs(15)
}

/// Learns everything that was asked, and what is always learned, in one round trip; in three where another run is at
/// work on the host and `questions` say that it is waited for.
///
/// # Errors
/// Those of the transport; `Remote`, with the host and the section, when the host's answer cannot be read, is too
/// large, or takes too long; `Remote` when the other run does not end.
pub fn probe(transport: &mut dyn Transport, questions: &Questions, layout: &Layout) -> Result<HostFacts> {
    let mut asked = ask(transport, questions, layout)?;
    if host_lock::is_held(&asked.output) {
        host_lock::wait_for(transport)?;
        asked = ask(transport, questions, layout)?;
    }
    asked.facts(transport.host())
}

/// What a host said, and when.
struct Asked {
    nonce: String,
    answer: Answer,
    output: Output,
    started: SystemTime,
    ended: SystemTime,
}

impl Asked {
    fn facts(self, host: &str) -> Result<HostFacts> {
        host_lock::check(host, &self.output)?;
        let status = self.output.status;
        if status != 0 {
            let said = String::from_utf8_lossy(&self.output.stderr).trim().to_owned();
            return Err(Error::remote(format!("{host}: the probe failed with status {status}")).detail(said));
        }
        parse(self.answer.bytes(), &self.nonce, self.started, self.ended).map_err(|error| error.context(host))
    }
}

fn ask(transport: &mut dyn Transport, questions: &Questions, layout: &Layout) -> Result<Asked> {
    let host = transport.host().to_owned();
    let nonce = nonce()?;
    let script = script(questions, layout, &nonce);
    let mut answer = Answer::new(&nonce);
    let started = SystemTime::now();
    let ran = transport.stream_within(limit(questions), &script, &mut io::empty(), &mut answer);
    let ended = SystemTime::now();
    if let Some(too_much) = answer.too_much() {
        return Err(Error::remote(format!("{host}: the probe's answer is too large"))
            .detail(too_much.to_owned())
            .hint("see what there is so much of on the host; nothing of ours is"));
    }
    match ran {
        Ok(output) if output.status == TIMED_OUT => Err(too_slow(&host, &answer)),
        Ok(output) => Ok(Asked { nonce, answer, output, started, ended }),
        Err(error) if error.kind == Kind::Remote => Err(error.detail(format!("its answer stopped {}", answer.last()))),
        Err(error) => Err(error),
    }
}

fn too_slow(host: &str, answer: &Answer) -> Error {
    Error::remote(format!("{host}: the probe did not come to its end"))
        .detail(format!("it was ended after too long {}", answer.last()))
        .hint("see what hangs on the host: a file system that does not answer, systemd, or a full processor")
}
