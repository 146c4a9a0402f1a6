//! A CA's files, a CSR, a certificate or a key with cfssl's words against them; and signing by them.

use zeroize::Zeroizing;

use crate::cfssl::answers::failure::Failure;
use crate::cfssl::call::Call;
use crate::cfssl::go;
use crate::error::Reason;
use crate::pki::{Authority, Certificate, Csr, Issued, Key, Profile, Request, Serial, SigningConfig};

/// The password of a CA's key that is encrypted with RFC 1421 headers.
const PASSWORD: &str = "CFSSL_CA_PK_PASSWORD";

/// A CA with the profile that it signs under.
pub struct Signer {
    authority: Authority,
    /// The profile.
    pub profile: Profile,
}

/// Exactly one certificate.
pub fn certificate(text: &[u8]) -> Result<Certificate, Failure> {
    let text = String::from_utf8_lossy(text);
    let Some((block, rest)) = go::pem::decode(text.trim()) else {
        return Err(Failure::code(1002, "Failed to decode certificate"));
    };
    let certificate = parsed(&block)?;
    if rest.is_empty() {
        return Ok(certificate);
    }
    Err(Failure::code(1003, "the PEM file should contain only one object"))
}

/// All certificates; other text after one of them is refused.
pub fn certificates(text: &[u8]) -> Result<Vec<Certificate>, Failure> {
    let text = String::from_utf8_lossy(text);
    let (mut rest, mut all) = (text.trim(), Vec::new());
    while let Some((block, after)) = go::pem::decode(rest) {
        all.push(parsed(&block)?);
        rest = after.trim();
    }
    if rest.is_empty() { Ok(all) } else { Err(Failure::code(1002, "Failed to decode certificate")) }
}

/// Whatever the block's label is.
fn parsed(block: &go::pem::Block<'_>) -> Result<Certificate, Failure> {
    Certificate::from_der(&block.der, "the certificate").map_err(|_| Failure::code(1003, "Failed to parse certificate"))
}

/// A private key, encrypted or not.
pub fn key(text: &[u8]) -> Result<Key, Failure> {
    let shown = Zeroizing::new(String::from_utf8_lossy(text).into_owned());
    // As long as it can get, so that no copy of the key is left behind by growing.
    let (mut rest, mut blocks) = (shown.as_str(), Zeroizing::new(String::with_capacity(shown.len())));
    let block = loop {
        let Some((block, after)) = go::pem::decode(rest) else {
            return Err(Failure::code(2002, "Failed to decode private key"));
        };
        blocks.push_str(block.text);
        if block.label != "EC PARAMETERS" {
            break block;
        }
        rest = after;
    };
    let unread = |_| Failure::code(2003, "Failed to parse private key");
    if !block.encrypted {
        // With the block of EC parameters, which may name the curve.
        return Key::from_pem(blocks.as_bytes(), "the key").map_err(unread);
    }
    let password = Zeroizing::new(std::env::var(PASSWORD).unwrap_or_default());
    if password.is_empty() {
        return Err(Failure::code(2100, "Private key is encrypted."));
    }
    Key::from_pem_with_password(block.text.as_bytes(), "the key", password.as_bytes()).map_err(|e| {
        let wrong = e.is(Reason::Password);
        if wrong { Failure::text("x509: decryption password incorrect") } else { unread(e) }
    })
}

/// A CSR whose signature is good.
pub fn csr(text: &[u8]) -> Result<Csr, Failure> {
    let text = String::from_utf8_lossy(text);
    let Some((block, _)) = go::pem::decode(&text) else { return Err(Failure::code(9002, "CSR Decode failed")) };
    if !matches!(block.label, "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") {
        return Err(Failure::code(9300, "not a csr"));
    }
    Csr::from_der(&block.der, "the CSR").map_err(|e| {
        let code = if e.is(Reason::Signature) { 9300 } else { 9003 };
        Failure::from(e).coded(code)
    })
}

/// What may be a CSR, unread and whatever its label is.
pub fn csr_der(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = String::from_utf8_lossy(text);
    let (block, _) = go::pem::decode(&text).ok_or_else(|| Failure::code(9002, "CSR Decode failed"))?;
    Ok(block.der)
}

impl Call {
    /// Says which of the CA's files is not named; with a configuration that is found out later.
    pub fn need_ca(&self, article: &str) -> Result<(), Failure> {
        let missing = match (self.flag("ca"), self.flag("ca-key")) {
            _ if self.config.is_some() => return Ok(()),
            ("", _) => format!("need {article}CA certificate (provide one with -ca)"),
            (_, "") => format!("need {article}CA key (provide one with -ca-key)"),
            _ => return Ok(()),
        };
        self.log.error(&missing);
        Err(Failure::said())
    }

