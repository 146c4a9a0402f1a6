//! What cfssl's commands give: one line of JSON, or the files that cfssljson would make of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::log::Log;
use crate::error::{Error, Result};
use crate::pki::store;
use crate::secret::Secret;
use crate::ui::Printer;

/// A certificate, a CSR, a key, or some of them, in PEM.
#[derive(Debug, Default)]
pub struct Output {
    /// Certificate.
    pub cert: Option<String>,
    /// CSR.
    pub csr: Option<String>,
    /// Private key.
    pub key: Option<Secret>,
}

impl Output {
    /// Writes the files where a base name is given, else prints the JSON.
    pub fn put(&self, base: Option<&Path>, printer: &Printer, log: &Log) -> Result<()> {
        match base {
            None => printer.bytes(&self.json()?),
            Some(base) => self.write(base, log),
        }
    }

    /// `{"cert":…,"csr":…,"key":…}` and a newline, as cfssl.
    fn json(&self) -> Result<Zeroizing<Vec<u8>>> {
        #[derive(Serialize)]
        struct Line<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            cert: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            csr: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            key: Option<&'a str>,
        }
        let key = self.key.as_ref().and_then(|key| std::str::from_utf8(key.expose()).ok());
        let line = Line { cert: self.cert.as_deref(), csr: self.csr.as_deref(), key };
        // Long enough for an RSA key of 8192 bits, so that no copy of it is left behind by growing.
        let mut json = Zeroizing::new(Vec::with_capacity(32 * 1024));
        serde_json::to_writer(&mut *json, &line).map_err(|e| Error::internal(format!("write JSON: {e}")))?;
        json.push(b'\n');
        Ok(json)
    }

    /// The key first: whoever sees the certificate can use it.
    fn write(&self, base: &Path, log: &Log) -> Result<()> {
        let write = |suffix: &str, put: &dyn Fn(&Path) -> Result<()>| {
            let path = with_suffix(base, suffix);
            put(&path)?;
            log.info(&format!("wrote {}", path.display()));
            Ok::<_, Error>(())
        };
        if let Some(key) = &self.key {
            write("-key.pem", &|path| store::write_key(path, key))?;
        }
        if let Some(csr) = &self.csr {
            write(".csr", &|path| store::write_public(path, csr.as_bytes()))?;
        }
        if let Some(cert) = &self.cert {
            write(".pem", &|path| store::write_public(path, cert.as_bytes()))?;
        }
        Ok(())
    }
}

/// `a/b` and `-key.pem` → `a/b-key.pem`.
pub fn with_suffix(base: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(base);
    path.push(suffix);
    PathBuf::from(path)
}

/// Refuses a base name whose folder is not there, before work is done for it.
pub fn check_base(base: Option<&Path>) -> Result<()> {
    let Some(base) = base else { return Ok(()) };
    let folder = base.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            Err(Error::input(format!("there is no folder {}", folder.display())).hint("make it first"))
        }
        _ if base.file_name().is_none() => Err(Error::usage(format!("{} is no base name of files", base.display()))),
        _ => Ok(()),
    }
}
