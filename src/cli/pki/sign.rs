//! `kbootstrap sign`.

use std::ffi::{OsStr, OsString};

use time::OffsetDateTime;

use super::output_args::{CaPasswordArgs, OutputArgs};
use super::request::{self, LogArgs};
use crate::cfssl::answers::output::Output;
use crate::cfssl::signer::SignerArgs;
use crate::cfssl::source;
use crate::cli::Ctx;
use crate::error::{Error, Result};
use crate::pki::{Csr, Rules, Subject};

/// Sign a CSR, like cfssl sign
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap sign -ca ca.pem -ca-key ca-key.pem -config ca-config.json \\
    -profile server server.csr --out server
  kbootstrap sign -ca ca.pem -ca-key ca-key.pem server.csr \\
    | kbootstrap cfssljson -bare server")]
pub struct Args {
    /// CSR (PEM); `-`: standard input
    #[arg(value_name = "CSR", required_unless_present = "csr")]
    csr_file: Option<OsString>,
    /// Subject (JSON with CN, names) whose fields replace the CSR's
    subject: Option<OsString>,
    /// CSR, in place of the argument
    #[arg(long, value_name = "FILE")]
    csr: Option<OsString>,
    #[command(flatten)]
    signer: SignerArgs,
    /// Names and addresses in place of the CSR's, with commas
    #[arg(long, value_name = "A,B")]
    hostname: Option<String>,
    #[command(flatten)]
    ca_password: CaPasswordArgs,
    #[command(flatten)]
    files: OutputArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl Args {
    /// Runs the command; the value is the exit code.
    pub fn run(self, ctx: &Ctx) -> Result<u8> {
        let log = self.log.log();
        self.files.check()?;
        self.files.spare(self.signer.read())?;
        let target = self.files.target(None, self.signer.ca.as_deref(), true)?;
        let (csr_file, subject) = self.inputs()?;
        let now = OffsetDateTime::now_utc();
        let signer = self.signer.load(now, &self.ca_password)?;
        let (text, name) = source::read(csr_file)?;
        let csr = Csr::read(&text, &name)?;
        let mut request = csr.request().clone();
        signer.profile().admit(&mut request)?;
        if let Some(hosts) = request::hosts(self.hostname.as_deref()) {
            request.set_hosts(&hosts, Rules::Strict).map_err(Error::of_command_line)?;
        }
        if let Some(subject) = subject {
            let (text, name) = source::read(subject)?;
            let subject = Subject::from_json(&text, &name)?;
            subject
                .check()
                .and_then(|()| request.override_subject(&subject, Rules::Strict))
                .map_err(|e| e.of_file().context(&name))?;
        }
        let issued = signer.issue(&request, now, &log)?;
        request::lint(&issued.certificate, &self.files.above(signer.ca())?, now, &log);
        let cert = Some(issued.certificate.to_pem());
        // In files, the CSR is there already.
        let csr = self.files.out.is_none().then(|| csr.to_pem());
        target.put(Output { cert, csr, key: None }, ctx, &log)?;
        Ok(0)
    }

    /// With `-csr FILE`, the only argument is the subject.
    fn inputs(&self) -> Result<(&OsStr, Option<&OsStr>)> {
        match (&self.csr, &self.csr_file, &self.subject) {
            (None, Some(csr), subject) => Ok((csr, subject.as_deref())),
            (Some(csr), subject, None) => Ok((csr, subject.as_deref())),
            _ => Err(Error::usage("too many arguments: a CSR and a subject are all it takes")),
        }
    }
}