    /// Looks at the CA's files and the profile.
    pub fn signer(&self) -> Result<Signer, Failure> {
        self.refuse_remote()?;
        let (ca, ca_key) = (self.flag("ca"), self.flag("ca-key"));
        if ca.is_empty() || ca_key.is_empty() {
            return Err(Failure::code(2000, "Unknown private key error"));
        }
        let ca = go::file::read_ca(ca)?;
        let ca_key = go::file::read_ca(ca_key).map_err(|e| e.coded(1001))?;
        let (certificate, key) = (certificate(&ca)?, key(&ca_key)?);
        let built_in = SigningConfig::built_in()?;
        let mut warnings = Vec::new();
        let config = self.config.as_ref().unwrap_or(&built_in);
        let named = Some(self.flag("profile")).filter(|name| !name.is_empty());
        let found = config.profile_by(named, self.rules, &mut warnings);
        if config.default.as_ref().is_some_and(|default| default.usages.is_empty())
            && named.is_none_or(|name| !config.profiles.contains_key(name))
        {
            // That there is no profile of this name is among them.
            self.warn(&warnings);
            return Err(Failure::code(5100, "Invalid policy: no key usage available"));
        }
        let mut profile = found?;
        if !self.flag("crl").is_empty() {
            profile.crl_url = Some(self.flag("crl").to_owned());
        }
        self.warn(&warnings);
        if certificate.public_key().is_ok() && !certificate.is_for(key.public()) {
            return Err(Failure::code(1000, "x509: provided PrivateKey doesn't match parent's PublicKey"));
        }
        let authority = Authority::with_rules(certificate, key, self.now, self.rules)?;
        // What can be known without a key is known before one is made.
        authority.validity(&profile, self.now, &mut Vec::new())?;
        Ok(Signer { authority, profile })
    }

    /// Issues, and logs the serial number and the warnings.
    pub fn issue(&self, signer: &Signer, request: &Request) -> Result<String, Failure> {
        let Signer { authority, profile } = signer;
        if let Some(Err(e)) = profile.name_whitelist.as_ref().map(|whitelist| whitelist.check(request)) {
            self.log.error(&e.message);
            return Err(Failure::code(5500, "Request does not match policy whitelist"));
        }
        if profile.client_provides_serial_numbers {
            self.log.error("the profile has ClientProvidesSerialNumbers, and cfssl's commands have no way to give one");
            return Err(Failure::code(1400, "Missing serial number in request"));
        }
        let issued = authority.issue(request, profile, self.now, Serial::random()?)?;
        let cert = self.issued(&issued);
        // What our own commands leave to the linter.
        self.warn(&request.suspicions());
        Ok(cert)
    }

    /// Logs what was issued; the certificate in PEM.
    pub fn issued(&self, issued: &Issued) -> String {
        self.log.info(&format!("signed certificate with serial number {}", issued.serial));
        self.warn(&issued.warnings);
        issued.certificate.to_pem()
    }
}

impl Signer {
    /// Refuses a CSR that asks for a CA where the profile or the CA does not allow it.
    pub fn check_ca(&self, request: &Request, call: &Call) -> Result<(), Failure> {
        if !request.ca.is_ca() {
            return Ok(());
        }
        let own = self.authority.path_length();
        let problem = match own {
            _ if !self.profile.ca_constraint.is_ca => "policy disallows issuing CA certificate",
            Some(0) => "certificate disallows issuing CA certificate",
            Some(own) if request.ca.path_length().is_some_and(|wanted| wanted >= own) => {
                "certificate disallows CA MaxPathLen extending"
            }
            _ => return Ok(()),
        };
        call.log.error(&format!("local signer {problem}"));
        Err(Failure::code(5300, "Policy violation request"))
    }
}

/// Whether a certificate and a key are one another's.
pub fn fits(certificate: &Certificate, key: &Key) -> bool {
    certificate.is_for(key.public())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_those_of_cfssl() {
        let error = |text: &str| certificate(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("x"), r#"{"code":1002,"message":"Failed to decode certificate"}"#);
        let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(error(block), r#"{"code":1003,"message":"Failed to parse certificate"}"#);
        let error = |text: &str| key(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("x"), r#"{"code":2002,"message":"Failed to decode private key"}"#);
        assert_eq!(error(block), r#"{"code":2003,"message":"Failed to parse private key"}"#);
        assert_eq!(csr(block.as_bytes()).unwrap_err().to_string(), r#"{"code":9300,"message":"not a csr"}"#);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(-----BEGIN |-----END |A-----|\n|é|x){0,12}") {
            let _ = (certificate(text.as_bytes()), certificates(text.as_bytes()), csr(text.as_bytes()));
        }
    }
}
