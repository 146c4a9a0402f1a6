//! The flags of `gencert`, `genkey` and `sign` that say which files are written and in which form.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::cfssl::answers::log::Log;
use crate::cfssl::answers::output::{Files, KeyForm, KeyFormat, Names, Output, check_base};
use crate::cfssl::ca_key;
use crate::cfssl::source;
use crate::cli::Ctx;
use crate::cli::certs::authorities;
use crate::cli::password;
use crate::error::{Error, Result};
use crate::files;
use crate::pki::{Certificate, Key, KeyKind, Passwords, pkcs12};
use crate::secret::{Secret, quoted};

const KEY_VARIABLE: &str = "KBOOTSTRAP_KEY_PASSWORD";
const STORE_VARIABLE: &str = "KBOOTSTRAP_STORE_PASSWORD";
/// The second one is cfssl's own.
const CA_KEY_VARIABLES: [&str; 2] = ["KBOOTSTRAP_CA_KEY_PASSWORD", "CFSSL_CA_PK_PASSWORD"];

/// What a store of certificates has that hides nothing: Java's own.
const TRUST_STORE_PASSWORD: &[u8] = b"changeit";

/// Files of certificates.
#[derive(Debug, Clone, clap::Args)]
pub struct OutputArgs {
    /// Write PATH.pem, PATH-key.pem and PATH.csr (as far as they are made) in place of JSON on standard output
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// How files are called: pem (PATH.pem, PATH-key.pem) or crt (PATH.crt, PATH.key)
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "STYLE", requires = "out")]
    names: Names,
    /// Keep what is replaced, as FILE.1, FILE.2 …
    #[arg(long, requires = "out")]
    backup: bool,
    /// Write PATH-chain.pem too: the certificate with the intermediate CAs above it
    #[arg(long, requires = "out")]
    chain: bool,
    /// CAs above the CA, for chains and stores
    #[arg(long, value_name = "FILE")]
    intermediates: Vec<PathBuf>,
    /// Write PATH-truststore.p12 too: the topmost CA, as Java trusts it
    #[arg(long, requires = "out")]
    truststore: bool,
    /// File with the password of the stores; else KBOOTSTRAP_STORE_PASSWORD, else it is asked for (a truststore's is
    /// then `changeit`)
    #[arg(long, value_name = "FILE")]
    store_password_file: Option<PathBuf>,
}

/// Files of private keys.
#[derive(Debug, Clone, clap::Args)]
pub struct KeyOutputArgs {
    /// pkcs1 (RSA), sec1 (ECDSA) or pkcs8; else RSA is PKCS#1, ECDSA SEC1 and Ed25519 PKCS#8
    #[arg(long, value_enum, hide_possible_values = true, value_name = "FORMAT")]
    key_format: Option<KeyFormat>,
    /// Encrypt the key: PKCS#8, AES-256, with the password of --key-password-file, else KBOOTSTRAP_KEY_PASSWORD, else
    /// it is asked for
    #[arg(long)]
    encrypt_key: bool,
    /// File with the password of the new key, which is encrypted then
    #[arg(long, value_name = "FILE")]
    key_password_file: Option<PathBuf>,
    /// Write PATH.p12 too: key and chain, for Java, browsers and Windows
    #[arg(long, requires = "out")]
    pkcs12: bool,
}

/// The password of an encrypted CA key.
#[derive(Debug, Clone, clap::Args)]
pub struct CaPasswordArgs {
    /// File with the password of the CA key; else KBOOTSTRAP_CA_KEY_PASSWORD or CFSSL_CA_PK_PASSWORD, else it is asked
    /// for
    #[arg(long, value_name = "FILE")]
    ca_key_password_file: Option<PathBuf>,
}

impl Passwords for CaPasswordArgs {
    fn ways(&self) -> Option<String> {
        Some(password::ways("--ca-key-password-file", &CA_KEY_VARIABLES))
    }
    fn of(&self, file: &str) -> Result<Option<Secret>> {
        password::find(self.ca_key_password_file.as_deref(), &CA_KEY_VARIABLES, &format!("password of {file}"))
    }
}

