//! The flags that name a CA and how it signs.

use std::ffi::OsString;

use time::OffsetDateTime;

use crate::cfssl::answers::log::Log;
use crate::cfssl::source;
use crate::error::{Error, Result};
use crate::pki::{Authority, Certificate, Issued, Passwords, Profile, Request, Serial, SigningConfig};

/// `-ca -ca-key -config -profile`.
#[derive(Debug, Clone, clap::Args)]
pub struct SignerArgs {
    /// CA certificate: a file, file:PATH or env:VARIABLE
    #[arg(long, value_name = "FILE")]
    pub ca: Option<OsString>,
    /// CA private key: a file, file:PATH or env:VARIABLE
    #[arg(long, value_name = "FILE")]
    pub ca_key: Option<OsString>,
    /// Signing configuration (JSON); without one: server and client, one year
    #[arg(long, value_name = "FILE")]
    pub config: Option<OsString>,
    /// Profile of the signing configuration; without one: its default
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Serial number, for -initca, -renewca and profiles with ClientProvidesSerialNumbers: decimal, or hexadecimal after
    /// 0x
    #[arg(long, value_name = "N")]
    pub serial: Option<String>,
}

/// A CA with the profile that it signs under.
#[derive(Debug)]
pub struct Signer {
    authority: Authority,
    profile: Profile,
    serial: Option<Serial>,
}

impl SignerArgs {
    /// Reads and checks the configuration and the CA, so that nothing is generated for a CA that cannot sign it.
    pub fn load(&self, now: OffsetDateTime, passwords: &dyn Passwords) -> Result<Signer> {
        let (config, config_name) = match &self.config {
            None => match &self.profile {
                Some(name) => {
                    return Err(Error::usage(format!("-profile {name} is given without -config")).hint(
                        "-config FILE names the file that has it; print-defaults config prints one to start from",
                    ));
                }
                None => (SigningConfig::built_in()?, "the profile".to_owned()),
            },
            Some(path) => {
                let (text, name) = source::read(path)?;
                (SigningConfig::from_json(&text, &name)?, name)
            }
        };
        let profile = config.profile(self.profile.as_deref()).map_err(|e| e.context(&config_name))?;
        let (Some(ca), Some(ca_key)) = (&self.ca, &self.ca_key) else {
            let missing = if self.ca.is_none() { "a CA certificate (-ca)" } else { "a CA key (-ca-key)" };
            return Err(Error::usage(format!("{missing} is needed"))
                .hint("name both with -ca FILE -ca-key FILE; a self-signed CA is made by gencert -initca"));
        };
        let (certificate, certificate_name) = source::read_ca(ca)?;
        let (key, key_name) = source::read_ca_key(ca_key, passwords)?;
        let authority = Authority::load(&certificate, &certificate_name, &key, &key_name, now)?;
        let validity = profile.validity(now).map_err(|e| e.of_file().context(&config_name))?;
        if let Some((expired, _)) = validity.ended(now) {
            return Err(expired.of_file().context(&config_name));
        }
        authority.validity(&profile, now, &mut Vec::new()).map_err(|e| e.context(&certificate_name))?;
        Ok(Signer { authority, serial: self.serial(&profile)?, profile })
    }
}

impl SignerArgs {
    /// What is read.
    pub fn read(&self) -> [Option<&OsString>; 3] {
        [self.ca.as_ref(), self.ca_key.as_ref(), self.config.as_ref()]
    }

    /// The serial number that is given, for a CA's own certificate.
    pub fn given_serial(&self) -> Result<Option<Serial>> {
        self.serial.as_deref().map(Serial::parse).transpose().map_err(Error::of_command_line)
    }

    /// The serial number that is given, just where the profile wants one.
    fn serial(&self, profile: &Profile) -> Result<Option<Serial>> {
        match (&self.serial, profile.client_provides_serial_numbers) {
            (None, false) => Ok(None),
            (Some(_), true) => self.given_serial(),
            (None, true) => Err(Error::usage("the profile has ClientProvidesSerialNumbers: give one with --serial N")),
            (Some(_), false) => Err(Error::usage("--serial is for profiles with ClientProvidesSerialNumbers")
                .hint("random serial numbers are the safe ones")),
        }
    }
}

impl Signer {
    /// The CA's certificate.
    pub fn ca(&self) -> &Certificate {
        self.authority.certificate()
    }

    /// The profile that it signs under.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Issues, logs the serial number and the warnings.
    pub fn issue(&self, request: &Request, now: OffsetDateTime, log: &Log) -> Result<Issued> {
        let serial = self.serial.clone().map_or_else(Serial::random, Ok)?;
        let issued = self.authority.issue(request, &self.profile, now, serial)?;
        log_issued(&issued, log);
        if request.sans.is_empty() && self.profile.usages.iter().any(|u| u.name() == "server auth") {
            log.warning("the certificate has no hosts: clients will refuse it as a server's certificate");
        }
        Ok(issued)
    }
}

/// `signed certificate with serial number N`, and the warnings.
pub fn log_issued(issued: &Issued, log: &Log) {
    log.info(&format!("signed certificate with serial number {}", issued.serial));
    issued.warnings.iter().for_each(|warning| log.warning(warning));
}
