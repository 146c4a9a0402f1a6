//! `kbootstrap genkey`.

use std::ffi::OsString;

use time::OffsetDateTime;

use super::output_args::{KeyOutputArgs, OutputArgs};
use super::request::{self, LogArgs};
use crate::cfssl::answers::output::Output;
use crate::cfssl::signer::log_issued;
use crate::cli::Ctx;
use crate::error::Result;
use crate::pki::{Csr, Request, Serial, check_root, self_signed};

/// Make a key and a CSR from a CSR spec, like cfssl genkey
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap genkey server-csr.json --out server
  kbootstrap genkey server-csr.json | kbootstrap cfssljson -bare server")]
pub struct Args {
    /// CSR spec (JSON); `-`: standard input
    csr_spec: OsString,
    /// Make a self-signed CA certificate too
    #[arg(long)]
    initca: bool,
    #[command(flatten)]
    files: OutputArgs,
    #[command(flatten)]
    keys: KeyOutputArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let log = self.log.log();
        self.files.check()?;
        let (spec, name) = request::spec(&self.csr_spec)?;
        spec.check(&name)?;
        let now = OffsetDateTime::now_utc();
        if self.initca {
            check_root(&spec, now).map_err(|e| e.context(&name))?;
            self.files.spare_ca_key()?;
        } else {
            request::refuse_ca(&spec, &name)?;
        }
        let target = self.files.target(Some((&self.keys, spec.key_kind()?)), None, self.initca)?;
        log.info("generate received request");
        log.info("received CSR");
        let key = request::generate(&spec, &log)?;
        let request = Request::from_spec(&spec, key.public())?;
        let csr = Csr::create(&request, &key)?;
        log.info("encoded CSR");
        let mut output = Output { cert: None, csr: Some(csr.to_pem()), key: Some(key.to_pem()) };
        if self.initca {
            let issued = self_signed(&spec, &key, now, Serial::random()?)?;
            log_issued(&issued, &log);
            request::lint(&issued.certificate, &[], now, &log);
            output.cert = Some(issued.certificate.to_pem());
        } else {
            request.warnings.iter().chain(&request.suspicions()).for_each(|warning| log.warning(warning));
        }
        target.put(output, ctx, &log)?;
        Ok(0)
    }
}