/// The password of an encrypted key that a CSR is made for.
#[derive(Debug, Clone, clap::Args)]
pub struct KeyPasswordArgs {
    /// File with the password of the key; else KBOOTSTRAP_KEY_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE")]
    key_password_file: Option<PathBuf>,
}

impl Passwords for KeyPasswordArgs {
    fn ways(&self) -> Option<String> {
        Some(password::ways("--key-password-file", &[KEY_VARIABLE]))
    }
    fn of(&self, file: &str) -> Result<Option<Secret>> {
        password::find(self.key_password_file.as_deref(), &[KEY_VARIABLE], &format!("password of {file}"))
    }
}

/// All decisions made and all passwords known: what is left is the work.
#[derive(Debug)]
pub struct Target {
    files: Option<Files>,
    form: KeyForm,
}

/// Refuses to write over what is read by the same command.
fn spare_read<'a>(files: &[PathBuf], read: impl Iterator<Item = &'a OsString>) -> Result<()> {
    let read: Vec<PathBuf> = read.filter_map(|argument| std::fs::canonicalize(source::path(argument)).ok()).collect();
    let over = |path: &&PathBuf| std::fs::canonicalize(path).is_ok_and(|path| read.contains(&path));
    match files.iter().find(over) {
        None => Ok(()),
        Some(path) => Err(Error::usage(format!("--out would write over {}, which is read here", path.display()))
            .hint("choose another --out")),
    }
}

/// Refuses to write what is no key over what is read by the same command, or over any private key.
pub(in crate::cli) fn spare<'a>(out: Option<&PathBuf>, read: impl Iterator<Item = &'a OsString>) -> Result<()> {
    let Some(out) = out else { return Ok(()) };
    spare_read(std::slice::from_ref(out), read)?;
    let there = Some(out).filter(|path| path.is_file()).and_then(|path| files::read(path).ok());
    let is_key = there.is_some_and(|bytes| quoted::is_in(&String::from_utf8_lossy(&bytes)));
    match is_key {
        false => Ok(()),
        true => Err(Error::usage(format!("--out would write over {}, which is a private key", out.display()))
            .hint("choose another --out")),
    }
}

impl OutputArgs {
    /// Refuses what cannot be written to, before anything is read.
    pub fn check(&self) -> Result<()> {
        check_base(self.out.as_deref())
    }

    /// Refuses to write over what is read: the CA, its key, the configuration.
    pub fn spare(&self, read: [Option<&OsString>; 3]) -> Result<()> {
        let Some(base) = &self.out else { return Ok(()) };
        spare_read(&self.names.all(base), read.iter().flatten().copied())
    }

    /// Refuses to put a new CA in the place of one that is there, unless that is kept.
    pub fn spare_ca_key(&self) -> Result<()> {
        let Some(base) = self.out.as_ref().filter(|_| !self.backup) else { return Ok(()) };
        let key = self.names.key_of(base);
        if !key.exists() {
            return Ok(());
        }
        Err(ca_key::refused(&key))
    }

