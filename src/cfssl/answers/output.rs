//! What cfssl's commands give: one line of JSON, or the files that cfssljson would make of it, and more of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::cfssl::answers::log::Log;
use crate::cfssl::ca_key;
use crate::error::{Error, Result};
use crate::files::{Pending, backup, folder_of, followed, lock, pair, persist, place};
use crate::pki::{Certificate, Key, KeyKind, encrypted, pkcs12};
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

/// How files are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Names {
    /// NAME.pem and NAME-key.pem, as cfssljson
    #[default]
    Pem,
    /// NAME.crt and NAME.key, as kubeadm, nginx and openssl's guides
    Crt,
}

/// The structure of a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyFormat {
    /// `RSA PRIVATE KEY`
    Pkcs1,
    /// `EC PRIVATE KEY`
    Sec1,
    /// `PRIVATE KEY`, for Java and netty
    Pkcs8,
}

/// How a private key is written.
#[derive(Debug, Clone, Default)]
pub struct KeyForm {
    /// None: as cfssl does, by the key's algorithm.
    pub format: Option<KeyFormat>,
    /// It is encrypted with this password, which makes it PKCS#8.
    pub password: Option<Secret>,
}

/// Which files are written.
#[derive(Debug, Default)]
pub struct Files {
    /// Path without endings.
    pub base: PathBuf,
    /// Endings.
    pub names: Names,
    /// What is replaced is kept.
    pub backup: bool,
    /// NAME-chain: the certificate and the intermediate CAs above it.
    pub chain: bool,
    /// CAs above the certificate, in any order, the root too if it is at hand.
    pub authorities: Vec<Certificate>,
    /// NAME.p12: key and chain, under this password.
    pub key_store: Option<Secret>,
    /// NAME-truststore.p12: the topmost CA, under this password.
    pub trust_store: Option<Secret>,
}

impl Output {
    /// Writes the files where a base name is given, else prints the JSON.
    pub fn put(&self, base: Option<&Path>, printer: &Printer, log: &Log) -> Result<()> {
        match base {
            None => self.print(printer),
            Some(base) => self.write(&Files { base: base.to_owned(), ..Files::default() }, None, log),
        }
    }

    /// Prints the JSON.
    pub fn print(&self, printer: &Printer) -> Result<()> {
        if self.key.is_some() && printer.is_closed() {
            return Err(
                Error::local("standard output is closed: the key would be lost").hint("--out PATH writes files")
            );
        }
        printer.document(&String::from_utf8_lossy(&self.json()?))
    }

    /// With its key in another form. As cfssl writes it, it is already.
    pub fn in_form(mut self, form: &KeyForm) -> Result<Self> {
        if let Some(pem) = self.key.as_ref().filter(|_| form.format.is_some() || form.password.is_some()) {
            let key = Key::from_pem(pem.expose(), "the key")?;
            self.key = Some(form.write(&key)?);
        }
        Ok(self)
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

    /// Writes all files together. `key` is the private key as it was made, whatever form it is written in: stores hold
    /// it, too.
    pub fn write(&self, files: &Files, key: Option<&Key>, log: &Log) -> Result<()> {
        let mut all = Vec::new();
        // The key first: whoever sees the certificate can use it.
        if let Some(key) = &self.key {
            all.push((files.names.key_of(&files.base), Content::Secret(key.clone())));
        }
        if let Some(csr) = &self.csr {
            all.push((files.path(".csr"), Content::Public(csr.as_bytes().to_vec())));
        }
        if let Some(cert) = &self.cert {
            all.push((files.path(files.names.certificate()), Content::Public(cert.as_bytes().to_vec())));
            if files.wants_path() {
                all.extend(files.above(Certificate::from_pem(cert.as_bytes(), "the certificate")?, key)?);
            }
        }
        // A crash may cost what can be issued again, never the key of a CA or one whose CSR is on its way to another CA.
        let bring = match &self.cert {
            Some(cert) if !Certificate::from_pem(cert.as_bytes(), "the certificate")?.is_ca() => place,
            _ => persist,
        };
        files.put(&all, bring, log)
    }
}

impl KeyForm {
    /// Refuses a structure that keys of this kind do not have.
    pub fn check(&self, kind: KeyKind) -> Result<()> {
        let fits = match self.format {
            None | Some(KeyFormat::Pkcs8) => true,
            Some(KeyFormat::Pkcs1) => matches!(kind, KeyKind::Rsa(_)),
            Some(KeyFormat::Sec1) => matches!(kind, KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521),
        };
        if fits {
            return Ok(());
        }
        Err(Error::usage(format!("a key of kind {kind} cannot be written in this format"))
            .hint("pkcs1 is for RSA, sec1 for ECDSA; pkcs8 is for all"))
    }

    fn write(&self, key: &Key) -> Result<Secret> {
        self.check(key.kind())?;
        match (&self.password, self.format) {
            (Some(password), _) => encrypted::encrypt(key, password),
            (None, Some(KeyFormat::Pkcs8)) => Ok(key.to_pkcs8_pem()),
            (None, _) => Ok(key.to_pem()),
        }
    }
}

impl Names {
    /// The files of a certificate, a CSR and a key.
    pub fn all(self, base: &Path) -> [PathBuf; 3] {
        [self.key_of(base), with_suffix(base, ".csr"), with_suffix(base, self.certificate())]
    }

