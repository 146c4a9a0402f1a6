//! `kbootstrap gencsr`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::output_args::KeyPasswordArgs;
use super::request::{self, LogArgs};
use crate::cfssl::answers::output::{Output, check_base};
use crate::cfssl::source;
use crate::cli::Ctx;
use crate::error::{Error, Result};
use crate::pki::{Certificate, Csr, Key, Request, Rules};
use crate::secret::Secret;

/// Make a CSR for a key that is there, like cfssl gencsr
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap gencsr -key server-key.pem server-csr.json --out server
  # the subject and names of a certificate
  kbootstrap gencsr -key server-key.pem -cert server.pem --out server")]
pub struct Args {
    /// CSR spec (JSON); `-`: standard input
    #[arg(required_unless_present = "cert", conflicts_with = "cert")]
    csr_spec: Option<OsString>,
    /// Private key
    #[arg(long, value_name = "FILE")]
    key: OsString,
    #[command(flatten)]
    key_password: KeyPasswordArgs,
    /// Certificate to take subject and names from, in place of a CSR spec
    #[arg(long, value_name = "FILE")]
    cert: Option<OsString>,
    /// Names and addresses in place of those, with commas
    #[arg(long, value_name = "A,B")]
    hostname: Option<String>,
    /// Write PATH.csr in place of JSON on standard output
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let log = self.log.log();
        check_base(self.out.as_deref())?;
        let (text, name) = source::read_ca_key(&self.key, &self.key_password)?;
        let key = Key::read(&text, &name)?;
        let mut request = self.request(&key)?;
        if let Some(hosts) = request::hosts(self.hostname.as_deref()) {
            request.set_hosts(&hosts, Rules::Strict).map_err(Error::of_command_line)?;
        }
        let csr = Csr::create(&request, &key)?;
        log.info("encoded CSR");
        request.warnings.iter().chain(&request.suspicions()).for_each(|warning| log.warning(warning));
        // In files, the key is there already.
        let given = if text.starts_with(b"-----BEGIN ") { Secret::new(text.to_vec()) } else { key.to_pem() };
        let key = self.out.is_none().then_some(given);
        Output { cert: None, csr: Some(csr.to_pem()), key }.put(self.out.as_deref(), &ctx.out, &log)?;
        Ok(0)
    }

    fn request(&self, key: &Key) -> Result<Request> {
        if let Some(cert) = &self.cert {
            let (text, name) = source::read_ca(cert)?;
            return Ok(Request::from_certificate(&Certificate::read(&text, &name)?, key.public()));
        }
        let (spec, name) = request::spec(self.csr_spec.as_deref().unwrap_or(OsStr::new("-")))?;
        spec.check(&name)?;
        request::refuse_ca(&spec, &name)?;
        Request::from_spec(&spec, key.public())
    }
}