    /// Looks at everything that could fail, and asks for passwords, before a key is made. `ca` is the signing CA's
    /// argument, `key` what a key is to be, `has_certificate` whether there will be one.
    pub fn target(
        &self,
        keys: Option<(&KeyOutputArgs, KeyKind)>,
        ca: Option<&OsStr>,
        has_certificate: bool,
    ) -> Result<Target> {
        let key_args = keys.map(|(args, _)| args);
        let wants_store = key_args.is_some_and(|args| args.pkcs12);
        if !has_certificate && (self.chain || self.truststore || wants_store) {
            return Err(Error::usage("--chain, --pkcs12 and --truststore are for certificates, and none is made here")
                .hint("genkey makes one with -initca only"));
        }
        let form = key_args.map_or_else(|| Ok(KeyForm::default()), KeyOutputArgs::form)?;
        if let Some((_, kind)) = keys {
            form.check(kind)?;
        }
        let Some(base) = &self.out else { return Ok(Target { files: None, form }) };
        let file = self.store_password_file.as_deref();
        let key_store = match wants_store {
            true => Some(password::choose(
                file,
                &[STORE_VARIABLE],
                "a password for the PKCS#12 store",
                "--store-password-file",
            )?),
            false => None,
        };
        let trust_store = match (self.truststore, &key_store) {
            (false, _) => None,
            (true, Some(password)) => Some(password.clone()),
            (true, None) if file.is_none() && std::env::var_os(STORE_VARIABLE).is_none() => {
                Some(Secret::new(TRUST_STORE_PASSWORD))
            }
            (true, None) => password::find(file, &[STORE_VARIABLE], "")?,
        };
        key_store.iter().chain(&trust_store).try_for_each(pkcs12::check_password)?;
        let files = Files {
            base: base.clone(),
            names: self.names,
            backup: self.backup,
            chain: self.chain,
            authorities: if self.chain || self.truststore || wants_store { self.authorities(ca)? } else { Vec::new() },
            key_store,
            trust_store,
        };
        Ok(Target { files: Some(files), form })
    }

    /// A CA and those above it that are named.
    pub fn above(&self, ca: &Certificate) -> Result<Vec<Certificate>> {
        Ok(std::iter::once(ca.clone()).chain(self.intermediates()?).collect())
    }

    fn authorities(&self, ca: Option<&OsStr>) -> Result<Vec<Certificate>> {
        let mut all = Vec::new();
        if let Some(ca) = ca {
            let (text, name) = source::read_ca(ca)?;
            all.extend(Certificate::read_all(&text, &name)?);
        }
        all.extend(self.intermediates()?);
        Ok(all)
    }

    /// Those of `--intermediates`. One that is no CA would be left out of every chain without a word.
    fn intermediates(&self) -> Result<Vec<Certificate>> {
        for file in &self.intermediates {
            let all = authorities(std::slice::from_ref(file))?;
            if let Some(other) = all.iter().find(|certificate| !certificate.is_ca()) {
                let text = format!("{}: `{}` in it is no CA", file.display(), other.subject());
                return Err(Error::pki(text).hint("--intermediates is for the CAs above the one that signs"));
            }
        }
        authorities(&self.intermediates)
    }
}

impl KeyOutputArgs {
    fn form(&self) -> Result<KeyForm> {
        let encrypts = self.encrypt_key || self.key_password_file.is_some();
        if encrypts && self.key_format.is_some_and(|format| format != KeyFormat::Pkcs8) {
            return Err(Error::usage("an encrypted key is PKCS#8: --key-format pkcs1 and sec1 do not go with it"));
        }
        let file = self.key_password_file.as_deref();
        let password = match encrypts {
            true => {
                Some(password::choose(file, &[KEY_VARIABLE], "a password for the private key", "--key-password-file")?)
            }
            false => None,
        };
        Ok(KeyForm { format: self.key_format, password })
    }
}

impl Target {
    /// Writes the files, or prints the JSON where there are to be none.
    pub fn put(&self, output: Output, ctx: &Ctx, log: &Log) -> Result<()> {
        let stores = self.files.as_ref().is_some_and(|files| files.key_store.is_some());
        let key = match &output.key {
            Some(pem) if stores => Some(Key::from_pem(pem.expose(), "the key")?),
            None if stores => {
                return Err(Error::usage("--pkcs12 holds the key, and no key is made here")
                    .hint("openssl pkcs12 -export makes a store of files that are there"));
            }
            _ => None,
        };
        let output = output.in_form(&self.form)?;
        match &self.files {
            None => output.print(&ctx.out),
            Some(files) => output.write(files, key.as_ref(), log),
        }
    }
}
