//! What the commands that make keys, CSRs and certificates ask in common.

use std::ffi::OsStr;

use time::OffsetDateTime;

use crate::certlint;
use crate::cfssl::answers::log::Log;
use crate::cfssl::source;
use crate::error::{Error, Result};
use crate::pki::{Certificate, CsrSpec, Key};

/// How much is logged.
#[derive(Debug, clap::Args)]
pub struct LogArgs {
    /// 0 debug, 1 information, 2 warnings, 3 errors only
    #[arg(long, value_name = "N", default_value_t = 1)]
    loglevel: u8,
}

impl LogArgs {
    /// The log of that level.
    pub fn log(&self) -> Log {
        Log::new(self.loglevel)
    }
}

/// The CSR spec in a file, and the file's name for errors.
pub fn spec(argument: impl AsRef<OsStr>) -> Result<(CsrSpec, String)> {
    let (text, name) = source::read(argument)?;
    Ok((CsrSpec::from_json(&text, &name)?, name))
}

/// Refuses names and hosts of the command line that no certificate can have.
pub fn check_flags(cn: Option<&str>, hosts: Option<&[String]>) -> Result<()> {
    let of_flags = CsrSpec {
        cn: cn.unwrap_or_default().to_owned(),
        hosts: hosts.unwrap_or_default().to_vec(),
        ..CsrSpec::default()
    };
    match of_flags == CsrSpec::default() {
        true => Ok(()),
        false => of_flags.check("the command line").map_err(Error::of_command_line),
    }
}

/// A spec with a `ca` is for self-signed CAs.
pub fn refuse_ca(spec: &CsrSpec, name: &str) -> Result<()> {
    match spec.ca {
        Some(_) => Err(Error::input(format!("{name}: a \"ca\" is for -initca only"))),
        None => Ok(()),
    }
}

/// The hosts of `-hostname`, which go in the place of others; none where it names none. Blanks after a comma are how
/// people write lists.
pub fn hosts(hostname: Option<&str>) -> Option<Vec<String>> {
    let hosts = hostname.filter(|hosts| !hosts.is_empty())?;
    Some(hosts.split(',').map(|host| host.trim().to_owned()).collect())
}

/// Warns of what verifiers will refuse in a certificate that was just issued, by these CAs.
pub fn lint(issued: &Certificate, above: &[Certificate], now: OffsetDateTime, log: &Log) {
    certlint::refused(issued, above, now).iter().for_each(|warning| log.warning(warning));
}

/// The key that a spec asks for.
pub fn generate(spec: &CsrSpec, log: &Log) -> Result<Key> {
    let kind = spec.key_kind()?;
    log.info(&format!("generating key: {kind}"));
    Key::generate(kind)
}
