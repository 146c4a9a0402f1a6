//! Asking a host.

use std::io;
use std::time::{Duration, SystemTime};

use super::answer::Answer;
use super::{parse, script};
use crate::cluster::Layout;
use crate::error::{Error, Result};
use crate::facts::{HostFacts, Questions};
use crate::random::nonce;
use crate::remote::{Transport, host_lock};

/// What `timeout` ends with when it had to end a script.
const TIMED_OUT: i32 = 124;

/// How long the host may take for its answer. Hashing everything again takes longer than trusting the record.
pub(super) fn host_limit(questions: &Questions) -> Duration {
    Duration::from_secs(if questions.rehash { 600 } else { 60 })
}

/// How long the operator waits for it: the script's own limit, and the way.
fn limit(questions: &Questions) -> Duration {
    let waits = if questions.wait { host_lock::PATIENCE } else { Duration::ZERO };
    host_limit(questions) + waits + Duration::from_secs(15)
}

/// Learns everything that was asked, and what is always learned, in one round trip.
///
/// # Errors
/// Those of the transport; `Remote`, with the host and the section, when the host's answer cannot be read, is too
/// large, or takes too long.
pub fn probe(transport: &mut dyn Transport, questions: &Questions, layout: &Layout) -> Result<HostFacts> {
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
    let output = match ran {
        Ok(output) if output.status == TIMED_OUT => return Err(too_slow(&host, &answer)),
        Ok(output) => output,
        Err(error) if error.kind == crate::error::Kind::Remote => {
            return Err(error.detail(format!("its answer stopped {}", answer.last())));
        }
        Err(error) => return Err(error),
    };
    host_lock::check(&host, &output)?;
    if output.status != 0 {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::remote(format!("{host}: the probe failed with status {}", output.status)).detail(said));
    }
    parse(answer.bytes(), &nonce, started, ended).map_err(|error| error.context(host))
}

fn too_slow(host: &str, answer: &Answer) -> Error {
    Error::remote(format!("{host}: the probe did not come to its end"))
        .detail(format!("it was ended after too long {}", answer.last()))
        .hint("see what hangs on the host: a file system that does not answer, systemd, or a full processor")
}
