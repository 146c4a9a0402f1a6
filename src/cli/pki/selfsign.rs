//! `kbootstrap selfsign`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::request::{self, LogArgs};
use crate::cfssl::answers::output::{Output, check_base};
use crate::cfssl::signer::log_issued;
use crate::cfssl::source;
use crate::cli::Ctx;
use crate::error::{Error, Result};
use crate::pki::{Csr, Lifetime, Profile, Request, Serial, SigningConfig, selfsign};

/// Make a key and a certificate that signs itself, for tests, like cfssl selfsign
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap selfsign web.test web-csr.json --out web
  kbootstrap selfsign web.test web-csr.json --expiry 30d --out web

Nobody trusts such a certificate but who has it: for anything else make a CA with gencert -initca.")]
pub struct Args {
    /// Name or address, in addition to the spec's hosts
    hostname: String,
    /// CSR spec (JSON); `-`: standard input
    csr_spec: OsString,
    /// Signing configuration (JSON); without one: server and client
    #[arg(long, value_name = "FILE")]
    config: Option<OsString>,
    /// Profile of the signing configuration; without one: its default
    #[arg(long, value_name = "NAME", requires = "config")]
    profile: Option<String>,
    /// Life in place of the profile's [default: 2190h]
    #[arg(long, value_name = "TIME")]
    expiry: Option<Lifetime>,
    /// Write PATH.pem, PATH-key.pem and PATH.csr in place of JSON on standard output
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
        request::check_flags(None, Some(std::slice::from_ref(&self.hostname)))?;
        let (mut spec, name) = request::spec(&self.csr_spec).map_err(|e| self.swapped(e))?;
        request::refuse_ca(&spec, &name)?;
        if !spec.hosts.contains(&self.hostname) {
            spec.hosts.insert(0, self.hostname.clone());
        }
        spec.check(&name)?;
        let (profile, now) = (self.profile()?, OffsetDateTime::now_utc());
        let key = request::generate(&spec, &log)?;
        let asked = Request::from_spec(&spec, key.public())?;
        let csr = Csr::create(&asked, &key)?;
        log.info("encoded CSR");
        let issued = selfsign(&asked, &key, &profile, now, Serial::random_short()?)?;
        log_issued(&issued, &log);
        request::lint(&issued.certificate, &[], now, &log);
        let cert = Some(issued.certificate.to_pem());
        Output { cert, csr: Some(csr.to_pem()), key: Some(key.to_pem()) }.put(self.out.as_deref(), &ctx.out, &log)?;
        Ok(0)
    }

    /// A host that is a file is a slip.
    fn swapped(&self, error: Error) -> Error {
        match Path::new(&self.hostname).is_file() {
            true => error.hint("the order is: the host's name, the CSR spec"),
            false => error,
        }
    }

    fn profile(&self) -> Result<Profile> {
        let profile = match &self.config {
            None => Profile { expiry: None, ..SigningConfig::built_in()?.profile(None)? },
            Some(path) => {
                let (text, name) = source::read(path)?;
                let config = SigningConfig::from_json(&text, &name)?;
                config.profile(self.profile.as_deref()).map_err(|e| e.context(&name))?
            }
        };
        Ok(Profile { expiry: self.expiry.or(profile.expiry), ..profile })
    }
}