    /// The file of a key.
    pub fn key_of(self, base: &Path) -> PathBuf {
        with_suffix(base, self.key())
    }

    fn certificate(self) -> &'static str {
        match self {
            Names::Pem => ".pem",
            Names::Crt => ".crt",
        }
    }
    fn key(self) -> &'static str {
        match self {
            Names::Pem => "-key.pem",
            Names::Crt => ".key",
        }
    }
}

enum Content {
    Secret(Secret),
    Public(Vec<u8>),
}

impl Files {
    fn path(&self, suffix: &str) -> PathBuf {
        with_suffix(&self.base, suffix)
    }

    /// Whether the CAs above the certificate are asked for.
    fn wants_path(&self) -> bool {
        self.chain || self.key_store.is_some() || self.trust_store.is_some()
    }

    /// Chain and stores.
    fn above(&self, leaf: Certificate, key: Option<&Key>) -> Result<Vec<(PathBuf, Content)>> {
        let path = path(leaf, &self.authorities)?;
        let alias = self.base.file_name().unwrap_or_default().to_string_lossy();
        let mut all = Vec::new();
        if self.chain {
            let text: String =
                path.iter().filter(|c| path[0] == **c || !c.is_self_signed()).map(Certificate::to_pem).collect();
            let name = format!("-chain{}", self.names.certificate());
            all.push((self.path(&name), Content::Public(text.into_bytes())));
        }
        if let (Some(password), Some(key)) = (&self.key_store, key) {
            all.push((self.path(".p12"), Content::Secret(pkcs12::key_store(&alias, key, &path, password)?)));
        }
        if let (Some(password), Some(top)) = (&self.trust_store, path.last()) {
            let bytes = pkcs12::trust_store(&alias, std::slice::from_ref(top), password)?;
            all.push((self.path("-truststore.p12"), Content::Public(bytes.expose().to_vec())));
        }
        Ok(all)
    }

    fn put(&self, all: &[(PathBuf, Content)], bring: fn(Vec<Pending>) -> Result<()>, log: &Log) -> Result<()> {
        let pending = |(path, content): &(PathBuf, Content)| match content {
            Content::Secret(secret) => Pending::key(path, secret),
            Content::Public(bytes) => Pending::public(path, bytes),
        };
        // Two calls at once would each leave the half of a pair.
        let _lock = lock::folder(&folder_of(&self.base), |text| log.info(text))?;
        let [key, _, certificate] = self.names.all(&self.base);
        let writes = |path: &PathBuf| all.iter().any(|(written, _)| written == path);
        if writes(&key) && writes(&certificate) {
            pair(&certificate, &key)?;
        }
        let places = all.iter().map(|(path, _)| followed(path)).collect::<Result<Vec<_>>>()?;
        let keys = all.iter().zip(&places).filter(|((_, content), _)| matches!(content, Content::Secret(_)));
        for ((path, _), place) in keys.filter(|_| !self.backup) {
            ca_key::spare(path)?;
            if place != path {
                ca_key::spare(place)?;
            }
        }
        let files = all.iter().map(pending).collect::<Result<Vec<_>>>()?;
        let old = all.iter().zip(&places).filter(|_| self.backup);
        let old: Vec<_> =
            old.map(|((_, content), place)| (place.as_path(), matches!(content, Content::Secret(_)))).collect();
        for ((place, _), kept) in old.iter().zip(backup::keep_all(&old)?) {
            if let Some(kept) = kept {
                log.info(&format!("kept {} as {}", place.display(), kept.display()));
            }
        }
        bring(files)?;
        for (path, _) in all {
            log.info(&format!("wrote {}", path.display()));
        }
        Ok(())
    }
}

/// The certificate and what is above it, as far as it is at hand.
fn path(leaf: Certificate, authorities: &[Certificate]) -> Result<Vec<Certificate>> {
    let mut path = vec![leaf];
    // Each CA at most once: cross-signed ones do not go in circles.
    while path.len() <= authorities.len() {
        let current = &path[path.len() - 1];
        if current.is_self_signed() {
            break;
        }
        let signs = |ca: &&Certificate| {
            ca.subject() == current.issuer()
                && !path.contains(ca)
                && ca.public_key().is_ok_and(|key| current.signed_by(key).is_ok())
        };
        let Some(next) = authorities.iter().find(signs) else { break };
        path.push(next.clone());
    }
    Ok(path)
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
    if base.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Error::input(format!("{} is a folder: write a name for the files after it", base.display())));
    }
    let folder = base.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if folder.exists() && !folder.is_dir() => {
            Err(Error::input(format!("{} is no folder", folder.display())).hint("write another --out"))
        }
        Some(folder) if !folder.is_dir() => {
            Err(Error::input(format!("there is no folder {}", folder.display())).hint("make it first"))
        }
        _ if base.file_name().is_none() => Err(Error::usage(format!("{} is no base name of files", base.display()))),
        _ => Ok(()),
    }
}
