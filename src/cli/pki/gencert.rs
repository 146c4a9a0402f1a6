//! `kbootstrap gencert`.

use std::ffi::{OsStr, OsString};

use time::OffsetDateTime;

use super::output_args::{CaPasswordArgs, KeyOutputArgs, OutputArgs};
use super::request::{self, LogArgs};
use crate::cfssl::answers::log::Log;
use crate::cfssl::answers::output::Output;
use crate::cfssl::signer::{SignerArgs, log_issued};
use crate::cfssl::source;
use crate::cli::Ctx;
use crate::error::{Error, Result};
use crate::pki::{
    Certificate, Csr, CsrSpec, Key, Request, Rules, Serial, check_root, kept_serial, renew_ca, self_signed,
};

/// Make a key and a certificate from a CSR spec, like cfssl gencert
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kbootstrap gencert -initca ca-csr.json --out ca
  kbootstrap gencert -ca ca.pem -ca-key ca-key.pem -config ca-config.json \\
    -profile server server-csr.json --out server
  kbootstrap gencert -initca ca-csr.json | kbootstrap cfssljson -bare ca
  kbootstrap gencert -renewca -ca ca.pem -ca-key ca-key.pem --out new-ca

Flags work with one dash or two. Without --out, the result is printed as cfssl's JSON. \
`kbootstrap print-defaults csr` and `… config` print files to start from.")]
pub struct Args {
    /// CSR spec (JSON); `-`: standard input
    #[arg(required_unless_present = "renewca")]
    csr_spec: Option<OsString>,
    /// Make a self-signed CA; with -ca-key: for a key that is there
    #[arg(long)]
    initca: bool,
    /// Renew a self-signed CA (-ca, -ca-key): same name, key, extensions and length of life, from now
    #[arg(long, conflicts_with_all = ["initca", "csr_spec", "config", "profile", "cn", "hostname"])]
    renewca: bool,
    #[command(flatten)]
    signer: SignerArgs,
    /// Names and addresses in place of the spec's hosts, with commas
    #[arg(long, value_name = "A,B")]
    hostname: Option<String>,
    /// Common name in place of the spec's
    #[arg(long, value_name = "NAME")]
    cn: Option<String>,
    #[command(flatten)]
    ca_password: CaPasswordArgs,
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
        let now = OffsetDateTime::now_utc();
        if self.renewca {
            let target = self.files.target(None, self.signer.ca.as_deref(), true)?;
            target.put(self.renew(now, &log)?, ctx, &log)?;
            return Ok(0);
        }
        let spec = self.spec(now)?;
        match (self.initca, &self.signer.ca_key) {
            (true, None) => self.files.spare_ca_key()?,
            (true, Some(_)) => {}
            (false, _) => self.files.spare(self.signer.read())?,
        }
        let target = self.files.target(Some((&self.keys, spec.key_kind()?)), self.signer.ca.as_deref(), true)?;
        let output = if self.initca { self.root(&spec, now, &log)? } else { self.leaf(&spec, now, &log)? };
        target.put(output, ctx, &log)?;
        Ok(0)
    }

    fn spec(&self, now: OffsetDateTime) -> Result<CsrSpec> {
        let hosts = request::hosts(self.hostname.as_deref());
        let cn = self.cn.as_deref().filter(|cn| !cn.is_empty());
        request::check_flags(cn, hosts.as_deref())?;
        let (mut spec, name) = request::spec(self.csr_spec.as_deref().unwrap_or(OsStr::new("-")))?;
        if let Some(cn) = cn {
            spec.cn = cn.to_owned();
        }
        if let Some(hosts) = hosts {
            spec.hosts = hosts;
        }
        spec.check(&name)?;
        if self.initca {
            check_root(&spec, now).map_err(|e| e.context(&name))?;
        } else {
            request::refuse_ca(&spec, &name).map_err(|e| {
                e.hint("an intermediate CA is made by a profile with \"ca_constraint\": {\"is_ca\": true}")
            })?;
        }
        Ok(spec)
    }

    fn root(&self, spec: &CsrSpec, now: OffsetDateTime, log: &Log) -> Result<Output> {
        if self.signer.ca.is_some() {
            return Err(Error::usage("-initca makes a self-signed CA: it takes no -ca")
                .hint("an intermediate CA is made without -initca, by a profile with is_ca"));
        }
        if self.signer.config.is_some() || self.signer.profile.is_some() {
            log.warning(
                "-initca signs under no profile: -config and -profile change nothing; the \"ca\" of the spec does",
            );
        }
        let (key, made) = match &self.signer.ca_key {
            None => {
                log.info("generating a new CA key and certificate from CSR");
                (request::generate(spec, log)?, true)
            }
            Some(argument) => {
                log.info("re-generate a CA certificate from CSR and CA key");
                let (text, name) = source::read_ca_key(argument, &self.ca_password)?;
                (Key::read(&text, &name)?, false)
            }
        };
        let csr = Csr::create(&Request::from_spec(spec, key.public())?, &key)?;
        log.info("encoded CSR");
        let serial = self.signer.given_serial()?.map_or_else(Serial::random, Ok)?;
        let issued = self_signed(spec, &key, now, serial)?;
        log_issued(&issued, log);
        request::lint(&issued.certificate, &[], now, log);
        let cert = Some(issued.certificate.to_pem());
        Ok(Output { cert, csr: Some(csr.to_pem()), key: made.then(|| key.to_pem()) })
    }

    fn renew(&self, now: OffsetDateTime, log: &Log) -> Result<Output> {
        let (Some(ca), Some(ca_key)) = (&self.signer.ca, &self.signer.ca_key) else {
            return Err(Error::usage("-renewca needs the CA: -ca FILE -ca-key FILE"));
        };
        log.info("re-generate a CA certificate from CA cert and key");
        let (text, name) = source::read_ca(ca)?;
        let certificate = Certificate::read(&text, &name)?;
        let (text, key_name) = source::read_ca_key(ca_key, &self.ca_password)?;
        let key = Key::read(&text, &key_name)?;
        let serial = match self.signer.given_serial()?.or_else(|| kept_serial(&certificate)) {
            Some(serial) => serial,
            None => Serial::random()?,
        };
        let renewed = renew_ca(&certificate, key, now, serial, Rules::Strict).map_err(|e| e.context(&name))?;
        log_issued(&renewed, log);
        Ok(Output { cert: Some(renewed.certificate.to_pem()), csr: None, key: None })
    }

    fn leaf(&self, spec: &CsrSpec, now: OffsetDateTime, log: &Log) -> Result<Output> {
        // The CA is looked at before a key is made for it.
        let signer = self.signer.load(now, &self.ca_password)?;
        log.info("generate received request");
        log.info("received CSR");
        let key = request::generate(spec, log)?;
        let mut request = Request::from_spec(spec, key.public())?;
        let csr = Csr::create_beside(&request, &key)?;
        log.info("encoded CSR");
        signer.profile().admit(&mut request)?;
        if self.hostname.as_deref().is_some_and(|h| !h.is_empty()) {
            // As with cfssl, a CSRWhitelist does not hold for what the command line says.
            request.set_hosts(&spec.hosts, Rules::Strict)?;
        }
        let issued = signer.issue(&request, now, log)?;
        request::lint(&issued.certificate, &self.files.above(signer.ca())?, now, log);
        Ok(Output { cert: Some(issued.certificate.to_pem()), csr: Some(csr.to_pem()), key: Some(key.to_pem()) })
    }
}
