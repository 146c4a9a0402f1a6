//! `kbootstrap genkey`.

use time::OffsetDateTime;

use super::Ctx;
use super::output_args::{KeyOutputArgs, OutputArgs};
use crate::cfssl::log::Log;
use crate::cfssl::output::Output;
use crate::cfssl::signer::log_issued;
use crate::cfssl::source;
use crate::error::{Error, Result};
use crate::pki::{Csr, CsrSpec, Request, Serial, self_signed};

/// Make a key and a CSR from a CSR spec, like cfssl genkey
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap genkey server-csr.json --out server
  kbootstrap genkey server-csr.json | kbootstrap cfssljson -bare server")]
pub struct Args {
    /// CSR spec (JSON); `-`: standard input
    csr_spec: String,
    /// Make a self-signed CA certificate too
    #[arg(long)]
    initca: bool,
    #[command(flatten)]
    files: OutputArgs,
    #[command(flatten)]
    keys: KeyOutputArgs,
    /// 0 debug, 1 information, 2 warnings, 3 errors only
    #[arg(long, value_name = "N", default_value_t = 1)]
    loglevel: u8,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let log = Log::new(self.loglevel);
        self.files.check()?;
        let (text, name) = source::read(&self.csr_spec)?;
        let spec = CsrSpec::from_json(&text, &name)?;
        spec.check(&name)?;
        if spec.ca.is_some() && !self.initca {
            return Err(Error::input(format!("{name}: a \"ca\" is for -initca only")));
        }
        let target = self.files.target(Some((&self.keys, spec.key_kind()?)), None, self.initca)?;
        log.info("generate received request");
        log.info("received CSR");
        let key = super::gencert::generate(&spec, &log)?;
        let request = Request::from_spec(&spec, key.public())?;
        let csr = Csr::create(&request, &key)?;
        log.info("encoded CSR");
        let mut output = Output { cert: None, csr: Some(csr.to_pem()), key: Some(key.to_pem()) };
        if self.initca {
            let issued = self_signed(&spec, &key, OffsetDateTime::now_utc(), Serial::random()?)?;
            log_issued(&issued, &log);
            output.cert = Some(issued.certificate.to_pem());
        } else {
            request.warnings.iter().for_each(|warning| log.warning(warning));
        }
        target.put(output, ctx, &log)?;
        Ok(0)
    }
}
