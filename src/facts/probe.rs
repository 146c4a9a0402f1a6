//! Asking a host.

use std::io;
use std::time::SystemTime;

use super::{HostFacts, Questions, parse, script};
use crate::cluster::Layout;
use crate::error::{Error, Result};
use crate::remote::{Transport, host_lock};

/// Learns everything that was asked, and what is always learned, in one round trip.
///
/// # Errors
/// Those of the transport; `Remote` when the host's answer cannot be read.
pub fn probe(transport: &mut dyn Transport, questions: &Questions, layout: &Layout) -> Result<HostFacts> {
    let host = transport.host().to_owned();
    let script = script(questions, layout);
    let started = SystemTime::now();
    let output = transport.run(&script, &mut io::empty())?;
    let ended = SystemTime::now();
    host_lock::check(&host, &output)?;
    if output.status != 0 {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::remote(format!("{host}: the probe failed with status {}", output.status)).detail(said));
    }
    parse(&output.stdout, started, ended).map_err(|error| error.context(host))
}
